package release

import (
	"fmt"
	"runtime"
	"sync"

	"pasted/internal/h1"
)

// coresPerLoop is how many processors share one event loop: what a loop does
// for a request is a tenth of what Python does.
const coresPerLoop = 4

// startLoops returns as many running event loops as this machine wants, and the
// function that ends them, which waits.
func startLoops() (loops []*h1.Loop, end func(), err error) {
	var running sync.WaitGroup
	end = func() {
		for _, l := range loops {
			l.Close()
		}
		running.Wait()
	}
	for range 1 + (runtime.GOMAXPROCS(0)-1)/coresPerLoop {
		l, err := h1.NewLoop()
		if err != nil {
			end()
			return nil, nil, fmt.Errorf("event loop: %w", err)
		}
		loops = append(loops, l)
		running.Go(l.Run)
	}
	return loops, end, nil
}
