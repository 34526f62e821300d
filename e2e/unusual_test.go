package e2e_test

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
)

// TestUnusualModulesAreServed imports modules that do to their process what a
// module should not, and some do: they are served, and stop when they are told
// to. With the last three a template finds no child to wait for, has no stream
// to flush, and is kept alive by a thread when it has failed.
func TestUnusualModulesAreServed(t *testing.T) {
	for _, does := range []string{
		"nothing", "ignore_stops", "thread_without_end", "closed_standard_descriptors", "few_descriptors", "noisy",
		"ignore_children", "no_standard_streams", "ignore_children thread_without_end",
	} {
		for _, preload := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, preload %v", does, preload), func(t *testing.T) {
				t.Parallel()
				serveUnusual(t, does, preload)
			})
		}
	}
}

func serveUnusual(t *testing.T, does string, preload bool) {
	t.Helper()
	server := serve(t, site{
		file: filepath.Join("testdata", "unusual", "unusual.ini"), python: systemPython(t),
		vars: []string{"e2e_preload=" + strconv.FormatBool(preload)}, env: []string{"E2E_DOES=" + does},
	})
	client := newClient(t)
	for range 4 {
		if page := get(t, client, server.URL+"/"); page.String() != "served all the same\n" {
			t.Errorf("%q", page)
		}
	}
	server.Stop()
}
