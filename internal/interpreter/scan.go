package interpreter

import (
	"archive/zip"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// scan reads the distributions on the search path, as importlib.metadata finds
// them: by the names of the directories and files there, the first of a name
// winning. What cannot be read is passed over.
func (i *Interpreter) scan() {
	i.byName = make(map[string]int)
	seen := make(map[string]bool)
	for _, entry := range i.SysPath {
		if !seen[entry] {
			seen[entry] = true
			i.scanEntry(entry)
		}
	}
}

// scanEntry reads the distributions of one entry of sys.path, a directory or a
// ZIP archive.
func (i *Interpreter) scanEntry(entry string) {
	info, err := os.Stat(entry)
	switch {
	case err != nil:
	case info.IsDir():
		i.scanTree(entry, os.DirFS(entry))
	case info.Mode().IsRegular():
		archive, err := zip.OpenReader(entry)
		if err != nil {
			return
		}
		defer archive.Close()
		i.scanTree(entry, archive)
	}
}

// scanTree reads the distributions whose metadata is at the top of tree. An
// egg's own comes last.
func (i *Interpreter) scanTree(entry string, tree fs.FS) {
	egg, isEgg := cutSuffixFold(filepath.Base(entry), ".egg")
	eggInfo := ""
	for _, name := range children(tree) {
		stem, ok := cutSuffixFold(name, ".dist-info")
		if !ok {
			stem, ok = cutSuffixFold(name, ".egg-info")
		}
		if ok {
			i.add(entry, stem, metadata{tree, name})
		} else if isEgg && strings.EqualFold(name, "egg-info") {
			eggInfo = name
		}
	}
	if eggInfo != "" {
		i.add(entry, egg, metadata{tree, eggInfo})
	}
}

// children returns the names at the top of tree in the order in which Python
// sees them, which is the system's: it decides between two versions of one
// distribution.
func children(tree fs.FS) []string {
	top, err := tree.Open(".")
	if err != nil {
		return nil
	}
	defer top.Close()
	dir, ok := top.(fs.ReadDirFile)
	if !ok {
		return nil
	}
	entries, _ := dir.ReadDir(-1) // what could be read counts
	names := make([]string, len(entries))
	for n, entry := range entries {
		names[n] = entry.Name()
	}
	return names
}

// add adds the distribution with that metadata unless one of its name is there.
// A directory without metadata, which an uninstallation has left behind, gives
// way to a distribution that has some (as in importlib_metadata 8.7).
func (i *Interpreter) add(entry, stem string, m metadata) {
	dirName, rest, _ := strings.Cut(stem, "-")
	key := fold(dirName)
	index, taken := i.byName[key]
	if key == "" || taken && !i.distributions[index].hollow {
		return
	}
	fields := m.fields()
	if taken && len(fields) == 0 {
		return
	}
	version, _, _ := strings.Cut(rest, "-") // an egg's goes on with -py3.8
	d := Distribution{
		Name:        first(fields["name"], dirName),
		Version:     first(fields["version"], version),
		Location:    entry,
		EntryPoints: entryPoints(m.read("entry_points.txt", entryPointsMost)),
		hollow:      len(fields) == 0,
	}
	if taken {
		i.distributions[index] = d
		return
	}
	i.byName[key] = len(i.distributions)
	i.distributions = append(i.distributions, d)
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// cutSuffixFold is strings.CutSuffix without regard to the case of ASCII.
func cutSuffixFold(s, suffix string) (before string, found bool) {
	cut := len(s) - len(suffix)
	if cut < 0 || !strings.EqualFold(s[cut:], suffix) {
		return s, false
	}
	return s[:cut], true
}

// A metadata is what a distribution says of itself: a directory with files, or
// one file alone (distutils' .egg-info).
type metadata struct {
	tree fs.FS
	name string
}

// Bounds of what is read of a distribution, in bytes.
const (
	entryPointsMost = 4 << 20
	fieldsMost      = 4 << 10 // Name and Version come at the top
)

// fields returns the header fields of the distribution's metadata, their names
// in lower case.
func (m metadata) fields() map[string]string {
	for _, file := range []string{"METADATA", "PKG-INFO", ""} {
		if text := m.read(file, fieldsMost); len(text) > 0 {
			return headerFields(string(text))
		}
	}
	return nil
}

// read returns the beginning of a file of the directory, or of m itself if file
// is empty; nothing if it cannot be read or is no plain file.
func (m metadata) read(file string, most int64) []byte {
	name := path.Join(m.name, file)
	if info, err := fs.Stat(m.tree, name); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := m.tree.Open(name)
	if err != nil {
		return nil
	}
	defer f.Close()
	data, _ := io.ReadAll(io.LimitReader(f, most)) // what could be read counts
	return data
}
