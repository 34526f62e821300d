package release

import (
	"path/filepath"

	"pasted/internal/setting"
	"pasted/paste"
)

// Admin are the settings of [pasted:admin].
type Admin struct {
	// Socket is the path of the admin socket; empty: one that is made up.
	Socket string
	// Off says that there is no admin socket.
	Off bool
	// Metrics are the addresses, beside the socket, of metrics and probes.
	Metrics []setting.Address

	socketAt, metricsAt paste.Position
}

// readAdmin reads [pasted:admin], which may be missing. Relative paths start
// from dir.
func readAdmin(loader *paste.Loader, dir string) (Admin, error) {
	conf, err := loader.Section(adminSection)
	if err != nil {
		return Admin{}, err
	}
	r := newReader(adminSection, conf)
	socket := r.Text("socket", "")
	a := Admin{Off: socket == "off", Metrics: r.Addresses("metrics", 0)}
	if !a.Off {
		a.Socket = absolute(dir, socket)
	}
	a.socketAt, a.metricsAt = conf.Pos("socket"), conf.Pos("metrics")
	r.Unknown()
	return a, r.Err()
}

// AdminOf returns the absolute path of the file that arg names, as in
// Options.File, and its settings of [pasted:admin]. It looks at nothing else.
func AdminOf(arg string, vars *paste.Conf) (file string, a Admin, err error) {
	t, err := parseTarget(arg)
	if err != nil {
		return "", a, err
	}
	loader, err := paste.Open(t.file, paste.Options{GlobalConf: pserveVars(t, vars)})
	if err != nil {
		return t.file, a, err
	}
	a, err = readAdmin(loader, filepath.Dir(t.file))
	return t.file, a, err
}

// Blame says in which line of the file the address stands that err, from
// binding it, is about.
func (a Admin) Blame(err error, metrics bool) error {
	pos := a.socketAt
	if metrics {
		pos = a.metricsAt
	}
	if pos.Line == 0 {
		return err
	}
	return at(pos.String()+": ["+adminSection+"]", err)
}
