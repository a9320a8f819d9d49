package approval_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// later has vic ask for what begins after so long.
func (h *house) later(after time.Duration, change ...func(*approval.NewPetition)) approval.Petition {
	h.t.Helper()
	return h.ask(vic, append([]func(*approval.NewPetition){func(n *approval.NewPetition) { n.StartTime = h.clock.Now().Add(after) }}, change...)...)
}

// What is granted now and begins later is nobody's until then, begins by itself, once, and lasts as long as was agreed.
func TestAGrantThatBeginsLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	p := h.decide(bob, h.later(24*time.Hour), claim(approve))
	same(t, "phase", p.Phase, approval.Granted)
	same(t, "pending", p.Grant.Pending, true)
	same(t, "begins", p.Grant.StartTime.Sub(begin), 24*time.Hour)
	same(t, "lasts", p.Grant.EndTime.Sub(p.Grant.StartTime), time.Hour)
	same(t, "now", len(h.has(begin, approval.AccessQuery{})), 0)
	same(t, "soon", len(h.has(begin, approval.AccessQuery{Coming: true})), 1)
	same(t, "at its time", len(h.has(begin, approval.AccessQuery{At: begin.Add(24*time.Hour + time.Minute)})), 1)
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobStart)
	same(t, "when", at, p.Grant.StartTime)
	h.clock.Set(at.Add(-time.Microsecond))
	same(t, "jobs a moment before", h.run(), 0)
	h.clock.Advance(time.Microsecond)
	same(t, "jobs", h.run(), 1)
	same(t, "now", len(h.has(begin, approval.AccessQuery{})), 1)
	h.clock.Set(begin) // set back: it does not begin again
	if err := h.RunJob(t.Context(), approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobStart, RunTime: at}); approval.CodeOf(err) != approval.Unavailable {
		t.Fatal(err)
	}
	h.clock.Set(p.Grant.EndTime)
	ended, _ := h.closes(p)
	same(t, "access", ended, "true")
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant", "access/start", "access/end", "access/close")
	h.conserves(p)
}

// Approved after its time, it begins when it is approved; a restart that takes longer than the grant only ends it.
func TestABeginningThatHasPassed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	late := h.later(time.Hour)
	h.clock.Advance(2 * time.Hour)
	late = h.decide(bob, late, claim(approve))
	same(t, "pending", late.Grant.Pending, false)
	same(t, "begins", late.Grant.StartTime, h.clock.Now())
	down := h.decide(bob, h.later(time.Hour), claim(approve))
	h.clock.Advance(48 * time.Hour)
	h.closes(down)
	sameList(t, "log", h.log(down), "access/request", "access/approve", "access/grant", "access/end", "access/close")
	forever := h.decide(bob, h.later(time.Hour), claim(approve, approval.LabelTimeIndefinite, "true"))
	h.clock.Advance(time.Hour)
	same(t, "jobs", h.run(), 1)
	kind, _ := h.timer(forever)
	same(t, "timer of what has no end", kind, "")
	for _, p := range []approval.Petition{late, down, forever} {
		h.conserves(p)
	}
}

// No rule approves what begins at another time than that which it looks at: the owners decide, for as long as the rule allows.
func TestNoRuleApprovesWhatBeginsLater(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = verdict(approval.VerdictApprove)
	h.rule.verdict.MaxDuration = 8 * time.Hour
	same(t, "at once", h.ask(vic).Phase, approval.Granted)
	p := h.later(time.Hour, func(n *approval.NewPetition) { n.Duration = 8 * time.Hour })
	same(t, "phase", p.Phase, approval.Open)
	same(t, "rule", p.Verdict.Rule, "policy-error")
	if why := p.Verdict.Explanation; !strings.Contains(why, `"two eyes" approves what begins at once, and this begins at `+p.StartTime.Format(time.RFC3339)) {
		t.Error(why)
	}
	_, err := h.try(bob, p, claim(approve))
	same(t, "by an editor", approval.CodeOf(err), approval.Forbidden)
	p = h.decide(olga, p, claim(approve))
	same(t, "by an owner", p.Grant.Pending, true)
	same(t, "lasts", p.Grant.EndTime.Sub(p.Grant.StartTime), 8*time.Hour)
	_, _, err = h.CreatePetition(t.Context(), h.actor(vic), approval.NewPetition{Reason: "r", Resources: reset().Resources, StartTime: h.clock.Now().Add(time.Hour), Duration: 9 * time.Hour}, "")
	if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), `rule "two eyes" allows at most`) {
		t.Error("for longer than the rule allows:", err)
	}
	h.conserves(p)
}

// Whoever chooses when it begins does not get around a rule that looks at the time: not around one that denies then, nor
// around one that denies now, nor around one that fails then. A simulation says the same.
func TestALaterBeginningGoesAroundNoRule(t *testing.T) {
	t.Parallel()
	approves, denies, asks, fails := verdict(approval.VerdictApprove), verdict(approval.VerdictDeny), review(1), review(1)
	denies.Rule, denies.Explanation = "not at weekends", "on Monday"
	silent := denies
	silent.Explanation = ""
	fails.Rule, fails.Explanation = "policy-error", "no such key: team"
	broken := approval.Verdict{} // no verdict at all
	for name, c := range map[string]struct {
		now, then approval.Verdict
		decision  string
		rule      string
		says      string
	}{
		"approved, then denied":          {approves, denies, approval.VerdictDeny, "not at weekends", "when it would begin, at 2"},
		"asked, then denied":             {asks, denies, approval.VerdictDeny, "not at weekends", ": on Monday"},
		"asked, then silently denied":    {asks, silent, approval.VerdictDeny, "not at weekends", `rule "not at weekends" does not allow it`},
		"fails, then denied":             {broken, denies, approval.VerdictDeny, "not at weekends", "on Monday"},
		"denied, then approved":          {denies, approves, approval.VerdictDeny, "not at weekends", "on Monday"},
		"asked, then approved":           {asks, approves, approval.VerdictReview, "two eyes", ""},
		"asked both times":               {asks, asks, approval.VerdictReview, "two eyes", ""},
		"asked, then a condition fails":  {asks, fails, approval.VerdictReview, "policy-error", "no such key: team"},
		"asked, then nothing answers":    {asks, broken, approval.VerdictReview, "policy-error", "could not be evaluated"},
		"approved, then nothing answers": {approves, broken, approval.VerdictReview, "policy-error", "could not be evaluated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			begin := h.clock.Now().Add(24 * time.Hour)
			h.rule.asked = func(in approval.PolicyInput) {
				if h.rule.verdict = c.now; !in.Now.Before(begin) {
					h.rule.verdict = c.then
				}
			}
			n := reset()
			n.StartTime = begin
			would, err := h.SimulatePetition(t.Context(), h.actor(olga), approval.Simulated{Petition: n, As: vic})
			if err != nil {
				t.Fatal(err)
			}
			p := h.later(24 * time.Hour)
			same(t, "decision", p.Verdict.Decision, c.decision)
			same(t, "rule", p.Verdict.Rule, c.rule)
			if !strings.Contains(p.Verdict.Explanation, c.says) {
				t.Errorf("got %q, want %q", p.Verdict.Explanation, c.says)
			}
			if !reflect.DeepEqual(would.Petition.Verdict, p.Verdict) {
				t.Errorf("simulated was %+v, and made %+v", would.Petition.Verdict, p.Verdict)
			}
			h.conserves(p)
		})
	}
}

// Revoked before it begins it never was; all of somebody's takes it away, too.
func TestWhatBeginsLaterIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	p := h.decide(bob, h.later(time.Hour), claim(approve))
	done, refused, err := h.revokeAll(eve, approval.RevokeGrants{Person: vic})
	if err != nil || done != 1 || refused != 0 {
		t.Fatal(done, refused, err)
	}
	h.closes(p)
	same(t, "ever", len(h.has(begin, approval.AccessQuery{Coming: true})), 0)
	same(t, "at its time", len(h.has(begin, approval.AccessQuery{At: begin.Add(time.Hour + time.Minute)})), 0)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant", "access/revoke", "access/close")
	h.conserves(p)
}

// What begins when another ends goes on with it without a gap.
func TestAnExtensionThatBeginsAtTheEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begin := h.clock.Now()
	old := h.grant(vic, time.Hour, "orders")
	n := extends(old)
	n.StartTime = old.Grant.EndTime
	next, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
	if err != nil {
		t.Fatal(err)
	}
	h.decide(bob, next, claim(approve))
	sameList(t, "now", h.has(begin, approval.AccessQuery{}), "vic orders 2h0m0s")
	h.clock.Set(old.Grant.EndTime)
	same(t, "at the moment", len(h.has(begin, approval.AccessQuery{})), 1)
	ended, _ := h.closes(old)
	same(t, "access", ended, "false")
}

func TestBeginningsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, after := range []time.Duration{-time.Hour, time.Nanosecond, 90*24*time.Hour + time.Second} {
		n := reset()
		n.StartTime = h.clock.Now().Add(after)
		_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
		_, simulated := h.SimulatePetition(t.Context(), h.actor(vic), approval.Simulated{Petition: n})
		for _, err := range []error{err, simulated} {
			if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "petition.startTime") {
				t.Errorf("%v: %v", after, err)
			}
		}
	}
	p := h.later(2 * time.Hour)
	_, err := h.try(bob, p, claim(approve, approval.LabelTimeExpires, h.clock.Now().Add(time.Hour).Format(time.RFC3339)))
	if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "before the grant begins") {
		t.Error(err)
	}
	same(t, "the digest of another beginning is another", h.later(3*time.Hour).Digest == p.Digest, false)
	v := verdict(approval.VerdictApprove)
	v.BreakGlass = &approval.BreakGlass{Within: time.Hour, Requirements: review(1).Requirements}
	h.rule.verdict = v
	n := reset()
	n.StartTime = h.clock.Now().Add(time.Hour)
	_, _, err = h.CreatePetition(t.Context(), h.actor(vic), n, "")
	_, simulated := h.SimulatePetition(t.Context(), h.actor(vic), approval.Simulated{Petition: n})
	for _, err := range []error{err, simulated} {
		if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "does not wait") {
			t.Error(err)
		}
	}
}
