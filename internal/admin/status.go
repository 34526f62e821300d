package admin

import (
	"time"

	"pasted/internal/pool"
	"pasted/internal/release"
	"pasted/internal/worker"
)

// Status is the answer to GET /status, and what pasted status --json prints.
// Names are added and none changes its meaning. Times are in seconds, memory
// is in bytes.
type Status struct {
	Version string   `json:"version"`
	PID     int      `json:"pid"`    // of the server
	Keeper  int      `json:"keeper"` // the process above it; 0: there is none
	State   string   `json:"state"`  // starting, serving, draining, stopped
	Ready   bool     `json:"ready"`
	Uptime  float64  `json:"uptime"`
	File    string   `json:"file"`
	URLs    []string `json:"urls"`
	Python  string   `json:"python"` // empty: nothing is Python
	Release Release  `json:"release"`
	Memory  Memory   `json:"memory"` // of the server alone

	Workers  []Worker `json:"workers"`
	Retiring []Worker `json:"retiring"` // of earlier releases, with requests to finish
	Template *Process `json:"template"` // null: there is none now
	Wanted   int      `json:"workers_wanted"`

	Queue      Queue         `json:"queue"`
	Requests   Requests      `json:"requests"`
	Sheds      Sheds         `json:"sheds"`
	Restarts   Restarts      `json:"restarts"`
	Quarantine []Quarantined `json:"quarantine"`
}

// Release is the release that serves.
type Release struct {
	Number      int     `json:"number"`
	Age         float64 `json:"age"` // since it was loaded
	Reloads     int     `json:"reloads"`
	Failed      int     `json:"failed_reloads"`
	LastFailure string  `json:"last_failure"` // of the last reload; empty: it has not failed
}

// Memory is what a process holds: all of it, and its share where it shares.
type Memory struct {
	RSS int64 `json:"rss"`
	PSS int64 `json:"pss"` // 0: the kernel does not say
}

// Process is one of the server's.
type Process struct {
	PID    int    `json:"pid"`
	Memory Memory `json:"memory"`
}

// Worker is one worker.
type Worker struct {
	ID int `json:"id"`
	Process
	State    string  `json:"state"` // ready, busy, stalled, draining
	Age      float64 `json:"age"`
	Requests uint64  `json:"requests"`
	Inflight int     `json:"inflight"`
	// Threads is how many threads it uses, MostThreads how many it has.
	Threads     int       `json:"threads"`
	MostThreads int       `json:"threads_most"`
	Serving     []Serving `json:"serving"`
}

// Serving is what one lane is busy with.
type Serving struct {
	Lane    int     `json:"lane"`
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Request string  `json:"request"` // its name in the log
	For     float64 `json:"for"`
	Ahead   int     `json:"ahead"` // requests sent ahead behind it
}

// Queue is what waits for a lane.
type Queue struct {
	Length int     `json:"length"`
	Oldest float64 `json:"oldest"` // how long the first has waited
}

// Requests counts what workers have been given.
type Requests struct {
	Answered uint64 `json:"answered"`
	Lost     uint64 `json:"lost"`
	Retries  uint64 `json:"retries"`
	Revoked  uint64 `json:"revoked"`
}

// Sheds counts requests that no worker was given, refused with 503, and those
// that expired, past their deadline, in the queue or in a worker: with 504.
type Sheds struct {
	Timeout uint64 `json:"timeout"`
	Full    uint64 `json:"full"`
	Late    uint64 `json:"late"`
	Stopped uint64 `json:"stopped"`
	Expired uint64 `json:"expired"`
}

// Restarts tells of workers that were replaced.
type Restarts struct {
	Crashed  uint64    `json:"crashed"`
	Recycled uint64    `json:"recycled"`
	Last     []Restart `json:"last"` // the latest last
}

// Restart is one of them.
type Restart struct {
	Ago    float64 `json:"ago"`
	ID     int     `json:"id"`
	PID    int     `json:"pid"`
	Reason string  `json:"reason"`
	Policy bool    `json:"policy"` // recycled, not crashed
	Lived  float64 `json:"lived"`
}

// Quarantined is a request that has killed workers.
type Quarantined struct {
	Method      string  `json:"method"`
	Path        string  `json:"path"`
	Fingerprint string  `json:"fingerprint"`
	Killed      int     `json:"killed"`
	Ago         float64 `json:"ago"`
}

// newStatus describes what a host has told.
func newStatus(id Identity, s *release.Status) *Status {
	p := &s.Pool
	out := &Status{
		Version: id.Version, PID: id.PID, Keeper: id.Keeper,
		State: s.State, Ready: s.State == release.Ready, Uptime: time.Since(s.Began).Seconds(),
		File: s.File, URLs: append([]string{}, s.URLs...), Python: s.Python,
		Release: Release{s.Release, time.Since(s.Loaded).Seconds(), s.Reloads, s.Failed, s.LastFailure},
		Memory:  Memory(s.Memory[id.PID]),
		Workers: workersOf(p.Workers, s.Memory), Retiring: workersOf(s.Retiring, s.Memory), Wanted: p.Size,
		Queue:    Queue{p.QueueLength, p.QueueOldest.Seconds()},
		Requests: Requests{p.Requests, p.Lost, p.Retries, p.Revoked},
		Sheds:    Sheds(p.Sheds),
		Restarts: Restarts{Crashed: p.Restarts, Recycled: p.Recycled, Last: []Restart{}},

		Quarantine: []Quarantined{},
	}
	if s.Template != 0 {
		out.Template = &Process{s.Template, Memory(s.Memory[s.Template])}
	}
	for _, r := range p.Last {
		out.Restarts.Last = append(out.Restarts.Last, Restart{
			time.Since(r.At).Seconds(), r.ID, r.PID, r.Reason, r.Policy, r.Lived.Seconds(),
		})
	}
	for _, q := range p.Quarantine {
		out.Quarantine = append(out.Quarantine, Quarantined{
			q.Method, q.Path, q.Fingerprint, q.Killed, time.Since(q.Since).Seconds(),
		})
	}
	return out
}

func workersOf(list []pool.WorkerStats, memory map[int]worker.Memory) []Worker {
	out := make([]Worker, 0, len(list))
	for _, w := range list {
		serving := make([]Serving, 0, len(w.Serving))
		for _, r := range w.Serving {
			serving = append(serving, Serving{r.Lane, r.Method, r.Path, r.Request, r.For.Seconds(), r.Ahead})
		}
		out = append(out, Worker{
			ID: w.ID, Process: Process{w.PID, Memory(memory[w.PID])}, State: w.State, Age: w.Age.Seconds(),
			Requests: w.Requests, Inflight: w.Inflight, Threads: w.Lanes, MostThreads: w.MostLanes, Serving: serving,
		})
	}
	return out
}
