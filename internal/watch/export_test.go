package watch

// Expand is expand.
func Expand(pattern string) []string { return expand(pattern) }

// GlobMatches says whether a pattern of glob has an absolute name.
func GlobMatches(pattern, name string) bool { return newPattern(pattern).matches(name) }

// FnMatches says whether a pattern of fnmatch has a name.
func FnMatches(pattern, name string) bool { return compile(pattern).matches(name) }
