package approval_test

import (
	"errors"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func by(r approval.Reviewers) approval.Verdict {
	return staged(approval.Requirement{Count: 1, Reviewers: r})
}

func entry(kind, name, id string, labels ...string) approval.Resource {
	r := approval.Resource{ID: id, Kind: kind, Labels: map[string]string{approval.LabelBlock: name}}
	for i := 0; i < len(labels); i += 2 {
		r.Labels[labels[i]] = labels[i+1]
	}
	return r
}

// may answers who of everybody may approve.
func (h *house) may(p approval.Petition) (who []string) {
	h.t.Helper()
	for _, id := range []string{olga, bob, eve, pat, vic, bobsBot} {
		e, err := h.Eligibility(h.t.Context(), h.whoIs(id), p)
		if err != nil {
			h.t.Fatal(err)
		}
		if e.May() {
			who = append(who, id)
		}
	}
	return who
}

func (h *house) group(name string, members ...approval.Resource) {
	h.t.Helper()
	if _, err := h.SetGroupMembers(h.t.Context(), h.actor(olga), name, members); err != nil {
		h.t.Fatal(err)
	}
}

// Whom a rule tells is looked up as its reviewers are: of the stage that decides now, as long as somebody decides.
func TestWhoIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("group", "payments", "G1"))
	h.group("payments", approval.Resource{ID: vic})
	told := func(p approval.Petition) (who []string) {
		t.Helper()
		for _, id := range []string{olga, bob, eve, pat, vic} {
			tells, err := h.Tells(t.Context(), h.whoIs(id), []approval.Petition{h.now(p)})
			if err != nil {
				t.Fatal(err)
			}
			if tells[0] {
				who = append(who, id)
			}
		}
		return who
	}
	first, second := named(0, 1, bob), named(1, 1, eve)
	first.Notify = &approval.Reviewers{Groups: []string{"payments"}, Persons: []string{eve}}
	second.Notify = &approval.Reviewers{Roles: []approval.Role{approval.Owner}}
	h.rule.verdict = staged(first, second)
	p := h.ask(pat)
	sameList(t, "of the first stage", told(p), eve, vic)
	h.group("payments", approval.Resource{ID: pat})
	sameList(t, "as the directory is now", told(p), eve, pat)
	p = h.decide(bob, p, claim(approve))
	sameList(t, "of the second", told(p), olga)
	p = h.decide(eve, p, claim(approve))
	sameList(t, "when it is decided", told(p))
	h.rule.verdict = staged(named(0, 1, bob))
	sameList(t, "where no rule tells anybody", told(h.ask(pat)))
}

// A group means who is in it at the moment of the claim, through other groups too; one that was deleted means nobody.
func TestReviewersByGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("group", "payments", "G1"), entry("group", "leads", "G2"), entry("team", "no-group", "G3"))
	h.group("leads", approval.Resource{ID: bob}, approval.Resource{ID: bobsBot})
	h.group("payments", approval.Resource{ID: "leads", Kind: "group"}, approval.Resource{ID: eve})
	h.rule.verdict = by(approval.Reviewers{Groups: []string{"G1", "G3", "missing"}})
	p := h.ask(vic)
	sameList(t, "in it", h.may(p), bob, eve, bobsBot)
	h.group("payments", approval.Resource{ID: "leads", Kind: "group"})
	sameList(t, "after one left", h.may(p), bob, bobsBot)
	if err := h.DeleteResources(t.Context(), h.actor(olga), []string{"payments"}); err != nil {
		t.Fatal(err)
	}
	sameList(t, "after it was deleted", h.may(p))
	_, err := h.try(bob, p, claim(approve))
	same(t, "claim", approval.CodeOf(err), approval.Forbidden)
	h.rule.verdict = by(approval.Reviewers{Groups: []string{"leads"}})
	sameList(t, "by its name", h.may(h.ask(vic)), bob, bobsBot)
}

// The manager is whom the directory's entry of the petitioner names, by address or by an id that leads to the person.
func TestReviewersByManager(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	alias := entry("user", "eve", "U2", "managerId", olga)
	alias.Email = eve
	h.directory(entry("user", "vic", vic, "managerId", "u2"), alias, entry("user", "pat", pat, "managerId", pat), entry("user", "olga", olga, "managerId", bob))
	h.rule.verdict = by(approval.Reviewers{Managers: "managerId"})
	sameList(t, "vic's", h.may(h.ask(vic)), eve)
	sameList(t, "nobody is their own", h.may(h.ask(pat)))
	sameList(t, "of a service account: its owner's", h.may(h.ask(quickstart)), bob)
	both := func(n *approval.NewPetition) {
		n.Petitioners = []approval.Resource{{ID: vic, Kind: "user"}, {ID: eve, Kind: "user"}}
	}
	sameList(t, "of two with different managers", h.may(h.ask(pat, both)))
}

// Owners are named by the directory's own record of the resource, whatever the petitioner says of it.
// Whose manager reviews is the directory's to say: else whoever may ask for others would choose who reviews (I13).
func TestWhoAsksDoesNotChooseTheManager(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("user", "vic", vic, "managerId", bob))
	h.rule.verdict = by(approval.Reviewers{Managers: "managerId"})
	of := func(r approval.Resource) []string {
		return h.may(h.ask(pat, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{r} }))
	}
	sameList(t, "of a member", of(approval.Resource{ID: vic}), bob)
	sameList(t, "of a member, by address", of(approval.Resource{ID: "x", Email: vic}), bob)
	sameList(t, "of a stranger who is said to be the member, too", of(approval.Resource{ID: "stranger", AltIDs: []string{vic}}))
	sameList(t, "of a stranger with the address of nobody", of(approval.Resource{ID: "stranger", Email: "nobody@else.example", AltIDs: []string{vic}}))
}

func TestReviewersByOwner(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("group", "dba", "G1"), entry("database", "db1", "db-1", "owner", " Bob@acme.example , G1"), entry("database", "db2", "db-2", "owner", eve))
	h.group("dba", approval.Resource{ID: pat})
	asks := func(resources ...approval.Resource) func(*approval.NewPetition) {
		return func(n *approval.NewPetition) { n.Resources = resources }
	}
	db1, db2 := approval.Resource{ID: "db-1", Kind: "database"}, approval.Resource{ID: "db-2", Kind: "database"}
	lie := approval.Resource{ID: "db-9", Kind: "database", Labels: map[string]string{"owner": bob}}
	h.rule.verdict = by(approval.Reviewers{Owners: "owner"})
	sameList(t, "one", h.may(h.ask(vic, asks(db1))), bob, pat)
	sameList(t, "both", h.may(h.ask(vic, asks(db1, db2))))
	sameList(t, "what the directory does not have", h.may(h.ask(vic, asks(lie))))
	other := db1
	other.Kind = "action"
	sameList(t, "another kind", h.may(h.ask(vic, asks(other))))
	second := h.rule.verdict.Requirements[0]
	second.Resource = 2
	h.rule.verdict = staged(second)
	sameList(t, "the second only", h.may(h.ask(vic, asks(db1, db2))), eve)
	sameList(t, "a second that is not there", h.may(h.ask(vic, asks(db1))))
}

// Schedules and conditions are those of the version that the petition was frozen with. A condition that fails means nobody;
// a look-up that fails is said, and decides nothing.
func TestReviewersByScheduleAndCondition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("group", "dba", "G1"))
	h.group("dba", approval.Resource{ID: pat})
	h.rule.onCall = map[string]approval.OnCall{"primary": {Persons: []string{"Eve@acme.example"}}, "empty": {Group: "dba"}}
	h.rule.verdict = by(approval.Reviewers{OnCall: []string{"primary", "none"}})
	p := h.ask(vic)
	sameList(t, "on call", h.may(p), eve)
	h.rule.verdict = by(approval.Reviewers{OnCall: []string{"empty"}})
	sameList(t, "nobody on call", h.may(h.ask(vic)), pat)

	h.rule.selects = func(where string, c approval.Candidate) (bool, error) {
		groups, err := c.Groups(t.Context())
		return where == "in dba" && len(groups) > 0, err
	}
	h.rule.verdict = by(approval.Reviewers{Where: "in dba"})
	selected := h.ask(vic)
	sameList(t, "selected", h.may(selected), pat)
	h.rule.refusal = errors.New("no such key: team")
	sameList(t, "a condition that fails", h.may(selected))
	_, err := h.try(pat, selected, claim(approve))
	same(t, "claim", approval.CodeOf(err), approval.Forbidden)
	h.rule.refusal = approval.Errorf(approval.Unavailable, "the schedule cannot be read")
	for _, p := range []approval.Petition{p, selected} {
		if _, err := h.Eligibility(t.Context(), h.whoIs(eve), p); approval.CodeOf(err) != approval.Unavailable {
			t.Error(err)
		}
		_, err = h.try(eve, p, claim(approve))
		same(t, "claim while it cannot be told", approval.CodeOf(err), approval.Unavailable)
		same(t, "phase", h.now(p).Phase, approval.Open)
	}
	same(t, "a withdrawal needs no look-up", h.decide(vic, p, claim(deny)).Outcome, approval.OutcomeWithdrawn)
}

// Whoever was on call when they agreed has agreed, also when the shift has ended since; who has left the group has not.
func TestWhatCountsWhenTheNextClaimComes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(entry("group", "dba", "G1"))
	h.group("dba", approval.Resource{ID: pat}, approval.Resource{ID: bob})
	h.rule.verdict = staged(approval.Requirement{Count: 2, Reviewers: approval.Reviewers{Groups: []string{"G1"}, Persons: []string{olga, eve}}})
	p := h.decide(pat, h.ask(vic), claim(approve))
	h.group("dba", approval.Resource{ID: bob})
	p = h.decide(bob, p, claim(approve))
	same(t, "phase", p.Phase, approval.Open)
	same(t, "phase", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
}

// Petitions that name roles and persons only cost no look-up; a list looks each thing up once.
func TestListsLookUpOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reads := map[string]int{}
	count := func(what string) error { reads[what]++; return nil }
	h.ask(vic)
	h.rule.onCall = map[string]approval.OnCall{"primary": {Persons: []string{bob}}}
	bobs := h.whoIs(bob)
	h.store.BeforeRead = count
	page, err := h.Petitions(t.Context(), bobs, approval.PetitionQuery{}, true)
	if err != nil || len(page.Items) != 1 || len(reads) != 1 {
		t.Fatal(len(page.Items), reads, err)
	}
	h.store.BeforeRead = nil
	h.directory(entry("group", "dba", "G1"), entry("user", "vic", vic, "managerId", bob))
	h.group("dba", approval.Resource{ID: pat})
	for range 20 {
		h.rule.verdict = by(approval.Reviewers{Groups: []string{"G1"}, Managers: "managerId"})
		h.ask(vic)
		h.rule.verdict = by(approval.Reviewers{OnCall: []string{"primary"}})
		h.ask(vic)
	}
	h.rule.looks = 0
	clear(reads)
	h.store.BeforeRead = count
	page, err = h.Petitions(t.Context(), bobs, approval.PetitionQuery{}, true)
	if err != nil || len(page.Items) != 41 {
		t.Fatal(len(page.Items), err)
	}
	total := 0
	for _, n := range reads {
		total += n
	}
	if total > 10 || h.rule.looks != 1 {
		t.Errorf("%d reads %v and %d questions for 41 petitions", total, reads, h.rule.looks)
	}
}

// Who comes to own the service account that asks does not decide, and what they agreed to before counts no more. Nor does
// who owned it when it asked.
func TestWhoComesToOwnTheAccountThatAsks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.decide(eve, h.ask(quickstart), claim(approve))
	_, err := h.try(olga, p, claim(approve))
	same(t, "the owner", approval.CodeOf(err), approval.Forbidden)
	h.put(approval.Member{ID: quickstart, Kind: approval.KindServiceAccount, Role: approval.PetitionAdmin, Person: eve})
	h.clock.Advance(1e9)
	p = h.decide(bob, p, claim(approve))
	same(t, "phase with the approval of the new owner", p.Phase, approval.Open)
	for _, owner := range []string{olga, eve} {
		_, err = h.Eligibility(t.Context(), h.whoIs(owner), p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.try(owner, p, claim(approve))
		if code := approval.CodeOf(err); code != approval.Forbidden {
			t.Errorf("%s: %v", owner, err)
		}
	}
	h.put(approval.Member{ID: "kim@acme.example", Kind: approval.KindUser, Email: "kim@acme.example", Role: approval.Editor, Person: "kim@acme.example"})
	same(t, "phase with a third", h.decide("kim@acme.example", p, claim(approve)).Phase, approval.Granted)
}

// Who is found to be who asks does not decide, and what they agreed to before counts no more.
func TestWhoIsFoundToAsk(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.decide(eve, h.ask(vic), claim(approve))
	if _, err := h.LinkIdentity(t.Context(), h.actor(olga), eve, vic); err != nil {
		t.Fatal(err)
	}
	p = h.decide(bob, p, claim(approve))
	same(t, "phase", p.Phase, approval.Open)
	_, _, err := h.Decide(t.Context(), h.whoIs(eve), p.Name, claim(deny), "")
	same(t, "who is linked", approval.CodeOf(err), approval.Forbidden)
	same(t, "phase with a third", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
}
