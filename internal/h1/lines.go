package h1

import "bytes"

// lines finds the ends of lines in bytes that arrive in pieces, and looks at
// each byte once.
type lines struct {
	start   int // of the line that is looked for
	scanned int // from start up to here there is no LF
}

// What first and next find.
const (
	lineShort = -1 // not enough of the line is there yet
	lineLong  = -2 // the line is longer than most bytes, or reaches over total
	lineEmpty = -3 // the empty line that ends a section
	lineField = -4 // a line that begins as a field does
)

// first looks at how a field line begins, so that one that begins badly need
// not end to be refused; the refusal is about its first byte. What it says does
// not depend on how much of the line is there either.
func (s *lines) first(data []byte, total int) (int, *Refusal) {
	switch i := s.start; {
	case i >= total:
		return lineLong, nil
	case i == len(data):
		return lineShort, nil
	case chars[data[i]]&inToken != 0:
		return lineField, nil
	case data[i] != '\r':
		return lineShort, refuseFieldStart(data[i])
	case i+1 >= total:
		return lineLong, nil
	case i+1 == len(data):
		return lineShort, nil
	case data[i+1] != '\n':
		return lineShort, refuseBareCR
	}
	return lineEmpty, nil
}

func refuseFieldStart(c byte) *Refusal {
	switch c {
	case ' ', '\t':
		return refuseFold
	case '\n':
		return refuseBareLF
	}
	return refuseName
}

// section reads one line of a head or of trailers: it returns the offset of the
// LF that ends a field line, lineShort, lineEmpty, or a refusal and its offset.
// long is the refusal of a section that has more than total bytes.
func (s *lines) section(data []byte, most, total int, long *Refusal) (int, *Refusal) {
	kind, refusal := s.first(data, total)
	if refusal != nil {
		return s.start, refusal
	}
	if kind == lineField {
		kind = s.next(data, most, total)
	}
	switch {
	case kind == lineLong && total-s.start <= most+1:
		return s.start, long
	case kind == lineLong:
		return s.start, refuseFieldLong
	case kind >= 0 && data[kind-1] != '\r':
		return kind, refuseBareLF
	}
	return kind, nil
}

// next returns the offset of the LF that ends the line, lineShort or lineLong.
// A line has most bytes before its CRLF; with it, it ends before total. Whether
// it is too long depends on its length alone, not on how much of it is there.
func (s *lines) next(data []byte, most, total int) int {
	last := min(s.start+most+1, total-1) // where its LF may be
	end := max(min(len(data), last+1), s.scanned)
	if i := bytes.IndexByte(data[s.scanned:end], '\n'); i >= 0 {
		return s.scanned + i
	}
	s.scanned = end
	if len(data) > last {
		return lineLong
	}
	return lineShort
}

// advance begins the next line at start.
func (s *lines) advance(start int) { s.start, s.scanned = start, start }

// readField reads the field line data[start:end], which is without its CRLF and
// begins with a token, or returns a refusal and its offset (RFC 9112, 5).
func readField(data []byte, start, end int) (Field, int, *Refusal) {
	line := data[start:end]
	colon := skipClass(line, 1, inToken)
	if colon == len(line) || line[colon] != ':' {
		return Field{}, start + colon, refuseFieldName(line, colon)
	}
	from, to := colon+1, len(line)
	for from < to && isSpace(line[from]) {
		from++
	}
	for to > from && isSpace(line[to-1]) {
		to--
	}
	if at := control(line[from:to]); at >= 0 {
		at += from
		if line[at] == '\r' {
			return Field{}, start + at, refuseBareCR
		}
		return Field{}, start + at, refuseValue
	}
	base := uint32(start)
	return Field{
		Name:  Span{base, base + uint32(colon)},
		Value: Span{base + uint32(from), base + uint32(to)},
	}, 0, nil
}

// refuseFieldName returns why a line whose first i bytes are a token begins
// with no field name.
func refuseFieldName(line []byte, i int) *Refusal {
	switch {
	case i == len(line):
		return refuseName
	case line[i] == '\r':
		return refuseBareCR
	case isSpace(line[i]):
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i < len(line) && line[i] == ':' {
			return refuseNameSpace
		}
	}
	return refuseName
}
