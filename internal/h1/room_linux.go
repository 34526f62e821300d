package h1

import (
	"math"

	"golang.org/x/sys/unix"
)

const (
	// leastReserve and mostReserve are how many descriptors connections leave for
	// what else needs some: a worker that is started, a file that is sent, a body
	// that is stored. Between them it is a quarter of those that there may be.
	leastReserve, mostReserve = 16, 1024
	// fewConnections are so few that they may take of the reserve.
	fewConnections = 16
)

// firstReserved returns the number of the first descriptor that is not for a
// connection. The kernel gives the lowest number that is free.
func firstReserved() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil || limit.Cur > math.MaxInt32 {
		return math.MaxInt
	}
	return int(limit.Cur) - min(max(int(limit.Cur)/4, leastReserve), mostReserve)
}

// mayAccept says whether there is room for a connection, and makes some if it
// can. Where it cannot, the end of a connection calls accept again, and, for want
// of descriptors, which others may give back, time. After a stop there is room as
// long as there is any descriptor: it waits for nobody.
func (f *front) mayAccept(li *listening) bool {
	s := f.server
	why, scarce := s.full(li.fd)
	if why == "" || s.stopping.Load() && !scarce {
		f.waits.Store(false)
		return true
	}
	if !li.pending() {
		li.ready = false
		return false
	}
	for oldest := f.idle.first; oldest != nil; oldest = f.idle.first {
		ripe := oldest.idleSince.Add(leastIdle)
		if f.loop.now.Before(ripe) {
			f.loop.setAlarm(ripe)
			break
		}
		if oldest.retire(); oldest.state == stateClosed {
			return true
		}
	}
	if !f.waits.Swap(true) {
		s.config().Refused(0, why, nil)
		if s.config().MakeRoom != nil {
			s.config().MakeRoom()
		}
	}
	if why, scarce = s.full(li.fd); scarce {
		f.acceptAt = f.loop.now.Add(acceptPause)
		f.loop.setAlarm(f.acceptAt)
	}
	return why == "" // one may just have ended
}

// full says why there is no room for another connection, empty: there is; and
// whether that is for want of descriptors. fd is any that is open.
func (s *Server) full(fd int) (why string, scarce bool) {
	open := s.open.Load()
	switch {
	case open >= int64(s.config().MaxConnections):
		return "all connections are taken", false
	case !s.scarce.Load():
		return "", false
	}
	next, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err == nil {
		unix.Close(next)
	}
	switch {
	case err == nil && next < s.reserve:
		s.scarce.Store(false)
		return "", false
	case err == nil && (open < fewConnections || s.stopping.Load()):
		return "", false
	}
	if !s.warned.Swap(true) {
		s.config().Log.Warn("few descriptors are left, new connections wait: raise RLIMIT_NOFILE", "connections", open)
	}
	return "few descriptors are left", true
}

// pending says whether a connection waits in the kernel.
func (li *listening) pending() bool {
	wanted := []unix.PollFd{{Fd: int32(li.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(wanted, 0)
	return n > 0 || err != nil
}
