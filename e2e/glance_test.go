package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pasted/e2e/harness"
)

const imageSize = 200 << 20

// serveGlance serves Glance from the paste file of its distribution, taken in
// by one of the files in testdata/glance.
func serveGlance(t *testing.T, file, binary string) *harness.Server {
	t.Helper()
	dir := t.TempDir()
	env := venv(t, "glance")
	for _, name := range []string{file, "glance_setup.py", "policy.yaml", "glance-api.conf"} {
		copyFile(t, filepath.Join("testdata", "glance", name), filepath.Join(dir, name))
	}
	opts := site{
		file: filepath.Join(dir, file), python: python(t, "glance"), binary: binary,
		vars: []string{"paste_ini=" + filepath.Join(env, "etc", "glance", "glance-api-paste.ini")},
	}.options(t)
	prepareGlance(t, env, dir, fmt.Sprintf("http://127.0.0.1:%d", opts.Port))
	return harness.Start(t, opts)
}

// prepareGlance writes Glance's configuration, its folders and its database.
func prepareGlance(t *testing.T, env, dir, url string) {
	t.Helper()
	conf := filepath.Join(dir, "glance-api.conf")
	text, err := os.ReadFile(conf)
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("{dir}", dir, "{url}", url).Replace(string(text))
	if err := os.WriteFile(conf, []byte(filled), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"images", "staging", "tasks", "cache", "lock"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sync := exec.Command(filepath.Join(env, "bin", "glance-manage"), "--config-dir", dir, "db_sync")
	if out, err := sync.CombinedOutput(); err != nil {
		t.Fatalf("glance-manage db_sync: %v\n%s", err, out)
	}
}

// An image is what Glance says of one.
type image struct {
	ID, Name, Status string
	Size             int64
}

// TestGlanceStoresAnImage creates an image, uploads 200 MB in chunks, reads
// the same bytes back, finds it in the list, and deletes it.
func TestGlanceStoresAnImage(t *testing.T) {
	t.Parallel()
	binary, err := binaries.Plain()
	if err != nil {
		t.Fatal(err)
	}
	server := serveGlance(t, "site.ini", binary)
	client := patientClient(t)
	made := createImage(t, client, server.URL)
	data := server.URL + "/v2/images/" + made.ID + "/file"

	sent := sha256.New()
	want(t, client, http.StatusNoContent, call{
		method: "PUT", url: data, body: io.TeeReader(newNoise(imageSize), sent),
		header: []string{"Content-Type", "application/octet-stream"},
	})
	if got := download(t, client, data, imageSize); got != hex.EncodeToString(sent.Sum(nil)) {
		t.Errorf("downloaded %s, sent %x", got, sent.Sum(nil))
	}
	if list := listImages(t, client, server.URL); len(list) != 1 || list[0].Status != "active" || list[0].Size != imageSize {
		t.Errorf("list: %+v, want one active image of %d bytes", list, imageSize)
	}
	want(t, client, http.StatusNoContent, call{method: "DELETE", url: server.URL + "/v2/images/" + made.ID})
	want(t, client, http.StatusNotFound, call{url: data})
	if list := listImages(t, client, server.URL); len(list) != 0 {
		t.Errorf("list after the end: %+v", list)
	}
	checkPeak(t, server)
}

// TestGlanceIsTakenInAsPasteDeployTakesIt goes the two other ways in, those
// that PasteDeploy knows: as a pipeline's item, and with every child taken in
// by a use of its own, there with an import in each worker.
func TestGlanceIsTakenInAsPasteDeployTakesIt(t *testing.T) {
	for _, file := range []string{"use.ini", "pipeline.ini"} {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			useGlance(t, serveGlance(t, file, ""))
		})
	}
}

func useGlance(t *testing.T, server *harness.Server) {
	client := newClient(t)
	versions := want(t, client, http.StatusMultipleChoices, call{url: server.URL + "/"})
	if !strings.Contains(versions.String(), server.URL+"/v2/") {
		t.Errorf("versions do not name this server: %s", versions)
	}
	if page := get(t, client, server.URL+"/healthcheck"); page.String() != "OK" {
		t.Errorf("healthcheck: %q", page)
	}
	made := createImage(t, client, server.URL)
	if list := listImages(t, client, server.URL); len(list) != 1 || list[0].ID != made.ID {
		t.Errorf("list: %+v, want %s", list, made.ID)
	}
	want(t, client, http.StatusNotFound, call{url: server.URL + "/v2/images/none"})
	want(t, client, http.StatusBadRequest, call{
		method: "POST", url: server.URL + "/v2/images", body: strings.NewReader("{"),
		header: []string{"Content-Type", "application/json"},
	})
}

func createImage(t *testing.T, client *http.Client, url string) image {
	t.Helper()
	var made image
	want(t, client, http.StatusCreated, call{
		method: "POST", url: url + "/v2/images", header: []string{"Content-Type", "application/json"},
		body: strings.NewReader(`{"name": "noise", "disk_format": "raw", "container_format": "bare"}`),
	}).decode(t, &made)
	return made
}

func listImages(t *testing.T, client *http.Client, url string) []image {
	t.Helper()
	var list struct{ Images []image }
	get(t, client, url+"/v2/images").decode(t, &list)
	return list.Images
}

// download reads the address to its end and returns what sha256 makes of it.
func download(t *testing.T, client *http.Client, url string, size int64) string {
	t.Helper()
	resp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s", url, resp.Status)
	}
	sum := sha256.New()
	n, err := io.Copy(sum, resp.Body)
	if err != nil || n != size {
		t.Fatalf("GET %s: %d bytes, %v; want %d", url, n, err, size)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// newNoise returns n bytes that nothing can make smaller, the same each time.
// Its type hides its length, so that it is sent in chunks.
func newNoise(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
}

// peakLimit is what the server process may use while bodies of 200 MB go
// through it.
const peakLimit = 100 << 20

func checkPeak(t *testing.T, server *harness.Server) {
	t.Helper()
	if peak := harness.PeakMemory(t, server.ServerPID()); peak > peakLimit {
		t.Errorf("peak memory %d MB, want at most %d", peak>>20, peakLimit>>20)
	} else {
		t.Logf("peak memory %d MB", peak>>20)
	}
}
