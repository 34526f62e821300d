package marshal_test

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pasted/internal/marshal"
)

var bigs = cmp.Comparer(func(a, b *big.Int) bool { return a.Cmp(b) == 0 })

func mustAppend(t *testing.T, v any) []byte {
	t.Helper()
	data, err := marshal.Append(nil, v)
	if err != nil {
		t.Fatalf("Append(%#v): %v", v, err)
	}
	return data
}

func TestWhatIsWrittenReadsBack(t *testing.T) {
	huge := new(big.Int).Lsh(big.NewInt(5), 1000)
	for _, v := range []any{
		nil, true, false, int64(0), int64(-1), int64(math.MaxInt32), int64(math.MinInt32),
		int64(math.MaxInt32 + 1), int64(math.MinInt32 - 1), int64(math.MaxInt64), int64(math.MinInt64),
		new(big.Int).SetUint64(math.MaxUint64), huge, new(big.Int).Neg(huge),
		0.0, -1.5, math.Inf(1), math.SmallestNonzeroFloat64, complex(1, -2),
		"", "a", strings.Repeat("a", 255), strings.Repeat("a", 256), "é", "日本", "\U0001f600",
		"\xff", "a\x80b", "\xed\xa0\x80", "\xed\xa0", "\xed", "\xc3", "\x00",
		[]byte{}, []byte("\x00\xff"),
		marshal.Tuple{}, []any{}, marshal.Dict{}, marshal.Set{}, marshal.FrozenSet{int64(1)},
		marshal.Dict{{"b", int64(1)}, {"a", []any{marshal.Tuple{nil, "x"}}}, {int64(3), marshal.Dict{}}},
	} {
		data := mustAppend(t, v)
		got, rest, err := marshal.Decode(append(data, "rest"...), marshal.Limits{})
		if err != nil {
			t.Errorf("Decode(Append(%#v)): %v", v, err)
			continue
		}
		if diff := cmp.Diff(v, got, bigs); diff != "" || string(rest) != "rest" {
			t.Errorf("Decode(Append(%#v)) with rest %q, diff -want +got\n%s", v, rest, diff)
		}
	}
}

func TestRandomValuesReadBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		v := random(rng, 5)
		got, rest, err := marshal.Decode(mustAppend(t, v), marshal.Limits{})
		if err != nil || len(rest) != 0 {
			t.Fatalf("Decode(Append(%#v)): rest %q, %v", v, rest, err)
		}
		if diff := cmp.Diff(v, got, bigs); diff != "" {
			t.Fatalf("Decode(Append(%#v)): -want +got\n%s", v, diff)
		}
	}
}

// random makes a value of those that Python can make too.
func random(rng *rand.Rand, depth int) any {
	kinds := 9
	if depth == 0 {
		kinds = 6
	}
	switch rng.IntN(kinds) {
	case 0:
		return []any{nil, true, false}[rng.IntN(3)]
	case 1:
		return int64(rng.Uint64()) >> rng.IntN(64)
	case 2:
		v := new(big.Int).Lsh(big.NewInt(1+rng.Int64N(math.MaxInt32)), uint(64+rng.IntN(200)))
		if rng.IntN(2) == 0 {
			v.Neg(v)
		}
		return v
	case 3:
		return rng.NormFloat64()
	case 4:
		return randomText(rng)
	case 5:
		return []byte(randomText(rng))
	case 6:
		return marshal.Tuple(randomItems(rng, depth))
	case 7:
		return randomItems(rng, depth)
	}
	dict := marshal.Dict{}
	for i := range rng.IntN(4) {
		dict = append(dict, marshal.Pair{Key: int64(i), Value: random(rng, depth-1)})
	}
	return dict
}

func randomItems(rng *rand.Rand, depth int) []any {
	items := make([]any, 0, 4)
	for range rng.IntN(4) {
		items = append(items, random(rng, depth-1))
	}
	return items
}

func randomText(rng *rand.Rand) string {
	var b strings.Builder
	for range rng.IntN(6) * rng.IntN(60) {
		b.WriteRune([]rune{'a', 'Z', 0, 0x7f, 0x80, 0xff, 0x100, 0x20ac, 0xfffd, 0x10ffff}[rng.IntN(10)])
	}
	return b.String()
}

func TestAppendTakesEveryKindOfNumberAndMap(t *testing.T) {
	for _, c := range []struct{ v, want any }{
		{int(-7), int64(-7)}, {int8(-7), int64(-7)}, {int16(-7), int64(-7)}, {int32(-7), int64(-7)},
		{uint(7), int64(7)}, {uint8(7), int64(7)}, {uint16(7), int64(7)}, {uint32(7), int64(7)},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
		{float32(0.5), 0.5}, {big.NewInt(3), int64(3)},
		{[]string{"a", "b"}, []any{"a", "b"}},
		{map[string]string{"b": "1", "a": "2"}, marshal.Dict{{"a", "2"}, {"b", "1"}}},
		{map[string]any{"b": 1, "a": nil}, marshal.Dict{{"a", nil}, {"b", int64(1)}}},
	} {
		got, _, err := marshal.Decode(mustAppend(t, c.v), marshal.Limits{})
		if diff := cmp.Diff(c.want, got, bigs); diff != "" || err != nil {
			t.Errorf("Append(%#v) reads as %#v, %v", c.v, got, err)
		}
	}
}

func TestAppendRefusesWhatHasNoTypeOrNoEnd(t *testing.T) {
	if out, err := marshal.Append([]byte("x"), struct{}{}); !errors.Is(err, marshal.ErrType) || string(out) != "x" {
		t.Errorf("Append(struct) = %q, %v", out, err)
	}
	loop := []any{nil}
	loop[0] = loop
	if _, err := marshal.Append(nil, loop); !errors.Is(err, marshal.ErrLimit) {
		t.Errorf("Append(loop): %v, want ErrLimit", err)
	}
}

func TestAppendersAllocateNothing(t *testing.T) {
	dst := make([]byte, 0, 4096)
	latin := []byte("caf\xe9")
	n := testing.AllocsPerRun(100, func() {
		b := marshal.AppendDictHead(dst)
		b = marshal.AppendKey(b, "REQUEST_METHOD")
		b = marshal.AppendLatin1(b, "GET")
		b = marshal.AppendLatin1(b, latin)
		b = marshal.AppendUTF8(b, "日本")
		b = marshal.AppendUTF8(b, latin[:3])
		b = marshal.AppendInt(b, 1<<40)
		b = marshal.AppendFloat(b, 1.5)
		b = marshal.AppendBytes(b, latin)
		b = marshal.AppendTupleHead(b, 2)
		marshal.AppendDictEnd(marshal.AppendBool(marshal.AppendNone(b), true))
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBytesAreCharactersInLatin1(t *testing.T) {
	for _, s := range []string{"", "GET", "caf\xe9", "\x80\xff\x00", strings.Repeat("\xe9", 300)} {
		var want []rune
		for _, c := range []byte(s) {
			want = append(want, rune(c))
		}
		got, _, err := marshal.Decode(marshal.AppendLatin1(nil, s), marshal.Limits{})
		if err != nil || got != string(want) {
			t.Errorf("AppendLatin1(%q) reads as %q, %v", s, got, err)
		}
	}
}

// A length byte that wraps would make the rest of the key a value of its own.
func TestLongOrWideKeysAreWhole(t *testing.T) {
	for _, key := range []string{strings.Repeat("k", 255), strings.Repeat("k", 256), "k\xff", "ké"} {
		got, rest, err := marshal.Decode(marshal.AppendKey(nil, key), marshal.Limits{})
		if got != key || len(rest) > 0 || err != nil {
			t.Errorf("AppendKey(%q) reads as %#v, rest %q, %v", key, got, rest, err)
		}
	}
}

func TestBadDataIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"nothing", "", marshal.ErrShort},
		{"code", "c", marshal.ErrType},
		{"code with reference", "\xe3", marshal.ErrType},
		{"ellipsis", ".", marshal.ErrType},
		{"slice", ":NNN", marshal.ErrType},
		{"unknown", "?", marshal.ErrType},
		{"null alone", "0", marshal.ErrBad},
		{"null as a dict's value", "{N0", marshal.ErrBad},
		{"dict without end", "{NN", marshal.ErrShort},
		{"int cut", "i\x00\x00\x00", marshal.ErrShort},
		{"long cut", "l\x02\x00\x00\x00\x01\x00", marshal.ErrShort},
		{"long with a digit too large", "l\x01\x00\x00\x00\x00\x80", marshal.ErrBad},
		{"long with a leading zero", "l\x02\x00\x00\x00\x01\x00\x00\x00", marshal.ErrBad},
		{"long of the least length", "l\x00\x00\x00\x80", marshal.ErrShort},
		{"float cut", "g1234567", marshal.ErrShort},
		{"float text", "f\x03abc", marshal.ErrBad},
		{"negative length", "s\xff\xff\xff\xff", marshal.ErrBad},
		{"length that lies", "s\xff\xff\xff\x7fabc", marshal.ErrShort},
		{"list that lies", "[\xff\xff\xff\x7fNNN", marshal.ErrShort},
		{"list of a negative length", "[\xff\xff\xff\xff", marshal.ErrBad},
		{"tuple cut", ")\x02N", marshal.ErrShort},
		{"not UTF-8", "u\x01\x00\x00\x00\xff", marshal.ErrBad},
		{"not ASCII", "z\x01\xe9", marshal.ErrBad},
		{"reference to nothing", "r\x00\x00\x00\x00", marshal.ErrBad},
		{"negative reference", "r\xff\xff\xff\xff", marshal.ErrBad},
		{"list in itself", "\xdb\x01\x00\x00\x00r\x00\x00\x00\x00", marshal.ErrBad},
		{"reference that is its own", "\xf2\x00\x00\x00\x00", marshal.ErrBad},
		{"too deep", strings.Repeat(")\x01", 101) + "N", marshal.ErrLimit},
	} {
		if v, _, err := marshal.Decode([]byte(c.data), marshal.Limits{}); !errors.Is(err, c.want) {
			t.Errorf("%s: Decode(%q) = %#v, %v; want %v", c.name, c.data, v, err, c.want)
		}
	}
}

func TestLimitsHold(t *testing.T) {
	nested := []byte(strings.Repeat(")\x01", 3) + "N")
	if _, _, err := marshal.Decode(nested, marshal.Limits{Depth: 3}); err != nil {
		t.Errorf("3 deep of 3: %v", err)
	}
	if _, _, err := marshal.Decode(nested, marshal.Limits{Depth: 2}); !errors.Is(err, marshal.ErrLimit) {
		t.Errorf("3 deep of 2: %v", err)
	}
	text := []byte("z\x05abcde")
	if _, _, err := marshal.Decode(text, marshal.Limits{Size: 6}); err != nil {
		t.Errorf("6 of 6: %v", err)
	}
	if _, _, err := marshal.Decode(text, marshal.Limits{Size: 5}); !errors.Is(err, marshal.ErrLimit) {
		t.Errorf("6 of 5: %v", err)
	}
}

// A few hundred bytes can name a value of 2⁵⁰ parts.
func TestReferencesCountAsWhatTheyName(t *testing.T) {
	data := []byte("[\x33\x00\x00\x00\xa9\x01N") // refs[0] = (None,)
	for i := range 50 {
		data = append(data, 0xa9, 2, 'r', byte(i), 0, 0, 0, 'r', byte(i), 0, 0, 0)
	}
	if _, _, err := marshal.Decode(data, marshal.Limits{}); !errors.Is(err, marshal.ErrLimit) {
		t.Errorf("Decode of a bomb: %v, want ErrLimit", err)
	}
}

func TestLastOfEqualKeysCounts(t *testing.T) {
	d := marshal.Dict{{"a", 1}, {2, 2}, {"a", 3}}
	if v, ok := d.Get("a"); v != 3 || !ok {
		t.Errorf(`Get("a") = %v, %v`, v, ok)
	}
	if v, ok := d.Get("b"); ok {
		t.Errorf(`Get("b") = %v`, v)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("{z\x01a[\x02\x00\x00\x00\xa9\x01Nr\x00\x00\x00\x000"))
	f.Add([]byte("l\xfe\xff\xff\xff\x01\x00\x02\x00"))
	f.Add([]byte("u\x03\x00\x00\x00\xed\xb2\x80"))
	f.Fuzz(func(t *testing.T, data []byte) {
		limits := marshal.Limits{Size: 1 << 16}
		v, rest, err := marshal.Decode(data, limits)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(data, rest) {
			t.Fatalf("rest %q is no end of %q", rest, data)
		}
		written, err := marshal.Append(nil, v)
		if err != nil {
			t.Fatalf("Append(Decode(%q)): %v", data, err)
		}
		again, _, err := marshal.Decode(written, marshal.Limits{Size: 1 << 20})
		if err != nil {
			t.Fatalf("Decode(Append(Decode(%q))): %v", data, err)
		}
		twice, _ := marshal.Append(nil, again)
		if !bytes.Equal(written, twice) {
			t.Fatalf("%q: written %q, then %q", data, written, twice)
		}
	})
}
