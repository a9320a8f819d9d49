package policy

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// The policies that people copy: each is taken with nothing to warn of, its tests pass, each of its rules decides in one of
// them, and an editor has nothing to say about it.
func TestTheExamplesPass(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../examples/policies/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d examples, %v", len(files), err)
	}
	s := schema(t)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			report, err := Examine(string(text))
			for _, r := range report.Tests {
				for _, d := range r.Differences {
					t.Errorf("line %d: %s: %s", r.Line, r.Name, d)
				}
			}
			if err != nil || len(report.Warnings) > 0 {
				t.Fatalf("%v, %v", err, report.Warnings)
			}
			if err := validate(t, s, string(text)); err != nil {
				t.Error(err)
			}
			decided := map[string]bool{}
			for _, r := range report.Tests {
				decided[r.Verdict.Rule] = true
			}
			for _, r := range compiled(t, string(text)).rules {
				if !decided[r.verdict.Rule] {
					t.Errorf("no test of it is decided by the rule %q", r.verdict.Rule)
				}
			}
		})
	}
}

// A document in the docs is one that a reader may copy: it is taken and its tests pass.
func TestTheDocumentsInTheDocsPass(t *testing.T) {
	t.Parallel()
	block := regexp.MustCompile("(?s)```yaml\n(version: 1\n.*?)```")
	found := 0
	for _, page := range []string{"guides/policy.md", "guides/passkeys.md", "concepts/requirements.md"} {
		text, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllSubmatch(text, -1) {
			found++
			if _, err := Examine(string(m[1])); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, m[1])
			}
		}
	}
	if found < 7 {
		t.Errorf("only %d documents found", found)
	}
}
