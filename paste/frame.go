package paste

import (
	"fmt"
	"slices"
	"strings"
)

// PasteDeploy has no look-out for circles: Python's recursion limit ends them.
// So do we, by the same measure, because whether sections go in a circle cannot
// be told from their names: a section may `use` what a variable names that
// whoever uses it sets.
const (
	recursionLimit = 1000
	// baseFrames are the Python frames above the first get_context and below
	// the last one.
	baseFrames = 16
	// Frames that one step takes: from a section to another one of its file,
	// through a URI, and through a composite's factory.
	sectionFrames = 2
	uriFrames     = 3
	loaderFrames  = 4
)

// A frame is one section that is being resolved, or that a loader was made in.
type frame struct {
	parent  *frame
	file    string // absolute
	section string
	depth   int // in Python's frames
}

// pushed returns a frame inside f, which may be nil, n Python frames deeper.
func (f *frame) pushed(file, section string, n int) *frame {
	return &frame{f, file, section, f.frames() + n}
}

// deeper returns f as seen n Python frames deeper.
func (f *frame) deeper(n int) *frame {
	if f == nil {
		return &frame{depth: n}
	}
	g := *f
	g.depth += n
	return &g
}

func (f *frame) frames() int {
	if f == nil {
		return 0
	}
	return f.depth
}

// inside says whether f is within the resolution of a section of a file.
func (f *frame) inside(file, section string) bool {
	for ; f != nil; f = f.parent {
		if f.section == section && f.file == file {
			return true
		}
	}
	return false
}

// tooDeep says whether Python would have given up.
func (f *frame) tooDeep() bool {
	return f.frames()+baseFrames > recursionLimit
}

// recursionError says that resolving went on and on at from.
func (f *frame) recursionError(from origin) *Error {
	err := from.fail("RecursionError", "maximum recursion depth exceeded", "")
	err.Chain = f.circle()
	if err.Chain == nil {
		err.Message += fmt.Sprintf("nested too deep: want at most about %d sections", recursionLimit/sectionFrames)
		return err
	}
	err.Message += "goes in a circle, " + strings.Join(err.Chain, " > ") + ": want a section that ends it"
	return err
}

// circle returns the sections from f's own back to itself in the order of
// their resolution, and nil if f's is not met twice.
func (f *frame) circle() []string {
	var frames []*frame
	for g := f; g != nil; g = g.parent {
		if g.section == "" {
			continue
		}
		frames = append(frames, g)
		if len(frames) > 1 && g.section == f.section && g.file == f.file {
			slices.Reverse(frames)
			return frameNames(frames)
		}
	}
	return nil
}

// frameNames names sections, with their files if those are several.
func frameNames(frames []*frame) []string {
	names := make([]string, len(frames))
	several := slices.ContainsFunc(frames, func(f *frame) bool { return f.file != frames[0].file })
	for i, f := range frames {
		names[i] = "[" + f.section + "]"
		if several {
			names[i] = f.file + " " + names[i]
		}
	}
	return names
}
