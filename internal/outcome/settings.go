package outcome

import (
	"context"
	"slices"
	"strings"

	"pasted/internal/ini"
	"pasted/paste"
)

// plasterSettings is plaster_pastedeploy's get_settings: PasteDeploy's rules for
// a section's options, but that what is passed in wins over the file's defaults,
// and that every option is read, hidden or not.
func (s *Session) plasterSettings(_ context.Context, c call) (Object, error) {
	u, err := parsePlasterURI(c.uri)
	if err != nil {
		return nil, err
	}
	none := Object{{"settings", Object{}}, {"global_conf", nil}}
	if u.isEgg() {
		return none, nil
	}
	given, err := s.readConf(c.Object, "defaults")
	if err != nil {
		return nil, err
	}
	file, err := s.openPassing(u, given)
	if err != nil {
		return nil, err
	}
	defaults, err := file.DefaultValues()
	if err != nil {
		return nil, raised(err)
	}
	global := new(paste.Conf)
	for _, d := range defaults {
		global.Set(d.Name, d.Value)
	}
	section := u.name(c, "section")
	if section == nil || file.Section(*section) == nil {
		return none, nil
	}
	local, err := readSettings(file, *section, global)
	if err != nil {
		return nil, err
	}
	return Object{{"settings", s.conf(local)}, {"global_conf", s.conf(global)}}, nil
}

// openPassing reads a file whose defaults are overwritten by what is passed in.
func (s *Session) openPassing(u *plasterURI, given *paste.Conf) (*ini.File, error) {
	name := ini.TrimSpace(u.path)
	if _, err := paste.Open(name, paste.Options{}); err != nil {
		return nil, err
	}
	file, err := parse(name)
	if err != nil {
		return nil, raised(err)
	}
	passed, err := s.defaults(u, given)
	if err != nil {
		return nil, err
	}
	for key, value := range passed.All() {
		var foreign *ini.Foreign
		if name, isFalse, ok := s.objects.foreign(value); ok {
			foreign = &ini.Foreign{Type: name, False: isFalse}
		}
		file.SetForeign(key, value, foreign)
	}
	return file, nil
}

// readSettings returns the options of a section, with its sets put into global.
func readSettings(file *ini.File, section string, global *paste.Conf) (*paste.Conf, error) {
	local, gets := new(paste.Conf), new(paste.Conf)
	for _, o := range itemsOf(file, section) {
		value, err := file.Interpolate(section, o)
		if err != nil {
			return nil, raised(err)
		}
		set, isSet := strings.CutPrefix(o.Name, "set ")
		get, isGet := strings.CutPrefix(o.Name, "get ")
		switch _, hidden := global.Get(o.Name); {
		case isSet:
			global.Set(ini.TrimSpace(set), value)
		case isGet:
			gets.Set(ini.TrimSpace(get), value)
			local.Set(ini.TrimSpace(get), "") // holds the place
		case !hidden:
			local.Set(o.Name, value)
		}
	}
	for name, from := range gets.All() {
		value, ok := global.Get(from)
		if !ok {
			return nil, &paste.Error{Class: "KeyError", Text: ini.Repr(from)}
		}
		local.Set(name, value)
	}
	return local, nil
}

// itemsOf returns what ConfigParser.items lists: the defaults first, a section's
// own in their places where it has some of the same name, then the rest.
func itemsOf(file *ini.File, section string) []*ini.Option {
	var items []*ini.Option
	for _, o := range file.Defaults().Options() {
		items = append(items, file.Lookup(section, o.Name))
	}
	for _, o := range file.Section(section).Options() {
		if !slices.Contains(items, o) {
			items = append(items, o)
		}
	}
	return items
}

// raised makes of an error of package ini one of paste.
func raised(err error) error {
	told := iniError(err)
	class, _ := told.text("class")
	text, _ := told.text("message")
	return &paste.Error{Class: class, Text: text, Message: err.Error(), Err: err}
}
