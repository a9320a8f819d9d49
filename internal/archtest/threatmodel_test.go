package archtest

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

// The threat model claims a proof for each property: every test that it names is there.
func TestTheThreatModelNamesTestsThatExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	named := proofs(string(text))
	if len(named) < 50 {
		t.Fatalf("only %d tests are found in it: has its way of naming them changed?", len(named))
	}
	missing := missingProofs(named, readTree(t))
	for _, name := range missing {
		t.Errorf("docs/threat-model.md names %s, which does not exist", name)
	}
}

func TestAMissingProofIsSeen(t *testing.T) {
	t.Parallel()
	sources := parse(t, map[string]string{
		"internal/api/a_test.go":      "package api\nfunc TestThere(t *testing.T) {}",
		"sdk/python/tests/test_a.py":  "def test_there():\n    pass\n",
		"internal/store/x/suite.go":   "package x\nvar cases = []string{\"a case\"}",
		"internal/other/TestThere.go": "package other",
	})
	named := proofs("`api.TestThere` `api.TestGone` `other.TestThere` `test_a.py::test_there` `test_a.py::test_gone` in storage \"a case\", \"no case\".")
	if got := strings.Join(missingProofs(named, sources), " "); got != `api.TestGone other.TestThere test_a.py::test_gone "no case"` {
		t.Errorf("missing: %s", got)
	}
}

var (
	proof  = regexp.MustCompile("`((?:[a-z/]+\\.(?:Test|Fuzz)\\w+)|(?:test_\\w+\\.py::test_\\w+))`|in storage ((?:\"[^\"]+\"(?:, )?)+)")
	quoted = regexp.MustCompile(`"[^"]+"`)
)

// proofs answers the names of tests in a text, in order.
func proofs(text string) (names []string) {
	for _, m := range proof.FindAllStringSubmatch(text, -1) {
		if m[1] != "" {
			names = append(names, m[1])
		}
		names = append(names, quoted.FindAllString(m[2], -1)...)
	}
	return names
}

func missingProofs(names []string, sources []source) (missing []string) {
	for _, name := range names {
		if !isThere(name, sources) {
			missing = append(missing, name)
		}
	}
	return missing
}

func isThere(name string, sources []source) bool {
	for _, s := range sources {
		file, function, isPython := strings.Cut(name, "::")
		room, test, _ := strings.Cut(name, ".")
		switch {
		case isPython:
			if path.Base(s.path) == file && strings.Contains(string(s.text), "def "+function+"(") {
				return true
			}
		case name[0] == '"':
			if within(s.dir(), "internal/store") && strings.Contains(string(s.text), name) {
				return true
			}
		case (s.dir() == "internal/"+room || s.dir() == "tests/"+room) && s.isTest() && strings.Contains(string(s.text), fmt.Sprintf("\nfunc %s(", test)):
			return true
		}
	}
	return false
}
