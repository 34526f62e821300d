package pool

import "time"

const (
	costsMost = 512 // paths whose times are kept
	// slowFactor is how many times what the quickest tenth of all requests
	// takes a slow path takes, and slowRequest at least.
	slowFactor = 8
	// highShare is the share of a path's requests that take longer than its
	// cost's high.
	highShare = 0.05
	// freshMost is the share of requests to paths not known up to which nothing
	// is sent ahead behind these.
	freshMost = 0.2
)

// A cost is how long the requests of one path have taken lately in Python. The
// pool's mu guards it.
type cost struct {
	key  uint64
	mean time.Duration // moving average, outliers aside; 0: not known
	high time.Duration // about the 95th percentile
	slow bool          // against what the other paths take
	used bool          // since the hand last passed
	// unanswered says that mean is what a request has taken that is not done.
	unanswered bool
}

// costs are those of the paths that are asked for, as many as there is room
// for: one that has not been asked for lately makes room. The pool's mu guards
// it. The zero value knows no path.
type costs struct {
	known map[uint64]*cost
	ring  []*cost // of known, for the hand that looks for room
	hand  int
	// fresh is which share of the requests have a path that was not known.
	fresh float64
	// low is what the quickest tenth of all requests takes, about.
	low time.Duration
}

// of returns the cost of the path with this key, which is new if it was not
// known; nil for the key 0.
func (c *costs) of(key uint64) *cost {
	if key == 0 {
		return nil
	}
	if found := c.known[key]; found != nil {
		found.used = true
		c.fresh -= c.fresh / 64
		return found
	}
	c.fresh += (1 - c.fresh) / 64
	return c.admit(key)
}

// quick says whether a request may wait on a lane behind one of this path: hardly
// any takes long. Of a path without an answer that is not known, and then the
// answer is no, unless most paths are like that, as where titles stand in them.
func (c *costs) quick(k *cost) bool {
	switch {
	case k == nil:
		return true
	case k.mean == 0:
		return c.fresh > freshMost
	}
	return k.high < slowRequest
}

// admit gives a new path a place, which may be that of one not used lately.
func (c *costs) admit(key uint64) *cost {
	if c.known == nil {
		c.known = make(map[uint64]*cost)
	}
	fresh := &cost{key: key}
	c.known[key] = fresh
	if len(c.ring) < costsMost {
		c.ring = append(c.ring, fresh)
		return fresh
	}
	for c.ring[c.hand].used {
		c.ring[c.hand].used = false
		c.hand = (c.hand + 1) % len(c.ring)
	}
	delete(c.known, c.ring[c.hand].key) // requests under way may still have it
	c.ring[c.hand] = fresh
	c.hand = (c.hand + 1) % len(c.ring)
	return fresh
}

// add takes in how long one request of the path has taken. k may be nil.
func (c *costs) add(k *cost, service time.Duration) {
	c.low = towards(c.low, service, 0.1, 0.05)
	if k == nil {
		return
	}
	// One request that loses its processor for a while makes no path slow: what
	// is far above the average counts for less, what is below it for more.
	switch {
	case k.mean == 0 || k.unanswered:
		k.mean, k.unanswered = service, false
	case service > k.mean:
		k.mean += min(service-k.mean, 3*k.mean) / 8
	default:
		k.mean -= (k.mean - service) / 4
	}
	k.mean = max(k.mean, time.Microsecond)
	k.high = towards(k.high, service, 1-highShare, 0.2)
	c.judge(k)
}

// atLeast notes that a request takes so long, and is not done. That says something
// of its path only if nothing is known of it yet.
func (c *costs) atLeast(k *cost, service time.Duration) {
	if k != nil && (k.mean == 0 || k.unanswered) && k.mean < service {
		k.mean, k.unanswered = service, true
		c.judge(k)
	}
}

// judge decides whether k's path is slow. What is slow stays so until it takes
// half of what makes a path slow.
func (c *costs) judge(k *cost) {
	limit := c.limit()
	if k.slow {
		limit /= 2
	}
	k.slow = k.mean >= limit
}

// limit is what a path takes, on average, that is slow.
func (c *costs) limit() time.Duration { return max(slowRequest, slowFactor*c.low) }

// towards moves an estimate of a quantile of what is seen, by a small part of
// itself, so that it comes to rest where the share q of all lies below.
func towards(estimate, seen time.Duration, q, step float64) time.Duration {
	switch {
	case estimate == 0:
		return max(seen, time.Microsecond)
	case seen > estimate:
		return estimate + time.Duration(float64(estimate)*q*step) + 1
	default:
		return max(estimate-time.Duration(float64(estimate)*(1-q)*step), 1)
	}
}

// PathKey returns what requests of one method and of paths of one pattern have
// in common: segments that are numbers, UUIDs, or other names of single things,
// count as one and the same. It is never 0. script and path are the two parts of
// a path.
func PathKey[M, S, P []byte | string](method M, script S, path P) uint64 {
	h := hashText(hashBegin, method)
	h = hashPath(hashByte(h, ' '), script)
	h = hashPath(h, path)
	return h | 1
}

// FNV-1a, of 64 bits: a path is a few dozen bytes.
const (
	hashBegin = 14695981039346656037
	hashPrime = 1099511628211
)

func hashByte(h uint64, b byte) uint64 { return (h ^ uint64(b)) * hashPrime }

func hashText[T []byte | string](h uint64, text T) uint64 {
	for i := range len(text) {
		h = hashByte(h, text[i])
	}
	return h
}

// hashPath takes in the segments of path, with a * for each that varies.
func hashPath[T []byte | string](h uint64, path T) uint64 {
	for start := 0; start < len(path); {
		end := start
		for end < len(path) && path[end] != '/' {
			end++
		}
		if varies(path[start:end]) {
			h = hashByte(h, '*')
		} else {
			h = hashText(h, path[start:end])
		}
		if end < len(path) {
			h = hashByte(h, '/')
		}
		start = end + 1
	}
	return h
}

// varies says whether a segment looks like the name of a single thing: a number,
// a UUID or another hexadecimal number, a long token with digits in it.
func varies[T []byte | string](segment T) bool {
	digits, hex, others := 0, 0, 0
	for i := range len(segment) {
		switch c := segment[i] | 0x20; {
		case '0' <= segment[i] && segment[i] <= '9':
			digits++
		case 'a' <= c && c <= 'f' || segment[i] == '-':
			hex++
		default:
			others++
		}
	}
	switch n := len(segment); {
	case digits == 0:
		return false
	case digits == n:
		return true
	case others == 0:
		return n >= 8
	default:
		return n >= 20 && digits >= 3
	}
}
