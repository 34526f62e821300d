package paste

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// A field is one of a struct that is decoded into.
type field struct {
	value reflect.Value
	tag   tag
	parser
}

// A tag is what a field's tag says.
type tag struct {
	name                     string
	required, global, secret bool
	least, most, port, oneOf string // empty: not given
}

var confType = reflect.TypeFor[*Conf]()

// isConf says whether the field takes options as they are.
func (f field) isConf() bool { return f.value.Type() == confType }

// fieldsOf returns the fields with a tag of the struct that into points to.
func fieldsOf(into any) ([]field, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("%T: want a pointer to a struct", into)
	}
	fields, err := structFields(v.Elem(), nil)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, f := range fields {
		if seen[f.tag.name] {
			return nil, fmt.Errorf("%s: want one field for %q", v.Elem().Type(), f.tag.name)
		}
		seen[f.tag.name] = true
	}
	return fields, nil
}

// structFields appends the fields of the struct v.
func structFields(v reflect.Value, fields []field) ([]field, error) {
	var err error
	for i := range v.NumField() {
		sf := v.Type().Field(i)
		text, ok := sf.Tag.Lookup("paste")
		switch {
		case ok:
			f, err := newField(v.Field(i), sf, text)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", v.Type(), sf.Name, err)
			}
			fields = append(fields, f)
		case sf.Anonymous && sf.Type.Kind() == reflect.Struct:
			if fields, err = structFields(v.Field(i), fields); err != nil {
				return nil, err
			}
		}
	}
	return fields, nil
}

func newField(v reflect.Value, sf reflect.StructField, text string) (field, error) {
	t, err := parseTag(text)
	if err != nil {
		return field{}, fmt.Errorf("tag %q: %w", text, err)
	}
	f := field{value: v, tag: t}
	switch {
	case !sf.IsExported():
		return field{}, errors.New("want an exported field")
	case f.isConf() != strings.HasSuffix(t.name, "*"):
		return field{}, errors.New(`want a *Conf for a name that ends with "*", and for no other`)
	case f.isConf():
		if (t != tag{name: t.name}) {
			return field{}, fmt.Errorf("tag %q: want the name alone", text)
		}
		return f, nil
	}
	if f.parser, err = parserOf(sf.Type, &t); err != nil {
		return f, err
	}
	for _, key := range []string{"min", "max", "port", "oneof"} {
		if *t.text(key) != "" {
			return f, fmt.Errorf("tag %q: %s means nothing for a %s", text, key, sf.Type)
		}
	}
	return f, nil
}

// parseTag reads a tag: a name, then what else there is to say, with commas
// between.
func parseTag(text string) (tag, error) {
	name, rest, more := strings.Cut(text, ",")
	t := tag{name: name}
	if name == "" {
		return t, errors.New("want the option's name first")
	}
	for more {
		var word string
		word, rest, more = strings.Cut(rest, ",")
		key, value, _ := strings.Cut(word, "=")
		switch into := t.text(key); {
		case into != nil && value != "":
			*into = value
		case word == "required":
			t.required = true
		case word == "global":
			t.global = true
		case word == "secret":
			t.secret = true
		default:
			return t, fmt.Errorf("%q: want required, global, secret, min=…, max=…, oneof=… or port=…", word)
		}
	}
	return t, nil
}

// text returns where the value of a key goes, or nil.
func (t *tag) text(key string) *string {
	switch key {
	case "min":
		return &t.least
	case "max":
		return &t.most
	case "port":
		return &t.port
	case "oneof":
		return &t.oneOf
	}
	return nil
}

// take returns a text of the tag and empties it, so that what is left is what
// the type has no use for.
func take(text *string) string {
	taken := *text
	*text = ""
	return taken
}
