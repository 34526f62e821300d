package admin

import (
	"strconv"

	"pasted/internal/metrics"
	"pasted/internal/release"
)

// figures adds to set what a host tells.
func figures(set *metrics.Set, id Identity, s *release.Status) {
	p := &s.Pool
	set.Gauge("build_info", "Which Pasted this is.", 1, "version", id.Version)
	set.Flag("ready", "Whether requests are wanted.", s.State == release.Ready)
	set.Gauge("start_time_seconds", "When the server has begun, in seconds since 1970.", float64(s.Began.UnixMilli())/1000)
	set.Gauge("release", "Number of the release that serves.", float64(s.Release))
	set.Counter("reloads_total", "Reloads, by what became of them.", float64(s.Reloads), "result", "done")
	set.Counter("reloads_total", "Reloads, by what became of them.", float64(s.Failed), "result", "failed")

	set.Gauge("workers_wanted", "Workers that are to run.", float64(p.Size))
	states := map[string]int{"ready": 0, "busy": 0, "stalled": 0, "draining": 0}
	inflight, threads := 0, 0
	for _, w := range p.Workers {
		states[w.State]++
		inflight += w.Inflight
		if w.State != "draining" {
			threads += w.Lanes
		}
		id := strconv.Itoa(w.ID)
		if m, ok := s.Memory[w.PID]; ok && w.State != "draining" { // a new one may have its ID already
			set.Gauge("worker_resident_memory_bytes", "Memory of a worker.", float64(m.RSS), "worker", id)
			set.Gauge("worker_proportional_memory_bytes", "Memory of a worker, what it shares counted in part; 0 where the kernel does not say.", float64(m.PSS), "worker", id)
		}
	}
	set.Gauge("worker_threads", "Threads that the workers use.", float64(threads))
	for state, n := range states {
		set.Gauge("workers", "Workers, by their state.", float64(n), "state", state)
	}
	set.Gauge("inflight_requests", "Requests that workers have been given and have not answered.", float64(inflight))
	set.Gauge("queue_length", "Requests that wait for a lane.", float64(p.QueueLength))
	set.Gauge("queue_oldest_seconds", "How long the first of the queue has waited.", p.QueueOldest.Seconds())
	counters(set, s)
}

// counters adds what has been counted in the pool of the current release.
func counters(set *metrics.Set, s *release.Status) {
	p := &s.Pool
	set.Counter("requests_total", "Requests that workers have answered.", float64(p.Requests))
	set.Counter("requests_lost_total", "Requests that ended with their worker.", float64(p.Lost))
	set.Counter("retries_total", "Requests given to another worker after theirs had died.", float64(p.Retries))
	set.Counter("revoked_total", "Requests taken back from a worker that had not begun them.", float64(p.Revoked))
	for reason, n := range map[string]uint64{
		"timeout": p.Sheds.Timeout, "full": p.Sheds.Full, "late": p.Sheds.Late, "stopped": p.Sheds.Stopped,
		"expired": p.Sheds.Expired,
	} {
		set.Counter("sheds_total", "Requests that were refused, or that expired, by the reason.", float64(n), "reason", reason)
	}
	set.Counter("worker_restarts_total", "Workers that were replaced.", float64(p.Restarts), "cause", "crashed")
	set.Counter("worker_restarts_total", "Workers that were replaced.", float64(p.Recycled), "cause", "recycled")
	set.Gauge("quarantined_requests", "Requests that have killed workers and are held back.", float64(len(p.Quarantine)))
	set.Histogram("request_wait_seconds", "How long requests have waited for their worker.", p.Wait.Bounds(), p.Wait.Buckets[:], p.Wait.Sum)
	set.Histogram("request_service_seconds", "How long workers have taken for requests.", p.Service.Bounds(), p.Service.Buckets[:], p.Service.Sum)
}
