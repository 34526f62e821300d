package main

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"
)

// A refusedFlag is an option of pserve's or of paster serve's that has no
// counterpart, because something else does its work.
type refusedFlag struct {
	name, short string
	value       bool // it has one
	instead     string
}

// What is to be done instead.
const (
	asService  = "let systemd, or what else manages services, run it in the foreground: docs/getting-started.md has a unit"
	toLogFile  = "redirect its output, or let systemd's journal keep it: `pasted serve FILE 2>>FILE.log`"
	asUser     = "start it as that user: User= and Group= in a systemd unit, or `setpriv`, `sudo -u`"
	serverType = "write the server into the file, `[server:main] use = egg:waitress#main` say; --server-name chooses among several"
	kept       = "workers that end are replaced anyway, and so is a server that dies"
)

var refusedOptions = []refusedFlag{
	{"server", "s", true, serverType},
	{"daemon", "", false, asService},
	{"stop-daemon", "", false, asService},
	{"status", "", false, asService},
	{"pid-file", "", true, asService},
	{"monitor-restart", "", false, kept},
	{"log-file", "", true, toLogFile},
	{"user", "", true, asUser},
	{"group", "", true, asUser},
}

// refusedCommands stood behind the file's name, and steered a daemon.
var refusedCommands = []string{"start", "stop", "restart", "status"}

// addRefused adds refusedOptions to flags, where nobody sees them.
func addRefused(flags *pflag.FlagSet) {
	for _, f := range refusedOptions {
		if f.value {
			flags.StringP(f.name, f.short, "", "")
		} else {
			flags.BoolP(f.name, f.short, false, "")
		}
		_ = flags.MarkHidden(f.name) // which has just been added
	}
}

// checkRefused refuses what has been given of refusedOptions, and commands
// among the arguments, of which the first is FILE.
func checkRefused(flags *pflag.FlagSet, args []string) error {
	for _, f := range refusedOptions {
		if !flags.Changed(f.name) {
			continue
		}
		name := "--" + f.name
		if f.short != "" {
			name = "-" + f.short + "/" + name
		}
		return usage(name+" is not taken", f.instead)
	}
	for _, arg := range args[min(1, len(args)):] {
		if slices.Contains(refusedCommands, arg) {
			return usage(fmt.Sprintf("command %q is not taken: pasted serve runs in the foreground", arg), asService)
		}
	}
	return nil
}
