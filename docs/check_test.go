package docs_test

import (
	"os"
	"strings"
	"testing"

	"pasted/internal/check"
)

func TestEveryRuleOfCheckIsDescribed(t *testing.T) {
	page, err := os.ReadFile("check.md")
	if err != nil {
		t.Fatal(err)
	}
	for rule := range check.Rules {
		if !strings.Contains(string(page), "("+rule+")") && !strings.Contains(string(page), "`"+rule+"`") {
			t.Errorf("check.md has neither an example of the rule %q nor its name", rule)
		}
	}
}
