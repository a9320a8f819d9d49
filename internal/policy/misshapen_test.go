package policy

import (
	"strings"
	"testing"
)

// Whatever is not of the form of a document is told at once, each at its place, also where one part has several such mistakes.
func TestAllMistakesOfFormAreToldAtOnce(t *testing.T) {
	t.Parallel()
	const head = "version: 1\n"
	const review = "require: {reviewers: {roles: [Owner]}}"
	for name, c := range map[string]struct{ text, rule, test string }{
		"a rule": {head + `rules:
- name: one
  «wen: 'true'
  description: «7
  maxDuration: «3600
  denials: «many
  require:
    - name: first
      reviewers: {roles: «Owner, persons: [a@x.example, «8], «group: [x]}
      count: «1.5
      selfApproval: «yes please
    - reviewers: «[Owner]
      escalate: [{after: «4, reviewers: {roles: [Owner]}}, {«roles: x}]
      distinctFrom: «first
  inputs: [«ticket, {label: ticket, type: text, min: «low, «optoinal: true}]
`, "one", ""},
		"an approval and a denial": {head + "rules:\n- name: one\n  approve: «true\n  deny: {«reson: x}\n", "one", ""},
		"breaking the glass": {head + `rules:
- name: one
  breakGlass:
    who: «sre
    duration: «3600
    review: {«witin: 24h, require: «Owner}
`, "one", ""},
		"beside what is as it should be": {head + "dev: true\nrules:\n- name: one\n  «wen: x\n  require: {reviewers: {roles: [Owner]}, selfApproval: true, count: 1}\n  inputs: [{label: a, type: text, optional: true, maxLength: 5}]\n", "one", ""},
		"a test":                         {head + "rules: [{name: r, deny: {reason: x}}]\ntests:\n- name: t\n  as: «ada@x.example\n  petition: {resources: «{id: x}, labels: {a: «1}, params: «[1], «durations: 1h}\n  groups: {g: «ada@x.example}\n  expect: «deny\n", "", "t"},
		"a schedule":                     {head + "schedules:\n- name: s\n  rotations: [{every: «1, start: 2026-01-05, persons: «ada@x.example}]\n  «fallbacks: {group: x}\nrules:\n- {name: r, deny: {reason: x}}\n", "", ""},
		"the section about itself":       {head + "changes: {require: {reviewers: {roles: «Owner}}, decideWithin: «3600}\nrules:\n- {name: r, deny: {reason: x}}\n", "", ""},
		"the document itself":            {"version: «one\n«ruels: []\nname: «7\ndev: «maybe\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			toldAt(t, c.text, c.rule, c.test)
		})
	}
	t.Run("several parts at once", func(t *testing.T) {
		t.Parallel()
		x, err := Documents{}.Examine(t.Context(), head+"dev: maybe\nrules:\n- name: one\n  wen: x\n  approve: true\n- {name: two, maxDuration: 1, "+review+"}\n- {name: three, when: actor.idd, "+review+"}\n")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range x.Problems {
			got = append(got, p.Rule)
		}
		// What follows from a document that cannot be read is not looked for: of rule three only that would be told.
		if strings.Join(got, " ") != " one one two" {
			t.Errorf("got %v", x.Problems)
		}
	})
}

// toldAt demands that a document is refused for a mistake at each place that « marks, in their order, and for no other.
func toldAt(t *testing.T, marked, rule, test string) {
	t.Helper()
	type at struct{ line, column int }
	var want []at
	var text strings.Builder
	line, column := 1, 1
	for _, r := range marked {
		switch r {
		case '«':
			want = append(want, at{line, column})
			continue
		case '\n':
			line, column = line+1, 0
		}
		column++
		text.WriteRune(r)
	}
	x, err := Documents{}.Examine(t.Context(), text.String())
	if err != nil || len(x.Problems) != len(want) {
		t.Fatalf("got %d mistakes, %v, want %d:\n%v", len(x.Problems), err, len(want), x.Problems)
	}
	for i, p := range x.Problems {
		if (at{p.Line, p.Column}) != want[i] || p.Rule != rule || p.Test != test {
			t.Errorf("got %+v, want it at %+v", p, want[i])
		}
	}
}
