package pool

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func TestPathsOfOnePatternHaveOneKey(t *testing.T) {
	const script = "/shop"
	same := [][]string{
		{"/items/1", "/items/23", "/items/99999999999"},
		{"/u/3f2504e0-4f89-11d3-9a0c-0305e82c3301/x", "/u/00000000-0000-4000-8000-000000000000/x"},
		{"/commit/deadbee1", "/commit/0123456789abcdef0123456789abcdef01234567"},
		{"/t/eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9", "/t/mFz3kQ9TTy7pXkLmQw12ab"},
	}
	keys := map[uint64]string{}
	for _, paths := range same {
		want := PathKey("GET", script, paths[0])
		for _, path := range paths {
			if PathKey([]byte("GET"), []byte(script), []byte(path)) != want {
				t.Errorf("%s and %s have different keys", path, paths[0])
			}
		}
		keys[want] = paths[0]
	}
	for _, path := range []string{"/", "", "/items", "/items/", "/items/new", "/v1/items", "/v2/items", "/feed", "/facade/added", "/a/b"} {
		key := PathKey("GET", script, path)
		if other, taken := keys[key]; taken {
			t.Errorf("%q and %q have the same key", path, other)
		}
		keys[key] = path
	}
	if PathKey("GET", "", "/a") == PathKey("POST", "", "/a") {
		t.Error("the method makes no difference")
	}
}

func TestSlowPathIsOneThatTakesManyTimesWhatOthersDo(t *testing.T) {
	tests := []struct {
		name         string
		quick, slow  time.Duration
		share        float64
		wantQ, wantS bool
	}{
		{name: "sleeps among quick ones", quick: time.Millisecond, slow: 100 * time.Millisecond, share: 0.1, wantS: true},
		{name: "mostly slow", quick: time.Millisecond, slow: 50 * time.Millisecond, share: 0.7, wantS: true},
		{name: "all take their time", quick: 60 * time.Millisecond, slow: 90 * time.Millisecond, share: 0.5},
		{name: "all are quick", quick: 100 * time.Microsecond, slow: 5 * time.Millisecond, share: 0.2},
		{name: "reports among pages", quick: 40 * time.Millisecond, slow: 3 * time.Second, share: 0.02, wantS: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var c costs
			rng := rand.New(rand.NewPCG(1, 2))
			for range 5000 {
				key, took := uint64(1), test.quick
				if rng.Float64() < test.share {
					key, took = 2, test.slow
				}
				c.add(c.of(key), time.Duration(float64(took)*(0.5+rng.Float64())))
			}
			if q, s := c.of(1).slow, c.of(2).slow; q != test.wantQ || s != test.wantS {
				t.Errorf("slow: %v and %v, want %v and %v (limit %v)", q, s, test.wantQ, test.wantS, c.limit())
			}
		})
	}
}

func TestOutliersMakeNoPathSlow(t *testing.T) {
	var c costs
	rng := rand.New(rand.NewPCG(5, 6))
	for i := range 5000 {
		service := 300 * time.Microsecond
		if rng.IntN(50) == 0 {
			service = time.Duration(rng.IntN(200)) * time.Millisecond // the machine was busy
			c.atLeast(c.of(1), service/2)
		}
		if c.add(c.of(1), service); i > 0 && c.of(1).slow {
			t.Fatalf("slow after %d answers", i)
		}
	}
}

func TestPathWithoutAnAnswerIsAsSlowAsItsFirstRequest(t *testing.T) {
	var c costs
	for range 100 {
		c.add(c.of(1), time.Millisecond)
	}
	for range 10 {
		c.atLeast(c.of(2), 50*time.Millisecond)
	}
	if !c.of(2).slow {
		t.Error("it is not slow while the first one runs")
	}
	if c.add(c.of(2), 60*time.Millisecond); c.of(2).mean != 60*time.Millisecond {
		t.Errorf("its first answer makes it %v", c.of(2).mean)
	}
}

func TestHighIsAboutThe95thPercentile(t *testing.T) {
	var c costs
	rng := rand.New(rand.NewPCG(3, 4))
	sum := time.Duration(0)
	for i := range 20000 {
		c.add(c.of(1), time.Duration(rng.Float64()*float64(100*time.Millisecond)))
		if i >= 10000 {
			sum += c.of(1).high
		}
	}
	if mean := sum / 10000; mean < 85*time.Millisecond || mean > 100*time.Millisecond {
		t.Errorf("high is %v on average for 0 to 100ms, want about 95ms", mean)
	}
}

func TestCostsAreBoundedAndKeepWhatIsUsed(t *testing.T) {
	var c costs
	kept := c.of(7)
	c.add(kept, time.Second)
	for i := range uint64(20 * costsMost) {
		c.of(1000 + i)
		c.of(7)
	}
	if len(c.known) != costsMost || len(c.ring) != costsMost {
		t.Errorf("%d paths and %d places, want %d", len(c.known), len(c.ring), costsMost)
	}
	if c.of(7) != kept {
		t.Error("a path that is asked for all the time was forgotten")
	}
}

func TestLookingAPathUpAllocatesNothing(t *testing.T) {
	var c costs
	method, path := []byte("GET"), []byte("/api/v1/things/3f2504e0-4f89-11d3-9a0c-0305e82c3301")
	c.of(PathKey(method, "", path))
	if n := testing.AllocsPerRun(100, func() { c.of(PathKey(method, "", path)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkPathCost(b *testing.B) {
	var c costs
	for i := range 100 {
		c.of(PathKey("GET", "", fmt.Sprintf("/page-%c%c", 'a'+i%26, 'a'+i/26)))
	}
	method, path := []byte("GET"), []byte("/api/v1/things/3f2504e0")
	for b.Loop() {
		c.add(c.of(PathKey(method, "", path)), time.Millisecond)
	}
}
