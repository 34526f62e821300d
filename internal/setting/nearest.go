package setting

import "pasted/internal/spelling"

// Nearest is spelling.Nearest.
func Nearest(word string, candidates []string) string { return spelling.Nearest(word, candidates) }
