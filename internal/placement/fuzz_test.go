package placement_test

import (
	"testing"

	"pasted/internal/marshal"
)

// FuzzAnswer asks whatever a process may send: there is always one answer, and
// it can be sent back.
func FuzzAnswer(f *testing.F) {
	pair := func(key string, value any) marshal.Pair { return marshal.Pair{Key: key, Value: value} }
	for _, q := range []marshal.Dict{
		question(int64(1), "app", "app", nil),
		question(int64(3), "filter", "f", marshal.Dict{pair("x", "%(y)s")}),
		question(int64(2), "app", "config:/etc/test.ini#comp", marshal.Dict{pair("a", "100%")}),
		other(int64(1), "section", pair("type", "app"), pair("name", nil)),
		other(int64(2), "file"),
		other(true, "file", pair("context", marshal.Tuple{})),
	} {
		seed, err := marshal.Append(nil, q)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		value, _, err := marshal.Decode(data, marshal.Limits{})
		asked, ok := value.(marshal.Dict)
		if err != nil || !ok {
			return
		}
		plan := mustPlace(t, asking) // which remembers nothing yet
		plan.Encode(plan.Roots[0].Context)
		answer := plan.Answer(asked)
		if len(answer) == 0 {
			t.Errorf("no answer to %v", asked)
		}
		if _, err := marshal.Append(nil, answer); err != nil {
			t.Errorf("the answer to %v cannot be sent: %v", asked, err)
		}
	})
}
