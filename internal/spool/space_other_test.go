//go:build !linux

package spool_test

import "testing"

func spaceOfFile(t *testing.T, _ string) int64 {
	t.Skip("space is given back on Linux only")
	return 0
}
