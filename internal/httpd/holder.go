package httpd

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// portHolder names the process that listens where ip and port cannot be bound,
// "process 4711 (nginx)", or returns nothing: without Linux's /proc, for
// processes of others, or if it has gone.
func portHolder(ip netip.Addr, port int) string {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		inode := listeningSocket(table, ip, port)
		if inode == "" {
			continue
		}
		if pid := socketOwner(inode); pid != "" {
			name, _ := os.ReadFile(filepath.Join("/proc", pid, "comm"))
			return "process " + pid + " (" + strings.TrimSpace(string(name)) + ")"
		}
	}
	return ""
}

// listeningSocket finds, in one of the kernel's tables, the inode of the
// socket that listens on port at ip or at all addresses.
func listeningSocket(table string, ip netip.Addr, port int) string {
	const listening = "0A"
	file, err := os.Open(table)
	if err != nil {
		return ""
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		// sl local_address rem_address st queues timer retrnsmt uid timeout inode
		fields := strings.Fields(scanner.Text())
		if len(fields) < 10 || fields[3] != listening {
			continue
		}
		at, ok := parseProcAddress(fields[1])
		if ok && int(at.Port()) == port && overlap(at.Addr(), ip) {
			return fields[9]
		}
	}
	return ""
}

// overlap says whether a listener at one of the addresses stands in the way of
// one at the other.
func overlap(a, b netip.Addr) bool {
	return !b.IsValid() || a == b || a.IsUnspecified() || b.IsUnspecified()
}

// parseProcAddress reads "0100007F:1F90": words of four bytes in the order of
// the machine, which is taken to be little-endian, and a port.
func parseProcAddress(text string) (netip.AddrPort, bool) {
	host, number, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	ip, ok := netip.AddrFromSlice(raw)
	port, err := strconv.ParseUint(number, 16, 16)
	return netip.AddrPortFrom(ip.Unmap(), uint16(port)), ok && err == nil
}

// socketOwner returns the id of a process that has the socket open.
func socketOwner(inode string) string {
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	want := "socket:[" + inode + "]"
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && target == want {
			return strings.Split(fd, "/")[2]
		}
	}
	return ""
}
