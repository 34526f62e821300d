package e2e_test

import (
	"fmt"
	"testing"
)

// TestUnusualModulesAreServedToo are those of TestUnusualModulesAreServed that
// need something of the Python side: a template that finds no child to wait
// for, and one that has no stream to flush. In the last, a thread keeps alive a
// template that has failed.
func TestUnusualModulesAreServedToo(t *testing.T) {
	for _, does := range []string{"ignore_children", "no_standard_streams", "ignore_children thread_without_end"} {
		for _, preload := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, preload %v", does, preload), func(t *testing.T) {
				t.Parallel()
				serveUnusual(t, does, preload)
			})
		}
	}
}
