package h1

import (
	"fmt"
	"net/http"
	"strconv"
)

// An Answer is the head of an answer. The zero value is not usable; see Reset.
type Answer struct {
	// Code is the status, 200 to 999, and Reason what stands behind it.
	Code   int
	Reason []byte
	// Fields are in the order in which they are sent, names in any case. They
	// hold none of those that are the server's affair: Content-Length,
	// Transfer-Encoding, Connection and what else is about the connection.
	// Whoever fills them in has checked them against RFC 9110, 5.
	Fields []AnswerField
	// Length is the Content-Length; -1: not known.
	Length int64
	// Close says that the connection is to end with this answer.
	Close bool
}

// An AnswerField is one field of an answer.
type AnswerField struct{ Name, Value []byte }

// Reset makes a an answer with the code, its usual reason, no fields and no
// known length.
func (a *Answer) Reset(code int) {
	*a = Answer{Code: code, Reason: append(a.Reason[:0], http.StatusText(code)...), Fields: a.Fields[:0], Length: -1}
}

// Add appends a field.
func (a *Answer) Add(name, value string) {
	a.Fields = append(a.Fields, AnswerField{[]byte(name), []byte(value)})
}

// Get returns the value of the first field of that name, in any case, nil where
// there is none.
func (a *Answer) Get(name string) []byte {
	for _, f := range a.Fields {
		if len(f.Name) == len(name) && isToken(f.Name, name) {
			return f.Value
		}
	}
	return nil
}

// HasBody says whether an answer with a's code may have a body at all
// (RFC 9110, 6.4.1).
func (a *Answer) HasBody() bool {
	return a.Code >= 200 && a.Code != http.StatusNoContent && a.Code != http.StatusNotModified
}

// RefusalType is the Content-Type of a refusal.
const RefusalType = "text/plain; charset=utf-8"

// RefusalText returns the body of a refusal.
func RefusalText(code int, reason string) string {
	return fmt.Sprintf("%d %s: %s\n", code, http.StatusText(code), reason)
}

// A frameMode is how an answer's end is told.
type frameMode uint8

const (
	frameNone    frameMode = iota // it has no body
	frameLength                   // by Content-Length
	frameChunked                  // by the last chunk
	frameToEnd                    // by the connection's end
)

// A framing is how an answer's body is laid out (RFC 9112, 6.3). length is the
// Content-Length that is sent; -1: none is.
type framing struct {
	mode   frameMode
	length int64
}

// frame decides it for an answer to a request with method HEAD or another, and
// with the minor version. size is the body's where all of it is there, else -1.
func (a *Answer) frame(head bool, minor uint8, size int64) framing {
	if a.Length >= 0 {
		size = a.Length
	}
	switch {
	case a.Code == http.StatusNoContent || a.Code < 200:
		return framing{frameNone, -1} // RFC 9110, 8.6
	case a.Code == http.StatusNotModified:
		return framing{frameNone, a.Length}
	case head:
		return framing{frameNone, size}
	case size >= 0:
		return framing{frameLength, size}
	case minor > 0:
		return framing{frameChunked, -1}
	}
	return framing{frameToEnd, -1}
}

// A connectionField is what an answer says of its connection.
type connectionField uint8

const (
	connectionUnsaid connectionField = iota
	connectionClose
	connectionKeep // to a client of HTTP/1.0
)

// appendTo appends the head, its empty line included. server is the Server
// field if a has none, empty for none; date is the line of a Date field.
func (a *Answer) appendTo(dst []byte, f framing, connection connectionField, server string, date []byte) []byte {
	dst = append(dst, "HTTP/1.1 "...)
	dst = strconv.AppendInt(dst, int64(a.Code), 10)
	dst = append(dst, ' ')
	dst = append(dst, a.Reason...)
	dst = append(dst, "\r\n"...)
	hasServer, hasDate := server == "", false
	for _, field := range a.Fields {
		switch len(field.Name) {
		case len("Date"):
			hasDate = hasDate || isToken(field.Name, "date")
		case len("Server"):
			hasServer = hasServer || isToken(field.Name, "server")
		}
		dst = append(dst, field.Name...)
		dst = append(dst, ": "...)
		dst = append(dst, field.Value...)
		dst = append(dst, "\r\n"...)
	}
	if !hasServer {
		dst = append(dst, "Server: "...)
		dst = append(dst, server...)
		dst = append(dst, "\r\n"...)
	}
	if !hasDate {
		dst = append(dst, date...)
	}
	if f.length >= 0 {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, f.length, 10)
		dst = append(dst, "\r\n"...)
	} else if f.mode == frameChunked {
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	switch connection {
	case connectionClose:
		dst = append(dst, "Connection: close\r\n"...)
	case connectionKeep:
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendChunk appends p as one chunk, or nothing if it is empty: that would be
// the last one.
func appendChunk(dst, p []byte) []byte {
	if len(p) == 0 {
		return dst
	}
	dst = appendChunkHead(dst, len(p))
	dst = append(dst, p...)
	return append(dst, "\r\n"...)
}

func appendChunkHead(dst []byte, size int) []byte {
	dst = strconv.AppendInt(dst, int64(size), 16)
	return append(dst, "\r\n"...)
}

const lastChunk = "0\r\n\r\n"
