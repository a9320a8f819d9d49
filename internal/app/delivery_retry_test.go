package app_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	indent "github.com/indent-approvals/indent/sdk/go"
)

const day = 24 * time.Hour

// Calls that fail are made again, twice as seldom each time up to once an hour, half of each wait spread. A grant is given up after
// three days; its end is told for ever, ever more alarm is raised, and nobody is shown that it has ended before the endpoint says so.
func TestAGrantIsTriedForThreeDaysAndAnEndForEver(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		over, second := p.grant(10*day, "over"), p.grant(10*day, "second")
		p.rests()
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, over, second)
		roles.answers(with(http.StatusServiceUnavailable, "over", "never", "second"))
		began := p.clock.Now()
		never := p.grant(10*day, "never")
		p.revoke(over)
		p.works(3*day, "before")
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, over)
		if n := p.overdue(); n != "1" {
			p.t.Errorf("%s are overdue", n)
		}
		p.revoke(second)
		p.works(6*time.Hour, "after")
		p.stands(indent.PhaseRevoked, indent.ApplicationEnding, over, second)
		if n, c := p.overdue(), p.condition("roles"); n != "2" || c.Overdue != 2 || !c.OverdueSince.Equal(began) || c.State == "paused" {
			p.t.Errorf("%s are overdue, of the webhook %+v", n, c)
		}
		// After 5 minutes, an hour, and each day from then on.
		if alarms := p.logged(approval.EventWebhookOverdue); len(alarms) != 5 || alarms[4].Meta.Labels[approval.LabelWebhookOverdue] != "2" || alarms[4].Timestamp.Sub(began) != 3*day+time.Hour {
			p.t.Errorf("the log has %d alarms: %+v", len(alarms), alarms)
		}

		failed := p.stands(indent.PhaseGranted, indent.ApplicationFailed, never)
		if !strings.Contains(failed[0].Problem, "could not be told within 72h") || !strings.Contains(failed[0].Problem, "503") {
			p.t.Errorf("it failed as %q", failed[0].Problem)
		}
		if held := p.held("never"); len(held) != 1 || len(held[0].Webhooks) != 1 || held[0].Webhooks[0].State != indent.ApplicationFailed || held[0].Webhooks[0].Problem != failed[0].Problem {
			p.t.Errorf("who has it: %+v", held)
		}
		if last := p.backsOff(never.Name, began); last < 3*day-time.Hour || last > 3*day+time.Hour {
			p.t.Errorf("the grant was tried until %s", last)
		}
		if last := p.backsOff(over.Name, began); last < 3*day+5*time.Hour {
			p.t.Errorf("the end was tried until %s", last)
		}
		p.spread(never.Name, over.Name)

		roles.answers(nil)
		p.pass(time.Hour)
		ended := p.stands(indent.PhaseClosed, indent.ApplicationEnded, over, second)
		if has, _ := roles.says(); len(has) > 0 || !ended[0].EndingSince.IsZero() || p.overdue() != "0" {
			p.t.Errorf("it is over: the system has %v, %+v, overdue %s", has, ended[0], p.overdue())
		}
	})
}

// works lets time pass in which the endpoint does other work, so that it is not paused.
func (p *post) works(d time.Duration, name string) {
	p.t.Helper()
	for end, wait := p.clock.Now().Add(d), 10*time.Minute; p.clock.Now().Before(end); wait = 2 * time.Hour {
		p.pass(min(wait, end.Sub(p.clock.Now())))
		other := p.grant(day, name)
		p.rests()
		p.revoke(other)
		p.rests()
	}
}

// backsOff demands the waits between the attempts of a call, and answers how long after a time the last was. What was done before that
// is not looked at.
func (p *post) backsOff(petition string, began time.Time) (last time.Duration) {
	p.t.Helper()
	n, before := 0, time.Time{}
	for _, d := range p.attempts("roles", petition) {
		if d.Time.Before(began) || d.Outcome == "ok" {
			continue
		}
		if n++; d.Attempts != n || d.Outcome != "again" {
			p.t.Fatalf("attempt %d of petition %s is the %d., %s", n, petition, d.Attempts, d.Outcome)
		}
		if n > 1 {
			longest := min(5*time.Second<<min(n-2, 20), time.Hour)
			if wait := d.Time.Sub(before); wait < longest/2 || wait > longest+time.Second {
				p.t.Errorf("attempt %d of petition %s comes after %s, want between %s and %s", n, petition, wait, longest/2, longest)
			}
		}
		before, last = d.Time, d.Time.Sub(began)
	}
	return last
}

// spread demands that calls which failed at the same time are not made again at the same times.
func (p *post) spread(petitions ...string) {
	p.t.Helper()
	times := map[time.Time]int{}
	for _, one := range petitions {
		for _, d := range p.attempts("roles", one) {
			times[d.Time]++
		}
	}
	together := 0
	for _, n := range times {
		if n > 1 {
			together++
		}
	}
	if together > 1 || len(times) < 100 {
		p.t.Errorf("of %d times of attempts both came at %d", len(times), together)
	}
}

// An endpoint says when to come back, in seconds or by a date: it is obeyed for up to a day, and what makes no sense is not.
func TestAnEndpointSaysWhenToComeBack(t *testing.T) {
	onPosts(t, func(p *post) {
		roles := p.webhook("roles")
		now := p.clock.Now()
		date := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
		const least, most = 2500 * time.Millisecond, 5 * time.Second
		cases := []struct {
			says        string
			least, most time.Duration
		}{
			{"", least, most}, {"120", 2 * time.Minute, 2 * time.Minute}, {date(10 * time.Minute), 10 * time.Minute, 10 * time.Minute}, {"1", least, most},
			{"86401", day, day}, {"2147483647", day, day}, {"99999999999999999999", least, most}, {"-5", least, most}, {"soon", least, most}, {"1e3", least, most},
			{date(-time.Hour), least, most}, {"Fri, 31 Dec 9999 23:59:59 GMT", day, day},
		}
		first, header := map[string]bool{}, map[string]string{}
		thing := func(i int) string { return "thing-" + string(rune('a'+i)) }
		for i, c := range cases {
			header[thing(i)] = c.says
		}
		roles.answers(func(w http.ResponseWriter, c heard) bool {
			roles.mu.Lock()
			defer roles.mu.Unlock()
			if first[c.id] {
				return false
			}
			first[c.id] = true
			w.Header().Set("Retry-After", header[c.thing])
			http.Error(w, "not now", http.StatusTooManyRequests)
			return true
		})
		var asked []*indent.Petition
		for i := range cases {
			asked = append(asked, p.grant(10*day, thing(i)))
		}
		p.pass(25 * time.Hour)
		p.stands(indent.PhaseGranted, indent.ApplicationApplied, asked...)
		for i, c := range cases {
			tried := p.attempts("roles", asked[i].Name)
			if len(tried) != 2 || tried[0].Outcome != "again" || tried[1].Outcome != "ok" {
				p.t.Fatalf("Retry-After %q: %+v", c.says, tried)
			}
			if wait := tried[1].Time.Sub(tried[0].Time); wait < c.least || wait > c.most {
				p.t.Errorf("Retry-After %q: it comes again after %s, want between %s and %s", c.says, wait, c.least, c.most)
			}
		}
	})
}
