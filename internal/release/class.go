package release

import (
	"fmt"

	"pasted/internal/setting"
	"pasted/python"
)

// The classes of workers: how each serves several requests at a time.
const (
	threadsClass = "threads"
	geventClass  = "gevent"
)

// defaultGreenlets is what gunicorn's worker_connections is by itself.
const defaultGreenlets = 1000

// readClass reads worker_class. Of gunicorn's words those for threads are known.
func readClass(r *setting.Reader) string {
	switch class := r.Text("worker_class", threadsClass); class {
	case threadsClass, geventClass:
		return class
	case "sync", "gthread":
		return threadsClass
	case "eventlet", "tornado", "gaiohttp":
		r.Refuse("worker_class", threadsClass+" or "+geventClass+": "+class+" is not served; what is written for eventlet mostly works with gevent")
	default:
		r.Refuse("worker_class", threadsClass+" or "+geventClass)
	}
	return threadsClass
}

// setClass settles what depends on the class, once the server section and the
// interpreter are known.
func (r *Release) setClass() error {
	w := &r.Workers
	if !w.classSet && r.Server.WorkerClass != "" {
		w.Class = r.Server.WorkerClass
	}
	if w.Class != geventClass {
		return nil
	}
	if r.Server.WorkerClass != geventClass && !w.threadsSet {
		w.Threads, w.ThreadsMost = defaultGreenlets, defaultGreenlets
	}
	w.Threads, w.ThreadsMost = min(w.Threads, mostThreads), min(w.ThreadsMost, mostThreads)
	if r.Interpreter != nil && side(r.Interpreter) == python.Python2 {
		return fmt.Errorf("%s: [%s] worker_class = %s: want Python 3.6 or later, %s is %s",
			w.classAt, workersSection, geventClass, r.Interpreter.Path, r.Interpreter.Version)
	}
	return nil
}
