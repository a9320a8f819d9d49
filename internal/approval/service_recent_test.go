package approval_test

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// knows makes the node know the petition as it is now, however others change it, and answers how often it was asked.
func (h *house) knows(p approval.Petition) (asked *int) {
	asked = new(int)
	h.store.Recent = func(space, name string) *approval.Petition {
		*asked++
		if space != p.Space || name != p.Name {
			return nil
		}
		return &p
	}
	return asked
}

// What a node knows spares it the reading, and is nothing that anybody could be refused by or that could be decided twice.
func TestDecisionOnWhatIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.knows(p)
	h.store.BeforeRead = func(what string) error {
		if what == "Petition" {
			t.Error("the petition is read")
		}
		return nil
	}
	same(t, "phase", h.decide(bob, p, claim(approve)).Phase, approval.Granted)
	h.store.BeforeRead = nil
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant")
}

func TestNobodyIsRefusedByWhatIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.decide(bob, p, claim(deny))
	h.knows(p)
	before := len(h.refusals())
	_, err := h.try(pat, p, claim(approve))
	h.refused(before, err, approval.Conflict, "denied", pat, p.Name)
	same(t, "phase", h.now(p).Phase, approval.Closed)
}

func TestKnownAsOpenButGranted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	granted := h.decide(bob, p, claim(approve))
	h.knows(p)
	same(t, "a revoke of what is known as open", h.decide(bob, granted, claim(revoke)).Phase, approval.Revoked)
}

func TestTheSameClaimOnWhatIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	_, first, err := h.Decide(t.Context(), h.actor(bob), p.Name, claim(approve), "key")
	if err != nil {
		t.Fatal(err)
	}
	h.knows(p)
	_, second, err := h.Decide(t.Context(), h.actor(bob), p.Name, claim(approve), "key")
	if err != nil || second.ID != first.ID {
		t.Errorf("%s (%v), want the first claim, %s", second.ID, err, first.ID)
	}
}

func TestKnownButExpired(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.knows(p)
	h.clock.Advance(p.Verdict.DecideWithin + time.Second)
	before := len(h.refusals())
	_, err := h.try(bob, p, claim(approve))
	h.refused(before, err, approval.Conflict, "expired", bob, p.Name)
}

func TestNothingIsKnownToWhoMayNotRead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	asked := h.knows(p)
	blind := h.actor(bob)
	blind.Scopes = []approval.Permission{approval.CreateClaims}
	if _, _, err := h.Decide(t.Context(), blind, p.Name, claim(approve), ""); approval.CodeOf(err) != approval.Forbidden {
		t.Error(err)
	}
	same(t, "asked", *asked, 0)
}

// Who waits need not read what the node knows to be open; the news of others still comes, and so does its own.
func TestParkedWithoutReading(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.knows(p)
	done := make(chan approval.Petition, 1)
	h.store.BeforeRead = func(what string) error {
		if what == "Petition" {
			t.Error("the petition is read")
		}
		return nil
	}
	a := h.actor(vic)
	go func() {
		got, err := h.WaitPetition(t.Context(), a, p.Name, time.Minute)
		if err != nil {
			t.Error(err)
		}
		done <- got
	}()
	h.clock.WaitForSleepers(1)
	h.store.BeforeRead = nil
	h.decide(bob, p, claim(approve)) // to the waiter it is another node's: what this one knows stays behind
	same(t, "phase", (<-done).Phase, approval.Granted)
}

func TestTimeIsUpOnlyAfterReading(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.decide(bob, p, claim(approve))
	h.knows(p)
	done := make(chan approval.Petition, 1)
	a := h.actor(vic)
	go func() {
		got, _ := h.WaitPetition(t.Context(), a, p.Name, time.Second)
		done <- got
	}()
	h.clock.WaitForSleepers(1)
	h.clock.Advance(time.Second)
	same(t, "phase", (<-done).Phase, approval.Granted)
}

func TestWakenedWithoutReading(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	a, done := h.actor(vic), make(chan approval.Petition, 1)
	go func() {
		got, _ := h.WaitPetition(t.Context(), a, p.Name, time.Minute)
		done <- got
	}()
	h.clock.WaitForSleepers(1)
	reads := 0
	h.store.AfterCommit = func(c approval.Change) error {
		for _, w := range c.Writes {
			if put, ok := w.(approval.PutPetition); ok {
				p := *put.Petition
				p.Version = put.Expect + 1
				h.knows(p)
			}
		}
		h.store.BeforeRead = func(what string) error {
			if what == "Petition" {
				reads++
			}
			return nil
		}
		return nil
	}
	h.decide(bob, p, claim(approve))
	same(t, "phase", (<-done).Phase, approval.Granted)
	same(t, "readings after the commit", reads, 0)
}
