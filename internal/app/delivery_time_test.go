package app_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// A clock that is set forward ends what is over by it, once; one that is set back gives nobody back what has ended, and what is granted by it
// ends by it.
func TestWebhooksAreToldRightWhenTheClockJumps(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		began := p.clock.Now()
		short, long := p.grant(time.Hour, "short"), p.grant(day, "long")
		p.rests()
		p.clock.Set(began.Add(5 * time.Hour))
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, short)
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, long)

		p.clock.Set(began.Add(-2 * time.Hour))
		p.rests()
		back := p.grant(time.Hour, "back")
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, short)
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, long, back)
		p.pass(61 * time.Minute)
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, back)
		p.pass(2 * day)
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, long)
		has, done := roles.says()
		p.same("the system has", has, nil)
		p.once(done, "+short", "-short", "+back", "-back", "+long", "-long")
	})
}

// What was over while the server was down is taken away when it starts, without any time passing; so is what was owed when it stopped.
func TestAnEndWhileTheServerWasDownIsToldAtItsStart(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		over, owed, stays := p.grant(time.Hour, "over"), p.grant(day, "owed"), p.grant(10*day, "stays")
		p.rests()
		roles.answers(with(http.StatusServiceUnavailable))
		p.revoke(owed)
		p.rests()
		p.must(p.Stop(p.t.Context()))
		p.clock.Advance(3 * time.Hour)
		roles.answers(nil)
		roles.says()
		p.start(p.Database)
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, over, owed)
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, stays)
		has, done := roles.says()
		p.same("the system has", has, []string{"stays"})
		p.once(done, "-over", "-owed")
		if len(done) != 2 {
			p.t.Errorf("it was told %v", done)
		}
	})
}

// A thousand grants of a person and a thing end in the same second: each endpoint is told of each of its own, and of no other, once; all attempts
// are in the log, and all petitions are closed.
func TestAThousandEndInTheSameSecondAtTheirEndpoints(t *testing.T) {
	onPosts(t, func(p *post) {
		const petitions, things = 125 / approvaltest.SweepStep, 8
		roles := p.webhook("roles", "role")
		groups := p.webhook("groups", "group")
		var all []*indent.Petition
		for i := range petitions {
			var ids []string
			for j := range things {
				ids = append(ids, fmt.Sprintf("thing-%d-%d", i, j))
			}
			all = append(all, p.grant(time.Hour, ids...))
		}
		p.rests()
		if has, _ := roles.says(); len(has) != petitions*things {
			p.t.Fatalf("the system has %d", len(has))
		}
		p.clock.Advance(time.Hour)
		p.rests()
		p.stands(indent.PhaseClosed, indent.ApplicationEnded, all...)
		has, done := roles.says()
		p.same("the system has", has, nil)
		times := map[string]int{}
		for _, what := range done {
			times[what]++
		}
		if len(done) != petitions*things || len(times) != petitions*things {
			p.t.Errorf("%d ends of %d were told", len(done), len(times))
		}
		tried := p.attempts("roles", "")
		told := map[string]int{}
		for _, d := range tried {
			if d.Outcome != "ok" {
				p.t.Errorf("an attempt came to %s: %s", d.Outcome, d.Problem)
			}
			told[d.Command]++
		}
		if told[indent.EventGrant] != petitions*things || told[indent.EventRevoke] != petitions*things {
			p.t.Errorf("the log of calls has %v", told)
		}
		p.inOrder("roles")
		if n := groups.calls(); n > 0 {
			p.t.Errorf("the other endpoint was told %d times of what is not its own", n)
		}
	})
}
