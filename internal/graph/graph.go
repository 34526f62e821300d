// Package graph is a file as a picture: its servers, the application that is
// served, and all that this refers to, with the placement of each component. It
// knows how to find them where the file is wrong, too, and how to draw them as
// text, as SVG and as Mermaid. It resolves and places by the rules of paste and
// placement, builds nothing, reads PasteDeploy files alone, and leaves to its
// caller what is installed.
package graph

import (
	"pasted/paste"
)

// A Kind is what a node is, in PasteDeploy's words.
type Kind string

// The kinds. FilterWith is what a filter-with makes of a section; Missing is a
// name that leads nowhere.
const (
	Server     Kind = "server"
	Composite  Kind = "composite"
	Pipeline   Kind = "pipeline"
	FilterApp  Kind = "filter-app"
	FilterWith Kind = "filter-with"
	Filter     Kind = "filter"
	App        Kind = "app"
	Missing    Kind = "missing"
)

// A Placement says where a component runs.
type Placement string

// The placements. Unplaced are components around which the file is wrong, so
// that nothing of them would run.
const (
	Native   Placement = "native"
	Hosted   Placement = "hosted"
	Unplaced Placement = "unplaced"
)

// A Graph is a file drawn. It is not changed once Build has returned it.
type Graph struct {
	// File is the absolute path of the file.
	File string `json:"file"`
	// Python is the interpreter whose eggs count, or empty: then Assumed says
	// why all eggs are taken for installed.
	Python  string `json:"python,omitempty"`
	Assumed string `json:"assumed,omitempty"`
	// Servers are all server sections, the one that serves first; that one's
	// edge leads to the application. Where the file has none it is a node
	// without a section.
	Servers []*Node `json:"servers"`
	// Others are the sections that what is served does not reach, in the order
	// of the file; nil unless they are asked for.
	Others []*Node `json:"others,omitempty"`
	// Notes are the liberties taken with the file.
	Notes []string `json:"notes,omitempty"`
	// Mistakes counts the nodes with an Error.
	Mistakes int `json:"mistakes"`
}

// A Node is one component. What is reached twice is built twice, as in
// PasteDeploy, and so is two nodes; of what has further nodes within, the second
// is drawn without them, and says so in Again.
type Node struct {
	// ID counts the nodes from 1, in the order in which they are drawn.
	ID int `json:"id"`
	// Name is the section's, in brackets, or the URI or name that led here.
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	// Object is what is called: "egg:Paste#urlmap", "module:attr"; empty where
	// others make it. Assumed says that its entry point has not been looked up.
	Object  string `json:"object,omitempty"`
	Assumed bool   `json:"assumed,omitempty"`
	// File and Line are where the section stands; empty and 0 for none. The
	// path is relative to the graph's file's directory where it stands below.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`

	Placement Placement `json:"placement"`
	// Root is the root that a hosted component is in, counted from 0 as
	// placement counts them; -1 for others, and for what is not served.
	Root int `json:"root"`
	// Reason says why the placement is what it is.
	Reason string `json:"reason,omitempty"`
	// Detail is what else is to be known: a server's address.
	Detail string `json:"detail,omitempty"`
	// Uses are the sections that a chain of `use` leads through, the nearest
	// first: "[app:base] base.ini:3".
	Uses []string `json:"uses,omitempty"`
	// Again is the ID of the node of the same section whose parts are drawn,
	// 0 for none.
	Again int `json:"again,omitempty"`
	// Error says what is wrong here, "file:line: [section] …", with the file as
	// in File; empty: nothing.
	Error string `json:"error,omitempty"`

	// Filters are the filters that a request passes before Edges, the outermost
	// first.
	Filters []*Node `json:"filters,omitempty"`
	Edges   []*Edge `json:"edges,omitempty"`

	cause *paste.Error // Error's, where the node's name leads nowhere
}

// An Edge leads from a node to one that it hands requests on to.
type Edge struct {
	// Label is the mount path, or the option that names To; empty where there
	// is but one way.
	Label string `json:"label,omitempty"`
	// Guess says that the option's value names To, and only Python knows
	// whether it is loaded.
	Guess bool  `json:"guess,omitempty"`
	To    *Node `json:"to"`
}

// Options say what Build draws.
type Options struct {
	File string // absolute
	// App and Server are names of sections; nil: main. A
	// Server that is asked for and not there is a mistake.
	App, Server *string
	// All also draws what is not reached.
	All bool
	// Resolving are the options with which the application's sections
	// resolve; Name, RelativeTo and Notes mean nothing here. Servers are
	// resolved with ServerEggs in place of its EntryPoints.
	Resolving  paste.Options
	ServerEggs paste.EntryPoints
	// Registry has the native components; nil: there are none.
	Registry *paste.Registry
	// StandIn is placement's; nil: there is none.
	StandIn func(*paste.Context) *paste.Object
	// Address says where a server's section, nil for none, listens, or what is
	// wrong with it. nil: nobody knows.
	Address func(*paste.Context) (string, error)
	// Python and Assumed are for Graph.
	Python, Assumed string
}

// Walk calls visit for every node of g in the order of their IDs.
func (g *Graph) Walk(visit func(*Node)) {
	for _, n := range g.Servers {
		n.walk(visit)
	}
	for _, n := range g.Others {
		n.walk(visit)
	}
}

func (n *Node) walk(visit func(*Node)) {
	visit(n)
	for _, f := range n.Filters {
		f.walk(visit)
	}
	for _, e := range n.Edges {
		e.To.walk(visit)
	}
}
