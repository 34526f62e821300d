package pool

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"log/slog"
	"slices"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
)

const (
	heldMost = 64               // fingerprints; the oldest goes first
	heldFor  = 10 * time.Minute // since its last death
)

// A kind is what is known of a request by its environ.
type kind struct {
	method, path, query string
	key                 bool // it carries an Idempotency-Key
	known               bool
}

// kindOf reads the kind of a Request frame. It takes as long as the environ is,
// and so is for what happens seldom.
func kindOf(frame []byte) kind {
	if len(frame) <= wire.HeadSize {
		return kind{}
	}
	value, _, err := marshal.Decode(frame[wire.HeadSize:], marshal.Limits{})
	environ, ok := value.(marshal.Dict)
	if err != nil || !ok {
		return kind{}
	}
	get := func(key string) string {
		v, _ := environ.Get(key)
		s, _ := v.(string)
		return fromLatin1(s)
	}
	return kind{
		method: get("REQUEST_METHOD"), path: get("SCRIPT_NAME") + get("PATH_INFO"),
		query: get("QUERY_STRING"), key: get("HTTP_IDEMPOTENCY_KEY") != "", known: true,
	}
}

// fromLatin1 returns the bytes that s is the text of.
func fromLatin1(s string) string {
	raw := make([]byte, 0, len(s))
	for _, r := range s {
		raw = append(raw, byte(r))
	}
	return string(raw)
}

// repeatable says whether a request may be given to the application twice.
func (p *Pool) repeatable(k kind) bool {
	switch k.method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE": // RFC 9110, 9.2.2
		return true
	case "":
		return false
	}
	return k.key || p.opts.Paths.Find(nil, []byte(k.path)).Idempotent
}

// fingerprint is the same for requests with the same method, path and query, now
// and in every other process.
func (k kind) fingerprint() uint64 {
	h := fnv.New64a()
	for _, part := range []string{k.method, k.path, k.query} {
		_, _ = h.Write([]byte(part))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// A quarantine knows the kinds of requests of which one has killed two workers.
// Those like it are held: they are not repeated when a worker dies of them, and no
// worker has one together with another that might kill it. The pool's mu guards
// it.
type quarantine struct {
	held []held // the one that ends first comes first
}

type held struct {
	fingerprint uint64
	kind        kind
	killed      int // workers
	since       time.Time
	until       time.Time
}

// quarantineLocked holds requests like r, which has killed two workers.
func (p *Pool) quarantineLocked(r *Request, k kind, now time.Time) {
	q, fingerprint := &p.quarantine, k.fingerprint()
	h := held{fingerprint: fingerprint, kind: k, since: now}
	if i := q.find(fingerprint); i >= 0 {
		h = q.held[i]
		q.held = slices.Delete(q.held, i, i+1)
	} else if len(q.held) == heldMost {
		q.held = slices.Delete(q.held, 0, 1)
	}
	h.killed += r.deaths
	h.until = now.Add(heldFor)
	q.held = append(q.held, h)
	p.noteLocked(slog.LevelError, "request refused: two workers have died of it", "request", idText(r.ID),
		"method", k.method, "path", k.path, "fingerprint", fmt.Sprintf("%016x", fingerprint), "held", heldFor)
}

func (q *quarantine) find(fingerprint uint64) int {
	return slices.IndexFunc(q.held, func(h held) bool { return h.fingerprint == fingerprint })
}

// holdsKind says whether requests of this kind are held.
func (q *quarantine) holdsKind(k kind, now time.Time) bool {
	q.expire(now)
	return len(q.held) > 0 && k.known && q.find(k.fingerprint()) >= 0
}

// holds is holdsKind for a frame, which is looked into only where one that is
// held has the same method and query.
func (q *quarantine) holds(frame []byte, now time.Time) bool {
	q.expire(now)
	for _, h := range q.held {
		if bytes.Contains(frame, []byte(h.kind.method)) && bytes.Contains(frame, []byte(h.kind.query)) {
			return q.holdsKind(kindOf(frame), now)
		}
	}
	return false
}

func (q *quarantine) expire(now time.Time) {
	for len(q.held) > 0 && !now.Before(q.held[0].until) {
		q.held = slices.Delete(q.held, 0, 1)
	}
}

// list returns what is held, for people.
func (q *quarantine) list(now time.Time) []Quarantined {
	q.expire(now)
	var all []Quarantined
	for _, h := range q.held {
		all = append(all, Quarantined{
			Method: h.kind.method, Path: h.kind.path, Fingerprint: fmt.Sprintf("%016x", h.fingerprint),
			Killed: h.killed, Since: h.since,
		})
	}
	return all
}
