package outcome

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"pasted/paste"
)

// An Object is a JSON object whose order counts.
type Object []Member

// A Member is a name and a value of an Object.
type Member struct {
	Key   string
	Value any
}

// Get returns the value of key, or nil.
func (o Object) Get(key string) any {
	for _, m := range o {
		if m.Key == key {
			return m.Value
		}
	}
	return nil
}

// text returns the value of key, and whether it is a string.
func (o Object) text(key string) (string, bool) {
	text, ok := o.Get(key).(string)
	return text, ok
}

// MarshalJSON writes o in its order.
func (o Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode(&b, m.Key, ""); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
		b.WriteByte(':')
		if err := encode(&b, m.Value, ""); err != nil {
			return nil, err
		}
		b.Truncate(b.Len() - 1)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// Write writes value to w as JSON and a newline, indented by a blank for each
// level, or all in one line.
func Write(w io.Writer, value any, inOneLine bool) error {
	if inOneLine {
		return encode(w, value, "")
	}
	return encode(w, value, " ")
}

func encode(w io.Writer, value any, indent string) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	out.SetIndent("", indent)
	return out.Encode(value)
}

// decodeObject reads one object, which holds Objects, []any, string, bool,
// json.Number and nil.
func decodeObject(data []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	value, err := decodeValue(d)
	if err != nil {
		return nil, err
	}
	object, ok := value.(Object)
	if _, err := d.Token(); !ok || err != io.EOF {
		return nil, fmt.Errorf("want one JSON object")
	}
	return object, nil
}

func decodeValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		object := Object{}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := decodeValue(d)
			if err != nil {
				return nil, err
			}
			object = append(object, Member{key.(string), value})
		}
		_, err = d.Token()
		return object, err
	}
	return token, nil
}

// conf returns a configuration as JSON has it.
func (s *Session) conf(c *paste.Conf) any {
	out := Object{}
	for key, value := range c.All() {
		out = append(out, Member{key, s.objects.plain(value)})
	}
	return out
}

// ObjectOf returns a value that encoding/json makes an object of as one.
func ObjectOf(value any) (Object, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return decodeObject(data)
}
