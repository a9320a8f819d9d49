package approval_test

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestTimers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.clock.Advance(24*time.Hour - time.Microsecond)
	same(t, "jobs a moment before", h.run(), 0)
	h.clock.Advance(time.Microsecond)
	same(t, "jobs", h.run(), 1)
	got := h.now(p)
	same(t, "phase", got.Phase, approval.Closed)
	same(t, "outcome", got.Outcome, approval.OutcomeExpired)
	sameList(t, "log", h.log(p), "access/request", "access/expire")
	same(t, "jobs after", h.run(), 0)
	h.conserves(p)

	p = h.ask(vic)
	h.decide(bob, p, claim(approve))
	h.clock.Advance(time.Hour)
	same(t, "jobs at the end", h.run(), 1)
	same(t, "phase", h.now(p).Phase, approval.Closed)
	same(t, "outcome", h.now(p).Outcome, approval.OutcomeEnded)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant", "access/end", "access/close")
	h.conserves(p)

	p = h.ask(vic)
	h.decide(bob, p, claim(approve, approval.LabelTimeIndefinite, "true"))
	kind, _ := h.timer(p)
	same(t, "timer of what has no end", kind, "")
	h.clock.Advance(20 * 365 * 24 * time.Hour)
	got, err := h.Petition(t.Context(), h.actor(vic), p.Name)
	if err != nil || got.Phase != approval.Granted {
		t.Error(got.Phase, err)
	}
	h.decide(vic, p, claim(revoke))
	same(t, "jobs to close", h.run(), 1)
	h.conserves(p)
}

// A timer that comes twice, late or for nothing changes nothing; one that comes early comes again.
func TestTimersThatComeAtTheWrongTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	job := func(kind string) approval.Job {
		return approval.Job{Key: "petition/acme/" + p.Name, Kind: kind, Space: "acme", Petition: p.Name}
	}
	nothing := func(kind string, code approval.Code) {
		t.Helper()
		before := h.now(p)
		same(t, kind+" on "+string(before.Phase), approval.CodeOf(h.RunJob(t.Context(), job(kind))), code)
		same(t, kind+" changed it", asText(t, h.now(p)), asText(t, before))
	}
	nothing(approval.JobExpire, approval.Unavailable)
	nothing(approval.JobEnd, "")
	nothing(approval.JobClose, "")
	nothing("polish", "")
	h.clock.Set(h.clock.Now().Add(-48 * time.Hour))
	nothing(approval.JobExpire, approval.Unavailable)
	h.clock.Set(h.clock.Now().Add(48 * time.Hour))
	h.decide(bob, p, claim(approve))
	nothing(approval.JobExpire, "")
	nothing(approval.JobEnd, approval.Unavailable)
	nothing(approval.JobClose, "")
	h.decide(bob, h.ask(vic), claim(approve, approval.LabelTimeIndefinite, "true")) // so that what ends is not closed with its end
	h.clock.Advance(30 * 24 * time.Hour)
	nothing(approval.JobExpire, "")
	same(t, "late", h.RunJob(t.Context(), job(approval.JobEnd)), nil)
	same(t, "the end is the one that was promised", h.now(p).Grant.EndTime, p.CreateTime.Add(time.Hour))
	nothing(approval.JobEnd, "")
	h.clock.Set(h.clock.Now().Add(-90 * 24 * time.Hour))
	same(t, "closing with the clock set back", h.RunJob(t.Context(), job(approval.JobClose)), nil)
	for _, kind := range []string{approval.JobExpire, approval.JobEnd, approval.JobClose} {
		nothing(kind, "")
	}
	h.conserves(p)
	same(t, "a petition that does not exist", h.RunJob(t.Context(), approval.Job{Kind: approval.JobExpire, Space: "acme", Petition: "x"}), nil)
	h.store.BeforeRead = func(string) error { return unavailable(approval.Change{}) }
	same(t, "a store that cannot be read", approval.CodeOf(h.RunJob(t.Context(), job(approval.JobExpire))), approval.Unavailable)
}

// What time has done counts although the timer has not come yet: nobody reads a granted petition whose grant is over.
func TestLateTimersAreMadeGood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.decide(bob, p, claim(approve))
	h.clock.Advance(time.Hour - time.Microsecond)
	got, err := h.WaitPetition(t.Context(), h.actor(vic), p.Name, 0)
	if err != nil || got.Phase != approval.Granted {
		t.Fatal(got.Phase, err)
	}
	h.clock.Advance(time.Microsecond)
	got, err = h.WaitPetition(t.Context(), h.actor(vic), p.Name, time.Minute)
	if err != nil || got.Phase != approval.Closed || got.Outcome != approval.OutcomeEnded {
		t.Fatal(got.Phase, err)
	}
	same(t, "timers that are left", h.run(), 0)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant", "access/warn", "access/end", "access/close")
	open := h.ask(vic)
	h.clock.Advance(24 * time.Hour)
	_, err = h.ReplacePetition(t.Context(), h.actor(vic), open.Name, reset())
	h.refused(0, err, approval.Conflict, "because nobody decided in time", vic, open.Name)
	h.conserves(open)
}
