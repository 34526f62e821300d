package worker

import (
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"pasted/internal/marshal"
	"pasted/internal/wire"
)

// A process is a Python process with its control connection. One goroutine
// reads the connection from start to end.
type process struct {
	cfg     *Config
	group   *group
	control *net.UnixConn
	frames  *wire.Reader // of control
	// events carries what a process says of its own life: Hello, Loaded,
	// Ready and Failed. It is closed when the control connection ends.
	events chan event

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

func newProcess(cfg *Config, control *net.UnixConn) *process {
	return &process{
		cfg:     cfg,
		control: control,
		frames:  wire.NewReader(control, wire.MaxControl),
		events:  make(chan event, eventsMost),
	}
}

// send writes one frame whose payload is value in marshal's format.
func (p *process) send(kind wire.Kind, number uint64, value any, files ...*os.File) error {
	var payload []byte
	if value != nil {
		var err error
		if payload, err = marshal.Append(nil, value); err != nil {
			return err
		}
	}
	frame := wire.Append(nil, wire.Frame{Kind: kind, Aux: uint16(len(files)), Number: number, Payload: payload})
	return p.write(frame, files)
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

// read takes frames off the control connection until it ends, and then ends
// what is left of the process: without the connection nobody can steer it.
func (p *process) read() {
	err := p.readFrames()
	if !Ended(err) {
		p.cfg.Log.Error("control connection broken, killing its process", "err", err)
		p.kill()
	}
	_ = p.control.Close()
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

// leftBehind is how long a connection whose worker has gone may stay open: the
// worker's last words are read, and someone else who holds the other end, a
// daemon that the application has started, is not waited for.
const leftBehind = time.Second

// finish bounds what is still read from the control connection of a process
// that has gone.
func (p *process) finish() { _ = p.control.SetReadDeadline(time.Now().Add(leftBehind)) }

// take handles one frame.
func (p *process) take(f wire.Frame) error {
	switch f.Kind {
	case wire.Log:
		p.cfg.Output(f.Number, int(f.Aux), string(f.Payload))
		return nil
	case wire.Pong:
		return nil
	case wire.Resolve:
		question, err := decodeDict(f.Payload)
		if err != nil {
			return fmt.Errorf("resolve: %w", err)
		}
		return p.send(wire.Answer, f.Number, p.cfg.Resolve(question))
	case wire.Hello, wire.Loaded, wire.Failed, wire.Ready:
		return p.note(f)
	default:
		return fmt.Errorf("frame of kind %#x on a control connection", f.Kind)
	}
}

// note passes an event on to whoever waits for it.
func (p *process) note(f wire.Frame) error {
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
