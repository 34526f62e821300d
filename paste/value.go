package paste

import (
	"encoding"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"pasted/internal/setting"
)

// A Size is a number of bytes.
type Size int64

// An Address is where to listen or to connect: "host:port", "[v6]:port",
// ":port" or "*:port", or "unix:/path".
type Address struct {
	Host string // empty: every address of this machine
	Port int    // 0 to 65535; 0 lets the system choose where one listens
	Path string // of a Unix socket; not empty, Host and Port mean nothing
}

// Network returns what net.Listen and net.Dial take.
func (a Address) Network() (network, address string) { return setting.Address(a).Network() }

// String returns the address as a file has it.
func (a Address) String() string { return setting.Address(a).String() }

// A parser reads the text of a field's option.
type parser struct {
	parse func(text string) (reflect.Value, error)
	// quotes says that parse's errors may show a part of the text.
	quotes bool
}

// wanted says what stands where something required does not.
func (p parser) wanted() string {
	if _, err := p.parse(""); err != nil && !p.quotes {
		return err.Error()
	}
	return "want a value"
}

// typed makes a parser of values of type t.
func typed[T any](t reflect.Type, read func(text string) (T, error)) parser {
	return parser{parse: func(text string) (reflect.Value, error) {
		v, err := read(text)
		return reflect.ValueOf(v).Convert(t), err
	}}
}

// parserOf returns the parser of values of type t. It takes of the tag what it
// has a use for.
func parserOf(t reflect.Type, tag *tag) (parser, error) {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return durationParser(t, tag)
	case t == reflect.TypeFor[Size]():
		return sizeParser(t, tag)
	case t == reflect.TypeFor[Address]():
		return addressParser(t, tag)
	case t == reflect.TypeFor[fs.FileMode]():
		return typed(t, setting.Mode), nil
	case t == reflect.TypeFor[url.URL]():
		return typed(t, parseURL), nil
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return unmarshaler(t), nil
	}
	switch t.Kind() {
	case reflect.Bool:
		return typed(t, setting.Bool), nil
	case reflect.String:
		return stringParser(t, tag), nil
	case reflect.Float32, reflect.Float64:
		return floatParser(t, tag)
	case reflect.Pointer:
		return pointerParser(t, tag)
	case reflect.Slice:
		return sliceParser(t, tag)
	}
	return intParser(t, tag)
}

// bounds reads the tag's min and max, which have these values where they are
// not given.
func bounds[T any](tag *tag, least, most T, read func(text string) (T, error)) (T, T, error) {
	var err error
	for _, bound := range []struct {
		text string
		into *T
	}{{take(&tag.least), &least}, {take(&tag.most), &most}} {
		if bound.text == "" {
			continue
		}
		if *bound.into, err = read(bound.text); err != nil {
			return least, most, fmt.Errorf("min or max %q: %w", bound.text, err)
		}
	}
	return least, most, nil
}

func durationParser(t reflect.Type, tag *tag) (parser, error) {
	least, most, err := bounds(tag, 0, math.MaxInt64, func(text string) (time.Duration, error) {
		return setting.Duration(text, math.MinInt64, math.MaxInt64)
	})
	return typed(t, func(text string) (time.Duration, error) { return setting.Duration(text, least, most) }), err
}

func sizeParser(t reflect.Type, tag *tag) (parser, error) {
	least, most, err := bounds(tag, 0, math.MaxInt64, func(text string) (int64, error) {
		return setting.Size(text, 0, math.MaxInt64)
	})
	return typed(t, func(text string) (int64, error) { return setting.Size(text, least, most) }), err
}

func addressParser(t reflect.Type, tag *tag) (parser, error) {
	port := 0
	if text := take(&tag.port); text != "" {
		var err error
		if port, err = setting.Int(text, 1, math.MaxUint16); err != nil {
			return parser{}, fmt.Errorf("port %q: %w", text, err)
		}
	}
	return typed(t, func(text string) (setting.Address, error) { return setting.ParseAddress(text, port) }), nil
}

// parseURL reads an absolute URL of a host.
func parseURL(text string) (url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return url.URL{}, errors.New("want a URL, such as http://localhost:8080/path")
	}
	return *u, nil
}

// unmarshaler has the type itself read the text. What its errors show is not
// known.
func unmarshaler(t reflect.Type) parser {
	return parser{quotes: true, parse: func(text string) (reflect.Value, error) {
		v := reflect.New(t)
		err := v.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
		return v.Elem(), err
	}}
}

func stringParser(t reflect.Type, tag *tag) parser {
	words := setting.List(take(&tag.oneOf))
	return typed(t, func(text string) (string, error) {
		if len(words) == 0 {
			return text, nil
		}
		return setting.OneOf(text, words...)
	})
}

func floatParser(t reflect.Type, tag *tag) (parser, error) {
	highest := math.Inf(1)
	if t.Kind() == reflect.Float32 {
		highest = math.MaxFloat32
	}
	least, most, err := bounds(tag, -highest, highest, func(text string) (float64, error) {
		return setting.Float(text, -highest, highest)
	})
	return typed(t, func(text string) (float64, error) { return setting.Float(text, least, most) }), err
}

// intParser reads whole numbers of every kind, those beyond an int of none.
func intParser(t reflect.Type, tag *tag) (parser, error) {
	var least, most int
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		narrower := max(strconv.IntSize-t.Bits(), 0)
		least, most = math.MinInt>>narrower, math.MaxInt>>narrower
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		most = int(uint(math.MaxUint) >> max(strconv.IntSize-t.Bits(), 1))
	default:
		return parser{}, fmt.Errorf("type %s: want one that an option can be read into", t)
	}
	kindLeast, kindMost := least, most
	least, most, err := bounds(tag, least, most, func(text string) (int, error) {
		return setting.Int(text, kindLeast, kindMost)
	})
	return typed(t, func(text string) (int, error) { return setting.Int(text, least, most) }), err
}

func pointerParser(t reflect.Type, tag *tag) (parser, error) {
	element, err := parserOf(t.Elem(), tag)
	return parser{quotes: element.quotes, parse: func(text string) (reflect.Value, error) {
		v, err := element.parse(text)
		if err != nil {
			return v, err
		}
		p := reflect.New(t.Elem())
		p.Elem().Set(v)
		return p, nil
	}}, err
}

// sliceParser reads the words of a text; of several the wrong one is named.
func sliceParser(t reflect.Type, tag *tag) (parser, error) {
	if kind := t.Elem().Kind(); kind == reflect.Slice || kind == reflect.Pointer {
		return parser{}, fmt.Errorf("type %s: want no slices or pointers in a slice", t)
	}
	element, err := parserOf(t.Elem(), tag)
	return parser{quotes: true, parse: func(text string) (reflect.Value, error) {
		if t.Elem() == reflect.TypeFor[Address]() {
			text = strings.ReplaceAll(text, ",", " ")
		}
		words := setting.List(text)
		values := reflect.MakeSlice(t, len(words), len(words))
		for i, word := range words {
			v, err := element.parse(word)
			if err != nil && len(words) > 1 {
				err = fmt.Errorf("%s: %w", strconv.Quote(word), err)
			}
			if err != nil {
				return values, err
			}
			values.Index(i).Set(v)
		}
		return values, nil
	}}, err
}
