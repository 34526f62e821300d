package worker_test

import (
	"testing"

	"pasted/internal/worker"
)

func TestLocksThatOneProcessHasAreKnown(t *testing.T) {
	for _, c := range []struct {
		class, text string
		isLock      bool
	}{
		{"zc.lockfile.LockError", "Couldn't lock 'Data.fs.lock'", true},
		{"sqlite3.OperationalError", "database is locked", true},
		{"OSError", "[Errno 98] Address already in use", true},
		{"BlockingIOError", "[Errno 11] Resource temporarily unavailable", true},
		{"lmdb.LockError", "data.mdb: Resource temporarily unavailable", true},
		{"sqlite3.OperationalError", "no such table: users", false},
		{"OSError", "[Errno 2] No such file or directory: 'lock'", false},
		{"ValueError", "database is locked", false},
	} {
		for _, serving := range []bool{true, false} {
			e := &worker.LoadError{Stage: "load", Class: c.class, Text: c.text}
			if hint := e.LockHint(serving); (hint != "") != c.isLock {
				t.Errorf("%v: hint %q, want one: %v", e, hint, c.isLock)
			}
		}
		e := &worker.LoadError{
			Stage: "load", Class: "RuntimeError", Text: "no storage",
			Traceback: "Traceback (most recent call last):\n  File \"app.py\", line 7, in open\n" + c.class + ": " + c.text + "\n\nDuring handling …\n\nRuntimeError: no storage\n",
		}
		if hint := e.LockHint(true); (hint != "") != c.isLock {
			t.Errorf("caused by %s: %s: hint %q, want one: %v", c.class, c.text, hint, c.isLock)
		}
	}
}
