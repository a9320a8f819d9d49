package policy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
)

// anAsker is a petitioner as the space knows it.
func anAsker(groups []string, labels map[string]string) approval.Asker {
	return approval.Asker{
		Who: func(context.Context) (approval.Resource, error) {
			return approval.Resource{ID: "ada@example.com", Kind: "user", Email: "ada@example.com"}, nil
		},
		Groups: func(context.Context) ([]string, error) { return groups, nil },
		Labels: func(context.Context) (map[string]string, error) { return labels, nil },
	}
}

func conditionInput() approval.ConditionInput {
	return approval.ConditionInput{
		Petition: &approval.Petition{Space: "acme", Reason: "read only, I swear", Labels: map[string]string{"tier": "test"}, Duration: time.Hour, Params: approval.RawJSON(`{"rows":5,"table":"users"}`)},
		Resource: approval.Resource{ID: "db:1", Kind: "db", DisplayName: "Database", Labels: map[string]string{"env": "prod", "indent.com/resource/kind": "db"}, AltIDs: []string{"x"}},
		Asker:    anAsker([]string{"eng"}, map[string]string{"team": "a"}),
	}
}

func TestConditionsOverResourcePetitionAndPetitioner(t *testing.T) {
	t.Parallel()
	c := policy.NewConditions()
	for text, want := range map[string]bool{
		`true`:                       true,
		`resource.kind == "db"`:      true,
		`resource.id == "db:2"`:      false,
		`resource.displayName == ""`: false,
		`"x" in resource.altIds`:     true,
		`resource.labels.env == "prod" && resource.labels["indent.com/resource/kind"] == "db"`: true,
		`"tier" in resource.labels`:                                              false,
		`petition.params.rows < 10.0 && petition.params.table == "users"`:        true,
		`petition.duration > duration("1h")`:                                     false,
		`petitioner.id == "ada@example.com"`:                                     true,
		`petitioner.kind == "user" && petitioner.email.endsWith("@example.com")`: true,
		`"eng" in petitioner.groups`:                                             true,
		`petitioner.labels.team == "b"`:                                          false,
	} {
		if err := c.CheckCondition(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		holds, err := c.Holds(t.Context(), text, conditionInput())
		if err != nil || holds != want {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
	}
}

// What a petitioner says about itself cannot be looked at (I13), and every mistake says where it is.
func TestConditionsThatAreRefused(t *testing.T) {
	t.Parallel()
	c := policy.NewConditions()
	for text, want := range map[string]string{
		``:                       "a condition is empty",
		`petition.reason == "x"`: "line 1, column 9: undefined field 'reason': a condition must not rest on what the petitioner says about itself",
		`true &&` + "\n" + `  petition.labels.a == "b"`: "line 2, column 11: undefined field 'labels': a condition must not rest",
		`resource.knd == "db"`:                          "line 1, column 9: undefined field 'knd': is it kind?",
		`petitioner.displayName == "x"`:                 "line 1, column 11: undefined field 'displayName'",
		`actor.id == "x"`:                               "line 1, column 1: undeclared reference to 'actor'",
		`known.size() > 0`:                              "line 1, column 1: undeclared reference to 'known'",
		`resource.kind`:                                 "a condition must be true or false, it is of type string",
		`resource.kind = "db"`:                          "line 1, column 15: ",
		"resource.kind == \"db\" ||\nresource.x":        "line 2, column 9: undefined field 'x'",
		`[1,2].all(a, [1,2].all(b, [1,2].all(c, [1,2].all(d, true))))`: "line 1, column",
	} {
		err := c.CheckCondition(text)
		if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s…", text, err, want)
		}
		if holds, err := c.Holds(t.Context(), text, conditionInput()); err == nil || holds {
			t.Errorf("%q holds: %v, %v", text, holds, err)
		}
	}
}

// Nobody can tell: that is no answer, whatever the rest of the condition says.
func TestConditionsThatNobodyCanEvaluate(t *testing.T) {
	t.Parallel()
	c := policy.NewConditions()
	for _, text := range []string{`petition.params.amount > 5.0`, `resource.labels.none == "x"`, `petition.params.rows`,
		strings.ReplaceAll(`LIST.all(a, LIST.all(b, LIST.all(c, a + b + c < 100)))`, "LIST", "["+strings.Repeat("1, ", 59)+"1]")} {
		if holds, err := c.Holds(t.Context(), text, conditionInput()); err == nil || holds || approval.CodeOf(err) == approval.Unavailable {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
	}
	broken := conditionInput()
	broken.Asker.Groups = func(context.Context) ([]string, error) { return nil, errors.New("the database is down") }
	for _, text := range []string{`"eng" in petitioner.groups`, `false && "eng" in petitioner.groups || true`, `true || "eng" in petitioner.groups`} {
		holds, err := c.Holds(t.Context(), text, broken)
		looks := !strings.HasPrefix(text, "false") && !strings.HasPrefix(text, "true")
		if looks && (approval.CodeOf(err) != approval.Unavailable || holds) {
			t.Errorf("%s: %v, %v", text, holds, err)
		}
		if !looks && (err != nil || !holds) {
			t.Errorf("%s, which looks at nothing: %v, %v", text, holds, err)
		}
	}
	swallowed := `"eng" in petitioner.groups || resource.kind == "db"`
	if holds, err := c.Holds(t.Context(), swallowed, broken); approval.CodeOf(err) != approval.Unavailable || holds {
		t.Errorf("an error that is swallowed: %v, %v", holds, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if holds, err := c.Holds(ended, `[1,2,3].all(a, [1,2,3,4,5,6,7,8,9].all(b, [1,2,3,4,5,6,7,8,9].all(c, a + b + c > 0)))`, conditionInput()); approval.CodeOf(err) != approval.Unavailable || holds {
		t.Errorf("nobody waits any more: %v, %v", holds, err)
	}
}

func TestConditionsAreEvaluatedAtOnce(t *testing.T) {
	t.Parallel()
	c := policy.NewConditions()
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 50 {
				if holds, err := c.Holds(t.Context(), `resource.kind == "db" && petition.params.rows == 5.0 && "eng" in petitioner.groups`, conditionInput()); err != nil || !holds {
					t.Errorf("%v, %v", holds, err)
				}
			}
		})
	}
	group.Wait()
}
