package pool

import (
	"fmt"

	"pasted/internal/wire"
)

// takeShared hands on what lies in l's ring: what f tells of, and what the worker
// has put behind it since. It says whether the next frame may come.
func (l *lane) takeShared(r *Request, f wire.Frame) bool {
	if l.ring == nil {
		l.end(fmt.Errorf("bytes in memory that it does not share: %w", ErrProtocol))
		return false
	}
	begin, end, ok := wire.SharedPart(f.Payload)
	last := f.Flags&wire.FlagEnd != 0
	p, there := l.ring.Stretch(begin, end)
	if !ok || !there {
		l.end(fmt.Errorf("bytes from %d to %d of its ring: %w", begin, end, ErrProtocol))
		return false
	}
	for {
		if len(p) > 0 && !r.data(p, last, l.loop) {
			l.kept = f
			l.pool.holdBack(l, true)
			return false
		}
		l.ring.Free(end)
		if last {
			l.finish(f, nil)
			return true
		}
		if end = l.ring.More(begin); end == 0 {
			return true
		}
		if l.left -= max(len(p), frameBytes); l.left <= 0 {
			l.kept, l.posted = f, true
			l.loop.Post(l.again)
			return false
		}
		p, _ = l.ring.Stretch(begin, end)
	}
}
