package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

// flat writes the parts of a condition, one a line, each as deep as it stands.
func flat(p *Part, indent string) string {
	if p == nil {
		return ""
	}
	out := fmt.Sprintf("%s%s = %s\n", indent, p.Text, p.Value)
	for i := range p.Parts {
		out += flat(&p.Parts[i], indent+"  ")
	}
	return out
}

func explained(t testing.TB, d *Document, in approval.PolicyInput) Explanation {
	t.Helper()
	e, err := d.Explain(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestExplainShowsEachPartOfEachRuleTried(t *testing.T) {
	t.Parallel()
	d := document(t,
		`actor.id == "x" && (resources.all(r, r.kind == "action") || petition.params.amount < 100 || !("sre" in actor.groups)) && now.getHours() < 9 -> deny`,
		`"ticket" in petition.labels && petition.labels.ticket.matches("^A") -> deny`,
		`known.all(r, r.labels.tier == "prod") && petition.duration <= duration("2h") && has(petition.params.note) -> approve`,
		"review", "deny")
	e := explained(t, d, asks(params(`{"amount":250,"note":"x"}`), func(in *approval.PolicyInput) {
		in.Groups = func(context.Context, string, string) ([]string, error) { return []string{"eng", "sre"}, nil }
		in.Petition.Duration *= 4
	}))
	want := []string{
		`actor.id == "x" && (resources.all(r, r.kind == "action") || petition.params.amount < 100 || !("sre" in actor.groups)) && now.getHours() < 9 = false
  actor.id == "x" = false
    actor.id = "ada@acmecorp.example"
  resources.all(r, r.kind == "action") || petition.params.amount < 100 || !("sre" in actor.groups) = false
    resources.all(r, r.kind == "action") = false
      resources[0]: r.kind == "action" = false
        r.kind = "database"
    petition.params.amount < 100 = false
      petition.params.amount = 250
    !("sre" in actor.groups) = false
      "sre" in actor.groups = true
        actor.groups = ["eng", "sre"]
  now.getHours() < 9 = false
    now.getHours() = 12
      now = 2030-01-02T12:00:00Z
`,
		`"ticket" in petition.labels && petition.labels.ticket.matches("^A") = false
  "ticket" in petition.labels = false
    petition.labels = {0 keys}
  petition.labels.ticket.matches("^A") = error: no such key: ticket
    petition.labels.ticket = error: no such key: ticket
`,
		`known.all(r, r.labels.tier == "prod") && petition.duration <= duration("2h") && has(petition.params.note) = false
  known.all(r, r.labels.tier == "prod") = true
    known[0]: r.labels.tier == "prod" = true
      r.labels.tier = "prod"
  petition.duration <= duration("2h") = false
    petition.duration = 4h0m0s
  has(petition.params.note) = true
`, ""}
	for i, tried := range e.Rules {
		if diff := cmp.Diff(want[i], flat(tried.When, "")); diff != "" {
			t.Errorf("rule %d: %s", i+1, diff)
		}
		if tried.Matched != (i == 3) || tried.Error != "" {
			t.Errorf("rule %d: %+v", i+1, tried)
		}
	}
	if len(e.Rules) != 4 || e.Rules[3].Why != "it is for every petition" || e.Verdict.Rule != "r4" || e.Truncated {
		t.Errorf("got %d rules, %+v, %s", len(e.Rules), e.Rules[3], e.Verdict.Rule)
	}
}

func TestExplainSaysWhyARuleDoesNotHold(t *testing.T) {
	t.Parallel()
	glass := "version: 1\nrules:\n- name: glass\n  breakGlass: {who: {groups: [sre], roles: [Owner]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}}, within: 1h}}\n- {name: rest, deny: {reason: x}}\n"
	broken := func(in *approval.PolicyInput) {
		in.Petition.Labels = map[string]string{approval.LabelBreakGlass: "true"}
		in.Groups = func(context.Context, string, string) ([]string, error) { return nil, nil }
	}
	cases := []struct {
		name      string
		d         *Document
		in        approval.PolicyInput
		rule      RuleTried
		condition string
	}{
		{"nobody breaks the glass", compiled(t, glass), asks(), RuleTried{Rule: "glass", Answer: "breakGlass", Why: `the petition does not carry the label indent.com/breakGlass with the value "true"`}, ""},
		{"somebody who may not", compiled(t, glass), asks(broken), RuleTried{Rule: "glass", Answer: "breakGlass", Why: "it is for roles [Owner] or groups [sre]"}, ""},
		{"half is known", document(t, "known.all(r, r.labels.tier == 'prod') -> approve", "deny"), asks(unknownToo),
			RuleTried{Rule: "r1", Answer: "approve", Why: "it looks at known, and the directory does not have all that is asked for, or has it as out of use"}, "known.all(r, r.labels.tier == \"prod\") = true\n  known[0]: r.labels.tier == \"prod\" = true\n    r.labels.tier = \"prod\"\n"},
		{"it cannot be evaluated", document(t, "petition.params.n == 1 -> approve", "approve"), asks(), RuleTried{Rule: "r1", Answer: "approve", Error: "no such key: n"},
			"petition.params.n == 1 = error: no such key: n\n  petition.params.n = error: no such key: n\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := explained(t, c.d, c.in)
			got := e.Rules[0]
			if condition := flat(got.When, ""); condition != c.condition {
				t.Errorf("got %s, want %s", condition, c.condition)
			}
			got.When, got.Line, got.Column = nil, 0, 0
			if diff := cmp.Diff(c.rule, got); diff != "" {
				t.Error(diff)
			}
			if failed := c.rule.Error != ""; failed != (len(e.Rules) == 1) || failed != (e.Verdict.Rule == "policy-error") {
				t.Errorf("%d rules tried, %s", len(e.Rules), e.Verdict.Rule)
			}
		})
	}
	down := errors.New("down")
	_, err := document(t, "size(known) > 5 -> deny", "approve").Explain(t.Context(), asks(func(in *approval.PolicyInput) {
		in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) { return nil, down }
	}))
	if !errors.Is(err, down) {
		t.Errorf("got %v", err)
	}
}

// Only parts that the decision did not need fail to be read: the explanation says so and the verdict stays.
func TestExplainLooksFurtherThanTheDecision(t *testing.T) {
	t.Parallel()
	e := explained(t, document(t, "actor.id == 'x' && size(known) > 0 -> deny", "review"), asks(func(in *approval.PolicyInput) {
		in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) {
			return nil, errors.New("down")
		}
	}))
	if e.Verdict.Rule != "r2" || !strings.Contains(flat(e.Rules[0].When, ""), "size(known) > 0 = error: the directory cannot be read") {
		t.Errorf("got %s: %s", e.Verdict.Rule, flat(e.Rules[0].When, ""))
	}
}

func TestExplainShowsNoSecrets(t *testing.T) {
	t.Parallel()
	token := "ind_pat_" + strings.Repeat("aB3", 14)
	d := document(t, "petition.params.password == 'x' || petition.params['apiKey'].startsWith('x') || petition.params.list[0] == 'x' || petition.reason == 'x' || petition.params.deep.secret.x == 1 -> deny", "review")
	e := explained(t, d, asks(params(fmt.Sprintf(`{"password":"hunter2","apiKey":"k-17","list":[%q],"deep":{"secret":{"x":4711}}}`, token)), func(in *approval.PolicyInput) {
		in.Petition.Reason = "with " + token
	}))
	text, err := json.Marshal(e.Rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "k-17", token, "4711"} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the explanation shows %q: %s", secret, text)
		}
	}
	if n := strings.Count(string(text), "(hidden)"); n != 3 {
		t.Errorf("%d values are hidden: %s", n, text)
	}
}

func TestAnExplanationIsBounded(t *testing.T) {
	t.Parallel()
	rules := make([]string, 300)
	for i := range rules {
		rules[i] = "petition.reason == 'x' && petition.reason == 'y' && petition.reason == 'z' -> deny"
	}
	rules[0] = "petition.reason" + strings.Repeat(" + petition.reason", 20) + " == 'x' -> deny"
	e := explained(t, document(t, append(rules, "review")...), asks(func(in *approval.PolicyInput) {
		in.Petition.Reason = strings.Repeat("ü\u202e", 2000)
	}))
	if len(e.Rules) != 301 || !e.Truncated {
		t.Fatalf("%d rules, truncated %t", len(e.Rules), e.Truncated)
	}
	parts := 0
	var walk func(p *Part, depth int)
	walk = func(p *Part, depth int) {
		parts++
		if depth > maxPartDepth || utf8.RuneCountInString(p.Text) > maxPartText || utf8.RuneCountInString(p.Value) > maxPartValue || strings.Contains(p.Value, "\u202e") {
			t.Fatalf("depth %d: %+v", depth, p)
		}
		for i := range p.Parts {
			walk(&p.Parts[i], depth+1)
		}
	}
	for _, r := range e.Rules {
		if r.When != nil {
			walk(r.When, 0)
		}
	}
	if parts > maxParts {
		t.Errorf("%d parts", parts)
	}
}

func TestAnExplanationCostsABoundedAmount(t *testing.T) {
	t.Parallel()
	rules := make([]string, 60)
	for i := range rules {
		rules[i] = "false && petition.params.l.all(a, petition.params.l.all(b, b == 1)) -> deny"
	}
	e := explained(t, document(t, append(rules, "review")...), asks(params(`{"l":[`+strings.Repeat("1,", 400)+`1]}`)))
	shown := 0
	for _, r := range e.Rules {
		if r.When != nil {
			shown++
		}
	}
	if len(e.Rules) != 61 || !e.Truncated || shown == 0 || shown > 30 {
		t.Errorf("%d rules, %d shown, truncated %t", len(e.Rules), shown, e.Truncated)
	}
}

// A loop is shown element by element: which one it was, and why.
func TestExplainShowsTheElementsOfALoop(t *testing.T) {
	t.Parallel()
	two := func(in *approval.PolicyInput) {
		in.Petition.Resources = []approval.Resource{{ID: "a", Kind: "vm"}, {ID: "b", Kind: "net"}}
	}
	cases := []struct {
		name, when string
		params     string
		want       string
	}{
		{"which one is not", `resources.all(r, r.kind == "vm" || r.id == "x")`, "{}", `resources.all(r, r.kind == "vm" || r.id == "x") = false
  resources[0]: r.kind == "vm" || r.id == "x" = true
    r.kind == "vm" = true
      r.kind = "vm"
    r.id == "x" = false
      r.id = "a"
  resources[1]: r.kind == "vm" || r.id == "x" = false
    r.kind == "vm" = false
      r.kind = "net"
    r.id == "x" = false
      r.id = "b"
`},
		{"which one fails", `petition.params.l.exists(x, x.n > 1)`, `{"l":[{"n":1},{"m":1}]}`, `petition.params.l.exists(x, x.n > 1) = error: no such key: n
  petition.params.l[0]: x.n > 1 = false
    x.n = 1
  petition.params.l[1]: x.n > 1 = error: no such key: n
    x.n = error: no such key: n
`},
		{"the first of many", `petition.params.l.all(x, true)`, `{"l":[` + strings.Repeat("1,", 11) + `1]}`, "petition.params.l.all(x, true) = true\n" + func() (all string) {
			for i := range 10 {
				all += fmt.Sprintf("  petition.params.l[%d]: true = true\n", i)
			}
			return all + "  … = 2 more\n"
		}()},
		{"secrets", `petition.params.passwords.exists(x, x == "hunter")`, `{"passwords":["hunter2"]}`, "petition.params.passwords.exists(x, x == \"hunter\") = false\n"},
		{"a loop in a loop", `resources.all(a, petition.params.l.all(b, b == a.id))`, `{"l":["a"]}`, `resources.all(a, petition.params.l.all(b, b == a.id)) = false
  resources[0]: petition.params.l.all(b, b == a.id) = true
  resources[1]: petition.params.l.all(b, b == a.id) = false
`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := explained(t, document(t, c.when+" -> deny", "review"), asks(two, params(c.params)))
			if diff := cmp.Diff(c.want, flat(e.Rules[0].When, "")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
