package policy_test

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
)

// A condition over what an endpoint lists sees the resource alone; the same text may be one of a webhook policy's as well.
func TestConditionsOverWhatIsListed(t *testing.T) {
	t.Parallel()
	c := policy.NewConditions()
	r := conditionInput().Resource
	for text, want := range map[string]bool{
		`resource.kind == "db" && resource.labels.env == "prod"`: true,
		`!("none" in resource.labels) && resource.id != "db:1"`:  false,
		`"x" in resource.altIds`:                                 true,
	} {
		if err := c.CheckListed(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if holds, err := c.Listed(t.Context(), text, r); err != nil || holds != want {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
		if holds, err := c.Holds(t.Context(), text, conditionInput()); err != nil || holds != want {
			t.Errorf("%s, of a petition: %v, %v", text, holds, err)
		}
	}
	for text, says := range map[string]string{
		`petition.params.rows < 10.0`:                               "line 1, column 1: undeclared reference to 'petition': what is listed is of no petition: a condition can look at resource alone",
		`resource.kind == "db" &&` + "\n" + ` petitioner.id == "x"`: "line 2, column 2: undeclared reference to 'petitioner'",
		`resource.knd == "db"`:                                      "line 1, column 9: undefined field 'knd': is it kind?",
		`resource.kind`:                                             "a condition must be true or false",
		``:                                                          "a condition is empty",
	} {
		_, _ = c.Holds(t.Context(), text, conditionInput()) // what it means elsewhere says nothing here
		err := c.CheckListed(text)
		if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%q: %v, want %s…", text, err, says)
		}
		if holds, err := c.Listed(t.Context(), text, r); err == nil || holds {
			t.Errorf("%q holds: %v, %v", text, holds, err)
		}
	}
	if holds, err := c.Listed(t.Context(), `resource.labels.none == "x"`, r); err == nil || holds {
		t.Errorf("a label that is not there: %v, %v", holds, err)
	}
}
