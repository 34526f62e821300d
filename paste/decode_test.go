package paste_test

import (
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pasted/paste"
)

// configured returns the configuration of a file's application.
func configured(t *testing.T, text string) *paste.AppConfig {
	t.Helper()
	config, err := paste.Config("config:main.ini", nil, memory(map[string]string{"main.ini": text}))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestDecodeReadsEveryType(t *testing.T) {
	type level string
	type shared struct {
		Debug bool `paste:"debug,global"`
	}
	type options struct {
		shared
		Text     string          `paste:"text"`
		Level    level           `paste:"level,oneof=info debug"`
		On       bool            `paste:"on"`
		Int      int             `paste:"int"`
		Small    int8            `paste:"small,min=-3"`
		Count    uint32          `paste:"count"`
		Ratio    float64         `paste:"ratio,max=1"`
		Timeout  time.Duration   `paste:"timeout,min=1s"`
		Size     paste.Size      `paste:"size"`
		Mode     fs.FileMode     `paste:"mode"`
		Listen   []paste.Address `paste:"listen,port=80"`
		Backend  *url.URL        `paste:"backend"`
		Words    []string        `paste:"words"`
		Ports    []uint16        `paste:"ports"`
		Log      slog.Level      `paste:"log"`
		Networks []netip.Prefix  `paste:"networks"`
		Maybe    *int            `paste:"maybe"`
		Not      *time.Duration  `paste:"not"`
		Unread   http.ResponseWriter
	}
	conf := configured(t, `[DEFAULT]
debug = yes
[app:main]
use = egg:Fake
text = some words
level = debug
on = T
int = -1_000
small = -3
count = 4294967295
ratio = .5
timeout = 1.5
size = 64k
mode = 0600
listen = localhost, [::1]:443
    unix:/run/x.sock
backend = http://localhost:9000/x
words = a
    b c
ports = 1 65535
log = WARN
networks = 10.0.0.0/8
maybe = 7
`)
	got := options{Text: "default"}
	if err := paste.Decode(&got, conf.GlobalConf, conf.LocalConf); err != nil {
		t.Fatal(err)
	}
	seven := 7
	want := options{
		shared: shared{Debug: true}, Text: "some words", Level: "debug", On: true, Int: -1000, Small: -3,
		Count: 4294967295, Ratio: 0.5, Timeout: 1500 * time.Millisecond, Size: 65536, Mode: 0o600,
		Listen:  []paste.Address{{Host: "localhost", Port: 80}, {Host: "::1", Port: 443}, {Path: "/run/x.sock"}},
		Backend: &url.URL{Scheme: "http", Host: "localhost:9000", Path: "/x"},
		Words:   []string{"a", "b", "c"}, Ports: []uint16{1, 65535}, Log: slog.LevelWarn,
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Maybe: &seven,
	}
	compareNetworks := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(options{}), compareNetworks); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if network, address := got.Listen[1].Network(); network != "tcp" || address != "[::1]:443" || got.Listen[2].String() != "unix:/run/x.sock" {
		t.Errorf("addresses %s %s, %v", network, address, got.Listen[2])
	}
}

func TestDecodeLeavesDefaultsAlone(t *testing.T) {
	got := struct {
		Threads int    `paste:"threads"`
		Title   string `paste:"title"`
		Words   []string
	}{4, "default", []string{"x"}}
	want := got
	if err := paste.Decode(&got, nil, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	err := paste.Decode(&got, nil, paste.NewConf("threads", "many"))
	if err == nil || err.Error() != `threads = "many": want a whole number` || got.Threads != 4 {
		t.Errorf("threads = %d, error %v", got.Threads, err)
	}
}

func TestDecodeFindsEveryMistakeWithItsPlace(t *testing.T) {
	var got struct {
		Title    string          `paste:"title,required"`
		Motto    string          `paste:"motto,required"`
		Threads  int8            `paste:"threads,min=1"`
		Level    string          `paste:"level,oneof=debug info warn"`
		Timeout  time.Duration   `paste:"timeout,max=1h"`
		Debug    bool            `paste:"debug,global"`
		Ports    []uint16        `paste:"ports"`
		Log      slog.Level      `paste:"log"`
		Backend  url.URL         `paste:"backend"`
		Listen   []paste.Address `paste:"listen"`
		Password string          `paste:"password"`
		Keys     []uint16        `paste:"session_keys,secret"`
		Dsn      slog.Level      `paste:"dsn,secret"`
	}
	conf := configured(t, `[DEFAULT]
debug = perhaps
[app:main]
use = blog
motto =
level = dbug
passwort = hunter2
sesion_keys = 1 2
[app:blog]
use = egg:Fake
threads = 128
timeout = 2h
ports = 80 99999
log = loud
backend = localhost
listen = nowhere
session_keys = 1 hunter2
dsn = hunter3
`)
	err := paste.Decode(&got, conf.GlobalConf, conf.LocalConf)
	want := `/dir/main.ini:3: [app:main] no title: want a value
/dir/main.ini:2: [DEFAULT] debug = "perhaps": want true or false (or yes, on, y, t, 1; no, off, n, f, 0)
/dir/main.ini:5: [app:main] motto = "": want a value
/dir/main.ini:6: [app:main] level = "dbug": want debug, info or warn: did you mean "debug"?
/dir/main.ini:7: [app:main] passwort = …: unknown option: did you mean "password"?
/dir/main.ini:8: [app:main] sesion_keys = …: unknown option: did you mean "session_keys"?
/dir/main.ini:11: [app:blog] threads = "128": want a whole number from 1 to 127
/dir/main.ini:12: [app:blog] timeout = "2h": want seconds, or a duration such as 30s, 5m or 1h30m from 0s to 1h
/dir/main.ini:13: [app:blog] ports = "80 99999": "99999": want a whole number from 0 to 65535
/dir/main.ini:14: [app:blog] log = "loud": slog: level string "loud": unknown name
/dir/main.ini:15: [app:blog] backend = "localhost": want a URL, such as http://localhost:8080/path
/dir/main.ini:16: [app:blog] listen = "nowhere": want host:port, *:port, [v6]:port, :port or unix:/path
/dir/main.ini:17: [app:blog] session_keys = …: want another value
/dir/main.ini:18: [app:blog] dsn = …: want another value`
	if err == nil || strings.Contains(err.Error(), "hunter") {
		t.Fatalf("error %v", err)
	}
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	var first *paste.Error
	if !errors.As(err, &first) || first.Pos.Line != 3 || first.Section != "app:main" {
		t.Errorf("the first mistake is %#v", first)
	}
}

func TestDecodeTakesOptionsAsTheyAre(t *testing.T) {
	var got struct {
		Fallback string      `paste:"fallback"`
		Env      *paste.Conf `paste:"env.*"`
		Mounts   *paste.Conf `paste:"*"`
	}
	conf := configured(t, "[DEFAULT]\nenv.D = 0\n[app:main]\nuse = egg:Fake\n/b = two\nfallback = f\nenv.A = 1\n/a = one\n")
	if err := paste.Decode(&got, conf.GlobalConf, conf.LocalConf); err != nil {
		t.Fatal(err)
	}
	if v, _ := got.Env.Get("A"); v != "1" || got.Env.Len() != 1 || got.Env.Pos("A").Line != 7 {
		t.Errorf("env. is %v", got.Env.Keys())
	}
	if diff := cmp.Diff([]string{"/b", "/a"}, got.Mounts.Keys()); diff != "" || got.Fallback != "f" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	err := got.Mounts.Errorf("/a", "want %w", fs.ErrNotExist)
	if want := `/dir/main.ini:8: [app:main] /a = "one": want file does not exist`; err.Error() != want || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

func TestErrorsAboutOptionsHaveTheirPlace(t *testing.T) {
	conf := configured(t, "[app:main]\nuse = egg:Fake\nthreads = 9\napi_key = x\n")
	for option, want := range map[string]string{
		"threads": `/dir/main.ini:3: [app:main] threads = "9": want at most 8`,
		"api_key": `/dir/main.ini:4: [app:main] api_key = …: want at most 8`,
		"none":    `/dir/main.ini:1: [app:main] no none: want at most 8`,
	} {
		if got := conf.LocalConf.Errorf(option, "want at most %d", 8).Error(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	if got := (*paste.Conf)(nil).Errorf("x", "want one").Error(); got != "no x: want one" {
		t.Errorf("of nothing: %s", got)
	}
}

func TestStructsThatCannotBeDecodedIntoAreErrors(t *testing.T) {
	for _, into := range []any{nil, struct{}{}, new(int), (*struct{})(nil)} {
		if err := paste.Decode(into, nil, nil); err == nil || !strings.HasSuffix(err.Error(), ": want a pointer to a struct") {
			t.Errorf("Decode(%#v): %v", into, err)
		}
	}
	for want, into := range map[string]any{
		`A: type chan int: want one that an option can be read into`: &struct {
			A chan int `paste:"a"`
		}{},
		`A: type [][]int: want no slices or pointers in a slice`: &struct {
			A [][]int `paste:"a"`
		}{},
		`a: want an exported field`: &struct {
			a int `paste:"a"`
		}{},
		`A: tag ",min=1": want the option's name first`: &struct {
			A int `paste:",min=1"`
		}{},
		`A: tag "a,least=1": "least=1": want required, global, secret, min=…, max=…, oneof=… or port=…`: &struct {
			A int `paste:"a,least=1"`
		}{},
		`A: tag "a,min=1": min means nothing for a string`: &struct {
			A string `paste:"a,min=1"`
		}{},
		`A: min or max "soon": want seconds, or a duration such as 30s, 5m or 1h30m`: &struct {
			A time.Duration `paste:"a,max=soon"`
		}{},
		`A: min or max "300": want a whole number from 0 to 255`: &struct {
			A uint8 `paste:"a,max=300"`
		}{},
		`A: port "x": want a whole number from 1 to 65535`: &struct {
			A paste.Address `paste:"a,port=x"`
		}{},
		`A: want a *Conf for a name that ends with "*", and for no other`: &struct {
			A string `paste:"a.*"`
		}{},
		`A: tag "*,required": want the name alone`: &struct {
			A *paste.Conf `paste:"*,required"`
		}{},
		`want one field for "a"`: &struct {
			A string `paste:"a"`
			B string `paste:"a"`
		}{},
	} {
		err := paste.Decode(into, nil, nil)
		if err == nil || !strings.HasPrefix(err.Error(), "paste.Decode: struct ") || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v\nwant …%s", err, want)
		}
	}
}

func TestAMistakeOfAFactorysOptionsIsTheError(t *testing.T) {
	var r paste.Registry
	r.SetApp("egg:Kit#app", func(global, local *paste.Conf) (http.Handler, error) {
		var options struct {
			Threads int `paste:"threads"`
			Workers int `paste:"workers"`
		}
		return say("ok"), paste.Decode(&options, global, local)
	})
	for text, want := range map[string]string{
		"threads = x":                `main.ini:3: [app:main] threads = "x": want a whole number`,
		"threads = x\nworkers = y\n": "main.ini:3: [app:main] threads = \"x\": want a whole number\n",
	} {
		_, err := paste.LoadApp("config:main.ini", &r, files(t, map[string]string{"main.ini": "[app:main]\nuse = egg:Kit#app\n" + text}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

// FuzzDecode holds that any text is read or refused, and that no secret is
// shown.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "1", "-1_0", "1h", "64k", ":80, unix:/x", "http://h", "0600", "a b", "WARN", "\xff", "10.0.0.0/8 x"} {
		f.Add(seed, "token")
		f.Add("x", seed)
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		var o struct {
			Bool     bool            `paste:"bool"`
			Int      int16           `paste:"int,max=9"`
			Uints    []uint64        `paste:"uints"`
			Floats   []float32       `paste:"floats,min=-1"`
			Duration time.Duration   `paste:"duration,required"`
			Sizes    []paste.Size    `paste:"sizes,secret"`
			Listen   []paste.Address `paste:"listen,port=1"`
			Mode     *fs.FileMode    `paste:"mode"`
			URL      *url.URL        `paste:"url"`
			Networks []netip.Prefix  `paste:"token"`
			Level    slog.Level      `paste:"password"`
			Env      *paste.Conf     `paste:"env.*"`
		}
		conf := paste.NewConf(name, text)
		for _, key := range []string{"bool", "int", "uints", "floats", "duration", "listen", "mode", "url"} {
			conf.Set(key, text)
		}
		_ = paste.Decode(&o, nil, conf)
		const marked = "\u2603"
		secrets := paste.NewConf("sizes", marked+text, "token", marked+text, "password", marked+text, "duration", "1")
		if err := paste.Decode(&o, nil, secrets); err == nil || strings.Contains(err.Error(), marked) {
			t.Errorf("of secrets: %v", err)
		}
	})
}
