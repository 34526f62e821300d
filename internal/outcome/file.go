package outcome

import (
	"errors"
	"os"

	"pasted/internal/ini"
	"pasted/paste"
)

// Parse returns what a file says by itself, name being a path: defaults, read as
// PasteDeploy reads them, or in their place {"@error": …}; defaults_raw, as they
// stand; sections, each with name and options, an option being text where
// interpolation leaves it as it stands, else {"raw", "value"} or {"raw",
// "error"}. What PasteDeploy refuses is {"error": …} as Error gives it.
func Parse(name string) Object {
	name = ini.TrimSpace(name)
	if _, err := paste.Open(name, paste.Options{}); err != nil {
		told, _ := Error(err)
		return Object{{"error", told}}
	}
	file, err := parse(name)
	if err != nil { // it has changed since
		return Object{{"error", iniError(err)}}
	}
	sections := []any{}
	for _, section := range file.Sections() {
		sections = append(sections, Object{{"name", section.Name}, {"options", optionsOf(file, section)}})
	}
	raw := Object{}
	for _, o := range file.Defaults().Options() {
		raw = append(raw, Member{o.Name, o.Raw})
	}
	return Object{{"defaults", defaultsOf(file)}, {"defaults_raw", raw}, {"sections", sections}}
}

// parse reads a file with the defaults that PasteDeploy gives it.
func parse(name string) (*ini.File, error) {
	defaults, err := ini.FileDefaults(name)
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return ini.Parse(name, data, defaults...)
}

func defaultsOf(file *ini.File) Object {
	values, err := file.DefaultValues()
	if err != nil {
		return Object{{"@error", iniError(err)}}
	}
	out := Object{}
	for _, v := range values {
		out = append(out, Member{v.Name, v.Value})
	}
	return out
}

func optionsOf(file *ini.File, section *ini.Section) Object {
	options := Object{}
	for _, o := range section.Options() {
		value, err := file.Interpolate(section.Name, o)
		switch {
		case err != nil:
			options = append(options, Member{o.Name, Object{{"raw", o.Raw}, {"error", iniError(err)}}})
		case value == o.Raw:
			options = append(options, Member{o.Name, o.Raw})
		default:
			options = append(options, Member{o.Name, Object{{"raw", o.Raw}, {"value", value}}})
		}
	}
	return options
}

// iniError returns an error of package ini as JSON has it.
func iniError(err error) Object {
	var e *ini.Error
	if errors.As(err, &e) {
		return errorOf(&paste.Error{Class: e.Class, Text: e.Text})
	}
	return Object{{"class", "OSError"}, {"message", err.Error()}}
}
