package spool

import (
	"os"
	"syscall"
)

// O_TMPFILE and the modes of fallocate(2), which package syscall does not name.
const (
	oTmpfile           = 0o20000000 | syscall.O_DIRECTORY
	fallocateKeepSize  = 0x1
	fallocatePunchHole = 0x2
)

// namelessFile makes a file that never has a name, so that not even a kill at
// the worst moment leaves it behind. Some file systems can't (NFS, old FUSE).
func namelessFile(dir string) (*os.File, error) {
	return os.OpenFile(dir, os.O_RDWR|oTmpfile, 0o600)
}

// discard gives the disk back what f has in n bytes from off on. Where the
// file system can't, the space is only used again.
func discard(f *os.File, off, n int64) {
	conn, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = syscall.Fallocate(int(fd), fallocateKeepSize|fallocatePunchHole, off, n)
	})
}
