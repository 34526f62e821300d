package main

import "time"

// rows returns all rows, in the order of the page. Adding one is adding an entry.
func rows() []row {
	return []row{
		divided(many("hello", "Hello, plain WSGI", "the application does nothing, so that this is the servers' own work", "hello", hello("/"))),
		{
			key: "one", title: "One client alone", module: "hello", exchange: hello("/"),
			text: "One connection: how long an answer takes when nobody else asks.",
			load: closed{connections: 1, threads: 1}, places: []place{alone}, figures: []figure{middle(), rate()},
		},
		divided(many("flask", "Hello, Flask", "the least that a Flask application can do", "flask_hello", hello("/"))),
		many("django", "Hello, Django", "the least that a Django application can do", "django_hello", hello("/")),
		many("pyramid", "Hello, Pyramid", "the least that a Pyramid application can do", "pyramid_hello", hello("/")),
		many("json", "JSON, 10 KB there and back", "the application parses the document and writes it anew", "json_echo", jsonEcho()),
		many("form", "A posted form", "twenty fields, which the application parses and lists", "form", formPost()),
		many("large", "An answer of 100 KB", "102,400 bytes in one piece", "large", large()),
		{
			key: "stream", title: "A stream of 1,000 pieces", module: "stream", exchange: streamed(),
			text: "64 connections: pieces of 100 bytes, and no Content-Length.",
			load: closed{connections: 64, threads: 2, varies: true}, places: []place{alone, behind}, figures: []figure{rate(), tail()},
		},
		mixedRow(),
		{
			key: "sleep", title: "Each request waits for 10 ms", module: "sleep", exchange: hello("/10"),
			text: "512 connections: with as many threads as there are, no more than 800 a second can be done.",
			load: closed{connections: 512, threads: 2, least: 5 * time.Second}, places: []place{alone}, figures: []figure{rate(), tail()},
		},
		many("connect", "A connection for each request", "clients that connect anew for each request", "hello", closing(hello("/"))),
		idleRow(),
		startRow("start", "Start, plain WSGI", "hello"),
		startRow("start-flask", "Start, Flask", "flask_hello"),
		{
			key: "native", title: "An answer without Python", module: "hello", exchange: exchange{path: "/missing", status: 404},
			text: "64 connections: the path leads nowhere, and what stands in front says so with 404.",
			load: closed{connections: 64, threads: 2, varies: true}, places: []place{native}, figures: []figure{rate(), tail()},
		},
	}
}

// many is a closed loop of 64 connections, for servers alone and behind nginx.
func many(key, title, text, module string, e exchange) row {
	return row{
		key: key, title: title, text: "64 connections: " + text + ".", module: module, exchange: e,
		load: closed{connections: 64, threads: 2}, places: []place{alone, behind}, figures: []figure{rate(), tail()},
	}
}

func divided(r row) row {
	r.divided = true
	return r
}

func rate() figure {
	return figure{name: "answers a second", unit: "/s", of: func(s sample) float64 { return s.Rate }}
}

func middle() figure {
	return figure{name: "median", unit: "µs", lower: true, of: func(s sample) float64 { return microseconds(s.P50) }}
}

func tail() figure {
	return figure{name: "99 % within", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.P99) }}
}

func mixedRow() row {
	return row{
		key: "mixed", title: "Some requests are slow", module: "sleep", exchange: hello("/"),
		text: "500 requests a second that come when they come (Poisson), not when answers have; a tenth of them waits for 100 ms. " +
			"Shown is the time from when a request was due to its answer, of the others. " +
			"“One queue, in theory” is what the same arrivals take with as many threads, one queue and no other cost.",
		load:   open{rate: 500, slow: 0.1, slowPath: "/100", slowTakes: 100 * time.Millisecond},
		places: []place{alone}, figures: []figure{tail(), middle()},
	}
}

func idleRow() row {
	return row{
		key: "idle", title: "Idle connections", module: "hello", exchange: hello("/"),
		text: "Connections that have had one answer and stay open, beside 1,000 requests a second on others. " +
			"Memory is what all processes take more with them than without (PSS), for each; that of the kernel is not in it.",
		load: idling{rate: 1000}, places: []place{alone}, extra: []string{"nginx", "HAProxy", "nginx, gunicorn gthread", "nginx, bjoern"},
		figures: []figure{
			{name: "memory of each", unit: "bytes", lower: true, of: func(s sample) float64 { return s.PerIdle }},
			{name: "99 % of the others within, × without them", unit: "×", lower: true, of: func(s sample) float64 { return per(float64(s.P99), float64(s.Before)) }},
			tail(),
		},
	}
}

func startRow(key, title, module string) row {
	return row{
		key: key, title: title, module: module, exchange: hello("/"),
		text: "From the command to the first right answer, and the memory then. “Beyond the import” is that without the time that " +
			"Python takes to start, import the application and end, measured just after. The server's memory is the sum of its processes, " +
			"its workers not among them; a peer that is one process is counted whole.",
		load: starting{}, places: []place{alone},
		figures: []figure{
			{name: "beyond the import", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.Start - s.Import) }},
			{name: "first answer", unit: "ms", lower: true, of: func(s sample) float64 { return milliseconds(s.Start) }},
			{name: "server (PSS)", unit: "MiB", lower: true, of: func(s sample) float64 { return mebibytes(sumOf(s.Server)) }},
			{name: "all processes (PSS)", unit: "MiB", lower: true, of: func(s sample) float64 { return mebibytes(s.All) }},
		},
	}
}
