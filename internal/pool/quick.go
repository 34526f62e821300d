package pool

import (
	"bytes"
	"cmp"
	"io"

	"pasted/internal/h1"
	"pasted/internal/spool"
	"pasted/internal/wire"
	"pasted/internal/wsgi"
)

// backlogBytes is how much of an answer waits in memory for its client on the
// short way. What has more takes a spool and a goroutine for the rest.
const backlogBytes = 256 << 10

// A quick is a request on the short way: it goes from the client's bytes into a
// lane, and the answer from the lane to the client, on the loop of the client's
// connection, without a goroutine of its own. It is an Answer, and the Owner of
// its exchange, which keeps its memory for the next request.
type quick struct {
	handler *Handler
	request Request
	frame   []byte
	loop    *h1.Loop

	// The loop's own. x is nil once the client has gone or a goroutine writes
	// the rest of the answer.
	x      *h1.Exchange
	parsed wsgi.Answer
	begun  bool
	aside  bool              // a file is looked up, that the answer names
	rest   *spool.PipeReader // what a goroutine reads from

	// The Answer's own, whatever loop that is called on.
	tail   *spool.PipeWriter // of the rest, which does not go straight to x
	resume func()            // request.Resume, made once
}

// ServeHead implements h1.Short. The request's body is in the frame.
func (h *Handler) ServeHead(x *h1.Exchange) bool {
	q, _ := x.Data.(*quick)
	if q == nil {
		q = new(quick)
		q.resume = q.request.Resume
		x.Data = q
	}
	q.handler, q.x, q.loop, q.begun, q.aside = h, x, x.Loop(), false, false
	q.tail, q.rest = nil, nil
	q.request.renew(q, h.Pool.newID())
	q.setFrame()
	x.SetOwner(q)
	h.Pool.Do(&q.request, q.loop)
	return true
}

// setFrame writes the frame straight from the bytes that the client has sent.
func (q *quick) setFrame() {
	x, h := q.x, q.handler
	if x.Head.HostField < 0 && !x.Head.Host.Empty() {
		// An absolute target of HTTP/1.0 names the host, and no field does.
		x.Head.Set("Host", string(x.Head.Text(x.Head.Host)))
	}
	environ := wsgi.Request{
		Head: &x.Head, ScriptName: x.ScriptName, PathInfo: x.Path, Scheme: cmp.Or(x.Origin.Scheme, h.Scheme),
		ID: q.request.ID, ContentLength: -1, Body: x.Body, Inline: true,
	}
	if x.Head.Length > 0 || x.Head.HasLength() {
		environ.ContentLength = x.Head.Length
	}
	environ.Came = h.Pool.monotonic(q.loop.Now())
	environ.RemoteAddr, environ.RemotePort = x.Peer()
	environ.ServerName, environ.ServerPort = x.Local()
	deadline, flag := h.rule(&q.request, x.Head.Text(x.Head.Method), x.ScriptName, x.Path)
	environ.Deadline = deadline
	if cap(q.frame) > keptBuffer {
		q.frame = nil
	}
	if h.Debug && x.FromHere() {
		flag |= wire.FlagLocal
	}
	q.frame = wire.AppendHead(q.frame[:0], wire.Request, flag, h.Root, 0, 0)
	q.frame = h.Constants.AppendEnviron(q.frame, &environ)
	wire.SetLength(q.frame)
	q.request.Frame = q.frame
}

// Gone implements h1.Owner.
func (q *quick) Gone(x *h1.Exchange) {
	x.Data = nil // the worker may still be at it
	q.x = nil
	q.handler.Pool.Cancel(&q.request, q.loop)
	if q.rest != nil {
		q.rest.Close() // releases the goroutine
	}
}

// Unbegun implements h1.Owner.
func (q *quick) Unbegun(*h1.Exchange) bool { return q.handler.Pool.waits(&q.request) }

// Head implements Answer. An answer that another loop takes off its lane comes in
// one piece with its head, or else through a spool.
func (q *quick) Head(payload []byte, last bool, on *h1.Loop) {
	if on == q.loop {
		q.begin(payload, last)
		return
	}
	payload = bytes.Clone(payload)
	var out *spool.PipeReader
	if !last {
		out, q.tail = q.handler.Spool.Pipe()
	}
	q.loop.Post(func() {
		if q.begin(payload, last); out != nil {
			q.hold(out)
		}
	})
}

// Inform implements Informer.
func (q *quick) Inform(payload []byte, on *h1.Loop) {
	if on == q.loop {
		q.inform(payload)
		return
	}
	payload = bytes.Clone(payload)
	q.loop.Post(func() { q.inform(payload) })
}

func (q *quick) inform(payload []byte) {
	if q.x == nil || q.begun {
		return
	}
	if err := q.parsed.SetInform(payload); err != nil {
		q.handler.noteInform(q.request.ID, err)
		return
	}
	q.x.Inform(&q.parsed.Answer)
}

// File implements FileAnswer.
func (q *quick) File(payload []byte, part *h1.FilePart, on *h1.Loop) {
	if on == q.loop {
		q.beginFile(payload, part)
		return
	}
	payload = bytes.Clone(payload)
	q.loop.Post(func() { q.beginFile(payload, part) })
}

// Data implements Answer.
func (q *quick) Data(p []byte, _ bool, _ *h1.Loop) (ok bool) {
	switch {
	case q.tail != nil:
		ok, err := q.tail.Offer(p, q.resume)
		return ok || err != nil // of a client that has gone: thrown away
	case q.x != nil && q.begun:
		q.x.Write(p)
		if q.x != nil && q.x.Backlog() > backlogBytes {
			// The rest, too, waits for the client elsewhere.
			out, in := q.handler.Spool.Pipe()
			q.tail = in
			q.hold(out)
		}
	}
	return true
}

// End implements Answer.
func (q *quick) End(err error, on *h1.Loop) {
	switch {
	case q.tail != nil:
		q.tail.CloseWithError(err)
	case on == q.loop:
		q.end(err)
	default:
		q.loop.Post(func() { q.end(err) })
	}
}

// begin begins the answer.
func (q *quick) begin(payload []byte, last bool) {
	if q.x == nil {
		return // the client has gone meanwhile
	}
	first, err := q.parsed.SetPayload(payload)
	if err != nil {
		q.handler.Pool.Cancel(&q.request, q.loop)
		q.x.Data = nil
		q.fail(err)
		return
	}
	if n, ok := q.handler.Files.take(&q.parsed); ok {
		q.nameFile(n)
		return
	}
	q.begun = true
	q.x.Begin(&q.parsed.Answer, first, last)
}

// nameFile answers with the file n, which is opened off the loop, or instead of
// it. What the application gives is thrown away.
func (q *quick) nameFile(n named) {
	x := q.x
	q.aside, x.Data = true, nil // the worker may still be at it
	asked, id := questionOf(&x.Head), q.request.ID
	a := h1.Answer{Code: q.parsed.Code, Reason: bytes.Clone(q.parsed.Reason), Length: -1}
	for _, f := range q.parsed.Fields {
		a.Add(string(f.Name), string(f.Value))
	}
	var r *reply
	x.Aside(func() { r = q.handler.answerFile(n, asked, id, &a) }, func() { q.answerFile(r) })
}

// answerFile goes on where nameFile has left.
func (q *quick) answerFile(r *reply) {
	switch {
	case q.x == nil: // the client has gone meanwhile
		if r.part != nil {
			r.part.Close()
		}
		return
	case r.part != nil:
		r.fill(&q.parsed)
		q.sendFile(r.part)
		return
	}
	r.fill(&q.parsed)
	x := q.x
	q.x = nil
	x.Begin(&q.parsed.Answer, r.text, true)
	x.End(true)
}

// beginFile begins an answer that is a file, which a goroutine sends then.
func (q *quick) beginFile(payload []byte, part *h1.FilePart) {
	if q.x == nil {
		part.Close()
		return // the client has gone meanwhile
	}
	if _, err := q.parsed.SetPayload(payload); err != nil {
		part.Close()
		q.x.Data = nil
		q.fail(err)
		return
	}
	q.sendFile(part)
}

// sendFile begins the answer in parsed, whose body is part, and has it sent. q
// has nothing more to do with its exchange.
func (q *quick) sendFile(part *h1.FilePart) {
	if q.parsed.Length < 0 && q.parsed.HasBody() {
		q.parsed.Length = part.Length
	}
	x := q.x
	q.begun = true
	x.Begin(&q.parsed.Answer, nil, false)
	q.x, x.Data = nil, nil
	x.HoldFile(part)
}

// hold has the rest of the answer, which comes out of a spool, written by a
// goroutine. q has nothing more to do with its exchange.
func (q *quick) hold(out *spool.PipeReader) {
	x := q.x
	if x == nil || !q.begun {
		out.Close()
		return
	}
	q.x, x.Data, q.rest = nil, nil, out
	x.Hold(func(w io.Writer) error {
		defer out.Close()
		_, err := io.CopyBuffer(w, onlyReader{out}, make([]byte, copyPiece))
		return err
	})
}

type onlyReader struct{ io.Reader }

// end ends the answer, unless the client has gone meanwhile.
func (q *quick) end(err error) {
	x := q.x
	switch {
	case x == nil, q.aside:
		return
	case !q.begun:
		q.fail(err)
		return
	}
	q.x = nil
	if missing := x.Missing(); err == nil && missing > 0 {
		q.handler.noteShort(q.request.ID, missing)
	}
	x.End(err == nil)
}

// fail answers instead of the worker.
func (q *quick) fail(err error) {
	x, f := q.x, q.handler.failureOf(q.request.ID, err)
	q.x = nil
	a := x.Answer()
	a.Reset(f.code)
	if f.retry {
		a.Add("Retry-After", retryAfter)
	}
	if f.why != "" {
		a.Add(reasonField, f.why)
	}
	a.Add("Content-Type", h1.RefusalType)
	a.Add("X-Content-Type-Options", "nosniff")
	x.Begin(a, []byte(f.text()), true)
	x.End(true)
}
