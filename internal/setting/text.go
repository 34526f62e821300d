package setting

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"pasted/internal/spelling"
)

// The functions of this file read one text. Space around it, Python's kind,
// does not matter. Their errors say what is wanted ("want a whole number") and
// leave out what stands there and where.

// Bool reads yes or no in PasteDeploy's words, whose case does not matter:
// true, yes, on, y, t, 1 and false, no, off, n, f, 0.
func Bool(text string) (bool, error) {
	switch strings.ToLower(trim(text)) {
	case "true", "yes", "on", "y", "t", "1":
		return true, nil
	case "false", "no", "off", "n", "f", "0":
		return false, nil
	}
	return false, errors.New("want true or false (or yes, on, y, t, 1; no, off, n, f, 0)")
}

// Int reads a whole number from least to most, as Python's int does: a sign
// and single underscores between digits are allowed.
func Int(text string, least, most int) (int, error) {
	n, err := strconv.Atoi(digits(trim(text)))
	if err != nil || n < least || n > most {
		return 0, fmt.Errorf("want a whole number%s", between(least, most, math.MinInt, math.MaxInt, strconv.Itoa))
	}
	return n, nil
}

// Range reads a whole number from least to most, which stands for from and to, or
// two of them with two dots between.
func Range(text string, least, most int) (from, to int, err error) {
	low, high, ok := strings.Cut(text, "..")
	if !ok {
		high = low
	}
	from, err1 := Int(low, least, most)
	to, err2 := Int(high, least, most)
	if err1 != nil || err2 != nil || from > to {
		return 0, 0, fmt.Errorf("want a whole number%s, or two as in 2..8, the smaller first",
			between(least, most, math.MinInt, math.MaxInt, strconv.Itoa))
	}
	return from, to, nil
}

// digits takes out the underscores that Python allows in a number.
func digits(text string) string {
	for i := range text {
		inside := 0 < i && i < len(text)-1
		if text[i] == '_' && !(inside && isDigit(text[i-1]) && isDigit(text[i+1])) {
			return text
		}
	}
	return strings.ReplaceAll(text, "_", "")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// Float reads a decimal number from least to most.
func Float(text string, least, most float64) (float64, error) {
	text = trim(text)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !isDecimal(unsigned(text)) || n < least || n > most {
		show := func(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
		return 0, fmt.Errorf("want a number%s", between(least, most, math.Inf(-1), math.Inf(1), show))
	}
	return n, nil
}

// unsigned cuts one sign off.
func unsigned(text string) string {
	if strings.HasPrefix(text, "-") {
		return text[1:]
	}
	return strings.TrimPrefix(text, "+")
}

// isDecimal says whether text is digits with at most one point among them.
func isDecimal(text string) bool {
	whole, fraction, _ := strings.Cut(text, ".")
	return whole+fraction != "" && strings.Trim(whole+fraction, "0123456789") == ""
}

// List splits text at white space, new lines included, as Python's str.split.
func List(text string) []string {
	return strings.FieldsFunc(text, isSpace)
}

// Duration reads a duration from least to most: seconds as a decimal number,
// or Go's form ("1h30m", "250ms").
func Duration(text string, least, most time.Duration) (time.Duration, error) {
	d, ok := duration(strings.ToLower(trim(text)))
	if !ok || d < least || d > most {
		return 0, fmt.Errorf("want seconds, or a duration such as 30s, 5m or 1h30m%s",
			between(least, most, math.MinInt64, math.MaxInt64, showDuration))
	}
	return d, nil
}

func duration(text string) (time.Duration, bool) {
	if isDecimal(text) {
		text += "s"
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// showDuration writes a duration without zero parts: "1m", not "1m0s".
func showDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// units are the powers of 1024 that a size may be counted in.
var units = []struct {
	letter string
	bytes  int64
}{{"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {"t", 1 << 40}}

// Size reads a number of bytes from least to most, with a unit or without:
// k, m, g, t, each with b or ib behind it or not, all powers of 1024 in either
// case: "64k", "200MB", "1.5 GiB". A fraction of a byte is dropped.
func Size(text string, least, most int64) (int64, error) {
	n, ok := size(strings.ToLower(trim(text)))
	if !ok || n < least || n > most {
		return 0, fmt.Errorf("want a size in bytes, or such as 64k, 200MB or 1.5g%s",
			between(least, most, math.MinInt64, math.MaxInt64, showSize))
	}
	return n, nil
}

func size(text string) (int64, bool) {
	number, unit := text, int64(1)
	for _, u := range units {
		for _, suffix := range []string{u.letter, u.letter + "b", u.letter + "ib"} {
			if before, ok := strings.CutSuffix(text, suffix); ok {
				number, unit = before, u.bytes
			}
		}
	}
	if unit == 1 {
		number = strings.TrimSuffix(number, "b")
	}
	number = trim(number)
	if n, err := strconv.ParseInt(number, 10, 64); err == nil && isDecimal(number) {
		return n * unit, n <= math.MaxInt64/unit
	}
	f, err := strconv.ParseFloat(number, 64)
	f *= float64(unit)
	return int64(f), err == nil && isDecimal(number) && f < math.MaxInt64
}

// showSize writes a size in the greatest unit that it is a multiple of.
func showSize(n int64) string {
	for i := len(units) - 1; i >= 0; i-- {
		if n != 0 && n%units[i].bytes == 0 {
			return strconv.FormatInt(n/units[i].bytes, 10) + units[i].letter
		}
	}
	return strconv.FormatInt(n, 10)
}

// Mode reads permission bits, 0 to 0777, in octal with or without 0 or 0o in
// front: of a file or a umask.
func Mode(text string) (int, error) {
	text = trim(text)
	octal := strings.TrimPrefix(strings.TrimPrefix(text, "0o"), "0O")
	n, err := strconv.ParseUint(octal, 8, 32)
	if err != nil || n > 0o777 {
		return 0, errors.New("want an octal mode from 0 to 777, such as 022")
	}
	return int(n), nil
}

// OneOf reads one of words, as they stand; case counts.
func OneOf(text string, words ...string) (string, error) {
	text = trim(text)
	for _, word := range words {
		if text == word {
			return word, nil
		}
	}
	want := "want " + strings.Join(words, ", ")
	if last := len(words) - 1; last > 0 {
		want = "want " + strings.Join(words[:last], ", ") + " or " + words[last]
	}
	if near := spelling.Nearest(text, words); near != "" && len(words) > 2 {
		want += fmt.Sprintf(": did you mean %q?", near)
	}
	return "", errors.New(want)
}

// between describes a range whose bounds may be the type's own, lowest and
// highest.
func between[T int | int64 | float64 | time.Duration](least, most, lowest, highest T, show func(T) string) string {
	switch {
	case least == lowest && most == highest:
		return ""
	case most == highest:
		return ", at least " + show(least)
	case least == lowest:
		return ", at most " + show(most)
	}
	return " from " + show(least) + " to " + show(most)
}

// trim is Python's str.strip.
func trim(s string) string { return strings.TrimFunc(s, isSpace) }

// isSpace is Python's str.isspace: Unicode's white space and the four
// separators of ASCII.
func isSpace(r rune) bool {
	return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f
}
