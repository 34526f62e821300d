package pool

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"pasted/internal/wire"
)

// A mortal is a simWorker whose kills are counted.
type mortal struct {
	simWorker
	kills int
}

func (w *mortal) Kill() { w.kills++ }

// TestDoomedWorkerWhoseLastRequestIsRevokedIsKilled has a worker that is to be
// killed as soon as nothing is left in it but a request past its deadline.
func TestDoomedWorkerWhoseLastRequestIsRevokedIsKilled(t *testing.T) {
	for name, revoke := range map[string]func(l *lane, number uint64){
		"taken back": func(l *lane, _ uint64) { l.takeBack() },
		"skipped": func(l *lane, number uint64) {
			l.revoked = number
			l.skip(wire.Frame{Number: number})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, l, r, _ := lost(t)
			w := &mortal{simWorker: simWorker{done: make(chan struct{})}}
			m := l.member
			l.open, m.worker, m.doomed = true, w, true
			m.inflight, m.overdue = m.inflight+1, m.overdue+1 // on another lane
			revoke(l, r.number)
			if p.queue.length != 1 || w.kills != 1 {
				t.Errorf("%d requests wait and the worker was killed %d times, want 1 and once", p.queue.length, w.kills)
			}
		})
	}
}

func TestLogSaysWhetherADoomedWorkerIsReplaced(t *testing.T) {
	for closed, want := range map[bool]string{false: "replacing its worker", true: "killing its worker, which drains"} {
		var log bytes.Buffer
		p := New(Options{Size: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		p.doomLocked(&member{worker: new(simWorker), closed: closed})
		if !strings.Contains(log.String(), want) {
			t.Errorf("of a worker that drains (%v): %s, want %q", closed, log.String(), want)
		}
	}
}
