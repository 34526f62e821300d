package httpd

// others are the servers that take few options.
func others() []server {
	return append([]server{
		{
			egg: "pyramid#wsgiref", objects: []string{"pyramid.scripts.pserve:wsgiref_server_runner"},
			host: "0.0.0.0", port: 8080, threads: 1, lenient: true,
			options: hostPort(),
		},
		{
			egg: "gearbox#wsgiref", objects: []string{"gearbox.commands.serve:wsgiref_server_runner"},
			host: "0.0.0.0", port: 8080, threads: 1, lenient: true,
			options: hostPort(
				option{names: "wsgiref.threaded", read: readThreaded},
				option{names: "wsgiref.certfile wsgiref.keyfile certfile keyfile", read: mustNot(wantNoTLS)},
			),
		},
		{
			egg: "gearbox#gevent", objects: []string{"gearbox.commands.serve:gevent_server_factory"},
			host: "0.0.0.0", port: 8080, lenient: true,
			options: hostPort(),
		},
		{
			egg: "PasteScript#wsgiutils", objects: []string{"paste.script.wsgiutils_server:run_server"},
			host: "localhost", port: 8080,
			options: hostPort(),
		},
		{
			egg: "PasteScript#twisted", objects: []string{"paste.script.twisted_web2_server:run_twisted"},
			host: "127.0.0.1", port: 8080,
			options: hostPort(),
		},
		cherrypy("pyramid#cherrypy", "pyramid.scripts.pserve:cherrypy_server_runner"),
		cherrypy("gearbox#cherrypy", "gearbox.commands.serve:cherrypy_server_runner"),
		cherrypy("PasteScript#cherrypy", "paste.script.cherrypy_server:cpwsgi_server"),
		cherrypy("cherrypy#main", ""),
		uwsgi(),
	}, unspoken()...)
}

// hostPort returns the two options that every server has, and more.
func hostPort(more ...option) []option {
	return append([]option{{names: "host", read: readHost}, {names: "port", read: readPort}}, more...)
}

// readThreaded: gearbox's server has one thread, or as many as there are
// requests.
func readThreaded(d *draft, name string) {
	if d.Bool(name, false) {
		d.Threads = 0
	}
}

// cherrypy is CherryPy's server, today cheroot, by one of its names.
func cherrypy(egg, object string) server {
	return server{
		egg: egg, objects: nonEmpty(object),
		host: "127.0.0.1", port: 8080, threads: 10,
		options: hostPort(
			option{names: "numthreads", read: readCrew(threads)},
			option{names: "request_queue_size", read: readCount(backlog, 1)},
			option{names: "timeout", read: readTime(idleTime, bodyTime, sendTime)},
			option{names: "ssl_pem", read: mustNot(wantNoTLS)},
			option{names: "protocol_version", note: noProtocol},
			option{names: "server_name", note: "no effect: SERVER_NAME is the address that the client has connected to"},
			option{names: "max", note: "no effect: the number of threads is fixed, [pasted:workers] threads"},
		),
	}
}

// uwsgi has no server runner; files name it all the same, with the options of
// its own section.
func uwsgi() server {
	return server{
		egg: "uwsgi#main", more: []string{"uwsgi#http"},
		host: "127.0.0.1", port: 8080, threads: 1, workers: 1, lenient: true, dashes: true,
		options: hostPort(
			option{names: "http http_socket", read: readListen},
			option{names: "workers processes", read: readCrew(workers)},
			option{names: "threads", read: readCrew(threads)},
			option{names: "listen", read: readCount(backlog, 1)},
			option{names: "buffer_size", read: readSize(maxHeaderSize, 256)},
			option{names: "chmod_socket", read: readUnixPerms},
			option{names: "socket uwsgi_socket fastcgi_socket scgi_socket", read: mustNot("http-socket: only HTTP is spoken, so a proxy in front must speak it, too")},
			option{names: "https https_socket", read: mustNot(wantNoTLS)},
			option{names: "uid gid", read: mustNot("this option taken out: privileges are not given up yet; start the server as that user")},
		),
	}
}

// unspoken are the servers that speak something else than HTTP.
func unspoken() []server {
	const why = " is spoken, not HTTP: want egg:pasted#http, and HTTP from the proxy in front of it"
	flup := func(protocol string, names ...string) server {
		return server{egg: names[0], more: names[1:], refused: protocol + why}
	}
	return []server{
		flup("FastCGI", "PasteScript#flup_fcgi_thread", "PasteScript#flup_fcgi_fork", "Flup#fcgi", "Flup#fcgi_thread", "Flup#fcgi_fork"),
		flup("SCGI", "PasteScript#flup_scgi_thread", "PasteScript#flup_scgi_fork", "Flup#scgi", "Flup#scgi_thread", "Flup#scgi_fork"),
		flup("AJP", "PasteScript#flup_ajp_thread", "PasteScript#flup_ajp_fork", "Flup#ajp", "Flup#ajp_thread", "Flup#ajp_fork"),
		flup("CGI", "PasteScript#cgi"),
	}
}

func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
