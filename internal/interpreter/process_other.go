//go:build unix && !linux

package interpreter

import "syscall"

// processAttr puts a process into a group of its own.
func processAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
