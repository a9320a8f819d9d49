package approval_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// given has a rule grant vic the resources for so long.
func (h *house) given(id string, length time.Duration, resources ...string) approval.Petition {
	h.t.Helper()
	h.rule.verdict = verdict(approval.VerdictApprove)
	h.rule.verdict.DefaultDuration = length
	return h.ask(id, func(n *approval.NewPetition) {
		n.Resources = nil
		for _, r := range resources {
			n.Resources = append(n.Resources, approval.Resource{Kind: "db", ID: r})
		}
	})
}

// reads counts what the store is asked while do runs.
func (h *house) reads(do func()) map[string]int {
	h.t.Helper()
	asked := map[string]int{}
	h.store.BeforeRead = func(what string) error {
		asked[what]++
		return nil
	}
	do()
	h.store.BeforeRead = nil
	return asked
}

// closeOf revokes the petition, and answers what its close says of access.
func (h *house) closeOf(p approval.Petition) (ended string, keptBy []string) {
	h.t.Helper()
	h.decide(vic, p, claim(revoke))
	if err := h.RunJob(h.t.Context(), approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobClose}); err != nil {
		h.t.Fatal(err)
	}
	return h.closes(h.now(p))
}

// However many grants of a pair overlap, neither the close of one nor a list reads all of them.
func TestOverlappingGrantsAreNotAllRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	const many = 3000
	var first approval.Petition
	for i := range many {
		p := h.given(vic, time.Hour+time.Duration(i)*time.Second, "orders")
		if i == 0 {
			first = p
		}
	}
	var list []string
	asked := h.reads(func() {
		page, err := h.Grants(t.Context(), h.actor(vic), approval.AccessQuery{Person: vic, Page: approval.PageRequest{Size: 5}})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range page.Items {
			list = append(list, a.Until.Sub(begin).String())
		}
	})
	last := (time.Hour + (many-1)*time.Second).String()
	sameList(t, "until", list, last, last, last, last, last)
	if asked["Leases"] > 8 {
		t.Errorf("a list of five reads %d pages of leases", asked["Leases"])
	}
	h.decide(vic, first, claim(revoke))
	asked = h.reads(func() {
		if err := h.RunJob(t.Context(), approval.Job{Space: "acme", Petition: first.Name, Kind: approval.JobClose}); err != nil {
			t.Fatal(err)
		}
	})
	if asked["Leases"] > 2 || asked["PhasesByName"] > 2 {
		t.Errorf("a close reads %d pages of leases and %d of phases", asked["Leases"], asked["PhasesByName"])
	}
	ended, by := h.closes(first)
	same(t, "access", ended, "false")
	same(t, "kept by", len(by), 20)
}

// What a person has most of does not hide what else is kept.
func TestManyGrantsOfOneThingDoNotHideAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 100 {
		h.given(vic, 5*time.Hour, "orders")
	}
	stock := h.given(vic, 2*time.Hour, "stock")
	ended, by := h.closeOf(h.given(vic, time.Hour, "orders", "stock"))
	same(t, "access", ended, "false")
	same(t, "the label names", len(by), 20)
	h.decide(vic, stock, claim(revoke))
	ended, _ = h.closeOf(h.given(vic, time.Hour, "orders", "stock"))
	same(t, "access without the other", ended, "partly")
}

// What has ended by a clock that was set back since lasts longest, and does not hide what still holds.
func TestWhatHasEndedDoesNotHideWhatHolds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 100 {
		h.given(vic, time.Hour, "orders")
	}
	h.clock.Advance(time.Hour)
	for h.run() > 0 {
	}
	h.clock.Set(h.clock.Now().Add(-30 * time.Minute))
	holds := h.given(vic, 10*time.Minute, "orders")
	ended, by := h.closeOf(h.given(vic, 5*time.Minute, "orders"))
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, holds.Name)
	ended, by = h.closeOf(holds)
	same(t, "access at last", ended, "true")
	sameList(t, "kept by", by)
}

// A thing is one thing by whatever id the directory has for it, and in whatever case: it is locked down by each, and its grants
// are a union.
func TestAThingIsOneThingByWhateverName(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{ID: "arn:Orders", Kind: "db", AltIDs: []string{"Östlich"}, Labels: map[string]string{approval.LabelBlock: "orders"}},
		approval.Resource{ID: "stock", Kind: "db", Labels: map[string]string{approval.LabelBlock: "stock"}})
	begin := h.clock.Now()
	asked := []string{"arn:Orders", "ARN:ORDERS", "östlich", "ÖSTLICH"}
	var all []approval.Petition
	for i, id := range asked {
		all = append(all, h.given(vic, time.Duration(i+1)*time.Hour, id))
	}
	other := h.given(vic, 9*time.Hour, "stock")
	for _, name := range []string{"orders", "arn:orders", "ARN:Orders", "Östlich", "öSTLICH"} {
		var want []string
		for _, id := range asked {
			want = append(want, "vic "+id+" 4h0m0s")
		}
		sameList(t, "of "+name, h.has(begin, approval.AccessQuery{Resource: name}), want...)
	}
	same(t, "of all", len(h.has(begin, approval.AccessQuery{})), 5)
	for _, a := range h.has(begin, approval.AccessQuery{Person: vic}) {
		if !strings.HasSuffix(a, " 4h0m0s") && a != "vic stock 9h0m0s" {
			t.Error(a)
		}
	}
	ended, by := h.closeOf(all[0])
	want := []string{all[1].Name, all[2].Name, all[3].Name}
	slices.Sort(want)
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, want...)
	for _, name := range []string{"orders", "Orders", "ARN:orders"} {
		if done, refused, err := h.revokeAll(eve, approval.RevokeGrants{Resource: name, Preview: true}); err != nil || done != 3 || refused != 0 {
			t.Error(name, done, refused, err)
		}
	}
	done, refused, err := h.revokeAll(eve, approval.RevokeGrants{Resource: "östlich", Reason: "lock down"})
	if err != nil || done != 3 || refused != 0 {
		t.Fatal(done, refused, err)
	}
	same(t, "the other", h.now(other).Phase, approval.Granted)
	ended, _ = h.closes(all[3])
	same(t, "access at last", ended, "true")
}

// The kind is told apart, and not by its capitals.
func TestAKindIsOneKindInWhateverCase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.given(vic, time.Hour, "orders")
	other := h.ask(vic, func(n *approval.NewPetition) { n.Resources = []approval.Resource{{ID: "Orders", Kind: "DB"}} })
	ended, by := h.closeOf(p)
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, other.Name)
}

// Whom only petitions know loses all by the id, also what was given under the address that a petition said beside it.
func TestAStrangerIsOffboardedByTheID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, r := range []approval.Resource{{ID: "EXT-7", Email: "zoe@elsewhere.example"}, {ID: "EXT-7"}, {Email: "Zoe@elsewhere.example"}} {
		h.decide(bob, h.ask(pat, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{r} }), claim(approve))
	}
	for _, c := range []struct {
		name string
		want int
	}{{"zoe@elsewhere.example", 2}, {"EXT-7", 3}, {"EXT", 0}} {
		same(t, "of "+c.name, len(h.has(h.clock.Now(), approval.AccessQuery{Person: c.name})), c.want)
	}
	done, refused, err := h.revokeAll(eve, approval.RevokeGrants{Person: "EXT-7", Reason: "has left"})
	if err != nil || done != 3 || refused != 0 {
		t.Fatal(done, refused, err)
	}
}

// Whoever asks for somebody the space does not know may say what that one is called besides. By a name of somebody else it would
// keep its access as long as that one has it, though nobody approved that, and the other's would last as long as its own.
func TestAStrangersWordsShareNobodysAccess(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{bob}, {"U1"}, {"dora@other.example"}, {"x", bob, "y"}} {
		h := newHouse(t)
		h.directory(approval.Resource{ID: "U1", Kind: approval.KindUser, Email: "dora@other.example", Labels: map[string]string{approval.LabelBlock: "dora"}})
		asks := func(r approval.Resource, length time.Duration) approval.Petition {
			h.rule.verdict = review(1)
			p := h.ask(pat, func(n *approval.NewPetition) { n.Petitioners, n.Duration = []approval.Resource{r}, length })
			return h.decide(eve, p, claim(approve))
		}
		known := []approval.Petition{asks(approval.Resource{ID: bob, Kind: approval.KindUser}, time.Hour), asks(approval.Resource{ID: "U1", Kind: approval.KindUser}, time.Hour)}
		short := asks(approval.Resource{ID: "mallory-svc", Kind: approval.KindUser, AltIDs: names}, time.Minute)
		long := asks(approval.Resource{ID: "mallory-too", Kind: approval.KindUser, AltIDs: names}, 2*time.Hour)
		if slices.Contains(short.Persons, bob) != slices.Contains(names, bob) {
			t.Errorf("called %s: those who ask are %s", names, short.Persons) // whoever may be meant does not decide (I6)
		}
		for i, p := range slices.Concat([]approval.Petition{short}, known, []approval.Petition{long}) {
			h.clock.Set(p.Grant.EndTime)
			if ended, by := h.closes(p); ended != "true" || len(by) > 0 {
				t.Errorf("called %s: the end of %d is %s, kept by %s", names, i, ended, by)
			}
		}
	}
}

// An id that the space does not know beside an address that it knows means who has the address.
func TestAnAddressInTheDirectoryNamesWhoHasIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	dora := approval.Resource{ID: "U1", Kind: approval.KindUser, Email: "dora@other.example", Labels: map[string]string{approval.LabelBlock: "dora"}}
	h.directory(dora)
	p := h.ask(pat, func(n *approval.NewPetition) {
		n.Petitioners = []approval.Resource{{ID: "mallory-svc", Kind: approval.KindUser, Email: "Dora@other.example"}}
	})
	if got := p.Petitioners; len(got) != 1 || got[0].ID != "U1" || got[0].Email != dora.Email {
		t.Errorf("the petition is for %+v", got)
	}
}
