package pool

import (
	"fmt"

	"pasted/internal/board"
	"pasted/internal/wire"
)

// sharedBytes returns how many bytes a Shared frame tells of, 0 for any other.
func sharedBytes(f wire.Frame) int {
	if f.Kind != wire.Shared {
		return 0
	}
	begin, end, _ := wire.SharedPart(f.Payload)
	return int(min(end-begin, board.RingSize))
}

// takeShared hands on what lies in l's ring: what f tells of, and what the worker
// has put behind it since. It says whether the next frame may come.
func (l *lane) takeShared(r *Request, f wire.Frame) bool {
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
		p, _ = l.ring.Stretch(begin, end)
	}
}
