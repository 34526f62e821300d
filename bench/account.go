package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// A split is processor time by who used it: workers are the processes that run
// the application, server is the rest of a peer (see division); proxy is what
// stands in front.
type split struct {
	Server  times `json:"server"`
	Workers times `json:"workers"`
	Proxy   times `json:"proxy"`
	Client  times `json:"client"`
}

func (s split) sum() times { return s.Server.plus(s.Workers).plus(s.Proxy).plus(s.Client) }

func (s split) minus(earlier split) split {
	return split{
		Server:  s.Server.minus(earlier.Server),
		Workers: s.Workers.minus(earlier.Workers),
		Proxy:   s.Proxy.minus(earlier.Proxy),
		Client:  s.Client.minus(earlier.Client),
	}
}

// An account is all that has been used up to a moment.
type account struct {
	at     time.Time
	split  split
	others time.Duration // by processes that have nothing to do with this one
	stolen time.Duration // by the machine's host
}

// readAccount reads it. server and proxy are the first processes of a peer and
// of what stands before it; 0: there is none. by divides the peer. The client is
// this process and what it has run and reaped, but for servers: those are reaped
// after.
func readAccount(server, proxy int, by division) account {
	t := readTable("/proc")
	own, workers := by.divide("/proc", t.below(server))
	a := account{at: time.Now()}
	// A process's figure holds children that it has reaped: workers that have
	// come and gone are counted as the server's, which is rare.
	a.split.Server, a.split.Workers = t.used(own), t.used(workers)
	a.split.Proxy = t.used(t.below(proxy))
	a.split.Client = usedHere(syscall.RUSAGE_SELF).plus(usedHere(syscall.RUSAGE_CHILDREN))
	a.others = t.others(os.Getpid()).sum()
	stat, _ := os.ReadFile("/proc/stat")
	a.stolen = parseStolen(stat)
	return a
}

func usedHere(who int) times {
	var r syscall.Rusage
	if syscall.Getrusage(who, &r) != nil {
		return times{}
	}
	return times{User: time.Duration(r.Utime.Nano()), System: time.Duration(r.Stime.Nano())}
}

// foreignSince returns the share of the machine's processors, from 0 to 1, that
// others have had since earlier, other machines on the same host included.
func (a account) foreignSince(earlier account) float64 {
	whole := a.at.Sub(earlier.at) * time.Duration(runtime.NumCPU())
	foreign := max(0, a.others-earlier.others) + max(0, a.stolen-earlier.stolen)
	return min(1, per(float64(foreign), float64(whole)))
}
