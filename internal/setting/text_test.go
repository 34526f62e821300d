package setting_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pasted/internal/setting"
)

// A text is read as want, which is a value or an error's text.
type text struct {
	text string
	want any
}

// check reads each text.
func check[T any](t *testing.T, name string, read func(string) (T, error), texts []text) {
	t.Helper()
	for _, c := range texts {
		got, err := read(c.text)
		shown := fmt.Sprint(got)
		if err != nil {
			shown = err.Error()
		}
		if want := fmt.Sprint(c.want); shown != want {
			t.Errorf("%s(%q) = %s, want %s", name, c.text, shown, want)
		}
	}
}

func TestBool(t *testing.T) {
	const no = "want true or false (or yes, on, y, t, 1; no, off, n, f, 0)"
	check(t, "Bool", setting.Bool, []text{
		{"true", true}, {"YES", true}, {" on\n", true}, {"y", true}, {"T", true}, {"1", true}, {"\u00a0true\x1c", true},
		{"false", false}, {"No", false}, {"off", false}, {"n", false}, {"f", false}, {"0", false},
		{"", no}, {"2", no}, {"tru", no}, {"none", no}, {"enabled", no}, {"true # yes", no},
	})
}

func TestInt(t *testing.T) {
	const no = "want a whole number from -5 to 2000"
	check(t, "Int", func(s string) (int, error) { return setting.Int(s, -5, 2000) }, []text{
		{"4", 4}, {" 4\t", 4}, {"-5", -5}, {"+7", 7}, {"007", 7}, {"1_000", 1000}, {"1_0_0", 100},
		{"", no}, {"-6", no}, {"2001", no}, {"4.0", no}, {"4x", no}, {"0x4", no}, {"1__0", no}, {"_1", no}, {"1_", no},
		{"-_1", no}, {"_", no}, {"+", no}, {"1 000", no}, {"99999999999999999999", no}, {"4\n5", no},
	})
	check(t, "Int", func(s string) (int, error) { return setting.Int(s, math.MinInt, math.MaxInt) }, []text{
		{"x", "want a whole number"}, {"-9223372036854775808", math.MinInt},
	})
	check(t, "Int", func(s string) (int, error) { return setting.Int(s, math.MinInt, 3) }, []text{
		{"4", "want a whole number, at most 3"},
	})
}

func TestFloat(t *testing.T) {
	const no = "want a number from 0 to 1"
	check(t, "Float", func(s string) (float64, error) { return setting.Float(s, 0, 1) }, []text{
		{"0.2", 0.2}, {"1", 1}, {".5", 0.5}, {"+0.", 0}, {" 1.0 ", 1},
		{"", no}, {".", no}, {"1.1", no}, {"-0.1", no}, {"nan", no}, {"inf", no}, {"1e-1", no}, {"0x1p-1", no},
		{"20%", no}, {"+-0", no}, {"--0", no}, {"0.1.1", no}, {"0_1", no},
	})
	check(t, "Float", func(s string) (float64, error) { return setting.Float(s, math.Inf(-1), math.Inf(1)) }, []text{
		{"-2.5", -2.5}, {"x", "want a number"},
	})
}

func TestDuration(t *testing.T) {
	const no = "want seconds, or a duration such as 30s, 5m or 1h30m from 1s to 1h"
	check(t, "Duration", func(s string) (time.Duration, error) { return setting.Duration(s, time.Second, time.Hour) }, []text{
		{"30", 30 * time.Second}, {"30s", 30 * time.Second}, {"5m", 5 * time.Minute}, {" 5M ", 5 * time.Minute},
		{"1.5", 1500 * time.Millisecond}, {"1500ms", 1500 * time.Millisecond}, {"1h", time.Hour}, {"59m60s", time.Hour},
		{"", no}, {"0", no}, {"0.999", no}, {"61m", no}, {"-30", no}, {"-30s", no}, {"5 m", no}, {"5 5s", no}, {"5x", no},
		{"1d", no}, {"inf", no}, {"nan", no}, {"1e1", no}, {"s", no}, {".", no}, {"99999999999999999999", no}, {"30s5", no},
	})
	check(t, "Duration", func(s string) (time.Duration, error) { return setting.Duration(s, 0, math.MaxInt64) }, []text{
		{"0", time.Duration(0)}, {"-1", "want seconds, or a duration such as 30s, 5m or 1h30m, at least 0s"},
		{"9223372036", 9223372036 * time.Second}, {"9223372037", "want seconds, or a duration such as 30s, 5m or 1h30m, at least 0s"},
	})
	check(t, "Duration", func(s string) (time.Duration, error) {
		return setting.Duration(s, 90*time.Minute, 10*time.Hour)
	}, []text{{"x", "want seconds, or a duration such as 30s, 5m or 1h30m from 1h30m to 10h"}})
}

func TestSize(t *testing.T) {
	const no = "want a size in bytes, or such as 64k, 200MB or 1.5g from 1 to 8t"
	check(t, "Size", func(s string) (int64, error) { return setting.Size(s, 1, 8<<40) }, []text{
		{"1", 1}, {"4096", 4096}, {"64k", 64 << 10}, {"64K", 64 << 10}, {"64kb", 64 << 10}, {"64KiB", 64 << 10},
		{"1m", 1 << 20}, {"200MB", 200 << 20}, {"200 MiB", 200 << 20}, {"1.5g", 3 << 29}, {"0.5 k", 512}, {"8T", 8 << 40},
		{"100b", 100}, {"100 B", 100}, {"1.9", 1}, {".5k", 512}, {"8796093022208", 8 << 40},
		{"", no}, {"0", no}, {"0.0001k", no}, {"8796093022209", no}, {"9t", no}, {"k", no}, {"b", no}, {"-1k", no}, {"1kk", no},
		{"1 k b", no}, {"1ib", no}, {"1p", no}, {"1e3", no}, {"0x10", no}, {"1,5k", no}, {"1_000", no}, {"infb", no},
		{"99999999999999999999", no}, {"99999999t", no}, {"8388608t", no}, {"9007199254740993t", no}, {"64k # x", no},
	})
	check(t, "Size", func(s string) (int64, error) { return setting.Size(s, 0, math.MaxInt64) }, []text{
		{"9223372036854775807", int64(math.MaxInt64)}, {"8388607t", int64(8388607) << 40},
		{"8388608t", "want a size in bytes, or such as 64k, 200MB or 1.5g, at least 0"},
		{"9223372036854775808", "want a size in bytes, or such as 64k, 200MB or 1.5g, at least 0"},
	})
	check(t, "Size", func(s string) (int64, error) { return setting.Size(s, 1<<10, 1536<<10) }, []text{
		{"x", "want a size in bytes, or such as 64k, 200MB or 1.5g from 1k to 1536k"},
	})
}

func TestMode(t *testing.T) {
	const no = "want an octal mode from 0 to 777, such as 022"
	check(t, "Mode", setting.Mode, []text{
		{"022", 0o22}, {"22", 0o22}, {"0o22", 0o22}, {"0O600", 0o600}, {"777", 0o777}, {"0", 0}, {"0000", 0}, {" 600\n", 0o600},
		{"", no}, {"8", no}, {"1777", no}, {"-1", no}, {"+22", no}, {"0x1f", no}, {"u=rw", no}, {"0o", no}, {"0o0o7", no}, {"2_2", no},
	})
}

func TestOneOf(t *testing.T) {
	check(t, "OneOf", func(s string) (string, error) { return setting.OneOf(s, "round_robin", "least_conn", "hash") }, []text{
		{"hash", "hash"}, {" least_conn ", "least_conn"},
		{"Hash", `want round_robin, least_conn or hash: did you mean "hash"?`},
		{"roundrobin", `want round_robin, least_conn or hash: did you mean "round_robin"?`},
		{"", "want round_robin, least_conn or hash"},
		{"random", "want round_robin, least_conn or hash"},
	})
	check(t, "OneOf", func(s string) (string, error) { return setting.OneOf(s, "http") }, []text{{"https", "want http"}})
}
