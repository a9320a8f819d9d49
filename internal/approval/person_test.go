package approval_test

import (
	"fmt"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// as answers the member as identity lets it in, with all its names.
func (h *house) as(id string) approval.Actor {
	h.t.Helper()
	m, err := h.store.Member(h.t.Context(), "acme", id)
	if err != nil {
		h.t.Fatal(err)
	}
	a, err := h.ActorOf(h.t.Context(), m, "token-of-"+id, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *house) link(identity, member string) {
	h.t.Helper()
	h.write(approval.PutIdentity{Identity: approval.Identity{Space: "acme", Identity: identity, Member: member}})
}

// approveAs tries to approve and demands the code.
func (h *house) approveAs(a approval.Actor, p approval.Petition, want approval.Code) {
	h.t.Helper()
	if _, _, err := h.Decide(h.t.Context(), a, p.Name, claim(approve), ""); approval.CodeOf(err) != want {
		h.t.Errorf("%s approves: %v, want %q", a.ID, err, want)
	}
}

// Whoever asks does not decide, by whatever name the petition has them, known before or found out since (I6).
func TestNobodyDecidesByAnotherName(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(h *house){
		"the directory's id with an address": func(h *house) {
			h.directory(approval.Resource{ID: "U1", Kind: "slack/user", Email: "BOB@acme.example"})
		},
		"the directory's id with another id": func(h *house) { h.directory(approval.Resource{ID: bob, Kind: "user", AltIDs: []string{"u1"}}) },
		"an identity of the member":          func(h *house) { h.link("U1", bob) },
		"a name that leads to a name": func(h *house) {
			h.link("gh/bob", bob)
			h.directory(approval.Resource{ID: "U1", AltIDs: []string{"GH/Bob"}})
		},
		"another member who is the same person": func(h *house) { h.link("U1", eve); h.link(bob, eve) },
		"a long way, in both tables in both ways": func(h *house) {
			h.link("x1", bob)
			h.directory(approval.Resource{ID: "x2", AltIDs: []string{"X1", "x3"}}, approval.Resource{ID: "u1", AltIDs: []string{"x3"}})
		},
	} {
		for _, known := range []string{"before", "since"} {
			t.Run(name+", known "+known, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				if known == "before" {
					tell(h)
				}
				n := reset()
				n.Petitioners = []approval.Resource{{ID: "U1", Kind: "user"}}
				p, _, err := h.CreatePetition(t.Context(), h.as(pat), n, "")
				if err != nil {
					t.Fatal(err)
				}
				if known == "since" {
					tell(h)
				}
				h.approveAs(h.as(bob), p, approval.Forbidden)
				h.approveAs(h.as(bobsBot), p, approval.Forbidden)
				h.approveAs(h.as(olga), p, "")
			})
		}
	}
}

// Two members who are one person count once, found out before or after they have agreed (I5).
func TestOnePersonCountsOnceByAllNames(t *testing.T) {
	t.Parallel()
	for name, tell := range map[string]func(h *house){
		"linked":        func(h *house) { h.link(eve, bob) },
		"the directory": func(h *house) { h.directory(approval.Resource{ID: "u1", AltIDs: []string{bob, eve}}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(3)
			p := h.ask(vic)
			h.approveAs(h.as(bob), p, "")
			tell(h)
			h.approveAs(h.as(eve), p, approval.Conflict)
			h.approveAs(h.as(olga), p, "")
			same(t, "two persons of three", h.now(p).Phase, approval.Open)
			if h.as(bob).Person != h.as(eve).Person {
				t.Errorf("%s and %s are two persons", h.as(bob).Person, h.as(eve).Person)
			}
		})
		t.Run(name+" after both have agreed", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(3)
			p := h.ask(vic)
			h.approveAs(h.as(bob), p, "")
			h.approveAs(h.as(eve), p, "")
			tell(h)
			h.approveAs(h.as(olga), p, "")
			same(t, "two persons of three", h.now(p).Phase, approval.Open)
		})
	}
}

// Who has more names than are looked at decides nothing: to look at some of them would let somebody through. But nobody is
// shut out by what an editor writes into the directory.
func TestTooManyNamesDecideNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for i := range approval.MaxNames {
		h.link(fmt.Sprint("slack:", i), bob)
	}
	p := h.ask(vic)
	h.approveAs(h.as(bob), p, approval.Forbidden)
	h.approveAs(h.as(bobsBot), p, approval.Forbidden)
	if _, err := h.Petition(t.Context(), h.as(bob), p.Name); err != nil {
		t.Error(err)
	}
	h.approveAs(h.as(eve), p, "")

	n := reset()
	n.Petitioners = []approval.Resource{{ID: "slack:1"}}
	if _, _, err := h.CreatePetition(t.Context(), h.as(pat), n, ""); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("a petition for somebody who may be anybody: %v", err)
	}
}

func TestADeletedSpaceLetsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.write(approval.PutSpace{Space: approval.Space{Name: "acme", DeleteTime: h.clock.Now()}, Expect: 1})
	m, err := h.store.Member(t.Context(), "acme", olga)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ActorOf(t.Context(), m, "", nil); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("got %v", err)
	}
}
