package h1

// contentLength notes a Content-Length field. RFC 9112, 6.3 lets a recipient
// take a list, or several fields, of equal numbers, and RFC 9110, 8.6 lets it
// refuse them. They are refused: nobody sends them who does not want one server
// to see another length than the next.
func (h *Head) contentLength(value []byte, l *Limits) *Refusal {
	if h.sized {
		return refuseLengthTwice
	}
	if len(value) == 0 {
		return refuseLength
	}
	length, long := int64(0), false
	for _, c := range value {
		if !isDigit(c) {
			return refuseLength
		}
		digit := int64(c - '0')
		if long = long || length > (mostBody-digit)/10; !long {
			length = length*10 + digit
		}
	}
	if long || length > l.body() {
		return refuseBodyLong
	}
	h.sized, h.Length = true, length
	return nil
}

// transferEncoding notes the codings of a Transfer-Encoding field, the list of
// which several fields continue. Empty members and parameters of chunked, which
// others could read as something else, are refused (RFC 9112, 7.1).
func (h *Head) transferEncoding(value []byte) *Refusal {
	h.coded = true
	for i := 0; ; i++ {
		for i < len(value) && isSpace(value[i]) {
			i++
		}
		start := i
		i = skipClass(value, i, inToken)
		coding := value[start:i]
		for i < len(value) && isSpace(value[i]) {
			i++
		}
		switch {
		case len(coding) == 0:
			return refuseCoding
		case h.chunked:
			return refuseCodingFinal
		case isToken(coding, "chunked"):
			h.chunked = true
		case i < len(value) && value[i] == ';':
			return refuseCodingOther // whatever its parameters say
		default:
			h.otherCoding = true
		}
		if i == len(value) {
			return nil
		}
		if value[i] != ',' {
			return refuseCoding
		}
	}
}

// framing decides where the body ends (RFC 9112, 6.3). Without either field
// there is none. Codings that do not end in chunked leave it open: 400, which
// must be, and not the 501 of an unknown coding (6.1), which should. With
// Content-Length beside them, or in HTTP/1.0, somebody on the way has read the
// message in another way.
func (h *Head) framing() *Refusal {
	switch {
	case !h.coded:
		return nil
	case h.Minor == 0:
		return refuseCoding10
	case h.sized:
		return refuseCodingLength
	case !h.chunked:
		return refuseCodingFinal
	case h.otherCoding:
		return refuseCodingOther
	}
	h.Length = -1
	return nil
}

// connection notes the options of a Connection field (RFC 9110, 7.6.1).
func (h *Head) connection(value []byte) *Refusal {
	for i := 0; ; {
		start, end, next, ok := nextToken(value, i)
		if !ok {
			return refuseConnection
		}
		if start == end {
			return nil
		}
		switch option := value[start:end]; {
		case isToken(option, "close"):
			h.closes = true
		case isToken(option, "keep-alive"):
			h.keeps = true
		case isToken(option, "upgrade"):
			h.names = true
		}
		i = next
	}
}

// expect notes an Expect field. Its one expectation counts for nothing in
// HTTP/1.0 (RFC 9110, 10.1.1).
func (h *Head) expect(value []byte) *Refusal {
	for i := 0; ; {
		start, end, next, ok := nextToken(value, i)
		if !ok {
			return refuseExpect
		}
		if start == end {
			return nil
		}
		if !isToken(value[start:end], "100-continue") {
			return refuseExpect
		}
		h.expects = true
		i = next
	}
}

// announced looks at the names in a Trailer field. That one of them may not be
// a trailer is said now, and not when the body has been sent.
func announced(value []byte) *Refusal {
	for i := 0; ; {
		start, end, next, ok := nextToken(value, i)
		if !ok || forbidden(value[start:end]) {
			return refuseTrailerField
		}
		if start == end {
			return nil
		}
		i = next
	}
}

// HasLength says whether the head has a Content-Length field.
func (h *Head) HasLength() bool { return h.sized }
