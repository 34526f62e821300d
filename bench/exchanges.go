package main

import (
	"encoding/json"
	"strconv"
	"strings"
)

// hello is what most applications answer.
func hello(path string) exchange {
	return exchange{path: path, status: 200, want: "Hello, World!\n"}
}

// closing is e with a connection of its own.
func closing(e exchange) exchange {
	e.close = true
	return e
}

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

// large is an answer of 102,400 bytes.
func large() exchange {
	return exchange{path: "/", status: 200, want: strings.Repeat("0123456789abcdef", 6400)}
}
