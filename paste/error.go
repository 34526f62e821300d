package paste

import (
	"fmt"
	"strings"
)

// An Error says why a file, a section or a URI could not be resolved, or what
// was made of it could not be built. Resolve and Loader.Context return no other
// type; Decode and the Load functions may return several, joined (errors.Join).
type Error struct {
	// Class is the class of the Python exception that PasteDeploy raises,
	// with its module unless that is builtins: "LookupError",
	// "configparser.ParsingError". It is empty for a mistake that a factory or
	// Decode has found.
	Class string
	// Text is that exception's text, letter for letter; without a Class, what
	// the factory said.
	Text string

	// Pos is where the mistake stands; the zero Position if it stands in no
	// file. Section is the text between the brackets, or empty.
	Pos     Position
	Section string
	// Message says what stands there and what is wanted.
	Message string
	// Hint is what the person probably meant, or empty. A command prints it
	// on a line of its own.
	Hint string
	// Chain names the sections of an endless resolution, "[app:main]" or with
	// the file before, from the first one that is met again to itself.
	Chain []string
	// Err is what the operating system, EntryPoints or a factory said, or nil.
	Err error
}

// Error returns "file:line: [section] message" without the parts that are not
// known.
func (e *Error) Error() string {
	var b strings.Builder
	if e.Pos.File != "" {
		b.WriteString(e.Pos.String() + ": ")
	}
	if e.Section != "" {
		b.WriteString("[" + e.Section + "] ")
	}
	b.WriteString(e.Message)
	return b.String()
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// String returns "file:line", or the file alone where Line is 0.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}

// A Note says that something was resolved where PasteDeploy would have failed
// (a liberty).
type Note struct {
	Pos     Position
	Section string
	Text    string
}

// String returns "file:line: [section] text" without the parts that are not
// known.
func (n Note) String() string {
	return (&Error{Pos: n.Pos, Section: n.Section, Message: n.Text}).Error()
}

// A NotInstalledError is what EntryPoints says of a distribution that is not
// there: importlib.metadata.PackageNotFoundError.
type NotInstalledError struct {
	Distribution string
	// registry says that a Registry was asked, and known which distributions
	// it has.
	registry bool
	known    []string
}

// Error returns the text of Python's exception.
func (e *NotInstalledError) Error() string {
	return "No package metadata was found for " + e.Distribution
}
