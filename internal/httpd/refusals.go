package httpd

import (
	"log/slog"
	"net"
	"pasted/internal/forwarding"
	"sync"
	"time"
)

// mostRefusals is how many refusals are logged in a second. Anybody can cause
// them.
const mostRefusals = 10

// refusals logs what is refused, and leaves out what is too much.
type refusals struct {
	log *slog.Logger

	mu      sync.Mutex
	since   time.Time // of this second
	logged  int       // in this second
	dropped int       // since the last one logged
}

// note logs a refusal: its status, or 0 if the client gets none.
func (f *refusals) note(code int, reason string, client net.Addr) {
	dropped, ok := f.take()
	if !ok {
		return
	}
	attrs := []any{"reason", reason}
	if code != 0 {
		attrs = append(attrs, "status", code)
	}
	if client != nil && client.String() != "" {
		attrs = append(attrs, "client", client.String())
	}
	if dropped > 0 {
		attrs = append(attrs, "unlogged", dropped)
	}
	f.log.Info("request refused", attrs...)
}

// noteCleared logs that fields have been taken off a request.
func (f *refusals) noteCleared(fields forwarding.Fields, client string) {
	if dropped, ok := f.take(); ok {
		f.log.Warn("untrusted fields of a proxy taken off", "fields", fields.String(), "client", client, "unlogged", dropped)
	}
}

// take says whether one more may be logged now, and how many were not before.
func (f *refusals) take() (dropped int, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.since) >= time.Second {
		f.since, f.logged = now, 0
	}
	if f.logged >= mostRefusals {
		f.dropped++
		return 0, false
	}
	f.logged++
	dropped, f.dropped = f.dropped, 0
	return dropped, true
}
