package ini

import "strings"

// Nearest returns the candidate that name most probably is a slip of the pen
// for, or empty: one that differs in case, space, or up to a third of its
// characters (an omission, an addition, a change, or two neighbours swapped).
// Among equals the first wins. A name that is too long to be one is like none.
func Nearest(name string, candidates []string) string {
	const longest = 100
	if len(name) > longest {
		return ""
	}
	best, least := "", len([]rune(name))/3+1
	for _, c := range candidates {
		if c == name || len(c) > 2*longest {
			continue
		}
		d := distance([]rune(fold(name)), []rune(fold(c)))
		if d < least {
			best, least = c, d
		}
	}
	return best
}

func fold(s string) string {
	return strings.ToLower(TrimSpace(s))
}

// distance is how many slips lie between a and b.
func distance(a, b []rune) int {
	before, last, this := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		this[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			this[j+1] = min(last[j]+cost, last[j+1]+1, this[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				this[j+1] = min(this[j+1], before[j-1]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}
