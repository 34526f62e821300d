package strict_test

import (
	"testing"

	"pasted/e2e/harness"
)

// skipWhileOpen skips a test while the server forgets a part of a head because
// the client before has ended its sending: then nothing that comes in pieces is
// read, and every test here would say only that.
func skipWhileOpen(t *testing.T, server *harness.Server) {
	t.Helper()
	message := []byte(head("GET / HTTP/1.1", "Host: a"))
	for range 50 {
		m := manners(0)[1]
		if got := converse(t, server.Addr, message, m); got.verdict() != "served 1" {
			t.Skipf("open: behind a client that has ended its sending, a request sent %s is lost", m.name)
		}
	}
}
