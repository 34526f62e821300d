package wsgi

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/textproto"
	"strconv"

	"pasted/internal/h1"
	"pasted/internal/marshal"
)

// ErrBadAnswer says that what an application answered is not HTTP.
var ErrBadAnswer = errors.New("the application's answer is not valid")

// An Answer is the head of an application's answer, checked. The zero value is
// ready for SetPayload and can be used again; it is not safe for concurrent use.
// Its fields are those of the application but the ones about the connection,
// which are the server's affair (PEP 3333, "Other HTTP Features").
type Answer struct {
	h1.Answer
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
	a.Length, a.Close = -1, false
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

// SetInform reads the payload of an Inform frame: an answer before the answer,
// with a code from 102 to 199. An error wraps ErrBadAnswer; a is not usable
// then.
func (a *Answer) SetInform(payload []byte) error {
	rest, err := a.raw.Decode(payload)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("%w: an interim answer of another form (%v)", ErrBadAnswer, err)
	}
	status := a.raw.Status
	code, ok := int64(0), false
	if len(status) > 3 && status[3] == ' ' {
		code, ok = parseLength(status[:3])
	}
	if !ok || code < 102 || code > 199 || !validValue(status) {
		return fmt.Errorf("%w: interim status %q: want a code from 102 to 199", ErrBadAnswer, status)
	}
	a.Code, a.Reason, a.Length, a.Close = int(code), status[4:], -1, false
	a.Fields = a.Fields[:0]
	for _, f := range a.raw.Fields {
		if err := a.addField(f); err != nil {
			return err
		}
	}
	return nil
}

func (a *Answer) setStatus(status []byte) error {
	if len(status) < 3 || len(status) > 3 && status[3] != ' ' {
		return fmt.Errorf("%w: status %q: want three digits, a space and a reason", ErrBadAnswer, status)
	}
	code, ok := parseLength(status[:3])
	if !ok || code < 200 {
		return fmt.Errorf("%w: status %q: want a code from 200 to 999", ErrBadAnswer, status)
	}
	a.Code, a.Reason = int(code), nil
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
		n, ok := parseLength(f.Value)
		if !ok || a.Length >= 0 && a.Length != n {
			return fmt.Errorf("%w: Content-Length %q", ErrBadAnswer, f.Value)
		}
		a.Length = n
		return nil
	case equalFold(f.Name, "connection"):
		a.Close = a.Close || equalFold(f.Value, "close")
		return nil
	case hopByHop(f.Name): // which the Python side refuses (PEP 3333)
		return nil
	}
	a.Fields = append(a.Fields, h1.AnswerField(f))
	return nil
}

// parseLength reads a number of bytes (RFC 9110, 8.6).
func parseLength(text []byte) (n int64, ok bool) {
	for _, c := range text {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, len(text) > 0
}

func hopByHop(name []byte) bool {
	return equalFold(name, "transfer-encoding") || equalFold(name, "keep-alive") ||
		equalFold(name, "te") || equalFold(name, "trailer") || equalFold(name, "upgrade") ||
		equalFold(name, "proxy-connection")
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
	if a.Length >= 0 {
		header["Content-Length"] = []string{strconv.FormatInt(a.Length, 10)}
	}
	if a.Close {
		header["Connection"] = []string{"close"}
	}
}
