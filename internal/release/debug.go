package release

import (
	"fmt"
	"slices"
	"strings"
)

// oneProcess makes one process the default where the application's global
// configuration has a true debug: what shows errors in the browser keeps them in
// its process, and WebError's refuses to work in one of several.
func (r *Release) oneProcess() {
	if r.App == nil {
		return // a survey's, of a file with mistakes
	}
	value, ok := r.App.GlobalConf.Get("debug")
	if !ok || r.Workers.processesSet || r.Workers.Processes == 1 {
		return
	}
	if !slices.Contains([]string{"true", "yes", "on", "y", "t", "1"}, strings.ToLower(strings.TrimSpace(value))) {
		return
	}
	r.Workers.Processes, r.Workers.ProcessesMost = 1, 1
	r.Notes = append(r.Notes, fmt.Sprintf(
		"%s: debug = %s: one process, in which a debugger finds again what it keeps; processes = in [%s] says otherwise",
		r.App.GlobalConf.Pos("debug"), value, workersSection))
}
