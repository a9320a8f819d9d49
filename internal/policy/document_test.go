package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/lexer"

	"github.com/indent-approvals/indent/internal/approval"
)

// Each text is wrong at the place that « marks (the mark is taken out first; a text without one is wrong as a whole).
func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	t.Parallel()
	const rules = "version: 1\nrules:\n"
	const rule = rules + "- name: r\n  "
	const review = "require: {reviewers: {roles: [Owner]}}"
	cases := []struct{ name, text, rule, want string }{
		{"nothing", "«", "", "one document"},
		{"two documents", "«version: 1\n---\nversion: 1\n", "", "one document"},
		{"not a mapping", "«- a", "", "mapping"},
		{"not YAML", "version: 1\nrules: «[", "", "sequence end"},
		{"no version", "name«: x\nrules: []", "", "version: 1 is missing"},
		{"a version of the future", "version: «2\nrules: []", "", "version 1"},
		{"no rules", "version«: 1", "", "at least one"},
		{"rules that are none", "version: 1\nrules: «7", "", "must be a list"},
		{"an unknown key", "version: 1\n«ruels: []", "", `unknown field "ruels"`},
		{"an unknown key of a rule", rule + "«wen: 'true'\n  " + review, "r", `unknown field "wen"`},
		{"an unknown key of require", rule + "require: {reviewers: {roles: [Owner]}, «counts: 2}", "r", "unknown field"},
		{"a key twice", rule + review + "\n  «name: s", "", "already defined"},
		{"a number for text", rules + "- name: «7\n  " + review, "", "quotes"},
		{"a truth value for text", rule + "when: «true\n  " + review, "r", "quotes"},
		{"a text for a truth value", "version: 1\ndev: «yes please\nrules: []", "", "dev must be true or false"},
		{"a key without a value", rule + "when:«\n  approve: {duration: 1h}", "", "no value"},
		{"an empty condition", rule + "when: «''\n  approve: {duration: 1h}", "r", "when is empty"},
		{"an alias", "version: 1\nname: «&a x\nrules: *a", "", "anchors"},
		{"a tag", "version: 1\nname: «!!str x", "", "tags"},
		{"a merge", rule + "«<<: {name: x}", "", "not part of the format"},
		{"a key that is a word of ours", rule + "«place: {row: 1}\n  " + review, "r", `unknown field "place"`},
		{"too deep", "version: 1\nrules: " + strings.Repeat("[", 16) + "«[", "", "deep"},
		{"too many keys", manyKeys(33), "", "more than 32 keys"},

		{"no name", rules + "- require«: {reviewers: {roles: [Owner]}}", "", "needs a name"},
		{"a name twice", rule + review + "\n- name: «r\n  " + review, "r", "taken"},
		{"a name of the product's", rules + "- name: «policy-error\n  " + review, "policy-error", "taken"},
		{"a name that hides something", rules + "- name: «\"a\\u202eb\"\n  " + review, "a\u202eb", "U+202E"},
		{"a name of two lines", rules + "- name: «\"a\\nb\"\n  " + review, "a\nb", "control character"},
		{"a name that is too long", rules + "- name: «" + strings.Repeat("x", 101) + "\n  " + review, strings.Repeat("x", 101), "101 characters"},
		{"a description that is too long", rule + "description: «" + strings.Repeat("x", 501) + "\n  " + review, "r", "501 characters"},

		{"no answer", rules + "- name«: r", "r", "exactly one"},
		{"two answers", rules + "- name«: r\n  deny: {reason: x}\n  " + review, "r", "exactly one"},
		{"approve without a duration", rules + "- name«: r\n  approve: {}", "r", "approve needs a duration"},
		{"approve for no time", rule + "approve: {duration: «0s}", "r", "duration such as 1h30m"},
		{"approve in seconds", rule + "approve: {duration: «3600}", "r", "quotes"},
		{"approve and decideWithin", rule + "approve: {duration: 1h}\n  decideWithin: «1h", "r", "leave decideWithin out"},
		{"approve and maxDuration", rule + "approve: {duration: 1h}\n  maxDuration: «2h", "r", "leave maxDuration out"},
		{"a default beyond what is approved", rule + "approve: {duration: 1h}\n  defaultDuration: «2h", "r", "longer than the maximum"},
		{"a default beyond the maximum", rule + review + "\n  maxDuration: 1h\n  defaultDuration: «2h", "r", "longer than the maximum"},
		{"deny without a reason", rules + "- name«: r\n  deny: {}", "r", "needs a reason"},
		{"deny for a time", rule + "deny: {reason: x}\n  maxDuration: «1h", "r", "leave durations out"},
		{"decided within for ever", rule + review + "\n  decideWithin: «1000000h", "r", "at most ten years"},
		{"reviewed by nobody", rule + "require: {reviewers: «{}}", "r", "by nobody"},
		{"an unknown confirmation", rule + "require: {reviewers: {roles: [Owner]}, confirm: «password}", "r", `no confirm "password"`},
		{"an unknown role", rule + "require: {reviewers: {roles: [«owner]}}", "r", `no role "owner"`},
		{"a role twice", rule + "require: {reviewers: {roles: [Owner, «Owner]}}", "r", "twice"},
		{"a person who has no address", rule + "require: {reviewers: {persons: [«ada]}}", "r", "address"},
		{"a person twice", rule + "require: {reviewers: {persons: [a@x.example, «A@x.example]}}", "r", "twice"},
		{"count of none", rule + "require: {reviewers: {roles: [Owner]}, count: «0}", "r", "must be 1 to"},
		{"count of a half", rule + "require: {reviewers: {roles: [Owner]}, count: «1.9}", "r", "whole number"},
		{"count beyond the persons", rule + "require: {reviewers: {persons: [a@x.example]}, count: «2}", "r", "nobody could ever"},

		{"an unknown field", rule + "when: petition«.raeson == 'x'\n  " + review, "r", "undefined field 'raeson'"},
		{"an unknown variable", rule + "when: «user == 'x'\n  " + review, "r", "undeclared reference to 'user'"},
		{"an unknown field, quoted", rule + "when: 'actor.id == ''x'' && actor«.name == ''x'''\n  " + review, "r", "undefined field"},
		{"an unknown field, in JSON", `{"version": 1, "rules": [{"name": "r", "when": "actor.id == \"\u0041\" && actor«.name == ''", "deny": {"reason": "x"}}]}`, "r", "undefined field"},
		{"an unknown field, in a block", rule + "when: |\n\n    actor.id == 'x' &&\n      actor«.name == 'y'\n  " + review, "r", "undefined field"},
		{"an unknown field, folded", rule + "when: «>\n    actor.id == 'x' &&\n    actor.name == 'y'\n  " + review, "r", "undefined field"},
		{"a comparison of two types", rule + "when: actor.id «== 1\n  " + review, "r", "no matching overload"},
		{"half a condition", rule + "when: actor.id ==«\n  " + review, "r", "Syntax error"},
		{"neither true nor false", rule + "when: «actor.id\n  " + review, "r", "must be true or false, it is of type string"},
		{"a param that may be anything", rule + "when: «petition.params.ok\n  " + review, "r", "compare it"},
		{"a pattern that is none", rule + "when: actor.id.matches(«'(')\n  " + review, "r", "invalid matches argument"},
		{"loops in loops", rule + "when: resources.all(a, resources.all(b, resources.all(c, resources.all«(d, a.id == d.id))))\n  " + review, "r", "nesting"},
		{"a condition that hides something", rule + "when: «\"actor.id == 'a\\u2066b'\"\n  " + review, "r", "U+2066"},
		{"a condition that is too long", rule + "when: «" + strings.Repeat("x", 10_001) + "\n  " + review, "r", "10001 characters"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wrong(t, c.text, c.rule, c.want)
		})
	}
}

// wrong demands that the text is refused: at the place that « marks, for the fault of the rule, with what is wanted in what
// is said.
func wrong(t *testing.T, text, rule, want string) {
	t.Helper()
	before, after, marked := strings.Cut(text, "«")
	_, err := Compile(before + after)
	var p *Problem
	if approval.CodeOf(err) != approval.Invalid || !errors.As(err, &p) {
		t.Fatalf("got %v, want an Invalid with a Problem", err)
	}
	if marked {
		line := strings.Count(before, "\n") + 1
		column := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
		if p.Line != line || p.Column != column {
			t.Errorf("%v: want line %d, column %d", err, line, column)
		}
	}
	if p.Rule != rule || !strings.Contains(p.Message, want) {
		t.Errorf("got rule %q: %s, want rule %q and %q", p.Rule, p.Message, rule, want)
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		if i == n-1 {
			b.WriteString("«")
		}
		fmt.Fprintf(&b, "k%d: {}\n", i)
	}
	return b.String()
}

// A rule that approves sees what binds and what the server knows, nothing that the requester says about itself (I13).
func TestARuleThatApprovesCannotSeeWhatOnlyDescribes(t *testing.T) {
	t.Parallel()
	cases := map[string]bool{
		"petition.reason == 'x'":                           false,
		"petition.labels.x == 'x'":                         false,
		"has(petition.labels)":                             false,
		"resources[0].labels.tier == 'test'":               false,
		"resources.exists(r, r.displayName == 'x')":        false,
		"resources[0].email == 'x'":                        false,
		"'x' in resources[0].altIds":                       false,
		"petitioners[0].email.endsWith('@x.example')":      false,
		"petitioners[0].labels.x == 'x'":                   false,
		"petition.params.x == 'x'":                         true,
		"petition.duration < duration('1h')":               true,
		"resources[0].id == 'x' && resources[0].kind=='x'": true,
		"petitioners[0].id == actor.id":                    true,
		"known[0].labels.x == known[0].displayName":        true,
		"'x' in known[0].altIds && known[0].email == 'x'":  true,
		"actor.email == 'x' && actor.displayName == 'x'":   true,
		"now < timestamp('2030-01-01T00:00:00Z')":          true,
	}
	for when, binds := range cases {
		for answer, allowed := range map[string]bool{"approve: {duration: 1h}": binds, "deny: {reason: x}": true, "require: {reviewers: {roles: [Owner]}}": true} {
			_, err := Compile(fmt.Sprintf("version: 1\nrules:\n- name: r\n  when: %q\n  %s\n", when, answer))
			if (err == nil) != allowed {
				t.Errorf("%s with %s: got %v", answer, when, err)
			}
			if !allowed && !strings.Contains(fmt.Sprint(err), "must not rest on what the requester says") {
				t.Errorf("%s: the error does not say why: %v", when, err)
			}
		}
	}
}

func TestADocumentIsBounded(t *testing.T) {
	t.Parallel()
	many := func(n int) string {
		var b strings.Builder
		b.WriteString("version: 1\nrules:\n")
		for i := range n {
			fmt.Fprintf(&b, "- {name: r%d, deny: {reason: x}}\n", i)
		}
		return b.String()
	}
	if _, err := Compile(many(maxRules)); err != nil {
		t.Errorf("%d rules: %v", maxRules, err)
	}
	if _, err := Compile(many(maxRules + 1)); approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "at most 1000 rules") {
		t.Errorf("%d rules: %v", maxRules+1, err)
	}
	full := "version: 1\nrules:\n- {name: r, deny: {reason: x}}\n#"
	full += strings.Repeat("x", maxDocument-len(full))
	if _, err := Compile(full); err != nil {
		t.Errorf("%d bytes: %v", len(full), err)
	}
	if _, err := Compile(full + "x"); approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "at most 262144") {
		t.Errorf("%d bytes: %v", len(full)+1, err)
	}
}

// Texts for which the YAML parser alone takes from seconds to minutes, and gigabytes: it must not see them.
func TestTextsMadeToStallTheParserAreRefusedBeforeIt(t *testing.T) {
	t.Parallel()
	fill := func(s string) string { return strings.Repeat(s, maxDocument/len(s)) }
	for s, want := range map[string]string{
		fill("{a: "):               "nested too deeply",
		fill("["):                  "nested too deeply",
		fill("- "):                 "nested too deeply",
		fill("- [\n"):              "nested too deeply",
		fill("? "):                 "complex keys",
		fill("&a "):                "anchors",
		fill("a: {}\nb: []\n"):     "more than 32 keys",
		"{" + fill("a: 1, "):       "more than 32 keys",
		"rules:\n" + fill(" a:\n"): "more than 32 keys",
	} {
		if len(s) > maxDocument {
			s = s[:maxDocument]
		}
		err := checkShape(lexer.Tokenize(s))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q…: got %v, want %q", s, err, want)
		}
	}
}
