package setting_test

import (
	"net"
	"strings"
	"testing"

	"pasted/internal/setting"
)

func TestParseAddress(t *testing.T) {
	const no = "want host:port, *:port, [v6]:port, :port or unix:/path"
	const port = no + ", a port from 0 to 65535"
	for _, test := range []struct {
		port  int // the default
		texts []text
	}{
		{0, []text{
			{"127.0.0.1:8080", "127.0.0.1:8080"}, {"localhost:80", "localhost:80"}, {"my_host-1.example.org.:80", "my_host-1.example.org.:80"},
			{"*:8080", "*:8080"}, {":8080", "*:8080"}, {"8080", "*:8080"}, {"[::]:80", "[::]:80"}, {"[::1]:0", "[::1]:0"},
			{"[fe80::1%eth0]:80", "[fe80::1%eth0]:80"}, {"tcp://10.0.0.1:80", "10.0.0.1:80"}, {" :65535\n", "*:65535"},
			{"unix:/run/app.sock", "unix:/run/app.sock"}, {"unix:run/app.sock", "unix:run/app.sock"},
			{"unix:///run/app.sock", "unix:/run/app.sock"}, {"unix:@abstract", "unix:@abstract"},
			{"", no}, {"localhost", no}, {"[::1]", no}, {"*", no}, {"a b:80", no}, {"http://localhost:80", no},
			{"a..b:80", no}, {".:80", no}, {"-a:80", no}, {"256.0.0.1:80", no}, {"1.2.3:80", no}, {strings.Repeat("a", 64) + ":80", no},
			{"bücher.de:80", no}, {"host:80:90", no}, {"[::1]80", no}, {"::1]:80", no}, {"[[::1]]:80", no},
			{":", port}, {"localhost:", port}, {"localhost:http", port}, {":65536", port}, {":-1", port}, {"99999", port}, {":8_0", port},
			{"::1", "want brackets around an IPv6 address: [::1]:port"}, {"::1:80", "want brackets around an IPv6 address: [::1:80]:port"},
			{"[127.0.0.1]:80", "want an IPv6 address between the brackets"}, {"[]:80", "want an IPv6 address between the brackets"},
			{"unix:", "want a path behind unix:, such as unix:/run/app.sock"}, {"unix:@", "want a path behind unix:, such as unix:/run/app.sock"},
			{"unix:/a\x00b", "want a path behind unix:, such as unix:/run/app.sock"},
		}},
		{6543, []text{
			{"localhost", "localhost:6543"}, {"[::1]", "[::1]:6543"}, {"*", "*:6543"}, {"10.0.0.1", "10.0.0.1:6543"},
			{"localhost:80", "localhost:80"}, {"80", "*:80"}, {"unix", "want a path behind unix:, such as unix:/run/app.sock"}, {"", no}, {"[]", "want an IPv6 address between the brackets"},
			{"::1", "want brackets around an IPv6 address: [::1]:port"}, {"[::1", no},
		}},
	} {
		check(t, "ParseAddress", func(s string) (setting.Address, error) { return setting.ParseAddress(s, test.port) }, test.texts)
	}
}

func TestAddressesSayWhichIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"listen = :80 nowhere :82": `production.ini:1: listen = ":80 nowhere :82": "nowhere": ` +
			`want host:port, *:port, [v6]:port, :port or unix:/path`,
		"listen = , ": `production.ini:1: listen = ", ": want host:port, *:port, [v6]:port, :port or unix:/path`,
	} {
		r := reader(line)
		r.Addresses("listen", 0)
		if got := strings.Replace(r.Err().Error(), "[pasted:workers] ", "", 1); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestAnAddressCanBeListenedOn(t *testing.T) {
	for _, text := range []string{"127.0.0.1:0", "unix:" + t.TempDir() + "/s"} {
		a, err := setting.ParseAddress(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen(a.Network())
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
	if network, address := (setting.Address{Port: 80}).Network(); network != "tcp" || address != ":80" {
		t.Errorf("Network() of every address = %s, %s, want tcp, :80", network, address)
	}
}

// FuzzParseAddress holds that an address is written as it is read.
func FuzzParseAddress(f *testing.F) {
	for _, seed := range []string{"127.0.0.1:80", "*:0", "[::1%a]:80", "unix:///x", "a.b", ":", "unix:////x"} {
		f.Add(seed, 0)
		f.Add(seed, 6543)
	}
	f.Fuzz(func(t *testing.T, text string, port int) {
		a, err := setting.ParseAddress(text, port)
		if err != nil {
			return
		}
		if again, err := setting.ParseAddress(a.String(), 0); err != nil || again != a {
			t.Errorf("%q is %#v, written %q, read %#v, %v", text, a, a.String(), again, err)
		}
	})
}
