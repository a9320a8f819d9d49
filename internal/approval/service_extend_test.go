package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// extends asks for the same as p, in the place of it.
func extends(p approval.Petition, change ...func(*approval.NewPetition)) approval.NewPetition {
	n := approval.NewPetition{Reason: "it takes longer", Resources: p.Resources, Petitioners: p.Petitioners, Labels: map[string]string{approval.LabelReplaces: p.Name}}
	for _, c := range change {
		c(&n)
	}
	return n
}

// An extension is decided as any petition; what it grants stands beside what is there, so that there is no gap, and the old
// one says what goes on with it.
func TestAnExtensionLeavesNoGap(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	old := h.grant(vic, time.Hour, "orders")
	h.clock.Advance(50 * time.Minute)
	same(t, "jobs", h.run(), 1)
	next, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(old), "key")
	if err != nil || next.Phase != approval.Open || next.Labels[approval.LabelReplaces] != old.Name {
		t.Fatal(next, err)
	}
	same(t, "while it waits", h.now(old).Labels[approval.LabelReplacedBy], "")
	h.decide(bob, next, claim(approve))
	same(t, "granted", h.now(old).Labels[approval.LabelReplacedBy], next.Name)
	same(t, "its phase", h.now(old).Phase, approval.Granted)
	sameList(t, "now", h.has(begin, approval.AccessQuery{}), "vic orders 1h50m0s", "vic orders 1h50m0s")
	h.clock.Advance(10 * time.Minute)
	ended, by := h.closes(old)
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, next.Name)
	sameList(t, "log", h.log(old), "access/request", "access/approve", "access/grant", "access/warn", "access/extend", "access/end", "access/close")
	again, replayed, err := h.CreatePetition(t.Context(), h.actor(vic), extends(old), "key")
	if err != nil || !replayed || again.Name != next.Name {
		t.Fatal("the same request again", again.Name, replayed, err)
	}
	h.conserves(old)
	h.conserves(next)
}

// A rule extends at once; whoever is extended before the warning is not warned. Both who race to end the old one and to extend it win, one
// after the other.
func TestARuleExtendsAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.grant(vic, 2*time.Hour, "orders")
	h.rule.verdict = verdict(approval.VerdictApprove)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if raced || c.Events[0].Event != "access/request" {
			return nil
		}
		raced = true
		return approval.Errorf(approval.Conflict, "somebody else was faster")
	}
	next, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(old), "")
	if err != nil || next.Phase != approval.Granted || !raced {
		t.Fatal(next.Phase, raced, err)
	}
	same(t, "the old one", h.now(old).Labels[approval.LabelReplacedBy], next.Name)
	kind, at := h.timer(old)
	same(t, "its timer", kind, approval.JobEnd)
	same(t, "when", at, h.now(old).Grant.EndTime)
	h.conserves(old)
	h.conserves(next)
}

// What has ended while the extension waited is not there to go on: the new one begins by itself.
func TestAnExtensionOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old := h.grant(vic, time.Hour, "orders")
	next, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(old), "")
	if err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour) // its timer is late
	h.decide(bob, next, claim(approve))
	same(t, "label", h.now(old).Labels[approval.LabelReplacedBy], "")
	h.closes(old)
	h.conserves(old)
	h.conserves(next)
}

func TestExtensionsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	old, open := h.grant(vic, time.Hour, "orders"), h.ask(vic)
	closed := h.decide(bob, h.ask(vic), claim(deny))
	for _, c := range []struct {
		who  string
		n    approval.NewPetition
		code approval.Code
		text string
	}{
		{vic, extends(approval.Petition{Name: "11111111-2222-7333-8444-555555555555", Resources: old.Resources}), approval.Invalid, "there is no petition"},
		{vic, extends(approval.Petition{Name: "", Resources: old.Resources}), approval.Invalid, "there is no petition"},
		{pat, extends(old), approval.Forbidden, "only who asked"},
		{vic, extends(open), approval.Conflict, "is still open"},
		{vic, extends(closed), approval.Conflict, "nothing to extend"},
		{vic, extends(old, func(n *approval.NewPetition) { n.Resources = append(reset().Resources, n.Resources...) }), approval.Invalid, "petition.resources"},
		{vic, extends(old, func(n *approval.NewPetition) { n.Resources = reset().Resources }), approval.Invalid, "petition.resources"},
	} {
		_, _, err := h.CreatePetition(t.Context(), h.actor(c.who), c.n, "")
		if approval.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: got %v, want %s %s", c.text, err, c.code, c.text)
		}
	}
	for _, said := range []approval.Resource{{Kind: "role", DisplayName: "reader"}, {Kind: "role", Email: "reader@acme.example"}} {
		idless := h.decide(bob, h.ask(vic, func(n *approval.NewPetition) { n.Resources = []approval.Resource{said} }), claim(approve))
		for _, other := range []approval.Resource{{Kind: "role", DisplayName: "owner of all"}, {Kind: "role", Email: "owner@acme.example"}} {
			_, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(idless, func(n *approval.NewPetition) { n.Resources = []approval.Resource{other} }), "")
			if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "petition.resources") {
				t.Errorf("%+v goes on as %+v: %v", said, other, err)
			}
		}
		if _, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(idless), ""); err != nil {
			t.Errorf("%+v does not go on: %v", said, err)
		}
	}
	with := func(params string) func(*approval.NewPetition) {
		return func(n *approval.NewPetition) { n.Params = approval.RawJSON(params) }
	}
	with20 := h.decide(bob, h.ask(vic, with(`{"amount": 20, "to": "ada"}`)), claim(approve))
	for name, n := range map[string]approval.NewPetition{
		"none of it": extends(with20), "more": extends(with20, with(`{"amount":2000,"to":"ada"}`)), "where there were none": extends(old, with(`{"amount":20}`)),
	} {
		_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
		if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "petition.params") || !strings.Contains(err.Error(), "copy them") {
			t.Errorf("other params, %s: %v", name, err)
		}
	}
	if _, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(with20, with(`{"to":"ada","amount":2e1}`)), ""); err != nil {
		t.Error("the same params, written otherwise:", err)
	}
	_, err := h.ReplacePetition(t.Context(), h.actor(vic), open.Name, extends(old))
	same(t, "a replacement that extends", approval.CodeOf(err), approval.Invalid)
	same(t, "the old one", h.now(old).Labels[approval.LabelReplacedBy], "")
}

// It is told once that a grant ends soon, when a sixth of it is left; never of a short one, of one without an end, and of
// nothing that has ended already.
func TestTheEndIsToldBefore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		length, before time.Duration // 0: never
	}{
		{14 * time.Minute, 0}, {15 * time.Minute, 5 * time.Minute}, {time.Hour, 10 * time.Minute}, {6 * time.Hour, time.Hour}, {365 * 24 * time.Hour, 24 * time.Hour},
	} {
		h := newHouse(t)
		p := h.grant(vic, c.length, "orders")
		kind, at := h.timer(p)
		if c.before == 0 {
			same(t, "timer", kind, approval.JobEnd)
			continue
		}
		same(t, "timer", kind, approval.JobWarn)
		same(t, "when", p.Grant.EndTime.Sub(at), c.before)
		h.clock.Set(at.Add(-time.Microsecond))
		same(t, "jobs a moment before", h.run(), 0)
		h.clock.Advance(time.Microsecond)
		same(t, "jobs", h.run(), 1)
		same(t, "warned", h.now(p).Grant.Warned, true)
		for _, d := range []time.Duration{-time.Hour, time.Hour + time.Minute} { // the clock jumps
			h.clock.Set(h.clock.Now().Add(d))
			if err := h.RunJob(t.Context(), approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobWarn, RunTime: at}); approval.CodeOf(err) != "" && approval.CodeOf(err) != approval.Unavailable {
				t.Fatal(err)
			}
		}
		h.clock.Set(p.Grant.EndTime)
		h.closes(p)
		sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant", "access/warn", "access/end", "access/close")
		h.conserves(p)
	}
	h := newHouse(t)
	p := h.grant(vic, time.Hour, "orders")
	h.clock.Advance(time.Hour)
	h.closes(p)
	sameList(t, "what was down all the while", h.log(p), "access/request", "access/approve", "access/grant", "access/end", "access/close")
}

// What breaks the glass is told before its end, too, among what its review waits for.
func TestTheEndOfABrokenGlassIsToldBefore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := verdict(approval.VerdictApprove)
	v.BreakGlass = &approval.BreakGlass{Within: 24 * time.Hour, Requirements: []approval.Requirement{{Count: 1, RemindAfter: 30 * time.Minute, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner}}}}}
	h.rule.verdict = v
	p := h.ask(vic)
	for range 6 {
		_, at := h.timer(p)
		h.clock.Set(at)
		h.run()
	}
	sameList(t, "log", h.log(p)[:5], "access/request", "access/grant", "access/remind", "access/warn", "access/end")
	h.conserves(p)
}

// The label that says to a rule "this goes on with what was granted" is not there for what only stands in the place of another
// request: whoever asks would choose it with any request at all.
func TestAReplacementIsNoExtensionToTheRules(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	saw := map[string]bool{}
	h.rule.asked = func(in approval.PolicyInput) {
		saw[in.Petition.Resources[0].ID] = in.Petition.Labels[approval.LabelReplaces] != ""
	}
	old, open := h.grant(vic, time.Hour, "orders"), h.ask(vic)
	if _, _, err := h.CreatePetition(t.Context(), h.actor(vic), extends(old), ""); err != nil || !saw["orders"] {
		t.Fatal("an extension", saw, err)
	}
	n := reset()
	n.Resources = []approval.Resource{{Kind: "action", ID: "open-the-vault"}}
	next, err := h.ReplacePetition(t.Context(), h.actor(vic), open.Name, n)
	if err != nil || next.Labels[approval.LabelReplaces] != open.Name || h.now(next).Labels[approval.LabelReplaces] != open.Name {
		t.Fatal("the replacement does not name what it replaces", next.Labels, err)
	}
	if seen, asked := saw["open-the-vault"]; seen || !asked {
		t.Error("the rules see a replacement as an extension", saw)
	}
}
