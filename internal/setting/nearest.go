package setting

import "strings"

// Nearest returns the candidate that was probably meant by word: the one with
// the fewest letters left out, added, changed or swapped with a neighbour, of
// which a third of word's may be wrong; case and - for _ do not count. Among
// equals the first wins; word itself is not one. It is empty if none is near.
func Nearest(word string, candidates []string) string {
	best, least := "", len([]rune(word))/3+1
	for _, c := range candidates {
		if c == word {
			continue
		}
		if d := distance(letters(word), letters(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// letters is word as it is compared.
func letters(word string) []rune {
	return []rune(strings.ReplaceAll(strings.ToLower(trim(word)), "-", "_"))
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
