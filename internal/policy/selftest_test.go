package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

const tested = `
version: 1
name: tested
schedules:
  - name: primary
    timeZone: Europe/Berlin
    rotations: [{every: 1w, start: 2026-01-05T09:00, persons: [ada@x.example, bea@x.example]}]
  - name: pager
    source: {url: "https://pager.example"}
    fallback: {group: sre}
rules:
  - name: on-call
    when: |
      (actor.onCall.primary || actor.onCall.pager) &&
        known.all(r, r.labels.tier == "test")
    approve: {duration: 2h}
  - name: contractors
    when: '"contractors" in actor.groups && now > timestamp("2026-06-30T00:00:00Z")'
    deny: {reason: The contract has ended.}
  - name: glass
    breakGlass: {who: {groups: [sre]}, duration: 1h, review: {require: {reviewers: {roles: [Owner]}, count: 2}, within: 24h}}
  - name: big
    when: has(petition.params.amount) && petition.params.amount >= 100
    require:
      - {name: team, reviewers: {groups: [payments, finance]}, count: 2, escalate: [{after: 4h, reviewers: {roles: [Owner]}}]}
      - {reviewers: {roles: [Owner]}, distinctFrom: [team], confirm: passkey}
    maxDuration: 4h
    denials: 2
    inputs: [{label: ticket, type: text}, {label: amount, type: number}]
  - name: rest
    require: {reviewers: {owners: owner}}
tests:
`

func TestADocumentBringsItsTests(t *testing.T) {
	t.Parallel()
	const ask = "petition: {resources: [{id: db, kind: database}, {id: db2, kind: database}]"
	const amount = "petition: {resources: [{id: db}], params: {amount: 100, deep: {list: [1, a, true]}}, labels: {ticket: T-1, amount: '100'}, reason: for x}"
	cases := []struct{ name, test, want string }{
		{"everything that can be said of a review", amount + ", expect: {verdict: review, rule: big, duration: 1h, maxDuration: 4h, decideWithin: 168h, denials: 2, inputs: [ticket, amount], " +
			"stages: [{reviewers: {groups: [finance, payments]}, count: 2, name: team}, {reviewers: {roles: [Owner]}, confirm: passkey, distinctFrom: [team]}]}", ""},
		{"an escalation that is wanted", amount + ", expect: {verdict: review, stages: [{reviewers: {groups: [finance, payments]}, count: 2, escalate: [{after: 3h, reviewers: {roles: [Owner]}}]}, {reviewers: {roles: [Owner]}, confirm: passkey}]}",
			"stages: got 2 of groups [finance, payments], after 4h also roles [Owner], then 1 of roles [Owner], confirmed with a passkey, want 2 of groups [finance, payments], after 3h also"},
		{"another count", amount + ", expect: {verdict: review, stages: [{reviewers: {groups: [finance, payments]}}, {reviewers: {roles: [Owner]}, confirm: passkey}]}", "stages: got 2 of"},
		{"stages that are one", amount + ", expect: {verdict: review, stages: [{all: [{reviewers: {groups: [finance, payments]}, count: 2}, {reviewers: {roles: [Owner]}, confirm: passkey}]}]}", "then 1 of roles [Owner], confirmed with a passkey, want 2 of groups [finance, payments], and 1 of"},
		{"stages of none", ask + "}, expect: {verdict: review, stages: [{reviewers: {roles: [Owner]}}]}", "stages: got 1 of owners owner, want 1 of roles [Owner]"},
		{"one requirement for each resource", ask + "}, expect: {verdict: review, rule: rest, reviewers: {owners: owner}, count: 1, stages: {reviewers: {owners: owner}}}", ""},
		{"count of several", amount + ", expect: {verdict: review, count: 2}", "count: got 2 requirements: 2 of groups"},
		{"another rule", amount + ", expect: {verdict: review, rule: rest}", "rule: got big, want rest"},
		{"another verdict", amount + ", expect: {verdict: approve}", "verdict: got review, want approve"},
		{"longer than is allowed", "petition: {resources: [{id: db}], params: {amount: 100}, labels: {ticket: T-1, amount: '100'}, duration: 8h}, expect: {verdict: review, duration: 8h}", "duration: got a refusal: at most 4h"},
		{"for as long as is asked", "petition: {resources: [{id: db}], duration: 30m}, expect: {verdict: review, duration: 30m}", ""},

		{"on call", ask + "}, known: [{id: db, kind: database, labels: {tier: test}}, {id: db2, kind: database, labels: {tier: test}}], as: {id: ADA@x.example}, expect: {verdict: approve, rule: on-call, duration: 2h}", ""},
		{"what is half known", ask + "}, known: [{id: db, kind: database, labels: {tier: test}}], as: {id: ADA@x.example}, expect: {verdict: review, rule: rest}", ""},
		{"off duty", ask + "}, as: {id: ada@x.example}, at: 2026-01-12T09:00:00+01:00, expect: {verdict: review, rule: rest, onCall: {primary: [bea@x.example]}}", ""},
		{"somebody else is on call", ask + "}, at: 2026-01-12T09:00:00+01:00, expect: {verdict: review, onCall: {primary: [ada@x.example]}}", "onCall.primary: got [bea@x.example], want [ada@x.example]"},
		{"on call elsewhere", "petition: {resources: [{id: db}]}, known: [{id: db, labels: {tier: test}}], as: {id: eve@x.example}, onCall: {pager: [eve@x.example]}, expect: {verdict: approve}", ""},
		{"elsewhere cannot be read", "petition: {resources: [{id: db}]}, known: [{id: db, labels: {tier: test}}], as: {id: eve@x.example}, groups: {sre: [eng], eng: [EVE@x.example]}, expect: {verdict: approve, onCall: {pager: [eve@x.example]}}",
			"onCall.pager: got the group sre, want [eve@x.example]"},
		{"a contractor", ask + "}, as: {id: bot, kind: serviceAccount, person: eve@x.example}, groups: {contractors: [bot]}, at: '2026-07-01T00:00:00Z', expect: {verdict: deny, reason: The contract has ended.}", ""},
		{"no longer than that", ask + "}, groups: {contractors: [someone@example.com]}, at: '2026-07-01T00:00:00Z', expect: {verdict: deny, duration: 1h}", "duration: got no grant, want 1h"},
		{"the glass", "petition: {resources: [{id: db}], labels: {indent.com/breakGlass: 'true'}}, as: {id: eve@x.example}, groups: {sre: [eve@x.example]}, expect: {verdict: breakGlass, reviewers: {roles: [Owner]}, count: 2, duration: 1h}", ""},
		{"what the rule asks for is left out", "petition: {resources: [{id: db}], params: {amount: 100}, labels: {amount: '1'}}, expect: {verdict: review, rule: big}", "petition: got a refusal: petition.meta.labels.ticket: is required by rule \"big\""},
		{"what the rule asks for is no number", "petition: {resources: [{id: db}], params: {amount: 100}, labels: {ticket: T-1, amount: many}}, expect: {verdict: review}", "petition: got a refusal: petition.meta.labels.amount: must be a number"},
		{"a condition that fails where an answer is wanted", "petition: {resources: [{id: db}], params: {amount: many}}, expect: {verdict: approve, rule: big}",
			"verdict: got review, because the condition of rule \"big\" could not be evaluated (no such overload): the space's owners decide, want approve"},
		{"begun later, which a rule approves at once", ask + ", startTime: '2026-01-12T13:00:00Z', duration: 1h}, as: {id: bea@x.example}, at: '2026-01-12T12:00:00Z', known: [{id: db, kind: database, labels: {tier: test}}, {id: db2, kind: database, labels: {tier: test}}], " +
			"expect: {verdict: review, rule: policy-error, reviewers: {roles: [Owner]}, duration: 1h, maxDuration: 2h, reason: 'rule \"on-call\" approves what begins at once, and this begins at 2026-01-12T13:00:00Z: the space''s owners decide'}", ""},
		{"begun when a rule denies it", ask + ", startTime: '2026-07-01T00:00:00Z'}, groups: {contractors: [someone@example.com]}, at: '2026-06-01T00:00:00Z', " +
			"expect: {verdict: deny, rule: contractors, reason: 'when it would begin, at 2026-07-01T00:00:00Z: The contract has ended.'}", ""},
		{"begun before a rule denies it", ask + ", startTime: '2026-06-29T00:00:00Z'}, groups: {contractors: [someone@example.com]}, at: '2026-06-01T00:00:00Z', expect: {verdict: review, rule: rest}", ""},
		{"denied now, whenever it begins", ask + ", startTime: '2026-08-01T00:00:00Z'}, groups: {contractors: [someone@example.com]}, at: '2026-07-01T00:00:00Z', expect: {verdict: deny, reason: The contract has ended.}", ""},
		{"an emergency that waits", "petition: {resources: [{id: db}], labels: {indent.com/breakGlass: 'true'}, startTime: '2026-01-05T13:00:00Z'}, as: {id: eve@x.example}, groups: {sre: [eve@x.example]}, expect: {verdict: breakGlass}",
			"petition: got a refusal: petition.startTime: an emergency does not wait: leave it out, want one that can be made"},
		{"a condition that fails", "petition: {resources: [{id: db}], params: {amount: many}}, expect: {verdict: review, rule: policy-error}", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := tested + "- {name: it, " + c.test + "}\n"
			report, err := Examine(text)
			if len(report.Tests) != 1 {
				t.Fatalf("got %+v, %v", report, err)
			}
			r := report.Tests[0]
			var got []string
			for _, d := range r.Differences {
				got = append(got, d.String())
			}
			if said := strings.Join(got, "; "); !strings.HasPrefix(said, c.want) && !strings.Contains(said, c.want) || (c.want == "") != (said == "") {
				t.Errorf("got %q, want %q", said, c.want)
			}
			if r.Passed != (c.want == "") || (err == nil) != r.Passed || r.Name != "it" || r.Line != strings.Count(tested, "\n")+1 || r.Column != 3 {
				t.Errorf("got %+v, %v", r, err)
			}
		})
	}
}

// A document whose tests fail is not taken, and all results are told.
func TestExamineSaysWhichTestFailed(t *testing.T) {
	t.Parallel()
	text := "version: 1\nname: x\nrules:\n- {name: r, when: 'true', deny: {reason: no}}\ntests:\n" +
		"- {name: good, petition: {resources: [{id: a}]}, expect: {verdict: deny}}\n" +
		"- {name: bad, petition: {resources: [{id: a}]}, expect: {verdict: approve, reason: yes it is}}\n"
	report, err := Examine(text)
	var p *Problem
	if approval.CodeOf(err) != approval.Invalid || !errors.As(err, &p) {
		t.Fatal(err)
	}
	want := `policy.tests[1]: line 7, column 3: test "bad": it failed (1 of 2 passed): verdict: got deny, want approve`
	if err.Error() != want || report.Passed() != 1 || len(report.Tests) != 2 || len(report.Warnings) != 1 || report.Name != "x" || report.Rules != 1 {
		t.Errorf("got %v, %+v", err, report)
	}
	differences := []Difference{{"verdict", "deny", "approve"}, {"reason", "no", "yes it is"}}
	if diff := cmp.Diff(differences, report.Tests[1].Differences); diff != "" {
		t.Error(diff)
	}
	if report, err := Examine(strings.Replace(text, "approve, reason: yes it is", "deny", 1)); err != nil || report.Passed() != 2 {
		t.Errorf("got %v, %+v", err, report)
	}
	if _, err := Examine("rules: 7"); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsWrongWithTestsIsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	const head = "version: 1\nschedules: [{name: s, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example]}]}]\nrules: [{name: r, deny: {reason: x}}]\ntests:\n- "
	const ask = "petition: {resources: [{id: a}]}"
	const expect = "expect: {verdict: deny}"
	cases := []struct{ name, text, test, want string }{
		{"no name", "«{" + ask + ", " + expect + "}", "", "needs a name"},
		{"no petition", "«{name: t, " + expect + "}", "t", "needs a petition"},
		{"a petition for nothing", "«{name: t, petition: {}, " + expect + "}", "t", "needs a petition with resources"},
		{"no expectation", "«{name: t, " + ask + "}", "t", "needs expect.verdict"},
		{"an expectation of nothing", "«{name: t, " + ask + ", expect: {}}", "t", "needs expect.verdict"},
		{"an unknown key", "{name: t, " + ask + ", " + expect + ", «when: x}", "t", `unknown field "when"`},
		{"an unknown key of a petition", "{name: t, petition: {resources: [{id: a}], «params2: {}}, " + expect + "}", "t", "unknown field"},
		{"an unknown verdict", "{name: t, " + ask + ", expect: {verdict: «allow}}", "t", `no verdict "allow"`},
		{"an unknown rule", "{name: t, " + ask + ", expect: {verdict: deny, rule: «other}}", "t", `no rule "other"`},
		{"an unknown role", "{name: t, as: {id: a@x.example, role: «Boss}, " + ask + ", " + expect + "}", "t", "no role"},
		{"a resource that is none", "{name: t, petition: «{resources: [{kind: a}]}, " + expect + "}", "t", "needs an id"},
		{"params that are none", "{name: t, petition: {resources: [{id: a}], params: «[1]}, " + expect + "}", "t", "JSON object"},
		{"a number as a label", "{name: t, petition: {resources: [{id: a}], labels: {a: «1}}, " + expect + "}", "t", "quotes"},
		{"a moment without a zone", "{name: t, at: «2026-01-05T12:00, " + ask + ", " + expect + "}", "t", "must be a moment"},
		{"a beginning without a zone", "{name: t, petition: {resources: [{id: a}], startTime: «2026-01-06T12:00}, " + expect + "}", "t", "must be a moment"},
		{"a beginning that has passed", "{name: t, petition: {resources: [{id: a}], startTime: «2026-01-05T12:00:00Z}, " + expect + "}", "t", "must lie in the future, at most 90 days away"},
		{"a beginning in a year", "{name: t, petition: {resources: [{id: a}], startTime: «2027-01-06T12:00:00Z}, " + expect + "}", "t", "must lie in the future, at most 90 days away"},
		{"a duration that is none", "{name: t, " + ask + ", expect: {verdict: deny, duration: «1 hour}}", "t", "must be a duration"},
		{"a schedule that is not there", "{name: t, onCall: {x: [«a@x.example]}, " + ask + ", " + expect + "}", "t", "no schedule"},
		{"a schedule without a source", "{name: t, onCall: {s: [«a@x.example]}, " + ask + ", " + expect + "}", "t", "has no source"},
		{"reviewers of nobody", "{name: t, " + ask + ", expect: {verdict: deny, reviewers: «{}}}", "t", "names nobody"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrong(t, head+c.text+"\n", "", c.want)
			before, after, _ := strings.Cut(c.text, "«")
			_, err := Compile(head + before + after)
			var p *Problem
			if errors.As(err, &p); p.Test != c.test {
				t.Errorf("%v names the test %q, want %q", err, p.Test, c.test)
			}
		})
	}
}

// Many tests are run within a bounded time: each costs what a decision costs.
func TestADocumentMayHaveManyTests(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("version: 1\nrules: [{name: r, deny: {reason: x}}]\ntests:\n")
	for i := range maxTests {
		fmt.Fprintf(&b, "- {name: t%d, petition: {resources: [{id: a}]}, expect: {verdict: deny}}\n", i)
	}
	report, err := Examine(b.String())
	if err != nil || report.Passed() != maxTests {
		t.Errorf("%d passed, %v", report.Passed(), err)
	}
	_, err = Compile(b.String() + "- {name: more, petition: {resources: [{id: a}]}, expect: {verdict: deny}}\n")
	if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "at most 1000 tests") {
		t.Error(err)
	}
}

// A document whose tests are made to be slow is refused within a bounded time.
func TestTheTestsOfADocumentCostABoundedAmount(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	list := strings.TrimSuffix(strings.Repeat("1,", 400), ",")
	fmt.Fprintf(&b, "version: 1\nrules:\n- name: r\n  when: petition.params.l.all(a, petition.params.l.exists(b, b == 2) == false)\n  deny: {reason: x}\ntests:\n")
	for i := range 200 {
		fmt.Fprintf(&b, "- {name: t%d, petition: {resources: [{id: a}], params: {l: [%s]}}, expect: {verdict: review, rule: policy-error}}\n", i, list)
	}
	report, err := Examine(b.String())
	if err == nil || report.Passed() == 0 || report.Passed() > 60 || !strings.Contains(err.Error(), "cost too much") {
		t.Errorf("%d passed, %v", report.Passed(), err)
	}
}
