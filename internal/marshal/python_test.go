package marshal_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pasted/internal/marshal"
)

// eachPython runs test with every Python found that has the major version.
func eachPython(t *testing.T, major string, test func(t *testing.T, python string)) {
	home, _ := os.UserHomeDir()
	pythons, _ := filepath.Glob(filepath.Join(home, ".pyenv/versions", major+".*/bin/python"))
	if path, err := exec.LookPath("/usr/bin/python" + major); err == nil {
		pythons = append(pythons, path)
	}
	if len(pythons) == 0 {
		t.Skipf("no Python %s installed", major)
	}
	for _, python := range pythons {
		name, _ := filepath.Rel(filepath.Join(home, ".pyenv/versions"), python)
		t.Run(strings.TrimPrefix(name, "../"), func(t *testing.T) { test(t, python) })
	}
}

// ask gives question to a Python program and returns what it answers.
func ask(t *testing.T, python, program string, question any) []any {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-S", "-E", filepath.Join("testdata", program))
	cmd.Stdin = bytes.NewReader(mustAppend(t, question))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", python, program, err, stderr.String())
	}
	v, rest, err := marshal.Decode(out, marshal.Limits{})
	if err != nil || len(rest) > 0 {
		t.Fatalf("answer of %s: %v, rest %q", python, err, rest)
	}
	return v.([]any)
}

func TestPythonReadsWhatIsWritten(t *testing.T) {
	cases := []struct {
		data       []byte
		expression string
	}{
		{mustAppend(t, nil), "None"},
		{mustAppend(t, true), "True"},
		{mustAppend(t, math.MinInt32), "-2**31"},
		{mustAppend(t, int64(math.MaxInt32+1)), "2**31"},
		{mustAppend(t, int64(math.MinInt64)), "-2**63"},
		{mustAppend(t, uint64(math.MaxUint64)), "2**64-1"},
		{mustAppend(t, new(big.Int).Lsh(big.NewInt(-1), 75)), "-2**75"},
		{mustAppend(t, 0.1), "0.1"},
		{mustAppend(t, 1i), "1j"},
		{mustAppend(t, "\xff\U0001f600"), `'\udcff\U0001f600'`},
		{mustAppend(t, []byte("\x00\xff")), `b'\x00\xff'`},
		{mustAppend(t, marshal.Dict{{"a", marshal.Tuple{}}, {1, []any{"x"}}}), "{'a': (), 1: ['x']}"},
		{mustAppend(t, marshal.Set{1}), "{1}"},
		{mustAppend(t, marshal.FrozenSet{}), "frozenset()"},
		{marshal.AppendLatin1(nil, "caf\xe9"), `'caf\xe9'`},
		{marshal.AppendLatin1(nil, strings.Repeat("a", 256)), "'a'*256"},
		{marshal.AppendKey(nil, "wsgi.input"), "'wsgi.input'"},
	}
	var question []any
	for _, c := range cases {
		question = append(question, marshal.Tuple{c.data, c.expression})
	}
	eachPython(t, "3", func(t *testing.T, python string) {
		for i, answer := range ask(t, python, "echo.py", question) {
			if wrong, ok := answer.(string); ok {
				t.Errorf("%q is %s", cases[i].data, wrong)
			}
		}
	})
}

func TestRandomValuesSurvivePython(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var values, question []any
	for range 150 {
		v := random(rng, 4)
		values = append(values, v)
		question = append(question, marshal.Tuple{mustAppend(t, v), nil})
	}
	eachPython(t, "3", func(t *testing.T, python string) {
		for i, answer := range ask(t, python, "echo.py", question) {
			compareVersions(t, values[i], answer.([]any))
		}
	})
}

// compareVersions checks that what Python wrote in each version of the format
// is want.
func compareVersions(t *testing.T, want any, versions []any) {
	t.Helper()
	for version, data := range versions {
		got, rest, err := marshal.Decode(data.([]byte), marshal.Limits{})
		if err != nil || len(rest) > 0 {
			t.Fatalf("version %d of %#v, %q: rest %q, %v", version, want, data, rest, err)
		}
		if diff := cmp.Diff(want, got, bigs); diff != "" {
			t.Fatalf("version %d, %q: -want +got\n%s", version, data, diff)
		}
	}
}

func TestWhatPythonWritesIsRead(t *testing.T) {
	ab := marshal.Tuple{"b", "c"}
	cases := []struct {
		expression string
		want       any
	}{
		{"None", nil}, {"[True, False]", []any{true, false}},
		{"[2**31-1, 2**31, -2**31-1, 2**62, -1, 0]", []any{int64(1<<31 - 1), int64(1 << 31), int64(-1<<31 - 1), int64(1 << 62), int64(-1), int64(0)}},
		{"7**100", new(big.Int).Exp(big.NewInt(7), big.NewInt(100), nil)},
		{"[1.5, -0.1, 1e300, float('inf')]", []any{1.5, -0.1, 1e300, math.Inf(1)}},
		{"2-3j", complex(2, -3)},
		{"['', 'a'*255, 'a'*256, 'caf\\xe9', '\\u20ac', '\\U0001f600', '\\ud800', '\\udcff']",
			[]any{"", strings.Repeat("a", 255), strings.Repeat("a", 256), "café", "€", "\U0001f600", "\xed\xa0\x80", "\xff"}},
		{"[b'', b'\\xff', bytearray(b'x'), memoryview(b'y')]", []any{[]byte{}, []byte{0xff}, []byte("x"), []byte("y")}},
		{"tuple(range(256))", marshal.Tuple(upTo(256))},
		{"{'b': {}, 'a': (), None: []}", marshal.Dict{{"b", marshal.Dict{}}, {"a", marshal.Tuple{}}, {nil, []any{}}}},
		{"[{1}, frozenset([1]), set(), frozenset()]", []any{marshal.Set{int64(1)}, marshal.FrozenSet{int64(1)}, marshal.Set{}, marshal.FrozenSet{}}},
		{"[shared, shared, shared[1], {'x': shared}]", []any{[]any{"a", ab}, []any{"a", ab}, ab, marshal.Dict{{"x", []any{"a", ab}}}}},
		{"{name: name, 'k': [name, 2**40, 2**40]}", marshal.Dict{{"interned_name", "interned_name"}, {"k", []any{"interned_name", int64(1 << 40), int64(1 << 40)}}}},
	}
	var question []any
	for _, c := range cases {
		question = append(question, c.expression)
	}
	eachPython(t, "3", func(t *testing.T, python string) {
		for i, answer := range ask(t, python, "dump.py", question) {
			compareVersions(t, cases[i].want, answer.([]any))
		}
	})
}

func upTo(n int) []any {
	var out []any
	for i := range n {
		out = append(out, int64(i))
	}
	return out
}

func TestCodeFromPythonIsRefused(t *testing.T) {
	eachPython(t, "3", func(t *testing.T, python string) {
		versions := ask(t, python, "dump.py", []any{"[compile('1', '', 'eval')]"})[0].([]any)
		for version, data := range versions {
			if v, _, err := marshal.Decode(data.([]byte), marshal.Limits{}); err == nil {
				t.Errorf("version %d reads as %#v", version, v)
			}
		}
	})
}

func TestAnswersFromPythonAreRead(t *testing.T) {
	expressions := []any{
		"('200 OK', [('Content-Type', 'text/plain'), pair, pair, (pair[0], name), ('a'*300, '')])",
		"('404 Not \\xff', [])",
		"('200 OK', [('X', '\\u20ac')])",
	}
	want := []string{"200 OK", "Content-Type", "text/plain", "X-Name", "caf\xe9", "X-Name", "caf\xe9",
		"X-Name", "interned_name", strings.Repeat("a", 300), ""}
	eachPython(t, "3", func(t *testing.T, python string) {
		answers := ask(t, python, "dump.py", expressions)
		var a marshal.Answer
		for version, data := range answers[0].([]any) {
			rest, err := a.Decode(data.([]byte))
			if err != nil || len(rest) > 0 || !slices.Equal(flat(&a), want) {
				t.Errorf("version %d: Decode(%q) = %q, %v", version, data, flat(&a), err)
			}
		}
		for _, data := range answers[1].([]any) {
			if _, err := a.Decode(data.([]byte)); err != nil || !slices.Equal(flat(&a), []string{"404 Not \xff"}) {
				t.Errorf("Decode(%q) = %q, %v", data, flat(&a), err)
			}
		}
		for _, data := range answers[2].([]any) {
			if _, err := a.Decode(data.([]byte)); err == nil {
				t.Errorf("Decode(%q) took a character above U+00FF", data)
			}
		}
	})
}

func TestPython2ReadsItsPart(t *testing.T) {
	dict := marshal.AppendDictHead(nil)
	dict = marshal.AppendBytes(dict, "REQUEST_METHOD")
	dict = marshal.AppendBytes(dict, "G\xe9T")
	dict = marshal.AppendBytes(dict, "n")
	dict = marshal.AppendTupleHead(dict, 3)
	dict = marshal.AppendInt(dict, -1)
	dict = marshal.AppendBool(dict, true)
	dict = marshal.AppendNone(dict)
	dict = marshal.AppendDictEnd(dict)
	list := marshal.AppendListHead(nil, 3)
	list = marshal.AppendUTF8Wide(list, "é")
	list = marshal.AppendFloat(list, 1.5)
	list = marshal.AppendInt(list, 1<<40)

	// The question itself is in Python 2's part of the format.
	question := marshal.AppendListHead(nil, 2)
	for data, expression := range map[string]string{
		string(dict): `{'REQUEST_METHOD': 'G\xe9T', 'n': (-1, True, None)}`,
		string(list): `[u'\xe9', 1.5, 2**40+0L]`,
	} {
		question = marshal.AppendTupleHead(question, 2)
		question = marshal.AppendBytes(question, data)
		question = marshal.AppendBytes(question, expression)
	}
	eachPython(t, "2", func(t *testing.T, python string) {
		cmd := exec.CommandContext(t.Context(), python, "-S", "-E", "testdata/echo.py")
		cmd.Stdin = bytes.NewReader(question)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		v, _, err := marshal.Decode(out, marshal.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for _, answer := range v.([]any) {
			versions, ok := answer.([]any)
			if !ok {
				t.Errorf("%s", answer)
				continue
			}
			if got, _, err := marshal.Decode(versions[0].([]byte), marshal.Limits{}); err != nil {
				t.Errorf("version 0: %v", err)
			} else if s := fmt.Sprint(got); !strings.Contains(s, "-1") && !strings.Contains(s, "1.5") {
				t.Errorf("version 0 reads as %s", s)
			}
		}
	})
}

func TestPython2ReadsWhatIsPutIntoItsPart(t *testing.T) {
	value := marshal.Dict{
		{Key: "caf\u00e9", Value: "\xff\u20ac"},
		{Key: strings.Repeat("k", 300), Value: []any{nil, true, 1 << 40, -2, 1.5, marshal.Tuple{[]byte("\x00\xff"), 1i}}},
		{Key: 1, Value: marshal.Dict{}},
	}
	environ := marshal.AppendDictHead(nil)
	environ = marshal.AppendKey(environ, "PATH_INFO")
	environ = marshal.AppendLatin1(environ, "/caf\xe9")
	environ = marshal.AppendDictEnd(environ)
	question := marshal.AppendListHead(nil, 3)
	for _, c := range []struct {
		data       []byte
		text       marshal.Text
		expression string
	}{
		{mustAppend(t, value), marshal.UTF8, `{'caf\xc3\xa9': '\xff\xe2\x82\xac', 'k'*300: [None, True, 2**40, -2, 1.5, ('\x00\xff', 1j)], 1: {}}`},
		{environ, marshal.Latin1, `{'PATH_INFO': '/caf\xe9'}`},
		{mustAppend(t, "\u20ac"), marshal.Latin1, `'\xe2\x82\xac'`},
	} {
		data, err := marshal.AppendPython2(nil, c.data, c.text)
		if err != nil {
			t.Fatalf("AppendPython2(%q): %v", c.data, err)
		}
		question = marshal.AppendTupleHead(question, 2)
		question = marshal.AppendBytes(question, data)
		question = marshal.AppendBytes(question, c.expression)
	}
	eachPython(t, "2", func(t *testing.T, python string) {
		cmd := exec.CommandContext(t.Context(), python, "-S", "-E", "testdata/equal.py")
		cmd.Stdin = bytes.NewReader(question)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

func TestPython2sPartIsMadeOfWholeValuesAlone(t *testing.T) {
	for data, want := range map[string]error{
		"z": marshal.ErrShort, "z\x05ab": marshal.ErrShort, "u\x01": marshal.ErrShort, "i\x01": marshal.ErrShort,
		"s\xff\xff\xff\xff": marshal.ErrBad, "r\x00\x00\x00\x00": marshal.ErrType, "c": marshal.ErrType,
	} {
		if got, err := marshal.AppendPython2([]byte("kept"), []byte(data), marshal.UTF8); !errors.Is(err, want) || string(got) != "kept" {
			t.Errorf("AppendPython2(%q) = %q, %v; want %v", data, got, err, want)
		}
	}
}

func FuzzPython2KeepsTheValue(f *testing.F) {
	f.Add("caf\u00e9", []byte("\xff"), int64(1<<40))
	f.Fuzz(func(t *testing.T, text string, data []byte, number int64) {
		src := mustAppend(t, []any{text, data, number, marshal.Dict{{Key: text, Value: nil}}})
		out, err := marshal.AppendPython2(nil, src, marshal.UTF8)
		if err != nil {
			t.Fatal(err)
		}
		got, rest, err := marshal.Decode(out, marshal.Limits{})
		if err != nil || len(rest) > 0 {
			t.Fatalf("%q: %v, rest %q", out, err, rest)
		}
		want, _, _ := marshal.Decode(src, marshal.Limits{})
		native := []byte(want.([]any)[0].(string))
		if diff := cmp.Diff([]any{native, data, number, marshal.Dict{{Key: native, Value: nil}}}, got, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
