package keeper

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// slim gives back what starting has brought into memory and waiting does not
// need: the program's own pages, of which the kernel maps many around each that
// is used. Those that are needed come back by themselves.
func slim() {
	debug.FreeOSMemory()
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		var from, to uintptr
		var mode, path string
		var skip string
		n, _ := fmt.Sscanf(string(line), "%x-%x %s %s %s %s %s", &from, &to, &mode, &skip, &skip, &skip, &path)
		if n == 7 && path == exe && mode[1] != 'w' { // what is only read is as it stands in the file
			_, _, _ = unix.Syscall(unix.SYS_MADVISE, from, to-from, unix.MADV_DONTNEED)
		}
	}
}
