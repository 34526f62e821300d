package httpd

import "math"

// pasteHTTP is egg:Paste#http: paste.httpserver of Paste 3.10.
func pasteHTTP() server {
	return server{
		egg: "Paste#http", objects: []string{"paste.httpserver:server_runner"},
		host: "127.0.0.1", port: 8080, threads: 10,
		options: []option{
			{names: "host", read: readHost},
			{names: "port", read: readPort},
			{names: "threadpool_workers", read: readCrew(threads)},
			{names: "use_threadpool", read: readUseThreadpool},
			{names: "request_queue_size", read: readCount(backlog, 1)},
			{names: "socket_timeout", read: readPasteTimeout},
			{names: "server_version", read: readIdent},
			{names: "ssl_pem ssl_context", read: mustNot(wantNoTLS)},
			{names: "protocol_version", note: noProtocol},
			{names: "handler start_loop", note: noPython},
			{names: "daemon_threads", note: "no effect: graceful_timeout of egg:pasted#http says how long requests may go on after a stop"},
			{names: "threadpool_max_requests", read: readThreadRequests},
			{names: "threadpool_hung_thread_limit threadpool_kill_thread_limit threadpool_dying_limit", note: noKill},
			{names: "threadpool_spawn_if_under threadpool_max_zombie_threads_before_die threadpool_hung_check_period", note: noKill},
			{names: "threadpool_logger", note: noLogs},
			{names: "threadpool_error_email", note: noMail},
		},
	}
}

// readThreadRequests: Paste has a thread begin anew after so many requests; here
// it is the worker, after as many as all its threads have then.
func readThreadRequests(d *draft, name string) {
	if d.MaxRequests = d.Int(name, 0, 0, math.MaxInt32); d.MaxRequests > 0 {
		d.MaxRequestsThreads = 1
	}
}

// readUseThreadpool: without a pool Paste starts a thread for every request,
// without bound. That is not offered.
func readUseThreadpool(d *draft, name string) {
	if !d.Bool(name, true) {
		d.note(name, "the number of threads is bounded: [pasted:workers] threads says by how many")
	}
}

// readPasteTimeout: it is for each wait on the socket, and 0 is none.
func readPasteTimeout(d *draft, name string) {
	if t := d.Duration(name, 0, 0, longest); t > 0 {
		d.BodyTimeout, d.IdleTimeout, d.SendTimeout = t, t, t
	}
}

// waitress is egg:waitress#main of waitress 3.0.
func waitress() server {
	return server{
		egg: "waitress#main", objects: []string{"waitress:serve_paste"},
		host: "0.0.0.0", port: 8080, threads: 4,
		finish: finishWaitress,
		options: []option{
			{names: "host", read: readHost},
			{names: "port", read: readPort},
			{names: "listen", read: readListen},
			{names: "ipv4", read: readLeftOut(func(c *Config) *bool { return &c.NoIPv4 })},
			{names: "ipv6", read: readLeftOut(func(c *Config) *bool { return &c.NoIPv6 })},
			{names: "unix_socket", read: readUnixSocket},
			{names: "unix_socket_perms", read: readUnixPerms},
			{names: "threads", read: readCrew(threads)},
			{names: "backlog", read: readCount(backlog, 0)},
			{names: "connection_limit", read: readCount(maxConnections, 1)},
			{names: "channel_timeout", read: readTime(idleTime, bodyTime, sendTime)},
			{names: "max_request_header_size", read: readSize(maxHeaderSize, 256)},
			{names: "max_request_body_size", read: readSize(maxBodySize, 1)},
			{names: "url_scheme", read: readScheme},
			{names: "url_prefix", read: readPrefix},
			{names: "ident", read: readIdent},
			{names: "clear_untrusted_proxy_headers", read: readClear},
			{names: "trusted_proxy", read: readWaitressProxy},
			{names: "trusted_proxy_count", read: readWaitressCount},
			{names: "trusted_proxy_headers", read: readWaitressHeaders},
			{names: "log_untrusted_proxy_headers", read: readLogUntrusted},
			{names: "log_socket_errors", note: noLogs},
			{names: "expose_tracebacks", read: readTracebacks},
			{names: "recv_bytes send_bytes cleanup_interval asyncore_loop_timeout asyncore_use_poll", note: noLoop},
			{names: "outbuf_overflow outbuf_high_watermark inbuf_overflow", note: "no effect: bodies wait in memory, and beyond that in temporary files, by limits of Pasted's own"},
			{names: "channel_request_lookahead", note: "no effect: that a client has gone is always noticed"},
			{names: "server_name", note: "no effect: SERVER_NAME is the address that the client has connected to"},
			{names: "sockets", note: noPython},
		},
	}
}

// waitressTrue are the words that waitress takes for yes; all others are no.
var waitressTrue = map[string]bool{"t": true, "true": true, "y": true, "yes": true, "on": true, "1": true}

// waitressBool reads yes or no as waitress does.
func waitressBool(d *draft, name string, unset bool) bool {
	if !d.Has(name) {
		return unset
	}
	return waitressTrue[lower(d.Text(name, ""))]
}

// readLeftOut makes a reader of a switch whose being off field says.
func readLeftOut(field func(*Config) *bool) reader {
	return func(d *draft, name string) { *field(&d.Config) = !waitressBool(d, name, true) }
}

func readTracebacks(d *draft, name string) {
	if waitressBool(d, name, false) {
		d.note(name, inWorkers+": debug, for clients on this machine alone")
	}
}

// readPrefix reads a path with one slash in front of it and none behind it,
// however many there are.
func readPrefix(d *draft, name string) {
	if prefix := trimSlashes(d.Text(name, "")); prefix != "" {
		d.URLPrefix = "/" + prefix
	}
}

// finishWaitress holds to what waitress says of options together.
func finishWaitress(d *draft) {
	d.V6Only = true
	if !d.Has("max_request_header_size") {
		d.MaxHeaderSize = 256 << 10 // as waitress; cookies get long
	}
	if d.NoIPv4 && d.NoIPv6 {
		d.Refuse("ipv6", "ipv4 or ipv6 to be on")
	}
	if d.unix != "" && d.listen != nil {
		d.Refuse("unix_socket", "either unix_socket or listen")
	}
	for _, name := range []string{"trusted_proxy_count", "trusted_proxy_headers"} {
		if d.Has(name) && !d.Has("trusted_proxy") {
			d.Refuse(name, "trusted_proxy, without which it has no meaning")
		}
	}
}
