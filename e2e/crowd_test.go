package e2e_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pasted/e2e/harness"
)

// A crowd is many clients that do not behave as one would like.
type crowd struct {
	clients int
	// most is how many bytes of memory the server may take for each.
	most int64
	// come has one client do what it does. It stays until its connection, if it
	// still has one, is closed.
	come func(c *net.TCPConn) error
}

// crowdSize is how many clients come: 2000, or what PASTED_E2E_CROWD says, as
// far as this process and the server may have so many descriptors.
func crowdSize(t *testing.T) int {
	size := 2000
	if text := os.Getenv("PASTED_E2E_CROWD"); text != "" {
		var err error
		if size, err = strconv.Atoi(text); err != nil {
			t.Fatalf("PASTED_E2E_CROWD: %v", err)
		}
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	return min(size, int(limit.Cur)-200)
}

func TestCrowdsTakeNothingFromOthersAndLeaveNothing(t *testing.T) {
	many := crowdSize(t)
	for name, c := range map[string]crowd{
		"idle": {many, 4 << 10, func(c *net.TCPConn) error {
			return firstByte(c, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		}},
		"slow heads": {many, 16 << 10, func(c *net.TCPConn) error {
			_, err := c.Write([]byte("GET / HTT"))
			return err
		}},
		"slow readers": {many / 8, 600 << 10, func(c *net.TCPConn) error {
			if err := c.SetReadBuffer(4 << 10); err != nil {
				return err
			}
			return firstByte(c, "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
		}},
		"leaving": {many / 2, 32 << 10, func(c *net.TCPConn) error {
			if err := c.SetLinger(0); err != nil { // with a reset
				return err
			}
			if _, err := c.Write([]byte("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n")); err != nil {
				return err
			}
			return c.Close()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			binary, err := binaries.Plain()
			if err != nil {
				t.Fatal(err)
			}
			server := serve(t, site{file: filepath.Join("testdata", "crowd", "crowd.ini"), python: systemPython(t), binary: binary})
			c.visit(t, server)
		})
	}
}

// firstByte asks and reads one byte of the answer.
func firstByte(c *net.TCPConn, request string) error {
	if _, err := c.Write([]byte(request)); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	return err
}

// visit has the crowd come to the server twice: what it costs is looked at when
// the server has all the memory that it keeps.
func (c crowd) visit(t *testing.T, server *harness.Server) {
	others := newClient(t)
	pid := server.ServerPID()
	servesOthers(t, others, server)
	descriptors := openFiles(t, pid)
	before := residentMemory(t, pid)
	for range 2 {
		conns := c.gather(t, server)
		servesOthers(t, others, server)
		if each := (residentMemory(t, pid) - before) / int64(c.clients); each > c.most {
			t.Errorf("each of %d clients takes %d bytes of the server's memory, want at most %d", c.clients, each, c.most)
		}
		for _, conn := range conns {
			conn.Close()
		}
		harness.Await(t, 20*time.Second, "every descriptor is closed", func() bool {
			return openFiles(t, pid) <= descriptors+2 // a connection of the others, and one to a file in /proc
		})
	}
	servesOthers(t, others, server)
}

func (c crowd) gather(t *testing.T, server *harness.Server) []net.Conn {
	var conns []net.Conn
	for i := range c.clients {
		conn, err := net.Dial("tcp", server.Addr)
		if err == nil {
			conns = append(conns, conn)
			_ = conn.SetDeadline(time.Now().Add(answerLimit))
			err = c.come(conn.(*net.TCPConn))
		}
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	return conns
}

// servesOthers checks that requests of others are answered as ever.
func servesOthers(t *testing.T, others *http.Client, server *harness.Server) {
	t.Helper()
	for range 50 {
		a := get(t, others, server.URL+"/")
		if a.StatusCode != 200 || a.String() != "hello" {
			t.Fatalf("another client has %s %q", a.Status, a)
		}
	}
}

// openFiles returns how many descriptors a process has.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// residentMemory returns how many bytes of a process are in memory.
func residentMemory(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
