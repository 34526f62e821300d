package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
	"pasted/python"
)

// A process is a Python process with its control connection. From run on, one
// goroutine reads the connection to its end and another writes what is posted.
type process struct {
	cfg     *Config
	group   *group
	control *net.UnixConn
	frames  *wire.Reader // of control
	// events carries what a process says of its own life: Hello, Loaded,
	// Ready and Failed, and a probe's answers. It is closed when the control
	// connection ends.
	events chan event
	// outbox holds frames that nobody waits for, see post.
	outbox  chan []byte
	greeted bool          // it has said Hello; read's own
	ended   chan struct{} // closed when the control connection has ended
	done    chan struct{} // closed when nothing of the process is left

	mu sync.Mutex // orders writes to control
}

// An event is a decoded frame about the life of a process.
type event struct {
	kind  wire.Kind
	value marshal.Dict
}

// eventsMost is how many events a process may have that nobody has read: more
// than one that keeps to the protocol ever has.
const eventsMost = 8

// outboxMost is how many posted frames wait for a process that does not read.
const outboxMost = 1024

func newProcess(cfg *Config, control *net.UnixConn) *process {
	return &process{
		cfg:     cfg,
		control: control,
		frames:  wire.NewReader(control, wire.MaxControl),
		events:  make(chan event, eventsMost),
		outbox:  make(chan []byte, outboxMost),
		ended:   make(chan struct{}),
		done:    make(chan struct{}),
	}
}

// run serves the control connection in goroutines of its own, which end, and
// close done, when the process and its group have been reaped.
func (p *process) run() {
	var wg sync.WaitGroup
	wg.Go(p.read)
	wg.Go(p.deliver)
	go func() {
		<-p.group.done
		finish(p.control)
		wg.Wait()
		close(p.done)
	}()
}

// post sends a frame without waiting for the process. It is lost when the
// process has not read for so long that others fill the outbox: such a one is
// killed sooner or later, and not drained.
func (p *process) post(frame []byte) {
	select {
	case p.outbox <- frame:
	default:
	}
}

// drain tells the process to end. It does not wait.
func (p *process) drain() { p.post(wire.AppendHead(nil, wire.Drain, 0, 0, 0, 0)) }

// askEach is how often a process is asked what it has imported.
const askEach = time.Second

// deliver writes what has been posted until the control connection ends, and
// asks what has been imported if anybody wants to know.
func (p *process) deliver() {
	var ask <-chan time.Time
	if p.cfg.Imported != nil {
		tick := time.NewTicker(askEach)
		defer tick.Stop()
		ask = tick.C
	}
	for {
		select {
		case <-ask:
			_ = p.write(wire.AppendHead(nil, wire.Files, 0, 0, 0, 0), nil)
		case frame := <-p.outbox:
			_ = p.write(frame, nil) // if it has gone, reading tells
		case <-p.ended:
			return
		}
	}
}

// send writes one frame whose payload is value in marshal's format.
func (p *process) send(kind wire.Kind, number uint64, value any, files ...*os.File) error {
	var payload []byte
	if value != nil {
		var err error
		if payload, err = p.encode(value); err != nil {
			return err
		}
	}
	frame := wire.Append(nil, wire.Frame{Kind: kind, Aux: uint16(len(files)), Number: number, Payload: payload})
	return p.write(frame, files)
}

// encode returns value in marshal's format as the process reads it.
func (p *process) encode(value any) ([]byte, error) {
	payload, err := marshal.Append(nil, value)
	if err == nil && p.cfg.Side == python.Python2 {
		return marshal.AppendPython2(nil, payload, marshal.UTF8)
	}
	return payload, err
}

func (p *process) write(frame []byte, files []*os.File) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(files) > 0 {
		return sendFiles(p.control, frame, files)
	}
	_, err := p.control.Write(frame)
	return err
}

// read takes frames off the control connection until it ends. A process that
// breaks it is killed; one that closes it ends by itself.
func (p *process) read() {
	err := p.readFrames()
	if !Ended(err) {
		p.cfg.Log.Error("control connection broken, killing its process", "err", err)
		p.kill()
	}
	_ = p.control.Close()
	close(p.ended)
	close(p.events)
}

func (p *process) readFrames() error {
	for {
		f, err := p.frames.Next()
		if err != nil {
			return err
		}
		if err := p.take(f); err != nil {
			return err
		}
	}
}

// take handles one frame.
func (p *process) take(f wire.Frame) error {
	switch f.Kind {
	case wire.Log:
		p.cfg.Output(p.output(f))
		return nil
	case wire.Pong:
		return nil
	case wire.Extend:
		return p.extend(f)
	case wire.Unsafe:
		return p.unsafe(f.Payload)
	case wire.Imported:
		return p.imported(f.Payload)
	case wire.Resolve:
		question, err := decodeDict(f.Payload)
		if err != nil {
			return fmt.Errorf("resolve: %w", err)
		}
		return p.send(wire.Answer, f.Number, p.cfg.Resolve(question))
	case wire.Hello, wire.Loaded, wire.Failed, wire.Ready, wire.Found:
		return p.note(f)
	default:
		return fmt.Errorf("frame of kind %#x on a control connection", f.Kind)
	}
}

// extend passes on that a request may take longer.
func (p *process) extend(f wire.Frame) error {
	if len(f.Payload) != 8 {
		return fmt.Errorf("extend: %d bytes, want 8", len(f.Payload))
	}
	micros := min(binary.LittleEndian.Uint64(f.Payload), uint64(longestExtension/time.Microsecond))
	if p.cfg.Extend != nil {
		p.cfg.Extend(f.Number, time.Duration(micros)*time.Microsecond)
	}
	return nil
}

// longestExtension is what a request may be given at a time.
const longestExtension = 365 * 24 * time.Hour

// imported passes on the names of files. Those that are no absolute paths are
// left out.
func (p *process) imported(payload []byte) error {
	value, _, err := marshal.Decode(payload, marshal.Limits{})
	if err != nil {
		return fmt.Errorf("imported: %w", err)
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("imported: want a list, got %T", value)
	}
	var files []string
	for _, name := range list {
		if s, ok := name.(string); ok && filepath.IsAbs(s) {
			files = append(files, s)
		}
	}
	if p.cfg.Imported != nil {
		p.cfg.Imported(files)
	}
	return nil
}

// unsafe passes on what does not survive a fork.
func (p *process) unsafe(payload []byte) error {
	value, _, err := marshal.Decode(payload, marshal.Limits{})
	if err != nil {
		return fmt.Errorf("unsafe: %w", err)
	}
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("unsafe: want a list, got %T", value)
	}
	for _, item := range list {
		if d, ok := item.(marshal.Dict); ok && p.cfg.Unsafe != nil {
			p.cfg.Unsafe(Finding{Kind: str(d, "kind"), Name: str(d, "name"), Detail: str(d, "detail")})
		}
	}
	return nil
}

// note passes an event on to whoever waits for it.
func (p *process) note(f wire.Frame) error {
	if f.Kind == wire.Hello {
		if p.greeted {
			return errors.New("a second Hello")
		}
		p.greeted = true
	}
	value, err := decodeDict(f.Payload)
	if err != nil {
		return fmt.Errorf("frame of kind %#x: %w", f.Kind, err)
	}
	select {
	case p.events <- event{f.Kind, value}:
		return nil
	default:
		return fmt.Errorf("frame of kind %#x: more news than anyone waits for", f.Kind)
	}
}

// dropEvents forgets what has come too late for those whom it was about.
func (p *process) dropEvents() {
	for {
		select {
		case _, ok := <-p.events:
			if !ok {
				return
			}
		default:
			return
		}
	}
}

// decodeDict reads a payload that is one marshal dictionary; an empty payload
// is an empty one.
func decodeDict(payload []byte) (marshal.Dict, error) {
	if len(payload) == 0 {
		return nil, nil
	}
	value, rest, err := marshal.Decode(payload, marshal.Limits{})
	if err != nil {
		return nil, err
	}
	dict, ok := value.(marshal.Dict)
	if !ok || len(rest) > 0 {
		return nil, fmt.Errorf("want one dict, got %T and %d bytes", value, len(rest))
	}
	return dict, nil
}

// kill ends the process and all that it has started.
func (p *process) kill() {
	if p.group != nil {
		p.group.signal(syscall.SIGKILL)
	}
}

func str(d marshal.Dict, key string) string {
	v, _ := d.Get(key)
	s, _ := v.(string)
	return s
}

// dict returns the dictionary under key, an empty one if there is none.
func dict(d marshal.Dict, key string) marshal.Dict {
	v, _ := d.Get(key)
	inner, _ := v.(marshal.Dict)
	return inner
}

func integer(d marshal.Dict, key string) int {
	v, _ := d.Get(key)
	n, _ := v.(int64)
	return int(n)
}
