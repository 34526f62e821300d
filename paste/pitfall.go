package paste

import (
	"fmt"
	"slices"
	"strings"

	"pasted/internal/ini"
)

// A Pitfall is a place that means something else than it seems to say. Nothing
// is wrong by PasteDeploy's rules, and what comes of it is what PasteDeploy
// makes of it, in silence.
type Pitfall struct {
	// Rule is one of the Rule… constants.
	Rule    string
	Pos     Position
	Section string // the text between the brackets
	// Text is what is meant of the line that Pos names, as it stands there; it
	// may be empty: all of the line.
	Text    string
	Message string // what stands there and what comes of it
	Hint    string // the mend
	// Related are the places that make it so.
	Related []Place
}

// A Place is a line that has to do with another one.
type Place struct {
	Pos     Position
	Message string
}

// The rules of pitfalls. Their texts do not change.
const (
	// RuleDroppedOption: an option is dropped because [DEFAULT], a variable or
	// an outer file has its name.
	RuleDroppedOption = "dropped-option"
	// RuleLostOptions: options put over a pipeline, a filter-app or a filtered
	// section by `use` reach nobody.
	RuleLostOptions = "lost-options"
	// RuleFilteredPipeline: filter-with where PasteDeploy makes a function of
	// it that no server can call. Here it is done right.
	RuleFilteredPipeline = "filtered-pipeline"
	// RuleFactoryAndUse: a factory's key beside `use` is but an option.
	RuleFactoryAndUse = "factory-and-use"
	// RuleSwallowedSection and RuleSwallowedOption: an indented header or
	// option is text of the value above.
	RuleSwallowedSection = "swallowed-section"
	RuleSwallowedOption  = "swallowed-option"
	// RuleCutKey: a key ends at its first colon.
	RuleCutKey = "cut-key"
	// RuleInlineComment: what looks like a comment is part of a value.
	RuleInlineComment = "inline-comment"
	// RuleBareSection: a section without a name is not found.
	RuleBareSection = "bare-section"
	// RuleSectionKind: a section's prefix is nearly one of PasteDeploy's.
	RuleSectionKind = "section-kind"
	// RuleNotSet: what looks like `set x` or `get x` is an option.
	RuleNotSet = "not-a-set"
	// RuleSetNotSeen: %(x)s does not see what `set x` sets.
	RuleSetNotSeen = "set-not-seen"
	// RuleSetInDefault: `set x` in [DEFAULT] acts in every section.
	RuleSetInDefault = "set-in-default"
	// RuleRawDefault: a default that comes out empty is handed on unread.
	RuleRawDefault = "raw-default"
	// RuleVariableLoses: a variable does not win over [DEFAULT] in %(x)s.
	RuleVariableLoses = "variable-loses"
	// RuleServerFilter: filter-with in a server's section is an option.
	RuleServerFilter = "server-filter"
	// RuleCascadeOrder: a cascade tries its applications by their keys' text.
	RuleCascadeOrder = "cascade-order"
	// RuleDomainCase: a urlmap's domain in upper case never matches.
	RuleDomainCase = "domain-case"
)

// pitfall tells of p, in the section, if anybody wants to know.
func (res *resolution) pitfall(p Pitfall) {
	p.Section = res.s.Name
	res.l.r.opts.Pitfalls(p)
}

// dropped tells of an option that a default hides; o may be that default.
func (res *resolution) dropped(o *ini.Option) {
	file := res.l.file
	by := file.Defaults().Option(o.Name)
	if res.l.r.opts.Pitfalls == nil || by == o {
		return
	}
	p := Pitfall{Rule: RuleDroppedOption, Pos: file.position(o.Line), Text: o.Name}
	switch outer := file.passed.Pos(o.Name); {
	case by.Line != 0:
		p.Message = fmt.Sprintf("%s is dropped, because [DEFAULT] has the same name: no factory gets it as an option", o.Name)
		p.Hint = fmt.Sprintf("take %s out of [DEFAULT], or call it something else there", o.Name)
		p.Related = []Place{{file.position(by.Line), "the default of that name"}}
	case outer.Line != 0:
		p.Message = fmt.Sprintf("%s is dropped, because %s, which uses this file, has the same name in its [DEFAULT] or by set", o.Name, outer.File)
		p.Hint = fmt.Sprintf("call %s something else there", o.Name)
		p.Related = []Place{{outer, "the one of that name"}}
	case slices.Contains([]string{"here", "__file__"}, o.Name):
		p.Message = fmt.Sprintf("%s is dropped, because every file has a default of that name", o.Name)
		p.Hint = "call the option something else, or set it in [DEFAULT]"
	default:
		p.Message = fmt.Sprintf("%s is dropped, because a variable of that name is passed in", o.Name)
		p.Hint = fmt.Sprintf("call the variable something else, say my_%s, and write %s = %%(my_%s)s", o.Name, o.Name, o.Name)
	}
	res.pitfall(p)
}

// lost tells of options that a use puts over ctx, where nothing is called with
// them.
func (res *resolution) lost(ctx *Context, from origin) {
	if res.l.r.opts.Pitfalls == nil {
		return
	}
	for name := range res.local.All() {
		if slices.Contains(slices.Concat(allProtocols()...), name) {
			res.pitfall(Pitfall{
				Rule: RuleFactoryAndUse, Pos: res.local.Pos(name), Text: name,
				Message: name + " has no effect beside use, which says already what the section is; it is passed on as an option",
				Hint:    "take one of the two out",
				Related: []Place{{from.pos, "use stands here"}},
			})
		}
	}
	if res.local.Len() == 0 || ctx.takesOptions() {
		return
	}
	names := res.local.Keys()
	res.pitfall(Pitfall{
		Rule: RuleLostOptions, Pos: res.local.Pos(names[0]), Text: names[0],
		Message: fmt.Sprintf("%s: no effect: use = %s names %s, which takes no options",
			strings.Join(names, ", "), from.text, ctx.composed()),
		Hint:    "put them into the section of the application or of the filter that reads them",
		Related: []Place{{ctx.Pos, fmt.Sprintf("[%s] stands here", ctx.Section)}},
	})
}

// allProtocols returns the groups of all kinds.
func allProtocols() [][]string {
	return slices.Concat(protocols(AppKind), protocols(FilterKind), protocols(ServerKind))
}

// takesOptions says whether something is called with what is put into ctx's
// LocalConf.
func (ctx *Context) takesOptions() bool {
	switch ctx.Type {
	case Pipeline:
		return false
	case FilterApp, FilteredWith:
		for _, part := range []*Context{ctx.Filter, ctx.Next} {
			if part.LocalConf == ctx.LocalConf && part.takesOptions() {
				return true
			}
		}
		return false
	}
	return true
}

// composed says what ctx is, which is no component of its own.
func (ctx *Context) composed() string {
	switch ctx.Type {
	case Pipeline:
		return "a pipeline"
	case FilterApp:
		return "a filter-app"
	}
	return "a section with filter-with"
}

// filtered tells that PasteDeploy would make no application of ctx with a
// filter around it.
func (res *resolution) filtered(ctx *Context, from origin) {
	if res.l.r.opts.Pitfalls == nil || res.kind != AppKind || ctx.Type == Application {
		return
	}
	res.pitfall(Pitfall{
		Rule: RuleFilteredPipeline, Pos: from.pos, Text: "filter-with",
		Message: fmt.Sprintf("filter-with on %s: PasteDeploy makes a function of it that no server can call; Pasted puts the filter around it", ctx.composed()),
		Hint:    "for pserve as well, name the filter in a pipeline",
	})
}
