package approval_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestAPullThatSomebodyAsksFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) {
		p.Kinds, p.Flags, p.Schedule = []string{"role", "database"}, map[string]string{"env": "prod"}, ""
	})
	database := approval.Resource{ID: "main", Kind: "database"}
	h.lists(role("reader"), role("writer"), database)
	same(t, "all", counts(h.pullNow(approval.PullRequest{}).PullResult), "done listed 3 taken 3 created 3 changed 0 gone 0 conflicts 0")
	e := h.events()
	same(t, "who asked", fmt.Sprint(e[1].Event, e[1].Actor.ID), "pull/request"+bob)

	h.lists(role("reader"))
	out := h.pullNow(approval.PullRequest{Kinds: []string{"role", "other"}})
	same(t, "some kinds", counts(out.PullResult), "done listed 1 taken 1 created 0 changed 0 gone 1 conflicts 0")
	same(t, "it is a part", out.Partial, true)
	last := h.endpoints.Calls[len(h.endpoints.Calls)-1]
	same(t, "what was asked", fmt.Sprint(last.Kinds, last.Flags), "[role] map[env:prod]")
	same(t, "the other kind", h.entries()["main"].Labels[approval.LabelDeactivated], "")

	// With other flags the endpoint may list another part.
	h.lists()
	out = h.pullNow(approval.PullRequest{Flags: map[string]string{"team": "a"}})
	same(t, "other flags", counts(out.PullResult), "done listed 0 taken 0 created 0 changed 0 gone 0 conflicts 0")
	last = h.endpoints.Calls[len(h.endpoints.Calls)-1]
	same(t, "what was asked", fmt.Sprint(last.Kinds, last.Flags), "[role database] map[env:prod team:a]")
	state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
	same(t, "a part is not the last good one", state.Good.Listed, 3)
	h.refuses(approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "not now"})
	same(t, "a part that fails", h.pullNow(approval.PullRequest{Kinds: []string{"role"}}).State, approval.PullFailed)
	same(t, "says nothing of the whole", must(h.Pull(t.Context(), h.actor(pat), "roles")).Failures, 0)

	_, err := h.PullNow(t.Context(), h.actor(bob), approval.PullRequest{Kinds: []string{"nothing"}})
	same(t, "no policy", approval.CodeOf(err), approval.NotFound)
	for _, in := range []approval.PullRequest{{Kinds: []string{}}, {Kinds: []string{"indent/policy"}}, {Flags: map[string]string{"": ""}}, {Policy: "a\u202eb"}} {
		_, err := h.PullNow(t.Context(), h.actor(bob), in)
		same(t, "refused", approval.CodeOf(err), approval.Invalid)
	}
}

// Who waits too long is told where to look, and who asks for the same gets the same.
func TestAPullThatTakesLongerThanAnAnswer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.Schedule = "" })
	h.lists(role("reader"))
	type answer struct {
		out []approval.PullOutcome
		err error
	}
	answers := make(chan answer, 4)
	ask := func(ctx context.Context, in approval.PullRequest) {
		out, err := h.PullNow(ctx, h.actor(bob), in)
		answers <- answer{out, err}
	}
	go ask(t.Context(), approval.PullRequest{})
	h.broker.WaitForSubscribers(1)
	go ask(t.Context(), approval.PullRequest{})
	h.broker.WaitForSubscribers(2)
	ask(t.Context(), approval.PullRequest{Force: true})
	other := <-answers
	if other.err != nil || other.out[0].State != approval.PullRunning || !strings.Contains(other.out[0].Problem, "that "+bob+" has asked for") {
		t.Errorf("another one: %+v", other)
	}
	gone, cancel := context.WithCancel(t.Context())
	go ask(gone, approval.PullRequest{})
	h.broker.WaitForSubscribers(3)
	cancel()
	same(t, "who leaves", approval.CodeOf((<-answers).err), approval.Unavailable)
	h.clock.WaitForSleepers(4)
	h.clock.Advance(20 * time.Second)
	first, second := <-answers, <-answers
	for _, a := range []answer{first, second} {
		if a.err != nil || a.out[0].State != approval.PullRunning || a.out[0].ID != first.out[0].ID {
			t.Errorf("got %+v", a)
		}
	}
	h.runPulls()
	same(t, "it ends all the same", must(h.Pull(t.Context(), h.actor(pat), "roles")).Last.ID, first.out[0].ID)
	same(t, "once", len(h.endpoints.Calls), 1)
	if _, still := h.store.Job("pull/acme/roles"); still {
		t.Error("a policy without a schedule has a job left")
	}
}

// Two nodes take the same job: one pulls, and what the other one would write is refused.
func TestAPolicyIsPulledOnceAtATime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	second := approval.NewService(h.Deps)
	h.clock.Set(must(h.Pull(t.Context(), h.actor(pat), "roles")).Next)
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		err := second.RunJob(t.Context(), pullJob)
		var later approval.Later
		if !errors.As(err, &later) || !later.At.After(h.clock.Now()) || later.At.After(h.clock.Now().Add(3*time.Minute)) {
			t.Errorf("the second node meanwhile: %v", err)
		}
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: roles(150)}
	}
	h.runPull(h.Service)
	same(t, "one call", len(h.endpoints.Calls), 1)

	// The first hangs for so long that the second takes the policy: what the first has got then changes nothing.
	h.clock.Set(must(h.Pull(t.Context(), h.actor(pat), "roles")).Next)
	inner := false
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		if !inner {
			inner = true
			h.clock.Advance(4 * time.Minute)
			h.runPull(second)
			return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: []approval.Resource{role("late")}}
		}
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: roles(151)}
	}
	h.runPull(h.Service)
	all := h.entries()
	same(t, "the second's", len(all), 151)
	if _, has := all["late"]; has {
		t.Error("the first has written after it had lost the policy")
	}
	state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
	same(t, "the last", counts(state.Last), "done listed 151 taken 151 created 1 changed 0 gone 0 conflicts 0")
}

// Whoever changes or deletes the policy, or an entry, while it is pulled, is not written over.
func TestChangesDuringAPull(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(h *house){
		"the policy is changed": func(h *house) { must(h.PutPullPolicy(h.t.Context(), h.actor(bob), "roles", aPull())) },
		"the policy is deleted": func(h *house) {
			if err := h.DeletePullPolicy(h.t.Context(), h.actor(bob), "roles"); err != nil {
				h.t.Fatal(err)
			}
		},
	} {
		h := newHouse(t)
		h.pulls()
		h.clock.Set(must(h.Pull(t.Context(), h.actor(pat), "roles")).Next)
		h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer {
			change(h)
			return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: roles(3)}
		}
		h.runPull(h.Service)
		same(t, name, len(h.entries()), 0)
	}

	h := newHouse(t)
	h.pulls()
	h.lists(role("reader"))
	h.pull()
	changed := role("reader")
	changed.DisplayName = "pulled"
	h.lists(changed)
	first := true
	h.store.BeforeCommit = func(c approval.Change) error {
		if first && slices.ContainsFunc(c.Writes, func(w approval.Write) bool { _, is := w.(approval.PutPulled); return is }) {
			first = false
			return approval.Errorf(approval.Conflict, "somebody was faster")
		}
		return nil
	}
	same(t, "somebody was faster", counts(h.pull()), "done listed 1 taken 1 created 0 changed 1 gone 0 conflicts 0")
	same(t, "it was tried", first, false)
}

// Killed at each write, it is pulled again when its hold is over, and everything is there once.
func TestAPullThatIsKilledIsDoneAgain(t *testing.T) {
	t.Parallel()
	for at := range 5 {
		h := newHouse(t)
		h.pulls()
		h.lists(roles(250)...)
		h.clock.Set(must(h.Pull(t.Context(), h.actor(pat), "roles")).Next)
		dead, writes := true, 0
		h.store.BeforeCommit = func(c approval.Change) error {
			if c.Space == "acme" && len(c.Writes) > 0 && dead {
				if writes++; writes > at {
					return approval.Wrap(approval.Unavailable, errLost, "killed")
				}
			}
			return nil
		}
		h.store.BeforeRead = func(what string) error {
			if dead && writes > at {
				return approval.Wrap(approval.Unavailable, errLost, "killed")
			}
			return nil
		}
		err := h.RunJob(t.Context(), pullJob)
		if at < 3 && approval.CodeOf(err) != approval.Unavailable {
			t.Fatalf("killed at write %d: %v", at, err)
		}
		dead = false
		if at < 3 {
			h.clock.Advance(3 * time.Minute)
			h.runPull(h.Service)
		}
		rows := must(h.store.Pulled(t.Context(), "acme", "roles", "", 1000))
		same(t, fmt.Sprint("after ", at), len(rows), 250)
		state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
		same(t, "it has ended", fmt.Sprint(state.Run, state.Last.State), "done")
	}
}

// A server that stops does not wait for an endpoint, and the pull is due at once where it starts again.
func TestAPullEndsWithTheServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.lists(role("reader"))
	h.pull()
	before := must(h.Pull(t.Context(), h.actor(pat), "roles"))
	h.clock.Set(before.Next)
	running, breakOff := context.WithCancel(t.Context())
	h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer {
		h.broker.Close()
		breakOff()
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, NextPage: "b"}
	}
	err := h.RunJob(running, pullJob)
	var later approval.Later
	if !errors.As(err, &later) || !later.At.Equal(h.clock.Now()) {
		t.Errorf("it is due at once: %v", err)
	}
	after := must(h.Pull(t.Context(), h.actor(pat), "roles"))
	same(t, "it is no failure", fmt.Sprint(after.Run, after.Failures, after.Last.ID == before.Last.ID, after.Next.Equal(before.Next)), "0 true true")
}
