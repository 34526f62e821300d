package board_test

import (
	"slices"
	"testing"
)

// The model is one lane with requests 1 to modelRequests that have been sent, a
// worker and a server that take the steps of the protocol, and a memory that
// holds stores back as processors do. explore walks through every order of these
// steps, with the worker standing still anywhere and dying anywhere.

const (
	modelRequests = 3
	modelRevokes  = 2 // at most
	storesMost    = 4 // of the worker's are held back: a processor's buffer is finite too
)

// A variant is the protocol, or what it would be with a mistake in it.
type variant struct {
	name     string
	scramble bool // the worker's stores become visible in any order, not in theirs
	noFence  bool // the worker reads revoked without a fence
	lazy     bool // the server's store of revoked is not waited for
	lookLate bool // the worker looks at revoked before it stores started
	hasty    bool // the server reads the slots before the process has gone
	blind    bool // the server takes what stands in skipped for begun, after a death
	tardy    bool // the worker stores entered when it has called the application
	eager    bool // … before it looks at revoked
	coarse   bool // the server takes what has begun for entered, after a death
	mild     bool // the server counts a death for what was entered alone
	broken   bool // and so something must go wrong
}

// Words of the memory.
const (
	wordStarted = iota
	wordSkipped
	wordEntered
	wordRevoked
	words
)

// What the worker does next.
const (
	pcStore = iota
	pcFence
	pcLook
	pcEnter
	pcCall
	pcAnswer
	pcSkip
	pcSkipped
	pcDone
)

// What has become of a request.
const (
	waiting   = iota
	answered  // by the worker
	elsewhere // given to another worker, which calls the application
	lost      // its client got 502
)

// Whether the process may have died of a request.
const (
	untried = iota
	charged
	acquitted
)

// A store is one that other processors do not see yet.
type store struct{ word, value int8 }

// A state is comparable, so that each is walked through once.
type state struct {
	memory  [words]int8
	worker  [storesMost + 1]store // held back, the oldest first
	held    int8
	server  [1]store
	delayed int8 // of server

	pc, current  int8
	looked       int8 // revoked, as lookLate has read it
	dead, judged bool
	calls        [modelRequests + 1]int8 // of the application, by this worker
	frames       [modelRequests]int8     // that it has sent: a number, or minus one that was skipped
	sent, read   int8

	revoking, reading int8 // the number, and whether started is to be read for it
	revokes           int8
	fate              [modelRequests + 1]int8
	verdict           [modelRequests + 1]int8 // of the server, after a death
}

func first() state { return state{current: 1} }

// next returns the states that one step leads to.
func (v variant) next(s state) (all []state) {
	all = append(all, v.drain(s)...)
	if !s.dead {
		all = append(all, v.work(s)...)
		dead := s // what it has stored is seen by all when it has been reaped
		for _, st := range dead.worker[:dead.held] {
			dead.memory[st.word] = st.value
		}
		dead.dead, dead.held, dead.worker = true, 0, first().worker
		all = append(all, dead)
	}
	return append(all, v.serve(s)...)
}

// drain has one store that is held back become visible.
func (v variant) drain(s state) (all []state) {
	for i := range s.held {
		if i > 0 && (!v.scramble || slices.ContainsFunc(s.worker[:i], func(st store) bool { return st.word == s.worker[i].word })) {
			break
		}
		t := s
		t.memory[t.worker[i].word] = t.worker[i].value
		copy(t.worker[i:], t.worker[i+1:])
		t.held--
		t.worker[t.held] = store{}
		all = append(all, t)
	}
	if s.delayed > 0 {
		t := s
		t.memory[t.server[0].word] = t.server[0].value
		t.delayed, t.server[0] = 0, store{}
		all = append(all, t)
	}
	return all
}

func (s *state) put(word, value int8) {
	s.worker[s.held] = store{word, value}
	s.held++
}

// work is a step of the worker's.
func (v variant) work(s state) []state {
	n := s.current
	switch s.pc {
	case pcStore:
		s.looked = s.memory[wordRevoked]
		s.put(wordStarted, n)
		if v.eager {
			s.put(wordEntered, n)
		}
		s.pc = pcFence
	case pcFence:
		if s.held > 0 && !v.noFence {
			return nil
		}
		s.pc = pcLook
	case pcLook:
		if !v.lookLate {
			s.looked = s.memory[wordRevoked]
		}
		s.pc = pcEnter
		if s.looked >= n {
			s.pc = pcSkip
		}
	case pcEnter, pcCall:
		switch {
		case (s.pc == pcCall) != v.tardy:
			s.calls[n]++
		case !v.eager:
			s.put(wordEntered, n)
		}
		s.pc++
	case pcSkip:
		s.put(wordSkipped, n)
		s.pc = pcSkipped
	case pcAnswer, pcSkipped:
		s.frames[s.sent] = n
		if s.pc == pcSkipped {
			s.frames[s.sent] = -n
		}
		s.sent++
		s.current++
		s.pc = pcStore
		if s.current > modelRequests {
			s.pc = pcDone
		}
	default:
		return nil
	}
	if s.held > storesMost {
		return nil
	}
	return []state{s}
}

// serve is each step that the server may take.
func (v variant) serve(s state) (all []state) {
	if s.read < s.sent {
		t := s
		n := t.frames[t.read]
		t.read++
		switch {
		case n > 0:
			t.fate[n] = answered
		case t.fate[-n] == waiting:
			t.fate[-n] = elsewhere
		}
		all = append(all, t)
	}
	if s.judged {
		return all
	}
	if s.reading != 0 {
		t := s
		t.giveBack(t.memory[wordStarted], t.revoking)
		t.reading = 0
		return append(all, t)
	}
	if s.revokes < modelRevokes {
		for n := s.revoking + 1; n <= modelRequests; n++ {
			t := s
			t.revokes++
			t.revoking, t.reading = n, 1
			if v.lazy {
				t.server[0], t.delayed = store{wordRevoked, n}, 1
			} else {
				t.memory[wordRevoked] = n
			}
			all = append(all, t)
		}
	}
	if (s.dead || v.hasty) && s.read == s.sent {
		t := s
		t.judge(v)
		all = append(all, t)
	}
	return all
}

// giveBack takes the requests above started, up to n, for the server's again.
func (s *state) giveBack(started, n int8) {
	for i := started + 1; i <= n; i++ {
		if s.fate[i] == waiting {
			s.fate[i] = elsewhere
		}
	}
}

// judge is what the server concludes after the death.
func (s *state) judge(v variant) {
	s.judged = true
	for i := int8(1); i <= modelRequests; i++ {
		if s.fate[i] != waiting {
			continue
		}
		begun := i <= s.memory[wordStarted] && (v.blind || i != s.memory[wordSkipped])
		reached := i <= s.memory[wordEntered]
		s.fate[i], s.verdict[i] = elsewhere, acquitted
		if reached || v.coarse && begun {
			s.fate[i] = lost
		}
		if reached || begun && !v.mild {
			s.verdict[i] = charged
		}
	}
}

// wrong says what must never be, or, in a last state, must be.
func (s state) wrong(last bool) string {
	for i := 1; i <= modelRequests; i++ {
		calls := s.calls[i]
		if s.fate[i] == elsewhere {
			calls++
		}
		switch {
		case calls > 1:
			return "the application is called twice"
		case s.fate[i] == answered && s.calls[i] != 1:
			return "answered without a call"
		case last && s.fate[i] == waiting:
			return "a request is forgotten"
		case s.fate[i] == lost && !s.dead:
			return "lost without a death"
		case s.fate[i] == lost && !s.within(i, pcCall, pcAnswer):
			return "lost although not entered"
		case s.verdict[i] == charged && !s.within(i, pcFence, pcSkip):
			return "a death counted that it had no part in"
		case s.verdict[i] == acquitted && s.within(i, pcFence, pcAnswer):
			return "a death that it may have caused is not counted"
		}
	}
	return ""
}

// within says whether the worker is at request i, or was when it died, and at one
// of these places.
func (s state) within(i int, from, to int8) bool {
	return s.current == int8(i) && s.pc >= from && s.pc <= to
}

// explore returns how many states there are, and the first thing that is wrong.
func (v variant) explore() (states int, wrong string) {
	seen := map[state]bool{first(): true}
	todo := []state{first()}
	for len(todo) > 0 {
		s := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		next := v.next(s)
		if w := s.wrong(len(next) == 0); w != "" {
			return len(seen), w
		}
		for _, t := range next {
			if !seen[t] {
				seen[t] = true
				todo = append(todo, t)
			}
		}
	}
	return len(seen), ""
}

// TestNoOrderOfStepsLosesOrRepeatsARequest also has mistakes in the protocol
// found, so that it is known to look.
func TestNoOrderOfStepsLosesOrRepeatsARequest(t *testing.T) {
	for _, v := range []variant{
		{name: "stores in their order"},
		{name: "stores in any order", scramble: true},
		{name: "no fence in the worker", noFence: true, broken: true},
		{name: "no fence in the server", lazy: true, broken: true},
		{name: "worker looks too early", lookLate: true, broken: true},
		{name: "slots read while the process lives", hasty: true, broken: true},
		{name: "skipped not looked at", blind: true, broken: true},
		{name: "entered stored after the call", tardy: true, broken: true},
		{name: "entered stored before revoked is read", eager: true, broken: true},
		{name: "all that has begun taken for entered", coarse: true, broken: true},
		{name: "only what was entered counted", mild: true, broken: true},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			judge(t, v.explore, v.broken)
		})
	}
}

// judge explores a model, in which something must go wrong if it is broken, and
// nothing else.
func judge(t *testing.T, explore func() (states int, wrong string), broken bool) {
	t.Helper()
	states, wrong := explore()
	t.Logf("%d states, wrong: %q", states, wrong)
	if (wrong != "") != broken || !broken && states < 1000 {
		t.Errorf("%d states, wrong: %q, want broken %v", states, wrong, broken)
	}
}
