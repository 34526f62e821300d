package httpd

import (
	"errors"
	"strconv"
	"strings"

	"pasted/internal/setting"
)

// A draft is a Config in the making: what the options have said so far, and
// what is needed to put host and port together when all have been read.
type draft struct {
	Config
	*setting.Reader
	server  *server
	section string
	file    string
	notes   []Note

	// Names of the options that gave a host, a port, and a list of addresses
	// or a Unix socket; empty: none did.
	host, port, list string

	hostText   string
	portNumber int
	listen     []Address
	unix       string
}

// note reports something about an option, which need not be there.
func (d *draft) note(name, text string) {
	n := Note{File: d.file, Section: d.section, Option: name, Text: text}
	if o, ok := d.Lookup(name); ok {
		n.Line = o.Line
		if o.File != "" {
			n.File = o.File
		}
	}
	d.notes = append(d.notes, n)
}

// bind puts together where to listen. Servers say it by host and port, by a
// list, or by the path of a Unix socket; the last two may stand together.
func (d *draft) bind() {
	switch {
	case d.listen == nil && d.unix == "":
		d.listen = d.hostAndPort()
	case d.host != "" || d.port != "":
		name := d.host
		if name == "" {
			name = d.port
		}
		d.Refuse(name, "either this or "+d.list)
	}
	d.Listen = d.listen
	if d.unix != "" {
		d.Listen = append(d.Listen, Address{Path: d.unix})
	}
}

// hostAndPort returns the addresses that the options host and port name. The
// former may bring its own port, or be a list, in servers that allow it.
func (d *draft) hostAndPort() []Address {
	text := d.hostText
	if text == "" {
		text = d.server.host
	}
	port := d.portNumber
	if d.port == "" {
		port = d.server.port
	}
	hosts := []string{text}
	if d.server.hostList {
		hosts = strings.Split(text, ",")
	}
	var addresses []Address
	for _, host := range hosts {
		address, err := hostAddress(strings.TrimSpace(host), port, d.port == "")
		if err != nil {
			d.Refuse(d.host, strings.TrimPrefix(err.Error(), "want "))
			return nil
		}
		addresses = append(addresses, address)
	}
	return addresses
}

// hostAddress reads a host, which may have a port behind it if embedded is
// set. An IPv6 address may do without brackets, as it has no port then.
func hostAddress(host string, port int, embedded bool) (Address, error) {
	if strings.HasPrefix(host, "unix:") {
		return setting.ParseAddress(host, 0)
	}
	bare := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Count(bare, ":") > 1 && !strings.Contains(bare, "]") {
		host = bare
	} else if embedded && strings.Contains(host, ":") {
		return setting.ParseAddress(host, port)
	}
	switch {
	case host == "" || host == "*":
		return Address{Port: port}, nil
	case strings.Count(host, ":") == 1:
		return Address{}, errors.New("want a host alone: the option port gives the port")
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return setting.ParseAddress(host+":"+strconv.Itoa(port), port)
}
