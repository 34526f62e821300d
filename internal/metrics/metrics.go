// Package metrics writes figures in Prometheus's exposition format. It knows
// how they are named, typed and written, and leaves to others what they are:
// they are asked for at each scrape, so that nothing is counted twice and the
// requests that are served meanwhile pay nothing for it.
package metrics

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// prefix begins the name of each of our own metrics.
const prefix = "pasted_"

// Handler answers with what collect adds, and with what the Go runtime and the
// kernel tell of this process. collect is called from several goroutines, and
// is not to wait.
func Handler(collect func(*Set)) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collector{collect},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}

// A Set takes the figures of one scrape. Names are without the prefix; labels
// are names and values in turn.
type Set struct{ out chan<- prometheus.Metric }

// Counter adds a figure that only grows.
func (s *Set) Counter(name, help string, value float64, labels ...string) {
	s.single(prometheus.CounterValue, name, help, value, labels)
}

// Gauge adds a figure that goes up and down.
func (s *Set) Gauge(name, help string, value float64, labels ...string) {
	s.single(prometheus.GaugeValue, name, help, value, labels)
}

// Flag adds a gauge that is 1 or 0.
func (s *Set) Flag(name, help string, on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	s.Gauge(name, help, value, labels...)
}

func (s *Set) single(kind prometheus.ValueType, name, help string, value float64, labels []string) {
	desc, values := describe(name, help, labels)
	s.add(prometheus.NewConstMetric(desc, kind, value, values...))
}

// Histogram adds durations that have been counted in buckets, one more than
// there are upper bounds, each for itself.
func (s *Set) Histogram(name, help string, bounds []time.Duration, buckets []uint64, sum time.Duration, labels ...string) {
	desc, values := describe(name, help, labels)
	total := uint64(0)
	below := make(map[float64]uint64, len(bounds))
	for i, n := range buckets {
		total += n
		if i < len(bounds) {
			below[bounds[i].Seconds()] = total
		}
	}
	s.add(prometheus.NewConstHistogram(desc, total, sum.Seconds(), below, values...))
}

// add adds a metric; one that is wrong fails its scrape, and says why.
func (s *Set) add(m prometheus.Metric, err error) {
	if err != nil {
		m = prometheus.NewInvalidMetric(prometheus.NewInvalidDesc(err), err)
	}
	s.out <- m
}

// describe splits labels into names and values.
func describe(name, help string, labels []string) (*prometheus.Desc, []string) {
	var names, values []string
	for i := 0; i+1 < len(labels); i += 2 {
		names, values = append(names, labels[i]), append(values, labels[i+1])
	}
	return prometheus.NewDesc(prefix+name, help, names, nil), values
}

// A collector is what the registry asks. It describes nothing beforehand: what
// there is to be told depends on what is being served.
type collector struct{ collect func(*Set) }

// Describe implements prometheus.Collector.
func (collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (c collector) Collect(out chan<- prometheus.Metric) { c.collect(&Set{out}) }
