package release

import (
	"time"

	"pasted/internal/pool"
	"pasted/internal/worker"
)

// The states of a Host.
const (
	Starting = "starting" // nothing is served yet
	Ready    = "serving"
	Draining = "draining" // a stop has begun: no more requests are wanted
	Stopped  = "stopped"
)

// Status is what a Host is doing, at one moment.
type Status struct {
	State   string // Starting, Ready, Draining or Stopped
	Began   time.Time
	URLs    []string // where it listens
	File    string
	Release int       // the number of the one that serves, or is being started
	Loaded  time.Time // when that was loaded
	Python  string    // its interpreter and version; empty: there is none
	Pool    pool.Stats
	// Retiring are the workers of earlier releases that finish their requests.
	Retiring []pool.WorkerStats
	Memory   map[int]worker.Memory // by process, of the server, the template and the workers
	Template int                   // the template's process; 0: there is none now
	// Reloads counts those that have succeeded, Failed those that have not;
	// LastFailure is the reason of the last reload, if that was one of those.
	Reloads, Failed int
	LastFailure     string
}
