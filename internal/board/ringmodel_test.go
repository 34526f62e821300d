package board_test

import (
	"cmp"
	"slices"
	"testing"
)

// The ring's model is one lane with a ring of three bytes. Its worker puts a run of
// three pieces there, sends a frame of another kind, and puts a run of two; a piece
// is a byte, its value the piece's number in the answer. The worker's stores are
// held back as in the other model. A frame is one of them that is seen behind all
// before it, as what a system call hands over is, and holds none behind it back.

const (
	ringBytes = 3
	ringMost  = 5 // stores that are held back at most
)

// A ringVariant is the protocol, or what it would be with a mistake in it.
type ringVariant struct {
	name     string
	scramble bool // the worker's stores become visible in any order, not in theirs
	bare     bool // no fence between a piece's bytes and tail
	noFence  bool // … between tail and the look at asleep
	unfenced bool // … behind the begin of a run
	lazy     bool // the server's store of asleep is not waited for
	trusting bool // the server does not look again when it has stored asleep
	early    bool // the server reads run before tail
	hasty    bool // the server stores freed before it has passed the bytes on
	reused   bool // both runs have one name
	untold   bool // no frame tells of a run's end
	late     bool // asleep is made 0 behind the frame
	blind    bool // the worker does not look at freed
	broken   bool // and so something must go wrong
}

// Words of the memory; ringFrame is none, but the lane.
const ringRun, ringTail, ringFreed, ringAsleep, ringByte, ringFrame = 0, 1, 2, 3, 4, -1

// A ringStore may be a frame: up to the place value in the run that begins at begin,
// or, where that is 0, of another kind with the piece value.
type ringStore struct{ word, value, begin int8 }

// What the worker does next.
const (
	opStore = iota // or sends a frame
	opTell         // the same, if asleep is 1
	opFence
	opRoom  // waits until the place value may be written
	opPause // goes on, or never puts anything behind the piece value
)

type ringOp struct {
	kind, value int8
	stores      []ringStore
}

// What the server looks at next, or does, as lane.takeShared and board.Ring have it.
const atLane, atBytes, atTail, atRun, atAsk, atArm = 0, 1, 2, 3, 4, 5

// A ringState is comparable, so that each is walked through once.
type ringState struct {
	memory [ringByte + ringBytes]int8
	held   [ringMost]ringStore // of the worker, the oldest first
	count  int8                // of held
	frames [10]ringStore
	sent   int8
	pc     int8
	paused int8 // behind which piece; 0: it is not

	step, read int8 // of the server, and frames that it has read
	begin, end int8 // the run that it is in, and the place that it takes bytes up to
	at, out    int8 // what lies before at has been taken, and is out the last piece
	looked     int8 // tail, or run, as it has been read
	armed      bool // it looks for the second time
	delayed    bool // its store of asleep is held back
}

// program is what the worker does, from begin to end.
func (v ringVariant) program() (all []ringOp) {
	add := func(kind, value int8, stores ...ringStore) { all = append(all, ringOp{kind, value, stores}) }
	store := func(word, value int8) { add(opStore, 0, ringStore{word: word, value: value}) }
	unless := func(left bool, kind, value int8) {
		if !left {
			add(kind, value)
		}
	}
	place, number := int8(1), int8(1)
	run := func(pieces int) {
		begin := place
		if v.reused {
			begin = 1
		}
		store(ringRun, begin)
		unless(v.unfenced, opFence, 0)
		for i := range pieces {
			unless(v.blind, opRoom, place)
			store(ringByte+place%ringBytes, number)
			place++
			told := []ringStore{{ringAsleep, 0, 0}, {ringFrame, place, begin}}
			if v.late {
				slices.Reverse(told)
			}
			unless(v.bare || i == 0, opFence, 0)
			store(ringTail, place)
			if i == 0 {
				add(opStore, 0, told...)
			} else {
				unless(v.noFence, opFence, 0)
				add(opTell, 0, told...)
			}
			add(opPause, number)
			number++
		}
		if store(ringRun, 0); !v.untold {
			add(opStore, 0, ringStore{ringFrame, place, begin})
		}
	}
	run(3)
	add(opStore, 0, ringStore{word: ringFrame, value: number})
	number++
	run(2)
	return all
}

// next returns the states that one step leads to.
func (v ringVariant) next(s ringState, program []ringOp) (all []ringState) {
	for i, st := range s.held[:s.count] {
		if i == 0 || v.scramble && st.word != ringFrame &&
			!slices.ContainsFunc(s.held[:i], func(before ringStore) bool { return before.word == st.word }) {
			all = append(all, s.drain(i))
		}
	}
	if s.delayed {
		t := s
		t.memory[ringAsleep], t.delayed = 1, false
		all = append(all, t)
	}
	if int(s.pc) < len(program) && s.paused == 0 {
		op := program[s.pc]
		if t, ok := s.work(op); ok {
			all = append(all, t)
		}
		if op.kind == opPause {
			t := s
			t.paused = op.value
			all = append(all, t)
		}
	}
	if t, ok := v.serve(s); ok {
		all = append(all, t)
	}
	return all
}

// drain has the store at i become visible.
func (s ringState) drain(i int) ringState {
	if st := s.held[i]; st.word != ringFrame {
		s.memory[st.word] = st.value
	} else {
		s.frames[s.sent] = st
		s.sent++
	}
	copy(s.held[i:], s.held[i+1:])
	s.count--
	s.held[s.count] = ringStore{}
	return s
}

// work is the worker's step; ok is false where it has to wait.
func (s ringState) work(op ringOp) (t ringState, ok bool) {
	s.pc++
	switch op.kind {
	case opPause:
		return s, true
	case opFence:
		return s, s.count == 0
	case opRoom:
		return s, op.value-s.memory[ringFreed] < ringBytes
	case opTell:
		if s.memory[ringAsleep] == 0 {
			return s, true
		}
	}
	if int(s.count)+len(op.stores) > ringMost {
		return s, false
	}
	s.count += int8(copy(s.held[s.count:], op.stores))
	return s, true
}

// serve is the server's step; ok is false where it has to wait.
func (v ringVariant) serve(s ringState) (t ringState, ok bool) {
	run, tail := s.memory[ringRun], s.memory[ringTail]
	switch s.step {
	case atLane:
		if s.read == s.sent {
			return s, false
		}
		f := s.frames[s.read]
		if s.read++; f.begin == 0 {
			s.pass(f.value)
			return s, true
		}
		s.begin = f.begin
		s.takeUpTo(f.value, v.hasty)
	case atBytes:
		if s.at >= s.end {
			s.memory[ringFreed], s.step = s.at, atTail
			return s, true
		}
		s.pass(s.memory[ringByte+s.at%ringBytes])
		s.at++
	case atTail:
		if s.looked, s.step = tail, atRun; v.early {
			s.looked = run
		}
	case atRun:
		if tail = s.looked; v.early {
			run, tail = s.looked, s.memory[ringTail]
		}
		switch s.looked = 0; {
		case run == s.begin && tail > s.at:
			s.takeUpTo(tail, v.hasty)
		case s.armed:
			s.step = atLane
		default:
			s.step = atAsk
		}
		s.armed = false
	case atAsk:
		if s.step = atLane; run == s.begin {
			s.step = atArm
		}
	case atArm:
		if s.delayed {
			return s, false
		}
		if s.delayed = v.lazy; !v.lazy {
			s.memory[ringAsleep] = 1
		}
		if s.step, s.armed = atTail, true; v.trusting {
			s.step, s.armed = atLane, false
		}
	}
	return s, true
}

func (s *ringState) takeUpTo(end int8, hasty bool) {
	if s.end, s.step = end, atBytes; hasty && end > s.at {
		s.memory[ringFreed] = end
	}
}

// pass has the client get a piece.
func (s *ringState) pass(number int8) {
	if s.out++; s.out != number {
		s.out = -1
	}
}

// wrong says what must never be, or, in a last state, must be.
func (s ringState) wrong(last bool) string {
	switch {
	case s.out < 0:
		return "a piece comes out of turn, twice or before it is there"
	case last && s.out != cmp.Or(s.paused, 6):
		return "a wake-up is lost"
	}
	return ""
}

// explore returns how many states there are, and the first thing that is wrong.
func (v ringVariant) explore() (states int, wrong string) {
	start, program := ringState{at: 1}, v.program()
	start.memory[ringFreed] = 1
	seen, todo := map[ringState]bool{}, []ringState{start}
	for len(todo) > 0 && wrong == "" {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[s] {
			continue
		}
		seen[s] = true
		next := v.next(s, program)
		wrong = s.wrong(len(next) == 0)
		todo = append(todo, next...)
	}
	return len(seen), wrong
}

// TestNoOrderOfStepsLosesBytesOfARing knows that it looks, as the other model's does.
func TestNoOrderOfStepsLosesBytesOfARing(t *testing.T) {
	for _, v := range []ringVariant{
		{name: "stores in their order", bare: true},
		{name: "stores in any order", scramble: true},
		{name: "stores in any order, no fence between bytes and tail", scramble: true, bare: true, broken: true},
		{name: "stores in any order, no fence behind a run's begin", scramble: true, unfenced: true, broken: true},
		{name: "no fence between tail and asleep", bare: true, noFence: true, broken: true},
		{name: "no fence in the server", bare: true, lazy: true, broken: true},
		{name: "the server does not look again", bare: true, trusting: true, broken: true},
		{name: "run read before tail", bare: true, early: true, broken: true},
		{name: "freed stored too early", bare: true, hasty: true, broken: true},
		{name: "a run's name used again", bare: true, reused: true, broken: true},
		{name: "no word of a run's end", bare: true, untold: true, broken: true},
		{name: "asleep made 0 behind the frame", bare: true, late: true, broken: true},
		{name: "freed not looked at", bare: true, blind: true, broken: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			judge(t, v.explore, v.broken)
		})
	}
}
