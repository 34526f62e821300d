package strict_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The framing fields in disguise: @ stands for each byte there is. A server
// that does not see the field, or sees it differently from the one before it,
// takes the rest of the body for a request.
var disguises = []string{
	"Transfer-Encoding:@chunked", "Transfer-Encoding@: chunked", "@Transfer-Encoding: chunked",
	"Transfer-Encoding: chunked@", "Transfer-Encoding:@ chunked", "Transfer-Encoding: @chunked", "Transfer@Encoding: chunked",
	"Transfer-Encoding: chun@ked", "Transfer-Encoding: a@chunked", "Transfer-Encoding: chunked@a",
	"X: Y@Transfer-Encoding: chunked", "Transfer-Encoding: chunked@X: Y",
	"X: Y\r@Transfer-Encoding: chunked", "X: Y@\nTransfer-Encoding: chunked",
	"Transfer-Encoding: chunked\r@X: Y", "Transfer-Encoding: chunked@\nX: Y",
	"@Transfer-Encoding@: chunked", "Transfer-Encoding@:@chunked@", "@Transfer-Encoding: @chunked", "X: Y\r\n@Transfer-Encoding: chunked",
	"X@Transfer-Encoding: chunked", "Transfer-Encoding:chunked\r\n@: b",
}

// wordDisguises are those without a byte to vary.
var wordDisguises = []string{
	"Transfer-Encoding: chunked", "Transfer_Encoding: chunked", "Transfer Encoding: chunked", "Content-Encoding: chunked",
	"Transfer-Encoding: chunk", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunkedx", "Transfer-Encoding: \"chunked\"",
	"Transfer-Encoding: 'chunked'", "Transfer-Encoding: chunked, cow", "Transfer-Encoding: cow, chunked", "Transfer-Encoding: chunked, identity",
	"Transfer-Encoding: identity, chunked", "Transfer-Encoding: identity", "Transfer-Encoding: cow chunked bar", "Transfer-Encoding: chunked;q=1",
	"Transfer-Encoding: , chunked", "Transfer-Encoding: chunked,", "Transfer-Encoding:", "Transfer-Encoding: chunked\r\nTransfer-Encoding: cow",
	"Transfer-Encoding: cow\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
	"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", "Transfer-Encoding:\r\n chunked", "Transfer-Encoding: \r\n\tchunked",
	"Transfer-Encoding\r\n : chunked", "X: Y\r\n Transfer-Encoding: chunked", "TRANSFER-ENCODING: CHUNKED", "transfer-encoding:CHUNKED",
	"Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked", "X-Transfer-Encoding: chunked", "Transfer-Encodings: chunked",
	"Transfer-Encoding: \xc2\xa0chunked", "Transfer-Encoding: chunked\xe2\x80\x8b", "Transf\xc4\xb1r-Encoding: chunked", "Tran\xc5\xbffer-Encoding: chunked",
}

// TestNoDisguiseSmugglesARequest puts each disguise beside a Content-Length
// whose body is chunks to whoever believes the other field, with a request
// behind the last chunk. It is refused, or the disguise is only some field and
// the whole body is the body.
func TestNoDisguiseSmugglesARequest(t *testing.T) {
	const body = "0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	var lines []string
	for _, disguise := range disguises {
		for c := range 256 {
			lines = append(lines, strings.ReplaceAll(disguise, "@", string([]byte{byte(c)})))
		}
	}
	lines = append(lines, wordDisguises...)
	server := start(t, short)
	taken := 0
	for i, line := range lines {
		length := fmt.Sprintf("Content-Length: %d", len(body))
		for _, fields := range [][]string{{length, line}, {line, length}} {
			message := head(append([]string{"POST /first HTTP/1.1", "Host: a"}, fields...)...) + body +
				head("GET /second HTTP/1.1", "Host: a")
			got := converse(t, server.Addr, []byte(message), manners(uint64(i))[2*(i%2)])
			switch {
			case got.code != 0 && len(got.served) == 0:
			case got.code == 0 && slices.Equal(got.served, []served{{"POST", "/first", "", "a", body}, {"GET", "/second", "", "a", ""}}):
				taken++
			default:
				t.Errorf("%q: %s %q", fields, got.verdict(), got.served)
			}
		}
	}
	t.Logf("%d messages: %d whose disguise is only a field, %d refused", 2*len(lines), taken, 2*len(lines)-taken)
}

// lengths are what may be taken for a number by one server and not by the next.
var lengths = []string{
	"", "+3", "-3", "-0", "0x3", "0o3", "3.0", "3e0", "1_0", "3 ", " 3", "\t3", "3;", "3,", ",3", "3, 3", "3,3", "3 3", "03", "003", "0", "00",
	"3\x00", "\x003", "3\x0b", "3\x0c", "\"3\"", "'3'", "3\r\nContent-Length: 3", "3\r\nContent-Length: 4", "3\r\nContent-Length:", "٣", "\xb3", "３", "3\u00a0",
	"18446744073709551619", "9223372036854775811", "4294967299", "99999999999999999999999999999999999999", "3a", "a", "chunked", "3\r\n 0", "3\r\n\t",
}

// TestLengthsAreDecimalNumbers sends a body of three bytes and a request behind
// it with each of them.
func TestLengthsAreDecimalNumbers(t *testing.T) {
	good := []string{"3 ", " 3", "\t3", "03", "003"}
	server := start(t, short)
	for i, length := range lengths {
		message := head("POST / HTTP/1.1", "Host: a", "Content-Length:"+length) + "abc" + head("GET /second HTTP/1.1", "Host: a")
		got := converse(t, server.Addr, []byte(message), manners(uint64(i))[i%3])
		want := "refused 400"
		switch {
		case slices.Contains(good, length):
			want = "served 2"
		case strings.Trim(length, "0") == "" && length != "":
			want = "served 2" // abcGET is a method, too
		}
		if verdict := got.verdict(); verdict != want && !(want == "refused 400" && verdict == "refused 413") {
			t.Errorf("Content-Length:%q: %s, want %s", length, verdict, want)
		}
	}
}

// sizes are what may be taken for a chunk's size.
var sizes = []string{
	"", " 3", "3 ", "\t3", "3\t", "+3", "-3", "-0", "0x3", "x3", "3h", "3.", "3_0", "1_0", "3,", "3;", "3; ", "3;;a", "3;=b", "3;a=", "3;a=\"", "3;a=b c", "3 a",
	"3;\x00", "3;a\x00", "3;a=\"\x00\"", "3;a\n", "3;a\r", "3\r", "3\x0b", "3\x0c", "３", "٣", "3\xa0", "3\u200b", "g", "3 3",
	"ffffffffffffffff3", "10000000000000003", "100000003\x00", "fffffffffffffffd", "8000000000000003", "7fffffffffffffff", "\"3\"", "3\"", "3;a=\"\r\n\"",
}

// TestChunkSizesAreHexadecimalNumbers sends a chunk of three bytes, the last
// one and a request behind them with each of them.
func TestChunkSizesAreHexadecimalNumbers(t *testing.T) {
	server := start(t, short)
	for i, size := range sizes {
		for _, end := range []string{"\r\n", "\n", "\r", "\n\r", "\r\r\n", "\x00\r\n"} {
			if size+end == "3\r\n" || size+end == "3;a\r\n" {
				continue // so it should be
			}
			message := head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked") + size + end + "abc\r\n0\r\n\r\n" +
				head("GET /second HTTP/1.1", "Host: a")
			got := converse(t, server.Addr, []byte(message), manners(uint64(i))[i%3])
			if len(got.served) != 0 || got.code != 400 && got.code != 413 {
				t.Errorf("size %q: %s, want a refusal", size+end, got.verdict())
			}
		}
	}
}
