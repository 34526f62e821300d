package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// TestNoRoomForBodiesCostsThoseRequestsAlone has a TMPDIR that is not there.
func TestNoRoomForBodiesCostsThoseRequestsAlone(t *testing.T) {
	t.Parallel()
	server := serve(t, site{
		file: filepath.Join("testdata", "wsgi", "wsgi.ini"), python: systemPython(t), env: []string{"TMPDIR=/nowhere/at/all"},
	})
	client := newClient(t)
	large := call{method: "POST", url: server.URL + "/echo", body: io.MultiReader(bytes.NewReader(binaryBody(64 << 20)))}
	if page, err := do(t, client, large); err == nil && page.StatusCode < 500 {
		t.Errorf("a body that cannot be stored: %s", page.Status)
	}
	checkInput(t, client, server.URL+"/echo", "small", 0, false)
}

func TestLargeHeadsPassBothWays(t *testing.T) {
	t.Parallel()
	server := serveWSGI(t, systemPython(t))
	client := newClient(t)
	long := strings.Repeat("x", 30000)
	page := want(t, client, http.StatusOK, call{
		url: server.URL + "/environ?" + long[:10000], header: []string{"X-Long", long, "Cookie", "a=" + long[:8000]},
	})
	var got struct{ Environ map[string]any }
	page.decode(t, &got)
	if got.Environ["HTTP_X_LONG"] != long || got.Environ["QUERY_STRING"] != long[:10000] {
		t.Error("what arrived is not what was sent")
	}
	page = get(t, client, server.URL+"/many?count=1000&size=200")
	if values := page.Header.Values("X-Many"); len(values) != 1000 || values[999] != fmt.Sprintf("999%s", strings.Repeat("y", 200)) {
		t.Errorf("%d fields X-Many, want 1000", len(values))
	}
}
