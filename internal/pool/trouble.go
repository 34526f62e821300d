package pool

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pasted/internal/worker"
)

// A worker that has answered so many requests was of use, and what comes after
// it may start at once, however short its life was.
const usefulAnswers = 20

// A trouble is a row of workers that do not start: it is told of once, when it
// begins and whenever the reason changes, and once when it is over. Meanwhile
// one worker at a time is tried. It is the supervisor's own.
type trouble struct {
	backOff worker.BackOff
	tries   int
	since   time.Time
	until   time.Time // no worker is started before
	reason  string
}

// is says whether the last worker did not start.
func (t *trouble) is() bool { return t.tries > 0 }

// failed takes in that a worker did not start, and tells why if that is news.
func (t *trouble) failed(p *Pool, now time.Time, id, serving int, err error) {
	if t.tries++; t.tries == 1 {
		t.since = now
	}
	t.until = now.Add(t.backOff.Pause(0, p.random))
	reason, facts := whatIsWrong(err, serving)
	if reason == t.reason {
		return
	}
	t.reason = reason
	p.opts.Log.Error("workers do not start; it is tried again and again, and told when it works",
		append([]any{"worker", id, "serving", serving, "err", err}, facts...)...)
}

// whatIsWrong returns what tells err from others, and what is to be logged beside
// it.
func whatIsWrong(err error, serving int) (reason string, facts []any) {
	reason = err.Error()
	var died *worker.DiedError
	if errors.As(err, &died) {
		reason = died.Exit.String() // its number is another each time
	}
	var load *worker.LoadError
	if errors.As(err, &load) {
		if hint := load.LockHint(serving > 0); hint != "" {
			facts = append(facts, "hint", hint)
		}
		if load.Traceback != "" {
			reason += load.Traceback
			facts = append(facts, "traceback", load.Traceback)
		}
	}
	return reason, facts
}

// over takes in that a worker has started.
func (t *trouble) over(log *slog.Logger, now time.Time) {
	if t.is() {
		log.Info("workers start again", "tries", t.tries, "elapsed", now.Sub(t.since).Round(time.Millisecond))
	}
	*t = trouble{}
}

// A relapse is a row of one slot's workers that exit quickly. It is the
// supervisor's own.
type relapse struct {
	backOff worker.BackOff
	since   time.Time
	until   time.Time // no worker is started before
	reason  string
}

// exited takes in a worker's end that nobody has asked for, and tells of it
// unless it is as the one before it in a row that has been told of.
func (r *relapse) exited(p *Pool, now time.Time, m *member, answers uint64) {
	lived := now.Sub(m.began)
	if answers >= usefulAnswers {
		*r = relapse{}
	} else {
		pause := r.backOff.Pause(lived, p.random)
		if r.backOff.Exits == 1 {
			r.since = now
		}
		r.until = now.Add(pause)
		if r.backOff.Exits == 0 {
			r.reason = ""
		}
	}
	exit := m.worker.Exit().String()
	backing := r.until.After(now)
	if backing && r.reason == exit {
		return
	}
	p.opts.Log.Warn("worker exited", "worker", m.id, "pid", m.worker.PID(), "exit", exit, "elapsed", lived.Round(time.Millisecond))
	if backing {
		r.reason = exit
		p.opts.Log.Warn("worker exits quickly, backing off; told again when it lives", "worker", m.id,
			"exits", r.backOff.Exits, "pause", fmt.Sprint(r.until.Sub(now).Round(time.Millisecond)))
	}
}

// settle ends r when a worker has lived for long enough since began.
func (r *relapse) settle(log *slog.Logger, now time.Time, m *member) {
	if r.backOff.Exits == 0 || now.Sub(m.began) < worker.QuickExit {
		return
	}
	if r.reason != "" {
		log.Info("worker lives again", "worker", m.id, "pid", m.worker.PID(),
			"exits", r.backOff.Exits, "elapsed", now.Sub(r.since).Round(time.Millisecond))
	}
	*r = relapse{}
}
