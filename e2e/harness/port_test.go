package harness_test

import (
	"fmt"
	"net"
	"os/exec"
	"sync"
	"testing"

	"pasted/e2e/harness"
)

// Parallel tests start servers while others look for a port.
func TestPortIsFreeWhileProcessesAreStarted(t *testing.T) {
	start := func() {
		if err := exec.Command("true").Run(); err != nil {
			t.Error(err)
		}
	}
	start() // Go's first one is preceded by another, as a trial of what the kernel can
	stop := make(chan struct{})
	var starting sync.WaitGroup
	for range 4 {
		starting.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					start()
				}
			}
		})
	}
	for range 2000 {
		port := harness.Port(t)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Error(err)
			continue
		}
		l.Close()
	}
	close(stop)
	starting.Wait()
}
