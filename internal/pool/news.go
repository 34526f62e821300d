package pool

import (
	"context"
	"log/slog"
)

// news is a line of the log that is known while mu is held.
type news struct {
	level slog.Level
	text  string
	args  []any
}

// noteLocked has tell, which is called next, log a line.
func (p *Pool) noteLocked(level slog.Level, text string, args ...any) {
	p.news = append(p.news, news{level, text, args})
}

// tell logs what has been noted.
func (p *Pool) tell() {
	p.mu.Lock()
	list := p.news
	p.news = nil
	p.mu.Unlock()
	for _, n := range list {
		p.opts.Log.Log(context.Background(), n.level, n.text, n.args...)
	}
}
