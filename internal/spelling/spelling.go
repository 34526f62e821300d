// Package spelling guesses which of the words that are known was meant by one
// that is not. What the words name, and what is said about them, is left to
// those who ask.
package spelling

import "strings"

// longest is how many bytes a word that is looked at may have. The time goes
// with the square, and a text that is longer is no word with a slip in it.
const longest = 200

// Nearest returns the candidate that word is most probably a slip of the pen
// for, or empty: the one with the fewest characters left out, added, changed or
// swapped with a neighbour, of which a third of word's may be wrong. Case, space
// around them and - for _ do not count. Among equals the first wins; word itself
// is never one.
func Nearest(word string, candidates []string) string {
	if len(word) > longest {
		return ""
	}
	folded := fold(word)
	best, least := "", len(folded)/3+1
	for _, c := range candidates {
		if c == word || len(c) > longest {
			continue
		}
		if d := distance(folded, fold(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// fold is word as it is compared.
func fold(word string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(word)), "-", "_"))
}

// distance is the optimal string alignment distance of a and b.
func distance(a, b []rune) int {
	before, last, this := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		this[0] = i + 1
		for j := range b {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			this[j+1] = min(change, last[j+1]+1, this[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				this[j+1] = min(this[j+1], before[j-1]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}
