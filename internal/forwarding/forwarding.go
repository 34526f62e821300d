// Package forwarding reads what proxies say of the requests that they pass on:
// Forwarded (RFC 7239) and the X-Forwarded fields. It knows who is trusted to
// say what, takes off what others have said, and refuses what contradicts
// itself. It knows nothing of connections.
package forwarding

import (
	"fmt"
	"net/netip"
	"strings"

	"pasted/internal/h1"
)

// Fields are some of the fields by which proxies say whom they speak for.
type Fields uint16

// The fields: Forwarded, X-Forwarded-For and so on, and SCRIPT_NAME, which
// gunicorn takes.
const (
	Forwarded Fields = 1 << iota
	For
	Proto
	Host
	Port
	By
	Prefix
	ScriptName

	// All are all but ScriptName, of which no other server takes notice.
	All = Forwarded | For | Proto | Host | Port | By | Prefix
)

// names are those of the fields, in the order of their bits, in lower case.
var names = [...]string{
	"forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port",
	"x-forwarded-by", "x-forwarded-prefix", "script_name",
}

// Named returns the field of that name, in lower case; 0: there is none.
func Named(name string) Fields {
	for i, known := range names {
		if name == known {
			return 1 << i
		}
	}
	return 0
}

// Each calls do with the name of each of f.
func (f Fields) Each(do func(name string)) {
	for i, name := range names {
		if f&(1<<i) != 0 {
			do(name)
		}
	}
}

// String returns the names of f, with blanks between.
func (f Fields) String() string {
	text := ""
	f.Each(func(name string) { text += " " + name })
	return strings.TrimPrefix(text, " ")
}

// A Trust says who is trusted to say what. The zero value is nobody, and
// everything that they say reaches the application.
type Trust struct {
	// Peers are the proxies that connect to this server.
	Peers h1.Proxies
	// Hops is how many proxies a request has come through, the last of which
	// is one of Peers, wherever the others are. 0: each of them is one of
	// Peers.
	Hops int
	// Fields are those that the proxies set. No other is taken from them:
	// it could be the client's. Either Forwarded or others.
	Fields Fields
	// Clear are those that are taken off where nobody sets them that is
	// trusted to.
	Clear Fields
	// Secure are further fields by which Peers say that the scheme is https,
	// or else http.
	Secure []SchemeField
}

// A SchemeField is a field, its name in lower case, that has the value Https
// where a request has come by it, and another where it has not.
type SchemeField struct{ Name, HTTPS string }

// String says it in one line.
func (t Trust) String() string {
	text := "clear nothing"
	if t.Clear != 0 {
		text = "clear " + t.Clear.String()
	}
	if t.Peers.Unix || t.Peers.Networks != nil {
		text = fmt.Sprintf("of %v unix=%v hops=%d fields %v, ", t.Peers.Networks, t.Peers.Unix, t.Hops, t.Fields) + text
	}
	if t.Secure != nil {
		text += fmt.Sprintf(", secure %v", t.Secure)
	}
	return text
}

// Apply does what t says with h's fields and notes in o what is to be believed.
// peer is the other end of the connection, not valid for a Unix socket. What o
// has points into h's bytes. cleared are the fields that have been taken off. A
// refusal is for a proxy, or a client, that contradicts itself.
func (t *Trust) Apply(h *h1.Head, peer netip.Addr, o *h1.Origin) (cleared Fields, refusal *h1.Refusal) {
	present := presentIn(h)
	if present == 0 && t.Secure == nil {
		return 0, nil
	}
	o.Proxied = present&All != 0
	trusted := t.Peers.Has(peer)
	if trusted {
		if refusal := t.secure(h, o); refusal != nil {
			return 0, refusal
		}
		present, cleared = present&t.Fields, present&t.Clear&^t.Fields
	} else {
		present, cleared = 0, present&t.Clear
	}
	if cleared != 0 {
		h.Keep(func(name []byte) bool { return classify(name)&cleared == 0 })
	}
	switch {
	case present == 0:
		return cleared, nil
	case present&Forwarded != 0:
		return cleared, t.readForwarded(h, o)
	}
	return cleared, t.readSeparate(h, present, o)
}

// presentIn returns which of the fields h has.
func presentIn(h *h1.Head) (present Fields) {
	for _, f := range h.Fields {
		present |= classify(h.Text(f.Name))
	}
	return present
}

// classify returns which field is called name; 0: none.
func classify(name []byte) Fields {
	if len(name) < len("forwarded") {
		return 0
	}
	switch name[0] | 0x20 {
	case 'f', 's':
	case 'x':
		if len(name) < len("x-forwarded-") || name[11] != '-' {
			return 0
		}
	default:
		return 0
	}
	for i, known := range names {
		if len(name) == len(known) && equalFold(name, known) {
			return 1 << i
		}
	}
	return 0
}

// secure takes the scheme from t's further fields.
func (t *Trust) secure(h *h1.Head, o *h1.Origin) *h1.Refusal {
	for _, f := range h.Fields {
		for _, known := range t.Secure {
			if !equalFold(h.Text(f.Name), known.Name) {
				continue
			}
			scheme := "http"
			if string(h.Text(f.Value)) == known.HTTPS {
				scheme = "https"
			}
			if o.Scheme != "" && o.Scheme != scheme {
				return refuseScheme
			}
			o.Scheme, o.Proxied = scheme, true
		}
	}
	return nil
}

// equalFold compares without regard to the case of ASCII letters; b is in lower
// case.
func equalFold(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i, c := range a {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != b[i] {
			return false
		}
	}
	return true
}

// What is refused, all with 400: whoever has sent it, or the proxy that has let
// it through, is wrong.
var (
	refuseScheme    = refusal("forwarded_scheme", "fields of proxies name different schemes")
	refuseNode      = refusal("forwarded_for", "a proxy's field has no address of a client")
	refuseProto     = refusal("forwarded_proto", "a proxy's field has a scheme that is neither http nor https")
	refuseHost      = refusal("forwarded_host", "a proxy's field has a host that is none")
	refusePort      = refusal("forwarded_port", "a proxy's field has a port that is none")
	refusePrefix    = refusal("forwarded_prefix", "a proxy's field has a prefix that is no path")
	refuseForwarded = refusal("forwarded", "Forwarded is malformed")
)

func refusal(name, reason string) *h1.Refusal {
	return &h1.Refusal{Name: name, Code: 400, Reason: reason, Rule: "RFC 7239"}
}
