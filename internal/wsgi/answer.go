package wsgi

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strconv"

	"pasted/internal/marshal"
)

// ErrBadAnswer says that what an application answered is not HTTP.
var ErrBadAnswer = errors.New("the application's answer is not valid")

// An Answer is the head of an application's answer, checked. The zero value is
// ready for SetPayload and can be used again; it is not safe for concurrent use.
type Answer struct {
	Code   int    // 200 to 999
	Reason []byte // after the code, perhaps empty
	// Fields are those of the application but the ones about the connection,
	// which are the server's affair (PEP 3333, "Other HTTP Features").
	Fields []marshal.Field
	// ContentLength is the application's Content-Length, -1 if it gave none.
	ContentLength int64
	// Close is set when the application asks for the connection's end.
	Close bool

	raw marshal.Answer
}

// SetPayload reads the payload of a Head frame and returns the bytes of the
// body that follow. Both stay valid as long as payload does. An error wraps
// ErrBadAnswer; a is not usable then.
func (a *Answer) SetPayload(payload []byte) (body []byte, err error) {
	body, err = a.raw.Decode(payload)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	a.ContentLength, a.Close = -1, false
	if err := a.setStatus(a.raw.Status); err != nil {
		return nil, err
	}
	a.Fields = a.Fields[:0]
	for _, f := range a.raw.Fields {
		if err := a.addField(f); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func (a *Answer) setStatus(status []byte) error {
	if len(status) < 3 || len(status) > 3 && status[3] != ' ' {
		return fmt.Errorf("%w: status %q: want three digits, a space and a reason", ErrBadAnswer, status)
	}
	code, err := strconv.Atoi(string(status[:3]))
	if err != nil || code < 200 || status[0] == '+' {
		return fmt.Errorf("%w: status %q: want a code from 200 to 999", ErrBadAnswer, status)
	}
	a.Code, a.Reason = code, nil
	if len(status) > 4 {
		a.Reason = status[4:]
	}
	if !validValue(a.Reason) {
		return fmt.Errorf("%w: status %q: control character", ErrBadAnswer, status)
	}
	return nil
}

// addField checks f and takes it in, or leaves it out.
func (a *Answer) addField(f marshal.Field) error {
	if !validName(f.Name) {
		return fmt.Errorf("%w: field name %q", ErrBadAnswer, f.Name)
	}
	if !validValue(f.Value) {
		return fmt.Errorf("%w: field %s = %q: control character", ErrBadAnswer, f.Name, f.Value)
	}
	switch {
	case equalFold(f.Name, "content-length"):
		n, err := strconv.ParseUint(string(f.Value), 10, 63)
		if err != nil || a.ContentLength >= 0 && a.ContentLength != int64(n) {
			return fmt.Errorf("%w: Content-Length %q", ErrBadAnswer, f.Value)
		}
		if a.ContentLength >= 0 {
			return nil // once is enough
		}
		a.ContentLength = int64(n)
	case equalFold(f.Name, "connection"):
		a.Close = a.Close || equalFold(f.Value, "close")
		return nil
	case hopByHop(f.Name):
		return nil
	}
	a.Fields = append(a.Fields, f)
	return nil
}

func hopByHop(name []byte) bool {
	return equalFold(name, "transfer-encoding") || equalFold(name, "keep-alive") ||
		equalFold(name, "te") || equalFold(name, "trailer") || equalFold(name, "upgrade")
}

// validName says whether name is a token (RFC 9110, 5.6.2).
func validName(name []byte) bool {
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return false
		}
		switch c {
		case '"', '(', ')', ',', '/', ':', ';', '<', '=', '>', '?', '@', '[', '\\', ']', '{', '}':
			return false
		}
	}
	return len(name) > 0
}

// validValue says whether value could not end its line or hide a byte.
func validValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// BodyAllowed says whether an answer to method has a body (RFC 9110, 6.4.1).
func (a *Answer) BodyAllowed(method string) bool {
	return method != http.MethodHead && a.Code != http.StatusNoContent && a.Code != http.StatusNotModified
}

// SetHeader puts the fields into header, as net/http wants them, and keeps
// net/http from guessing a Content-Type where there is none.
func (a *Answer) SetHeader(header http.Header) {
	for _, f := range a.Fields {
		name := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		header[name] = append(header[name], string(f.Value))
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil
	}
	if a.Close {
		header["Connection"] = []string{"close"}
	}
}
