package h1_test

import (
	"bytes"
	"strings"
	"testing"

	"pasted/internal/h1"
)

const curlHead = "GET / HTTP/1.1\r\n" +
	"Host: 127.0.0.1:8080\r\n" +
	"User-Agent: curl/8.5.0\r\n" +
	"Accept: */*\r\n" +
	"\r\n"

const browserHead = "GET /shop/items/42?sort=price&page=3&utm_source=mail HTTP/1.1\r\n" +
	"Host: www.example.com\r\n" +
	"Connection: keep-alive\r\n" +
	"Cache-Control: max-age=0\r\n" +
	"sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n" +
	"sec-ch-ua-mobile: ?0\r\n" +
	"sec-ch-ua-platform: \"Linux\"\r\n" +
	"Upgrade-Insecure-Requests: 1\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36\r\n" +
	"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Sec-Fetch-Mode: navigate\r\n" +
	"Sec-Fetch-Dest: document\r\n" +
	"Referer: https://www.example.com/shop/items?page=2\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n" +
	"Cookie: session=6f1b2c3d4e5f60718293a4b5c6d7e8f9; csrftoken=AbCdEfGhIjKlMnOpQrStUvWxYz012345\r\n" +
	"\r\n"

func BenchmarkHead(b *testing.B) {
	for _, head := range []struct{ name, text string }{{"curl", curlHead}, {"browser", browserHead}} {
		b.Run(head.name, func(b *testing.B) {
			data := []byte(head.text)
			var h h1.Head
			var limits h1.Limits
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if n, refusal := h.Read(data, &limits); n != len(data) {
					b.Fatal(n, refusal)
				}
			}
		})
	}
}

// BenchmarkHeadByteByByte shows that a head that drips in costs no more than
// its bytes: no line is looked at again.
func BenchmarkHeadByteByByte(b *testing.B) {
	data := []byte(browserHead)
	var h h1.Head
	var limits h1.Limits
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for i := range data {
			if _, refusal := h.Read(data[:i+1], &limits); refusal != nil {
				b.Fatal(refusal)
			}
		}
	}
}

func BenchmarkChunkedBody(b *testing.B) {
	for _, chunks := range []struct {
		name string
		text string
	}{
		{"1", strings.Repeat("1\r\na\r\n", 1000)},
		{"1000", strings.Repeat("3e8\r\n"+strings.Repeat("a", 1000)+"\r\n", 100)},
	} {
		b.Run(chunks.name, func(b *testing.B) {
			head := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
			data := []byte(chunks.text + "0\r\n\r\n")
			var h h1.Head
			var body h1.Body
			var limits h1.Limits
			if _, refusal := h.Read(head, &limits); refusal != nil {
				b.Fatal(refusal)
			}
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				body.Start(&h, &limits)
				for rest := data; !body.Done(); {
					n, _, refusal := body.Next(rest)
					if refusal != nil {
						b.Fatal(refusal)
					}
					rest = rest[n:]
				}
			}
		})
	}
}

// TestNothingIsAllocated holds what the benchmarks show, refusals included.
func TestNothingIsAllocated(t *testing.T) {
	var h h1.Head
	var body h1.Body
	var limits h1.Limits
	post := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	browser := []byte(browserHead)
	refused := bytes.Replace(browser, []byte("Host"), []byte("Hos "), 1)
	read := func() {
		h.Read(browser, &limits)
		h.Reset()
		h.Read(refused, &limits)
		h.Reset()
		n, _ := h.Read(post, &limits)
		body.Start(&h, &limits)
		for !body.Done() {
			more, _, _ := body.Next(post[n:])
			n += more
		}
	}
	if allocs := testing.AllocsPerRun(100, read); allocs > 0 {
		t.Errorf("%v allocations a request, want none", allocs)
	}
}
