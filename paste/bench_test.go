package paste_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pasted/paste"
)

// largeFile has n applications behind a composite, in pipelines of two filters.
func largeFile(n int) string {
	var b strings.Builder
	b.WriteString("[DEFAULT]\nroot = /srv\n[composite:main]\nuse = egg:Fake\n")
	for i := range n {
		fmt.Fprintf(&b, "/%d = p%d\n", i, i)
	}
	b.WriteString("[filter:f]\nuse = egg:Fake\n[filter:g]\nuse = egg:Fake\nset x = y\n")
	for i := range n {
		fmt.Fprintf(&b, "[pipeline:p%d]\npipeline = f g a%d\n[app:a%d]\nuse = egg:Fake\ntitle = %d\ndir = %%(root)s/%d\nthreads = 4\n", i, i, i, i, i)
	}
	return b.String()
}

// BenchmarkResolvePipeline reads a file of that many applications, and resolves
// a pipeline of it.
func BenchmarkResolvePipeline(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := largeFile(n)
			opts := memory(map[string]string{"main.ini": text})
			opts.Assume = true
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			defer reportProcessor(b)()
			for b.Loop() {
				if _, err := paste.Resolve(paste.AppKind, "config:main.ini#p5", opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// reportProcessor has b say how much of the processors an operation takes, the
// collector's part included: what it would take on a machine that does nothing
// else.
func reportProcessor(b *testing.B) (done func()) {
	used := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

// BenchmarkResolveAll opens a file once, and resolves all its pipelines, as a
// composite that mounts them does.
func BenchmarkResolveAll(b *testing.B) {
	for _, n := range []int{10, 100, 1000, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text := largeFile(n)
			opts := memory(map[string]string{"main.ini": text})
			opts.Assume = true
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				resolveAll(b, opts)
			}
		})
	}
}

// BenchmarkResolveLargestOfTheWorld reads the largest file of the corpus, and
// resolves what is main in it.
func BenchmarkResolveLargestOfTheWorld(b *testing.B) {
	files, err := filepath.Glob(filepath.Join(corpus(b), "real", "*"))
	if err != nil {
		b.Fatal(err)
	}
	name, size := "", int64(0)
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil {
			b.Fatal(err)
		}
		if info.Size() > size {
			name, size = file, info.Size()
		}
	}
	b.SetBytes(size)
	defer reportProcessor(b)()
	for b.Loop() {
		if _, err := paste.Resolve(paste.AppKind, "config:"+name, paste.Options{Assume: true}); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
	}
}

func resolveAll(t testing.TB, opts paste.Options) {
	ctx, err := paste.Resolve(paste.AppKind, "config:main.ini", opts)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range ctx.LocalConf.All() {
		if _, err := ctx.Loader.Context(paste.AppKind, &name, ctx.GlobalConf); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCostGrowsWithTheFile counts allocations, which are the same on every
// machine: what is done for each pair of sections allocates, mostly.
func TestCostGrowsWithTheFile(t *testing.T) {
	cost := func(n int) float64 {
		opts := memory(map[string]string{"main.ini": largeFile(n)})
		opts.Assume = true
		return testing.AllocsPerRun(1, func() { resolveAll(t, opts) })
	}
	if small, large := cost(100), cost(1000); large > 12*small {
		t.Errorf("a file of 1000 applications takes %.0f allocations, one of 100 %.0f", large, small)
	}
}

// BenchmarkDecode decodes the options of a section.
func BenchmarkDecode(b *testing.B) {
	conf := paste.NewConf("title", "x", "timeout", "30s", "max_body", "64k", "threads", "4", "debug", "true")
	b.ReportAllocs()
	for b.Loop() {
		var o struct {
			Title   string        `paste:"title,required"`
			Timeout time.Duration `paste:"timeout,min=1s"`
			MaxBody paste.Size    `paste:"max_body"`
			Threads int           `paste:"threads,min=1,max=64"`
			Debug   bool          `paste:"debug"`
		}
		if err := paste.Decode(&o, nil, conf); err != nil {
			b.Fatal(err)
		}
	}
}
