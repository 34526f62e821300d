package release

import "pasted/paste"

// standIn returns the object of the Python side that does the work of a native
// component where that stands inside of Python and Paste is not installed:
// urlmap alone, whose behaviour is its keys'.
func standIn(ctx *paste.Context) *paste.Object {
	if ctx.EntryPointName != "urlmap" {
		return nil
	}
	return &paste.Object{
		Style: paste.EntryPointStyle, Egg: ctx.Object.Egg,
		Module: "pasted_worker.urlmap", Attr: "factory",
	}
}
