package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// An endpoint that keeps failing is called once in five minutes, and the log says so. What it owes stays owed; when it answers
// again, all of it goes out at once, the calls of each person and thing in their order.
func TestAnEndpointThatKeepsFailingIsPaused(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		a, b, c := p.grant(10*day, "a"), p.grant(10*day, "b"), p.grant(10*day, "c")
		p.rests()
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, a, b, c)
		roles.says()
		roles.answers(with(http.StatusBadGateway))
		p.revoke(a, b)
		d := p.grant(10*day, "d")
		p.pass(2 * time.Hour)
		if w := p.condition("roles"); w.State != "paused" || !strings.Contains(w.Problem, "502") || w.Overdue != 2 || w.NextTime.IsZero() {
			p.t.Fatalf("the webhook is %+v", w)
		}
		told := p.logged(approval.EventWebhookPause)
		if len(told) != 1 || !strings.Contains(told[0].Reason, " failures in a row: ") || !strings.Contains(told[0].Reason, "502") {
			p.t.Fatalf("the log has %+v", told)
		}
		p.revoke(c)
		again := p.grant(10*day, "a")
		p.pass(time.Hour)
		p.probes(told[0].Timestamp, 13)
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, b, c)
		waits := p.stands(indent.PhaseGranted, indent.ApplicationPending, d)
		if !strings.Contains(waits[0].Problem, "502") && !strings.Contains(waits[0].Problem, "paused") {
			p.t.Errorf("who waits is told %q", waits[0].Problem)
		}
		if n := p.overdue(); n != "2" {
			p.t.Errorf("%s are overdue: b and c, as a is given again", n)
		}

		roles.answers(nil)
		p.pass(6 * time.Minute) // until it is tried
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, a, b, c)
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, d, again)
		has, done := roles.says()
		p.same("the system has", has, []string{"a", "d"})
		p.once(done, "-b", "-c", "+d")
		if w := p.condition("roles"); w.State != "working" || w.Overdue != 0 || len(p.logged(approval.EventWebhookResume)) != 1 {
			p.t.Errorf("the webhook is %+v", w)
		}
		p.revoke(again, d)
		p.rests()
		has, done = roles.says()
		p.same("the system has", has, nil)
		p.once(done, "-a", "-d")
		p.inOrder("roles")
	})
}

// probes demands that a paused webhook is called at most once in five minutes.
func (p *post) probes(since time.Time, most int) {
	p.t.Helper()
	last, n := since, 0
	for _, d := range p.attempts("roles", "") {
		if d.Time.After(since) {
			if n++; d.Time.Sub(last) < 5*time.Minute {
				p.t.Errorf("a webhook that is paused was called after %s", d.Time.Sub(last))
			}
			last = d.Time
		}
	}
	if n == 0 || n > most+24 {
		p.t.Errorf("a webhook that is paused was called %d times", n)
	}
}

// once demands that each of these was done once.
func (p *post) once(done []string, want ...string) {
	p.t.Helper()
	times := map[string]int{}
	for _, what := range done {
		times[what]++
	}
	for _, what := range want {
		if times[what] != 1 {
			p.t.Errorf("%s was done %d times: %v", what, times[what], done)
		}
	}
}

// inOrder demands of the log of calls that of each petition's things no grant was told after the end was.
func (p *post) inOrder(webhook string) {
	p.t.Helper()
	over := map[string]bool{}
	for _, d := range p.attempts(webhook, "") {
		switch {
		case d.Command == indent.EventRevoke:
			over[d.Petition] = true
		case over[d.Petition]:
			p.t.Errorf("petition %s was told as granted after its end: %+v", d.Petition, d)
		}
	}
}

// An endpoint that answers 410 is not called any more: grants fail and say why, and what is over stays owed until somebody resumes it.
func TestAnEndpointThatWantsNoMoreCallsGetsNone(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		a, b := p.grant(10*day, "a"), p.grant(time.Hour, "b")
		p.rests()
		roles.answers(with(http.StatusGone))
		p.revoke(a)
		p.rests()
		if w := p.condition("roles"); w.State != "disabled" || w.DisabledSince.IsZero() || len(p.logged(approval.EventWebhookDisable)) != 1 {
			p.t.Fatalf("the webhook is %+v", w)
		}
		before := roles.calls()
		late := p.grant(10*day, "late")
		p.pass(2 * day)
		if n := roles.calls() - before; n > 0 {
			p.t.Errorf("%d calls were made to an endpoint that wants none", n)
		}
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, a, b)
		failed := p.stands(indent.PhaseGranted, indent.ApplicationFailed, late)
		if !strings.Contains(failed[0].Problem, "410") {
			p.t.Errorf("it failed as %q", failed[0].Problem)
		}
		if n := p.overdue(); n != "2" || len(p.logged(approval.EventWebhookOverdue)) < 3 {
			p.t.Errorf("%s are overdue", n)
		}
		if _, err := p.as(apptest.Editor).ResumeWebhook(p.t.Context(), "roles"); err != nil {
			p.t.Fatal(err)
		}
		p.rests() // it says so once more
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, a, b)
		roles.says()
		roles.answers(nil)
		p.clock.Advance(time.Millisecond)
		if _, err := p.as(apptest.Editor).ResumeWebhook(p.t.Context(), "roles"); err != nil {
			p.t.Fatal(err)
		}
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, a, b)
		has, done := roles.says()
		p.same("the system has", has, nil)
		p.once(done, "-a", "-b")
	})
}

// One endpoint that does not answer holds up only what is its own: another is told of all grants, and of all ends, meanwhile.
func TestAnEndpointThatIsSlowDelaysNoOther(t *testing.T) {
	onPosts(t, func(p *post) {
		quick, slow := p.webhook("quick"), p.webhook("slow")
		release := make(chan struct{})
		slow.answers(func(http.ResponseWriter, heard) bool {
			<-release
			return false
		})
		const many = 12
		var all []*indent.Petition
		for i := range many {
			all = append(all, p.grant(day, fmt.Sprint("thing-", i)))
		}
		had := func() int {
			quick.mu.Lock()
			defer quick.mu.Unlock()
			return len(quick.has)
		}
		p.until("the other has all", func() bool { return had() == many })
		if n := slow.calls(); n == 0 || n > 4 {
			p.t.Errorf("%d calls are on their way to the one that is slow, want at most 4", n)
		}
		p.revoke(all...)
		p.until("the other has taken all away", func() bool { return had() == 0 })
		now, err := p.as(apptest.Viewer).Petition(p.t.Context(), all[0].Name)
		p.must(err)
		if now.Phase() != indent.PhaseRevoked {
			p.t.Errorf("while one has not said that it has ended a petition is %s", now.Phase())
		}
		close(release)
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, all...)
		if has, _ := slow.says(); len(has) > 0 {
			p.t.Errorf("the one that was slow has %v", has)
		}
	})
}

// In a dry run nothing is sent, and everything says so: who asked, the log, the attempts. Turned off, it applies what comes; what was
// granted before was given to nobody, and its end is told to nobody. What was really given is never shown as ended by it.
func TestADryRunChangesNothingAndSaysSo(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		really := p.grant(time.Hour, "really")
		p.rests()
		p.dryRun(true)
		before := roles.calls()
		dry, ends := p.grant(10*day, "dry"), p.grant(30*time.Minute, "ends")
		p.pass(40 * time.Minute)
		seen := p.stands(indent.PhaseGranted, indent.ApplicationApplied, dry)
		if !seen[0].DryRun {
			p.t.Errorf("who asked sees %+v", seen[0])
		}
		if p.stands(indent.PhaseClosed, indent.ApplicationEnded, ends); roles.calls() != before {
			p.t.Errorf("%d calls were made in a dry run", roles.calls()-before)
		}
		for _, d := range append(p.attempts("roles", dry.Name), p.attempts("roles", ends.Name)...) {
			if d.Outcome != "notSent" || !strings.Contains(d.Problem, "dry run") {
				p.t.Errorf("the log of calls has %+v", d)
			}
		}
		if n := len(p.attempts("roles", ends.Name)); n != 2 {
			p.t.Errorf("of a grant and its end the log has %d attempts", n)
		}
		for _, e := range p.logged(approval.EventWebhookApply) {
			if isDry := e.Petition() != really.Name; (e.Meta.Labels[approval.LabelWebhookDryRun] == "true") != isDry || strings.Contains(e.Reason, "dry run") != isDry {
				p.t.Errorf("the log has %+v", e)
			}
		}
		p.pass(3 * time.Hour) // what was really given is over
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, really)
		if n := p.overdue(); n != "1" {
			p.t.Errorf("%s are overdue", n)
		}
		p.dryRun(false)
		p.pass(2 * time.Hour)
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, really)
		p.revoke(dry)
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, dry)
		_, done := roles.says()
		p.same("it was done", done, []string{"+really", "-really"})
	})
}

func (p *post) dryRun(on bool) {
	p.t.Helper()
	_, err := p.as(apptest.Editor).UpdateWebhook(p.t.Context(), "roles", indent.WebhookChange{DryRun: &on})
	p.must(err)
}
