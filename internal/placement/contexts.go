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
	// maxBytes is what the questions of either may have together: what they
	// hand on is in the answers, and in the contexts, as well.
	maxBytes = 32 << 20
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
	asked   int                     // the bytes of these questions

	passing      []passing // the others, the oldest first
	passingBytes int
}

// A passing context has its number for a while only.
type passing struct {
	id    int
	bytes int // of the question that it is the answer to
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

// passingID returns a number that ctx, the answer to a question of so many
// bytes, has until thousands of others have come.
func (c *contexts) passingID(ctx *paste.Context, bytes int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.passing) > 0 && (len(c.passing) >= maxPassing || c.passingBytes+bytes > maxBytes) {
		oldest := c.passing[0]
		c.passing = c.passing[1:]
		c.passingBytes -= oldest.bytes
		delete(c.byID, oldest.id)
	}
	id := c.addLocked(ctx)
	c.passing = append(c.passing, passing{id, bytes})
	c.passingBytes += bytes
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

// full says whether the answer to a further question, of so many bytes, is not
// kept.
func (c *contexts) full(bytes int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answers) >= maxAnswers || c.asked+bytes > maxBytes
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
	c.asked += len(question)
	return answer
}
