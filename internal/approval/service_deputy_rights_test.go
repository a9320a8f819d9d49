package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// What bars one of both bars the deputy: who asks, who is behind who asks, who decided before (I6).
func TestWhatBarsOneBarsTheDeputy(t *testing.T) {
	t.Parallel()
	aloud := func(r approval.Requirement) approval.Requirement { r.SelfApproval = true; return r }
	for name, c := range map[string]struct {
		from, to string
		asks     func(h *house) approval.Petition
		rule     approval.Requirement
		why      string
	}{
		"the deputy asks": {bob, vic, func(h *house) approval.Petition { return h.ask(vic) }, named(0, 1, bob), "whoever asks"},
		"the deputy asks, and a rule lets who asks": {bob, vic, func(h *house) approval.Petition { return h.ask(vic) }, aloud(named(0, 1, bob)), "whoever asks"},
		"who is away asks":                          {bob, pat, func(h *house) approval.Petition { return h.ask(bob) }, named(0, 1, bob, olga), "whoever asks"},
		"who is away asks, and a rule lets":         {bob, pat, func(h *house) approval.Petition { return h.ask(bob) }, aloud(named(0, 1, bob, olga)), "whoever asks"},
		"the deputy's account asks":                 {eve, bob, func(h *house) approval.Petition { return h.ask(bobsBot) }, named(0, 1, eve), "whoever asks"},
		"the account of who is away asks":           {bob, pat, func(h *house) approval.Petition { return h.ask(bobsBot) }, named(0, 1, bob), "whoever asks"},
		"the deputy is who asks by another name": {bob, pat, func(h *house) approval.Petition {
			if _, err := h.LinkIdentity(h.t.Context(), h.actor(olga), pat, vic); err != nil {
				h.t.Fatal(err)
			}
			return h.ask(vic)
		}, named(0, 1, bob), "whoever asks"},
		"both were found to be one": {bob, pat, func(h *house) approval.Petition {
			if _, err := h.LinkIdentity(h.t.Context(), h.actor(olga), pat, bob); err != nil {
				h.t.Fatal(err)
			}
			return h.ask(vic)
		}, named(0, 1, bob), "nobody is their own deputy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = staged(c.rule)
			h.deputize(c.from, c.to)
			p := c.asks(h)
			e, err := h.Eligibility(t.Context(), h.whoIs(c.to), p)
			if err != nil || e.May() || e.Reviews || !strings.Contains(e.Why, c.why) {
				t.Fatalf("%+v %v", e, err)
			}
			_, _, err = h.Decide(t.Context(), h.whoIs(c.to), p.Name, claim(approve), "")
			same(t, "approval", approval.CodeOf(err), approval.Forbidden)
			same(t, "phase", h.now(p).Phase, approval.Open)
		})
	}
}

// A stage that asks for others than an earlier one takes neither of both who were one vote there, nor by a deputy.
func TestStagesForOthersKnowBoth(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := named(1, 1, bob, pat, olga)
	second.DistinctFrom = []int{0}
	h.rule.verdict = staged(named(0, 1, bob), second)
	h.deputize(bob, pat)
	h.deputize(olga, bob)
	p := h.decide(pat, h.ask(vic), claim(approve))
	h.forbidden(pat, p, claim(approve), "approved an earlier stage")
	h.forbidden(bob, p, claim(approve), "approved an earlier stage")
	same(t, "by another", h.decide(olga, p, claim(approve)).Phase, approval.Granted)

	second = named(1, 1, bob)
	second.DistinctFrom = []int{0}
	h.rule.verdict = staged(named(0, 1, pat), second)
	p = h.decide(pat, h.ask(vic), claim(approve))
	h.forbidden(pat, p, claim(approve), "approved an earlier stage")
	p = h.decide(bob, p, claim(approve))
	same(t, "by who is back", p.Phase, approval.Granted)
	h.conserves(p)
}

// Both are looked at as they are at the claim, and for as long as the petition waits (I14).
func TestADeputyHasNoMoreThanBothHaveNow(t *testing.T) {
	t.Parallel()
	role := func(h *house, id string, r approval.Role) {
		h.clock.Advance(time.Second)
		if _, err := h.ChangeMember(h.t.Context(), h.actor(olga), id, approval.MemberChange{Role: &r}); err != nil {
			h.t.Fatal(err)
		}
	}
	remove := func(h *house, id string) {
		h.clock.Advance(time.Second)
		if err := h.RemoveMember(h.t.Context(), h.actor(olga), id); err != nil {
			h.t.Fatal(err)
		}
		h.clock.Advance(time.Second)
	}
	for name, c := range map[string]struct {
		lose func(h *house, d approval.Delegation)
		why  string
	}{
		"who is away is suspended":       {func(h *house, _ approval.Delegation) { h.suspend(bob, true) }, "for " + bob + ", who is suspended"},
		"who is away has another role":   {func(h *house, _ approval.Delegation) { role(h, bob, approval.Viewer) }, "may not approve it any more"},
		"who is away may decide nothing": {func(h *house, _ approval.Delegation) { role(h, bob, approval.Auditor) }, "for " + bob + ", who may not decide any more"},
		"who is away is gone":            {func(h *house, _ approval.Delegation) { remove(h, bob) }, "the delegation of " + bob + " is gone"},
		"who is away came again":         {func(h *house, _ approval.Delegation) { remove(h, bob); role(h, bob, approval.Editor) }, "the delegation of " + bob + " is gone"},
		"the deputy is suspended":        {func(h *house, _ approval.Delegation) { h.suspend(pat, true) }, "suspended"},
		"the deputy came again":          {func(h *house, _ approval.Delegation) { remove(h, pat); role(h, pat, approval.PetitionAdmin) }, "it was given before " + pat + " came to the space again"},
		"who is away has ended it":       {func(h *house, d approval.Delegation) { h.ends(d, bob) }, "the delegation of " + bob + " was ended"},
		"an owner has ended it":          {func(h *house, d approval.Delegation) { h.ends(d, olga) }, "the delegation of " + bob + " was ended"},
		"who is away was found to be the asker": {func(h *house, _ approval.Delegation) {
			if _, err := h.LinkIdentity(h.t.Context(), h.actor(olga), bob, vic); err != nil {
				h.t.Fatal(err)
			}
		}, "may not approve it any more"},
		"the deputy was found to be the asker": {func(h *house, _ approval.Delegation) {
			if _, err := h.LinkIdentity(h.t.Context(), h.actor(olga), pat, vic); err != nil {
				h.t.Fatal(err)
			}
		}, "may not approve it any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(2)
			d := h.deputize(bob, pat)
			p, other := h.decide(pat, h.ask(vic), claim(approve)), h.ask(vic)
			deputy := h.whoIs(pat)
			c.lose(h, d)
			if m, err := h.store.Member(t.Context(), "acme", pat); err == nil && !m.Suspended {
				deputy = h.whoIs(pat)
			}
			_, _, err := h.Decide(t.Context(), deputy, other.Name, claim(approve), "")
			same(t, "another claim", approval.CodeOf(err), approval.Forbidden)
			sameList(t, "what was approved", h.read(p).Waits(), "0 of 2"+byEditors, pat+"'s approval does not count: "+c.why)
			p = h.decide(eve, p, claim(approve))
			same(t, "phase with one", p.Phase, approval.Open)
			same(t, "phase with two others", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
			h.conserves(p)
		})
	}
}

// What was approved in time stands when the time is up, as after a shift; what was ended early does not, and is approved anew.
func TestWhatADeputyApprovedStands(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	h.rule.verdict.DecideWithin = 10 * day
	h.deputize(bob, pat)
	p := h.decide(pat, h.ask(vic), claim(approve))
	h.clock.Advance(2 * day)
	sameList(t, "after its time", h.read(p).Waits(), "1 of 2"+byEditors)
	h.countsOnce(bob, p, claim(approve), bob+" has already approved")
	same(t, "phase", h.decide(olga, p, claim(approve)).Phase, approval.Granted)

	p = h.ask(vic)
	d := h.deputize(bob, pat)
	p = h.decide(pat, p, claim(approve))
	h.ends(d, bob)
	p = h.decide(bob, p, claim(approve))
	same(t, "approved anew", len(p.Claims), 2)
	sameList(t, "who counts", h.read(p).Waits(), "1 of 2"+byEditors, pat+"'s approval does not count: one of both has approved anew since")
	h.deputize(eve, pat)
	p = h.decide(pat, p, claim(approve))
	same(t, "for another", p.Phase, approval.Granted)
	h.conserves(p)
}
