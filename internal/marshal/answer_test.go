package marshal_test

import (
	"errors"
	"testing"

	"pasted/internal/marshal"
)

func answer(status string, fields ...string) []byte {
	b := marshal.AppendTupleHead(nil, 2)
	b = marshal.AppendLatin1(b, status)
	b = marshal.AppendListHead(b, len(fields)/2)
	for i := 0; i < len(fields); i += 2 {
		b = marshal.AppendTupleHead(b, 2)
		b = marshal.AppendLatin1(b, fields[i])
		b = marshal.AppendLatin1(b, fields[i+1])
	}
	return b
}

func flat(a *marshal.Answer) []string {
	out := []string{string(a.Status)}
	for _, f := range a.Fields {
		out = append(out, string(f.Name), string(f.Value))
	}
	return out
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestAnswerIsReadAsLatin1(t *testing.T) {
	data := append(answer("200 OK", "Content-Type", "text/plain", "X-Name", "caf\xe9", "X-Empty", "", "X-High", "\x80\xff"), "body"...)
	var a marshal.Answer
	for range 2 {
		rest, err := a.Decode(data)
		want := []string{"200 OK", "Content-Type", "text/plain", "X-Name", "caf\xe9", "X-Empty", "", "X-High", "\x80\xff"}
		if err != nil || string(rest) != "body" || !equal(flat(&a), want) {
			t.Fatalf("Decode = %q, rest %q, %v; want %q", flat(&a), rest, err, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { a.Decode(data) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAnswerFollowsReferences(t *testing.T) {
	// ("200 OK", [f, ("a", "200 OK"), f]) with f = ("a", "b"), as Python
	// writes objects that it holds more than once.
	data := "\xa9\x02\xfa\x06200 OK\xdb\x03\x00\x00\x00" +
		"\xa9\x02\xda\x01a\xfa\x01b" +
		")\x02r\x04\x00\x00\x00r\x01\x00\x00\x00" +
		"r\x03\x00\x00\x00"
	var a marshal.Answer
	_, err := a.Decode([]byte(data))
	want := []string{"200 OK", "a", "b", "a", "200 OK", "a", "b"}
	if err != nil || !equal(flat(&a), want) {
		t.Errorf("Decode = %q, %v; want %q", flat(&a), err, want)
	}
}

func TestAnswerOfAnotherShapeIsRefused(t *testing.T) {
	for _, c := range []struct {
		name, data string
		want       error
	}{
		{"nothing", "", marshal.ErrShort},
		{"not a tuple", "N", marshal.ErrType},
		{"one part", ")\x01N", marshal.ErrType},
		{"three parts", "(\x03\x00\x00\x00NNN", marshal.ErrType},
		{"tuple that lies", "(\xff\xff\xff\x7f", marshal.ErrShort},
		{"no status", ")\x02", marshal.ErrShort},
		{"None as status", ")\x02N[\x00\x00\x00\x00", marshal.ErrType},
		{"tuple of fields", ")\x02z\x02OK)\x00", marshal.ErrType},
		{"list that lies", ")\x02z\x02OK[\xff\xff\xff\x00", marshal.ErrShort},
		{"negative list", ")\x02z\x02OK[\xff\xff\xff\xff", marshal.ErrBad},
		{"field that is a str", ")\x02z\x02OK[\x01\x00\x00\x00z\x02ab", marshal.ErrType},
		{"field of three", ")\x02z\x02OK[\x01\x00\x00\x00)\x03z\x01az\x01bz\x01c", marshal.ErrType},
		{"value that is an int", ")\x02z\x02OK[\x01\x00\x00\x00)\x02z\x01ai\x01\x00\x00\x00", marshal.ErrType},
		{"above Latin-1", ")\x02u\x02\x00\x00\x00\xc4\x80[\x00\x00\x00\x00", marshal.ErrType},
		{"surrogate", ")\x02u\x03\x00\x00\x00\xed\xb2\x80[\x00\x00\x00\x00", marshal.ErrType},
		{"half a character", ")\x02u\x01\x00\x00\x00\xc3[\x00\x00\x00\x00", marshal.ErrType},
		{"overlong", ")\x02u\x02\x00\x00\x00\xc1\x81[\x00\x00\x00\x00", marshal.ErrType},
		{"not ASCII", ")\x02z\x01\xe9[\x00\x00\x00\x00", marshal.ErrBad},
		{"status cut", ")\x02z\x09OK[\x00", marshal.ErrShort},
		{"reference to nothing", ")\x02r\x00\x00\x00\x00", marshal.ErrBad},
		{"reference to the answer", "\xa9\x02r\x00\x00\x00\x00", marshal.ErrType},
		{"reference to a str as a field", ")\x02\xfa\x02OK[\x05\x00\x00\x00r\x00\x00\x00\x00", marshal.ErrType},
		{"reference cut", ")\x02\xfa\x02OK[\x01\x00\x00\x00r\x00", marshal.ErrShort},
	} {
		var a marshal.Answer
		_, err := a.Decode([]byte(c.data))
		if !errors.Is(err, c.want) || a.Status != nil || len(a.Fields) != 0 {
			t.Errorf("%s: Decode(%q) = %q, %v; want nothing and %v", c.name, c.data, flat(&a), err, c.want)
		}
	}
}

func TestNativeStringsOfPython2AreBytes(t *testing.T) {
	data := ")\x02s\x06\x00\x00\x00200 OK[\x01\x00\x00\x00)\x02s\x01\x00\x00\x00as\x01\x00\x00\x00\xe9"
	a := marshal.Answer{}
	if _, err := a.Decode([]byte(data)); err != nil || !equal(flat(&a), []string{"200 OK", "a", "\xe9"}) {
		t.Errorf("Decode = %q, %v", flat(&a), err)
	}
}

// What Answer takes, Decode takes, and they agree.
func FuzzAnswer(f *testing.F) {
	f.Add(answer("200 OK", "a", "b\xe9"))
	f.Add([]byte("\xa9\x02\xfa\x06200 OK\xdb\x02\x00\x00\x00\xa9\x02\xda\x01a\xfa\x01br\x03\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var a marshal.Answer
		rest, err := a.Decode(data)
		if err != nil {
			return
		}
		v, rest2, err := marshal.Decode(data, marshal.Limits{})
		if err != nil || len(rest) != len(rest2) {
			t.Fatalf("Answer takes %q, Decode says %v", data, err)
		}
		head := v.(marshal.Tuple)
		got := []string{latin1(head[0])}
		for _, f := range head[1].([]any) {
			got = append(got, latin1(f.(marshal.Tuple)[0]), latin1(f.(marshal.Tuple)[1]))
		}
		if !equal(got, flat(&a)) {
			t.Fatalf("Answer reads %q, Decode %q", flat(&a), got)
		}
	})
}

func latin1(v any) string {
	var out []byte
	for _, r := range v.(string) {
		out = append(out, byte(r))
	}
	return string(out)
}

func BenchmarkAnswer(b *testing.B) {
	data := answer("200 OK", "Content-Type", "text/html; charset=utf-8", "Content-Length", "12",
		"Set-Cookie", "session=0123456789abcdef; Path=/; HttpOnly", "Cache-Control", "no-store")
	var a marshal.Answer
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEnviron(b *testing.B) {
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		e := marshal.AppendDictHead(dst)
		for range 25 {
			e = marshal.AppendKey(e, "HTTP_ACCEPT_ENCODING")
			e = marshal.AppendLatin1(e, "gzip, deflate, br, zstd")
		}
		marshal.AppendDictEnd(e)
	}
}
