package ini_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"pasted/internal/ini"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite what the cases in testdata want")

// TestParse reads input.ini of each case, or input.quoted: lines that are
// strings of Go, joined.
func TestParse(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "parse", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			rule, parts := readCase(t, file)
			input := []byte(parts["input.ini"])
			if quoted, ok := parts["input.quoted"]; ok {
				input = unquoteLines(t, quoted)
			}
			got := describe(input)
			if *update {
				writeWant(t, file, rule, parts, got)
				return
			}
			if diff := cmp.Diff(parts["want"], got); diff != "" {
				t.Errorf("%s(-want +got)\n%s", rule, diff)
			}
		})
	}
}

// readCase splits a case into the rule at its top and its parts by name.
func readCase(t *testing.T, file string) (rule string, parts map[string]string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts = make(map[string]string)
	name := ""
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(line, " --\n") {
			name = strings.TrimSuffix(rest, " --\n")
			parts[name] = ""
			continue
		}
		parts[name] += line
	}
	return parts[""], parts
}

func writeWant(t *testing.T, file, rule string, parts map[string]string, want string) {
	t.Helper()
	text := rule
	for _, name := range []string{"input.ini", "input.quoted"} {
		if part, ok := parts[name]; ok {
			text += "-- " + name + " --\n" + part
		}
	}
	if err := os.WriteFile(file, []byte(text+"-- want --\n"+want), 0o666); err != nil {
		t.Fatal(err)
	}
}

func unquoteLines(t *testing.T, quoted string) []byte {
	t.Helper()
	var data []byte
	for line := range strings.Lines(quoted) {
		text, err := strconv.Unquote(strings.TrimSpace(line))
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		data = append(data, text...)
	}
	return data
}

// describe parses data and says what came out: headers, options, the numbers
// of the lines of their values, and values where interpolation changes them.
func describe(data []byte) string {
	file, err := ini.Parse("input.ini", data, ini.Default{Name: "here", Value: "/dir"})
	if err != nil {
		return describeError(err)
	}
	var b strings.Builder
	for _, s := range append([]*ini.Section{file.Defaults()}, file.Sections()...) {
		fmt.Fprintf(&b, "%d [%s]\n", s.Line, s.Name)
		for _, o := range s.Options() {
			fmt.Fprintf(&b, "%s %s = %q\n", lineNumbers(o), ini.Repr(o.Name), o.Raw)
			value, err := file.Interpolate(s.Name, o)
			switch {
			case err != nil:
				b.WriteString("  " + strings.ReplaceAll(strings.TrimSpace(describeError(err)), "\n", "\n  ") + "\n")
			case value != o.Raw:
				fmt.Fprintf(&b, "  is %q\n", value)
			}
		}
	}
	return b.String()
}

func lineNumbers(o *ini.Option) string {
	if len(o.Lines) == 0 {
		return "-"
	}
	var numbers []string
	for _, l := range o.Lines {
		numbers = append(numbers, strconv.Itoa(l.Number))
	}
	return strings.Join(numbers, ",")
}

func describeError(err error) string {
	var e *ini.Error
	if !errors.As(err, &e) {
		return "not an *ini.Error: " + err.Error()
	}
	text := fmt.Sprintf("%s: %q\n%s\n", e.Class, e.Text, e)
	if e.Hint != "" {
		text += "hint: " + e.Hint + "\n"
	}
	return text
}

func TestFileDefaults(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][2]string{
		"/etc/app/a.ini":     {"/etc/app", "/etc/app/a.ini"},
		"/etc/x/../app/a":    {"/etc/app", "/etc/app/a"},
		"//etc/a.ini":        {"//etc", "//etc/a.ini"},
		"//a.ini":            {"//", "//a.ini"},
		"///etc/a.ini":       {"/etc", "/etc/a.ini"},
		"/a.ini":             {"/", "/a.ini"},
		"conf/a.ini":         {wd + "/conf", wd + "/conf/a.ini"},
		"./conf//deep/a.ini": {wd + "/conf/deep", wd + "/conf/deep/a.ini"},
	} {
		got, err := ini.FileDefaults(name)
		if err != nil {
			t.Fatal(err)
		}
		wanted := []ini.Default{{Name: "here", Value: want[0]}, {Name: "__file__", Value: want[1]}}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("FileDefaults(%q) (-want +got)\n%s", name, diff)
		}
	}
}

func TestAddDefaultLeavesWhatIsThere(t *testing.T) {
	file, err := ini.Parse("a.ini", []byte("[DEFAULT]\nx = file\n[s]\nv = %(x)s %(y)s\n"))
	if err != nil {
		t.Fatal(err)
	}
	if file.AddDefault("x", "given") || !file.AddDefault("y", "given") {
		t.Error("AddDefault took the place of a default, or refused a new one")
	}
	if got, ok, err := file.Get("s", "v"); got != "file given" || !ok || err != nil {
		t.Errorf("Get(v) = %q, %v, %v, want \"file given\"", got, ok, err)
	}
	if got, ok, err := file.Get("s", "y"); got != "given" || !ok || err != nil {
		t.Errorf("Get(y) = %q, %v, %v, want the default", got, ok, err)
	}
	if _, ok, err := file.Get("s", "z"); ok || err != nil {
		t.Errorf("Get(z) = %v, %v, want nothing", ok, err)
	}
	if _, ok, err := file.Get("none", "z"); ok || err != nil {
		t.Errorf("Get of a missing section = %v, %v, want nothing", ok, err)
	}
}

func TestOptionsListsDefaultsAfterTheSectionsOwn(t *testing.T) {
	file, err := ini.Parse("a.ini", []byte("[DEFAULT]\na = 1\nb = 2\n[s]\nz = 3\nb = 4\n"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range file.Options("s") {
		got = append(got, o.Name+"="+o.Raw)
	}
	if diff := cmp.Diff([]string{"z=3", "b=4", "a=1"}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if file.Options("none") != nil {
		t.Error("options of a section that is not there")
	}
}

func TestDefaultValuesThatComeOutEmptyStayRaw(t *testing.T) {
	file, err := ini.Parse("a.ini", []byte("[DEFAULT]\nempty =\nx = %(empty)s\ny = %(x)s1\n"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := file.DefaultValues()
	if err != nil {
		t.Fatal(err)
	}
	want := []ini.Default{{Name: "empty"}, {Name: "x", Value: "%(empty)s"}, {Name: "y", Value: "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestInterpolationStopsBeforeMemoryRunsOut(t *testing.T) {
	text := "[s]\na0 = 0123456789\n"
	for i := range 9 {
		text += fmt.Sprintf("a%d = %s\n", i+1, strings.Repeat(fmt.Sprintf("%%(a%d)s", i), 30))
	}
	file, err := ini.Parse("a.ini", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = file.Get("s", "a9")
	var e *ini.Error
	if !errors.As(err, &e) || e.Class != "MemoryError" {
		t.Errorf("error %v, want a MemoryError", err)
	}
}

func TestADefaultThatIsNoTextMayStandThereWhereItIsFalse(t *testing.T) {
	for _, c := range []struct {
		foreign *ini.Foreign
		value   string
		want    string
	}{
		{&ini.Foreign{Type: "NoneType", False: true}, "x", "x"},
		{&ini.Foreign{Type: "NoneType", False: true}, "%(v)s", "! TypeError: Error in file a.ini: argument of type 'NoneType' is not iterable"},
		{&ini.Foreign{Type: "int", False: true}, "%(nope)s%(v)s", "! configparser.InterpolationMissingOptionError"},
		{&ini.Foreign{Type: "list", False: true}, "%(v)s%(nope)s", "! configparser.InterpolationMissingOptionError"},
		{&ini.Foreign{Type: "list", False: true}, "%(v)s", "! TypeError: Error in file a.ini: sequence item 0: expected str instance, list found"},
		{&ini.Foreign{Type: "dict", False: true}, "a %%%(e)s%(v)s%(v)s b", "! TypeError: Error in file a.ini: sequence item 3: expected str instance, dict found"},
	} {
		file, err := ini.Parse("a.ini", []byte("[s]\nx = "+c.value+"\n"), ini.Default{Name: "e"})
		if err != nil {
			t.Fatal(err)
		}
		file.AddForeign("v", "stands for it", c.foreign)
		got, _, err := file.Get("s", "x")
		var e *ini.Error
		if errors.As(err, &e) {
			got = "! " + e.Class + ": " + e.Text
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("%s of a %s: %s, want %s", c.value, c.foreign.Type, got, c.want)
		}
	}
}

func TestAFolderWithAPercentSignIsBlamedForIt(t *testing.T) {
	for dir, want := range map[string]string{
		"/a%b": "call the folder something else", "/%(a": "call the folder something else",
	} {
		defaults, err := ini.FileDefaults(dir + "/a.ini")
		if err != nil {
			t.Fatal(err)
		}
		file, err := ini.Parse(dir+"/a.ini", []byte("[DEFAULT]\nx = 1\n"), defaults...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = file.DefaultValues()
		var e *ini.Error
		if !errors.As(err, &e) || !strings.HasSuffix(e.Hint, want) {
			t.Errorf("%s: error %#v, want the hint %q", dir, err, want)
		}
	}
}

func TestUnicodeErrorsCountFromTheirChunk(t *testing.T) {
	const chunk = 8192
	header := "[a]\n"
	for _, c := range []struct{ data, class, text string }{
		{header + strings.Repeat("#", 10000) + "\xff", "", "byte 0xff in position 1812: invalid start byte"},
		{header + strings.Repeat("#", chunk-5) + "\xc3\n" + header, "", "byte 0xc3 in position 0: invalid continuation byte"},
		{header + strings.Repeat("#", chunk-6) + "\xe2\x82", "", "bytes in position 0-1: unexpected end of data"},
		{header + strings.Repeat("#", chunk-6) + "\xe2\x82A\n", "", "bytes in position 0-1: invalid continuation byte"},
		{header + strings.Repeat("#", chunk-6) + "\xe2\x82\xac\n" + strings.Repeat("#", 50) + "\xff", "",
			"byte 0xff in position 54: invalid start byte"},
		{header + "\xe2\x82x", "", "bytes in position 4-5: invalid continuation byte"},
		{header + "\xf0\x9f\x98", "", "bytes in position 0-2: unexpected end of data"},
		{header + "\xed\xa0\x80", "", "byte 0xed in position 4: invalid continuation byte"},
		{header + "\xc0\x80", "", "byte 0xc0 in position 4: invalid start byte"},
		{header + "\xf4\x90\x80\x80", "", "byte 0xf4 in position 4: invalid continuation byte"},
		{header + "\xe0\x80\x80", "", "byte 0xe0 in position 4: invalid continuation byte"},
		{header + "junk\n" + strings.Repeat("#", 10000) + "\xff", "", "byte 0xff in position 1817: invalid start byte"},
		// What stands in earlier chunks is parsed by then, but for a last
		// line whose end is not certain.
		{"x\n" + strings.Repeat("#", 10000) + "\xff", "configparser.MissingSectionHeaderError", ""},
		{strings.Repeat("#", chunk-13) + "\n[a]\nx=1\nx=2\r\xff", "", "byte 0xff in position 0: invalid start byte"},
		{strings.Repeat("#", chunk-14) + "\n[a]\nx=1\nx=2\r\n\xff", "configparser.DuplicateOptionError", ""},
		{strings.Repeat("#", chunk-12) + "\n[a]\nx=1\nx=2\n\xff", "", "byte 0xff in position 1: invalid start byte"},
	} {
		_, err := ini.Parse("a.ini", []byte(c.data))
		var e *ini.Error
		if !errors.As(err, &e) {
			t.Errorf("%.20q: error %v", c.data, err)
			continue
		}
		if c.class != "" && e.Class != c.class || c.text != "" && e.Text != "'utf-8' codec can't decode "+c.text {
			t.Errorf("%.20q: %s: %s, want %s %s", c.data, e.Class, e.Text, c.class, c.text)
		}
	}
}

func TestRepr(t *testing.T) {
	for in, want := range map[string]string{
		"plain":          `'plain'`,
		"it's":           `"it's"`,
		`both ' and "`:   `'both \' and "'`,
		"a\\b":           `'a\\b'`,
		"\n\r\t\x00\x7f": `'\n\r\t\x00\x7f'`,
		"é\u00a0\u00ad":  `'é\xa0\xad'`,
		"\ufeff\u2028":   `'\ufeff\u2028'`,
		"\U000e0001😀":    `'\U000e0001😀'`,
		"\xff\ufffd":     "'\\udcff\ufffd'",
	} {
		if got := ini.Repr(in); got != want {
			t.Errorf("Repr(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "[a]\nb = c\n", "[DEFAULT]\nx: %(y)s\n  [z]\n[a]\nx =\n\n  1\n#\n", "\ufeff[a]", "[a\n", "[a]\n= b\n",
		"[a]\r\nb=%(b)s\rc=%%%\n", "[a]\nb\n c\n[a]\n", "x\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ini.Parse("a.ini", data)
		if (file == nil) == (err == nil) {
			t.Fatalf("a file %v and an error %v, want one of them", file, err)
		}
		if err != nil {
			checkFuzzedError(t, err)
			return
		}
		printed := printFile(file)
		again, err := ini.Parse("a.ini", []byte(printed))
		if err != nil {
			t.Fatalf("%q is printed as %q, which gives %v", data, printed, err)
		}
		if diff := cmp.Diff(printed, printFile(again)); diff != "" {
			t.Errorf("printed, and printed again\n%s", diff)
		}
		for _, s := range append(file.Sections(), file.Defaults()) {
			for _, o := range s.Options() {
				if o.Name == "" || o.Line == 0 || o.Lines[0].Number != o.Line {
					t.Errorf("[%s] %q stands in line %d, its value in %v", s.Name, o.Name, o.Line, o.Lines)
				}
				if _, err := file.Interpolate(s.Name, o); err != nil {
					checkFuzzedError(t, err)
				}
			}
		}
	})
}

// printFile writes a file down again: its sections and raw values, and nothing
// else of it.
func printFile(file *ini.File) string {
	var b strings.Builder
	for _, s := range append([]*ini.Section{file.Defaults()}, file.Sections()...) {
		fmt.Fprintf(&b, "[%s]\n", s.Name)
		for _, o := range s.Options() {
			fmt.Fprintf(&b, "%s = %s\n", o.Name, strings.ReplaceAll(o.Raw, "\n", "\n "))
		}
	}
	return b.String()
}

func checkFuzzedError(t *testing.T, err error) {
	t.Helper()
	var e *ini.Error
	if !errors.As(err, &e) || e.Class == "" || len(e.Mistakes) == 0 {
		t.Errorf("error %#v, want an *ini.Error with a class and a mistake", err)
	}
}
