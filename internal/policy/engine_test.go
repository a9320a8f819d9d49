package policy

import (
	"context"
	"fmt"
	"slices"
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

// Whoever may read the policy may try a text: it must not choose by it whom the server calls (I12).
func TestATextThatIsTriedAsksNobody(t *testing.T) {
	t.Parallel()
	e := New()
	e.Sources = &pager{persons: []string{asks().Actor.ID}}
	text := "version: 1\nschedules: [{name: pager, source: {url: 'https://pager.example'}, fallback: {group: sre}}]\n" +
		"rules:\n- {name: duty, when: actor.onCall.pager, approve: {duration: 1h}}\n- {name: rest, require: {reviewers: {onCall: [pager]}}}\n"
	in := asks()
	in.Document = approval.PolicyDocument{Space: "a", Text: text}
	in.Groups = func(context.Context, string, string) ([]string, error) { return nil, nil }
	if v, err := e.Decide(t.Context(), in); err != nil || v.Rule != "rest" {
		t.Errorf("Decide: %s, %v", v.Rule, err)
	}
	if x, err := e.Explain(t.Context(), in); err != nil || x.Verdict.Rule != "rest" {
		t.Errorf("Explain: %+v, %v", x, err)
	}
	if who, err := e.OnCall(t.Context(), in.Document, "pager", noon); err != nil || len(who.Persons) > 0 || who.Group != "sre" {
		t.Errorf("OnCall: %+v, %v", who, err)
	}
	in.Document.Version = 1
	if v, err := e.Decide(t.Context(), in); err != nil || v.Rule != "duty" {
		t.Errorf("the version that holds: %s, %v", v.Rule, err)
	}
}

// What a petition's requirements name is looked up by the document that it was frozen with.
func TestTheEngineSaysWhoIsOnCallAndWhomAConditionSelects(t *testing.T) {
	t.Parallel()
	e := New()
	text := "version: 1\nschedules: [{name: pager, source: {url: 'https://pager.example'}, fallback: {group: sre}}]\n" +
		"rules:\n- {name: duty, when: actor.onCall.pager, approve: {duration: 1h}}\n- {name: rest, require: {reviewers: {onCall: [pager], where: 'reviewer.role == \"Editor\"'}}}\n"
	d := approval.PolicyDocument{Space: "a", Version: 1, Text: text}
	in := asks()
	in.Document = d
	in.Groups = func(context.Context, string, string) ([]string, error) { return nil, nil }
	if who, err := e.OnCall(t.Context(), d, "pager", noon); err != nil || len(who.Persons) > 0 || who.Group != "sre" {
		t.Errorf("nobody can be asked: %+v, %v", who, err)
	}
	if v, err := e.Decide(t.Context(), in); err != nil || v.Rule != "rest" {
		t.Errorf("nobody can be asked: %s, %v", v.Rule, err)
	}
	e.Sources = &pager{persons: []string{in.Actor.ID}}
	if who, err := e.OnCall(t.Context(), d, "pager", noon); err != nil || !slices.Equal(who.Persons, []string{in.Actor.ID}) {
		t.Errorf("got %+v, %v", who, err)
	}
	if v, err := e.Decide(t.Context(), in); err != nil || v.Rule != "duty" {
		t.Errorf("got %s, %v", v.Rule, err)
	}
	if x, err := e.Explain(t.Context(), in); err != nil || x.Verdict.Rule != "duty" || !x.Rules[0].Matched {
		t.Errorf("got %+v, %v", x, err)
	}
	for role, want := range map[approval.Role]bool{approval.Editor: true, approval.Owner: false} {
		if got, err := e.Selects(t.Context(), d, `reviewer.role == "Editor"`, approval.Candidate{ID: "x", Role: role}); err != nil || got != want {
			t.Errorf("%s: %t, %v", role, got, err)
		}
	}
	for name, err := range map[string]error{
		"a schedule": second(e.OnCall(t.Context(), d, "other", noon)),
		"a where":    second(e.Selects(t.Context(), d, "true", approval.Candidate{})),
	} {
		if approval.CodeOf(err) != approval.NotFound {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
	broken := approval.PolicyDocument{Space: "a", Version: 2, Text: "rules: 7"}
	in.Document = broken
	for name, err := range map[string]error{
		"OnCall":  second(e.OnCall(t.Context(), broken, "pager", noon)),
		"Selects": second(e.Selects(t.Context(), broken, "true", approval.Candidate{})),
		"Explain": second(e.Explain(t.Context(), in)),
	} {
		if approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%s of a document that does not compile: %v", name, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
