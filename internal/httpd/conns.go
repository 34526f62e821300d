package httpd

import (
	"container/list"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// leastIdle is how long a connection must have been idle before it is closed to
// make room: its next request may be on its way.
const leastIdle = time.Second

// A state is what a connection is at.
type state uint8

// The states. From reading on a client is owed an answer.
const (
	stateNew     state = iota // nothing has been read
	stateIdle                 // between two requests
	stateReading              // some of a head has been read
	stateServing              // a head has been read, and perhaps found bad
	stateClosed               // by us; its goroutine is about to notice
)

// moves are the legal moves between states. A request that came with the one
// before it takes its connection from idle to serving.
var moves = map[state][]state{
	stateNew:     {stateReading, stateClosed},
	stateIdle:    {stateReading, stateServing, stateClosed},
	stateReading: {stateServing, stateClosed},
	stateServing: {stateIdle, stateClosed},
}

// conns are the connections of an engine.
type conns struct {
	engine *engine
	max    int
	// empty is closed when, after a stop, the last connection has ended.
	empty chan struct{}

	mu       sync.Mutex
	changed  *sync.Cond // a connection has ended or become idle, or stopping is set
	open     map[*conn]struct{}
	idle     *list.List // of *conn in stateIdle, that for longest at the front
	stopping bool       // every answer is its connection's last one
	settled  bool       // no connection comes any more
	ended    bool       // empty is closed
}

func newConns(e *engine) *conns {
	cs := &conns{
		engine: e,
		max:    e.cfg.MaxConnections,
		empty:  make(chan struct{}),
		open:   make(map[*conn]struct{}),
		idle:   list.New(),
	}
	cs.changed = sync.NewCond(&cs.mu)
	return cs
}

// A listener hands out connections of an engine, as many as it may have.
type listener struct {
	net.Listener
	conns *conns
	taken int // since the stop's last look
	looks int // of the stop
}

// Accept implements net.Listener. After a stop, which sets a deadline, it goes
// on as long as connections were waiting.
func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		switch {
		case err == nil:
			l.taken++
			return l.conns.admit(inner), nil
		case !errors.Is(err, os.ErrDeadlineExceeded) || !l.conns.isStopping():
			return nil, err
		case !l.again():
			return nil, net.ErrClosed // not one of those that net/http waits after
		}
	}
}

// again sets the deadline anew if connections have been waiting.
func (l *listener) again() bool {
	waited := l.taken > 0 && l.looks < mostAccepts
	l.taken = 0
	l.looks++
	last, ok := l.Listener.(interface{ SetDeadline(time.Time) error })
	return waited && ok && last.SetDeadline(time.Now().Add(acceptGrace)) == nil
}

// Close implements net.Listener. The listener is Serve's to close, which takes
// what is waiting first.
func (l *listener) Close() error { return nil }

// admit makes inner a connection of the engine as soon as there is room. After
// a stop there is: it waits for nobody.
func (cs *conns) admit(inner net.Conn) *conn {
	c := &conn{Conn: inner, engine: cs.engine, conns: cs}
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if len(cs.open) >= cs.max && !cs.stopping {
		cs.engine.refusals.note(0, "all connections are taken", inner.RemoteAddr())
		for len(cs.open) >= cs.max && !cs.stopping {
			cs.makeRoomLocked()
		}
	}
	cs.open[c] = struct{}{}
	return c
}

// makeRoomLocked closes the connection that has been idle for longest, and
// waits for a change.
func (cs *conns) makeRoomLocked() {
	if oldest := cs.idle.Front(); oldest != nil {
		c := oldest.Value.(*conn)
		wait := time.Until(c.idleSince.Add(leastIdle))
		if wait > 0 {
			defer time.AfterFunc(wait, cs.changed.Broadcast).Stop()
		} else {
			cs.closeLocked(c)
		}
	}
	cs.changed.Wait()
}

// move puts c into another state, and says whether that is a legal move. It is
// not if c has been closed meanwhile.
func (cs *conns) move(c *conn, to state) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.moveLocked(c, to)
}

func (cs *conns) moveLocked(c *conn, to state) bool {
	legal := false
	for _, s := range moves[c.state] {
		legal = legal || s == to
	}
	if !legal {
		return false
	}
	if c.place != nil {
		cs.idle.Remove(c.place)
		c.place = nil
	}
	if c.state = to; to == stateIdle {
		c.idleSince = time.Now()
		c.place = cs.idle.PushBack(c)
		cs.changed.Broadcast()
	}
	return true
}

// serve puts c into stateServing, if it is not there yet, and says whether it
// is: it is not if it has been closed.
func (cs *conns) serve(c *conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return c.state == stateServing || cs.moveLocked(c, stateServing)
}

// stateOf returns c's state.
func (cs *conns) stateOf(c *conn) state {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return c.state
}

// setState hears from net/http what it does with a connection.
func (cs *conns) setState(inner net.Conn, s http.ConnState) {
	c := inner.(*conn)
	switch s {
	case http.StateActive: // not for a request that came with the one before
		cs.move(c, stateServing)
	case http.StateIdle:
		c.head, c.handled = 0, false
		cs.move(c, stateIdle)
	case http.StateClosed, http.StateHijacked:
		cs.remove(c)
	}
}

// remove forgets a connection that has ended.
func (cs *conns) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.moveLocked(c, stateClosed)
	delete(cs.open, c)
	cs.changed.Broadcast()
	cs.checkEmptyLocked()
}

func (cs *conns) checkEmptyLocked() {
	if cs.settled && len(cs.open) == 0 && !cs.ended {
		cs.ended = true
		close(cs.empty)
	}
}

// closeLocked closes c under the goroutine that reads from it.
func (cs *conns) closeLocked(c *conn) {
	if cs.moveLocked(c, stateClosed) {
		c.Conn.Close()
	}
}

// stop makes every answer from now on its connection's last one.
func (cs *conns) stop() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.stopping = true
	cs.changed.Broadcast()
}

func (cs *conns) isStopping() bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.stopping
}

// settle says that no connection comes any more.
func (cs *conns) settle() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.settled = true
	cs.checkEmptyLocked()
}

// closeIdle closes the connections whose clients are owed nothing, and have had
// their time to ask for something more. One whose answer had begun when the
// stop came was not told that it is the last.
func (cs *conns) closeIdle() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.open {
		if c.state == stateNew || c.state == stateIdle && time.Since(c.idleSince) >= idleGrace {
			cs.closeLocked(c)
		}
	}
}

// cut closes all connections, and returns how many requests that has cut off.
func (cs *conns) cut() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	requests := 0
	for c := range cs.open {
		if c.state == stateReading || c.state == stateServing {
			requests++
		}
		cs.closeLocked(c)
	}
	return requests
}

func (cs *conns) len() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}
