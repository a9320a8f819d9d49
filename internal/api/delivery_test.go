package api

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// delivered writes down that a webhook was told of a petition, and that its endpoint fails; it answers the attempt.
func (h *house) delivered(space, hook, mark string, p approval.Petition) string {
	h.Helper()
	now, pair := h.clock.Now(), h.service.IDs.UUID()
	d := approval.Delivery{Space: space, Name: h.service.IDs.UUID(), Webhook: hook, Petition: p.Name, Time: now, Outcome: approval.WebhookAgain, Kind: approval.WebhookApply,
		Command: approval.EventRevoke, Application: pair, Attempts: 2, Code: 14, Problem: mark, Attempt: approval.WebhookAttempt{ID: "msg_" + mark, Time: now, Took: 12 * time.Millisecond,
			Method: "POST", URL: "https://hooks.example.com/" + mark, Headers: map[string]string{"Webhook-Signature": "[redacted]"}, Body: mark, Status: 503, Answer: mark}}
	t := approval.Application{Space: space, Petition: p.Name, Webhook: hook, Name: pair, Pair: pair, State: approval.ApplicationEnding, Holds: true, EndingSince: now, Person: p.Petitioners[0],
		Resource: p.Resources[0], Attempts: 2, Problem: mark, Since: now, TriedTime: now, NextTime: now.Add(time.Minute), CreateTime: now, UpdateTime: now}
	h.must(h.store.Note(h.Context(), space, approval.PutDelivery{Delivery: d}, approval.PutApplication{Application: t}))
	h.paused(space, hook, mark)
	return d.Name
}

// paused writes down that a webhook is paused.
func (h *house) paused(space, hook, problem string) {
	h.Helper()
	was, err := h.store.WebhookHealth(h.Context(), space, hook)
	h.must(err)
	now := h.clock.Now()
	state := approval.WebhookHealth{Space: space, Webhook: hook, Failures: 20, FailingSince: now.Add(-time.Hour), PausedSince: now, ProbeTime: now.Add(time.Minute), Problem: problem}
	h.must(h.store.Note(h.Context(), space, approval.PutWebhookHealth{Health: state, Expect: was.Version}))
}

// onDelivery prepares an attempt of a webhook that is paused. The webhook stays.
func onDelivery(path func(hook, name string) string, body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		_, _, err := h.service.CreateWebhook(h.Context(), h.actor(theOwner), approval.NewWebhook{Name: "told", URL: "https://hooks.example.com/told"})
		if approval.CodeOf(err) != approval.Conflict {
			h.must(err)
		}
		p, err := h.service.Petition(h.Context(), h.actor(theOwner), h.asked(h.actor(theViewer)))
		h.must(err)
		return cell{inSpace + "/webhooks/" + path("told", h.delivered("acmecorp", "told", "told", p)), body}
	}
}

func TestAttemptsOfCallsOnTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, hooks := h.token(theEditor), inSpace+"/webhooks/"
	at := onDelivery(func(hook, name string) string { return hook + "/deliveries/" + name }, nil)(h, approval.Actor{}).path
	for range 2 {
		onDelivery(func(_, name string) string { return name }, nil)(h, approval.Actor{})
	}
	var one delivery
	h.with(token, get, at, nil).ok(&one)
	if one.Outcome != "again" || one.Code != 14 || one.Command != "access/revoke" || one.Attempts != 2 || one.Milliseconds != 12 || one.Attempt == nil || one.Attempt.Status != 503 || one.Attempt.ID != "msg_told" {
		t.Errorf("one attempt is %+v", one)
	}
	var first, rest, none deliveryList
	h.with(token, get, hooks+"told/deliveries?pageSize=2", nil).ok(&first)
	h.with(token, get, hooks+"told/deliveries?pageSize=2&pageToken="+first.NextPageToken, nil).ok(&rest)
	if len(first.Deliveries) != 2 || len(rest.Deliveries) != 1 || rest.Deliveries[0].Name != one.Name || rest.Deliveries[0].Attempt != nil || rest.NextPageToken != "" {
		t.Errorf("pages %+v and %+v", first, rest)
	}
	h.with(token, get, hooks+"told/deliveries?petition="+one.Petition, nil).ok(&rest)
	h.with(token, get, hooks+"told/deliveries?outcome=ok", nil).ok(&none)
	if len(rest.Deliveries) != 1 || rest.Deliveries[0].Petition != one.Petition || len(none.Deliveries) != 0 {
		t.Errorf("of the petition %+v, done %+v", rest, none)
	}
	h.with(token, get, hooks+"told/deliveries?outcome=lost", nil).refused(400, approval.Invalid, "outcome")
	h.with(token, get, hooks+"other/deliveries", nil).refused(404, approval.NotFound, "")
	h.with(token, get, hooks+"told/deliveries/"+missingUUID, nil).refused(404, approval.NotFound, "")

	var again application
	h.with(token, post, at+":replay", nil).ok(&again)
	if again.State != "ending" || again.Webhook != "told" || again.Attempts != 0 || again.Person.ID == "" || again.Resource.ID != "x" {
		t.Errorf("replayed to %+v", again)
	}
}

func TestTheConditionOfAWebhookOnTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token, at := h.token(theEditor), inSpace+"/webhooks/told"
	onDelivery(func(_, name string) string { return name }, nil)(h, approval.Actor{})
	h.clock.Advance(2 * time.Minute)
	var one webhook
	var all webhookList
	h.with(token, get, at, nil).ok(&one)
	h.with(token, get, inSpace+"/webhooks", nil).ok(&all)
	if c := one.Condition; c == nil || c.State != "paused" || c.Failures != 20 || c.Problem != "told" || c.Holding != 1 || c.Overdue != 1 || c.OverdueSince.IsZero() || c.NextTime.IsZero() {
		t.Fatalf("the condition is %+v", c)
	}
	if len(all.Webhooks) != 1 || !reflect.DeepEqual(all.Webhooks[0].Condition, one.Condition) {
		t.Errorf("the list has %+v", all.Webhooks[0].Condition)
	}
	h.with(token, post, at+":settle", `{"reason":""}`).refused(400, approval.Invalid, "reason")
	var settled settleWebhookOut
	h.with(token, post, at+":settle", `{"reason":"dropped by hand"}`).ok(&settled)
	h.with(token, post, at+":resume", nil).ok(nil)
	h.with(token, post, at+":resume", nil).refused(409, approval.Conflict, "")
	h.with(token, get, at, nil).ok(&one)
	if c := one.Condition; settled.Settled != 1 || c.State != "working" || c.Holding != 0 || c.Overdue != 0 {
		t.Errorf("%d settled; then the condition is %+v", settled.Settled, c)
	}
	// What was read is sent back as it came.
	raw := h.with(token, get, at, nil)
	h.with(token, patch, at, `{"webhook":`+strings.TrimSpace(raw.body)+`}`).ok(nil)
}

// Only one petition that webhooks may apply has what they were told; a list, and other answers, never do.
func TestAPetitionSaysWhatWebhooksWereTold(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, _, err := h.service.CreateWebhook(h.Context(), h.actor(theOwner), approval.NewWebhook{Name: "roles", URL: "https://hooks.example.com/roles"})
	h.must(err)
	ask := func() string {
		p, _, err := h.service.CreatePetition(h.Context(), h.actor(theViewer), approval.NewPetition{Reason: "approve by rule", Resources: []approval.Resource{{ID: "x"}}}, "")
		h.must(err)
		return p.Name
	}
	without := ask()
	_, err = h.service.CreateWebhookPolicy(h.Context(), h.actor(theOwner), approval.NewWebhookPolicy{Name: "all", Webhook: "roles"})
	h.must(err)
	name := ask()
	h.runs("apply/acmecorp/" + name)
	var got, other petition
	h.with(h.token(theViewer), get, inSpace+"/petitions/"+name, nil).ok(&got)
	h.with(h.token(theViewer), get, inSpace+"/petitions/"+without, nil).ok(&other)
	told := got.State.Status.Webhooks
	if len(told) != 1 || told[0].Webhook != "roles" || told[0].State != "pending" || told[0].Person.ID != theViewer || told[0].Resource.ID != "x" {
		t.Errorf("the webhooks are %+v", told)
	}
	if other.State.Status.Webhooks != nil {
		t.Errorf("without webhooks: %+v", other.State.Status.Webhooks)
	}
	if list := h.with(h.token(theViewer), get, inSpace+"/petitions", nil); strings.Contains(list.body, `"webhook"`) {
		t.Errorf("the list has %s", list.body)
	}
}

// runs runs the job of a key that is due in the space's lane.
func (h *house) runs(key string) {
	h.Helper()
	jobs, err := h.store.LeaseJobs(h.Context(), "acmecorp", h.clock.Now(), time.Minute, 100)
	h.must(err)
	i := slices.IndexFunc(jobs, func(j approval.Job) bool { return j.Key == key })
	if i < 0 {
		h.Fatalf("there is no job %s, but %+v", key, jobs)
	}
	h.must(h.service.RunJob(h.Context(), jobs[i]))
}
