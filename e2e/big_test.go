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
	"testing"
	"time"

	"pasted/e2e/harness"
)

// bodyLimit is for the answers that carry 200 MB.
const bodyLimit = 3 * time.Minute

const largeSize = 200 << 20

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
	for _, way := range []string{"with a length", "in chunks"} {
		sum := sha256.New()
		req, err := http.NewRequest("PUT", server.URL+"/take", io.TeeReader(newNoise(largeSize), sum))
		if err != nil {
			t.Fatal(err)
		}
		if way == "with a length" {
			req.ContentLength = largeSize
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
		if got.Length != largeSize || got.SHA256 != hex.EncodeToString(sum.Sum(nil)) {
			t.Errorf("%s: the application got %d bytes %s, sent %d of %x", way, got.Length, got.SHA256, largeSize, sum.Sum(nil))
		}
	}
	checkPeak(t, server)
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
	for _, test := range giveTests {
		address := fmt.Sprintf("%s/give?size=%d&%s", server.URL, largeSize, test.query)
		if got, want := download(t, client, address, largeSize), givenSum(test.query); got != want {
			t.Errorf("%s: downloaded %s, want %s", test.name, got, want)
		}
	}
	address := fmt.Sprintf("%s/write?size=%d", server.URL, largeSize)
	if got, want := download(t, client, address, largeSize), givenSum(fmt.Sprintf("piece=%d", 1<<20)); got != want {
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
	if _, err := io.Copy(io.MultiWriter(file, sum), newNoise(largeSize)); err != nil {
		t.Fatal(err)
	}
	server := serveBig(t)
	got := download(t, patientClient(t), server.URL+"/send?path="+url.QueryEscape(path), largeSize)
	if want := hex.EncodeToString(sum.Sum(nil)); got != want {
		t.Errorf("downloaded %s, want %s", got, want)
	}
	checkPeak(t, server)
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
