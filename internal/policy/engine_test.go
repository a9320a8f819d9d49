package policy

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestTheEngineDecidesByTheVersionItIsGiven(t *testing.T) {
	t.Parallel()
	e := New()
	const one, two = "version: 1\nrules: [{name: one, deny: {reason: x}}]", "version: 1\nrules: [{name: two, deny: {reason: x}}]"
	for _, c := range []struct {
		space   string
		version int64
		text    string
		want    string
	}{
		{"a", 1, one, "one 1"},
		{"a", 2, two, "two 2"},
		{"a", 1, one, "one 1"},
		{"b", 1, two, "two 1"},
		{"a", 1, two, "two 1"}, // another database's version 1: the text counts
	} {
		in := asks()
		in.Document = approval.PolicyDocument{Space: c.space, Version: c.version, Text: c.text}
		v, err := e.Decide(t.Context(), in)
		if got := fmt.Sprintf("%s %d", v.Rule, v.PolicyVersion); err != nil || got != c.want {
			t.Errorf("%s/%d: got %s, %v, want %s", c.space, c.version, got, err, c.want)
		}
	}
}

func TestADocumentThatDoesNotCompileIsAnError(t *testing.T) {
	t.Parallel()
	e := New()
	in := asks()
	in.Document.Text = "rules: 7"
	for range 2 {
		if v, err := e.Decide(t.Context(), in); approval.CodeOf(err) != approval.Invalid || v.Decision != "" {
			t.Errorf("got %+v, %v", v, err)
		}
	}
}

func TestTheEngineKeepsABoundedNumberOfDocuments(t *testing.T) {
	t.Parallel()
	e := New()
	for version := range int64(3 * maxCompiled) {
		e.compilation(approval.PolicyDocument{Version: version})
		if n := len(e.compiled); n > maxCompiled {
			t.Fatalf("%d documents are kept", n)
		}
	}
}

func TestADocumentIsCompiledOnceForMany(t *testing.T) {
	t.Parallel()
	e := New()
	in := asks()
	in.Document.Text = "version: 1\nrules: [{name: r, when: 'actor.id == \"x\" && petition.params.n > 1', deny: {reason: x}}, " +
		"{name: s, when: size(known) == 1, approve: {duration: 1h}}]"
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			if v, err := e.Decide(t.Context(), in); err != nil || v.Rule != "s" {
				t.Errorf("got %+v, %v", v, err)
			}
		})
	}
	group.Wait()
	if len(e.compiled) != 1 {
		t.Errorf("%d compilations", len(e.compiled))
	}
}

// Whatever the text is: it is refused as Invalid, or each of its rules gives a verdict that the centre takes.
func FuzzCompile(f *testing.F) {
	f.Add(Dev())
	f.Add(Default())
	f.Add("version: 1\nrules:\n- name: r\n  when: |\n    petition.params.amount < 100 &&\n      known.all(r, r.labels.tier == 'test')\n  approve: {duration: 1h}\n")
	f.Add(`{"version": 1, "rules": [{"name": "r", "when": "actor.id == \"x\"", "deny": {"reason": "x"}}]}`)
	f.Add("version: 1\nrules: [{name: r, require: {reviewers: {persons: [a@x.example], roles: [Owner]}, count: 2, selfApproval: true}, decideWithin: 1h}]")
	f.Add("version: 1\nrules:\n- name: r\n  when: >\n   resources.exists(r, r.id.matches('^a+$'))\n  deny: {reason: \"\\u00e9\"}\n  # end")
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
		v, err := d.Decide(t.Context(), asks(params(`{"amount":1}`)))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		checkVerdict(t, v)
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

// Deciding is on the way of every petition: a small document must stay below 20 µs.
func BenchmarkDecide(b *testing.B) {
	small := "version: 1\nrules:\n" +
		"- {name: contractors, when: 'actor.email.endsWith(\"@contractors.example\")', deny: {reason: ask your manager}}\n" +
		"- {name: cheap, when: 'resources.all(r, r.kind == \"refund\") && petition.params.amount < 100', approve: {duration: 1h}}\n" +
		"- {name: review, require: {reviewers: {roles: [Editor, Owner]}}}\n"
	for name, text := range map[string]string{"default": Default(), "small": small} {
		b.Run(name, func(b *testing.B) {
			e, in := New(), asks(params(`{"amount":250}`))
			in.Document.Text = text
			b.ReportAllocs()
			for b.Loop() {
				if v, err := e.Decide(b.Context(), in); err != nil || v.Decision != approval.VerdictReview {
					b.Fatal(v, err)
				}
			}
		})
	}
}
