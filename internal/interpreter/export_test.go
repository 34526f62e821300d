package interpreter

// For fuzzing.
var (
	EntryPoints  = entryPoints
	HeaderFields = headerFields
	Decode       = decode
)
