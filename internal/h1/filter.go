package h1

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strconv"
)

// A HeadFilter sees and may change the heads of requests and of their answers,
// or answers itself. It never touches a body. It is called on loops and on
// other goroutines, many at a time, and must not block.
type HeadFilter interface {
	// RequestHead sees the request before whatever is behind the filter. What
	// it returns is given to AnswerHead. Where ok is false it has answered by
	// itself, with Begin and End or with Refuse; nobody behind it is asked.
	RequestHead(x *Exchange) (state int64, ok bool)
	AnswerFilter
}

// An AnswerFilter sees and may change the head of the answer to an exchange
// that it has been pushed onto. state is what it gave to Push.
type AnswerFilter interface {
	AnswerHead(x *Exchange, a *Answer, state int64)
}

type pushed struct {
	filter AnswerFilter
	state  int64
}

// Push has f see the answer's head, before those that have been pushed before.
func (x *Exchange) Push(f AnswerFilter, state int64) {
	x.filters = append(x.filters, pushed{f, state})
}

// Filter returns the handler that is f before next. It is a Short where next is
// one: then f is called on the loop. On the long way it is called with an
// Exchange that stands for the http.Request.
func Filter(f HeadFilter, next http.Handler) http.Handler {
	long := &longFilter{filter: f, next: next}
	if short, ok := next.(Short); ok {
		return &shortFilter{longFilter: long, short: short}
	}
	return long
}

// A shortFilter is a filter before a Short.
type shortFilter struct {
	*longFilter
	short Short
}

// ServeHead implements Short.
func (h *shortFilter) ServeHead(x *Exchange) bool {
	state, ok := h.filter.RequestHead(x)
	if !ok {
		return true
	}
	x.Push(h.filter, state)
	return h.short.ServeHead(x)
}

// A longFilter is a filter as an http.Handler.
type longFilter struct {
	filter HeadFilter
	next   http.Handler
}

// Ways implements Ways.
func (h *longFilter) Ways(say func(path string, short bool, why string)) { WaysOf(h.next, say) }

// ServeHTTP implements http.Handler.
func (h *longFilter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := &view{ResponseWriter: w, request: r, filter: h.filter}
	v.exchange.view = v
	v.read()
	ok := false
	if v.state, ok = h.filter.RequestHead(&v.exchange); !ok {
		return
	}
	h.next.ServeHTTP(v, v.write())
	v.begin(http.StatusOK) // as net/http does for a handler that has written nothing
}

// A view is an exchange on the long way, as a filter sees it: of a request that
// net/http or HTTP/2 may have read, and that other handlers may have changed.
type view struct {
	http.ResponseWriter
	request  *http.Request
	filter   HeadFilter
	exchange Exchange
	state    int64
	began    bool
	bodiless bool // the filter has answered, and what else is written is not sent
}

// read fills in the exchange.
func (v *view) read() {
	x, r := &v.exchange, v.request
	SetHead(&x.Head, r)
	x.isHead = r.Method == http.MethodHead
	x.ScriptName, x.Path = []byte(ScriptName(r)), []byte(r.URL.Path)
	x.Origin = OriginOf(r)
}

// write returns the request as the filter has left it.
func (v *view) write() *http.Request {
	x, r := &v.exchange, v.request
	if string(x.ScriptName) != ScriptName(r) || string(x.Path) != r.URL.Path {
		r = Mount(r, string(x.ScriptName), string(x.Path))
	}
	if !x.Head.changed {
		return r
	}
	changed := *r
	changed.Header = make(http.Header, len(x.Head.Fields))
	for _, f := range x.Head.Fields {
		name := http.CanonicalHeaderKey(string(x.Head.Text(f.Name)))
		if name == "Host" {
			changed.Host = string(x.Head.Text(f.Value))
			continue
		}
		changed.Header.Add(name, string(x.Head.Text(f.Value)))
	}
	return &changed
}

// begin shows the answer's head to the filter, once.
func (v *view) begin(code int) {
	if v.began || code < 200 && code != http.StatusSwitchingProtocols {
		return
	}
	v.began = true
	a := &v.exchange.answer
	a.Reset(code)
	addFields(a, v.Header())
	if values := v.Header()["Content-Length"]; len(values) > 0 {
		a.Length = parseLength(values[0])
	}
	before := slices.Clone(a.Fields)
	length := a.Length
	v.filter.AnswerHead(&v.exchange, a, v.state)
	if a.Code == code && a.Length == length && slices.EqualFunc(a.Fields, before, sameField) {
		v.ResponseWriter.WriteHeader(code)
		return
	}
	a.putInto(v.Header())
	v.ResponseWriter.WriteHeader(a.Code)
}

func sameField(a, b AnswerField) bool {
	return string(a.Name) == string(b.Name) && string(a.Value) == string(b.Value)
}

// putInto replaces what header says of the answer.
func (a *Answer) putInto(header http.Header) {
	connection := header["Connection"]
	clear(header)
	if len(connection) > 0 {
		header["Connection"] = connection
	}
	if a.Close {
		header["Connection"] = []string{"close"}
	}
	for _, f := range a.Fields {
		header.Add(string(f.Name), string(f.Value))
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // which net/http would guess
	}
	if a.Length >= 0 {
		header["Content-Length"] = []string{strconv.FormatInt(a.Length, 10)}
	}
}

// answer is Exchange.Begin on the long way.
func (v *view) answer(a *Answer, body []byte, last bool) {
	v.began = true
	if last && a.Length < 0 && a.HasBody() {
		a.Length = int64(len(body))
	}
	a.putInto(v.Header())
	SetReason(v.ResponseWriter, a.Reason)
	v.ResponseWriter.WriteHeader(a.Code)
	v.bodiless = !a.HasBody()
	v.add(body)
}

// add is Exchange.Write.
func (v *view) add(p []byte) {
	if !v.bodiless && len(p) > 0 {
		_, _ = v.ResponseWriter.Write(p) // a client that has gone is noticed elsewhere
	}
}

// WriteHeader implements http.ResponseWriter.
func (v *view) WriteHeader(code int) {
	if code < 200 && code != http.StatusSwitchingProtocols {
		v.ResponseWriter.WriteHeader(code)
		return
	}
	v.begin(code)
}

// Write implements io.Writer.
func (v *view) Write(p []byte) (int, error) {
	v.begin(http.StatusOK)
	return v.ResponseWriter.Write(p)
}

// FlushError is Flush for http.ResponseController.
func (v *view) FlushError() error {
	v.begin(http.StatusOK)
	return http.NewResponseController(v.ResponseWriter).Flush()
}

// Flush implements http.Flusher.
func (v *view) Flush() { _ = v.FlushError() }

// Hijack gives the connection away: no answer is seen then.
func (v *view) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(v.ResponseWriter).Hijack()
	v.began = v.began || err == nil
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (v *view) Unwrap() http.ResponseWriter { return v.ResponseWriter }

// peer is Exchange.Peer on the long way.
func (v *view) peer() (host, port []byte) {
	addr := v.request.RemoteAddr
	if addr == "@" {
		return nil, nil // net/http's name of a Unix socket's client
	}
	name, number, err := net.SplitHostPort(addr)
	if err != nil {
		return []byte(addr), nil
	}
	return []byte(name), []byte(number)
}

// local is Exchange.Local on the long way.
func (v *view) local() (host, port []byte) { return LocalOf(v.request) }

// Ways is a handler that gives requests to others, and says which way they take
// from it: say is called for each path of it, "" for all others, with the reason
// where that is the long one.
type Ways interface {
	Ways(say func(path string, short bool, why string))
}

// WaysOf says which way requests to handler take. What is no Short takes the
// long one.
func WaysOf(handler http.Handler, say func(path string, short bool, why string)) {
	if ways, ok := handler.(Ways); ok {
		ways.Ways(say)
		return
	}
	if _, ok := handler.(Short); ok {
		say("", true, "")
		return
	}
	say("", false, "it is more than a head filter")
}
