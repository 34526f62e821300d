package release

import (
	"cmp"
	"context"
	"errors"
	"strings"

	eggpaste "pasted/internal/egg/paste"
	"pasted/internal/httpd"
	"pasted/internal/outcome"
	"pasted/internal/setting"
	"pasted/paste"
)

// ViewOptions say which file is looked at.
type ViewOptions struct {
	// Target is FILE or FILE#NAME as serve takes it.
	Target     string
	AppName    string // wins over the fragment
	ServerName string
	Vars       *paste.Conf
	// Python names the interpreter whose eggs count; empty: that which serve
	// would use. NoPython asks none.
	Python   string
	NoPython bool
}

// A View is what is needed to resolve and place a file as Load does, however
// wrong the file is.
type View struct {
	File        string  // absolute
	App, Server *string // that are asked for; nil: main
	Resolving   paste.Options
	ServerEggs  paste.EntryPoints
	Registry    *paste.Registry
	// Python is the interpreter that was asked; where it is empty, Assumed says
	// why, and every egg counts as installed.
	Python, Assumed string
}

// See makes a view. It asks the interpreter what is installed, and starts and
// reads nothing else; without an answer there is a view still. The error says
// that Target names no file.
func See(ctx context.Context, o ViewOptions) (*View, error) {
	t, err := parseTarget(o.Target)
	if err != nil {
		return nil, err
	}
	v := &View{
		File: t.file, App: nameOrNil(cmp.Or(o.AppName, t.name)), Server: nameOrNil(o.ServerName),
		Resolving: paste.Options{
			GlobalConf: pserveVars(t, o.Vars), EntryPoints: outcome.WellKnown(), Assume: true,
		},
		ServerEggs: serverEggs{}, Registry: new(paste.Registry),
	}
	eggpaste.Register(v.Registry, eggpaste.Options{})
	if v.Server == nil && t.name != "" && v.hasServer(t.name) {
		v.Server = &t.name // as pserve has it
	}
	if o.NoPython {
		v.Assumed = "no interpreter is asked"
		return v, nil
	}
	return v, v.ask(ctx, t, o.Python)
}

func (v *View) hasServer(name string) bool {
	loader, err := paste.Open(v.File, v.Resolving)
	if err != nil {
		return false
	}
	_, err = loader.FindSection(paste.ServerKind, &name)
	return err == nil
}

// ask asks the interpreter. Its silence is an error where ctx has ended alone.
func (v *View) ask(ctx context.Context, t target, python string) error {
	h, err := ContextOptions{Python: python}.host(outcome.Request{URI: t.uri(), GlobalConf: v.Resolving.GlobalConf})
	if err == nil {
		err = h.inspect(ctx)
	}
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		v.Assumed, _, _ = strings.Cut(err.Error(), "\n")
		return nil
	}
	v.Python = h.found.Path
	v.Resolving.EntryPoints, v.Resolving.Assume, v.Resolving.Native = entryPoints{h.found}, false, v.Registry
	return nil
}

// StandIn is what stands for a native component within Python, see
// placement.Options.
func (v *View) StandIn(ctx *paste.Context) *paste.Object { return standIn(ctx) }

// Address says where a server's section listens, nil for a file without one.
// The error says what is wrong with it first.
func (v *View) Address(server *paste.Context) (string, error) {
	config, _, err := httpd.ParseServer(server)
	var mistakes *setting.Error
	if errors.As(err, &mistakes) && len(mistakes.Mistakes) > 0 {
		return "", errors.New(mistakes.Mistakes[0].String())
	}
	if err != nil {
		return "", err
	}
	var addresses []string
	for _, a := range config.Listen {
		addresses = append(addresses, a.String())
	}
	return "listens on " + strings.Join(addresses, ", "), nil
}
