package paste

import (
	"iter"
	"slices"
)

// A Conf is a configuration: values by name, in the order in which the names
// were first set, as a Python dict keeps them, each with the place where it
// stands. The zero value and a nil *Conf are empty; only the former may be set.
// It is safe for concurrent use as long as nobody sets. Decode reads its values
// into a struct.
type Conf struct {
	keys   []string
	values map[string]confValue
	// owner is the section whose options these are, and where its header
	// stands, if they are one's.
	owner  string
	header Position
}

// A confValue is one value of a Conf and where it came from.
type confValue struct {
	text    string
	pos     Position
	section string
}

// NewConf returns a Conf of pairs: a name, its value, a name, its value. A
// last name without a value has the empty one.
func NewConf(pairs ...string) *Conf {
	c := new(Conf)
	for pair := range slices.Chunk(pairs, 2) {
		c.Set(pair[0], append(pair, "")[1])
	}
	return c
}

// Get returns the value of key, and whether there is one.
func (c *Conf) Get(key string) (string, bool) {
	if c == nil {
		return "", false
	}
	v, ok := c.values[key]
	return v.text, ok
}

// Pos returns where the value of key stands. It is the zero Position for a
// value that stands in no file, such as "here", and for a key that is not set.
func (c *Conf) Pos(key string) Position {
	if c == nil {
		return Position{}
	}
	return c.values[key].pos
}

// Section returns the text between the brackets of the section where the value
// of key stands, which a `use` may have brought from another one: "app:main", or
// "DEFAULT". It is empty where Pos is the zero Position.
func (c *Conf) Section(key string) string {
	if c == nil {
		return ""
	}
	return c.values[key].section
}

// Set gives key a value that stands in no file. A key that is set already
// keeps its place.
func (c *Conf) Set(key, value string) {
	c.SetAt(key, value, Position{})
}

// SetAt is Set for a value that stands at pos.
func (c *Conf) SetAt(key, value string, pos Position) {
	c.set(key, confValue{text: value, pos: pos})
}

func (c *Conf) set(key string, value confValue) {
	if c.values == nil {
		c.values = make(map[string]confValue)
	}
	if _, ok := c.values[key]; !ok {
		c.keys = append(c.keys, key)
	}
	c.values[key] = value
}

// Delete takes key out, if it is there.
func (c *Conf) Delete(key string) {
	if _, ok := c.Get(key); !ok {
		return
	}
	delete(c.values, key)
	c.keys = slices.DeleteFunc(c.keys, func(k string) bool { return k == key })
}

// Update sets every key of other, in its order, as Python's dict.update does.
func (c *Conf) Update(other *Conf) {
	if other == nil || other == c {
		return
	}
	for _, key := range other.keys {
		c.set(key, other.values[key])
	}
}

// Len returns how many keys are set.
func (c *Conf) Len() int {
	if c == nil {
		return 0
	}
	return len(c.keys)
}

// Keys returns the keys in their order. The slice is the caller's.
func (c *Conf) Keys() []string {
	if c == nil {
		return nil
	}
	return slices.Clone(c.keys)
}

// All ranges over the keys and values in their order.
func (c *Conf) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if c == nil {
			return
		}
		for _, key := range c.keys {
			if !yield(key, c.values[key].text) {
				return
			}
		}
	}
}

// Clone returns a copy that shares nothing with c. The clone of a nil *Conf is
// an empty one.
func (c *Conf) Clone() *Conf {
	clone := new(Conf)
	if c != nil {
		clone.owner, clone.header = c.owner, c.header
	}
	clone.Update(c)
	return clone
}
