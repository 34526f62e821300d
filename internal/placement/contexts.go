package placement

import (
	"sync"

	"pasted/internal/marshal"
	"pasted/paste"
)

// What a plan remembers of the questions of its factories, which may ask at
// any time, and in each request for another thing.
const (
	maxAnswers = 4096 // kept for good: those of the load come first
	maxPassing = 4096 // contexts beyond, of which the oldest are forgotten
)

// contexts numbers the contexts that Python has been told of, so that a
// composite's factory there can ask for what its loader would find. The zero
// value has none.
type contexts struct {
	mu      sync.Mutex
	last    int
	byID    map[int]*paste.Context
	ids     map[*paste.Context]int  // of those that are kept for good
	answers map[string]marshal.Dict // by question, as marshal has it
	passing []int                   // a ring of the numbers of the others
	next    int                     // where the ring goes on
}

// id returns ctx's number, which it has for good.
func (c *contexts) id(ctx *paste.Context) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if id, ok := c.ids[ctx]; ok {
		return id
	}
	if c.ids == nil {
		c.ids = make(map[*paste.Context]int)
	}
	id := c.addLocked(ctx)
	c.ids[ctx] = id
	return id
}

// passingID returns a number that ctx has until maxPassing others have come.
func (c *contexts) passingID(ctx *paste.Context) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.addLocked(ctx)
	if len(c.passing) < maxPassing {
		c.passing = append(c.passing, id)
		return id
	}
	delete(c.byID, c.passing[c.next])
	c.passing[c.next] = id
	c.next = (c.next + 1) % maxPassing
	return id
}

func (c *contexts) addLocked(ctx *paste.Context) int {
	if c.byID == nil {
		c.byID = make(map[int]*paste.Context)
	}
	c.last++
	c.byID[c.last] = ctx
	return c.last
}

// get returns the context with a number, nil if there is none or no longer.
func (c *contexts) get(id int64) *paste.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.byID[int(id)]
}

// answer returns the answer to a question that has been answered before.
func (c *contexts) answer(question string) (marshal.Dict, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, ok := c.answers[question]
	return answer, ok
}

// full says whether no further answer is kept.
func (c *contexts) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers) >= maxAnswers
}

// keep keeps an answer, and returns the one that counts: that of whoever came
// first.
func (c *contexts) keep(question string, answer marshal.Dict) marshal.Dict {
	c.mu.Lock()
	defer c.mu.Unlock()
	if earlier, ok := c.answers[question]; ok {
		return earlier
	}
	if c.answers == nil {
		c.answers = make(map[string]marshal.Dict)
	}
	c.answers[question] = answer
	return answer
}
