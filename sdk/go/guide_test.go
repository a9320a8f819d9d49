package indent_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Every piece of Go in the guide stands in an example, word for word, and so is run.
func TestTheGuideShowsWhatIsTested(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/go.md")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?ms)^```go\n(.*?)^```$").FindAllSubmatch(guide, -1)
	if len(blocks) < 8 {
		t.Fatalf("the guide has %d examples", len(blocks))
	}
	tested := outdented(string(examples))
	for _, block := range blocks {
		if !strings.Contains(tested, outdented(string(block[1]))) {
			t.Errorf("this is in no example:\n%s", block[1])
		}
	}
}

func outdented(text string) string {
	return regexp.MustCompile(`(?m)^\t+`).ReplaceAllString(text, "")
}
