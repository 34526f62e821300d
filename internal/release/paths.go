package release

import (
	"pasted/internal/paths"
	"pasted/paste"
)

// readPaths reads [pasted:paths], which may be missing. The error is a
// *setting.Error, or paste's.
func readPaths(loader *paste.Loader) (*paths.Table, error) {
	conf, err := loader.Section(pathsSection)
	if err != nil {
		return nil, err
	}
	r := newReader(pathsSection, conf)
	table := paths.Read(r)
	return table, r.Err()
}
