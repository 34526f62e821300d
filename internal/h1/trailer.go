package h1

// neverTrailers are the names of fields that no trailer may have, in lower case:
// they frame or route the message, say who sends it, change what the request
// asks for, or how its content is read, and would come too late or past whoever
// has judged the head (RFC 9110, 6.5.1). What else belongs into a head, such as
// Content-Type or Vary, does no harm where nobody takes a trailer for a field
// of the head.
var neverTrailers = [...]string{
	// framing and the connection
	"transfer-encoding", "content-length", "trailer", "te", "connection", "keep-alive", "proxy-connection",
	"upgrade", "http2-settings",
	// routing
	"host", "max-forwards", "via", "forwarded", "x-real-ip",
	// what is asked for
	"cache-control", "expect", "pragma", "range", "if-match", "if-none-match", "if-modified-since",
	"if-unmodified-since", "if-range", "prefer", "early-data", "origin", "x-http-method-override",
	// who asks
	"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info",
	"proxy-authentication-info", "cookie", "set-cookie",
	// how the content is read
	"content-encoding", "content-range",
}

// forbidden says whether a field of this name, a token, is refused as a
// trailer. Of the X-Forwarded ones each is.
func forbidden(name []byte) bool {
	if hasPrefix(name, "x-forwarded-") {
		return true
	}
	for _, never := range neverTrailers {
		if isToken(name, never) {
			return true
		}
	}
	return false
}

func hasPrefix(name []byte, lower string) bool {
	return len(name) >= len(lower) && isToken(name[:len(lower)], lower)
}
