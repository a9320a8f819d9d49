package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// suspend suspends a member, or resumes it.
func (h *house) suspend(id string, yes bool) {
	h.t.Helper()
	h.clock.Advance(time.Second)
	if _, err := h.ChangeMember(h.t.Context(), h.actor(olga), id, approval.MemberChange{Suspended: &yes}); err != nil {
		h.t.Fatal(err)
	}
}

// read answers the petition as a reader sees it.
func (h *house) read(p approval.Petition) *approval.Petition {
	h.t.Helper()
	p, err := h.Petition(h.t.Context(), h.actor(olga), p.Name)
	if err != nil {
		h.t.Fatal(err)
	}
	return &p
}

const byEditors = " approvals by Editor or Owner"

// An approval counts as its person may approve now; when the right comes back it counts again, and whoever approved once more
// grants what is met by then.
func TestAnApprovalCountsAsItsPersonMayApproveNow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.decide(bob, h.ask(vic), claim(approve))
	sameList(t, "one of two", h.read(p).Waits(), "1 of 2"+byEditors)
	h.suspend(bob, true)
	gone := bob + "'s approval does not count: suspended"
	sameList(t, "of who is suspended", h.read(p).Waits(), "0 of 2"+byEditors, gone)
	same(t, "counted", len(h.read(p).Counted(0)), 0)
	same(t, "claims are all there", len(h.read(p).Claims), 1)
	p = h.decide(eve, p, claim(approve))
	sameList(t, "answered after another", p.Waits(), "1 of 2"+byEditors, gone)
	_, err := h.try(eve, p, claim(approve))
	if approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "has already approved") {
		t.Error(err)
	}
	list, err := h.Petitions(t.Context(), h.actor(olga), approval.PetitionQuery{}, false)
	if err != nil {
		t.Fatal(err)
	}
	sameList(t, "in the list", list.Items[0].Waits(), "1 of 2"+byEditors, gone)
	h.conserves(p)

	h.suspend(bob, false)
	p = *h.read(p)
	sameList(t, "met again", p.Waits(), "enough have approved: one of them approves once more, and it is granted")
	same(t, "eve has decided", p.HasDecided(h.whoIs(eve)), false)
	same(t, "phase", p.Phase, approval.Open)
	for _, id := range []string{bob, eve} {
		waiting, err := h.Petitions(t.Context(), h.whoIs(id), approval.PetitionQuery{}, true)
		if err != nil || len(waiting.Items) != 1 {
			t.Error(id, waiting.Items, err)
		}
	}
	p, made, err := h.Decide(t.Context(), h.actor(bob), p.Name, claim(approve), "")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "whose claim", made.Actor.ID, bob)
	same(t, "phase at the end", p.Phase, approval.Granted)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/approve", "access/refused", "access/grant")
	h.conserves(p)
}

func TestAnApprovalOfWhoLostTheRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lose func(h *house)
		why  string
	}{
		"removed": {func(h *house) {
			if err := h.RemoveMember(h.t.Context(), h.actor(olga), bob); err != nil {
				h.t.Fatal(err)
			}
		}, "no member any more"},
		"without the role": {func(h *house) {
			role := approval.Viewer
			if _, err := h.ChangeMember(h.t.Context(), h.actor(olga), bob, approval.MemberChange{Role: &role}); err != nil {
				h.t.Fatal(err)
			}
		}, "may not approve it any more"},
		"who asks by now": {func(h *house) {
			if _, err := h.LinkIdentity(h.t.Context(), h.actor(olga), bob, vic); err != nil {
				h.t.Fatal(err)
			}
		}, "may not approve it any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(2)
			p := h.decide(bob, h.ask(vic), claim(approve))
			h.clock.Advance(time.Second)
			c.lose(h)
			sameList(t, "waits", h.read(p).Waits(), "0 of 2"+byEditors, bob+"'s approval does not count: "+c.why)
			p = h.decide(eve, p, claim(approve))
			same(t, "phase", p.Phase, approval.Open)
			same(t, "phase with two others", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
		})
	}
}

// Who is removed and added again begins with nothing, and approves anew; once.
func TestWhoComesAgainApprovesAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	second := named(1, 1, bob, olga)
	second.DistinctFrom = []int{0}
	for _, v := range []approval.Verdict{review(2), staged(named(0, 2, bob, eve), named(1, 1, olga)), staged(named(0, 1, bob, eve), second)} {
		distinct := len(v.Requirements) > 1 && len(v.Requirements[1].DistinctFrom) > 0
		h.rule.verdict = v
		p := h.decide(bob, h.ask(vic), claim(approve))
		h.clock.Advance(time.Second)
		if err := h.RemoveMember(t.Context(), h.actor(olga), bob); err != nil {
			t.Fatal(err)
		}
		h.clock.Advance(time.Second)
		role := approval.Editor
		if _, err := h.ChangeMember(t.Context(), h.actor(olga), bob, approval.MemberChange{Role: &role}); err != nil {
			t.Fatal(err)
		}
		waits := h.read(p).Waits()
		same(t, "why", waits[len(waits)-1], bob+"'s approval does not count: it was given before "+bob+" came to the space again")
		h.clock.Advance(time.Second)
		p = h.decide(eve, p, claim(approve))
		same(t, "phase with one", p.Phase, approval.Open)
		p = h.decide(bob, p, claim(approve))
		if len(v.Requirements) > 1 && !distinct {
			_, err := h.try(bob, p, claim(approve))
			same(t, "twice", approval.CodeOf(err), approval.Forbidden)
			p = h.decide(olga, p, claim(approve))
		}
		same(t, "phase", p.Phase, approval.Granted)
		h.conserves(p)
	}
	h.rule.verdict = review(3)
	p := h.decide(bob, h.ask(vic), claim(approve))
	_, err := h.try(bob, p, claim(approve))
	same(t, "twice", approval.CodeOf(err), approval.Conflict)
}

// What nobody has claimed is read without looking anybody up.
func TestReadingLooksNobodyUpWithoutClaims(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.ask(vic)
	a := h.actor(olga)
	h.store.BeforeRead = func(what string) error {
		if what != "Petition" {
			t.Errorf("%s is read", what)
		}
		return nil
	}
	if _, err := h.Petition(t.Context(), a, p.Name); err != nil {
		t.Fatal(err)
	}
}

// How many have refused is said where one is not enough.
func TestRefusalsAreCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	h.rule.verdict.Denials = 2
	p := h.ask(vic)
	sameList(t, "none", p.Waits(), "0 of 2"+byEditors)
	p = h.decide(bob, p, claim(deny))
	sameList(t, "one", h.read(p).Waits(), "0 of 2"+byEditors, "1 of 2 refusals that close it")
}
