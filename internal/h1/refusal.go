package h1

import "slices"

// A Refusal is why a request is not served. There is one for each rule, always
// the same pointer, so that refusals can be counted by it and cost nothing.
// After one, an answer may be sent, but the connection ends with it: where the
// next request would begin is not known, or not to be believed.
type Refusal struct {
	// Name is a word for metrics, such as "host_twice". No two are the same.
	Name string
	// Code is the status to answer with.
	Code int
	// Reason says in a few words what stands there or what is wanted. It can
	// be shown to the client.
	Reason string
	// Rule names the paragraph, such as "RFC 9112, 3.2".
	Rule string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Reason + " (" + r.Rule + ")" }

// Refusals returns every refusal that Head.Read and Body.Next can return, for
// who counts them. The slice is the caller's, the refusals are not.
func Refusals() []*Refusal { return slices.Clone(refusals) }

// The refusals of a request line.
var (
	refuseTLS          = &Refusal{"tls", 400, "a TLS handshake on a plain-text port", "RFC 9112, 3"}
	refuseEmptyLines   = &Refusal{"empty_lines", 400, "more than one empty line before the request", "RFC 9112, 2.2"}
	refuseStart        = &Refusal{"start", 400, "a request begins with a method", "RFC 9112, 3"}
	refuseBareCR       = &Refusal{"bare_cr", 400, "a CR without LF", "RFC 9112, 2.2"}
	refuseBareLF       = &Refusal{"bare_lf", 400, "a line that does not end in CRLF", "RFC 9112, 2.2"}
	refuseMethod       = &Refusal{"method", 400, "a method is a token, followed by one space", "RFC 9112, 3.1"}
	refuseMethodLong   = &Refusal{"method_long", 501, "no such method", "RFC 9112, 3"}
	refuseLineLong     = &Refusal{"request_line_long", 414, "the request line is too long", "RFC 9112, 3"}
	refuseTarget       = &Refusal{"target", 400, "a character that no request target has", "RFC 9112, 3.2"}
	refuseTargetEmpty  = &Refusal{"target_empty", 400, "method, target and version with one space between them", "RFC 9112, 3"}
	refuseTargetForm   = &Refusal{"target_form", 400, "the target's form is none that this method has", "RFC 9112, 3.2"}
	refusePercent      = &Refusal{"percent", 400, "a % without two hexadecimal digits", "RFC 3986, 2.1"}
	refuseScheme       = &Refusal{"scheme", 421, "a target whose scheme is not http or https", "RFC 9110, 7.4"}
	refuseUserinfo     = &Refusal{"userinfo", 400, "a target with user information", "RFC 9110, 4.2.4"}
	refuseAuthority    = &Refusal{"authority", 400, "the target's authority is not host and port", "RFC 9110, 4.2.1"}
	refuseConnectPort  = &Refusal{"connect_port", 400, "CONNECT wants host and port", "RFC 9110, 9.3.6"}
	refuseVersion      = &Refusal{"version", 400, "the request line ends in one space and a version", "RFC 9112, 2.3"}
	refuseMajorVersion = &Refusal{"version_major", 505, "this is HTTP/1.1", "RFC 9110, 15.6.6"}
)

// The refusals of fields, in a head or in trailers.
var (
	refuseFold      = &Refusal{"fold", 400, "a line that begins with white space", "RFC 9112, 5.2"}
	refuseFirstFold = &Refusal{"first_fold", 400, "white space before the first field", "RFC 9112, 2.2"}
	refuseName      = &Refusal{"field_name", 400, "a field name is a token, followed by a colon", "RFC 9110, 5.1"}
	refuseNameSpace = &Refusal{"field_name_space", 400, "white space before a colon", "RFC 9112, 5.1"}
	refuseValue     = &Refusal{"field_value", 400, "a control character in a field", "RFC 9110, 5.5"}
	refuseFieldLong = &Refusal{"field_long", 431, "a field is too long", "RFC 6585, 5"}
	refuseFields    = &Refusal{"fields", 431, "too many fields", "RFC 6585, 5"}
	refuseHeadLong  = &Refusal{"head_long", 431, "the head is too long", "RFC 6585, 5"}
)

// The refusals of what fields say.
var (
	refuseHostMissing  = &Refusal{"host_missing", 400, "no Host field", "RFC 9112, 3.2"}
	refuseHostTwice    = &Refusal{"host_twice", 400, "more than one Host field", "RFC 9112, 3.2"}
	refuseHost         = &Refusal{"host", 400, "the Host field is not host and port", "RFC 9112, 3.2"}
	refuseLength       = &Refusal{"length", 400, "the Content-Length is not a number", "RFC 9112, 6.3"}
	refuseLengthTwice  = &Refusal{"length_twice", 400, "more than one Content-Length", "RFC 9110, 8.6"}
	refuseTypeTwice    = &Refusal{"type_twice", 400, "more than one Content-Type", "RFC 9110, 5.3"}
	refuseBodyLong     = &Refusal{"body_long", 413, "the body is too large", "RFC 9110, 15.5.14"}
	refuseCoding       = &Refusal{"coding", 400, "the Transfer-Encoding is not a list of codings", "RFC 9112, 6.1"}
	refuseCodingFinal  = &Refusal{"coding_final", 400, "chunked is not the final transfer coding, once", "RFC 9112, 6.3"}
	refuseCodingOther  = &Refusal{"coding_other", 501, "a transfer coding other than chunked", "RFC 9112, 6.1"}
	refuseCodingLength = &Refusal{"coding_length", 400, "Transfer-Encoding beside Content-Length", "RFC 9112, 6.1"}
	refuseCoding10     = &Refusal{"coding_http10", 400, "Transfer-Encoding in HTTP/1.0", "RFC 9112, 6.1"}
	refuseConnection   = &Refusal{"connection", 400, "the Connection field is not a list of tokens", "RFC 9110, 7.6.1"}
	refuseExpect       = &Refusal{"expect", 417, "an expectation other than 100-continue", "RFC 9110, 10.1.1"}
	refuseTrace        = &Refusal{"trace_body", 400, "a TRACE request with a body", "RFC 9110, 9.3.8"}
	refuseTrailerField = &Refusal{"trailer_announced", 400, "the Trailer field is not a list of field names, or has one that no trailer may have", "RFC 9110, 6.6.2"}
)

// The refusals of a body.
var (
	refuseChunkSize    = &Refusal{"chunk_size", 400, "a chunk begins with its size in hexadecimal digits, and CRLF", "RFC 9112, 7.1"}
	refuseChunkDigits  = &Refusal{"chunk_digits", 400, "a chunk's size has too many digits", "RFC 9112, 7.1"}
	refuseExtension    = &Refusal{"chunk_extension", 400, "a chunk extension is ;name or ;name=value", "RFC 9112, 7.1.1"}
	refuseExtensions   = &Refusal{"chunk_extensions_long", 413, "too many chunk extensions", "RFC 9112, 7.1.1"}
	refuseChunkEnd     = &Refusal{"chunk_end", 400, "a chunk's data is not followed by CRLF", "RFC 9112, 7.1"}
	refuseTrailer      = &Refusal{"trailer", 400, "a field that no trailer may have", "RFC 9110, 6.5.1"}
	refuseTrailersLong = &Refusal{"trailers_long", 431, "the trailers are too long", "RFC 6585, 5"}
)

var refusals = []*Refusal{
	refuseTLS, refuseEmptyLines, refuseStart, refuseBareCR, refuseBareLF, refuseMethod, refuseMethodLong,
	refuseLineLong, refuseTarget, refuseTargetEmpty, refuseTargetForm, refusePercent, refuseScheme, refuseUserinfo,
	refuseAuthority, refuseConnectPort, refuseVersion, refuseMajorVersion,
	refuseFold, refuseFirstFold, refuseName, refuseNameSpace, refuseValue, refuseFieldLong, refuseFields,
	refuseHeadLong,
	refuseHostMissing, refuseHostTwice, refuseHost, refuseLength, refuseLengthTwice, refuseTypeTwice, refuseBodyLong,
	refuseCoding, refuseCodingFinal, refuseCodingOther, refuseCodingLength, refuseCoding10, refuseConnection, refuseExpect,
	refuseTrace, refuseTrailerField,
	refuseChunkSize, refuseChunkDigits, refuseExtension, refuseExtensions, refuseChunkEnd, refuseTrailer,
	refuseTrailersLong,
}
