// Package wire is the language between Pasted and its Python processes: the
// frames on a lane and on a control connection. It knows how a frame is laid
// out and what each kind means; it knows nothing of processes, queues or HTTP.
//
// # Frames
//
// A frame is a head of 16 bytes, little-endian, and a payload:
//
//	0   4  length of the payload in bytes
//	4   1  kind
//	5   1  flags
//	6   2  aux, whose meaning depends on the kind
//	8   8  number: of the request, the question or the worker it is about
//
// Numbers are never zero where a frame is about a request. Python reads the
// same head as struct "<IBBHQ".
//
// # A lane
//
// A lane is a Unix stream socket and carries one request at a time; Pasted may
// send further Request frames ahead, which the worker serves in their order.
// A worker has sent the whole answer of a request before it touches the next
// one, so that after a death only the first unanswered request of a lane can
// have reached the application; whether it has, the worker's board tells.
//
//	Pasted                              worker
//	Request n  environ, small body  →
//	                                ←   Want n     up to so many bytes of a body
//	Body n                          →
//	                                ←   Inform n   an answer before the answer, such as 103
//	                                ←   Head n     status, fields, first bytes
//	                                ←   Data n
//	                                ←   Shared n   where in memory further bytes lie
//	                                ←   End n
//	                                ←   File n     or, instead of all these: a file
//
// Request: aux is the root's index. The payload is one marshal dictionary, the
// environ as PEP 3333 has it without its Python objects. A body that is known
// whole and small stands in it under "wsgi.input" as bytes; otherwise that key
// is missing, FlagBody is set, and the worker asks for the body with Want
// frames, whose number is the request's and whose payload is a u32, the
// greatest number of bytes it will take now. Each Want is answered by one Body
// frame of 1 to that many bytes, or by one with FlagEnd (and perhaps the last
// bytes) at the body's end. With FlagFailed the body breaks off there: its client
// has stopped half-way, or nobody waits for the answer any more, and what has come
// is not to be taken for the whole. A worker that does not want the body does not
// ask.
//
// Inform: the payload is that of Head without a body, its status one of 102 to
// 199 but 101; any number of them, before Head.
//
// Head: the payload is the marshal tuple (status, fields), status a str such
// as "200 OK", fields a list of (name, value) tuples of str, all of Latin-1
// characters, followed by the first bytes of the answer's body, if any. FlagEnd
// says that these bytes are the whole body. Data: bytes of the body, FlagEnd on
// the last. Shared: as Data, but the bytes lie in the lane's ring (package board), which
// a worker with a board alone has; the payload is two u64, the places where they
// begin and end, of which the first may have been taken already. End: the answer is
// complete (an End frame ends an answer whose last Head, Data or Shared frame had no
// FlagEnd); with FlagFailed the application raised:
// before Head, the client gets 500; after it, the client's connection breaks,
// so that nothing looks complete that is not. An End with FlagSkipped, and no Head
// before it, says that the worker has found the request revoked on its board
// (package board) and has not called the application. File: the whole
// answer, whose body is a stretch of a regular file; FlagEnd is set. The payload is
// two u64, where the stretch begins and how many bytes it has, and then what Head's
// has, without first bytes. The file's descriptor comes with the frame's bytes
// (SCM_RIGHTS).
//
// # The control connection
//
// Each Python process has one, a Unix stream socket at descriptor 3 in a
// process that Pasted started. Payloads are marshal values unless said
// otherwise.
//
//	Modules  →  {name: source}: the Python side itself, read by the boot line
//	Load     →  dict: what to load (see the worker package)
//	Fork     →  number = worker; one descriptor, the new worker's control connection
//	Board    →  one descriptor: the worker's scoreboard, to be mapped; before Serve
//	Lanes    →  aux descriptors, at most MaxDescriptors, each one a lane
//	Serve    →  all lanes are given: start serving
//	Answer   →  number = the question's; {"context": tree} or {"error": {"class", "text"}}
//	Cancel   →  number = request, aux = lane: nobody waits for its answer any more
//	Ping     →  answered by Pong with the same number
//	Drain    →  end: serve what has been sent, run exit handlers, exit 0
//	Probe    →  to a probe alone: number = question; {"do", …}, see python's probe.py
//	Expire   →  number = request, aux = lane: it is past its deadline; with FlagGone its client has gone
//	Promote  →  to a worker whose lanes are closed for writing: become a template; answered by Loaded or Failed
//	Files    →  answered by Imported if there is anything to tell
//	         ←  Hello   {"pid", "version"}: the process is there
//	         ←  Loaded  {"seconds"}: the roots are built
//	         ←  Failed  number = worker or 0; {"class", "text", "traceback", "stage"}
//	         ←  Resolve number = question; {"context", "type", "name", "global_conf"}
//	         ←  Ready   number = worker; {"threads": the kernel's numbers of the lanes', if known; "board": whether it is kept}: they are served
//	         ←  Log     number = request or 0, aux = level as in Python's logging; UTF-8 text;
//	                    with FlagFailed its first line is the request's method and target,
//	                    and the rest a traceback
//	         ←  Pong
//	         ←  Found   number = the Probe's; what was found
//	         ←  Extend  number = request; a u64, the microseconds from now that it may still take
//	         ←  Unsafe  [{"kind", "name", "detail"}]: what a template has that does not survive a fork
//	         ←  Imported [path]: files that the process has imported since the last one
//
// A process whose control connection ends exits at once.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A Kind says what a frame is.
type Kind uint8

// The kinds of frames. Those below 0x20 go to a Python process on its control
// connection, those below 0x40 come back there; those below 0x60 go to a
// worker on a lane, the rest come back there.
const (
	Modules Kind = 0x01
	Load    Kind = 0x02
	Fork    Kind = 0x03
	Lanes   Kind = 0x04
	Serve   Kind = 0x05
	Answer  Kind = 0x06
	Cancel  Kind = 0x07
	Ping    Kind = 0x08
	Drain   Kind = 0x09
	Probe   Kind = 0x0A
	Files   Kind = 0x0B
	Board   Kind = 0x0C
	Expire  Kind = 0x0D
	Promote Kind = 0x0F

	Hello    Kind = 0x20
	Loaded   Kind = 0x21
	Failed   Kind = 0x22
	Resolve  Kind = 0x23
	Ready    Kind = 0x24
	Log      Kind = 0x25
	Pong     Kind = 0x26
	Found    Kind = 0x27
	Imported Kind = 0x28
	Extend   Kind = 0x29
	Unsafe   Kind = 0x2B

	Request Kind = 0x40
	Body    Kind = 0x41

	Head   Kind = 0x60
	Data   Kind = 0x61
	End    Kind = 0x62
	Want   Kind = 0x63
	File   Kind = 0x64
	Inform Kind = 0x65
	Shared Kind = 0x66
)

// Flags of a frame.
const (
	FlagEnd     uint8 = 1 << 0 // nothing follows for this request
	FlagFailed  uint8 = 1 << 1 // on End and Log: the application raised; on Body: it breaks off
	FlagBody    uint8 = 1 << 2 // on Request: the body is asked for with Want
	FlagTimed   uint8 = 1 << 3 // on Request: it has a deadline, under "pasted.deadline"
	FlagGone    uint8 = 1 << 4 // on Expire: nobody waits for the answer
	FlagSkipped uint8 = 1 << 5 // on End: it had been revoked, the application has not seen it
	FlagLocal   uint8 = 1 << 7 // on Request: the client is to see what the application raises
)

// Sizes in bytes, and MaxDescriptors in descriptors.
const (
	HeadSize = 16

	// MaxLane is the greatest payload a worker may send on a lane. A worker
	// splits what is larger.
	MaxLane = 1 << 20
	// MaxControl is the greatest payload on a control connection.
	MaxControl = 64 << 20
	// MaxDescriptors is how many descriptors one Lanes frame carries at most.
	MaxDescriptors = 64
)

// ErrTooLong says that a frame's payload is longer than its reader allows.
var ErrTooLong = errors.New("frame too long")

// A Frame is one frame. Payload is valid until the next read from the Reader
// that it came from.
type Frame struct {
	Kind    Kind
	Flags   uint8
	Aux     uint16
	Number  uint64
	Payload []byte
}

// AppendHead appends the head of a frame with a payload of n bytes to dst.
func AppendHead(dst []byte, kind Kind, flags uint8, aux uint16, number uint64, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	dst = append(dst, byte(kind), flags)
	dst = binary.LittleEndian.AppendUint16(dst, aux)
	return binary.LittleEndian.AppendUint64(dst, number)
}

// Append appends f to dst. A payload over MaxControl bytes is the caller's
// mistake; the reader at the other end will refuse it.
func Append(dst []byte, f Frame) []byte {
	dst = AppendHead(dst, f.Kind, f.Flags, f.Aux, f.Number, len(f.Payload))
	return append(dst, f.Payload...)
}

// SetNumber writes number into the head of the frame that frame begins with.
// A request gets its number when it is given to a lane, after its environ has
// been written.
func SetNumber(frame []byte, number uint64) {
	binary.LittleEndian.PutUint64(frame[8:HeadSize], number)
}

// SetLength makes everything after the head the payload of the frame that
// frame begins with and ends with.
func SetLength(frame []byte) {
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-HeadSize))
}

// FilePart takes the payload of a File frame apart: where the stretch begins in
// the file, how many bytes it has, and a Head frame's payload. It is false where
// there are no such bytes in any file.
func FilePart(payload []byte) (offset, length int64, head []byte, ok bool) {
	if len(payload) <= 16 {
		return 0, 0, nil, false
	}
	offset = int64(binary.LittleEndian.Uint64(payload))
	length = int64(binary.LittleEndian.Uint64(payload[8:]))
	if offset < 0 || length < 0 || offset > math.MaxInt64-length {
		return 0, 0, nil, false
	}
	return offset, length, payload[16:], true
}

// SharedPart returns the payload of a Shared frame: where the bytes begin and end.
// It is false where there is no such payload.
func SharedPart(payload []byte) (begin, end uint64, ok bool) {
	if len(payload) != 16 {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint64(payload), binary.LittleEndian.Uint64(payload[8:]), true
}

// A Reader reads frames from a stream. It is not safe for concurrent use.
type Reader struct {
	src   io.Reader
	max   int
	buf   []byte
	start int // of what has been read but not returned
	end   int
}

// NewReader returns a Reader of the frames on src whose payloads are at most
// max bytes.
func NewReader(src io.Reader, max int) *Reader {
	return &Reader{src: src, max: max, buf: make([]byte, 16<<10)}
}

// Next returns the next frame. The error is io.EOF at the end of the stream
// between two frames, io.ErrUnexpectedEOF within one, ErrTooLong (wrapped) for
// a payload over the limit, or the stream's.
func (r *Reader) Next() (Frame, error) {
	if err := r.fill(HeadSize); err != nil {
		return Frame{}, err
	}
	head := r.buf[r.start:]
	length := binary.LittleEndian.Uint32(head)
	f := Frame{
		Kind:   Kind(head[4]),
		Flags:  head[5],
		Aux:    binary.LittleEndian.Uint16(head[6:]),
		Number: binary.LittleEndian.Uint64(head[8:]),
	}
	if uint64(length) > uint64(r.max) {
		return Frame{}, fmt.Errorf("kind %#x with %d bytes, at most %d: %w", f.Kind, length, r.max, ErrTooLong)
	}
	size := HeadSize + int(length)
	if err := r.fill(size); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	f.Payload = r.buf[r.start+HeadSize : r.start+size : r.start+size]
	r.start += size
	return f, nil
}

// Buffered says whether a whole frame can be had from Next without a read.
func (r *Reader) Buffered() bool {
	have := r.end - r.start
	if have < HeadSize {
		return false
	}
	length := binary.LittleEndian.Uint32(r.buf[r.start:])
	return uint64(have) >= HeadSize+uint64(length)
}

const (
	// alone is the size in bytes of frames from which on a frame is read without
	// any of what follows it: a second read costs less than moving that to the
	// front of the buffer.
	alone = 32 << 10
	// beside is how many bytes more than the largest frame so far a buffer has
	// room for. So an answer's head and the frame of its body come with one read,
	// which is not filled and thus tells that nothing is left, and stay where they
	// are.
	beside = 4 << 10
)

// fill reads until n bytes from r.start on are in the buffer. It grows the
// buffer only as the bytes arrive, so that a head that lies about its length
// costs no memory.
func (r *Reader) fill(n int) error {
	if r.end-r.start >= n {
		return nil
	}
	if r.start == r.end || r.start+n > len(r.buf) {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	for r.end-r.start < n {
		if r.end == len(r.buf) { // and what is read begins with it
			r.buf = append(r.buf, make([]byte, min(n+beside, 2*len(r.buf))-len(r.buf))...)
		}
		to := len(r.buf)
		if n >= alone {
			to = min(to, r.start+n)
		}
		got, err := r.src.Read(r.buf[r.end:to])
		r.end += got
		if err != nil && r.end-r.start < n {
			if errors.Is(err, io.EOF) && r.end > r.start {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
	return nil
}
