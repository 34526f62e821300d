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
	baseFrames = 22
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
	depth   int    // in Python's frames
	from    origin // of the name that led to it
}

// pushed returns the frame inside f, which may be nil, of a section that a name
// at from led to.
func (f *frame) pushed(file, section string, from origin) *frame {
	return &frame{f, file, section, f.frames() + sectionFrames, from}
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

// recursionError says that resolving went on and on, lastly at from.
func (f *frame) recursionError(from origin) *Error {
	const class, text = "RecursionError", "maximum recursion depth exceeded"
	circle := f.circle()
	if circle == nil {
		return from.fail(class, text,
			fmt.Sprintf("nested too deep: want at most about %d sections", recursionLimit/sectionFrames))
	}
	names := frameNames(circle)
	err := circle[len(circle)-1].from.fail(class, text,
		"goes in a circle, "+strings.Join(names, " > ")+": want a section that ends it")
	err.Chain = names
	return err
}

// circle returns the frames from the first section around f that is met again
// to that meeting, and nil if none is.
func (f *frame) circle() []*frame {
	type key struct{ file, section string }
	var frames []*frame
	for ; f != nil; f = f.parent {
		if f.section != "" {
			frames = append(frames, f)
		}
	}
	slices.Reverse(frames)
	first, again := make(map[key]int), make(map[int]int)
	for i, g := range frames {
		k := key{g.file, g.section}
		start, met := first[k]
		if !met {
			first[k] = i
		} else if again[start] == 0 {
			again[start] = i
		}
	}
	for i := range frames {
		if again[i] != 0 {
			return frames[i : again[i]+1]
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
