package approval_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// findings answers the events about what is stuck in the policy, oldest first, and empties nothing.
func (h *house) findings() (list []string) {
	h.t.Helper()
	page, err := h.store.Events(h.t.Context(), approval.EventQuery{Space: "acme", Page: approval.PageRequest{Size: approval.MaxPageSize, Ascending: true}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range page.Items {
		if e.Event == approval.EventPolicyStuck || e.Event == approval.EventPolicyHealed {
			list = append(list, e.Event+" "+e.Label(approval.LabelRule)+" "+e.Label(approval.LabelPolicyVersion))
		}
	}
	return list
}

func (h *house) stuckNow(id string) approval.StuckNow {
	h.t.Helper()
	now, err := h.StuckNow(h.t.Context(), h.actor(id))
	if err != nil {
		h.t.Fatal(err)
	}
	return now
}

// What the policy that holds asks of nobody any more is told within ten seconds of the change of the directory, once, with what
// can be read of it, and told again when it is healed.
func TestAPolicyThatGetsStuckIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "NEEDS "+pat+"\nNEEDS "+bob, 1)
	h.settled()
	sameList(t, "told at the beginning", h.findings())
	same(t, "version of nothing", h.stuckNow(olga).Health.Version, 0)

	h.suspend(pat, true)
	h.settled()
	sameList(t, "told", h.findings(), "policy/stuck "+pat+" 2")
	since := h.clock.Now()
	now := h.stuckNow(bob).Health
	if len(now.Findings) != 1 || now.Findings[0].Message != `rule "`+pat+`": it waits for `+pat || !now.Findings[0].Since.Equal(since) || now.Policy != 2 || now.Findings[0].Example.Who != pat {
		t.Errorf("got %+v", now)
	}
	h.suspend(bob, true)
	h.settled()
	h.suspend(bob, true) // nothing changes
	h.settled()
	sameList(t, "told once", h.findings(), "policy/stuck "+pat+" 2", "policy/stuck "+bob+" 2")
	same(t, "since when", h.stuckNow(olga).Health.Findings[0].Since, since)

	h.suspend(pat, false)
	h.settled()
	sameList(t, "healed", h.findings(), "policy/stuck "+pat+" 2", "policy/stuck "+bob+" 2", "policy/healed "+pat+" 2")
	h.applied(olga, "fine", 2)
	h.settled()
	same(t, "healed by another document", h.findings()[3], "policy/healed "+bob+" 3")
	same(t, "nothing is left", len(h.stuckNow(olga).Health.Findings), 0)
}

// What was not looked at again is not called healed.
func TestAnIncompleteLookHealsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "NEEDS "+pat+"\nINCOMPLETE", 1)
	h.suspend(pat, true)
	h.settled()
	h.suspend(pat, false)
	h.settled()
	sameList(t, "told", h.findings(), "policy/stuck "+pat+" 2")
	same(t, "still there", len(h.stuckNow(olga).Health.Findings), 1)
}

// A document whose changes have to be granted is stuck when that could be done for none of its owners.
func TestThatNobodyCanChangeThePolicyAnyMoreIsTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict.Requirements[0].Reviewers = approval.Reviewers{Persons: []string{bob, olga}}
	h.applied(olga, "PETITION", 1)
	h.settled()
	sameList(t, "told at the beginning", h.findings())
	h.suspend(bob, true)
	h.settled()
	sameList(t, "told", h.findings(), "policy/stuck two eyes 2")
	if f := h.stuckNow(olga).Health.Findings[0]; !strings.Contains(f.Message, "a change of this document could never be granted") {
		t.Errorf("got %q", f.Message)
	}
}

// Of two nodes that look at once the second says nothing.
func TestTwoLooksAtAPolicyTellOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "NEEDS "+pat, 1)
	h.suspend(pat, true)
	h.clock.Advance(10 * time.Second)
	other := approval.NewService(h.Deps)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if !raced && c.Events[0].Event == approval.EventPolicyStuck {
			raced = true
			h.store.BeforeCommit = nil
			return approval.Errorf(approval.Conflict, "another node was faster")
		}
		return nil
	}
	h.run()
	same(t, "raced", raced, true)
	j := approval.Job{Kind: approval.JobQuorum, Space: "acme"}
	for _, s := range []*approval.Service{other, h.Service} {
		if err := s.RunJob(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	sameList(t, "told", h.findings(), "policy/stuck "+pat+" 2")
}

// A space whose look takes long is looked at seldom, and one look is enough for all changes before it.
func TestWhatALookMayCost(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	looks := 0
	h.store.BeforeRead = func(what string) error {
		if what == "PolicyHealth" {
			looks++
			h.clock.Advance(2 * time.Second)
		}
		return nil
	}
	h.suspend(pat, true)
	first := h.lastLook()
	h.clock.Advance(6 * time.Second)
	h.suspend(pat, false)
	second := h.lastLook()
	h.clock.Advance(10 * time.Second)
	if err := h.RunJob(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	same(t, "what was seen already", h.RunJob(t.Context(), first), nil)
	same(t, "looks", looks, 1)
	h.suspend(pat, true)
	third := h.lastLook()
	h.clock.Advance(30 * time.Second)
	err := h.RunJob(t.Context(), third)
	if later, ok := err.(approval.Later); !ok || !later.At.After(h.clock.Now()) || later.At.Sub(h.clock.Now()) > 40*time.Second {
		t.Fatalf("too soon: %v", err)
	}
	h.clock.Advance(40 * time.Second)
	same(t, "later", h.RunJob(t.Context(), third), nil)
	same(t, "looks at the end", looks, 2)
}

// lastLook answers the newest job that looks at the space.
func (h *house) lastLook() (last approval.Job) {
	h.t.Helper()
	jobs, err := h.store.LeaseJobs(h.t.Context(), "", h.clock.Now().Add(10*time.Second), 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, j := range jobs {
		if j.Kind == approval.JobQuorum {
			last = j
		}
	}
	return last
}

// endless is documents whose check never ends by itself.
type endless struct{ approvaltest.Documents }

func (endless) Check(ctx context.Context, _ string, _ approval.PolicyDirectory) ([]approval.PolicyFinding, error) {
	<-ctx.Done()
	return nil, approval.Wrap(approval.Unavailable, ctx.Err(), "the call was cancelled before it was done")
}

// A look that would take for ever is given up and not tried again and again: what was found before stays.
func TestALookThatTakesTooLongIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		h.applied(olga, "NEEDS "+pat, 1)
		h.suspend(pat, true)
		h.settled()
		h.Documents = endless{}
		h.suspend(pat, false)
		begun := time.Now()
		h.settled()
		if took := time.Since(begun); took < time.Second || took > 15*time.Second {
			t.Errorf("it took %s", took)
		}
		sameList(t, "told", h.findings(), "policy/stuck "+pat+" 2")
		h.Documents = approvaltest.Documents{}
		h.put(approval.Member{ID: "x@acme.example", Kind: approval.KindUser, Email: "x@acme.example", Role: approval.Viewer, Person: "x@acme.example"})
		h.suspend("x@acme.example", true)
		h.settled()
		sameList(t, "after that", h.findings(), "policy/stuck "+pat+" 2", "policy/healed "+pat+" 2")
	})
}

// Who may not see members is not told whom a petition waits for.
func TestWhoMaySeeWhatIsStuck(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(4)
	p := h.ask(vic)
	gone := h.ask(vic)
	if _, err := h.WithdrawPetition(t.Context(), h.actor(vic), gone.Name); err != nil {
		t.Fatal(err)
	}
	now := h.stuckNow(pat)
	if len(now.Petitions) != 1 || now.Petitions[0].Name != p.Name || now.More {
		t.Errorf("got %+v", now)
	}
	_, err := h.StuckNow(t.Context(), h.actor(vic))
	h.refused(0, err, approval.Forbidden, "members:read", vic, "")
}

// Whoever is away is taken out, and the deputy stands in; what that leaves to nobody is found, and heals when the time is over.
func TestAbsencesCountForThePolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.applied(olga, "NEEDS "+pat, 1)
	if _, err := h.CreateDelegation(t.Context(), h.seated(pat), approval.NewDelegation{To: bob, EndTime: h.clock.Now().Add(48 * time.Hour)}); err != nil {
		t.Fatal(err)
	}
	h.settled()
	sameList(t, "with a deputy", h.findings())
	h.suspend(bob, true)
	h.settled()
	sameList(t, "without one", h.findings(), "policy/stuck "+pat+" 2")
	h.clock.Advance(47 * time.Hour)
	h.run()
	sameList(t, "still", h.findings(), "policy/stuck "+pat+" 2")
	h.clock.Advance(time.Hour)
	h.run()
	sameList(t, "after the time", h.findings(), "policy/stuck "+pat+" 2", "policy/healed "+pat+" 2")
}
