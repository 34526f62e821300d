package main

import (
	"net/http"
	"time"

	"pasted/paste"
)

// newHeaders sets header fields of every answer: each option is one.
func newHeaders(global, local *paste.Conf) (func(http.Handler) http.Handler, error) {
	var o struct {
		Fields *paste.Conf `paste:"*"`
	}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range o.Fields.All() {
				w.Header().Set(name, value)
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// newLimits bounds what a request may take.
func newLimits(next http.Handler, global, local *paste.Conf) (http.Handler, error) {
	o := struct {
		Timeout time.Duration `paste:"timeout,min=10ms"`
		MaxBody paste.Size    `paste:"max_body"`
	}{30 * time.Second, 1 << 20}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	bounded := http.MaxBytesHandler(next, int64(o.MaxBody))
	return http.TimeoutHandler(bounded, o.Timeout, "took too long\n"), nil
}
