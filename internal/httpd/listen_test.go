package httpd_test

import (
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pasted/internal/httpd"
)

// listen listens at addresses until the test ends.
func listen(t *testing.T, cfg httpd.Config, addresses ...httpd.Address) ([]net.Listener, error) {
	t.Helper()
	cfg.Listen = addresses
	listeners, err := httpd.Listen(cfg)
	t.Cleanup(func() {
		for _, l := range listeners {
			l.Close()
		}
	})
	return listeners, err
}

// mustListen is listen at one address that must be free.
func mustListen(t *testing.T, cfg httpd.Config, address httpd.Address) net.Listener {
	t.Helper()
	listeners, err := listen(t, cfg, address)
	if err != nil {
		t.Fatal(err)
	}
	return listeners[0]
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

func TestAPortInUseNamesItsHolder(t *testing.T) {
	busy := port(mustListen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1"}))
	before := descriptors(t)
	_, err := listen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1"}, httpd.Address{Host: "127.0.0.1", Port: busy})
	want := fmt.Sprintf("listen on 127.0.0.1:%d: address already in use by process %d (httpd.test)", busy, os.Getpid())
	if err == nil || err.Error() != want {
		t.Errorf("error %v\nwant  %s", err, want)
	}
	if after := descriptors(t); after > before { // fewer, where a connection of before has been closed meanwhile
		t.Errorf("%d descriptors open after a failure, %d before", after, before)
	}
}

func TestAPortInUseByEveryAddressNamesItsHolder(t *testing.T) {
	busy := port(mustListen(t, httpd.Config{}, httpd.Address{}))
	_, err := listen(t, httpd.Config{}, httpd.Address{Host: "127.0.0.1", Port: busy})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("error %v, want the process named", err)
	}
}

func TestWhatCannotBeBoundIsExplained(t *testing.T) {
	_, err := listen(t, httpd.Config{}, httpd.Address{Host: "192.0.2.1"})
	if err == nil || !strings.Contains(err.Error(), "192.0.2.1:0") || !strings.Contains(err.Error(), "no interface") {
		t.Errorf("error %v", err)
	}
	_, err = listen(t, httpd.Config{NoIPv4: true}, httpd.Address{Host: "127.0.0.1"})
	if err == nil || !strings.Contains(err.Error(), "families") {
		t.Errorf("error %v", err)
	}
	if _, err = listen(t, httpd.Config{}); err == nil {
		t.Error("nothing to listen on is no error")
	}
}

func TestAHostNameStandsForItsAddresses(t *testing.T) {
	listeners, err := listen(t, httpd.Config{}, httpd.Address{Host: "localhost"})
	if err != nil {
		t.Skip(err)
	}
	for _, l := range listeners {
		if !l.Addr().(*net.TCPAddr).IP.IsLoopback() {
			t.Errorf("localhost is %v", l.Addr())
		}
	}
}

func TestFamiliesAreKeptApart(t *testing.T) {
	six, err := listen(t, httpd.Config{V6Only: true}, httpd.Address{Host: "::"})
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	// The same port is free for IPv4.
	mustListen(t, httpd.Config{}, httpd.Address{Host: "0.0.0.0", Port: port(six[0])})
}

func TestEveryAddressOfIPv6TakesIPv4Along(t *testing.T) {
	six, err := listen(t, httpd.Config{}, httpd.Address{Host: "::"})
	if err != nil {
		t.Skip("no IPv6 here:", err)
	}
	conn, err := net.Dial("tcp4", fmt.Sprintf("127.0.0.1:%d", port(six[0])))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

func TestBothWildcardsMayBeListedWithOnePort(t *testing.T) {
	four := mustListen(t, httpd.Config{}, httpd.Address{Host: "0.0.0.0"})
	free := port(four)
	four.Close()
	if _, err := listen(t, httpd.Config{}, httpd.Address{Host: "::", Port: free}, httpd.Address{Host: "0.0.0.0", Port: free}); err != nil {
		if strings.Contains(err.Error(), "not supported") {
			t.Skip(err)
		}
		t.Error(err)
	}
}

func TestAUnixSocketServesAndIsRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	s := serve(t, httpd.Config{Listen: []httpd.Address{{Path: path}}, UnixPerms: 0o622, Backlog: 5}, http.HandlerFunc(echo))
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o622 {
		t.Fatalf("%v, %v; want a socket with 0622", info.Mode(), err)
	}
	client := s.dial(t)
	client.send("GET /a HTTP/1.1\nHost: a\n\n")
	if _, body := client.answer("GET"); body != "GET /a " {
		t.Errorf("got %q", body)
	}
	s.stop()
	if err := s.wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !os.IsNotExist(err) {
		t.Errorf("the socket's file is still there: %v", err)
	}
}

func TestUnixSocketsAreOursAloneByDefault(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	mustListen(t, httpd.Config{}, httpd.Address{Path: path})
	if info, err := os.Lstat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want 0600", info.Mode(), err)
	}
}

func TestAStaleUnixSocketIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	dead, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	dead.Close()
	mustListen(t, httpd.Config{}, httpd.Address{Path: path})
}

func TestAUnixSocketThatIsAnsweredIsLeftAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	first := mustListen(t, httpd.Config{}, httpd.Address{Path: path})
	go func() {
		if c, err := first.Accept(); err == nil {
			c.Close()
		}
	}()
	_, err := listen(t, httpd.Config{}, httpd.Address{Path: path})
	want := "listen on unix:" + path + ": address already in use: somebody answers there"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := os.Lstat(path); err != nil {
		t.Error(err)
	}
}

func TestAFileIsNotReplacedByASocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "precious")
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, httpd.Config{}, httpd.Address{Path: path}); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("error %v", err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, err := listen(t, httpd.Config{}, httpd.Address{Path: link}); err == nil {
		t.Error("a link was replaced")
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestASuccessorsUnixSocketIsNotRemoved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	first := mustListen(t, httpd.Config{}, httpd.Address{Path: path})
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustListen(t, httpd.Config{}, httpd.Address{Path: path})
	first.Close()
	if _, err := os.Lstat(path); err != nil {
		t.Errorf("the second's file has gone with the first: %v", err)
	}
}

func TestAUnixSocketsPathMayBeTooLong(t *testing.T) {
	_, err := listen(t, httpd.Config{}, httpd.Address{Path: "/tmp/" + strings.Repeat("x", 200)})
	if err == nil || !strings.Contains(err.Error(), "want at most 107") {
		t.Errorf("error %v", err)
	}
}

func TestAUnixSocketWithoutAFile(t *testing.T) {
	name := fmt.Sprintf("@pasted-test-%d", os.Getpid())
	l := mustListen(t, httpd.Config{}, httpd.Address{Path: name})
	conn, err := net.Dial("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if _, err := listen(t, httpd.Config{}, httpd.Address{Path: name}); err == nil {
		t.Error("taken twice")
	}
	l.Close()
}
