package httpd

import (
	"strings"
)

// gunicorn is egg:gunicorn#main of gunicorn 27, which takes its settings in
// any case, and asks for those of its command line with dashes.
func gunicorn() server {
	return server{
		egg: "gunicorn#main", objects: []string{"gunicorn.app.pasterapp:serve", "gunicorn.app.pasterapp:paste_server"},
		host: "127.0.0.1", port: 8000, hostList: true, threads: 1, workers: 1, unix: 0o777,
		dashes:  true,
		finish:  finishGunicorn,
		options: append(gunicornServed(), gunicornUnserved()...),
	}
}

// gunicornServed are the settings that mean something here.
func gunicornServed() []option {
	return []option{
		{names: "host", read: readHost},
		{names: "port", read: readPort},
		{names: "bind", read: readListen},
		{names: "workers", read: readCrew(workers)},
		{names: "threads", read: readCrew(threads)},
		{names: "timeout", read: readGunicornTimeout},
		{names: "backlog", read: readCount(backlog, 1)},
		{names: "graceful_timeout", read: readGracefulOrNone},
		{names: "max_requests", read: readCount(maxRequests, 0)},
		{names: "max_requests_jitter", read: readCount(maxRequestsJitter, 0)},
		{names: "keepalive", read: readKeepAlive},
		{names: "limit_request_line", read: readCount(maxRequestLine, 0)},
		{names: "limit_request_fields", read: readCount(maxFields, 0)},
		{names: "limit_request_field_size", read: readCount(maxFieldSize, 0)},
		{names: "umask", read: readUmask},
		{names: "worker_class", read: readWorkerClass},
		{names: "worker_connections", read: readWorkerConnections},
		{names: "certfile keyfile ca_certs cert_reqs ssl_version ciphers", read: mustNot(wantNoTLS)},
		{names: "do_handshake_on_connect suppress_ragged_eofs ssl_context", note: "no effect: " + noTLS},
		{names: "user group", read: mustNot("this option taken out: privileges are not given up yet; start the server as that user")},
		{names: "proxy_protocol", read: readGunicornProxies},
		{names: "proxy_allow_ips", read: readProxyAllowIPs},
		{names: "forwarded_allow_ips", read: readForwardedAllow},
		{names: "secure_scheme_headers", read: readSecureSchemes},
		{names: "forwarder_headers", read: readForwarderHeaders},
		{names: "protocol", read: refuseUnless("http: no other protocol is spoken", "http")},
	}
}

// gunicornUnserved are the settings that have no effect.
func gunicornUnserved() []option {
	const (
		hooks   = "no effect: gunicorn's processes, which it is about, are not there"
		service = "no effect: run the server under a service manager"
		strict  = "no effect: requests are read by the rules of RFC 9112"
		metrics = "no effect: there are no metrics yet"
		asgi    = "no effect: only WSGI is served"
		newer   = "no effect: HTTP/1.1 is spoken, and HTTP/2 to clients that begin with it, within limits of its own"
	)
	return []option{
		{names: "preload_app", note: inWorkers + ": preload"},
		{names: "chdir", note: inWorkers + ": chdir"},
		{names: "pythonpath", note: inWorkers + ": path"},
		{names: "raw_env", note: inWorkers + ": env.NAME"},
		{names: "config", note: "not read: what it sets belongs into this file"},
		{names: "uwsgi_allow_ips", note: "no effect: only HTTP is spoken"},
		{names: "accesslog access_log_format disable_redirect_access_to_syslog", note: "no effect: egg:Paste#translogger in the pipeline writes an access log"},
		{names: "errorlog loglevel logger_class logconfig logconfig_dict logconfig_json capture_output enable_stdio_inheritance", note: noLogs},
		{names: "syslog syslog_addr syslog_facility syslog_prefix", note: noLogs},
		{names: "statsd_host statsd_prefix dogstatsd_tags enable_backlog_metric", note: metrics},
		{names: "daemon pidfile proc_name default_proc_name initgroups", note: service},
		{names: "reuse_port sendfile tmp_upload_dir worker_tmp_dir", note: noLoop},
		{names: "reload reload_engine reload_extra_files", note: "no effect: changed code is not watched for yet"},
		{names: "spew check_config print_config paste raw_paste_global_conf wsgi_app root_path", note: "no effect: it is for gunicorn's command line"},
		{names: "header_map strip_header_spaces casefold_http_method http_parser", note: strict},
		{names: "permit_obsolete_folding permit_unconventional_http_method permit_unconventional_http_version", note: strict},
		{names: "http_protocols http2_cleartext http2_initial_window_size http2_max_concurrent_streams http2_max_frame_size http2_max_header_list_size", note: newer},
		{names: "asgi_loop asgi_lifespan asgi_disconnect_grace_period websocket_max_message_size", note: asgi},
		{names: "control_socket control_socket_disable control_socket_mode", note: hooks},
		{names: "dirty_apps dirty_workers dirty_threads dirty_timeout dirty_graceful_timeout dirty_post_fork dirty_worker_init dirty_worker_exit on_dirty_starting", note: hooks},
		{names: "on_starting on_reload on_exit when_ready pre_fork post_fork pre_exec post_worker_init worker_int worker_abort worker_exit child_exit nworkers_changed", note: hooks},
		{names: "pre_request post_request", note: hooks},
	}
}

// readGracefulOrNone reads a time of which 0, no grace, is allowed.
func readGracefulOrNone(d *draft, name string) {
	d.GracefulTimeout = max(d.Duration(name, d.GracefulTimeout, 0, longest), shortest)
}

// readGunicornTimeout reads for how long a worker may be silent, 0 for any time:
// of a worker of the class sync that is how long its request may take.
func readGunicornTimeout(d *draft, name string) {
	if !d.Has(name) {
		return
	}
	if t := d.Duration(name, 0, 0, longest); t > 0 {
		d.Timeout = max(t, shortest)
	}
	d.note(name, "here it is how long a request may take; its worker serves on")
}

// readKeepAlive reads for how long an idle connection is kept; 0: not at all.
func readKeepAlive(d *draft, name string) {
	switch t := d.Duration(name, -1, 0, longest); {
	case t == 0:
		d.NoKeepAlive = true
	case t > 0:
		d.IdleTimeout = max(t, shortest)
	}
}

// readUmask: gunicorn makes Unix sockets for everybody but for its umask.
func readUmask(d *draft, name string) {
	if !d.Has(name) {
		return
	}
	d.UnixPerms = 0o777 &^ d.Mode(name, 0)
	d.note(name, "only Unix sockets are made by it: "+strings.TrimPrefix(inWorkers, "no effect: ")+", umask")
}

// readWorkerClass: both of gunicorn's kinds of threads are what workers have, and
// its greenlets by gevent.
func readWorkerClass(d *draft, name string) {
	switch class := d.Text(name, "sync"); class {
	case "sync", "gthread":
	case "gevent", "gevent_wsgi", "gevent_pywsgi":
		d.WorkerClass, d.Threads = "gevent", 1000
	case "eventlet":
		d.note(name, "threads serve, and not eventlet's greenlets: [pasted:workers] worker_class = gevent has greenlets")
	default:
		d.note(name, "threads serve: there are no workers of the class "+class)
	}
}

// readWorkerConnections: a greenlet serves one request at a time, as a connection
// of gunicorn's does.
func readWorkerConnections(d *draft, name string) {
	if d.WorkerClass == "" {
		if d.Has(name) {
			d.note(name, "no effect: it is about greenlets, and threads serve")
		}
		return
	}
	readCrew(threads)(d, name)
}

// refuseUnless makes a reader of an option that must have one of words, in any
// case.
func refuseUnless(want string, words ...string) reader {
	return func(d *draft, name string) {
		text := lower(d.Text(name, words[0]))
		for _, word := range words {
			if text == word {
				return
			}
		}
		d.Refuse(name, want)
	}
}

// finishGunicorn puts host, port and bind together as gunicorn does, but for a
// port without a host, which it takes no notice of, and which is what the file
// wants all the same.
func finishGunicorn(d *draft) {
	switch {
	case d.host != "" && d.listen != nil:
		d.note("bind", "no effect: host, which stands beside it, goes before it")
		d.listen = nil
	case d.port != "" && d.listen != nil:
		d.note("port", "no effect: bind gives the ports")
		d.port = ""
	case d.port != "" && d.host == "":
		d.note("port", "gunicorn takes no notice of port without host; here it counts")
	}
	d.MaxHeaderSize = max(d.MaxHeaderSize, int64(d.MaxRequestLine+d.MaxFieldSize+4096))
	if d.Has("limit_request_field_size") && d.MaxFieldSize == 0 {
		d.MaxHeaderSize = max(d.MaxHeaderSize, 1<<20)
	}
}
