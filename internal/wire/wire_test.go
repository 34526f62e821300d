package wire_test

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/wire"
)

var frames = []wire.Frame{
	{Kind: wire.Request, Flags: wire.FlagBody, Aux: 3, Number: 1, Payload: []byte("environ")},
	{Kind: wire.End, Flags: wire.FlagEnd | wire.FlagFailed, Number: 1<<64 - 1, Payload: []byte{}},
	{Kind: wire.Data, Aux: 1<<16 - 1, Number: 2, Payload: bytes.Repeat([]byte("x"), 40_000)},
	{Kind: wire.Want, Number: 3, Payload: []byte{0, 1, 0, 0}},
	{Kind: wire.Data, Number: 4, Payload: bytes.Repeat([]byte("0123456789"), 10_000)},
	{Kind: wire.Data, Number: 5, Payload: bytes.Repeat([]byte("abc"), 60_000)},
	{Kind: wire.End, Number: 5, Payload: []byte{}},
}

func encode(frames []wire.Frame) []byte {
	var b []byte
	for _, f := range frames {
		b = wire.Append(b, f)
	}
	return b
}

// read returns all frames of r, copied, and the error after the last.
func read(r io.Reader, max int) (got []wire.Frame, err error) {
	reader := wire.NewReader(r, max)
	for {
		f, err := reader.Next()
		if err != nil {
			return got, err
		}
		f.Payload = bytes.Clone(f.Payload)
		got = append(got, f)
	}
}

func TestFramesReadBackHoweverTheyAreSplit(t *testing.T) {
	data := encode(frames)
	for name, r := range map[string]io.Reader{
		"whole":        bytes.NewReader(data),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(data)),
		"halves":       iotest.HalfReader(bytes.NewReader(data)),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(data)),
	} {
		got, err := read(r, wire.MaxLane)
		if err != io.EOF {
			t.Errorf("%s: the stream ends with %v, want EOF", name, err)
		}
		if diff := cmp.Diff(frames, got, cmp.Comparer(bytes.Equal)); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
	}
}

// Sizes around all that the reader decides by.
func TestFramesOfAnySizeReadBack(t *testing.T) {
	var sizes []int
	for _, border := range []int{4 << 10, 16 << 10, 32 << 10, 36 << 10, 64 << 10, 100 << 10, 104 << 10, 256 << 10, wire.MaxLane} {
		for _, off := range []int{-wire.HeadSize - 1, -wire.HeadSize, -1, 0, 1, wire.HeadSize} {
			sizes = append(sizes, min(border+off, wire.MaxLane))
		}
	}
	var want []wire.Frame
	for i, size := range sizes {
		payload := bytes.Repeat([]byte{byte(i), byte(i >> 1), 7}, size/3+1)[:size]
		want = append(want,
			wire.Frame{Kind: wire.Head, Number: uint64(2 * i), Payload: payload[:i]},
			wire.Frame{Kind: wire.Data, Number: uint64(2*i + 1), Payload: payload})
	}
	slices.Reverse(want[len(want)/2:]) // smaller ones behind larger ones as well
	data := encode(want)
	for _, most := range []int{1000, 50_000, 212_992, len(data)} {
		got, err := read(&pieces{data: data, most: most}, wire.MaxLane)
		if err != io.EOF {
			t.Errorf("at most %d bytes a read: the stream ends with %v, want EOF", most, err)
		}
		if !slices.EqualFunc(want, got, func(a, b wire.Frame) bool {
			return a.Kind == b.Kind && a.Number == b.Number && bytes.Equal(a.Payload, b.Payload)
		}) {
			t.Errorf("at most %d bytes a read: %d frames read back, and not those that were sent", most, len(got))
		}
	}
}

// pieces is a stream of which a read gives at most so many bytes, and that says
// how many it has given for how many.
type pieces struct {
	data   []byte
	most   int
	reads  int
	filled int // of reads, those that got all that they asked for
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.data) == 0 {
		return 0, io.EOF
	}
	p.reads++
	n := copy(b[:min(len(b), p.most)], p.data)
	if n == len(b) {
		p.filled++
	}
	p.data = p.data[n:]
	return n, nil
}

func TestHeadAndLargeFrameComeWithOneRead(t *testing.T) {
	answer := encode([]wire.Frame{
		{Kind: wire.Head, Number: 1, Payload: bytes.Repeat([]byte("h"), 300)},
		{Kind: wire.Data, Number: 1, Flags: wire.FlagEnd, Payload: bytes.Repeat([]byte("d"), 100<<10)},
	})
	src := &pieces{most: 1 << 20}
	r := wire.NewReader(src, wire.MaxLane)
	for i := range 3 {
		src.data, src.reads, src.filled = answer, 0, 0
		for range 2 {
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if i > 0 && (src.reads != 1 || src.filled != 0) {
			t.Errorf("answer %d came with %d reads, of which %d do not tell that nothing is left; want 1 and 0", i, src.reads, src.filled)
		}
	}
}

func TestHeadIsLaidOutAsPythonReadsIt(t *testing.T) {
	got := wire.AppendHead(nil, wire.Head, wire.FlagEnd, 0x0203, 0x0405060708090a0b, 0x0c0d)
	want := []byte{0x0d, 0x0c, 0, 0, 0x60, 1, 3, 2, 0x0b, 0x0a, 9, 8, 7, 6, 5, 4}
	if !bytes.Equal(got, want) {
		t.Errorf("head = % x, want % x", got, want)
	}
}

func TestNumberAndLengthAreSetAfterwards(t *testing.T) {
	frame := wire.AppendHead(nil, wire.Request, 0, 0, 0, 0)
	frame = append(frame, "payload"...)
	wire.SetLength(frame)
	wire.SetNumber(frame, 42)
	got, err := read(bytes.NewReader(frame), wire.MaxLane)
	if err != io.EOF || len(got) != 1 || got[0].Number != 42 || string(got[0].Payload) != "payload" {
		t.Errorf("frame reads as %v, %v", got, err)
	}
}

func TestEndWithinAFrameIsUnexpected(t *testing.T) {
	data := encode(frames[:1])
	for n := 1; n < len(data); n++ {
		if _, err := read(bytes.NewReader(data[:n]), wire.MaxLane); err != io.ErrUnexpectedEOF {
			t.Errorf("after %d of %d bytes: %v, want %v", n, len(data), err, io.ErrUnexpectedEOF)
		}
	}
}

func TestLongPayloadIsRefusedBeforeItArrives(t *testing.T) {
	head := wire.AppendHead(nil, wire.Data, 0, 0, 1, 101)
	_, err := read(bytes.NewReader(head), 100)
	if !errors.Is(err, wire.ErrTooLong) {
		t.Errorf("error = %v, want %v", err, wire.ErrTooLong)
	}
}

func TestBufferedSaysWhetherNextWouldRead(t *testing.T) {
	data := encode(frames[:2])
	r := wire.NewReader(io.MultiReader(bytes.NewReader(data), iotest.ErrReader(errors.New("read"))), wire.MaxLane)
	if r.Buffered() {
		t.Error("Buffered() = true before anything was read")
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if !r.Buffered() {
		t.Error("Buffered() = false with a whole frame read")
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if r.Buffered() {
		t.Error("Buffered() = true after the last frame")
	}
}

// A stream gives frames or an error, and what it gives does not depend on how
// it is cut.
func FuzzReader(f *testing.F) {
	f.Add(encode(frames[:2]))
	f.Add([]byte(strings.Repeat("\xff", 40)))
	f.Fuzz(func(t *testing.T, data []byte) {
		whole, wholeErr := read(bytes.NewReader(data), 1<<12)
		split, splitErr := read(iotest.OneByteReader(bytes.NewReader(data)), 1<<12)
		if diff := cmp.Diff(whole, split); diff != "" {
			t.Errorf("whole and split differ:\n%s", diff)
		}
		if wholeErr.Error() != splitErr.Error() {
			t.Errorf("whole ends with %v, split with %v", wholeErr, splitErr)
		}
		if !bytes.HasPrefix(data, encode(whole)) {
			t.Errorf("what was read does not write back")
		}
	})
}

// FuzzFilePart holds what is taken of a File frame to what can be in a file.
func FuzzFilePart(f *testing.F) {
	f.Add([]byte("0123456789abcdefhead"))
	f.Add(make([]byte, 17))
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, payload []byte) {
		offset, length, head, ok := wire.FilePart(payload)
		if !ok {
			return
		}
		if offset < 0 || length < 0 || offset+length < 0 || len(head) != len(payload)-16 || len(head) == 0 {
			t.Errorf("FilePart(%x) = %d, %d, %x", payload, offset, length, head)
		}
	})
}
