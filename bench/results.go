package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// A results is what a run has measured, and on what. It is kept as a file, so
// that a page can be written from it again.
type results struct {
	Date     string                         `json:"date"`
	Pasted   string                         `json:"pasted"` // its version
	Machine  []string                       `json:"machine"`
	Versions map[string]string              `json:"versions"` // of parts
	Missing  map[string]string              `json:"missing"`  // parts that could not be installed, and why
	Workers  int                            `json:"workers"`
	Threads  int                            `json:"threads"`
	Plan     plan                           `json:"plan"`
	Repeated int                            `json:"repeated"` // visits done again
	Samples  map[string]map[string][]sample `json:"samples"`  // by row and peer, in the order of the rounds
}

// newResults returns one without samples.
func newResults(s setup, p plan, missing map[string]string) *results {
	return &results{
		Date:     time.Now().UTC().Format("2006-01-02"),
		Pasted:   strings.TrimPrefix(firstLine(s.pasted, "--version"), "pasted version "),
		Machine:  machine(s),
		Versions: s.versions(missing),
		Missing:  missing,
		Workers:  s.workers,
		Threads:  s.threads,
		Plan:     p,
		Samples:  map[string]map[string][]sample{},
	}
}

// add adds the sample of one visit.
func (r *results) add(key, peer string, s sample) {
	if r.Samples[key] == nil {
		r.Samples[key] = map[string][]sample{}
	}
	r.Samples[key][peer] = append(r.Samples[key][peer], s)
}

// save writes r to path.
func (r *results) save(path string) error {
	data, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// readResults reads what save has written.
func readResults(path string) (*results, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := new(results)
	return r, json.Unmarshal(data, r)
}

// machine says what is measured on. What cannot be told is left out.
func machine(s setup) []string {
	var lines []string
	cpu, _ := os.ReadFile("/proc/cpuinfo")
	if _, rest, ok := strings.Cut(string(cpu), "model name"); ok {
		model, _, _ := strings.Cut(rest, "\n")
		lines = append(lines, strings.TrimLeft(model, "\t :")+", "+plural(runtime.NumCPU(), "core"))
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		lines = append(lines, "Linux "+strings.TrimSpace(string(kernel)))
	}
	return append(lines, firstLine(s.bin("python"), "--version"), runtime.Version())
}

// outcome returns a peer's samples of a row that count, and why it fails if it
// does. A peer that has failed in one round has failed.
func (r *results) outcome(w row, p peer) (counted []sample, failure string) {
	for _, name := range p.parts {
		if why, gone := r.Missing[name]; gone {
			return nil, "not installed: " + why
		}
	}
	for _, s := range r.Samples[w.key][p.name] {
		if s.Failure != "" {
			return nil, s.Failure
		}
	}
	return r.Samples[w.key][p.name], ""
}

// spread returns what the rounds have given for a figure, zero if the peer has
// failed or was not measured.
func (r *results) spread(w row, p peer, f figure) spread {
	counted, _ := r.outcome(w, p)
	values := make([]float64, len(counted))
	for i, s := range counted {
		values[i] = f.of(s)
	}
	return spreadOf(values)
}

// foreign returns the mean share of the processor that others had, and the
// greatest of one visit.
func (r *results) foreign() (mean, most float64) {
	n := 0
	for _, peers := range r.Samples {
		for _, samples := range peers {
			for _, s := range samples {
				mean += s.Foreign
				most = max(most, s.Foreign)
				n++
			}
		}
	}
	return per(mean, float64(n)), most
}
