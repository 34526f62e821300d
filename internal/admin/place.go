package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"pasted/internal/httpd"
	"pasted/internal/setting"
)

// sharedDir is for servers that the system starts: systemd makes it with
// RuntimeDirectory=pasted, root's servers make it themselves.
const sharedDir = "/run/pasted"

// longestName is how much of a file's name is part of its sockets' names: a
// socket's path may have 107 bytes in all.
const longestName = 24

// ownDirs returns the directories where this user's servers may have their
// sockets, the best first.
func ownDirs(getenv func(string) string, uid int) []string {
	var dirs []string
	if dir := getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		dirs = append(dirs, filepath.Join(dir, "pasted"))
	}
	temp := getenv("TMPDIR")
	if !filepath.IsAbs(temp) {
		temp = "/tmp"
	}
	return append(dirs, sharedDir, filepath.Join(temp, "pasted-"+strconv.Itoa(uid)))
}

// allDirs returns the directories to look for sockets in: of root, those of the
// others too.
func allDirs(getenv func(string) string, uid int) []string {
	dirs := ownDirs(getenv, uid)
	if uid == 0 {
		for _, pattern := range []string{"/run/user/*/pasted", "/tmp/pasted-*"} {
			more, _ := filepath.Glob(pattern)
			dirs = append(dirs, more...)
		}
	}
	return dirs
}

// prefixOf begins the names of the sockets of the servers of a file.
func prefixOf(file string) string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || strings.ContainsRune(`/*?[\`, r) {
			return '_'
		}
		return r
	}, filepath.Base(file))
	sum := sha256.Sum256([]byte(file))
	return name[:min(len(name), longestName)] + "-" + hex.EncodeToString(sum[:4]) + "."
}

// A Place is where a server's admin socket is.
type Place struct {
	Path string
	made string // the directory, to be removed when it is empty; or empty
}

// Choose returns where a server of file, whose process is pid, has its socket
// when it is not told. It makes the directory, and removes what dead servers of
// that file have left there.
func Choose(file string, pid int) (Place, error) {
	var failures []error
	for _, dir := range ownDirs(os.Getenv, os.Getuid()) {
		if err := prepare(dir); err != nil {
			failures = append(failures, err)
			continue
		}
		stale, _ := filepath.Glob(filepath.Join(dir, prefixOf(file)+"*.sock"))
		for _, path := range stale {
			conn, err := dial(path)
			if err == nil {
				conn.Close()
			} else if errors.Is(err, syscall.ECONNREFUSED) {
				os.Remove(path)
			}
		}
		return Place{filepath.Join(dir, prefixOf(file)+strconv.Itoa(pid)+".sock"), dir}, nil
	}
	return Place{}, errors.Join(failures...)
}

// prepare makes dir a directory in which no other user can put anything.
func prepare(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s: want a directory that is this user's alone", dir)
	}
	return nil
}

// Listen binds the socket. Who has the listener closes it, and calls Leave then.
func (p Place) Listen() ([]net.Listener, error) {
	return httpd.Listen(httpd.Config{Listen: []setting.Address{{Path: p.Path}}, UnixPerms: 0o600})
}

// Leave removes a directory that nothing is in any more, if Choose has made it
// up.
func (p Place) Leave() {
	if p.made != "" && p.made != sharedDir {
		os.Remove(p.made) // fails while there is something in it
	}
}
