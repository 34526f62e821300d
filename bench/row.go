package main

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

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

var (
	rate       = figure{name: "answers a second", unit: "/s", of: func(s sample) float64 { return s.Rate }}
	middle     = figure{name: "median", unit: "µs", lower: true, of: func(s sample) float64 { return microseconds(s.P50) }}
	tail       = figure{name: "99 % within", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.P99) }}
	everywhere = []place{alone, behind}
)

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// hello is what most applications answer.
func hello(path string) exchange {
	return exchange{path: path, status: 200, want: "Hello, World!\n"}
}

// rows returns all rows. Adding one is adding an entry.
func rows() []row {
	return []row{
		{
			key: "hello", title: "Hello, plain WSGI", module: "hello", exchange: hello("/"),
			text: "64 connections; the application does nothing, so that this is the servers' own work.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "one", title: "One client alone", module: "hello", exchange: hello("/"),
			text: "One connection: how long an answer takes when nobody else asks.",
			load: closed{connections: 1, threads: 1}, places: []place{alone}, figures: []figure{middle, rate},
		},
		{
			key: "flask", title: "Hello, Flask", module: "flask_hello", exchange: hello("/"),
			text: "64 connections.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "django", title: "Hello, Django", module: "django_hello", exchange: hello("/"),
			text: "64 connections.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "pyramid", title: "Hello, Pyramid", module: "pyramid_hello", exchange: hello("/"),
			text: "64 connections.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "json", title: "JSON, 10 KB there and back", module: "json_echo", exchange: jsonEcho(),
			text: "64 connections; the application parses the document and writes it anew.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "form", title: "A posted form", module: "form", exchange: formPost(),
			text: "64 connections; twenty fields, which the application parses and lists.",
			load: closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "large", title: "An answer of 100 KB", module: "large",
			exchange: exchange{path: "/", status: 200, want: strings.Repeat("0123456789abcdef", 6400)},
			text:     "64 connections; one piece of 102,400 bytes.",
			load:     closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "stream", title: "A stream of 1,000 pieces", module: "stream", exchange: streamed(),
			text: "64 connections; pieces of 100 bytes, and no Content-Length.",
			load: closed{connections: 64, threads: 2, varies: true}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "mixed", title: "Some requests are slow", module: "sleep", exchange: hello("/"),
			text: "500 requests a second that come when they come (Poisson), not when answers have; a tenth of them waits for 100 ms. " +
				"Shown is the time from when a request was due to its answer, of the others: 99 % of those were answered within it. " +
				"“One queue, in theory” is what these same arrivals would take with as many threads, one queue and no other cost.",
			load:   open{rate: 500, slow: 0.1, slowPath: "/100", slowTakes: 100 * time.Millisecond},
			places: []place{alone}, figures: []figure{tail, {name: "median", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.P50) }}},
		},
		{
			key: "sleep", title: "Each request waits for 10 ms", module: "sleep", exchange: hello("/10"),
			text: "512 connections; with as many threads as given, no more than 800 a second can be done.",
			load: closed{connections: 512, threads: 2}, places: []place{alone}, figures: []figure{rate, tail},
		},
		{
			key: "connect", title: "A connection for each request", module: "hello",
			exchange: exchange{path: "/", status: 200, want: "Hello, World!\n", close: true},
			text:     "64 clients that connect anew for each request.",
			load:     closed{connections: 64, threads: 2}, places: everywhere, figures: []figure{rate, tail},
		},
		{
			key: "idle", title: "Idle connections", module: "hello", exchange: hello("/"),
			text: "Connections that have had one answer and stay open, beside 1,000 requests a second on others. " +
				"Memory is what all processes take more with them than without (PSS), for each; that of the kernel is not in it.",
			load: idling{rate: 1000}, places: []place{alone}, extra: []string{"nginx", "HAProxy", "nginx, gunicorn gthread", "nginx, bjoern"},
			figures: []figure{
				{name: "memory of each", unit: "bytes", lower: true, of: func(s sample) float64 { return s.PerIdle }},
				{name: "99 % of the others within, × without them", unit: "×", lower: true, of: func(s sample) float64 { return per(float64(s.P99), float64(s.Before)) }},
				tail,
			},
		},
		startRow("start", "Start, plain WSGI", "hello"),
		startRow("start-flask", "Start, Flask", "flask_hello"),
		{
			key: "native", title: "An answer without Python", module: "hello", exchange: exchange{path: "/missing", status: 404},
			text: "64 connections; the path leads nowhere, and what stands in front says so with 404.",
			load: closed{connections: 64, threads: 2, varies: true}, places: []place{native}, figures: []figure{rate, tail},
		},
	}
}

func startRow(key, title, module string) row {
	return row{
		key: key, title: title, module: module, exchange: hello("/"),
		text: "From the command to the first right answer, and the memory then. “Beyond the import” is that without the time that " +
			"Python takes to start, import the application and end, measured just before.",
		load: starting{}, places: []place{alone},
		figures: []figure{
			{name: "beyond the import", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.Start - s.Import) }},
			{name: "first answer", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.Start) }},
			{name: "first process (RSS)", unit: "MiB", lower: true, of: func(s sample) float64 { return mebibytes(s.First) }},
			{name: "all processes (PSS)", unit: "MiB", lower: true, of: func(s sample) float64 { return mebibytes(s.All) }},
		},
	}
}

func mebibytes(n int64) float64 { return float64(n) / (1 << 20) }

// jsonEcho posts a document of about 10 KB, written as json.dumps writes it.
func jsonEcho() exchange {
	type entry struct {
		ID    int      `json:"id"`
		Name  string   `json:"name"`
		Price float64  `json:"price"`
		Tags  []string `json:"tags"`
		Live  bool     `json:"live"`
	}
	var entries []entry
	for i := range 100 {
		entries = append(entries, entry{
			ID: i, Name: "entry number " + strconv.Itoa(1000+i), Price: float64(i) + 0.25,
			Tags: []string{"alpha", "beta", "gamma", "delta"}, Live: i%2 == 0,
		})
	}
	document, _ := json.Marshal(entries) // of such a type it cannot go wrong
	return exchange{
		method: "POST", path: "/", contentType: "application/json", body: string(document),
		status: 200, want: string(document),
	}
}

func formPost() exchange {
	var sent, want []string
	for i := range 20 {
		n := strconv.Itoa(i)
		sent = append(sent, "field-"+n+"=some+text+%26+more+"+n)
		want = append(want, "field-"+n+": some text & more "+n+"\n")
	}
	return exchange{
		method: "POST", path: "/", contentType: "application/x-www-form-urlencoded", body: strings.Join(sent, "&"),
		status: 200, want: strings.Join(want, ""),
	}
}

func streamed() exchange {
	var want strings.Builder
	for i := range 1000 {
		n := strconv.Itoa(i)
		want.WriteString(strings.Repeat("0", 3-len(n)) + n + " " + strings.Repeat("x", 95) + "\n")
	}
	return exchange{path: "/", status: 200, want: want.String()}
}
