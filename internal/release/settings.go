package release

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"pasted/internal/httpd"
	"pasted/internal/pool"
	"pasted/internal/setting"
	"pasted/paste"
)

// The sections that are Pasted's own.
const (
	workersSection = "pasted:workers" // how the Python part runs
	pathsSection   = "pasted:paths"   // what holds for single paths
	adminSection   = "pasted:admin"   // who may look at the server
)

var ownSections = []string{workersSection, pathsSection, adminSection}

// Limits of [pasted:workers].
const (
	mostProcesses  = 1024
	mostThreads    = 1024
	defaultThreads = 4
	mostWaiting    = 1 << 20
	longestTime    = 7 * 24 * time.Hour
	mostAge        = 365 * 24 * time.Hour
	leastMemory    = 1 << 20
)

// Workers are the settings of [pasted:workers].
type Workers struct {
	// Processes are how many workers there are at least, ProcessesMost, which
	// is no less, how many at most.
	Processes, ProcessesMost int
	// Threads, or greenlets if Class is "gevent", are how many requests a worker
	// serves at a time while there is little to do, ThreadsMost, which is no less,
	// how many at most.
	Threads, ThreadsMost int
	Class                string // "threads" or "gevent"
	// Recycle says when workers are replaced.
	Recycle pool.Recycle
	// Python names the interpreter; empty: it is looked for.
	Python  string
	Preload bool
	// Debug has clients on this machine see tracebacks.
	Debug bool
	// Setup is "module:callable", or empty.
	Setup string
	Path  []string // put before sys.path
	Env   []string // "NAME=value"
	Umask int      // -1: as it is
	Chdir string   // empty: as it is
	// Files are what answers may name; nil: none.
	Files *pool.Files

	// Timeout is how long a request may take; zero: for ever. TimeoutGrace is
	// how long one may take to end when that is over.
	Timeout, TimeoutGrace time.Duration
	// StallTimeout is how long a worker may make no progress before it is
	// killed and replaced.
	StallTimeout time.Duration
	// CancelOnDisconnect says that a request whose client has gone is stopped.
	CancelOnDisconnect bool
	QueueTimeout       time.Duration
	QueueLength        int
	// Patient says that in an overload requests wait like at any other time.
	Patient  bool
	FastLane pool.FastLane

	threadsSet, processesSet, timeoutSet, requestsSet, classSet bool
	// Where python =, setup = and worker_class = stand.
	pythonAt, setupAt, classAt paste.Position
}

// newReader returns a reader of the options of conf, a section of the given
// name.
func newReader(section string, conf *paste.Conf) *setting.Reader {
	var options []setting.Option
	file := ""
	for name, value := range conf.All() {
		pos := conf.Pos(name)
		file = pos.File
		options = append(options, setting.Option{Name: name, Value: value, Line: pos.Line, File: pos.File})
	}
	return setting.NewReader(file, section, options)
}

// readWorkers reads [pasted:workers], which may be missing: conf is nil then.
// Relative paths start from dir. The error is a *setting.Error.
func readWorkers(conf *paste.Conf, dir string) (Workers, error) {
	r := newReader(workersSection, conf)
	w := Workers{
		Python:  r.Text("python", ""),
		Preload: r.Bool("preload", true),
		Debug:   r.Bool("debug", false),
		Setup:   readSetup(r),
		Umask:   r.Mode("umask", -1),
		Chdir:   readDir(r, "chdir", dir),
		Class:   readClass(r),

		StallTimeout:       r.Duration("stall_timeout", 30*time.Second, 2*time.Second, longestTime),
		TimeoutGrace:       r.Duration("timeout_grace", 5*time.Second, time.Millisecond, longestTime),
		CancelOnDisconnect: r.Bool("cancel_on_disconnect", false),
		QueueTimeout:       r.Duration("queue_timeout", 30*time.Second, time.Millisecond, longestTime),
		QueueLength:        r.Int("queue_length", 4096, 1, mostWaiting),
		Patient:            r.OneOf("overload", "newest", "newest", "wait") == "wait",
		FastLane:           readFastLane(r, "fast_lane"),
	}
	w.Timeout = readTimeout(r, "timeout")
	w.Processes, w.ProcessesMost = r.Range("processes", runtime.NumCPU(), 1, mostProcesses)
	w.Threads, w.ThreadsMost = r.Range("threads", defaultThreads, 1, mostThreads)
	w.Recycle = readRecycle(r, w.Preload)
	for _, path := range r.List("path") {
		w.Path = append(w.Path, absolute(dir, path))
	}
	for _, o := range r.Group("env.") {
		if strings.ContainsAny(o.Name, "=\x00") || strings.Contains(o.Value, "\x00") {
			r.Refuse("env."+o.Name, "a name without =, and no NUL")
			continue
		}
		w.Env = append(w.Env, o.Name+"="+o.Value)
	}
	w.Files = readFiles(r, dir)
	_, w.classSet = r.Lookup("worker_class")
	_, w.processesSet = r.Lookup("processes")
	_, w.requestsSet = r.Lookup("max_requests")
	_, w.threadsSet = r.Lookup("threads")
	_, w.timeoutSet = r.Lookup("timeout")
	w.pythonAt, w.setupAt, w.classAt = conf.Pos("python"), conf.Pos("setup"), conf.Pos("worker_class")
	r.Unknown()
	return w, r.Err()
}

// readTimeout reads how long a request may take: none is for ever.
func readTimeout(r *setting.Reader, name string) (timeout time.Duration) {
	r.Read(name, func(text string) (err error) {
		if text == "none" {
			return nil
		}
		if timeout, err = setting.Duration(text, time.Millisecond, longestTime); err != nil {
			err = fmt.Errorf("%w, or none", err)
		}
		return err
	})
	return timeout
}

// readFastLane reads which share of the lanes slow requests leave free.
func readFastLane(r *setting.Reader, name string) (f pool.FastLane) {
	r.Read(name, func(text string) error {
		percent, isShare := strings.CutSuffix(text, "%")
		switch share, err := strconv.Atoi(strings.TrimSpace(percent)); {
		case text == "auto":
		case text == "off":
			f.Off = true
		case isShare && err == nil && 1 <= share && share <= 99:
			f.Share = float64(share) / 100
		default:
			return errors.New("want auto, off, or a share of the lanes such as 25%")
		}
		return nil
	})
	return f
}

// readRecycle reads when workers are replaced.
func readRecycle(r *setting.Reader, preload bool) pool.Recycle {
	c := pool.Recycle{
		Requests: r.Int("max_requests", 0, 0, math.MaxInt32),
		Jitter:   r.Int("max_requests_jitter", 0, 0, math.MaxInt32),
		Age:      r.Duration("max_age", 0, time.Second, mostAge),
		RSS:      r.Size("max_memory", 0, leastMemory, math.MaxInt64),
		PSS:      r.Size("max_memory_pss", 0, leastMemory, math.MaxInt64),
		Alone:    !r.Bool("overlap", true),
		Reforks:  r.Int("reforks", 0, 0, math.MaxInt32),
	}
	if c.Reforks > 0 && !preload {
		r.Refuse("reforks", "preload = true, without which there is no template")
	}
	return c
}

// recycleAs takes the numbers of the server section for those that w does not
// have.
func (w *Workers) recycleAs(server httpd.Config) {
	if w.Recycle.Requests == 0 && !w.requestsSet {
		w.Recycle.Requests = server.MaxRequests * max(1, server.MaxRequestsThreads*w.ThreadsMost)
		w.Recycle.Jitter = max(w.Recycle.Jitter, server.MaxRequestsJitter)
	}
}

// leastLanes is what a pool has as Options.LeastLanes.
func (w *Workers) leastLanes() int {
	if w.Threads == w.ThreadsMost {
		return 0
	}
	return w.Threads
}

// readDir reads the option name, a directory that must be there.
func readDir(r *setting.Reader, name, dir string) string {
	path := absolute(dir, r.Text(name, ""))
	if path == "" {
		return ""
	}
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		r.Refuse(name, "a directory that is there")
	}
	return path
}

// readFiles reads which files answers may name. It is nil where that is none.
func readFiles(r *setting.Reader, dir string) *pool.Files {
	files := pool.Files{Root: readDir(r, "sendfile_root", dir)}
	for _, o := range r.Group("accel.") {
		if !strings.HasPrefix(o.Name, "/") {
			r.Refuse("accel."+o.Name, "a name that goes on with a path that begins with /")
			continue
		}
		files.Prefixes = append(files.Prefixes, pool.FilePrefix{
			Path: strings.TrimSuffix(o.Name, "/") + "/", Dir: readDir(r, "accel."+o.Name, dir),
		})
	}
	if files.Root == "" && len(files.Prefixes) == 0 {
		return nil
	}
	return &files
}

func readSetup(r *setting.Reader) string {
	setup := r.Text("setup", "")
	module, attr, ok := strings.Cut(setup, ":")
	if setup != "" && (!ok || module == "" || attr == "") {
		r.Refuse("setup", "module:callable")
	}
	return setup
}

// blame says where the interpreter was chosen that err is about, if the file
// chose it.
func (w Workers) blame(err error) error {
	if err == nil || w.Python == "" {
		return err
	}
	return fmt.Errorf("%s: [%s] %w", w.pythonAt, workersSection, err)
}

// String says how many processes and threads there are, and how they start.
func (w Workers) String() string {
	how := "forked from a template"
	if !w.Preload {
		how = "each importing the application itself"
	}
	if w.Class == geventClass {
		return fmt.Sprintf("%s × %s greenlets of gevent, %s", fromTo(w.Processes, w.ProcessesMost), fromTo(w.Threads, w.ThreadsMost), how)
	}
	return fmt.Sprintf("%s × %s threads, %s", fromTo(w.Processes, w.ProcessesMost), fromTo(w.Threads, w.ThreadsMost), how)
}

func fromTo(least, most int) string {
	if least == most {
		return strconv.Itoa(least)
	}
	return fmt.Sprintf("%d..%d", least, most)
}
