package release

import (
	"errors"
	"maps"
	"slices"

	"pasted/internal/interpreter"
	"pasted/paste"
)

// entryPoints are an interpreter's, as paste asks for them.
type entryPoints struct{ python *interpreter.Interpreter }

func (e entryPoints) Installed(distribution string) error {
	return notInstalled(e.python.Installed(distribution))
}

func (e entryPoints) EntryPoint(distribution, group, name string) (string, bool, error) {
	object, ok, err := e.python.EntryPoint(distribution, group, name)
	return object, ok, notInstalled(err)
}

// Names makes entryPoints a paste.Lister.
func (e entryPoints) Names(distribution, group string) []string {
	d, _ := e.python.Distribution(distribution)
	return slices.Collect(maps.Keys(d.EntryPoints[group]))
}

// notInstalled turns the interpreter's error into paste's.
func notInstalled(err error) error {
	var missing *interpreter.NotInstalledError
	if errors.As(err, &missing) {
		return &paste.NotInstalledError{Distribution: missing.Distribution}
	}
	return err
}

// serverEggs take every egg for one that has the server that is asked for: a
// server section only names what Pasted does instead, and so its egg need not
// be installed. Whether the name is known is for httpd to say.
type serverEggs struct{}

func (serverEggs) Installed(string) error { return nil }

func (serverEggs) EntryPoint(_, group, _ string) (string, bool, error) {
	return "", group == "paste.server_runner", nil
}
