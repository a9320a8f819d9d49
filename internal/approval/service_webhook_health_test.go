package approval_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// lanes does what is due in all lanes until nothing is.
func (h *house) lanes() {
	h.t.Helper()
	for ran := 1; ran > 0; {
		ran = 0
		lanes, err := h.store.Lanes(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		for _, lane := range lanes {
			jobs, err := h.store.LeaseJobs(h.t.Context(), lane.Name, h.clock.Now(), time.Minute, 10_000)
			if err != nil {
				h.t.Fatal(err)
			}
			for _, j := range jobs {
				h.ended(j, h.RunJob(h.t.Context(), j))
			}
			ran += len(jobs)
		}
	}
}

// tellsOfAll makes webhooks, of which the first is told of all grants.
func (h *house) tellsOfAll(names ...string) {
	h.t.Helper()
	for _, name := range names {
		if _, _, err := h.CreateWebhook(h.t.Context(), h.actor(olga), approval.NewWebhook{Name: name, URL: "https://" + name + ".example.com"}); err != nil {
			h.t.Fatal(err)
		}
	}
	must(h.CreateWebhookPolicy(h.t.Context(), h.actor(olga), approval.NewWebhookPolicy{Name: "all", Webhook: names[0]}))
}

// minutes lets time pass, and does what is due in all lanes each minute.
func (h *house) minutes(n int) {
	h.t.Helper()
	for range n {
		h.clock.Advance(time.Minute)
		h.lanes()
	}
}

// However many calls wait for an endpoint that was paused, all are made when it is resumed, and no write wakes all of them.
func TestAllThatWaitIsToldWhenAWebhookIsResumed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.ByReference = true
	h.tellsOfAll("hook", "other")
	outcome, calls := approval.WebhookAgain, 0
	h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer {
		calls++
		return approval.WebhookAnswer{Outcome: outcome, Problem: "not now", Attempt: approval.WebhookAttempt{ID: fmt.Sprint(calls)}}
	}
	h.clock.Advance(time.Second)
	const many = 601
	for i := range many {
		h.given(vic, 24*time.Hour, fmt.Sprint("db", i))
	}
	h.lanes()
	h.minutes(25)
	condition, err := h.WebhookCondition(t.Context(), h.actor(olga), "hook")
	same(t, "paused", !condition.PausedSince.IsZero(), true)
	same(t, "error", err, nil)
	h.clock.Advance(time.Second)
	outcome, calls = approval.WebhookDone, 0
	if _, err := h.ResumeWebhook(t.Context(), h.actor(olga), "hook"); err != nil {
		t.Fatal(err)
	}
	asked := h.reads(h.lanes)
	same(t, "calls", calls, many)
	if n := asked["WakeLane"]; n < 2 {
		t.Errorf("woken by %d writes", n)
	}
	owner := h.actor(olga)
	asked = h.reads(func() {
		all, err := h.WebhookConditions(t.Context(), owner)
		same(t, "error", err, nil)
		same(t, "webhooks", len(all), 2)
		same(t, "held", all[0].Holding, many)
		same(t, "paused", all[0].PausedSince.IsZero(), true)
		same(t, "held by the other", all[1].Holding, 0)
	})
	same(t, "reads", fmt.Sprint(asked), "map[DriftsByEach:1 HeldByEach:1 WebhookHealths:1 Webhooks:1]")
}

// A call that always fails keeps no other from being tried while the webhook is paused: who waits has its turn, and the first that is
// answered ends the pause. Alone it is tried every five minutes.
func TestWhoWaitsForAPausedWebhookHasItsTurn(t *testing.T) {
	t.Parallel()
	for _, many := range []int{1, 2, 3, 25} {
		t.Run(fmt.Sprint(many), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.tellsOfAll("hook")
			poison, down, tried := map[string]bool{}, true, map[string]int{}
			h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
				of := c.Events[len(c.Events)-1].Resources[1].ID
				tried[of]++
				a := approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "not now", Attempt: approval.WebhookAttempt{ID: c.ID}}
				if !down && !poison[of] {
					a.Outcome, a.Problem = approval.WebhookDone, ""
				}
				return a
			}
			h.clock.Advance(time.Second)
			for i := range many {
				h.given(vic, 100*time.Hour, fmt.Sprint("db", i))
			}
			h.lanes()
			h.minutes(20 * 60) // one call alone needs twenty tries for the pause
			condition := must(h.WebhookCondition(t.Context(), h.actor(olga), "hook"))
			same(t, "paused", !condition.PausedSince.IsZero(), true)

			clear(tried)
			h.minutes(61)
			sum := 0
			for of, n := range tried {
				sum += n
				poison[of] = many > 1 && len(poison) < min(2, many-1) // two that always fail, of those that are tried
			}
			if sum < 10 || sum > 13 {
				t.Errorf("%d calls in an hour: %v", sum, tried)
			}
			down = false
			clear(tried)
			h.minutes(4 * 60)
			for i := range many {
				if of := fmt.Sprint("db", i); tried[of] == 0 || !poison[of] && tried[of] != 1 {
					t.Errorf("%s was called %d times: %v, of which %v fail", of, tried[of], tried, poison)
				}
			}
			condition = must(h.WebhookCondition(t.Context(), h.actor(olga), "hook"))
			same(t, "paused", !condition.PausedSince.IsZero(), false)
		})
	}
}
