package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pasted/e2e/harness"
)

// serveFew serves testdata/wsgi with a limit of 64 descriptors, of which the
// server needs some twenty for itself.
func serveFew(t *testing.T) *harness.Server {
	t.Helper()
	opts := site{file: filepath.Join("testdata", "wsgi", "wsgi.ini"), python: systemPython(t)}.options(t)
	opts.Wrap = []string{"sh", "-c", `ulimit -n 64; exec "$0" "$@"`}
	server := harness.Start(t, opts)
	t.Cleanup(func() {
		if lines := server.Stderr.Lines("few descriptors are left"); len(lines) == 0 || len(lines) > 200 {
			t.Errorf("the log says %d times that descriptors are few", len(lines))
		}
		if n := len(server.Stderr.Lines("level=ERROR")); n > 0 {
			t.Errorf("%d errors in the log", n)
		}
	})
	return server
}

// manyConnections is more than serveFew's server has descriptors for.
const manyConnections = 100

// Clients that say nothing take no service from others, once they have left.
func TestFewDescriptorsAreNoEnd(t *testing.T) {
	t.Parallel()
	whateverTheWay(t)
	server := serveFew(t)
	var conns []*rawConn
	for range 2 * manyConnections {
		conns = append(conns, dial(t, server))
	}
	server.Logged(answerLimit, "few descriptors are left")
	for _, conn := range conns {
		conn.Close()
	}
	began := time.Now()
	get(t, newClient(t), server.URL+"/environ")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("answered after %v", took)
	}
}

// A connection that nobody asks anything on makes room for one that waits.
func TestIdleConnectionsMakeRoomWhereDescriptorsAreFew(t *testing.T) {
	t.Parallel()
	server := serveFew(t)
	for i := range manyConnections {
		conn := dial(t, server) // and stays
		conn.send("GET /environ HTTP/1.1\r\nHost: x\r\n\r\n")
		if a := conn.answer("GET"); a.StatusCode != http.StatusOK {
			t.Fatalf("connection %d: %s", i, a.Status)
		}
	}
}

// What is in flight at the limit is answered, what waits is answered after it, and
// there is a descriptor left for each worker that must be started meanwhile, and
// for a body that is stored.
func TestNothingIsLostWhereDescriptorsAreFew(t *testing.T) {
	t.Parallel()
	server := serveFew(t)
	var uploads []*rawConn
	for range manyConnections {
		conn := dial(t, server)
		conn.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf ")
		uploads = append(uploads, conn)
	}
	large := binaryBody(20 << 20)
	uploads[0].send("done.POST /echo HTTP/1.1\r\nHost: x\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(large)))
	if a := uploads[0].answer("POST"); a.StatusCode != http.StatusOK {
		t.Fatalf("before the large body: %s", a.Status)
	}
	server.Logged(answerLimit, "few descriptors are left")
	for _, p := range server.Processes() {
		if strings.HasPrefix(p.Command, "pasted_worker 0 ") {
			_ = syscall.Kill(p.PID, syscall.SIGKILL)
		}
	}
	server.Logged(answerLimit, "worker exited")
	if _, err := uploads[0].Write(large); err != nil {
		t.Fatal(err)
	}
	if a := uploads[0].answer("POST"); a.StatusCode != http.StatusOK || !bytes.Contains(a.body, fmt.Appendf(nil, `"length": %d`, len(large))) {
		t.Errorf("a large body: %s %s", a.Status, a)
	}
	for i, conn := range uploads[1:] {
		if err := conn.SetDeadline(time.Now().Add(answerLimit)); err != nil {
			t.Fatal(err)
		}
		conn.send("done.")
		if a := conn.answer("POST"); a.StatusCode != http.StatusOK || !strings.Contains(a.String(), `"length": 10`) {
			t.Fatalf("upload %d: %s %s", i+1, a.Status, a)
		}
		if i%2 == 0 {
			conn.Close() // the others make room when they have been idle
		}
	}
}
