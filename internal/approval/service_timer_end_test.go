package approval_test

import (
	"context"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// What nothing else keeps is closed in the commit that ends it; what something keeps, in one after it.
func TestAnEndAndItsCloseAreOneChangeWhereNothingKeepsAccess(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	alone, short, long := h.given(vic, time.Hour, "stock"), h.given(vic, time.Hour, "orders"), h.given(vic, 2*time.Hour, "orders")
	h.clock.Advance(time.Hour)
	same(t, "jobs", h.run(), 2)
	same(t, "what nothing keeps", h.now(alone).Phase, approval.Closed)
	same(t, "changes", h.now(alone).Version, alone.Version+1)
	same(t, "what another keeps", h.now(short).Phase, approval.Revoked)
	sameList(t, "log", h.log(short), "access/request", "access/grant", "access/end")
	ended, by := h.closes(short)
	same(t, "access", ended, "false")
	sameList(t, "kept by", by, long.Name)
	ended, _ = h.closes(alone)
	same(t, "access to what nothing keeps", ended, "true")
	for _, p := range []approval.Petition{alone, short} {
		sameList(t, "log", h.log(p), "access/request", "access/grant", "access/end", "access/close")
		h.conserves(p)
	}
}

// A grant ends in time also when nobody can tell what else gives the same access: that is looked at when it can be.
func TestAnEndDoesNotWaitForWhatCannotBeLookedAt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.given(vic, time.Hour, "orders")
	h.clock.Advance(time.Hour)
	h.store.BeforeRead = func(what string) error {
		if what == "Leases" {
			return unavailable(approval.Change{})
		}
		return nil
	}
	if err := h.RunJob(t.Context(), approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobEnd}); err != nil {
		t.Fatal(err)
	}
	same(t, "phase", h.now(p).Phase, approval.Revoked)
	h.store.BeforeRead = nil
	ended, _ := h.closes(p)
	same(t, "access", ended, "true")
}

// afterPhases is a store in which something happens when phases have been read.
type afterPhases struct {
	approval.Store
	then func()
}

func (s *afterPhases) PhasesByName(ctx context.Context, space string, names []string) (map[string]approval.Phase, error) {
	phases, err := s.Store.PhasesByName(ctx, space, names)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	return phases, err
}

// Two grants of a pair end at once on two nodes, one of which has a clock that is behind: each looks while the other is
// granted still. One of them says all the same that access has ended (I15).
func TestOfTwoThatEndAtOnceOneSaysThatAccessHasEnded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first, second := h.given(vic, time.Hour, "orders"), h.given(vic, 3*time.Hour, "orders")
	h.clock.Advance(time.Hour + time.Second)
	behind := approvaltest.NewClock()
	behind.Set(h.clock.Now().Add(-time.Minute))
	store := &afterPhases{Store: h.store}
	node := func(clock approval.Clock) *approval.Service {
		return approval.NewService(approval.Deps{Store: store, Policy: h.rule, Documents: approvaltest.Documents{}, Clock: clock, IDs: h.IDs, Broker: h.broker})
	}
	here, there := node(h.clock), node(behind)
	store.then = func() {
		if _, _, err := there.Decide(t.Context(), h.actor(vic), second.Name, claim(revoke), ""); err != nil {
			t.Error(err)
		}
		if err := there.RunJob(t.Context(), approval.Job{Space: "acme", Petition: second.Name, Kind: approval.JobClose}); err != nil {
			t.Error(err)
		}
	}
	if err := here.RunJob(t.Context(), approval.Job{Space: "acme", Petition: first.Name, Kind: approval.JobEnd}); err != nil {
		t.Fatal(err)
	}
	same(t, "what happened meanwhile", store.then == nil, true)
	one, _ := h.closes(first)
	other, _ := h.closes(second)
	if one != "true" && other != "true" {
		t.Errorf("the close of one says %q, of the other %q: nobody says that access has ended", one, other)
	}
}
