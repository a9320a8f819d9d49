package approval_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const day = 24 * time.Hour

// deputize names a deputy for a day from now.
func (h *house) deputize(from, to string) approval.Delegation {
	h.t.Helper()
	d, err := h.CreateDelegation(h.t.Context(), h.whoIs(from), approval.NewDelegation{To: to, EndTime: h.clock.Now().Add(day), Reason: "on leave"})
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

func (h *house) ends(d approval.Delegation, by string) {
	h.t.Helper()
	if err := h.EndDelegation(h.t.Context(), h.whoIs(by), d.Name); err != nil {
		h.t.Fatal(err)
	}
}

// forbidden demands that the member may not make the claim, and why.
func (h *house) forbidden(id string, p approval.Petition, c approval.NewClaim, why string) {
	h.t.Helper()
	if _, err := h.try(id, p, c); approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), why) {
		h.t.Fatalf("%s: got %v, want forbidden: %s", id, err, why)
	}
}

func (h *house) countsOnce(id string, p approval.Petition, c approval.NewClaim, why string) {
	h.t.Helper()
	if _, err := h.try(id, p, c); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), why) {
		h.t.Fatalf("%s: got %v, want conflict: %s", id, err, why)
	}
}

// newest answers the space's newest event of the name.
func (h *house) newest(name string) approval.Event {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Event: name, Page: approval.PageRequest{Size: 1}})
	if err != nil || len(page.Items) == 0 {
		h.t.Fatal(name, err)
	}
	return page.Items[0]
}

// A deputy decides from the delegation's start to its end, not before and not after, and the claim says for whom.
func TestADeputyDecidesForWhoIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob))
	p := h.ask(vic)
	start := h.clock.Now().Add(time.Hour)
	d, err := h.CreateDelegation(t.Context(), h.whoIs(bob), approval.NewDelegation{To: pat, StartTime: start, EndTime: start.Add(day), Reason: "on leave"})
	if err != nil {
		t.Fatal(err)
	}
	made := h.newest(approval.EventDelegationCreate)
	same(t, "who made it", made.Actor.ID, bob)
	same(t, "why", made.Reason, "on leave")
	for label, want := range map[string]string{approval.LabelDelegationFrom: bob, approval.LabelDelegationTo: pat,
		approval.LabelDelegationStart: start.Format(time.RFC3339Nano), approval.LabelDelegationEnd: start.Add(day).Format(time.RFC3339Nano)} {
		same(t, label, made.Label(label), want)
	}
	h.clock.Advance(time.Hour - time.Microsecond)
	h.forbidden(pat, p, claim(approve), `asks for `+bob)
	h.clock.Advance(time.Microsecond)
	who, err := h.Eligibility(t.Context(), h.whoIs(pat), p)
	if err != nil || !who.May() || who.For(approve).Member.ID != bob || who.For(deny).Member.ID != bob || !who.For(approve).EndTime.Equal(d.EndTime) {
		t.Fatalf("%+v %v", who, err)
	}
	deputies, err := h.Deputies(t.Context(), h.whoIs(vic), p)
	if err != nil || len(deputies) != 1 || deputies[0].Member.ID != pat || deputies[0].For.ID != bob || !slices.Equal(deputies[0].Requirements, []int{0}) {
		t.Fatalf("%+v %v", deputies, err)
	}
	waiting, err := h.Petitions(t.Context(), h.whoIs(pat), approval.PetitionQuery{}, true)
	if err != nil || len(waiting.Items) != 1 {
		t.Fatal(waiting.Items, err)
	}
	forged := claim(approve, approval.LabelOnBehalfOf, olga, approval.LabelBehalfPerson, olga, approval.LabelClaimDelegated, "x")
	p = h.decide(pat, p, forged)
	same(t, "phase", p.Phase, approval.Granted)
	for label, want := range map[string]string{approval.LabelPerson: pat, approval.LabelOnBehalfOf: bob, approval.LabelBehalfPerson: bob, approval.LabelClaimDelegated: d.Name} {
		same(t, label, p.Claims[0].Label(label), want)
	}
	h.conserves(p)
	used, err := h.Delegation(t.Context(), h.whoIs(bob), d.Name)
	if err != nil || !used.LastUseTime.Equal(h.clock.Now()) {
		t.Error(used, err)
	}
	h.clock.Set(d.EndTime.Add(-time.Microsecond))
	last := h.ask(vic)
	h.clock.Set(d.EndTime)
	h.forbidden(pat, last, claim(approve), `asks for `+bob)
}

// What a client says of whom it decides for counts for nothing.
func TestNobodySaysForWhomTheyDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.decide(bob, h.ask(vic), claim(approve, approval.LabelOnBehalfOf, olga, approval.LabelBehalfPerson, olga, approval.LabelClaimDelegated, "x"))
	for _, label := range []string{approval.LabelOnBehalfOf, approval.LabelBehalfPerson, approval.LabelClaimDelegated} {
		same(t, label, p.Claims[0].Label(label), "")
	}
	_, _, err := h.CreatePetition(t.Context(), h.actor(vic), approval.NewPetition{Reason: "x", Resources: reset().Resources, Labels: map[string]string{approval.LabelOnBehalfOf: olga}}, "")
	same(t, "of a petition", approval.CodeOf(err), approval.Invalid)
}

// Whoever may decide by their own right does so, unmarked; the other keeps theirs.
func TestTheOwnRightComesFirst(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	h.deputize(bob, eve)
	p := h.decide(eve, h.ask(vic), claim(approve))
	same(t, "marked", p.Claims[0].Label(approval.LabelOnBehalfOf), "")
	same(t, "of two", h.decide(bob, p, claim(approve)).Phase, approval.Granted)
	h.rule.verdict = review(1)
	p = h.decide(eve, h.ask(vic), claim(deny))
	same(t, "a refusal marked", p.Claims[0].Label(approval.LabelOnBehalfOf), "")
	h.deputize(olga, bob)
	h.rule.verdict = staged(named(0, 1, olga))
	p = h.decide(bob, h.ask(vic), claim(approve))
	same(t, "for olga", p.Claims[0].Label(approval.LabelOnBehalfOf), olga)
	p = h.decide(bob, p, claim(revoke)) // as an Editor, who revokes anything
	same(t, "a revoke by role", p.Claims[1].Label(approval.LabelOnBehalfOf), "")
}

// A deputy and who is away give one vote together, whoever is first, in whatever way (I5).
func TestTheTwoCountOnce(t *testing.T) {
	t.Parallel()
	two := staged(named(0, 2, bob, olga))
	for name, f := range map[string]func(h *house, p approval.Petition){
		"the deputy first": func(h *house, p approval.Petition) {
			p = h.decide(pat, p, claim(approve))
			h.countsOnce(bob, p, claim(approve), bob+" has already approved")
		},
		"who is away first": func(h *house, p approval.Petition) {
			p = h.decide(bob, p, claim(approve))
			h.countsOnce(pat, p, claim(approve), bob+" has already approved")
		},
		"two deputies of one": func(h *house, p approval.Petition) {
			h.deputize(bob, eve)
			p = h.decide(eve, p, claim(approve))
			h.countsOnce(pat, p, claim(approve), bob+" has already approved")
		},
		"a deputy of two": func(h *house, p approval.Petition) {
			h.deputize(olga, pat)
			p = h.decide(pat, p, claim(approve))
			h.countsOnce(pat, p, claim(approve), pat+" has already approved")
			same(h.t, "for the first", p.Claims[0].Label(approval.LabelOnBehalfOf), bob)
		},
		"who got a right since": func(h *house, p approval.Petition) {
			h.rule.verdict = staged(approval.Requirement{Count: 2, Reviewers: approval.Reviewers{Persons: []string{bob}, Roles: []approval.Role{approval.Owner}}})
			p = h.decide(pat, h.ask(vic), claim(approve))
			m, err := h.store.Member(h.t.Context(), "acme", pat)
			if err != nil {
				h.t.Fatal(err)
			}
			m.Role = approval.Owner
			h.put(m)
			h.countsOnce(pat, p, claim(approve), pat+" has already approved")
		},
		"an own vote, then a deputy's": func(h *house, p approval.Petition) {
			h.rule.verdict = staged(named(0, 2, bob, pat))
			p = h.decide(pat, h.ask(vic), claim(approve))
			h.countsOnce(pat, p, claim(approve), pat+" has already approved")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = two
			h.deputize(bob, pat)
			f(h, h.ask(vic))
		})
	}
	h := newHouse(t)
	h.rule.verdict = two
	h.deputize(bob, pat)
	p := h.decide(olga, h.decide(pat, h.ask(vic), claim(approve)), claim(approve))
	same(t, "with another", p.Phase, approval.Granted)
	h.conserves(p)
}

// 64 at once, who is away and the deputies: one of them counts.
func TestDeputiesAtOnceCountOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 2, bob, olga))
	h.deputize(bob, pat)
	h.deputize(bob, eve)
	p := h.ask(vic)
	racing := []approval.Actor{h.whoIs(bob), h.whoIs(pat), h.whoIs(eve)}
	won := 0
	for i, err := range race(func(i int) error {
		_, _, err := h.Decide(t.Context(), racing[i%3], p.Name, claim(approve), "")
		return err
	}) {
		if err == nil {
			won++
		} else if approval.CodeOf(err) != approval.Conflict {
			t.Error(racing[i%3].ID, err)
		}
	}
	same(t, "claims that were taken", won, 1)
	same(t, "approvals", len(h.now(p).Claims), 1)
}

// Each of both has a key of their own in storage: no second vote for either is written, whatever was read before.
func TestBothAreKeptByAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 2, bob, olga))
	h.deputize(bob, pat)
	p := h.decide(pat, h.ask(vic), claim(approve))
	for _, person := range []string{pat, bob} {
		err := h.store.Commit(t.Context(), approval.Change{Space: "acme", Writes: []approval.Write{approval.PutVote{Petition: p.Name, Person: person}},
			Events: []approval.Event{{Event: "test/vote", ID: h.IDs.UUID()}}})
		same(t, person, approval.CodeOf(err), approval.Conflict)
	}
}

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

// A deputy's deputy is nobody's, and neither is a service account of the deputy.
func TestADeputyHasNoDeputy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob))
	h.deputize(bob, pat)
	h.deputize(pat, eve)
	h.put(approval.Member{ID: "pats-bot", Kind: approval.KindServiceAccount, Role: approval.PetitionAdmin, Person: pat})
	p := h.ask(vic)
	h.forbidden(eve, p, claim(approve), "for "+pat+", whose deputy you are: rule")
	h.forbidden("pats-bot", p, claim(approve), "asks for "+bob)
	same(t, "the deputy", h.decide(pat, p, claim(approve)).Phase, approval.Granted)
}

// A refusal by a deputy is one of both; where several must refuse, they are not two.
func TestADeputyRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob, olga))
	h.deputize(bob, pat)
	p := h.decide(pat, h.ask(vic), claim(deny))
	same(t, "outcome", p.Outcome, approval.OutcomeDenied)
	same(t, "for whom", p.Claims[0].Label(approval.LabelOnBehalfOf), bob)
	h.rule.verdict.Denials = 2
	p = h.decide(pat, h.ask(vic), claim(deny))
	h.countsOnce(bob, p, claim(deny), bob+" has already refused")
	h.countsOnce(bob, p, claim(approve), bob+" has already refused")
	same(t, "phase", h.now(p).Phase, approval.Open)
	p = h.decide(olga, p, claim(deny))
	same(t, "outcome of two", p.Outcome, approval.OutcomeDenied)
	h.conserves(p)

	p = h.decide(pat, h.ask(vic), claim(approve))
	p = h.decide(pat, p, claim(revoke))
	same(t, "a revoke for whom", p.Claims[1].Label(approval.LabelOnBehalfOf), bob)
}

// Whoever refuses takes back what was approved by, or for, them.
func TestARefusalTakesBackWhatADeputyApproved(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 2, bob, olga, eve))
	h.rule.verdict.Denials = 2
	h.deputize(bob, pat)
	p := h.decide(bob, h.decide(pat, h.ask(vic), claim(approve)), claim(deny))
	same(t, "phase with one", h.decide(olga, p, claim(approve)).Phase, approval.Open)
	same(t, "phase with two", h.decide(eve, p, claim(approve)).Phase, approval.Granted)
}

// Who is found to be one person with who is away counts with the two as one, in a stage and in one that asks for others.
func TestWhoIsFoundToBeAwayCountsWithTheDeputy(t *testing.T) {
	t.Parallel()
	second := named(1, 2, bob, olga)
	second.DistinctFrom = []int{0}
	for name, v := range map[string]approval.Verdict{"in a stage": staged(named(0, 3, bob, eve, olga)), "in two": staged(named(0, 1, eve), second)} {
		h := newHouse(t)
		h.rule.verdict = v
		h.deputize(bob, pat)
		p := h.decide(pat, h.decide(eve, h.ask(vic), claim(approve)), claim(approve))
		if _, err := h.LinkIdentity(t.Context(), h.actor(olga), eve, bob); err != nil {
			t.Fatal(err)
		}
		p = h.decide(olga, p, claim(approve))
		same(t, name, p.Phase, approval.Open)
		same(t, name+": claims", len(p.Claims), 3)
		h.conserves(p)
	}
}

// It is the deputy who confirms, with a passkey of their own.
func TestADeputyConfirmsWithTheirOwnPasskey(t *testing.T) {
	t.Parallel()
	h := newConfirmingHouse(t)
	h.rule.verdict = staged(named(0, 1, bob))
	h.rule.verdict.Requirements[0].Confirm = approval.ConfirmPasskey
	h.deputize(bob, eve)
	p := h.ask(vic)
	h.forbidden(eve, p, claim(approve), "with a passkey only")
	h.forbidden(eve, p, h.confirmed("Ym9i", p, 1), "not one of "+eve)
	same(t, "phase", h.decide(eve, p, h.confirmed("ZXZl", p, 1)).Phase, approval.Granted)
}

// A delegation that is ended while a claim is on its way gives it nothing.
func TestTheEndBeatsAClaimOnItsWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob))
	d := h.deputize(bob, pat)
	p := h.ask(vic)
	looked := false
	h.store.BeforeRead = func(what string) error {
		if what == "Member" && looked { // behind the look at the delegation
			looked = false
			h.store.BeforeRead = nil
			h.write(approval.EndDelegation{Name: d.Name, By: bob, At: h.clock.Now()})
		}
		looked = looked || what == "DelegationsTo"
		return nil
	}
	deputy := h.actor(pat)
	_, _, err := h.Decide(t.Context(), deputy, p.Name, claim(approve), "")
	same(t, "code", approval.CodeOf(err), approval.Forbidden)
	same(t, "phase", h.now(p).Phase, approval.Open)
}

// Where it cannot be looked up who is away, nobody decides for them.
func TestALookUpThatFailsGivesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = staged(named(0, 1, bob))
	h.deputize(bob, pat)
	p := h.ask(vic)
	h.store.BeforeRead = func(what string) error {
		if what == "DelegationsTo" {
			return approval.Wrap(approval.Unavailable, errLost, "try again")
		}
		return nil
	}
	_, _, err := h.Decide(t.Context(), h.actor(pat), p.Name, claim(approve), "")
	same(t, "code", approval.CodeOf(err), approval.Unavailable)
	same(t, "who has the right", h.decide(bob, p, claim(approve)).Phase, approval.Granted)
}

// Who asks costs nothing more, nor does who decides by their own right; all others cost one look.
func TestDelegationsCostALookOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	looks := 0
	h.store.BeforeRead = func(what string) error {
		if strings.HasPrefix(what, "Delegation") {
			looks++
		}
		return nil
	}
	h.rule.verdict = review(2)
	p := h.ask(vic)
	h.decide(bob, p, claim(approve))
	h.decide(eve, p, claim(approve))
	same(t, "looks", looks, 0)
	h.forbidden(pat, h.ask(vic), claim(approve), "asks for")
	same(t, "looks of who may not", looks, 1)
}

// Who may name whom, for how long; nobody hands out more than they have (I7).
func TestWhoNamesWhomAsDeputy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.put(approval.Member{ID: "al@acme.example", Kind: approval.KindUser, Email: "al@acme.example", Role: approval.Auditor, Person: "al@acme.example"})
	h.put(approval.Member{ID: "sue@acme.example", Kind: approval.KindUser, Email: "sue@acme.example", Role: approval.Viewer, Person: "sue@acme.example", Suspended: true})
	if _, err := h.LinkIdentity(t.Context(), h.actor(olga), pat, "eve@home.example"); err != nil {
		t.Fatal(err)
	}
	h.put(approval.Member{ID: "eve@home.example", Kind: approval.KindUser, Email: "eve@home.example", Role: approval.Viewer, Person: "eve@home.example"})
	now := h.clock.Now()
	scoped := func(id string, scopes ...approval.Permission) approval.Actor {
		a := h.whoIs(id)
		a.Scopes = scopes
		return a
	}
	ok := approval.NewDelegation{To: pat, EndTime: now.Add(day)}
	with := func(change func(*approval.NewDelegation)) approval.NewDelegation { n := ok; change(&n); return n }
	for name, c := range map[string]struct {
		by    approval.Actor
		n     approval.NewDelegation
		code  approval.Code
		field string
	}{
		"for oneself":                  {h.whoIs(bob), ok, "", ""},
		"a Viewer's":                   {h.whoIs(vic), ok, "", ""},
		"in capitals":                  {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "Pat@ACME.example" }), "", ""},
		"an owner's for another":       {h.whoIs(olga), with(func(n *approval.NewDelegation) { n.From = bob }), "", ""},
		"90 days":                      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90 * day) }), "", ""},
		"later":                        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(365*day), now.Add(366*day) }), "", ""},
		"a start that has passed":      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(-80 * day) }), "", ""},
		"an editor's for another":      {h.whoIs(eve), with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"an owner's to the owner":      {h.whoIs(olga), approval.NewDelegation{From: bob, To: olga, EndTime: now.Add(day)}, approval.Forbidden, ""},
		"by an Auditor":                {h.whoIs("al@acme.example"), ok, approval.Forbidden, ""},
		"by a token that decides not":  {scoped(bob, approval.WriteDelegations), ok, approval.Forbidden, ""},
		"by a token without the scope": {scoped(bob, approval.CreateClaims), ok, approval.Forbidden, ""},
		"by a token that covers not": {scoped(olga, approval.WriteDelegations, approval.CreateClaims, approval.WriteMembers),
			with(func(n *approval.NewDelegation) { n.From = bob }), approval.Forbidden, ""},
		"by a service account":       {h.whoIs(bobsBot), ok, approval.Invalid, "from"},
		"to a service account":       {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = quickstart }), approval.Invalid, "to"},
		"to oneself":                 {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = bob }), approval.Invalid, "to"},
		"to oneself by another name": {h.whoIs(pat), with(func(n *approval.NewDelegation) { n.To = "eve@home.example" }), approval.Invalid, "to"},
		"to an Auditor":              {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "al@acme.example" }), approval.Invalid, "to"},
		"to who is suspended":        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "sue@acme.example" }), approval.Invalid, "to"},
		"to nobody":                  {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "" }), approval.Invalid, "to"},
		"to who is no member":        {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.To = "who@else.example" }), approval.Invalid, "to"},
		"of who is no member":        {h.whoIs(olga), with(func(n *approval.NewDelegation) { n.From = "who@else.example" }), approval.Invalid, "from"},
		"without an end":             {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = time.Time{} }), approval.Invalid, "endTime"},
		"for too long":               {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now.Add(90*day + time.Second) }), approval.Invalid, "endTime"},
		"over already":               {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.EndTime = now }), approval.Invalid, "endTime"},
		"ends before it begins":      {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime = now.Add(2 * day) }), approval.Invalid, "endTime"},
		"too far ahead":              {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.StartTime, n.EndTime = now.Add(366*day), now.Add(367*day) }), approval.Invalid, "startTime"},
		"with a reason of no text":   {h.whoIs(bob), with(func(n *approval.NewDelegation) { n.Reason = "\x00" }), approval.Invalid, "reason"},
	} {
		refusals := len(h.refusals())
		d, err := h.CreateDelegation(t.Context(), c.by, c.n)
		field := ""
		if e, is := err.(*approval.Error); is {
			field = e.Field
		}
		logged := len(h.refusals()) - refusals
		if approval.CodeOf(err) != c.code || field != c.field || (logged == 1) != (c.code == approval.Forbidden) {
			t.Errorf("%s: %v (%s in %q), %d refusals", name, err, approval.CodeOf(err), field, logged)
		}
		if err == nil && (d.StartTime.Before(now) || d.CreatedBy != c.by.ID || d.To != pat) {
			t.Errorf("%s: %+v", name, d)
		}
	}
}

// Who sees which, and who ends them; what is over stays to be read.
func TestWhoSeesAndEndsDelegations(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, other := h.deputize(vic, bob), h.deputize(eve, olga)
	sees := func(id string, want ...string) {
		t.Helper()
		list, err := h.Delegations(t.Context(), h.whoIs(id))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range list {
			got = append(got, d.From)
		}
		slices.Sort(got)
		sameList(t, id, got, want...)
	}
	sees(vic, vic)
	sees(olga, eve, vic)
	own, err := h.OwnDelegations(t.Context(), h.whoIs(bob))
	if err != nil || len(own) != 1 || own[0] != d {
		t.Error(own, err)
	}
	_, err = h.Delegation(t.Context(), h.whoIs(vic), other.Name)
	same(t, "another's", approval.CodeOf(err), approval.NotFound)
	same(t, "ended by who cannot see it", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(vic), other.Name)), approval.NotFound)
	same(t, "ended by an editor", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(bob), other.Name)), approval.Forbidden)
	h.ends(other, olga) // its deputy, and an owner
	h.ends(d, bob)
	e := h.newest(approval.EventDelegationEnd)
	same(t, "who ended it", e.Actor.ID, bob)
	same(t, "whose", e.Label(approval.LabelDelegationFrom), vic)
	same(t, "again", approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(vic), d.Name)), approval.Conflict)
	ended, err := h.Delegation(t.Context(), h.whoIs(vic), d.Name)
	if err != nil || ended.State(h.clock.Now()) != approval.DelegationEnded || ended.RevokedBy != bob {
		t.Error(ended, err)
	}
	sees(olga)
	for _, name := range []string{"", "none", "a/b"} {
		same(t, name, approval.CodeOf(h.EndDelegation(t.Context(), h.whoIs(olga), name)), approval.NotFound)
	}
}

func TestDelegationsAreFew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range approval.MaxDelegationsOfOne {
		h.deputize(bob, pat)
	}
	for _, n := range []approval.NewDelegation{{From: bob, To: eve}, {From: vic, To: pat}} {
		n.EndTime = h.clock.Now().Add(day)
		_, err := h.CreateDelegation(t.Context(), h.whoIs(olga), n)
		same(t, n.From, approval.CodeOf(err), approval.Conflict)
	}
	h.clock.Advance(day)
	h.deputize(bob, eve)
}
