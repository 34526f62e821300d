package main

import "time"

// A row is one thing that is measured: an application, what is asked of it, how,
// and what of the outcome is shown.
type row struct {
	key      string // a word for the command line and for file names
	title    string
	text     string // what it is about, in a sentence or two
	module   string // of the application
	exchange exchange
	load     load
	places   []place // whoever stands there is measured
	figures  []figure
	extra    []string // names of peers from elsewhere that are measured too
	divided  bool     // a chart shows how the processor's time is divided
}

// A figure is one number of a sample. A row's first one is what its chart shows.
type figure struct {
	name  string
	unit  string
	of    func(sample) float64
	lower bool // lower is better
}

// has says whether p is measured in r.
func (r row) has(p peer) bool {
	for _, at := range r.places {
		if p.place == at {
			return true
		}
	}
	for _, name := range r.extra {
		if p.name == name {
			return true
		}
	}
	return false
}

func sumOf(all []int64) (sum int64) {
	for _, n := range all {
		sum += n
	}
	return sum
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
func mebibytes(n int64) float64            { return float64(n) / (1 << 20) }
