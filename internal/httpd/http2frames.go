package httpd

import (
	"bufio"
	"encoding/binary"
	"io"
	"slices"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameHead is how many bytes of a frame come before what is in it.
const frameHead = 9

func frameSize(head []byte) int { return int(head[0])<<16 | int(head[1])<<8 | int(head[2]) }

// outFrames follows frames through the stream of bytes that they are written
// in. The zero value is at the beginning.
type outFrames struct {
	head  [frameHead + 8]byte // of a frame, and eight bytes of what is in it
	have  int                 // of head
	left  int                 // bytes of the frame after its head
	begun bool                // a frame has passed
	data  int64               // bytes of answers' bodies that have passed
}

// between says whether the last frame is whole.
func (f *outFrames) between() bool { return f.have == 0 }

// pass looks at p, and calls ended for each RST_STREAM and GOAWAY.
func (f *outFrames) pass(p []byte, ended func(http2.FrameType, http2.ErrCode)) {
	for len(p) > 0 {
		n := 0
		if f.have < frameHead {
			n = copy(f.head[f.have:frameHead], p)
			f.have += n
			f.left = frameSize(f.head[:])
		} else {
			n = min(len(p), f.left)
			f.have += copy(f.head[f.have:], p[:n])
			f.left -= n
			if http2.FrameType(f.head[3]) == http2.FrameData {
				f.data += int64(n)
			}
		}
		p = p[n:]
		if f.have < frameHead || f.left > 0 {
			continue
		}
		switch kind := http2.FrameType(f.head[3]); kind {
		case http2.FrameRSTStream:
			ended(kind, http2.ErrCode(binary.BigEndian.Uint32(f.head[frameHead:])))
		case http2.FrameGoAway:
			ended(kind, http2.ErrCode(binary.BigEndian.Uint32(f.head[frameHead+4:])))
		}
		f.have, f.begun = 0, true
	}
}

// inFrames reads what a client sends, and changes what the library would not
// take as RFC 9113 has it:
//
//   - A request with a field about the connection, or a TE field that is more
//     than "trailers", is malformed (8.2.2), but the library answers it by
//     itself, and nobody hears of it. Such a head gets one more field, for which
//     the library resets the stream.
//   - A parameter may come twice in a SETTINGS frame, and the last one holds
//     (6.5.3), but the library ends the connection. The first ones are left out.
type inFrames struct {
	r         *bufio.Reader
	left      int    // bytes that are passed on as they are
	ready     []byte // a frame that has been looked at, as far as it is not read
	memory    []byte // of ready
	fields    *hpack.Decoder
	lost      bool // what fields has read is not what the client means
	malformed bool // the head that is read
}

// newInFrames reads from r, from the preface on. No text in a head is longer
// than longest.
func newInFrames(r io.Reader, longest int) *inFrames {
	f := &inFrames{r: bufio.NewReader(r), left: len(http2.ClientPreface)}
	f.fields = hpack.NewDecoder(fieldTable, func(field hpack.HeaderField) {
		f.malformed = f.malformed || aboutConnection(field)
	})
	f.fields.SetMaxStringLength(longest)
	return f
}

// aboutConnection says whether no message has such a field (RFC 9113, 8.2.2).
func aboutConnection(field hpack.HeaderField) bool {
	switch field.Name {
	case "connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade":
		return true
	case "te":
		return field.Value != "trailers"
	}
	return false
}

// Read implements io.Reader.
func (f *inFrames) Read(p []byte) (int, error) {
	if len(f.ready) == 0 && f.left == 0 {
		if err := f.next(); err != nil {
			return 0, err
		}
	}
	if len(f.ready) > 0 {
		n := copy(p, f.ready)
		f.ready = f.ready[n:]
		return n, nil
	}
	n, err := f.r.Read(p[:min(len(p), f.left)])
	f.left -= n
	return n, err
}

// keptFrame is the most memory for frames that is kept from one to the next.
const keptFrame = 4 << 10

// next reads a frame that is to be looked at, or the head of another.
func (f *inFrames) next() error {
	if cap(f.memory) > keptFrame {
		f.memory = nil
	}
	f.memory = slices.Grow(f.memory[:0], frameHead)[:frameHead]
	if _, err := io.ReadFull(f.r, f.memory); err != nil {
		return err
	}
	size := frameSize(f.memory)
	kind := http2.FrameType(f.memory[3])
	looked := kind == http2.FrameHeaders || kind == http2.FrameContinuation || kind == http2.FrameSettings
	if !looked || size > readFrame { // that is too long, and refused
		f.ready, f.left = f.memory, size
		return nil
	}
	f.memory = slices.Grow(f.memory, size+len(malformedField))[:frameHead+size]
	if _, err := io.ReadFull(f.r, f.memory[frameHead:]); err != nil {
		return err
	}
	if kind == http2.FrameSettings {
		f.settings()
	} else {
		f.fieldBlock(kind == http2.FrameHeaders, http2.Flags(f.memory[4]))
	}
	size = len(f.memory) - frameHead
	f.memory[0], f.memory[1], f.memory[2] = byte(size>>16), byte(size>>8), byte(size)
	f.ready = f.memory
	return nil
}

// malformedField is a field with a capital letter in its name, in a form that
// changes nothing for the fields after it (RFC 7541, 6.2.2).
const malformedField = "\x00\x01X\x00"

// fieldBlock reads a frame's part of a head. What is not laid out as it should
// be is the library's to refuse.
func (f *inFrames) fieldBlock(first bool, flags http2.Flags) {
	part := f.memory[frameHead:]
	start, end := 0, len(part)
	if first && flags.Has(http2.FlagHeadersPadded) && end > 0 {
		start, end = 1, end-int(part[0])
	}
	if first && flags.Has(http2.FlagHeadersPriority) {
		start += 5
	}
	if f.lost || start > end {
		f.lost = true
		return
	}
	if _, err := f.fields.Write(part[start:end]); err != nil {
		f.lost = true
		return
	}
	if !flags.Has(http2.FlagHeadersEndHeaders) {
		return
	}
	f.lost = f.fields.Close() != nil
	if f.malformed && len(part)+len(malformedField) <= readFrame {
		f.memory = slices.Insert(f.memory, frameHead+end, []byte(malformedField)...)
	}
	f.malformed = false
}

// settingSize is how many bytes a parameter has in a SETTINGS frame.
const settingSize = 6

// settings leaves out the parameters that a later one of the same frame
// replaces. Wrong ones stay, as the library has to refuse them, and so do table
// sizes, of which each one counts (RFC 7541, 4.2).
func (f *inFrames) settings() {
	part := f.memory[frameHead:]
	if len(part)%settingSize != 0 || len(part) > mostSettings*settingSize {
		return
	}
	kept := f.memory[:frameHead]
	for ; len(part) > 0; part = part[settingSize:] {
		s := http2.Setting{
			ID:  http2.SettingID(binary.BigEndian.Uint16(part)),
			Val: binary.BigEndian.Uint32(part[2:]),
		}
		if s.ID == http2.SettingHeaderTableSize || s.Valid() != nil || !hasSetting(part[settingSize:], s.ID) {
			kept = append(kept, part[:settingSize]...)
		}
	}
	f.memory = kept
}

// mostSettings is how many parameters the library takes in a frame.
const mostSettings = 100

func hasSetting(part []byte, id http2.SettingID) bool {
	for ; len(part) > 0; part = part[settingSize:] {
		if http2.SettingID(binary.BigEndian.Uint16(part)) == id {
			return true
		}
	}
	return false
}
