package httpd

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

// outFrames follows frames through the stream of bytes that they are written
// in. The zero value is at the beginning.
type outFrames struct {
	head  [17]byte // of a frame, and eight bytes of what is in it
	have  int      // of head
	left  int      // bytes of the frame after its head of nine
	begun bool     // a frame has passed
	data  int64    // bytes of answers' bodies that have passed
}

// between says whether the last frame is whole.
func (f *outFrames) between() bool { return f.have == 0 }

// pass looks at p, and calls ended for each RST_STREAM and GOAWAY.
func (f *outFrames) pass(p []byte, ended func(http2.FrameType, http2.ErrCode)) {
	const head = 9
	for len(p) > 0 {
		n := 0
		if f.have < head {
			n = copy(f.head[f.have:head], p)
			f.have += n
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
		} else {
			n = min(len(p), f.left)
			f.have += copy(f.head[f.have:], p[:n])
			f.left -= n
			if http2.FrameType(f.head[3]) == http2.FrameData {
				f.data += int64(n)
			}
		}
		p = p[n:]
		if f.have < head || f.left > 0 {
			continue
		}
		switch kind := http2.FrameType(f.head[3]); kind {
		case http2.FrameRSTStream:
			ended(kind, http2.ErrCode(binary.BigEndian.Uint32(f.head[head:])))
		case http2.FrameGoAway:
			ended(kind, http2.ErrCode(binary.BigEndian.Uint32(f.head[head+4:])))
		}
		f.have, f.begun = 0, true
	}
}
