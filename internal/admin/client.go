package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

// askTime is how long a server may take to answer: it looks at the memory of
// each worker.
const askTime = 20 * time.Second

// mostStatus bounds an answer, in bytes.
const mostStatus = 64 << 20

// ErrNone says that no server was found.
var ErrNone = errors.New("no server answers")

// dial connects to an admin socket.
func dial(path string) (net.Conn, error) {
	return net.DialTimeout("unix", path, 2*time.Second)
}

// Find returns the sockets of the servers that run: of those of file, an
// absolute path, or, where that is empty, of all. Those that dead servers have
// left are not among them. The error says which this user may not connect to.
func Find(file string) ([]string, error) {
	pattern := "*.sock"
	if file != "" {
		pattern = prefixOf(file) + pattern
	}
	var found []string
	var denied error
	for _, dir := range allDirs(os.Getenv, os.Getuid()) {
		if _, err := os.ReadDir(dir); errors.Is(err, fs.ErrPermission) {
			denied = fmt.Errorf("%s: %w", dir, fs.ErrPermission)
		}
		paths, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, path := range paths {
			if slices.Contains(found, path) {
				continue
			}
			conn, err := dial(path)
			switch {
			case err == nil:
				conn.Close()
				found = append(found, path)
			case errors.Is(err, syscall.EACCES):
				denied = fmt.Errorf("%s: %w", path, fs.ErrPermission)
			}
		}
	}
	if len(found) == 0 && denied != nil {
		return nil, denied
	}
	return found, nil
}

// Ask returns what the server behind a socket tells. An error of connecting
// wraps ErrNone where nobody is there.
func Ask(ctx context.Context, path string) (*Status, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	transport := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(path) }}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://pasted/status", nil)
	if err != nil {
		return nil, err
	}
	answer, err := transport.RoundTrip(r)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the server answers %s", path, answer.Status)
	}
	s := new(Status)
	if err := json.NewDecoder(http.MaxBytesReader(nil, answer.Body, mostStatus)).Decode(s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.PID == 0 {
		return nil, fmt.Errorf("%s: who answers there is not Pasted", path)
	}
	return s, nil
}
