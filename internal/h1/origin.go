package h1

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// An Origin is what trusted proxies say of a request, in the place of what its
// connection says. The zero value is that they say nothing.
type Origin struct {
	// Scheme is "http" or "https"; empty: that of the server.
	Scheme string
	// ServerName and ServerPort are what the client has asked; nil: the
	// connection's.
	ServerName, ServerPort []byte
	// HasClient says that Client and ClientPort are the client's address,
	// without brackets, and port; empty: they are not known.
	HasClient          bool
	Client, ClientPort []byte
	// Prefix is the path that a proxy has mounted the server at, empty or
	// beginning with a slash: a part of SCRIPT_NAME. Where PrefixInPath is set it
	// has not been taken off the path.
	Prefix       []byte
	PrefixInPath bool
	// Proxied says that some field, of whomever, tells of a proxy.
	Proxied bool
}

type originKey struct{}

// WithOrigin returns r as it is with o on the long way.
func WithOrigin(r *http.Request, o Origin) *http.Request {
	if o.HasClient {
		copied := *r
		r = &copied
		r.RemoteAddr = "@" // nobody that has a name
		if len(o.Client) > 0 {
			r.RemoteAddr = net.JoinHostPort(string(o.Client), string(o.ClientPort))
		}
	}
	return r.WithContext(context.WithValue(r.Context(), originKey{}, o))
}

// OriginOf returns the origin of r, the zero one if nothing is known of it.
func OriginOf(r *http.Request) Origin {
	o, _ := r.Context().Value(originKey{}).(Origin)
	return o
}

// FromHere is Exchange.FromHere on the long way.
func FromHere(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback() && !OriginOf(r).Proxied &&
		r.Header["Via"] == nil && isLoopback([]byte(r.Host))
}

// isLoopback says whether authority names this machine, and nothing else that
// some DNS could have pointed to it.
func isLoopback(authority []byte) bool {
	host, _, _ := ParseHost(authority)
	ip, _ := ParseIP(bytes.Trim(host, "[]"))
	return ip.IsLoopback() || equalFold(host, "localhost")
}

// LocalOf is Exchange.Local on the long way.
func LocalOf(r *http.Request) (host, port []byte) {
	o := OriginOf(r)
	if o.ServerName != nil {
		return o.ServerName, o.ServerPort
	}
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		ap := addr.AddrPort()
		host = ap.Addr().Unmap().AppendTo(nil)
		port = strconv.AppendUint(nil, uint64(ap.Port()), 10)
	}
	if o.ServerPort != nil {
		port = o.ServerPort
	}
	return host, port
}
