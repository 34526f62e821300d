package outcome

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"pasted/internal/marshal"
)

// objects are values passed in that are not text. Within paste, which hands
// values on without a look at them, each is a text that stands for it.
type objects struct {
	values []any
}

const (
	objectBegin = "\x00object "
	objectEnd   = "\x00"
)

// hide returns text as it is, and for anything else what stands for it.
func (o *objects) hide(value any) string {
	if text, ok := value.(string); ok {
		return text
	}
	o.values = append(o.values, value)
	return fmt.Sprint(objectBegin, len(o.values)-1, objectEnd)
}

// plain returns what text stands for: mostly itself.
func (o *objects) plain(text string) any {
	rest, ok := strings.CutPrefix(text, objectBegin)
	if !ok {
		return text
	}
	n, err := strconv.Atoi(strings.TrimSuffix(rest, objectEnd))
	if err != nil || n < 0 || n >= len(o.values) {
		return text
	}
	return o.values[n]
}

// foreign is paste.Options.Foreign.
func (o *objects) foreign(text string) (typeName string, isFalse, ok bool) {
	switch value := o.plain(text).(type) {
	case nil:
		return "NoneType", true, true
	case bool:
		return "bool", !value, true
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			f, _ := value.Float64()
			return "float", f == 0, true
		}
		return "int", value == "0" || value == "-0", true
	case []any:
		return "list", len(value) == 0, true
	case Object:
		return "dict", len(value) == 0, true
	}
	return "", false, false
}

// show puts the objects back into the configurations of a tree that placement
// has encoded.
func (o *objects) show(tree marshal.Dict) marshal.Dict {
	if len(o.values) == 0 {
		return tree
	}
	shown := make(marshal.Dict, len(tree))
	for i, pair := range tree {
		switch pair.Key {
		case "global_conf", "local_conf":
			pair.Value = o.showConf(pair.Value.(marshal.Dict))
		case "app", "filter", "next":
			pair.Value = o.show(pair.Value.(marshal.Dict))
		case "filters":
			var filters []any
			for _, filter := range pair.Value.([]any) {
				filters = append(filters, o.show(filter.(marshal.Dict)))
			}
			pair.Value = filters
		}
		shown[i] = pair
	}
	return shown
}

func (o *objects) showConf(conf marshal.Dict) marshal.Dict {
	shown := make(marshal.Dict, len(conf))
	for i, pair := range conf {
		pair.Value = toMarshal(o.plain(pair.Value.(string)))
		shown[i] = pair
	}
	return shown
}

// showAnswer is show for the answer to a composite's loader.
func (o *objects) showAnswer(answer marshal.Dict) marshal.Dict {
	if tree, ok := answer.Get("context"); ok {
		return marshal.Dict{{Key: "context", Value: o.show(tree.(marshal.Dict))}}
	}
	return answer
}

// toMarshal makes of a value of JSON one for Python.
func toMarshal(value any) any {
	switch value := value.(type) {
	case json.Number:
		if n, err := value.Int64(); err == nil {
			return n
		}
		if n, ok := new(big.Int).SetString(value.String(), 10); ok {
			return n
		}
		f, _ := value.Float64()
		return f
	case []any:
		list := make([]any, len(value))
		for i, v := range value {
			list[i] = toMarshal(v)
		}
		return list
	case Object:
		dict := make(marshal.Dict, len(value))
		for i, m := range value {
			dict[i] = marshal.Pair{Key: m.Key, Value: toMarshal(m.Value)}
		}
		return dict
	}
	return value
}
