package setting_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/setting"
)

// reader reads "name = value" lines, numbered from 1.
func reader(lines ...string) *setting.Reader {
	var options []setting.Option
	for i, line := range lines {
		name, value, _ := strings.Cut(line, " = ")
		options = append(options, setting.Option{Name: name, Value: value, Line: i + 1})
	}
	return setting.NewReader("production.ini", "pasted:workers", options)
}

func TestEveryMistakeIsReportedInTheOrderOfTheLines(t *testing.T) {
	r := reader(
		"threds = 4",
		"processes = many",
		"preload = perhaps",
		"timeout = 0",
		"body = 10q",
		"umask = 99",
		"listen = ::1:80",
		"class = Threads",
		"env.HOME = /",
		"evn.PATH = /",
		"zzz = 1",
	)
	r.Group("env.")
	r.OneOf("class", "threads", "threads", "gevent")
	r.Addresses("listen", 0)
	r.Mode("umask", -1)
	r.Size("body", 0, 0, 1<<30)
	r.Duration("timeout", time.Minute, time.Second, time.Hour)
	r.Bool("preload", true)
	r.Int("processes", 1, 1, 64)
	r.Int("threads", 1, 1, 64)
	r.Refuse("python", "a Python")
	r.Unknown()
	want := `production.ini: [pasted:workers] no python: want a Python
production.ini:1: [pasted:workers] threds = "4": unknown option: did you mean "threads"?
production.ini:2: [pasted:workers] processes = "many": want a whole number from 1 to 64
production.ini:3: [pasted:workers] preload = "perhaps": want true or false (or yes, on, y, t, 1; no, off, n, f, 0)
production.ini:4: [pasted:workers] timeout = "0": want seconds, or a duration such as 30s, 5m or 1h30m from 1s to 1h
production.ini:5: [pasted:workers] body = "10q": want a size in bytes, or such as 64k, 200MB or 1.5g from 0 to 1g
production.ini:6: [pasted:workers] umask = "99": want an octal mode from 0 to 777, such as 022
production.ini:7: [pasted:workers] listen = "::1:80": want brackets around an IPv6 address: [::1:80]:port
production.ini:8: [pasted:workers] class = "Threads": want threads or gevent
production.ini:10: [pasted:workers] evn.PATH = …: unknown option: did you mean "env.PATH"?
production.ini:11: [pasted:workers] zzz = "1": unknown option: want one of env.…, class, listen, umask, body, timeout, preload, processes, threads, python`
	if diff := cmp.Diff(want, r.Err().Error()); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesOfSeveralSectionsAreJoined(t *testing.T) {
	server := setting.NewReader("a.ini", "server:main", []setting.Option{
		{Name: "port", Value: "http", Line: 9},
		{Name: "threads", Value: "x", Line: 3, File: "base.ini"},
	})
	server.Int("threads", 1, 1, math.MaxInt)
	server.Int("port", 80, 0, 65535)
	fine := reader("threads = 4")
	fine.Int("threads", 1, 1, 64)
	workers := setting.NewReader("", "", []setting.Option{{Name: "preload"}})
	workers.Bool("preload", true)
	want := `base.ini:3: [server:main] threads = "x": want a whole number, at least 1
a.ini:9: [server:main] port = "http": want a whole number from 0 to 65535
preload = "": want true or false (or yes, on, y, t, 1; no, off, n, f, 0)`
	if diff := cmp.Diff(want, setting.Join(server, fine, workers).Error()); diff != "" {
		t.Error(diff)
	}
	if err := setting.Join(fine); err != nil {
		t.Errorf("Join() without a mistake = %v, want nil", err)
	}
	if err := fine.Err(); err != nil {
		t.Errorf("Err() without a mistake = %v, want nil", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	r := reader("admin_token = hunter2", "DB_PASSWORD = hunter2", "env.HOME = hunter2", "evn.DB = hunter2", "secret_key = hunter2")
	r.Group("env.")
	r.Refuse("env.HOME", "something else")
	r.Int("admin_token", 0, 0, 1)
	r.Unknown()
	if got := r.Err().Error(); strings.Contains(got, "hunter2") || strings.Count(got, "\n") != 4 {
		t.Errorf("got\n%s\nwant five mistakes and no secret", got)
	}
}

func TestHiddenOptionsAreNotShown(t *testing.T) {
	r := reader("dsn = hunter2", "dns = hunter3", "sekret = hunter4", "plain = hunter5")
	r.Hide("dsn")
	r.Lookup("secret")
	refuse := func(string) error { return errors.New("want another") }
	if r.Read("dsn", refuse) || r.Read("plain", refuse) || r.Read("none", refuse) {
		t.Error("what is refused, or not there, is read")
	}
	r.Unknown()
	want := `production.ini:1: [pasted:workers] dsn = …: want another
production.ini:2: [pasted:workers] dns = …: unknown option: did you mean "dsn"?
production.ini:3: [pasted:workers] sekret = …: unknown option: did you mean "secret"?
production.ini:4: [pasted:workers] plain = "hunter5": want another`
	if diff := cmp.Diff(want, r.Err().Error()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestAnOptionMayStandInAnotherSection(t *testing.T) {
	r := setting.NewReader("a.ini", "app:main", []setting.Option{
		{Name: "x", Value: "y", Line: 7, File: "b.ini", Section: "app:other"},
	})
	r.Int("x", 0, 0, 1)
	if got, want := r.Err().Error(), `b.ini:7: [app:other] x = "y": want a whole number from 0 to 1`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestErrorIsKnownByItsType(t *testing.T) {
	r := reader("threads = x")
	r.Int("threads", 1, 1, 64)
	var all *setting.Error
	if !errors.As(r.Err(), &all) || len(all.Mistakes) != 1 {
		t.Fatalf("Err() = %#v, want an *Error with one mistake", r.Err())
	}
	want := setting.Mistake{File: "production.ini", Line: 1, Section: "pasted:workers",
		Option: "threads", Text: "x", Want: "want a whole number from 1 to 64"}
	if diff := cmp.Diff(want, all.Mistakes[0]); diff != "" {
		t.Error(diff)
	}
}

func TestGroupTakesOptionsWithAPrefix(t *testing.T) {
	r := reader("env.A = 1", "env. = x", "env.B = ", "environ = y", "ENV.C = z", "env.A = 2", "env.a.b = 3")
	want := []setting.Option{{Name: "B", Line: 3}, {Name: "A", Value: "2", Line: 6}, {Name: "a.b", Value: "3", Line: 7}}
	if diff := cmp.Diff(want, r.Group("env.")); diff != "" {
		t.Error(diff)
	}
	var unused []string
	for _, o := range r.Unused() {
		unused = append(unused, o.Name)
	}
	if diff := cmp.Diff([]string{"env.", "environ", "ENV.C"}, unused); diff != "" {
		t.Error(diff)
	}
}

func TestOfSeveralOptionsOfANameTheLastCounts(t *testing.T) {
	r := reader("threads = x", "threads = 2")
	if got := r.Int("threads", 1, 1, 64); got != 2 || r.Err() != nil {
		t.Errorf("Int() = %d, %v, want 2", got, r.Err())
	}
	if !r.Has("threads") || r.Has("processes") {
		t.Error("Has() is not true for threads alone")
	}
}

func TestWhatAnOptionMayHave(t *testing.T) {
	r := reader("name =   a  b ", "paths = \n /a\n\t/b  /c", "none =  ", "rate = 0.25",
		"listen = *:80, [::1]:81\nunix:/run/x", "admin = 127.0.0.1", "class = gevent")
	got := []any{
		r.Text("name", ""), r.Text("other", "unset"), r.List("paths"), r.List("none"), r.List("other") == nil,
		r.Float("rate", 1, 0, 1), r.Addresses("listen", 0), r.Addresses("other", 0) == nil,
		r.Address("admin", setting.Address{}, 9000), r.Address("other", setting.Address{Port: 1}, 0),
		r.OneOf("class", "threads", "threads", "gevent"),
	}
	want := []any{
		"a  b", "unset", []string{"/a", "/b", "/c"}, []string{}, true,
		0.25, []setting.Address{{Port: 80}, {Host: "::1", Port: 81}, {Path: "/run/x"}}, true,
		setting.Address{Host: "127.0.0.1", Port: 9000}, setting.Address{Port: 1},
		"gevent",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Unknown(); r.Err() != nil {
		t.Error(r.Err())
	}
}

func TestWhatIsNotThereOrWrongIsUnset(t *testing.T) {
	r := reader("threads = many")
	if got := r.Int("threads", 7, 1, math.MaxInt); got != 7 {
		t.Errorf("wrong: Int() = %d, want 7", got)
	}
	if got := r.Duration("timeout", time.Minute, 0, time.Hour); got != time.Minute {
		t.Errorf("not there: Duration() = %v, want 1m", got)
	}
}
