package httpd_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"pasted/internal/httpd"
)

func TestHTTP2HeadsAreReadFromAnyFrames(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(echo))
	usual := []string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"}
	client := s.dialRaw(t)
	stream := uint32(1)
	for _, fields := range [][]string{{"x", "y"}, {"connection", "x-secret"}, {"x", "y"}, {"te", "trailers"}, {"te", "gzip"}, {"x", "y"}} {
		want := "stream %d: 200"
		if fields[0] == "connection" || fields[1] == "gzip" {
			want = "reset %d: PROTOCOL_ERROR"
		}
		for _, padding := range []uint8{0, 7} {
			for _, split := range []int{0, 1, 5, 1000} {
				client.block.Reset()
				all := append(append([]string{}, usual...), fields...)
				for i := 0; i < len(all); i += 2 {
					client.hpack.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
				}
				block := client.block.Bytes()
				split = min(split, len(block))
				client.WriteHeaders(http2.HeadersFrameParam{
					StreamID: stream, BlockFragment: block[:split], EndStream: true, EndHeaders: split == len(block),
					PadLength: padding, Priority: http2.PriorityParam{Weight: padding},
				})
				if split < len(block) {
					client.WriteContinuation(stream, false, block[split:split+1])
					client.WriteContinuation(stream, true, block[split+1:])
				}
				if got := client.next(); got != fmt.Sprintf(want, stream) {
					t.Errorf("%q padded by %d, split at %d: %q, want %q", fields, padding, split, got, fmt.Sprintf(want, stream))
				}
				stream += 2
			}
		}
	}
	if text := s.log.String(); !strings.Contains(text, "HTTP/2 ends a stream: PROTOCOL_ERROR") {
		t.Errorf("resets are not counted: %s", text)
	}
}

func TestTheLastOfSeveralHTTP2SettingsHolds(t *testing.T) {
	s := serve(t, httpd.Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "abcdef")
	}))
	client := s.dialRaw(t)
	window := func(size uint32) http2.Setting {
		return http2.Setting{ID: http2.SettingInitialWindowSize, Val: size}
	}
	client.WriteSettings(window(100), http2.Setting{ID: http2.SettingEnablePush, Val: 0}, window(2))
	client.ask(1, true, ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a")
	for {
		f, err := client.ReadFrame()
		if err != nil {
			t.Fatal(err)
		}
		if data, ok := f.(*http2.DataFrame); ok {
			if got := string(data.Data()); got != "ab" {
				t.Errorf("got %q through a window of two", got)
			}
			return
		}
	}
}

// cutFrames returns the frames in p, and what is left of it.
func cutFrames(p []byte) (frames [][]byte, rest []byte) {
	for len(p) >= 9 {
		size := 9 + int(p[0])<<16 + int(p[1])<<8 + int(p[2])
		if size > len(p) {
			break
		}
		frames, p = append(frames, p[:size]), p[size:]
	}
	return frames, p
}

// FuzzHTTP2Frames: every frame is passed on, in its order, with its type, flags
// and stream; only heads get longer, by the same bytes, and settings shorter.
func FuzzHTTP2Frames(f *testing.F) {
	f.Add([]byte("\x00\x00\x0c\x04\x00\x00\x00\x00\x00" + "\x00\x04\x00\x00\x00\x01" + "\x00\x04\x00\x00\x00\x02"))
	f.Add([]byte("\x00\x00\x06\x01\x05\x00\x00\x00\x01" + "\x00\x02te\x01x" + "\x00\x00\x01\x00\x01\x00\x00\x00\x01a"))
	f.Add([]byte("\x00\x00\x0d\x01\x2c\x00\x00\x00\x01" + "\x01\x00\x00\x00\x00\x07" + "\x00\x02te\x01xp"))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := append([]byte(http2.ClientPreface), data...)
		out, err := io.ReadAll(httpd.PassFrames(bytes.NewReader(in)))
		if err != nil && err != io.ErrUnexpectedEOF {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(out, []byte(http2.ClientPreface)) {
			t.Fatalf("the preface is %.24q", out)
		}
		sent, _ := cutFrames(data)
		got, _ := cutFrames(out[len(http2.ClientPreface):])
		if len(sent) != len(got) {
			t.Fatalf("%d frames are %d: %q, %q", len(sent), len(got), sent, got)
		}
		for i := range sent {
			if !bytes.Equal(sent[i][3:9], got[i][3:9]) {
				t.Fatalf("frame %d: %q has become %q", i, sent[i], got[i])
			}
			if bytes.Equal(sent[i], got[i]) {
				continue
			}
			kind := http2.FrameType(sent[i][3])
			longer := len(got[i]) - len(sent[i])
			head := kind == http2.FrameHeaders || kind == http2.FrameContinuation
			if !(head && longer == 4) && !(kind == http2.FrameSettings && longer < 0 && longer%6 == 0) {
				t.Fatalf("frame %d: %q has become %q", i, sent[i], got[i])
			}
		}
	})
}
