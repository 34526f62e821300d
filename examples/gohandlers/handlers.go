package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"

	"pasted/paste"
	"pasted/paste/eggs"
)

// newHome makes a page that greets.
func newHome(global, local *paste.Conf) (http.Handler, error) {
	var o struct {
		Site     string `paste:"site,global,required"`
		Greeting string `paste:"greeting,required"`
	}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		fmt.Fprintf(w, "%s\n%s\n", o.Site, o.Greeting)
	}), nil
}

// notes are lines that clients have posted.
type notes struct {
	most int

	mu    sync.Mutex
	lines []string
}

func newNotes(global, local *paste.Conf) (http.Handler, error) {
	o := struct {
		Most int `paste:"most,min=1,max=1_000"`
	}{Most: 100}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	return &notes{most: o.Most}, nil
}

// ServeHTTP lists the notes or adds one.
func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		n.list(w)
	case http.MethodPost:
		n.add(w, r)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "GET or POST", http.StatusMethodNotAllowed)
	}
}

func (n *notes) list(w io.Writer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, line := range n.lines {
		fmt.Fprintf(w, "%d %s\n", i+1, line)
	}
}

func (n *notes) add(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body) // the filter "limits" bounds it
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	line := strings.Join(strings.Fields(string(body)), " ")
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.lines) == n.most {
		http.Error(w, "full", http.StatusInsufficientStorage)
		return
	}
	n.lines = append(n.lines, line)
	w.Header().Set("Location", eggs.ScriptName(r))
	w.WriteHeader(http.StatusCreated)
}

// newFiles serves the files of a directory.
func newFiles(global, local *paste.Conf) (http.Handler, error) {
	var o struct {
		Root string `paste:"root,required"`
	}
	if err := paste.Decode(&o, global, local); err != nil {
		return nil, err
	}
	if info, err := os.Stat(o.Root); err != nil || !info.IsDir() {
		return nil, local.Errorf("root", "want a directory that is there")
	}
	return http.FileServer(http.Dir(o.Root)), nil
}
