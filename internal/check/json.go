package check

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pasted/internal/placement"
)

// A jsonPlace is a place as programs have it.
type jsonPlace struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Length  int    `json:"length,omitempty"`
	Message string `json:"message,omitempty"`
}

type jsonFinding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	jsonPlace
	Section string      `json:"section,omitempty"`
	Hint    string      `json:"hint,omitempty"`
	Related []jsonPlace `json:"related,omitempty"`
	Detail  string      `json:"detail,omitempty"`
}

type jsonAnswer struct {
	Status int         `json:"status"`
	Fields http.Header `json:"fields"`
	Size   int         `json:"size"`
}

type jsonReport struct {
	File     string          `json:"file"`
	Errors   int             `json:"errors"`
	Warnings int             `json:"warnings"`
	Notes    int             `json:"notes"`
	Loaded   bool            `json:"loaded"`
	Findings []jsonFinding   `json:"findings"`
	Tree     *placement.Node `json:"tree"`
	Answer   *jsonAnswer     `json:"answer,omitempty"`
}

// JSON writes the report for programs: one object.
func (r *Report) JSON(w io.Writer) error {
	out := jsonReport{
		File: r.File, Errors: r.Count(Error), Warnings: r.Count(Warning), Notes: r.Count(Note),
		Loaded: r.Loaded, Findings: []jsonFinding{}, Tree: r.Tree,
	}
	for _, f := range r.Findings {
		j := jsonFinding{Rule: f.Rule, Severity: f.Severity, Section: f.Section, Hint: f.Hint, Detail: f.Detail}
		j.jsonPlace = jsonPlace{f.File, f.Line, f.Column, f.Length, f.Message}
		for _, p := range f.Related {
			j.Related = append(j.Related, jsonPlace{p.File, p.Line, p.Column, p.Length, p.Message})
		}
		out.Findings = append(out.Findings, j)
	}
	if r.Answer != nil {
		out.Answer = &jsonAnswer{r.Answer.Status, r.Answer.Fields, r.Answer.Size}
	}
	return encode(w, out)
}

func encode(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(value)
}

// An object is a JSON object whose order does not count.
type object = map[string]any

// SARIF writes the report as a log of SARIF 2.1.0 (OASIS), for the annotations
// of continuous integration. Files below style.Dir are named relative to it, as
// those who show annotations want it.
func (r *Report) SARIF(w io.Writer, style Style, version string) error {
	var ids []string
	for _, f := range r.Findings {
		if !slices.Contains(ids, f.Rule) {
			ids = append(ids, f.Rule)
		}
	}
	slices.Sort(ids)
	rules := make([]object, len(ids))
	for i, id := range ids {
		rules[i] = object{"id": id, "shortDescription": object{"text": Rules[id]}}
	}
	results := []object{}
	for _, f := range r.Findings {
		results = append(results, r.sarifResult(f, style, slices.Index(ids, f.Rule)))
	}
	return encode(w, object{
		"$schema": "https://json.schemastore.org/sarif-2.1.0.json",
		"version": "2.1.0",
		"runs": []object{{
			"tool":       object{"driver": object{"name": "pasted", "version": version, "rules": rules}},
			"columnKind": "unicodeCodePoints",
			"results":    results,
		}},
	})
}

func (r *Report) sarifResult(f Finding, style Style, rule int) object {
	message := f.Message
	if f.Section != "" {
		message = "[" + f.Section + "] " + message
	}
	if f.Hint != "" {
		message += "\nhint: " + f.Hint
	}
	result := object{
		"ruleId": f.Rule, "ruleIndex": rule, "level": string(f.Severity),
		"message":   object{"text": message},
		"locations": []object{sarifLocation(f.Place, style, "")},
	}
	var related []object
	for _, p := range f.Related {
		related = append(related, sarifLocation(p.Place, style, p.Message))
	}
	if related != nil {
		result["relatedLocations"] = related
	}
	return result
}

func sarifLocation(p Place, style Style, message string) object {
	t := textWriter{style: style}
	uri := (&url.URL{Path: t.name(p.File)}).String()
	if strings.HasPrefix(uri, "/") {
		uri = "file://" + uri
	}
	physical := object{"artifactLocation": object{"uri": uri}}
	if p.Line > 0 {
		region := object{"startLine": p.Line}
		if p.Column > 0 {
			region["startColumn"], region["endColumn"] = p.Column, p.Column+p.Length
		}
		physical["region"] = region
	}
	location := object{"physicalLocation": physical}
	if message != "" {
		location["message"] = object{"text": message}
	}
	return location
}
