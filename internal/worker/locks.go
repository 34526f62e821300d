package worker

import (
	"regexp"
	"strings"
)

// exclusive are the last lines of tracebacks of what only one process may have.
var exclusive = regexp.MustCompile(`(?m)^(?:` + strings.Join([]string{
	`(?:zc\.lockfile\.)?LockError: `,
	`(?:[\w.]+\.)?OperationalError: .*database is locked`,
	`(?:[\w.]+\.)?(?:BlockingIOError|OSError|IOError|error): \[Errno (?:11|98)\] `, // EAGAIN, EADDRINUSE
	`(?:[\w.]+\.)?PermissionError: \[Errno 13\] .*(?:lock|flock)`,
	`(?:portalocker\.exceptions\.)?(?:LockException|AlreadyLocked)\b`,
	`(?:filelock\.[\w.]*)?Timeout: The file lock `,
	`(?:[\w.]+\.)?DBLockError\b`,
	`lmdb\.LockError\b`,
}, "|") + `)`)

// LockHint says, of an error that is about something that only one process may
// have, what to do about it, or "". serving says whether other workers serve.
func (e *LoadError) LockHint(serving bool) string {
	if e.Stage == "fork" || !exclusive.MatchString(e.Error()) && !exclusive.MatchString(e.Traceback) {
		return ""
	}
	if serving {
		return "another worker has what only one process may have: processes = 1, preload = false and overlap = no in [pasted:workers] let the old one end before the new one starts"
	}
	return "another process has what only one process may have; where that is a worker of this application: processes = 1, preload = false and overlap = no in [pasted:workers]"
}
