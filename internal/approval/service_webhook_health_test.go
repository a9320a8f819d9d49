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

// However many calls wait for an endpoint that was paused, all are made when it is resumed, and no write wakes all of them.
func TestAllThatWaitIsToldWhenAWebhookIsResumed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.store.ByReference = true
	for _, name := range []string{"hook", "other"} {
		if _, _, err := h.CreateWebhook(t.Context(), h.actor(olga), approval.NewWebhook{Name: name, URL: "https://" + name + ".example.com"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.CreateWebhookPolicy(t.Context(), h.actor(olga), approval.NewWebhookPolicy{Name: "all", Webhook: "hook"}); err != nil {
		t.Fatal(err)
	}
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
	for range 25 {
		h.clock.Advance(time.Minute)
		h.lanes()
	}
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
