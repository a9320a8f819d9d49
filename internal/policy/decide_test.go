package policy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

var ada = approval.Actor{Space: "acmecorp", ID: "ada@acmecorp.example", Person: "ada@acmecorp.example", Address: "ada@acmecorp.example", Kind: approval.KindUser,
	Email: "ada@acmecorp.example", DisplayName: "Ada", Role: approval.Viewer}

// asks makes what a petition for a production database by Ada looks like; change it as a case needs.
func asks(change ...func(*approval.PolicyInput)) approval.PolicyInput {
	in := approval.PolicyInput{Space: "acmecorp", Actor: ada, Now: noon, Document: approval.PolicyDocument{Space: "acmecorp", Version: 7},
		Petition: &approval.Petition{Reason: "to debug production", Duration: time.Hour,
			Petitioners: []approval.Resource{ada.Resource()},
			Resources:   []approval.Resource{{ID: "prod-db", Kind: "database", DisplayName: "Harmless", Labels: map[string]string{"tier": "test"}}}},
		Lookups: approval.Lookups{Known: func(context.Context, string, []approval.Resource) ([]approval.Resource, error) {
			return []approval.Resource{{ID: "prod-db", Kind: "database", DisplayName: "Production", Labels: map[string]string{"tier": "prod"}}}, nil
		}}}
	for _, c := range change {
		c(&in)
	}
	return in
}

func params(json string) func(*approval.PolicyInput) {
	return func(in *approval.PolicyInput) { in.Petition.Params = approval.RawJSON(json) }
}

func unknownToo(in *approval.PolicyInput) {
	in.Petition.Resources = append(in.Petition.Resources, approval.Resource{ID: "made-up", Kind: "database"})
}

// outOfUse is what the directory has kept of something that is gone.
func outOfUse(in *approval.PolicyInput) {
	known := in.Known
	in.Known = func(ctx context.Context, space string, asked []approval.Resource) ([]approval.Resource, error) {
		list, err := known(ctx, space, asked)
		for i := range list {
			list[i].Labels = maps.Clone(list[i].Labels)
			list[i].Labels[approval.LabelDeactivated] = "true"
		}
		return list, err
	}
}

func nothingKnown(in *approval.PolicyInput) {
	in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) { return nil, nil }
}

// document makes a document of rules, each written as "when -> answer"; without an arrow there is no condition.
func document(t testing.TB, rules ...string) *Document {
	t.Helper()
	answers := map[string]string{
		"approve": `"approve": {"duration": "2h"}`,
		"deny":    `"deny": {"reason": "ask the data team"}`,
		"review":  `"require": {"reviewers": {"roles": ["Editor"]}}`,
	}
	var parts []string
	for i, r := range rules {
		when, answer, conditional := strings.Cut(r, " -> ")
		if !conditional {
			when, answer = "", r
		}
		part := fmt.Sprintf(`{"name": "r%d", %s`, i+1, answers[answer])
		if conditional {
			part += fmt.Sprintf(`, "when": %q`, when)
		}
		parts = append(parts, part+"}")
	}
	d, err := Compile(`{"version": 1, "rules": [` + strings.Join(parts, ", ") + "]}")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestTheFirstRuleThatMatchesDecides(t *testing.T) {
	t.Parallel()
	with := func(c ...func(*approval.PolicyInput)) approval.PolicyInput { return asks(c...) }
	cases := []struct {
		name  string
		rules []string
		in    approval.PolicyInput
		want  string // decision and rule
	}{
		{"a rule without a condition is for everybody", []string{"review"}, with(), "review r1"},
		{"the first of two wins", []string{"deny", "approve"}, with(), "deny r1"},
		{"a rule that does not match is passed over", []string{"false -> approve", "deny"}, with(), "deny r2"},
		{"no rule matches", []string{"false -> approve"}, with(), "deny no-rule"},

		{"by who calls", []string{"actor.id == 'ada@acmecorp.example' && actor.role == 'Viewer' -> approve"}, with(), "approve r1"},
		{"by the person behind a service account", []string{"actor.person == 'ada@acmecorp.example' && actor.kind == 'serviceAccount' -> approve", "deny"},
			with(func(in *approval.PolicyInput) { in.Actor.Kind, in.Actor.ID = approval.KindServiceAccount, "bot" }), "approve r1"},
		// Editors write the directory: it must not make a caller somebody for whom a rule approves (I13).
		{"whom the directory takes the caller for", []string{"actor.person == 'abe@acmecorp.example' -> approve", "actor.person == 'ada@acmecorp.example' -> review", "deny"},
			with(func(in *approval.PolicyInput) { in.Actor.Person = "abe@acmecorp.example" }), "review r2"},
		{"by what is asked for", []string{"resources.exists(r, r.kind == 'database' && r.id.startsWith('prod-')) -> review", "approve"}, with(), "review r1"},
		{"by who gets it", []string{"petitioners.all(p, p.id == actor.id) -> approve"}, with(), "approve r1"},
		{"by the hour", []string{"now.getHours() < 9 || now.getHours() >= 17 -> deny", "approve"}, with(), "approve r2"},
		{"by the hour somewhere", []string{"now.getHours('Asia/Tokyo') == 21 -> approve"}, with(), "approve r1"},
		{"by how long", []string{"petition.duration <= duration('90m') -> approve"}, with(), "approve r1"},
		{"by why", []string{"petition.reason.contains('debug') -> deny", "review"}, with(), "deny r1"},
		{"by a label that may be missing", []string{"'ticket' in petition.labels -> review", "deny"}, with(), "deny r2"},
		{"by a label", []string{"petition.labels.ticket.matches('^OPS-[0-9]+$') -> review", "deny"},
			with(func(in *approval.PolicyInput) { in.Petition.Labels = map[string]string{"ticket": "OPS-7"} }), "review r1"},

		{"by a number in params", []string{"petition.params.amount < 100 -> approve"}, with(params(`{"amount":99}`)), "approve r1"},
		{"by a fraction in params", []string{"petition.params.amount < 100 -> approve", "deny"}, with(params(`{"amount":100.5}`)), "deny r2"},
		{"by one of several in params", []string{"petition.params.cmd in ['ls', 'pwd'] -> approve"}, with(params(`{"cmd":"ls"}`)), "approve r1"},
		{"by a number of several in params", []string{"petition.params.n in [1, 2] -> approve"}, with(params(`{"n":2}`)), "approve r1"},
		{"by params that may be missing", []string{"has(petition.params.amount) -> review", "deny"}, with(), "deny r2"},
		{"by what is deep in params", []string{"petition.params.to.all(x, x.endsWith('@acmecorp.example')) -> approve"},
			with(params(`{"to":["a@acmecorp.example"]}`)), "approve r1"},

		{"by the directory, not by what is said", []string{"known.all(r, r.labels.tier == 'test') -> approve", "review"}, with(), "review r2"},
		{"by the directory", []string{"known.all(r, r.labels.tier == 'prod' && r.displayName == 'Production') -> approve"}, with(), "approve r1"},
		{"all of nothing is not approved", []string{"known.all(r, r.labels.tier == 'prod') -> approve", "review"}, with(nothingKnown), "review r2"},
		{"all of half is not approved", []string{"known.all(r, r.labels.tier == 'prod') -> approve", "review"}, with(unknownToo), "review r2"},
		{"what is out of use is not approved", []string{"known.all(r, r.labels.tier == 'prod') -> approve", "known.all(r, r.labels.tier == 'prod') -> review"}, with(outOfUse), "review r2"},
		{"a rule that reviews may see half", []string{"known.exists(r, r.labels.tier == 'prod') -> review", "deny"}, with(unknownToo), "review r1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := document(t, c.rules...).Decide(t.Context(), c.in)
			if got := v.Decision + " " + v.Rule; err != nil || got != c.want {
				t.Errorf("got %s, %v (%s), want %s", got, err, v.Explanation, c.want)
			}
		})
	}
}

func TestTheVerdictIsComplete(t *testing.T) {
	t.Parallel()
	day, hour := 24*time.Hour, time.Hour
	editors := []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}}, Count: 1}}
	const head = "version: 1\nrules:\n- name: r\n  "
	cases := []struct {
		name, text string
		want       approval.Verdict
	}{
		{"the policy of a new space", Default(), approval.Verdict{Decision: "review", Rule: "review", PolicyVersion: 7, Requirements: editors,
			Explanation: "An Editor or an Owner reviews; whoever asks does not decide.", DecideWithin: 7 * day, DefaultDuration: hour, MaxDuration: 720 * hour}},
		{"the policy of a server to play with", Dev(), approval.Verdict{Decision: "review", Rule: "dev-review", PolicyVersion: 7, Dev: true,
			Explanation:  "Any Editor or Owner may review; on this server to play with, also what they asked for themselves.",
			Requirements: []approval.Requirement{{Reviewers: editors[0].Reviewers, Count: 1, SelfApproval: true}}, DecideWithin: day, DefaultDuration: hour}},
		{"approve grants what it says and no more", head + "approve: {duration: 30m}", approval.Verdict{Decision: "approve", Rule: "r", PolicyVersion: 7,
			Explanation: `rule "r" approves for at most 30m`, DecideWithin: 7 * day, DefaultDuration: hour / 2, MaxDuration: hour / 2}},
		{"approve with a shorter default", head + "approve: {duration: 8h}\n  defaultDuration: 1h\n  description: On call.", approval.Verdict{Decision: "approve",
			Rule: "r", PolicyVersion: 7, Explanation: "On call.", DecideWithin: 7 * day, DefaultDuration: hour, MaxDuration: 8 * hour}},
		{"deny says why", head + "description: Contractors.\n  deny:\n    reason: |\n      Ask the\n      data team.", approval.Verdict{Decision: "deny", Rule: "r",
			PolicyVersion: 7, Explanation: "Ask the data team.", DecideWithin: 7 * day, DefaultDuration: hour}},
		{"two of three persons, themselves too", head + "require: {reviewers: {persons: [A@x.example, b@x.example, c@x.example]}, count: 2, selfApproval: true}\n  maxDuration: 30m\n  decideWithin: 1h",
			approval.Verdict{Decision: "review", Rule: "r", PolicyVersion: 7, Explanation: `rule "r" asks for 2 approvals by a@x.example, b@x.example or c@x.example`,
				Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Persons: []string{"a@x.example", "b@x.example", "c@x.example"}}, Count: 2, SelfApproval: true}},
				DecideWithin: hour, DefaultDuration: hour / 2, MaxDuration: hour / 2}},
		{"confirmed with a passkey", head + "require: {reviewers: {roles: [Editor, Owner]}, confirm: passkey}", approval.Verdict{Decision: "review", Rule: "r", PolicyVersion: 7,
			Explanation:  `rule "r" asks for 1 approval by Editor or Owner`,
			Requirements: []approval.Requirement{{Reviewers: editors[0].Reviewers, Count: 1, Confirm: approval.ConfirmPasskey}}, DecideWithin: 7 * day, DefaultDuration: hour}},
		{"no rule matches", head + "when: 'false'\n  approve: {duration: 1h}", approval.Verdict{Decision: "deny", Rule: "no-rule", PolicyVersion: 7,
			Explanation: "no rule matches", DecideWithin: 7 * day, DefaultDuration: hour}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d, err := Compile(c.text)
			if err != nil {
				t.Fatal(err)
			}
			got, err := d.Decide(t.Context(), asks())
			if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// What fails never approves: the owners decide, no later rule is asked, and the petition says so (I3).
func TestAConditionThatFailsIsReviewedByOwners(t *testing.T) {
	t.Parallel()
	nested := "[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, petition.params.l.all(c, c == c)))"
	long := params(`{"l":[` + strings.Repeat("1,", 2000) + `1]}`)
	cases := []struct {
		name, when, why string
		in              approval.PolicyInput
	}{
		{"a label that is missing", "petition.labels.ticket == 'x' -> deny", "no such key: ticket", asks()},
		{"a param that is missing", "petition.params.amount < 100 -> approve", "no such key: amount", asks()},
		{"a param of another type", "petition.params.amount < 100 -> approve", "no such overload", asks(params(`{"amount":"7"}`))},
		{"an index out of range", "resources[5].id == 'x' -> approve", "index out of bounds: 5", asks()},
		{"a division by zero", "1 / size(known) == 1 -> approve", "division by zero", asks(nothingKnown)},
		{"a condition that costs too much", nested + " -> approve", "cost limit exceeded", asks(long)},
		{"two whole objects are compared", "resources[0] == petitioners[0] -> approve", "compare their fields", asks()},
		{"a description behind a dyn", "dyn(resources)[0].labels.tier == 'test' -> approve", "could not be evaluated", asks()},
		{"an object is made", "indent.Requested{id: 'prod-db'}.id == 'prod-db' -> approve", "cannot be made", asks()},
		{"a pattern that is too large", "'x'.matches(petition.params.p) -> approve", "could not be evaluated", asks(params(`{"p":"(((a{100}){100}){100})"}`))},
		{"a failure that could hide in the text", "petition.params[petition.params.k] == 1 -> approve", "no such key: a??b", asks(params("{\"k\":\"a\u202e\u200bb\"}"))},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v, err := document(t, c.when, "approve").Decide(t.Context(), c.in)
			if err != nil {
				t.Fatal(err)
			}
			want := []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}, Count: 1}}
			if v.Decision != approval.VerdictReview || v.Rule != "policy-error" || !cmp.Equal(v.Requirements, want) || v.PolicyVersion != 7 {
				t.Errorf("got %+v", v)
			}
			if !strings.Contains(v.Explanation, c.why) || !strings.Contains(v.Explanation, `"r1"`) || !strings.Contains(v.Explanation, "owners decide") {
				t.Errorf("the explanation is %q, want %q in it", v.Explanation, c.why)
			}
			if approval.CheckLine("", v.Explanation, maxSentence) != nil {
				t.Errorf("the explanation %q is not a plain line", v.Explanation)
			}
		})
	}
}

func TestManyCheapConditionsTogetherCostTooMuch(t *testing.T) {
	t.Parallel()
	rules := make([]string, 40)
	for i := range rules {
		rules[i] = "petition.params.l.exists(x, x == -1) -> deny"
	}
	d := document(t, append(rules, "approve")...)
	few, many := `{"l":[1]}`, `{"l":[`+strings.Repeat("1,", 6000)+`1]}`
	if v, err := d.Decide(t.Context(), asks(params(few))); err != nil || v.Decision != approval.VerdictApprove {
		t.Errorf("got %+v, %v", v, err)
	}
	v, err := d.Decide(t.Context(), asks(params(many)))
	if err != nil || v.Rule != "policy-error" || !strings.Contains(v.Explanation, "cost too much") {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestADirectoryThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	broken := approval.Errorf(approval.Unavailable, "the database is down")
	in := asks(func(in *approval.PolicyInput) {
		in.Known = func(context.Context, string, []approval.Resource) ([]approval.Resource, error) { return nil, broken }
	})
	for _, when := range []string{
		"size(known) == 1 -> approve",
		"size(known) == 1 || true -> approve", // CEL answers true and forgets the error
		"size(known) == 1 && false -> deny",
	} {
		v, err := document(t, when, "approve").Decide(t.Context(), in)
		if !errors.Is(err, broken) || v.Decision != "" {
			t.Errorf("%s: got %+v, %v", when, v, err)
		}
	}
}

func TestACancelledCallIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v, err := document(t, "actor.id != '' -> approve").Decide(ctx, asks())
	if approval.CodeOf(err) != approval.Unavailable || v.Decision != "" {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestTheDirectoryIsReadOnlyByWhoLooks(t *testing.T) {
	t.Parallel()
	reads := 0
	in := asks(func(in *approval.PolicyInput) {
		know := in.Known
		in.Known = func(ctx context.Context, space string, asked []approval.Resource) ([]approval.Resource, error) {
			reads++
			return know(ctx, space, asked)
		}
	})
	for _, c := range []struct {
		rules []string
		want  int
	}{
		{[]string{"review"}, 0},
		{[]string{"actor.id == 'x' -> deny", "review"}, 0},
		{[]string{"actor.id == 'x' && size(known) > 0 -> deny", "review"}, 0},
		{[]string{"size(known) > 5 -> deny", "size(known) == 1 && known[0].id == 'prod-db' -> approve"}, 1},
	} {
		reads = 0
		if _, err := document(t, c.rules...).Decide(t.Context(), in); err != nil || reads != c.want {
			t.Errorf("%v: %d reads, %v, want %d", c.rules, reads, err, c.want)
		}
	}
}
