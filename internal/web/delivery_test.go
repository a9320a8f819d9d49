package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// delivered writes down that a webhook of acme was told of a petition and fails; it answers the attempt.
func (h *house) delivered(hook string, p approval.Petition) string {
	h.t.Helper()
	now, name := h.clock.Now(), "0000000a-0000-7000-8000-00000000000a"
	if d, err := h.service.Store.Delivery(h.t.Context(), "acme", name); err == nil {
		return d.Name
	}
	d := approval.Delivery{Space: "acme", Name: name, Webhook: hook, Petition: p.Name, Time: now, Outcome: approval.WebhookAgain, Kind: approval.WebhookApply,
		Command: approval.EventRevoke, Application: "pair", Attempts: 2, Code: 14, Problem: "it answers <503>", Attempt: approval.WebhookAttempt{ID: "msg_1", Time: now, Took: 12 * time.Millisecond,
			Method: "POST", URL: "https://hooks.example.com/" + hook, Headers: map[string]string{"Webhook-Signature": "[redacted]"}, Body: `{"events":["<script>"]}`, Status: 503, Answer: "down"}}
	t := approval.Application{Space: "acme", Petition: p.Name, Webhook: hook, Name: "pair", Pair: "pair", State: approval.ApplicationEnding, Holds: true, EndingSince: now, Person: p.Petitioners[0],
		Resource: p.Resources[0], Attempts: 2, Problem: "it answers <503>", Since: now, TriedTime: now, NextTime: now.Add(time.Minute), CreateTime: now, UpdateTime: now}
	state := approval.WebhookHealth{Space: "acme", Webhook: hook, Failures: 20, FailingSince: now.Add(-time.Hour), PausedSince: now, ProbeTime: now.Add(time.Minute), Problem: "it answers <503>"}
	if err := h.service.Store.Note(h.t.Context(), "acme", approval.PutDelivery{Delivery: d}, approval.PutApplication{Application: t}, approval.PutWebhookHealth{Health: state}); err != nil {
		h.t.Fatal(err)
	}
	return name
}

// Without a script: how a webhook stands, what was sent and answered, a call that is made again, a pause that ends, and what was
// taken away by hand.
func TestCallsOfAWebhookOnThePages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at, b := "/webhooks/"+h.hook("roles"), h.browser(reviewer)
	b.get(at).is(http.StatusOK).has("works", "It has not been called")
	p := h.ask(viewer, approval.NewPetition{})
	call := at + "/deliveries/" + h.delivered("roles", p)
	h.clock.Advance(2 * time.Minute)
	b.get("/webhooks").has("paused", "1 not taken away")
	b.get(at).is(http.StatusOK).has("paused since", "20 in a row", "it answers <503>", "1 overdue", "Call it again now", "Revoke", "to be tried again")
	b.get(at+"/deliveries").is(http.StatusOK).has("Revoke", "to be tried again", "attempt 2")
	b.get(at + "/deliveries?outcome=ok").has("There is no such call")
	b.get(at + "/deliveries?petition=" + p.Name).has("Revoke")
	b.get(at + "/deliveries?outcome=lost").is(http.StatusBadRequest)
	b.get(call).is(http.StatusOK).has("Webhook-Signature: [redacted]", "msg_1", "12 ms", `{"events":["<script>"]}`, "503", "down", "Make it again")
	b.get(at + "/deliveries/" + "0000000b-0000-7000-8000-00000000000b").is(http.StatusNotFound)
	b.post(call, url.Values{"do": {"nothing"}}).is(http.StatusBadRequest)
	b.after(b.post(call, url.Values{"do": {"replay"}}).leadsTo(at + "#webhook")).has("Done: the call is made again")

	condition := at + "/condition"
	b.after(b.post(condition, url.Values{"do": {"resume"}}).leadsTo(at+"#webhook")).has("Done: ", "works").lacks("Call it again now")
	b.post(condition, url.Values{"do": {"resume"}}).is(http.StatusConflict).has("neither paused nor disabled")
	h.clock.Advance(2 * time.Minute)
	b.post(condition, url.Values{"do": {"settle"}, "reason": {""}}).is(http.StatusBadRequest).has("is required")
	b.after(b.post(condition, url.Values{"do": {"settle"}, "reason": {"dropped by hand"}}).leadsTo(at + "#webhook")).has("Done: ").lacks("1 overdue")
}

// Who asked sees on the petition's page what the webhook has not done, and on the page Grants what is over and not yet taken away.
func TestAPetitionShowsWhatIsNotTakenAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook("roles")
	must(h.service.CreateWebhookPolicy(t.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: "all", Webhook: "roles"}))
	p := h.ask(viewer, approval.NewPetition{})
	decide := func(event string) {
		t.Helper()
		if _, _, err := h.service.Decide(t.Context(), h.actor(reviewer), p.Name, approval.NewClaim{Event: event}, ""); err != nil {
			t.Fatal(err)
		}
	}
	decide(approval.EventApprove)
	h.runs("acme", "apply/")
	b := h.browser(viewer)
	b.get(path(p)).is(http.StatusOK).has("In the real systems", "Not yet applied", "by roles")
	b.get("/grants").is(http.StatusOK).has("Not yet applied", "by roles")
	told := must(h.service.Store.Applications(t.Context(), approval.ApplicationQuery{Space: "acme", Petitions: []string{p.Name}})).Items[0]
	told.State, told.Holds, told.Problem = approval.ApplicationFailed, true, "no such role"
	if err := h.service.Store.Note(t.Context(), "acme", approval.PutApplication{Application: told, Expect: told.Version}); err != nil {
		t.Fatal(err)
	}
	b.get(path(p)).has("Not applied", "no such role", "Tell an Editor")
	b.get("/grants").is(http.StatusOK).has("Not applied", "by roles: no such role")
	decide(approval.EventRevoke)
	h.runs("acme", "apply/")
	b.get(path(p)).is(http.StatusOK).has("Over, not yet taken away", "Not yet taken away", "may still give access")
	b.get("/grants").is(http.StatusOK).has("Over, and not yet taken away", "by roles")
	b.get("/grants?person=nobody@acme.example").lacks("Over, and not yet taken away")
	b.get("/grants?person=" + url.QueryEscape(viewer)).has("Over, and not yet taken away")
}

// runs runs what is due in a lane and has a key that begins so.
func (h *house) runs(lane, key string) {
	h.t.Helper()
	ran := 0
	for _, j := range must(h.service.Store.LeaseJobs(h.t.Context(), lane, h.clock.Now(), time.Minute, 100)) {
		if strings.HasPrefix(j.Key, key) {
			ran++
			if err := h.service.RunJob(h.t.Context(), j); err != nil {
				h.t.Fatal(err)
			}
			if err := h.service.Store.FinishJob(h.t.Context(), j); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if ran == 0 {
		h.t.Fatalf("nothing is due in the lane %s that begins with %s", lane, key)
	}
}
