package spool_test

import (
	"syscall"
	"testing"
)

// spaceOfFile returns the bytes that the open file takes on the disk.
func spaceOfFile(t *testing.T, dir string) int64 {
	return fileIn(t, dir).Sys().(*syscall.Stat_t).Blocks * 512
}
