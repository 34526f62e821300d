package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A division says which of a peer's processes are the server's own. The others
// are workers, which run the application.
type division func(process member) bool

// A member is a process of a peer, as a division sees it.
type member struct {
	first bool   // the one that was started
	same  bool   // it runs the program that the first one runs
	title string // its command line, or what it has put in its place
}

// Divisions of servers: the first process is a master that runs no application,
// and all below are workers; one program is the server in several processes, and
// workers run another; the one process that there is does everything; nothing
// runs an application.
var (
	master  division = func(m member) bool { return m.first }
	program division = func(m member) bool { return m.first || m.same }
	single  division = func(member) bool { return false }
	noneRun division = func(member) bool { return true }
)

// titled is like master, with one more process of the server's that is known by
// how its title begins.
func titled(title string) division {
	return func(m member) bool { return m.first || strings.HasPrefix(m.title, title) }
}

// divide divides the processes of a tree, whose root is first, by what the proc
// file system says of them.
func (d division) divide(proc string, pids []int) (own, workers []int) {
	path := func(pid int, name string) string { return filepath.Join(proc, strconv.Itoa(pid), name) }
	var root string
	for i, pid := range pids {
		exe, _ := os.Readlink(path(pid, "exe"))
		title, _ := os.ReadFile(path(pid, "cmdline"))
		if i == 0 {
			root = exe
		}
		if d(member{first: i == 0, same: exe != "" && exe == root, title: string(title)}) {
			own = append(own, pid)
		} else {
			workers = append(workers, pid)
		}
	}
	return own, workers
}

// serving returns the processes whose memory is the server's: its own, or the one
// that does everything.
func (d division) serving(proc string, pids []int) []int {
	if own, _ := d.divide(proc, pids); len(own) > 0 {
		return own
	}
	return pids[:min(1, len(pids))]
}
