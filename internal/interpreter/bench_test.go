package interpreter_test

import (
	"context"
	"fmt"
	"testing"

	"pasted/internal/interpreter"
)

// BenchmarkInspect asks a Python with 150 distributions, each with 30 kB of
// metadata and a third with entry points.
func BenchmarkInspect(b *testing.B) {
	python := anyPython(b)
	dir := b.TempDir()
	for n := range 150 {
		info := fmt.Sprintf("dist_%d-1.%d.dist-info/", n, n)
		files := map[string]string{info + "METADATA": fmt.Sprintf("Name: dist-%d\nVersion: 1.%d\n\n%030000d", n, n, 0)}
		switch n % 3 {
		case 0:
			files[info+"entry_points.txt"] = "[console_scripts]\nx = y:z\n"
		case 1:
			files[info+"entry_points.txt"] = "[paste.app_factory]\nmain = y:z\n"
		}
		write(b, dir, files)
	}
	for b.Loop() {
		i, err := interpreter.Inspect(context.Background(), python, interpreter.Options{Path: []string{dir}})
		if err != nil || len(i.Distributions()) < 150 {
			b.Fatal(err)
		}
	}
}
