package main

import (
	"testing"
	"time"
)

func TestPercentileIsTheNearestRank(t *testing.T) {
	values := []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for p, want := range map[int]time.Duration{0: 1, 1: 1, 10: 1, 11: 2, 50: 5, 99: 10, 100: 10} {
		if got := percentile(values, p); got != want {
			t.Errorf("percentile(%d) = %d, want %d", p, got, want)
		}
	}
	if got := percentile(nil, 50); got != 0 {
		t.Errorf("percentile of nothing = %d, want 0", got)
	}
}

func TestSpreadHasTheMiddleAndBothEnds(t *testing.T) {
	tests := []struct {
		values []float64
		want   spread
	}{
		{nil, spread{}},
		{[]float64{7}, spread{7, 7, 7, 1}},
		{[]float64{9, 1, 4}, spread{4, 1, 9, 3}},
		{[]float64{9, 1, 4, 6}, spread{5, 1, 9, 4}},
	}
	for _, test := range tests {
		if got := spreadOf(test.values); got != test.want {
			t.Errorf("spreadOf(%v) = %+v, want %+v", test.values, got, test.want)
		}
	}
}

func TestNumbersHaveThreeDigitsThatMeanSomething(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 0.456: "0.46", 4: "4", 9.876: "9.88", 45.67: "45.7", 456.7: "457", 4567.8: "4,568", 1234567: "1,234,567", -45.67: "-45.7", -4567: "-4,567",
	} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %q, want %q", v, got, want)
		}
	}
}
