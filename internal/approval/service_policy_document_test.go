package approval_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

// apply changes the policy as id.
func (h *house) apply(id, text string, expect int64) (approval.PolicyChange, error) {
	h.t.Helper()
	return h.ApplyPolicy(h.t.Context(), h.actor(id), approval.NewPolicy{Text: text, Reason: fmt.Sprintf("because %.20s", text), Expect: expect})
}

func (h *house) applied(id, text string, expect int64) approval.PolicyChange {
	h.t.Helper()
	c, err := h.apply(id, text, expect)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// version answers the version that holds.
func (h *house) version() int64 {
	h.t.Helper()
	d, err := h.CurrentPolicy(h.t.Context(), h.actor(vic))
	if err != nil {
		h.t.Fatal(err)
	}
	return d.Version
}

// named answers the events of a name, newest first.
func (h *house) named(event string) []approval.Event {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: event})
	if err != nil {
		h.t.Fatal(err)
	}
	return page.Items
}

func TestAnAppliedPolicyIsTheNextVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.ask(vic) // the old version is in the cache
	c := h.applied(olga, "v2\r\nline\r\n", 1)
	want := approval.PolicyDocument{Space: "acme", Version: 2, Text: "v2\nline\n", Digest: approval.PolicyDigest("v2\nline\n"), Reason: "because v2\r\nline\r\n",
		CreatedBy: olga, CreateTime: h.clock.Now()}
	want.Reason = c.Document.Reason
	if diff := cmp.Diff(want, c.Document); diff != "" || c.Petition != nil || c.Unchanged {
		t.Errorf("%s %v", diff, c.Petition)
	}
	got, err := h.CurrentPolicy(t.Context(), h.actor(vic))
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if p := h.ask(vic); p.Verdict.PolicyVersion != 2 {
		t.Errorf("the next petition is decided under version %d", p.Verdict.PolicyVersion)
	}
	events := h.named(approval.EventPolicyUpdate)
	if len(events) != 1 || events[0].Actor.ID != olga || events[0].Label(approval.LabelPolicyVersion) != "2" ||
		events[0].Label(approval.LabelPolicyDigest) != want.Digest || events[0].Reason != want.Reason {
		t.Errorf("the log has %+v", events)
	}
}

func TestTheSameTextIsNoNewVersion(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if c := h.applied(olga, "v1", 1); !c.Unchanged || c.Document.Version != 1 || h.version() != 1 || len(h.named(approval.EventPolicyUpdate)) != 0 {
		t.Errorf("got %+v", c)
	}
}

func TestAPolicyIsRefusedAndTheLogSaysSo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		who, text string
		expect    int64
		code      approval.Code
		field     string
		says      string
		findings  []approval.Finding
	}{
		"an Editor's":                      {bob, "v2", 1, approval.Forbidden, "", "policy:write", nil},
		"a stale one":                      {olga, "v2", 7, approval.Conflict, approval.ExpectedVersion, "version 1 of the policy holds", nil},
		"one of no version":                {olga, "v2", 0, approval.Conflict, approval.ExpectedVersion, "version 1 of the policy holds", nil},
		"one that does not compile":        {olga, "a\nb BROKEN", 1, approval.Invalid, "text", "line 2, column 3: rule \"r1\": the text is broken", []approval.Finding{{Line: 2, Column: 3, Rule: "r1", Message: "the text is broken"}}},
		"one that fails its own tests":     {olga, "a\nFAILING", 1, approval.Invalid, "text", "its own tests fail", []approval.Finding{{Line: 2, Test: "fails", Message: "the rule is r1, not r2"}}},
		"a broken one of a wrong version":  {olga, "BROKEN", 2, approval.Conflict, approval.ExpectedVersion, "holds", nil},
		"the same text of a wrong version": {olga, "v1", 2, approval.Conflict, approval.ExpectedVersion, "holds", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			_, err := h.apply(c.who, c.text, c.expect)
			var e *approval.Error
			if !asError(err, &e) || e.Code != c.code || e.Field != c.field || !strings.Contains(e.Message, c.says) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.findings, e.Findings); diff != "" {
				t.Error(diff)
			}
			if refused := h.named(approval.EventRefused); len(refused) != 1 || refused[0].Actor.ID != c.who || refused[0].Label(approval.LabelRefusedAction) != "apply policy" || h.version() != 1 {
				t.Errorf("the log has %+v", refused)
			}
		})
	}
}

func TestAPolicyThatIsNoTextIsInvalid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, n := range map[string]approval.NewPolicy{
		"text":   {Reason: "x"},
		"text ":  {Text: " \n", Reason: "x"},
		"text  ": {Text: strings.Repeat("x", approval.MaxPolicyBytes+1), Reason: "x"},
		// A reviewer of a change must see what is there.
		"text   ":  {Text: "a\u202eb", Reason: "x"},
		"text    ": {Text: "a\xff", Reason: "x"},
		"reason":   {Text: "v2"},
		"reason ":  {Text: "v2", Reason: "\u00a0 "},
		"reason  ": {Text: "v2", Reason: strings.Repeat("x", approval.MaxReason+1)},
	} {
		n.Expect = 1
		_, err := h.ApplyPolicy(t.Context(), h.actor(olga), n)
		var e *approval.Error
		if !asError(err, &e) || e.Code != approval.Invalid || e.Field != strings.TrimSpace(name) {
			t.Errorf("%q: got %v", name, err)
		}
	}
	if c := h.applied(olga, strings.Repeat("x", approval.MaxPolicyBytes), 1); c.Document.Version != 2 {
		t.Errorf("the longest text was not taken: %+v", c)
	}
}

func TestOfTwoWhoApplyAtOnceOneIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if raced {
			return nil
		}
		raced = true
		return approval.Errorf(approval.Conflict, "somebody was faster")
	}
	if c := h.applied(olga, "v2", 1); c.Document.Version != 2 {
		t.Errorf("got %+v", c) // it looked again, and nobody had been faster after all
	}
	if _, err := h.apply(olga, "other", 1); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("got %v", err)
	}
}

func TestTheFirstPolicyExpectsNone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(approval.PutSpace{Space: approval.Space{Name: "bare", Version: 1}})
	a := h.actor(olga)
	a.Space = "bare"
	c, err := h.ApplyPolicy(t.Context(), a, approval.NewPolicy{Text: "v1", Reason: "the first", Expect: 0})
	if err != nil || c.Document.Version != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestAnOldVersionComesBackAsANewOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "v2", 1)
	h.clock.Advance(time.Hour)
	c, err := h.RollBackPolicy(t.Context(), h.actor(olga), 1, approval.NewPolicy{Reason: "v2 was wrong", Expect: 2})
	if err != nil || c.Document.Version != 3 || c.Document.Text != "v1" || c.Document.Reason != "v2 was wrong" {
		t.Fatalf("got %+v, %v", c, err)
	}
	page, err := h.PolicyVersions(t.Context(), h.actor(vic), approval.PageRequest{})
	if err != nil || len(page.Items) != 3 || page.Items[0].Version != 3 || page.Items[2].Version != 1 || page.Items[0].Text != "" {
		t.Errorf("got %+v, %v", page, err)
	}
	if d, err := h.DiffPolicy(t.Context(), h.actor(vic), 2, 3); err != nil || d != "-v2\n+v1\n" {
		t.Errorf("got %q, %v", d, err)
	}
	if _, err := h.RollBackPolicy(t.Context(), h.actor(olga), 9, approval.NewPolicy{Reason: "x", Expect: 3}); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("got %v", err)
	}
	if _, err := h.RollBackPolicy(t.Context(), h.actor(bob), 9, approval.NewPolicy{Reason: "x", Expect: 3}); approval.CodeOf(err) != approval.Forbidden {
		t.Errorf("got %v", err)
	}
}

func TestAPolicyIsExaminedWithoutBeingTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	x, err := h.ExaminePolicy(t.Context(), h.actor(vic), "FAILING\nODD")
	if err != nil || len(x.Failed()) != 1 || len(x.Warnings) != 1 || len(h.named(approval.EventRefused)) != 0 || h.version() != 1 {
		t.Errorf("got %+v, %v", x, err)
	}
}

func TestASimulationWritesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	before := len(h.named(""))
	at := h.clock.Now().Add(-time.Hour)
	var asked approval.PolicyInput
	h.rule.asked = func(in approval.PolicyInput) { asked = in }
	got, err := h.SimulatePetition(t.Context(), h.actor(vic), approval.Simulated{Petition: reset(), Time: at})
	if err != nil || got.PolicyVersion != 1 || got.Explanation.Verdict.Rule != "two eyes" || len(got.Explanation.Rules) != 1 || got.Petition.Name != "" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !asked.Now.Equal(at) || asked.Actor.ID != vic || asked.Document.Text != "v1" {
		t.Errorf("policy was asked for %+v", asked)
	}
	got, err = h.SimulatePetition(t.Context(), h.actor(olga), approval.Simulated{Petition: reset(), As: quickstart, Text: "other FAILING"})
	if err != nil || got.PolicyVersion != 0 || asked.Actor.ID != quickstart || asked.Document.Text != "other FAILING" || !asked.Now.Equal(h.clock.Now()) {
		t.Errorf("got %+v, %v", got, err)
	}
	if after := len(h.named("")); after != before {
		t.Errorf("%d events were written", after-before)
	}
}

// Who tries a petition is told as who makes it: too few may grant it.
func TestASimulationTellsThatNobodyCouldGrantIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(50)
	got, err := h.SimulatePetition(t.Context(), h.actor(vic), approval.Simulated{Petition: reset(), Text: "another"})
	if err != nil || !strings.Contains(got.Warning, "nobody can grant this") {
		t.Errorf("got %q, %v", got.Warning, err)
	}
	h.rule.verdict = review(1)
	if got, err = h.SimulatePetition(t.Context(), h.actor(vic), approval.Simulated{Petition: reset()}); err != nil || got.Warning != "" {
		t.Errorf("got %q, %v", got.Warning, err)
	}
}

func TestASimulationIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "gone@acme.example", Kind: approval.KindUser, Role: approval.Viewer, Person: "gone@acme.example", Suspended: true})
	others := reset()
	others.Petitioners = []approval.Resource{{ID: bob}}
	for _, c := range []struct {
		who  string
		q    approval.Simulated
		code approval.Code
	}{
		{vic, approval.Simulated{Petition: reset(), As: bob}, approval.Forbidden}, // a Viewer reads no members
		{bob, approval.Simulated{Petition: reset(), As: vic}, ""},
		{vic, approval.Simulated{Petition: others}, approval.Forbidden},
		{olga, approval.Simulated{Petition: reset(), As: "gone@acme.example"}, approval.Invalid},
		{olga, approval.Simulated{Petition: reset(), As: "nobody@acme.example"}, approval.NotFound},
		{olga, approval.Simulated{Petition: reset(), Text: "BROKEN"}, approval.Invalid},
		{olga, approval.Simulated{}, approval.Invalid},
	} {
		if _, err := h.SimulatePetition(t.Context(), h.actor(c.who), c.q); approval.CodeOf(err) != c.code {
			t.Errorf("%+v: got %v, want %s", c.q, err, c.code)
		}
	}
}
