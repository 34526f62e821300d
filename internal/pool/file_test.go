package pool_test

import (
	"encoding/binary"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/internal/wire"
)

// sendFile sends a File frame with descriptors.
func (w *fakeWorker) sendFile(lane int, f wire.Frame, files ...*os.File) {
	var fds []int
	for _, file := range files {
		fds = append(fds, int(file.Fd()))
	}
	_, _, _ = w.ends[lane].WriteMsgUnix(wire.Append(nil, f), unix.UnixRights(fds...), nil)
}

// fileFrame is a File frame for f with a stretch of a file.
func fileFrame(f wire.Frame, offset, length uint64, head []byte) wire.Frame {
	payload := binary.LittleEndian.AppendUint64(nil, offset)
	payload = binary.LittleEndian.AppendUint64(payload, length)
	return wire.Frame{Kind: wire.File, Flags: wire.FlagEnd, Number: f.Number, Payload: append(payload, head...)}
}

// openFiles counts this process's descriptors below dir.
func openFiles(t *testing.T, dir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc/self/fd to count descriptors in")
	}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, dir) {
			n++
		}
	}
	return n
}

// A worker that lies about a file gets no more than its own request spoilt, or is
// ended; no descriptor is left in any case.
func TestHandlerTrustsNoFile(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(path string) *os.File {
		file, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		return file
	}
	good := head(t, "200 OK", "X-File", "yes")
	for _, test := range []struct {
		name           string
		offset, length uint64
		files          []string
		head           []byte
		status         int // 0: the connection breaks
		body           string
	}{
		{"a stretch", 2, 5, []string{path}, good, 200, "23456"},
		{"a length of the application's", 2, 5, []string{path}, head(t, "200 OK", "Content-Length", "3"), 200, "234"},
		{"a length beyond it", 2, 5, []string{path}, head(t, "200 OK", "Content-Length", "6"), 0, ""},
		{"a stretch beyond the end", 8, 5, []string{path}, good, 0, ""},
		{"no descriptor", 0, 5, nil, good, 502, ""},
		{"a directory", 0, 5, []string{dir}, good, 502, ""},
		{"no number", 1 << 63, 5, []string{path}, good, 502, ""},
		{"a sum that overflows", 1<<63 - 1, 5, []string{path}, good, 502, ""},
		{"a head that is none", 0, 5, []string{path}, []byte("nonsense"), 500, ""},
		{"too many descriptors", 0, 5, []string{path, path, path, path, path, path}, good, 502, ""},
	} {
		s, _ := serve(t, 1, func(w *fakeWorker, lane int, f wire.Frame) {
			var files []*os.File
			for _, path := range test.files {
				files = append(files, open(path))
			}
			w.sendFile(lane, fileFrame(f, test.offset, test.length, test.head), files...)
			for _, file := range files {
				_ = file.Close()
			}
		})
		resp, err := http.Get(s.URL)
		var body []byte
		if err == nil {
			body, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		switch {
		case test.status == 0 && err == nil:
			t.Errorf("%s: %s, %q looks whole", test.name, resp.Status, body)
		case test.status == 0:
		case err != nil:
			t.Errorf("%s: %v", test.name, err)
		case resp.StatusCode != test.status || test.body != "" && string(body) != test.body:
			t.Errorf("%s: %s, %q", test.name, resp.Status, body)
		}
		s.Close()
		deadline := time.Now().Add(20 * time.Second)
		for openFiles(t, dir) > 0 && time.Now().Before(deadline) {
			time.Sleep(time.Millisecond)
		}
		if n := openFiles(t, dir); n > 0 {
			t.Errorf("%s: %d descriptors are left", test.name, n)
		}
	}
}
