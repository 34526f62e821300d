package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// bodyLimit is for the answers that carry largeSize.
const bodyLimit = 10 * time.Minute

// largeSize is how large a body is; PASTED_BIG, in MB, makes it another size.
var largeSize = sizeOfLarge()

func sizeOfLarge() int {
	if mb, err := strconv.Atoi(os.Getenv("PASTED_BIG")); err == nil {
		return mb << 20
	}
	return 256 << 20
}

// serveBig serves testdata/big with pasted as it is shipped: the race detector
// would be measured too.
func serveBig(t *testing.T) *harness.Server {
	t.Helper()
	binary, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, site{file: filepath.Join("testdata", "big", "big.ini"), python: systemPython(t), binary: binary})
}

// patientClient is a client for large bodies.
func patientClient(t *testing.T) *http.Client {
	client := newClient(t)
	client.Timeout = bodyLimit
	return client
}

func TestLargeUploadStaysOutOfMemory(t *testing.T) {
	t.Parallel()
	server := serveBig(t)
	client := patientClient(t)
	for _, way := range []string{"with a length", "in chunks", "with a length, streamed", "in chunks, streamed"} {
		sum := sha256.New()
		page := "/take"
		if strings.HasSuffix(way, "streamed") {
			page = "/stream/take"
		}
		req, err := http.NewRequest("PUT", server.URL+page, io.TeeReader(newNoise(int64(largeSize)), sum))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(way, "with a length") {
			req.ContentLength = int64(largeSize)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var got struct {
			Length int64
			SHA256 string
		}
		if err != nil || resp.StatusCode != http.StatusOK || decodeJSON(text, &got) != nil {
			t.Fatalf("%s: %s %q, %v", way, resp.Status, text, err)
		}
		if got.Length != int64(largeSize) || got.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
			t.Errorf("%s: the application got %d bytes %s, sent %d of %x", way, got.Length, got.SHA256, largeSize, sum.Sum(nil))
		}
	}
	checkPeaks(t, server)
}

// giveTests are ways to give a large body. A piece is what the application
// yields at once.
var giveTests = []struct{ name, query string }{
	{"in chunks", "piece=65536"},
	{"with a length", "piece=65536&length=1"},
	{"in odd pieces", "piece=100003&length=1"},
	{"in one piece", fmt.Sprintf("piece=%d", largeSize)},
}

func TestLargeDownloadStaysOutOfMemory(t *testing.T) {
	t.Parallel()
	server := serveBig(t)
	client := patientClient(t)
	for i, test := range giveTests {
		if i == len(giveTests)-1 {
			checkPeaks(t, server) // before the application itself takes all that memory
		}
		address := fmt.Sprintf("%s/give?size=%d&%s", server.URL, largeSize, test.query)
		if got, want := download(t, client, address, int64(largeSize)), givenSum(test.query); got != want {
			t.Errorf("%s: downloaded %s, want %s", test.name, got, want)
		}
	}
	address := fmt.Sprintf("%s/write?size=%d", server.URL, largeSize)
	if got, want := download(t, client, address, int64(largeSize)), givenSum(fmt.Sprintf("piece=%d", 1<<20)); got != want {
		t.Errorf("by write(): downloaded %s, want %s", got, want)
	}
	checkPeak(t, server)
}

// TestLargeFileStaysOutOfMemory leaves the reading to wsgi.file_wrapper.
func TestLargeFileStaysOutOfMemory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "noise")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, sum), newNoise(int64(largeSize))); err != nil {
		t.Fatal(err)
	}
	server := serveBig(t)
	got := download(t, patientClient(t), server.URL+"/send?path="+url.QueryEscape(path), int64(largeSize))
	if want := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("downloaded %s, want %s", got, want)
	}
	checkPeaks(t, server)
}

// checkPeaks is checkPeak, and holds each Python process to the same.
func checkPeaks(t *testing.T, server *harness.Server) {
	t.Helper()
	checkPeak(t, server)
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", server.ServerPID()))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no children of the server are seen: %v", err)
	}
	workers := 0
	for _, path := range paths {
		pids, _ := os.ReadFile(path) // a thread that has ended has none
		for _, pid := range strings.Fields(string(pids)) {
			n, err := strconv.Atoi(pid)
			if err != nil {
				t.Fatal(err)
			}
			workers++
			if peak := harness.PeakMemory(t, n); peak > peakLimit {
				t.Errorf("peak memory of Python process %d: %d MB, want at most %d", n, peak>>20, peakLimit>>20)
			} else {
				t.Logf("peak memory of Python process %d: %d MB", n, peak>>20)
			}
		}
	}
	if workers == 0 {
		t.Error("the server has no Python processes")
	}
}

// givenSum is the digest of what testdata/big gives for a query of giveTests.
func givenSum(query string) string {
	piece := 0
	fmt.Sscanf(query, "piece=%d", &piece)
	block := givenBlock()
	for len(block) < piece {
		block = append(block, block...)
	}
	sum := sha256.New()
	for left := largeSize; left > 0; left -= piece {
		sum.Write(block[:min(piece, left)])
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// givenBlock is BLOCK of testdata/big.
func givenBlock() []byte {
	var block bytes.Buffer
	for n := range 32768 {
		sum := sha256.Sum256(fmt.Append(nil, n))
		block.Write(sum[:])
	}
	return block.Bytes()
}

// TestSlowReaderHoldsNoLane asks for more than any buffer holds, and then
// reads a byte a second: the only lane must serve others meanwhile.
func TestSlowReaderHoldsNoLane(t *testing.T) {
	t.Parallel()
	server := serveBig(t)
	slow := dial(t, server)
	if err := slow.Conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	slow.send(fmt.Sprintf("GET /give?size=%d&length=1 HTTP/1.1\r\nHost: x\r\n\r\n", largeSize))
	client := newClient(t)
	one := make([]byte, 1)
	for range 4 {
		if _, err := io.ReadFull(slow.Conn, one); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if page := get(t, client, server.URL+"/hello"); page.String() != "hello\n" {
			t.Errorf("%q", page)
		}
		if elapsed := time.Since(began); elapsed > 10*time.Second {
			t.Errorf("another client waited %v", elapsed)
		}
		time.Sleep(time.Second)
	}
	slow.Close()
	get(t, client, server.URL+"/hello")
	checkPeak(t, server)
}
