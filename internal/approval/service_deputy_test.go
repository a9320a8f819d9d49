package approval_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const day = 24 * time.Hour

// seated answers a member who has signed in on the pages, with a passkey if they have one.
func (h *house) seated(id string) approval.Actor {
	h.t.Helper()
	a := h.whoIs(id)
	a.TokenName = h.holds(id, approval.Token{Kind: approval.TokenSession, CreatedBy: approval.Resource{Labels: map[string]string{approval.LabelPasskey: "theirs"}}})
	return a
}

// holds gives a member a credential, unless they have it, and answers its name.
func (h *house) holds(id string, t approval.Token) string {
	h.t.Helper()
	t.Space, t.Member, t.CreateTime, t.CreatedBy.ID = "acme", id, h.clock.Now(), id
	if t.Name == "" {
		t.Name = t.Kind + "-of-" + id + "-" + h.clock.Now().Format("150405") + "-" + strconv.Itoa(h.clock.Now().YearDay())
	}
	if _, err := h.store.Token(h.t.Context(), "acme", t.Name); approval.CodeOf(err) == approval.NotFound {
		h.write(approval.PutToken{Token: t})
	}
	return t.Name
}

// deputize names a deputy for a day from now.
func (h *house) deputize(from, to string) approval.Delegation {
	h.t.Helper()
	d, err := h.CreateDelegation(h.t.Context(), h.seated(from), approval.NewDelegation{To: to, EndTime: h.clock.Now().Add(day), Reason: "on leave"})
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
	d, err := h.CreateDelegation(t.Context(), h.seated(bob), approval.NewDelegation{To: pat, StartTime: start, EndTime: start.Add(day), Reason: "on leave"})
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
	same(t, "decided for", p.Decision.OnBehalfOf, bob)
	same(t, "status", p.Status(), "was already approved by "+pat+" on behalf of "+bob+" at "+p.Decision.Timestamp.Format(time.RFC3339))
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

// Whoever looks at a petition learns which deputies may decide it, and the space's other delegations cost nothing: those who are
// away and are no reviewers are not looked up one by one.
func TestDeputiesAreLookedUpByWhoReviews(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		verdict approval.Verdict
		found   int
	}{
		"by their addresses": {staged(named(0, 1, bob)), 1},
		"by their role":      {staged(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor}}}), 1},
		"by a group":         {staged(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Groups: []string{"payments"}}}), 1},
		"later":              {staged(named(0, 1, olga), named(1, 1, bob)), 0},
		"by escalation":      {staged(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{Persons: []string{olga}}, Escalate: []approval.Escalation{{After: time.Hour, Reviewers: approval.Reviewers{Persons: []string{bob}}}}}), 0},
	} {
		h := newHouse(t)
		h.rule.verdict = c.verdict
		h.directory(entry("group", "payments", "G1"))
		h.group("payments", approval.Resource{ID: bob})
		for i := range 40 {
			id := fmt.Sprintf("away%d@acme.example", i)
			h.put(approval.Member{ID: id, Kind: approval.KindUser, Email: id, Role: approval.Viewer, Person: id})
			h.deputize(id, pat)
		}
		d := h.deputize(bob, pat)
		p := h.ask(vic)
		reads := 0
		h.store.BeforeRead = func(string) error { reads++; return nil }
		deputies, err := h.Deputies(t.Context(), h.actor(vic), p)
		h.store.BeforeRead = nil
		if err != nil || len(deputies) != c.found || c.found > 0 && (deputies[0].For.ID != bob || deputies[0].Delegation != d) {
			t.Errorf("%s: %+v %v", name, deputies, err)
		}
		if reads > 20 {
			t.Errorf("%s: %d readings", name, reads)
		}
	}
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
		"who got a right since": func(h *house, _ approval.Petition) {
			h.rule.verdict = staged(approval.Requirement{Count: 2, Reviewers: approval.Reviewers{Persons: []string{bob}, Roles: []approval.Role{approval.Owner}}})
			p := h.decide(pat, h.ask(vic), claim(approve))
			m, err := h.store.Member(h.t.Context(), "acme", pat)
			if err != nil {
				h.t.Fatal(err)
			}
			m.Role = approval.Owner
			h.put(m)
			h.countsOnce(pat, p, claim(approve), pat+" has already approved")
		},
		"an own vote, then a deputy's": func(h *house, _ approval.Petition) {
			h.rule.verdict = staged(named(0, 2, bob, pat))
			p := h.decide(pat, h.ask(vic), claim(approve))
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
