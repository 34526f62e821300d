package interpreter

import "syscall"

// processAttr puts a process into a group of its own, and ends it with the
// thread that has started it.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
