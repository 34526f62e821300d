package forwarding_test

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"pasted/internal/forwarding"
	"pasted/internal/h1"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// trustOf reads the first line of a case: "peers NETWORK… hops N fields NAME…
// clear NAME… secure NAME=VALUE…".
func trustOf(t testing.TB, line string) *forwarding.Trust {
	t.Helper()
	trust := &forwarding.Trust{Clear: forwarding.All}
	what := ""
	for _, word := range strings.Fields(line) {
		switch word {
		case "peers", "hops", "fields", "clear", "secure":
			what = word
			if what == "clear" {
				trust.Clear = 0
			}
			continue
		}
		switch what {
		case "peers":
			if word == "unix" {
				trust.Peers.Unix = true
				continue
			}
			trust.Peers.Networks = append(trust.Peers.Networks, netip.MustParsePrefix(word))
		case "hops":
			trust.Hops, _ = strconv.Atoi(word)
		case "fields":
			trust.Fields |= forwarding.Named(word)
		case "clear":
			trust.Clear |= forwarding.Named(word)
		case "secure":
			name, value, _ := strings.Cut(word, "=")
			trust.Secure = append(trust.Secure, forwarding.SchemeField{Name: name, HTTPS: value})
		default:
			t.Fatalf("%q: %q?", line, word)
		}
	}
	return trust
}

// read reads a head whose lines end in LF.
func read(t testing.TB, text string) *h1.Head {
	t.Helper()
	data := []byte(strings.ReplaceAll("GET / HTTP/1.1\n"+strings.TrimSpace(text)+"\n\n", "\n", "\r\n"))
	h := new(h1.Head)
	if n, refusal := h.Read(data, &h1.Limits{}); refusal != nil || n != len(data) {
		t.Fatalf("%q: read %d, %v", text, n, refusal)
	}
	return h
}

// outcome says what has become of a request.
func outcome(trust *forwarding.Trust, h *h1.Head, peer netip.Addr) string {
	var o h1.Origin
	cleared, refusal := trust.Apply(h, peer, &o)
	if refusal != nil {
		return fmt.Sprintf("refused: %s\n", refusal.Reason)
	}
	var b strings.Builder
	say := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
	}
	if o.HasClient {
		fmt.Fprintf(&b, "client %q %q\n", o.Client, o.ClientPort)
	}
	say("scheme", o.Scheme)
	if o.ServerName != nil || o.ServerPort != nil {
		fmt.Fprintf(&b, "server %q %q\n", o.ServerName, o.ServerPort)
	}
	say("prefix", string(o.Prefix))
	say("cleared", cleared.String())
	for i, f := range h.Fields {
		mark := ""
		if i == h.HostField {
			mark = " (host)"
		}
		fmt.Fprintf(&b, "  %s: %s%s\n", h.Text(f.Name), h.Text(f.Value), mark)
	}
	return b.String()
}

// Each file is a rule: "trust" says who is trusted, and each "peer ADDRESS" is a
// request from there, followed by what it becomes.
func TestWhatProxiesSay(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txtar")
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			before := string(txtar.Format(archive))
			trust := new(forwarding.Trust)
			for i, f := range archive.Files {
				switch what, peer, _ := strings.Cut(f.Name, " "); what {
				case "trust":
					trust = trustOf(t, string(f.Data))
				case "peer":
					addr, _ := netip.ParseAddr(peer) // "unix" is none
					archive.Files[i+1].Data = []byte(outcome(trust, read(t, string(f.Data)), addr))
				}
			}
			after := txtar.Format(archive)
			if *update {
				if err := os.WriteFile(file, after, 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(before, string(after)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	trust := trustOf(t, "peers 10.0.0.0/8 fields x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port")
	rfc := trustOf(t, "peers 10.0.0.0/8 fields forwarded")
	for _, test := range []struct {
		name  string
		trust *forwarding.Trust
		text  string
	}{
		{"nothing", trust, "Host: a\nAccept: b\nUser-Agent: c"},
		{"X-Forwarded", trust, "Host: a\nX-Forwarded-For: evil, 2001:db8::1, 10.1.1.1\nX-Forwarded-Proto: https\nX-Forwarded-Host: example.org\nForwarded: for=evil"},
		{"Forwarded", rfc, "Host: a\nForwarded: for=\"[2001:db8::1]:99\";proto=https;host=example.org, for=10.1.1.1\nX-Forwarded-For: evil"},
	} {
		data := []byte(strings.ReplaceAll("GET / HTTP/1.1\n"+test.text+"\n\n", "\n", "\r\n"))
		h := new(h1.Head)
		peer := netip.MustParseAddr("10.0.0.1")
		var o h1.Origin
		allocs := testing.AllocsPerRun(100, func() {
			h.Reset()
			if _, refusal := h.Read(data, &h1.Limits{}); refusal != nil {
				t.Fatal(refusal)
			}
			o = h1.Origin{}
			if _, refusal := test.trust.Apply(h, peer, &o); refusal != nil {
				t.Fatal(refusal)
			}
		})
		if allocs > 0 {
			t.Errorf("%s: %.0f allocations, want 0", test.name, allocs)
		}
	}
}

// Whatever a client writes before what its proxy adds, the client is who the
// proxy says, or the request is refused; and nothing of what it has written is
// left.
func FuzzClientCannotBeAnother(f *testing.F) {
	f.Add("1.2.3.4", true)
	f.Add("for=1.2.3.4;by=\"", false)
	f.Add("for=\"[::1]\", for=10.0.0.1", false)
	f.Add("unknown, 10.0.0.1", true)
	f.Fuzz(func(t *testing.T, said string, separate bool) {
		const client = "192.0.2.7"
		var text string
		trust := trustOf(t, "peers 10.0.0.0/8 fields x-forwarded-for")
		text = "Host: a\nX-Forwarded-For: " + said + ", " + client + ", 10.0.0.2\n\n"
		if !separate {
			trust = trustOf(t, "peers 10.0.0.0/8 fields forwarded")
			text = "Host: a\nForwarded: " + said + ", for=" + client + ";proto=http, for=10.0.0.2\n\n"
		}
		data := []byte(strings.ReplaceAll("GET / HTTP/1.1\n"+text, "\n", "\r\n"))
		var h h1.Head
		if n, refusal := h.Read(data, &h1.Limits{}); refusal != nil || n != len(data) || len(h.Fields) != 2 {
			t.Skip("no head")
		}
		var o h1.Origin
		if _, refusal := trust.Apply(&h, netip.MustParseAddr("10.0.0.1"), &o); refusal != nil {
			return
		}
		left := string(h.Text(h.Fields[1].Value))
		if string(o.Client) != client || !strings.HasPrefix(strings.TrimPrefix(left, "for="), client) {
			t.Errorf("%q: client %q, field %q", said, o.Client, left)
		}
	})
}
