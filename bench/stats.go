package main

import (
	"slices"
	"time"
)

// percentile returns the value that p percent of the sorted values are not
// above, by nearest rank; 0 if there are none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// A spread is what several rounds have given: the middle of them and both ends.
type spread struct {
	median, least, most float64
	n                   int
}

// spreadOf returns the spread of values, zero if there are none. Of an even
// number the median is the mean of the two in the middle.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return spread{
		median: (sorted[(n-1)/2] + sorted[n/2]) / 2,
		least:  sorted[0],
		most:   sorted[n-1],
		n:      n,
	}
}

// per returns a/b, and zero where b is.
func per(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
