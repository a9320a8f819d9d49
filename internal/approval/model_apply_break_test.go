package approval_test

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// What goes wrong in an estate, and what is demanded when all has come to rest.

func (e *estate) breaks() {
	faults := []string{faultNone, faultNone, faultBefore, faultAfter, faultBusy, faultRefuses, faultDies}
	e.fault = faults[e.n(len(faults), "fault")]
}

func (e *estate) policy() {
	name := estateHooks[e.n(2, "policy")]
	if !e.chosen[name] {
		e.choose(name)
		return
	}
	err := e.DeleteWebhookPolicy(e.house.t.Context(), e.actor(olga), name)
	e.chosen[name] = err != nil
	e.clock.Advance(time.Second) // the other node looks once a second
}

// choose makes a policy that has the webhook apply all grants.
func (e *estate) choose(name string) {
	_, err := e.CreateWebhookPolicy(e.house.t.Context(), e.actor(olga), approval.NewWebhookPolicy{Name: name, Webhook: name})
	if err != nil && approval.CodeOf(err) != approval.Unavailable {
		e.t.Fatal(err)
	}
	e.chosen[name] = err == nil
	e.clock.Advance(time.Second)
}

func (e *estate) replays() {
	page, err := e.Deliveries(e.house.t.Context(), e.actor(olga), approval.DeliveryQuery{Webhook: estateHooks[e.n(2, "of")]})
	if err != nil {
		e.t.Fatal(err)
	}
	if len(page.Items) == 0 {
		return
	}
	d := page.Items[e.n(len(page.Items), "replay")]
	if d.Command == approval.EventGrant { // the end of what has ended is told again by somebody who knows better than the model
		_, _ = e.ReplayDelivery(e.house.t.Context(), e.actor(olga), d.Webhook, d.Name)
	}
}

// rests runs all that is due until nothing is, for as long as it may take, without time passing more than needed.
func (e *estate) rests(days int) {
	for until := e.clock.Now().Add(time.Duration(days) * 24 * time.Hour); ; {
		ran := 1
		for ran > 0 {
			ran = e.lane("", 1000)
			lanes, err := e.store.Lanes(e.house.t.Context())
			if err != nil {
				e.t.Fatal(err)
			}
			for _, lane := range lanes {
				ran += e.lane(lane.Name, 1000)
			}
			e.holds()
		}
		if next := e.next(); next.IsZero() || next.After(until) {
			return
		} else if next.After(e.clock.Now()) {
			e.clock.Set(next)
		}
	}
}

// next answers when something is due.
func (e *estate) next() (at time.Time) {
	lanes, err := e.store.Lanes(e.house.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	if timer, ok, err := e.store.NextJob(e.house.t.Context()); err == nil && ok {
		lanes = append(lanes, approval.Lane{Due: timer})
	}
	for _, lane := range lanes {
		if at.IsZero() || lane.Due.Before(at) {
			at = lane.Due
		}
	}
	return at
}

// agrees demands that the systems give what granted petitions were applied for, and nothing else.
func (e *estate) agrees() {
	want := map[string]bool{}
	for _, a := range e.rows() {
		if a.State == approval.ApplicationPending || a.State == approval.ApplicationEnding {
			e.t.Fatalf("at rest it is %s: %+v", a.State, a)
		}
		if a.Holds {
			want[e.account(a.Webhook, a.Person, a.Resource)] = true
		}
	}
	for account := range e.access {
		if !want[account] {
			e.t.Fatalf("%s has access that nobody knows of: %v", account, slices.Sorted(maps.Keys(want)))
		}
	}
	e.holds()
}

var (
	estateOnce  sync.Mutex
	estateTold  int
	estateEnded int
)
