package main

import "strings"

// A peer is one way to serve: a server, alone or with a proxy before it.
type peer struct {
	name   string
	family string   // the word that goals use for it
	parts  []string // what has to be installed; see parts
	place  place
	server command
	proxy  command // zero if there is none
	note   string  // what is not the same as with the others
	// division says which of the server's processes are not workers.
	division division
}

// A command is how a process is started. Placeholders are those of site.fill.
type command struct {
	argv   string   // with blanks between
	config string   // a template in bench/conf, which {config} stands for when filled
	set    []string // further placeholders of the template, each with its text
}

// A place is where a peer stands, which says what it is compared in.
type place int

const (
	alone  place = iota // clients connect to the server that runs the application
	behind              // they connect to nginx
	native              // there is no application
)

// Families that goals speak of.
const (
	ours     = "Pasted"
	gunicorn = "gunicorn"
	uwsgi    = "uWSGI"
	granian  = "granian"
	inC      = "C servers"
	threaded = "threads in one process"
	proxies  = "proxies"
)

// A server is what peers are made of: itself alone, and behind nginx. Adding one
// is adding an entry to servers.
type server struct {
	name   string
	family string
	part   string // see parts
	argv   string // {bind} stands for one of the next two
	alone  string // the words that have it listen on {address}; empty: never alone
	behind string // on {socket}, or on {inner} if it knows no Unix sockets; empty: never
	pass   string // nginx's directive; empty: proxy_pass over HTTP
	note   string
	// division is that of peers; nil: master.
	division division
}

func servers() []server {
	return []server{
		{
			name: "gunicorn sync", family: gunicorn, part: "gunicorn",
			argv:  "{bin}/gunicorn -k sync -w {workers} --log-level error --chdir {apps} {bind} {module}:application",
			alone: "-b {address}", behind: "-b unix:{socket}",
			note: "no threads, no keep-alive",
		},
		{
			name: "gunicorn gthread", family: gunicorn, part: "gunicorn",
			argv:  "{bin}/gunicorn -k gthread -w {workers} --threads {threads} --keep-alive 300 --worker-connections {clients} --log-level error --chdir {apps} {bind} {module}:application",
			alone: "-b {address}", behind: "-b unix:{socket}",
		},
		{
			name: "uWSGI http", family: uwsgi, part: "uwsgi",
			argv:  uwsgiArgv + " --auto-procname",
			alone: "--http {address} --http-keepalive=300 --http-auto-chunked", division: titled("uWSGI http"),
			note: "its HTTP router is one more process, counted as the server's",
		},
		{
			name: "uWSGI http11", family: uwsgi, part: "uwsgi",
			argv:  uwsgiArgv,
			alone: "--http11-socket {address}", behind: "--socket {socket}", pass: "include /etc/nginx/uwsgi_params; uwsgi_pass application;",
			note: "alone with --http11-socket: a connection keeps its thread; behind nginx with --socket and uwsgi_pass",
		},
		{
			name: "granian, 1 thread", family: granian, part: "granian",
			argv:  granianArgv + " --blocking-threads 1",
			alone: "--host 127.0.0.1 --port {port}", behind: "--uds {socket}",
		},
		{
			name: "granian, 4 threads", family: granian, part: "granian",
			argv:  granianArgv + " --blocking-threads {threads}",
			alone: "--host 127.0.0.1 --port {port}", behind: "--uds {socket}",
		},
		{
			name: "waitress", family: threaded, part: "waitress", division: single,
			argv:  "{bin}/waitress-serve {bind} --threads={lanes} --connection-limit={clients} --channel-timeout=300 {module}:application",
			alone: "--listen={address}", behind: "--unix-socket={socket}",
			note: "one process, with as many threads as the others have together",
		},
		{
			name: "cheroot", family: threaded, part: "cheroot", division: single,
			argv:  "env PYTHONPATH={apps} {bin}/cheroot {bind} --threads {lanes} --timeout 300 --request-queue-size 4096 {module}:application",
			alone: "--bind {address}", behind: "--bind {socket}",
			note: "one process, with as many threads as the others have together",
		},
		{
			name: "bjoern", family: inC, part: "bjoern",
			argv:  "{bin}/python {servers}/bjoern_serve.py {module} {bind} {workers}",
			alone: "{address}", behind: "unix:{socket}",
			note: "no threads",
		},
		{
			name: "FastWSGI", family: inC, part: "fastwsgi",
			argv:  "{bin}/python {servers}/fastwsgi_serve.py {module} {bind} {workers}",
			alone: "{address}", behind: "{inner}",
			note: "no threads; no Unix socket",
		},
		{
			name: "Pyruvate", family: threaded, part: "pyruvate", division: single,
			argv:  "{bin}/python {servers}/pyruvate_serve.py {module} {bind} {lanes}",
			alone: "{address}", behind: "{socket}",
			note: "one process, with as many threads as the others have together; without keep-alive: with it, a second request on a connection gets no answer",
		},
	}
}

const (
	nginxArgv   = "nginx -e stderr -c {config}"
	uwsgiArgv   = "{bin}/uwsgi --master --die-on-term --need-app --disable-logging --enable-threads --thunder-lock --listen 4096 --max-fd 20000 --virtualenv {bin}/.. --pythonpath {apps} --processes {workers} --threads {threads} {bind} --module {module}:application"
	granianArgv = "{bin}/granian --interface wsgi --http 1 --no-ws --workers {workers} --backlog 4096 --backpressure {clients} --log-level error {bind} {module}:application"
)

// peers returns all that is measured. Pasted is the first: ratios are to it.
func peers() []peer {
	all := []peer{
		{
			name: ours, family: ours, place: alone, division: program,
			server: command{argv: "{pasted} serve -q {conf}/pasted.ini " + pastedVariables},
			note:   "its server is two processes, a keeper and the one that serves",
		},
		{
			name: ours + ", native", family: ours, place: native, division: program,
			server: command{argv: "{pasted} serve -q {conf}/pasted-native.ini " + pastedVariables},
			note:   "`egg:Paste#urlmap` answers, in Go; its workers wait",
		},
		{
			name: "nginx", family: proxies, place: native, parts: []string{"nginx"}, division: noneRun,
			server: command{argv: nginxArgv, config: "nginx-alone.conf"},
		},
		{
			name: "HAProxy", family: proxies, place: native, parts: []string{"haproxy"}, division: noneRun,
			server: command{argv: "haproxy -q -db -f {config}", config: "haproxy-alone.cfg"},
		},
	}
	for _, s := range servers() {
		if s.alone != "" {
			all = append(all, s.byItself())
		}
		if s.behind != "" {
			all = append(all, s.behindNginx())
		}
	}
	return all
}

const pastedVariables = "bench_module={module} bench_port={port} bench_workers={workers} bench_threads={threads} bench_python={bin}/python"

func (s server) divided() division {
	if s.division == nil {
		return master
	}
	return s.division
}

func (s server) byItself() peer {
	return peer{
		name: s.name, family: s.family, place: alone, parts: []string{s.part}, note: s.note, division: s.divided(),
		server: command{argv: strings.ReplaceAll(s.argv, "{bind}", s.alone)},
	}
}

func (s server) behindNginx() peer {
	upstream := "{inner}"
	if strings.Contains(s.behind, "{socket}") {
		upstream = "unix:{socket}"
	}
	pass := s.pass
	if pass == "" {
		pass = `proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_pass http://application;`
	}
	return peer{
		name: "nginx, " + s.name, family: s.family, place: behind, parts: []string{"nginx", s.part}, division: s.divided(),
		server: command{argv: strings.ReplaceAll(s.argv, "{bind}", s.behind)},
		proxy:  command{argv: nginxArgv, config: "nginx-proxy.conf", set: []string{"{upstream}", upstream, "{pass}", pass}},
	}
}
