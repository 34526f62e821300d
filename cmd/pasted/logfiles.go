package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// logFiles are the outputs of this process that are regular files, by the names
// that they had when it began.
type logFiles []logFile

type logFile struct {
	out  *os.File
	name string
}

// watchLogFiles notes which of outs are files.
func watchLogFiles(outs ...*os.File) logFiles {
	var files logFiles
	for _, out := range outs {
		info, err := out.Stat()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		// What a shell has opened has no name here but in the kernel.
		raw, err := out.SyscallConn()
		if err != nil {
			continue
		}
		name := ""
		_ = raw.Control(func(fd uintptr) { name, err = os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(int(fd)))) })
		if now, statErr := os.Stat(name); err == nil && statErr == nil && os.SameFile(info, now) {
			files = append(files, logFile{out, name})
		}
	}
	return files
}

// reopen has each output go on in the file that has its name now, which it makes
// where there is none, as after a rotation. It returns the names of those that
// do. What this process starts from now on has them too.
func (l logFiles) reopen() (names []string) {
	for _, f := range l {
		if f.reopen() == nil {
			names = append(names, f.name)
		}
	}
	return names
}

func (f logFile) reopen() error {
	next, err := os.OpenFile(f.name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer next.Close()
	raw, err := f.out.SyscallConn()
	if err != nil {
		return err
	}
	from, err := next.SyscallConn()
	if err != nil {
		return err
	}
	var dup error
	err = raw.Control(func(to uintptr) {
		err := from.Control(func(fd uintptr) { dup = unix.Dup3(int(fd), int(to), 0) })
		dup = errors.Join(dup, err)
	})
	return errors.Join(err, dup)
}
