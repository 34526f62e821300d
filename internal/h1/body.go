package h1

// A Body reads what follows a head. The zero value has no bytes and is done;
// Start makes it a body. It is not safe for concurrent use.
type Body struct {
	// Trailers are the fields behind a chunked body, when it is done. Their
	// spans are offsets into what was given to the call of Next that ended
	// the body. They are not fields of the head and must not become any.
	Trailers []Field

	state chunkState
	left  int64 // of the content, or of this chunk's data
	read  int64 // of the body before this chunk
	most  int64 // that the body may have

	zeros      int // that this chunk's size begins with
	digits     int // of this chunk's size, from the first that is no zero
	extensions int // bytes of extensions of all chunks up to now
	lines      lines

	refusal *Refusal
	at      int // where the refusal was in the last call
	limits  *Limits
}

// A chunkState is what the next byte is part of.
type chunkState uint8

const (
	bodyDone chunkState = iota
	bodyContent
	chunkSize
	chunkAfterValue // white space after a size or a value
	chunkName       // white space, or a name's first byte
	chunkInName
	chunkAfterName // white space
	chunkValue     // white space, or a value's first byte
	chunkInValue
	chunkQuoted
	chunkEscaped
	chunkQuoteEnd
	chunkLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailers
	bodyRefused
)

// mostChunkDigits is how many digits a chunk's size has at most: as many as 64
// bits have. mostChunkZeros is how many zeros stand before them: they are not
// forbidden, and say nothing.
const (
	mostChunkDigits = 16
	mostChunkZeros  = 64
)

// Start begins the body that follows h, which Read has read and found a request.
// limits must not change until the body is done.
func (b *Body) Start(h *Head, limits *Limits) {
	*b = Body{Trailers: b.Trailers[:0], limits: limits, most: limits.body()}
	switch {
	case h.Length > 0:
		b.state, b.left = bodyContent, h.Length
	case h.Length < 0:
		b.state = chunkSize
	}
}

// Done says whether the body has ended and been read wholly.
func (b *Body) Done() bool { return b.state == bodyDone }

// Next reads from data up to the end of the first stretch of content in it. It
// returns how many bytes that were, and which of them are the stretch; what
// lies between stretches is the chunks' own. After a stretch, go on with
// data[n:]. Where part is empty and the body is not Done, more is needed: Next
// then wants to be called with data[n:] and more behind it, so that a trailer
// section can be seen as a whole. Where the body is done, data[n] is the next
// request's first byte.
//
// With a refusal n is the offset in data of what is wrong. Every further call
// returns the same.
func (b *Body) Next(data []byte) (n int, part Span, refusal *Refusal) {
	for b.state != bodyDone {
		switch b.state {
		case bodyContent, chunkData:
			if n == len(data) {
				return n, part, nil
			}
			took := int(min(int64(len(data)-n), b.left))
			part = Span{uint32(n), uint32(n + took)}
			b.take(took)
			return n + took, part, nil
		case chunkTrailers:
			return b.readTrailers(data, n)
		case bodyRefused:
			return b.at, part, b.refusal
		}
		if n == len(data) {
			return n, part, nil
		}
		if refusal := b.step(data[n]); refusal != nil {
			return b.refuse(n, refusal)
		}
		n++
	}
	return n, part, nil
}

// refuse ends the body for good.
func (b *Body) refuse(at int, refusal *Refusal) (int, Span, *Refusal) {
	b.state, b.at, b.refusal = bodyRefused, at, refusal
	return at, Span{}, refusal
}

// take counts n bytes of content.
func (b *Body) take(n int) {
	b.left -= int64(n)
	switch {
	case b.left > 0:
	case b.state == bodyContent:
		b.state = bodyDone
	default:
		b.state = chunkDataCR
	}
}

// step reads one byte of what lies between the stretches of a chunked body
// (RFC 9112, 7.1).
func (b *Body) step(c byte) *Refusal {
	switch b.state {
	case chunkSize:
		return b.size(c)
	case chunkLF:
		if c != '\n' {
			return refuseBareCR
		}
		return b.begin()
	case chunkDataCR:
		if c != '\r' {
			return refuseChunkEnd
		}
		b.state = chunkDataLF
		return nil
	case chunkDataLF:
		if c != '\n' {
			return refuseChunkEnd
		}
		b.state = chunkSize
		return nil
	}
	if c == '\r' && (b.state == chunkInName || b.state == chunkInValue || b.state == chunkQuoteEnd) {
		b.state = chunkLF
		return nil
	}
	return b.countExtension(c)
}

// size reads a byte of a chunk's size, or the first one after it.
func (b *Body) size(c byte) *Refusal {
	switch {
	case c == '0' && b.digits == 0:
		if b.zeros++; b.zeros > mostChunkZeros {
			return refuseChunkDigits
		}
		return nil
	case chars[c]&inHex != 0:
		if b.digits++; b.digits > mostChunkDigits {
			return refuseChunkDigits
		}
		if b.left >= 1<<(63-4) {
			return refuseBodyLong
		}
		b.left = b.left<<4 | hexDigit(c)
		return nil
	case b.digits == 0 && b.zeros == 0:
		return refuseChunkSize
	case c == '\r':
		b.state = chunkLF
		return nil
	case c == ';' || isSpace(c):
		b.state = chunkAfterValue
		return b.countExtension(c)
	}
	return refuseChunkSize
}

func hexDigit(c byte) int64 {
	if isDigit(c) {
		return int64(c - '0')
	}
	return int64(c|0x20-'a') + 10
}

// begin begins a chunk's data, or ends the chunks.
func (b *Body) begin() *Refusal {
	b.zeros, b.digits = 0, 0
	if b.left == 0 {
		b.state = chunkTrailers
		return nil
	}
	if b.left > b.most-b.read {
		return refuseBodyLong
	}
	b.read += b.left
	b.state = chunkData
	return nil
}

// countExtension reads a byte of a chunk extension, of which there may be so
// many (RFC 9112, 7.1.1).
func (b *Body) countExtension(c byte) *Refusal {
	if b.extensions++; b.extensions > b.limits.extensions() {
		return refuseExtensions
	}
	next := extension(b.state, c)
	if next == bodyRefused {
		return refuseExtension
	}
	b.state = next
	return nil
}

// extension returns the state after state and c, a byte of a chunk extension:
//
//	*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS ( token / quoted-string ) ] )
//
// It is bodyRefused where c has no place.
func extension(state chunkState, c byte) chunkState {
	switch state {
	case chunkName, chunkValue:
		switch {
		case isSpace(c):
			return state
		case chars[c]&inToken != 0:
			return state + 1
		case c == '"' && state == chunkValue:
			return chunkQuoted
		}
		return bodyRefused
	case chunkInName, chunkInValue:
		if chars[c]&inToken != 0 {
			return state
		}
	case chunkQuoted:
		return quoted(c)
	case chunkEscaped:
		if isControl(c) {
			return bodyRefused
		}
		return chunkQuoted
	}
	return between(state, c)
}

// quoted returns the state after c within quotes (RFC 9110, 5.6.4).
func quoted(c byte) chunkState {
	switch {
	case c == '"':
		return chunkQuoteEnd
	case c == '\\':
		return chunkEscaped
	case isControl(c):
		return bodyRefused
	}
	return chunkQuoted
}

// between returns the state after c, which ends a size, a name or a value, or
// stands behind one.
func between(state chunkState, c byte) chunkState {
	named := state == chunkInName || state == chunkAfterName
	switch {
	case c == ';':
		return chunkName
	case c == '=' && named:
		return chunkValue
	case isSpace(c) && named:
		return chunkAfterName
	case isSpace(c):
		return chunkAfterValue
	}
	return bodyRefused
}

// readTrailers reads the trailer section, which begins at from, when all of it
// is there (RFC 9112, 7.1.2).
func (b *Body) readTrailers(data []byte, from int) (int, Span, *Refusal) {
	section := data[from:]
	most, total, count := b.limits.fieldLine(), b.limits.trailers(), b.limits.fields()
	for {
		start := b.lines.start
		at, refusal := b.lines.section(section, most, total, refuseTrailersLong)
		switch {
		case refusal != nil:
		case at == lineShort:
			return from, Span{}, nil
		case at == lineEmpty:
			b.state = bodyDone
			b.shiftTrailers(uint32(from))
			return from + start + len("\r\n"), Span{}, nil
		case len(b.Trailers) >= count:
			at, refusal = start, refuseFields
		default:
			b.lines.advance(at + 1)
			at, refusal = b.trailer(section, start, at-1)
		}
		if refusal != nil {
			return b.refuse(from+at, refusal)
		}
	}
}

// trailer reads one field line of the trailer section.
func (b *Body) trailer(section []byte, start, end int) (int, *Refusal) {
	f, at, refusal := readField(section, start, end)
	if refusal != nil {
		return at, refusal
	}
	if forbidden(section[f.Name.Start:f.Name.End]) {
		return start, refuseTrailer
	}
	b.Trailers = append(b.Trailers, f)
	return 0, nil
}

// shiftTrailers turns the spans of trailers from offsets into their section,
// which may have come in many calls, into offsets into what the last was given.
func (b *Body) shiftTrailers(by uint32) {
	for i := range b.Trailers {
		f := &b.Trailers[i]
		f.Name = Span{f.Name.Start + by, f.Name.End + by}
		f.Value = Span{f.Value.Start + by, f.Value.End + by}
	}
}
