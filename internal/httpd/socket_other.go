//go:build !linux

package httpd

import "net"

// unsent returns -1: it cannot be told here how much the client has confirmed.
func unsent(net.Conn) int { return -1 }
