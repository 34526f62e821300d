package h1

import "bytes"

// lines finds the ends of lines in bytes that arrive in pieces, and looks at
// each byte once.
type lines struct {
	start   int // of the line that is looked for
	scanned int // from start up to here there is no LF
}

// What next finds.
const (
	lineShort = -1 // the line's end is not there yet
	lineLong  = -2 // the line is longer than most bytes, or reaches over total
)

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

// readField reads the field line data[start:end], which is without its CRLF, or
// returns a refusal and its offset (RFC 9112, 5).
func readField(data []byte, start, end int) (Field, int, *Refusal) {
	line := data[start:end]
	colon := skipClass(line, 0, inToken)
	if colon == 0 || colon == len(line) || line[colon] != ':' {
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
	case i == 0 && isSpace(line[0]):
		return refuseFold
	case line[i] == '\r':
		return refuseBareCR
	case i > 0 && isSpace(line[i]):
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i < len(line) && line[i] == ':' {
			return refuseNameSpace
		}
	}
	return refuseName
}
