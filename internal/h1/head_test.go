package h1_test

import (
	"bytes"
	"fmt"
	"testing"

	"pasted/internal/h1"
)

func TestRefusalStaysUntilReset(t *testing.T) {
	var h h1.Head
	var limits h1.Limits
	bad := []byte("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
	at, refusal := h.Read(bad, &limits)
	if refusal == nil || refusal.Name != "field_name_space" || at != 20 {
		t.Fatalf("Read() = %d, %v, want field_name_space at 20", at, refusal)
	}
	good := []byte(curlHead)
	if n, again := h.Read(good, &limits); n != at || again != refusal {
		t.Errorf("Read() after a refusal = %d, %v, want the same", n, again)
	}
	h.Reset()
	if n, refusal := h.Read(good, &limits); n != len(good) || refusal != nil {
		t.Errorf("Read() after Reset = %d, %v, want %d", n, refusal, len(good))
	}
}

func TestBodyRefusalStays(t *testing.T) {
	var h h1.Head
	var body h1.Body
	var limits h1.Limits
	head := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
	if _, refusal := h.Read(head, &limits); refusal != nil {
		t.Fatal(refusal)
	}
	body.Start(&h, &limits)
	at, _, refusal := body.Next([]byte("5x"))
	if refusal == nil || at != 1 || body.Done() {
		t.Fatalf("Next() = %d, %v, done %t, want a refusal at 1", at, refusal, body.Done())
	}
	if n, _, again := body.Next([]byte("5\r\nhello\r\n")); n != 1 || again != refusal || body.Done() {
		t.Errorf("Next() after a refusal = %d, %v, want the same", n, again)
	}
}

// TestNoByteIsLookedAtTwice puts a line end into what has been looked at: a
// search that began anew would find it.
func TestNoByteIsLookedAtTwice(t *testing.T) {
	for _, text := range []string{"GET /abc HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: abc\r\n"} {
		data := []byte(text)
		var h h1.Head
		var limits h1.Limits
		if n, refusal := h.Read(data[:len(data)-3], &limits); n != 0 || refusal != nil {
			t.Fatal(n, refusal)
		}
		data[bytes.IndexByte(data, 'b')] = '\n'
		if _, refusal := h.Read(data, &limits); refusal == nil || refusal.Name == "bare_lf" {
			t.Errorf("%q: refused with %v, want the line to end where it does", text, refusal)
		}
	}
}

func TestHeadIsReadFromMovedBytes(t *testing.T) {
	var h h1.Head
	var limits h1.Limits
	for i := range len(browserHead) {
		// A copy with nothing behind it, and gone at the next turn.
		piece := append(make([]byte, 0, i), browserHead[:i]...)
		if n, refusal := h.Read(piece, &limits); n != 0 || refusal != nil {
			t.Fatal(n, refusal)
		}
		clear(piece)
	}
	data := []byte(browserHead + "next")
	n, refusal := h.Read(data, &limits)
	if n != len(browserHead) || refusal != nil {
		t.Fatalf("Read() = %d, %v, want %d", n, refusal, len(browserHead))
	}
	if len(h.Bytes) != n || cap(h.Bytes) != n {
		t.Errorf("Bytes has %d bytes, room for %d, want %d", len(h.Bytes), cap(h.Bytes), n)
	}
	last := h.Fields[len(h.Fields)-1]
	if got := string(h.Text(last.Name)); len(h.Fields) != 16 || got != "Cookie" {
		t.Errorf("field %d is %q, want Cookie as the 16th", len(h.Fields), got)
	}
}

// What a connection does with what it has read.
func ExampleHead_Read() {
	data := []byte("PUT /a?b HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n" +
		"GET /d HTTP/1.1\r\nHost: c\r\n\r\n")
	var head h1.Head
	var body h1.Body
	var limits h1.Limits
	for len(data) > 0 {
		n, refusal := head.Read(data, &limits)
		if refusal != nil || n == 0 {
			fmt.Println(refusal)
			return
		}
		fmt.Printf("%s %s of %s\n", head.Text(head.Method), head.Text(head.Target), head.Text(head.Host))
		body.Start(&head, &limits)
		data = data[n:]
		for !body.Done() {
			n, part, refusal := body.Next(data)
			if refusal != nil {
				fmt.Println(refusal)
				return
			}
			fmt.Printf("  %q\n", data[part.Start:part.End])
			data = data[n:]
		}
	}
	// Output:
	// PUT /a?b of c
	//   "hello "
	//   "world"
	//   ""
	// GET /d of c
}

// TestControlCharactersAreFoundAnywhere puts each byte at each place of values
// of every length up to three words.
func TestControlCharactersAreFoundAnywhere(t *testing.T) {
	var limits h1.Limits
	for length := 1; length <= 24; length++ {
		for at := range length {
			for c := range 256 {
				value := bytes.Repeat([]byte("\xe4"), length)
				value[at] = byte(c)
				var h h1.Head
				n, refusal := h.Read(fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: a\r\nX: %s\r\n\r\n", value), &limits)
				want := c >= ' ' && c != 0x7f || c == '\t'
				if taken := n > 0 && refusal == nil; taken != want {
					t.Fatalf("byte %#x at %d of %d: taken %t, want %t", c, at, length, taken, want)
				}
			}
		}
	}
}
