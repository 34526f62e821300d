package setting_test

import (
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
production.ini:10: [pasted:workers] evn.PATH = "/": unknown option: did you mean "env.PATH"?
production.ini:11: [pasted:workers] zzz = "1": unknown option: want one of env.…, class, listen, umask, body, timeout, preload, processes, threads, python`
	if diff := cmp.Diff(want, r.Err().Error()); diff != "" {
		t.Error(diff)
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
