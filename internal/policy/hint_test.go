package policy

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// Whoever makes a common mistake reads what to do, at its place.
func TestACommonMistakeIsToldWithWhatToDo(t *testing.T) {
	t.Parallel()
	const rule = "version: 1\nrules:\n- name: r\n  "
	const review = "\n  require: {reviewers: {roles: [Owner]}}"
	const tested = rule + "deny: {reason: x}\ntests:\n- name: t\n  "
	cases := []struct{ name, text, rule, want string }{
		{"a tab", "version: 1\nrules:\n«\t- name: r\n", "", "a tab: indent with blanks"},
		{"a tab after blanks", rule + "deny:\n  «\treason: x\n", "", "a tab: indent with blanks"},
		{"a colon in a text", rule + "description: «Note: this breaks" + review, "", "put the text in quotes, such as description: 'Note: this breaks'"},
		{"a condition that begins with a quote", rule + "when: \"a\" «in actor.groups" + review, "", `put the whole condition in single quotes, such as when: '"a" in actor.groups'`},
		{"one that begins with a single quote", rule + "when: 'a' «in actor.groups" + review, "", "such as when: '''a'' in actor.groups'"},
		{"a condition that begins with a not", rule + "when: «!actor.onCall.x" + review, "", "such as when: '!actor.onCall.x'"},
		{"a condition that begins with a list", rule + "when: [1] «== [1]" + review, "", "such as when: '[1] == [1]'"},
		{"a text that begins with a word of YAML", rule + "description: «@ada" + review, "", "such as description: '@ada'"},

		{"one equals sign", rule + `when: actor.role «= "Owner"` + review, "r", "== compares"},
		{"a bracket left open", rule + `when: (actor.role == "Owner"«` + review, "r", "a bracket ( is not closed"},
		{"a bracket too much", rule + `when: actor.role == "Owner"«)` + review, "r", "a bracket ) is not opened"},
		{"half a condition", rule + `when: actor.role ==«` + review, "r", "ends too early"},
		{"a duration and a number", rule + "when: petition.duration «< 5" + review, "r", `duration("5h")`},
		{"a time and a text", rule + `when: now «< "2030-01-01"` + review, "r", `timestamp("2030-`},
		{"a list and a text", rule + `when: actor.groups «== "sre"` + review, "r", `"name" in a list`},
		{"a field of a thing in a loop", rule + `when: resources.all(r, r«.knd == "x")` + review, "r", "is it kind? there are altIds, displayName, email, groups, id, kind"},
		{"a field of the first thing", rule + `when: known[0]«.lables.x == "x"` + review, "r", "is it labels? there are altIds"},
		{"a field of who asks", rule + `when: actor«.Role == "x"` + review, "r", "is it role? there are displayName"},
		{"a text without quotes", rule + `when: actor.role == «Owner` + review, "r", "a text stands in quotes"},
		{"a variable that there is not", rule + `when: «resource[0].id == "x"` + review, "r", "'resources'?): there are actor, known, now"},

		{"approve: true", rule + "approve: «true", "r", "approve must be a mapping, such as approve: {duration: 1h}"},
		{"as with an address", tested + "as: «ada@x.example\n  petition: {resources: [{id: x}]}\n  expect: {verdict: deny}", "", "such as as: {id: ada@example.com"},
		{"a duration in seconds", rule + "approve: {duration: «3600}", "r", "duration must be text, in quotes where it is a number, such as duration: 1h"},
		{"roles that are none", rule + "require: {reviewers: {roles: «Owner}}", "r", "such as roles: [Owner]"},
		{"managers by a mapping", rule + "require: {reviewers: {managers: «{label: managerId}}}", "r", "such as managers: managerId"},
		{"reviewers in a list", rule + "require: {reviewers: «[Owner]}", "r", "such as reviewers: {roles: [Owner]}"},
		{"require with a list of names", rule + "require: [«Owner]", "r", "list of mappings"},
		{"expect with a word", tested + "petition: {resources: [{id: x}]}\n  expect: «deny", "", "such as expect: {verdict: review}"},
		{"resources that are one", tested + "petition: {resources: «{id: x}}\n  expect: {verdict: deny}", "", "such as resources: [{kind: database, id: prod}]"},

		{"no rules at all", "version: 1\nname: x\nrules: «[]", "", "at least one"},
		{"a word of ours", rule + "«broken: x" + review, "r", `unknown field "broken"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(c.text, tested) {
				x, err := Documents{}.Examine(t.Context(), strings.Replace(c.text, "«", "", 1))
				if err != nil || len(x.Problems) != 1 || x.Problems[0].Test != "t" || !strings.Contains(x.Problems[0].Message, c.want) {
					t.Errorf("got %v, %v, want %q in test t", x.Problems, err, c.want)
				}
				return
			}
			wrong(t, c.text, c.rule, c.want)
		})
	}
}

// A rule tells all its mistakes that do not follow from one another, and none that does.
func TestAllThatIsWrongWithARuleIsToldAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rule string
		want []string // "line: part of the message"
	}{
		"a review": {`- name: one
  when: actor.idd == "x" && petition.params.a == 1 && resources.all(r, r.kin == "db")
  require:
    - name: first
      reviewers: {roles: [Boss, Owner], persons: [ada, bob@example.com, bob@example.com], onCall: [nowhere]}
      count: 0
    - reviewers: {groups: [" dba"]}
      distinctFrom: [second, first]
      remindAfter: 1000h
      escalate:
        - {after: 2h, reviewers: {}}
        - {after: 1h, reviewers: {roles: [Owner]}}
  denials: 0
  inputs:
    - {label: ticket, type: txt}
    - {type: text}
`, []string{"4: is it id?", "4: undefined field 'kin'", `7: there is no role "Boss"`, `7: "ada" must be`, "7: stands here twice", `7: no schedule "nowhere"`, "8: count must be", "9: begins or ends with a space",
			`10: no earlier stage of this rule has the name "second"`, "11: is never reached", "13: names nobody", "14: 1h0m0s is not after 2h0m0s", "15: denials must be", "17: text, number", "18: needs a label"}},
		"an approval": {"- name: one\n  approve: {duration: 1x}\n  decideWithin: 1h\n  maxDuration: 2h\n  denials: 1\n",
			[]string{`4: "1x"`, "5: leave decideWithin out", "6: leave maxDuration out", "7: only a rule with require"}},
		"a denial": {"- name: one\n  deny: {reason: ''}\n  decideWithin: 1h\n  maxDuration: 2h\n", []string{"3: needs a reason", "5: leave durations out", "6: leave durations out"}},
		"breaking the glass": {"- name: one\n  breakGlass:\n    who: {roles: [Boss]}\n    duration: 1x\n    review:\n      within: 2x\n      require: {reviewers: {roles: [Chief]}, remindAfter: 100h}\n",
			[]string{`5: no role "Boss"`, `6: "1x"`, `8: "2x"`, `9: no role "Chief"`}},
		"time that cannot be read": {"- name: one\n  decideWithin: soon\n  require: {reviewers: {roles: [Owner]}, remindAfter: 1000h}\n", []string{`4: "soon"`}},
		"a mistake of the syntax":  {"- name: one\n  when: actor.id == && now ==\n  deny: {reason: x}\n", []string{"4: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, err := Documents{}.Examine(t.Context(), "version: 1\nrules:\n"+c.rule)
			if err != nil || len(x.Problems) != len(c.want) {
				t.Fatalf("got %d, %v, want %d:\n%v", len(x.Problems), err, len(c.want), x.Problems)
			}
			for i, w := range c.want {
				line, has, _ := strings.Cut(w, ": ")
				if p := x.Problems[i]; strconv.Itoa(p.Line) != line || p.Rule != "one" || !strings.Contains(p.Message, has) {
					t.Errorf("got %v, want line %s and %q", p, line, has)
				}
			}
		})
	}
}

// Whoever mends a document mends all of it: what is wrong with each part is told, in the order of the text.
func TestAllThatIsWrongIsToldAtOnce(t *testing.T) {
	t.Parallel()
	const text = `version: 1
schedules:
- {name: primary}
changes: {require: {reviewers: {}}}
rules:
- name: one
  when: actor.onCall.primary
  approve: true
- name: two
  when: actor.idd == "x"
  deny: {reason: x}
- name: one
  deny: {reason: x}
- name: fine
  deny: {reason: x}
tests:
- {name: a, as: ada@example.com, petition: {resources: [{id: x}]}, expect: {verdict: deny}}
- {name: b, petition: {resources: [{id: x}]}, expect: {verdict: deny, rule: one}}
- {name: c, petition: {resources: [{id: x}]}, expect: {verdict: deny, rule: three}}
`
	x, err := Documents{}.Examine(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		line      int
		rule, has string
	}{{3, "", "needs rotations"}, {4, "", "by nobody"}, {8, "one", "approve: {duration"}, {10, "two", "is it id?"}, {12, "one", "line 6"}, {17, "", "as must be"}, {19, "", `no rule "three"`}}
	if len(x.Problems) != len(want) {
		t.Fatalf("got %d problems %v, want %d", len(x.Problems), x.Problems, len(want))
	}
	for i, w := range want {
		if p := x.Problems[i]; p.Line != w.line || p.Rule != w.rule || !strings.Contains(p.Message, w.has) {
			t.Errorf("got %v, want line %d, rule %q and %q", p, w.line, w.rule, w.has)
		}
	}
	if _, err := Compile(text); !strings.Contains(err.Error(), "needs rotations") {
		t.Errorf("the first is the error, not %v", err)
	}
	many := "version: 1\nrules:\n" + strings.Repeat("- {name: x, approve: true}\n", 30)
	if x, _ := (Documents{}).Examine(t.Context(), many); len(x.Problems) != maxWrong || !slices.IsSortedFunc(x.Problems, func(a, b approval.Finding) int { return a.Line - b.Line }) {
		t.Errorf("got %d problems, want the first %d", len(x.Problems), maxWrong)
	}
}

// A role or a kind that nobody can have is warned of, at its place.
func TestARoleThatThereIsNotIsWarnedOf(t *testing.T) {
	t.Parallel()
	for when, want := range map[string][]string{
		`actor.role == "Ownr"`:                                  {`line 4, column 23: rule "r": there is no role "Ownr": is it Owner? there are Viewer, Auditor, Petition Admin, Editor, Owner`},
		`"owner" != actor.role`:                                 {`line 4, column 9: rule "r": there is no role "owner": is it Owner?`},
		`actor.kind in ["user", "bot", "robot"]`:                {`column 32: rule "r": there is no kind "bot"`, `column 39: rule "r": there is no kind "robot": there are user, serviceAccount`},
		`actor.role == "Owner" && actor.kind == "user"`:         nil,
		`resources.all(r, r.kind == "bot")`:                     nil,
		`actor.displayName == "Ownr" || "Ownr" in actor.groups`: nil,
	} {
		quoted := when
		mark := 0
		if strings.HasPrefix(when, `"`) {
			quoted, mark = "'"+when+"'", 1
		}
		d, err := Compile("version: 1\nrules:\n- name: r\n  when: " + quoted + "\n  deny: {reason: x}\n- {name: rest, deny: {reason: x}}\n")
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Warnings) != len(want) {
			t.Fatalf("%s: got %v, want %d warnings", when, d.Warnings, len(want))
		}
		for i, w := range want {
			w = strings.Replace(w, "column 9", "column "+strconv.Itoa(9+mark), 1)
			if !strings.Contains(d.Warnings[i].String(), w) {
				t.Errorf("%s: got %v, want %s", when, d.Warnings[i], w)
			}
		}
	}
}
