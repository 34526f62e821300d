package httpd_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"pasted/internal/httpd"
)

// TestStopWaitsForASwapAndLeavesItsSockets has a stop find a swap under way, on
// sockets that are somebody else's.
func TestStopWaitsForASwapAndLeavesItsSockets(t *testing.T) {
	cfg := httpd.Config{KeepSockets: true, Listen: []httpd.Address{{Host: "127.0.0.1"}}}
	var sockets httpd.Sockets
	defer sockets.Close()
	listeners, err := sockets.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	e := httpd.NewEngine(t.Context(), cfg, runLoops(t, 2), named("first"), discard())
	ctx, stop := context.WithCancel(t.Context())
	stop()
	swapped := false
	err = e.Serve(ctx, t.Context(), listeners, func() {
		again, err := sockets.Listen(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Swap(cfg, named("second"), again); err != nil {
			t.Error(err)
		}
		swapped = true
	})
	if err != nil || !swapped {
		t.Errorf("Serve() = %v; it has waited for the swap: %v", err, swapped)
	}
	left, err := sockets.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer left[0].Close()
	go func() { _ = http.Serve(left[0], named("next")) }() // which ends with the listener
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for range 5 {
		answer, err := client.Get("http://" + left[0].Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if string(body) != "next" {
			t.Errorf("answered %q, want the next server's", body)
		}
	}
}
