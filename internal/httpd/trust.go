package httpd

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"pasted/internal/forwarding"
	"pasted/internal/h1"
)

const (
	// mostHops is how many proxies may stand in front of each other.
	mostHops = 32
	// usualFields are those that nearly every proxy sets, whatever the client
	// has sent. The others must be named: most proxies pass on what they get.
	usualFields = forwarding.For | forwarding.Proto
	// waitressFields are those that waitress knows.
	waitressFields = forwarding.All &^ forwarding.Prefix
)

// errTrusted says what trusted_proxies is made of.
var errTrusted = errors.New(errProxies.Error() + ", and perhaps a number of proxies, 1 to " + strconv.Itoa(mostHops))

// readTrusted reads who is trusted to say for whom requests are: addresses and
// networks, and how many proxies a request comes through. With a number alone,
// the nearest is whoever connects.
func readTrusted(d *draft, name string) {
	var peers []string
	hops := 0
	for _, word := range words(d.Text(name, "")) {
		n, err := strconv.Atoi(word)
		switch {
		case err != nil:
			peers = append(peers, word)
		case n < 1 || n > mostHops || hops != 0:
			d.Refuse(name, errTrusted.Error())
			return
		default:
			hops = n
		}
	}
	if hops > 0 && peers == nil {
		peers = []string{"*", "unix"}
	}
	proxies, err := parseProxies(strings.Join(peers, " "))
	switch {
	case errors.Is(err, errProxies):
		d.Refuse(name, errTrusted.Error())
	case err != nil:
		d.Refuse(name, err.Error())
	default:
		d.Forwarding.Peers, d.Forwarding.Hops = proxies, hops
	}
}

// trustsAny says whether some proxy is trusted.
func (d *draft) trustsAny() bool {
	return d.Forwarding.Peers.Unix || d.Forwarding.Peers.Networks != nil
}

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' || r == '\n' })
}

// readTrustedFields reads which fields the trusted proxies set. It comes after
// readTrusted.
func readTrustedFields(d *draft, name string) {
	if !d.Has(name) {
		if d.trustsAny() {
			d.Forwarding.Fields = usualFields
		}
		return
	}
	if !d.trustsAny() {
		d.Refuse(name, "trusted_proxies, without which it has no meaning")
		return
	}
	d.readFields(name, forwarding.All)
}

// readFields reads a list of fields, of those that are known. Forwarded is
// alone: of two fields that say the same, one would be the client's.
func (d *draft) readFields(name string, known forwarding.Fields) {
	var fields forwarding.Fields
	for _, word := range words(strings.ToLower(d.Text(name, ""))) {
		field := forwarding.Named(word) & known
		if field == 0 {
			var all []string
			known.Each(func(name string) { all = append(all, name) })
			d.Refuse(name, "some of "+strings.Join(all, ", "))
			return
		}
		fields |= field
	}
	switch {
	case fields == 0:
		d.Refuse(name, "the fields that the proxies set")
	case fields&forwarding.Forwarded != 0 && fields != forwarding.Forwarded:
		d.Refuse(name, "either forwarded alone or x-forwarded-…: a proxy that sets the one passes on the client's other")
	}
	d.Forwarding.Fields = fields
}

// readUntrusted reads what becomes of fields that nobody has set who is trusted
// to.
func readUntrusted(d *draft, name string) {
	d.Forwarding.Clear = forwarding.All
	if d.OneOf(name, "clear", "clear", "keep") == "keep" {
		d.Forwarding.Clear = 0
	}
}

// readWaitressProxy reads the address of the one proxy that waitress trusts.
func readWaitressProxy(d *draft, name string) {
	switch text := strings.TrimSpace(d.Text(name, "")); text {
	case "":
		return
	case "*":
		d.Forwarding.Peers = h1.Proxies{Networks: everyone, Unix: true}
	case "localhost": // waitress's name of a Unix socket's peers
		d.Forwarding.Peers = h1.Proxies{Unix: true}
	default:
		ip, err := netip.ParseAddr(text)
		if err != nil {
			d.Refuse(name, "the address of a proxy, or * for every address")
			return
		}
		ip = ip.Unmap().WithZone("")
		d.Forwarding.Peers = h1.Proxies{Networks: []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}}
	}
	d.Forwarding.Hops = 1
}

func readWaitressCount(d *draft, name string) {
	if hops := d.Int(name, 1, 1, mostHops); d.trustsAny() {
		d.Forwarding.Hops = hops
	}
}

// readWaitressHeaders reads the fields that the proxy sets: without a list it is
// one, of which waitress warns.
func readWaitressHeaders(d *draft, name string) {
	set := d.Has(name)
	switch {
	case !d.trustsAny():
	case set && len(words(d.Text(name, ""))) > 0:
		d.readFields(name, waitressFields)
	default:
		d.Forwarding.Fields = forwarding.Proto
		d.note(name, "not set: of trusted_proxy only X-Forwarded-Proto is believed, as waitress does")
	}
}

func readClear(d *draft, name string) {
	if waitressBool(d, name, true) {
		d.Forwarding.Clear = waitressFields
	}
}

func readLogUntrusted(d *draft, name string) { d.LogUntrusted = waitressBool(d, name, false) }

// readForwardedAllow reads whose word gunicorn takes for the scheme; peers on a
// Unix socket always are.
func readForwardedAllow(d *draft, name string) {
	text := d.Text(name, "127.0.0.1,::1")
	if strings.TrimSpace(text) == "" {
		text = "unix"
	}
	proxies, err := parseProxies(text)
	if err != nil {
		d.Refuse(name, err.Error())
		return
	}
	proxies.Unix = true
	d.Forwarding.Peers = proxies
}

// readSecureSchemes reads the fields by which proxies say that they speak https,
// an object of names and values.
func readSecureSchemes(d *draft, name string) {
	d.Forwarding.Secure = []forwarding.SchemeField{
		{Name: "x-forwarded-protocol", HTTPS: "ssl"},
		{Name: "x-forwarded-proto", HTTPS: "https"},
		{Name: "x-forwarded-ssl", HTTPS: "on"},
	}
	if !d.Has(name) {
		return
	}
	object := json.NewDecoder(strings.NewReader(strings.ReplaceAll(d.Text(name, ""), "'", `"`)))
	const want = "an object of fields and values, such as {\"X-FORWARDED-PROTO\": \"https\"}"
	d.Forwarding.Secure = []forwarding.SchemeField{}
	if begin, err := object.Token(); err != nil || begin != json.Delim('{') {
		d.Refuse(name, want)
		return
	}
	for object.More() {
		field, err := object.Token()
		value, err2 := object.Token()
		text, ok := value.(string)
		if err != nil || err2 != nil || !ok {
			d.Refuse(name, want)
			return
		}
		d.Forwarding.Secure = append(d.Forwarding.Secure, forwarding.SchemeField{Name: lower(field.(string)), HTTPS: text})
	}
}

// readForwarderHeaders reads which fields with an underscore in their names the
// proxies may set. Of these SCRIPT_NAME alone means anything to gunicorn.
func readForwarderHeaders(d *draft, name string) {
	for _, field := range words(strings.ToUpper(d.Text(name, "SCRIPT_NAME,PATH_INFO"))) {
		switch field {
		case "SCRIPT_NAME", "*":
			d.Forwarding.Fields |= forwarding.ScriptName
		case "PATH_INFO":
		default:
			d.note(name, "only SCRIPT_NAME has an effect: no field with an underscore in its name reaches the application")
		}
	}
}
