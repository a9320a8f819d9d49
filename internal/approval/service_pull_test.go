package approval_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func aPull() approval.PullPolicy {
	return approval.PullPolicy{Name: "roles", Webhook: "roles", Kinds: []string{"role"}, Schedule: "*/30 * * * *"}
}

// pulls makes a webhook and a pull policy of it.
func (h *house) pulls(change ...func(*approval.PullPolicy)) approval.PullPolicy {
	h.t.Helper()
	h.hook(aHook())
	p := aPull()
	for _, c := range change {
		c(&p)
	}
	return must(h.CreatePullPolicy(h.t.Context(), h.actor(bob), p))
}

// lists makes the endpoint list these, on one page.
func (h *house) lists(list ...approval.Resource) {
	h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer {
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: list, Bytes: int64(len(list))}
	}
}

func (h *house) refuses(a approval.WebhookAnswer) {
	h.endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer { return a }
}

const pullLane = "acme/roles/pull"

// runPulls does what is due in the lane of the webhook, as the room of jobs does.
func (h *house) runPulls() {
	h.t.Helper()
	jobs, err := h.store.LeaseJobs(h.t.Context(), pullLane, h.clock.Now(), time.Minute, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, j := range jobs {
		h.ended(j, h.RunJob(h.t.Context(), j))
	}
}

// runPull runs the job of the policy, and demands that it comes again at its next time if there is one.
func (h *house) runPull(s *approval.Service) {
	h.t.Helper()
	err := s.RunJob(h.t.Context(), pullJob)
	var later approval.Later
	if err != nil && !errors.As(err, &later) {
		h.t.Fatal(err)
	}
	if pull, failed := h.store.Pull(h.t.Context(), "acme", "roles"); failed == nil && !later.At.Equal(pull.Next) {
		h.t.Fatalf("it comes again at %s, not at %s", later.At, pull.Next)
	}
}

var pullJob = approval.Job{Kind: approval.JobPull, Space: "acme", Key: "pull/acme/roles"}

// pull moves on to the policy's next time and pulls it.
func (h *house) pull() approval.PullResult {
	h.t.Helper()
	before := must(h.Pull(h.t.Context(), h.actor(pat), "roles"))
	if before.Next.After(h.clock.Now()) {
		h.clock.Set(before.Next)
	}
	h.runPulls()
	after := must(h.Pull(h.t.Context(), h.actor(pat), "roles"))
	if after.Last.ID == before.Last.ID || after.Run != "" {
		h.t.Fatalf("nothing was pulled: %+v", after)
	}
	return after.Last
}

// pullNow has the policies pulled at once, by somebody who waits for it.
func (h *house) pullNow(in approval.PullRequest) approval.PullOutcome {
	h.t.Helper()
	var out []approval.PullOutcome
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		out, err = h.PullNow(h.t.Context(), h.actor(bob), in)
	}()
	h.broker.WaitForSubscribers(1)
	h.runPulls()
	<-done
	if err != nil || len(out) != 1 {
		h.t.Fatal(out, err)
	}
	return out[0]
}

func role(id string, labels ...string) approval.Resource {
	r := approval.Resource{ID: id, Kind: "role", DisplayName: "Role " + id}
	for i := 0; i < len(labels); i += 2 {
		if r.Labels == nil {
			r.Labels = map[string]string{}
		}
		r.Labels[labels[i]] = labels[i+1]
	}
	return r
}

func roles(n int) (list []approval.Resource) {
	for i := range n {
		list = append(list, role(fmt.Sprintf("role-%03d", i)))
	}
	return list
}

// entries answers what the directory has, by id.
func (h *house) entries() map[string]approval.Resource {
	h.t.Helper()
	out := map[string]approval.Resource{}
	for _, r := range must(h.store.Resources(h.t.Context(), approval.ResourceQuery{Space: "acme", Page: approval.PageRequest{Size: approval.MaxPageSize}})).Items {
		out[r.ID] = r
	}
	return out
}

// pullEvents answers the names of the events since the last time, oldest first, without those of other things.
func (h *house) pullEvents() (names []string) {
	for _, e := range h.events() {
		if strings.HasPrefix(e.Event, "pull") || strings.HasPrefix(e.Event, "resource/") {
			names = append(names, e.Event)
		}
	}
	slices.Reverse(names)
	return names
}

func counts(r approval.PullResult) string {
	return fmt.Sprintf("%s listed %d taken %d created %d changed %d gone %d conflicts %d", r.State, r.Listed, r.Taken, r.Created, r.Changed, r.Gone, r.Conflicts)
}

func TestAPullFillsTheDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.pulls(func(p *approval.PullPolicy) { p.Labels = map[string]string{approval.LabelRequestable: "true"} })
	same(t, "the first time", must(h.Pull(t.Context(), h.actor(pat), "roles")).Next.Format(time.RFC3339), "2030-01-02T03:30:00Z")
	h.lists(role("reader", "team", "a"), role("writer"), approval.Resource{ID: "x", Kind: "database"})
	r := h.pull()
	same(t, "the first", counts(r), "done listed 3 taken 2 created 2 changed 0 gone 0 conflicts 0")
	sameList(t, "left out", r.Dropped, "the label team", "the kind database")
	reader := h.entries()["reader"]
	same(t, "an entry", fmt.Sprint(reader.Kind, reader.DisplayName, reader.Labels[approval.LabelRequestable], reader.Labels["team"]), "roleRole readertrue")
	if !strings.HasPrefix(reader.Name(), "roles.reader.") {
		t.Errorf("its name is %s", reader.Name())
	}
	call := h.endpoints.Calls[0]
	same(t, "the call", fmt.Sprint(call.Kind, call.Kinds, call.Flags, call.PageToken), "PullUpdate[role] map[]")

	same(t, "nothing new", counts(h.pull()), "done listed 3 taken 2 created 0 changed 0 gone 0 conflicts 0")
	sameList(t, "the log", h.pullEvents(), "pullPolicy/create", "resource/put")

	changed := role("reader")
	changed.DisplayName = "Reads everything"
	h.lists(changed, role("admin"))
	same(t, "a change", counts(h.pull()), "done listed 2 taken 2 created 1 changed 1 gone 1 conflicts 0")
	all := h.entries()
	same(t, "its name", all["reader"].DisplayName, "Reads everything")
	same(t, "its place", all["reader"].Name(), reader.Name())
	same(t, "what is gone", all["writer"].Labels[approval.LabelDeactivated], "true")
	same(t, "it is not offered", all["writer"].In(approval.ViewRequestable), false)
	sameList(t, "the log", h.pullEvents(), "pullPolicy/create", "resource/put", "resource/put", "resource/gone")

	h.lists(changed, role("admin"), role("writer"))
	same(t, "it is back", counts(h.pull()), "done listed 3 taken 3 created 0 changed 1 gone 0 conflicts 0")
	same(t, "it is offered", h.entries()["writer"].In(approval.ViewRequestable), true)
	e := h.events()[0]
	same(t, "who", fmt.Sprint(e.Actor.ID, e.Label(approval.LabelPullPolicy), len(e.Resources)), "indent/pullroles1")
	same(t, "the version of the policy", must(h.PullPolicy(t.Context(), h.actor(pat), "roles")).Version, p.Version)
}

// A list may take half an hour to come: the jobs that tell the same webhook of the end of access do not stand behind it.
func TestAPullStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	must(h.CreateWebhookPolicy(t.Context(), h.actor(bob), approval.NewWebhookPolicy{Name: "all", Webhook: "roles"}))
	h.decide(bob, h.ask(vic), claim(approve))
	for _, j := range must(h.store.LeaseJobs(t.Context(), "acme", h.clock.Now(), time.Minute, 100)) {
		h.ended(j, h.RunJob(t.Context(), j)) // finds out whom to tell
	}
	h.clock.Advance(30 * time.Minute)
	var lanes []string
	for _, lane := range must(h.store.Lanes(t.Context())) {
		for _, j := range must(h.store.LeaseJobs(t.Context(), lane.Name, h.clock.Now(), time.Minute, 100)) {
			if j.Kind == approval.JobPull || j.Kind == approval.JobCall {
				lanes = append(lanes, j.Kind+" in "+lane.Name)
			}
		}
	}
	slices.Sort(lanes)
	sameList(t, "jobs", lanes, "call in acme/roles", "pull in "+pullLane)
}

// The attempts of a webhook that does nothing but list are forgotten in time, too.
func TestAttemptsOfPullsAreForgotten(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Attempt: approval.WebhookAttempt{ID: c.ID, Time: h.clock.Now()}}
	}
	h.pull()
	same(t, "attempts", len(must(h.Deliveries(t.Context(), h.actor(bob), approval.DeliveryQuery{Webhook: "roles"})).Items), 1)
	h.clock.Advance(approval.DeliveriesKept + time.Minute)
	h.runPull(h.another()) // the first attempt of a node looks for old ones
	all := must(h.Deliveries(t.Context(), h.actor(bob), approval.DeliveryQuery{Webhook: "roles"})).Items
	if len(all) != 1 || !all[0].Time.Equal(h.clock.Now()) {
		t.Errorf("the log has %d attempts: %+v", len(all), all)
	}
}

func TestAPullGoesPageByPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.Flags = map[string]string{"env": "prod"} })
	all := roles(250)
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		next := map[string]string{"": "b", "b": "c", "c": ""}[c.PageToken]
		from := map[string]int{"": 0, "b": 99, "c": 199}[c.PageToken] // one stands on two pages
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: all[from:min(from+101, 250)], NextPage: next, Bytes: 10}
	}
	r := h.pull()
	same(t, "all", counts(r), "done listed 253 taken 250 created 250 changed 0 gone 0 conflicts 0")
	same(t, "pages", fmt.Sprint(r.Pages, r.Bytes), "3 30")
	ids := map[string]bool{}
	for _, c := range h.endpoints.Calls {
		ids[c.ID] = true
		same(t, "flags", c.Flags["env"], "prod")
	}
	same(t, "each page has an id of its own", len(ids), 3)
	same(t, "events of bounded size", len(h.pullEvents()), 1+3)
}

// Until the last page has come whole nothing changes, whatever comes: the last good state stays.
func TestAPullThatFailsKeepsTheLastGoodState(t *testing.T) {
	t.Parallel()
	done := approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: roles(3), NextPage: "b"}
	for name, second := range map[string]approval.WebhookAnswer{
		"breaks off":         {Outcome: approval.WebhookAgain, Problem: "the endpoint answers 200 and breaks off"},
		"half a page":        {Outcome: approval.WebhookAgain, Problem: "it is too long", Resources: roles(2)},
		"refuses":            {Outcome: approval.WebhookRefused, Problem: "the endpoint refuses", Code: 9},
		"is gone":            {Outcome: approval.WebhookGone, Problem: "the endpoint is gone"},
		"no resource":        {Outcome: approval.WebhookDone, Resources: []approval.Resource{{Kind: "role"}}},
		"no id":              {Outcome: approval.WebhookDone, Resources: []approval.Resource{{Kind: "role", DisplayName: "x"}}},
		"hidden text":        {Outcome: approval.WebhookDone, Resources: []approval.Resource{{Kind: "role", ID: "a\u202eb"}}},
		"the same token":     {Outcome: approval.WebhookDone, NextPage: "b"},
		"confirm otherwise":  {Outcome: approval.WebhookDone, Resources: []approval.Resource{role("x", approval.LabelConfirm, "no")}},
		"a name that is not": {Outcome: approval.WebhookDone, Resources: []approval.Resource{role("x", approval.LabelBlock, "a/b")}},
	} {
		h := newHouse(t)
		h.pulls(func(p *approval.PullPolicy) { p.TakeLabels = []string{approval.LabelConfirm, approval.LabelBlock} })
		h.lists(role("reader"), role("writer"))
		h.pull()
		before := entriesText(h.entries())
		h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
			if c.PageToken == "" {
				return done
			}
			return second
		}
		r := h.pull()
		if r.State != approval.PullFailed || r.Problem == "" || !strings.Contains(r.Problem, "page") && name != "the same token" {
			t.Errorf("%s: %+v", name, r)
		}
		same(t, name, entriesText(h.entries()), before)
		state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
		same(t, name+": the good one stays", counts(state.Good), "done listed 2 taken 2 created 2 changed 0 gone 0 conflicts 0")
		same(t, name+": it is told", h.events()[0].Event, approval.EventPullFail)
	}
}

// A failing pull is tried again soon, and then less and less often, but never later than its schedule says. It is told when it begins and when
// it ends.
func TestAFailingPullIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) { p.Schedule = "0 3 * * *" })
	h.refuses(approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "no answer"})
	h.clock.Set(must(h.Pull(t.Context(), h.actor(pat), "roles")).Next)
	begun := h.clock.Now()
	var after []time.Duration
	for range 8 {
		h.pull()
		state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
		after = append(after, state.Next.Sub(h.clock.Now()))
		same(t, "since", state.FailingSince, begun)
	}
	sameList(t, "retries", after, time.Minute, 2*time.Minute, 4*time.Minute, 8*time.Minute, 16*time.Minute, 32*time.Minute, time.Hour, time.Hour)
	sameList(t, "told once", h.pullEvents(), "pullPolicy/create", "pull/fail")
	same(t, "failing", must(h.store.FailingPulls(t.Context())), 1)

	h.refuses(approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "not now", RetryAfter: 5 * time.Hour})
	h.pull()
	same(t, "as it asks", must(h.Pull(t.Context(), h.actor(pat), "roles")).Next.Sub(h.clock.Now()), 5*time.Hour)
	h.clock.Set(time.Date(2030, 1, 4, 2, 30, 0, 0, time.UTC))
	h.pull()
	same(t, "not later than the schedule", must(h.Pull(t.Context(), h.actor(pat), "roles")).Next, time.Date(2030, 1, 4, 3, 0, 0, 0, time.UTC))

	h.lists(role("reader"))
	h.pull()
	state := must(h.Pull(t.Context(), h.actor(pat), "roles"))
	same(t, "it works", fmt.Sprint(state.Failures, state.FailingSince.IsZero(), state.Next.Format(time.RFC3339)), "0 true2030-01-05T03:00:00Z")
	sameList(t, "told", h.pullEvents(), "pullPolicy/create", "pull/fail", "resource/put", "pull/recover")
	same(t, "failing", must(h.store.FailingPulls(t.Context())), 0)
	same(t, "counted", fmt.Sprint(h.PullsEnded(approval.PullFailed), h.PullsEnded(approval.PullDone)), "10 1")
}

// A pull that is due before its time, or twice, does nothing; that of a space that is deleted waits.
func TestAPullThatIsNotDue(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.runPull(h.Service) // too early
	same(t, "no policy", h.RunJob(t.Context(), approval.Job{Kind: approval.JobPull, Space: "acme", Key: "pull/acme/other"}), error(nil))
	if err := h.DeleteSpace(t.Context(), h.actor(olga)); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Hour)
	h.runPull(h.Service)
	same(t, "no calls", len(h.endpoints.Calls), 0)
	same(t, "it waits", must(h.store.Pull(t.Context(), "acme", "roles")).Next.After(h.clock.Now()), true)
}

func TestAPullOfADryRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.refuses(approval.WebhookAnswer{Outcome: approval.WebhookNotSent, Problem: "the webhook is in a dry run: nothing was sent"})
	r := h.pull()
	same(t, "a dry run", fmt.Sprint(r.State, r.Problem != "", must(h.Pull(t.Context(), h.actor(pat), "roles")).Failures), "notSenttrue 0")
}

// At most as many as fit are taken.
func TestAPullHasLimits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: []approval.Resource{{Kind: "role", ID: "x" + c.PageToken}}, NextPage: c.PageToken + "."}
	}
	r := h.pull()
	if r.State != approval.PullFailed || r.Pages != approval.MaxPullPages || !strings.Contains(r.Problem, "comes to no end") {
		t.Errorf("pages without end: %+v", r)
	}
	h.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
		if c.MaxBytes != approval.MaxPullBytes && c.PageToken == "" || c.PageToken != "" && c.MaxBytes != 1 {
			t.Errorf("may answer %d bytes", c.MaxBytes)
		}
		return approval.WebhookAnswer{Outcome: approval.WebhookDone, NextPage: map[string]string{"": "b"}[c.PageToken], Bytes: approval.MaxPullBytes - 1}
	}
	h.pull()
	many := make([]approval.Resource, approval.MaxPullResources+1)
	for i := range many {
		many[i] = approval.Resource{ID: fmt.Sprint(i), Kind: "role"}
	}
	h.lists(many...)
	r = h.pull()
	if r.State != approval.PullFailed || !strings.Contains(r.Problem, "more than 100000") {
		t.Errorf("too many: %+v", r)
	}
	same(t, "nothing is written", len(h.entries()), 0)
}

// entriesText answers entries as text, to compare.
func entriesText(entries map[string]approval.Resource) string {
	text, err := json.Marshal(entries)
	if err != nil {
		panic(err)
	}
	return string(text)
}
