package pool

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"pasted/internal/h1"
	"pasted/internal/wsgi"
)

// Files are what an application may name in a field of its answer, to be sent
// instead of the answer's body. Nil: such fields are passed on to the client.
type Files struct {
	// Root is the directory of the files that X-Sendfile may name, by an
	// absolute path or by one from there; empty: none.
	Root string
	// Prefixes are where X-Accel-Redirect's paths lead.
	Prefixes []FilePrefix
}

// A FilePrefix says that paths of URLs that begin with Path, which begins and
// ends with a slash, are files below the directory Dir.
type FilePrefix struct{ Path, Dir string }

// A named is a file that an answer names.
type named struct{ field, root, path string }

// take returns the file that an answer names, and takes the field out of it. A
// file that it may not name has no root.
func (f *Files) take(a *wsgi.Answer) (n named, ok bool) {
	if f == nil {
		return named{}, false
	}
	for i, field := range a.Fields {
		switch {
		case f.Root != "" && bytes.EqualFold(field.Name, []byte("X-Sendfile")):
			n = f.sendfile(string(field.Value))
		case len(f.Prefixes) > 0 && bytes.EqualFold(field.Name, []byte("X-Accel-Redirect")):
			n = f.accel(string(field.Value))
		default:
			continue
		}
		a.Fields = append(a.Fields[:i:i], a.Fields[i+1:]...)
		return n, true
	}
	return named{}, false
}

func (f *Files) sendfile(value string) named {
	n := named{field: "X-Sendfile: " + value, root: f.Root, path: value}
	if filepath.IsAbs(value) {
		rest, err := filepath.Rel(f.Root, value)
		if err != nil || !filepath.IsLocal(rest) {
			n.root = ""
		}
		n.path = rest
	}
	return n
}

// accel finds the longest prefix of a path, which is percent-encoded and may have
// a query.
func (f *Files) accel(value string) named {
	n := named{field: "X-Accel-Redirect: " + value}
	raw, _, _ := strings.Cut(value, "?")
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		return n
	}
	decoded = path.Clean("/" + decoded)
	longest := -1
	for _, p := range f.Prefixes {
		if rest, ok := strings.CutPrefix(decoded, p.Path); ok && len(p.Path) > longest {
			longest = len(p.Path)
			n.root, n.path = p.Dir, rest
		}
	}
	return n
}

// open opens the file, which is a regular one below the root, whatever links
// there are. (Nobody holds the root meanwhile: it may be another directory for
// the next answer.)
func (n named) open() (*os.File, os.FileInfo, error) {
	if n.root == "" || n.path == "" {
		return nil, nil, fmt.Errorf("not below a directory that the file allows: %w", os.ErrNotExist)
	}
	root, err := os.OpenRoot(n.root)
	if err != nil {
		return nil, nil, err
	}
	defer root.Close()
	// What is no regular file may make the call wait.
	file, err := root.OpenFile(n.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("no regular file: %w", os.ErrNotExist)
	}
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// A question is what of a request the answer with a file depends on.
type question struct {
	method string
	header http.Header
}

// conditions are the fields that a question has.
var conditions = []string{
	"Range", "If-Range", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
}

// questionOf returns the question of a request with this head.
func questionOf(head *h1.Head) question {
	q := question{method: string(head.Text(head.Method)), header: make(http.Header)}
	for _, name := range conditions {
		for _, f := range head.Fields {
			if bytes.EqualFold(head.Text(f.Name), []byte(name)) {
				q.header.Add(name, string(head.Text(f.Value)))
			}
		}
	}
	if strings.Contains(q.header.Get("Range"), ",") {
		q.header.Del("Range") // several: a server may send the whole (RFC 9110, 14.2)
	}
	return q
}

// A reply is an answer with a file, or instead of one: an http.ResponseWriter
// that keeps what it is given, and of a file only which stretch.
type reply struct {
	header http.Header
	code   int
	reason []byte // the application's; empty: the code's usual one
	text   []byte
	file   *os.File
	part   *h1.FilePart // nil: text is the body
}

// Header, WriteHeader, Write and ReadFrom are for http.ServeContent.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *reply) WriteHeader(code int) { r.code = code }

// Write implements io.Writer.
func (r *reply) Write(p []byte) (int, error) {
	r.text = append(r.text, p...)
	return len(p), nil
}

// ReadFrom implements io.ReaderFrom.
func (r *reply) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		return 0, fmt.Errorf("%T is no stretch of the file", src)
	}
	offset, err := r.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	r.part = &h1.FilePart{File: r.file, Offset: offset, Length: limited.N}
	return limited.N, nil
}

// answerFile returns the reply to q with the file that a names, n; a is the rest
// of that answer. It may wait for the disk.
func (h *Handler) answerFile(n named, q question, id uint64, a *h1.Answer) *reply {
	file, info, err := n.open()
	if err != nil {
		h.Log.Warn("file not sent", "request", idText(id), "field", n.field, "err", err)
		f := failure{code: http.StatusNotFound, reason: "there is no such file"}
		return &reply{code: f.code, text: []byte(f.text()), header: http.Header{
			"Content-Type": {h1.RefusalType}, "X-Content-Type-Options": {"nosniff"},
		}}
	}
	r := &reply{header: make(http.Header), code: a.Code, file: file}
	for _, field := range a.Fields {
		r.header.Add(string(field.Name), string(field.Value))
	}
	if r.header.Get("Content-Type") == "" {
		kind := mime.TypeByExtension(filepath.Ext(n.path))
		if kind == "" {
			kind = "application/octet-stream"
		}
		r.header.Set("Content-Type", kind)
	}
	if a.Code == http.StatusOK {
		modified, err := http.ParseTime(r.header.Get("Last-Modified"))
		if err != nil {
			modified = info.ModTime()
		}
		http.ServeContent(r, &http.Request{Method: q.method, Header: q.header}, "", modified, file)
	} else if q.method != http.MethodHead {
		r.part = &h1.FilePart{File: file, Length: info.Size()}
	}
	if r.code == a.Code {
		r.reason = a.Reason
	}
	if r.part == nil {
		_ = file.Close()
	} else {
		r.header.Set("Content-Length", strconv.FormatInt(r.part.Length, 10))
	}
	return r
}

// fill makes a, whose reason and fields were the application's, the reply's.
// What those lay in may be others' memory by now.
func (r *reply) fill(a *wsgi.Answer) {
	last := a.Close
	a.Reason = nil
	a.Reset(r.code)
	a.Close = last
	if len(r.reason) > 0 {
		a.Reason = r.reason
	}
	for name, values := range r.header {
		if name == "Content-Length" {
			a.Length, _ = strconv.ParseInt(values[0], 10, 64)
			continue
		}
		for _, value := range values {
			a.Add(name, value)
		}
	}
}
