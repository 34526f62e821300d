package spool

// NamedFile is what tempFile does where files can't be made without a name.
var NamedFile = namedFile
