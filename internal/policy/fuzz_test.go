package policy

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// seeds are documents, right and wrong, that fuzzing begins with: each key stands in one of them.
var seeds = []string{
	Dev(), Default(), everyStage, tested + "- {name: it, petition: {resources: [{id: db}]}, expect: {verdict: review}}\n",
	"version: 1\nrules:\n- name: r\n  when: |\n    petition.params.amount < 100 &&\n      known.all(r, r.labels.tier == 'test')\n  approve: {duration: 1h}\n",
	`{"version": 1, "rules": [{"name": "r", "when": "actor.id == \"x\"", "deny": {"reason": "x"}}]}`,
	"version: 1\nrules: [{name: r, require: {reviewers: {persons: [a@x.example], roles: [Owner]}, count: 2, selfApproval: true}, decideWithin: 1h}]",
	"version: 1\nrules:\n- name: r\n  when: >\n   resources.exists(r, r.id.matches('^a+$'))\n  deny: {reason: \"\\u00e9\"}\n  # end",
	"version: 1\nrules: [{name: r, require: [{name: a, all: [{reviewers: {managers: m}}, {reviewers: {owners: o}}]}, {distinctFrom: [a], reviewers: {where: 'reviewer.labels.x == \"y\"'}}]}]",
	"version: 1\nrules: [{name: r, require: {reviewers: {groups: [g]}, notify: {persons: [a@x.example]}, remindAfter: 1h, escalate: [{after: 2h, reviewers: {roles: [Owner]}}]}, denials: 2}]",
	"version: 1\nrules: [{name: r, inputs: [{label: a, type: choice, choices: [x, y], optional: true}, {label: n, type: number, min: -1.5, max: 2}], approve: {duration: 1h}}]",
	"version: 1\nrules: [{name: r, breakGlass: {who: {groups: [g]}, duration: 1h, review: {within: 2h, require: [{reviewers: {roles: [Owner]}}]}}}]",
	"version: 1\nschedules: [{name: s, timeZone: Europe/Berlin, rotations: [{every: 12h, start: 2026-01-05T09:00, persons: [a@x.example, b@x.example], restrict: [{days: [mon, tue], from: '22:00', to: '06:00'}]}], " +
		"overrides: [{from: 2026-03-29T02:30, to: 2026-10-25T02:30, person: c@x.example}], fallback: {group: g}}]\nrules: [{name: r, when: actor.onCall.s, approve: {duration: 1h}}]",
	"version: 1\nschedules: [{name: s, source: {url: 'https://x.example/a', every: 5m}, fallback: {group: g}}]\nrules: [{name: r, require: {reviewers: {onCall: [s]}}}]\n" +
		"tests: [{name: t, as: {id: b, kind: serviceAccount, role: Editor, person: a@x.example}, at: 2026-01-05T09:00:00+01:00, known: [{id: a, kind: k, labels: {a: b}}], groups: {g: [b]}, " +
		"labels: {b: {x: y}}, onCall: {s: [a@x.example]}, petition: {resources: [{id: a, kind: k}], petitioners: [{id: b}], params: {a: [1, 2.5, true, {b: c}]}, labels: {a: b}, duration: 1h, startTime: 2026-01-06T09:00:00Z, reason: x}, " +
		"expect: {verdict: review, rule: r, reviewers: {onCall: [s]}, count: 1, duration: 1h, onCall: {s: [a@x.example]}}}]",
}

// Whatever the condition: it is refused at its place, or decides within its cost; one that fails sends the petition to the
// owners.
func FuzzCondition(f *testing.F) {
	for _, s := range []string{`actor.email.endsWith("@acmecorp.example")`, `resources.all(r, r.kind == "refund") && petition.params.amount < 100`,
		`known.exists(r, r.labels.tier in ["test", "dev"])`, `"a".matches("(a+)+$")`, `[1,2].map(x, [3,4].map(y, x * y)).size() > 0`, `1/0 == 1`, `petition.params.a.b.c`,
		`duration("1h") < petition.duration`, `timestamp(now) > timestamp("2030-01-01T00:00:00Z")`, `has(petition.params.x)`, `true ? false : true`, `"\xff"`, `b"\xff" == b""`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, when string) {
		if strings.ContainsFunc(when, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return // written out below as Go writes it, which is YAML only without these
		}
		text := fmt.Sprintf("version: 1\nrules:\n- name: r\n  when: %q\n  deny: {reason: no}\n", when)
		d, err := Compile(text)
		if err != nil {
			if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), "policy") {
				t.Fatalf("%q: %v", when, err)
			}
			return
		}
		began := time.Now()
		v, err := d.Decide(t.Context(), asks(params(`{"amount":1,"x":{"y":[1,2,3]}}`)))
		if took := time.Since(began); err != nil || took > 10*time.Second {
			t.Fatalf("%q: %s, %v", when, took, err)
		}
		checkVerdict(t, v)
		if v.Decision == approval.VerdictApprove {
			t.Fatalf("%q approves: %+v", when, v)
		}
	})
}

// Whatever the text is: it is refused as Invalid, or each of its rules gives a verdict that the centre takes.
func FuzzCompile(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Compile(text)
		if err != nil {
			if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), "policy") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		for _, r := range d.rules {
			checkVerdict(t, r.verdict)
		}
		in := asks(params(`{"amount":1}`), func(in *approval.PolicyInput) {
			in.Groups = func(context.Context, string, string) ([]string, error) { return []string{"g"}, nil }
			in.Labels = func(context.Context, string, string) (map[string]string, error) { return nil, nil }
		})
		v, err := d.Decide(t.Context(), in)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		checkVerdict(t, v)
		if e, err := d.Explain(t.Context(), in); err != nil || e.Verdict.Rule != v.Rule || len(e.Rules) == 0 {
			t.Fatalf("%q: %+v, %v", text, e, err)
		}
		for _, r := range d.RunTests(t.Context()) {
			if r.Passed != (len(r.Differences) == 0) || r.Name == "" || r.Line == 0 {
				t.Fatalf("%q: %+v", text, r)
			}
		}
		for name := range d.schedules {
			if who, err := d.OnCall(name, noon); err != nil || len(who.Persons) == 0 && who.Group == "" && d.schedules[name].source != nil {
				t.Fatalf("%q: %+v, %v", text, who, err)
			}
		}
	})
}

func checkVerdict(t *testing.T, v approval.Verdict) {
	t.Helper()
	if v.DecideWithin <= 0 || v.DefaultDuration <= 0 || v.MaxDuration > 0 && v.DefaultDuration > v.MaxDuration || v.Rule == "" || v.Explanation == "" {
		t.Fatalf("%+v", v)
	}
	switch v.Decision {
	case approval.VerdictApprove, approval.VerdictDeny:
	case approval.VerdictReview:
		if len(v.Requirements) == 0 || v.Requirements[0].Count < 1 {
			t.Fatalf("%+v", v)
		}
	default:
		t.Fatalf("%+v", v)
	}
}
