package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (k kit) putWebhook(t *testing.T, name string) {
	t.Helper()
	k.commit(t, approval.PutWebhook{Webhook: approval.Webhook{Space: k.space, Name: name, URL: "https://hooks.example.com", Method: "POST", CreateTime: Start, UpdateTime: Start}})
}

func (k kit) application(petition, webhook, name string) approval.Application {
	return approval.Application{Space: k.space, Petition: petition, Webhook: webhook, Name: name, Pair: "pair-" + name, State: approval.ApplicationPending,
		Person: approval.Resource{ID: "U1", Kind: approval.KindUser, Email: "ada@acme.example"}, Resource: approval.Resource{ID: "db", Kind: "db", Labels: map[string]string{"a": "b"}},
		CreateTime: Start, UpdateTime: Start}
}

// note writes bookkeeping.
func (k kit) note(t *testing.T, writes ...approval.Write) {
	t.Helper()
	wantCode(t, k.Note(t.Context(), k.space, writes...), "")
}

func (k kit) applications(t *testing.T, q approval.ApplicationQuery, wanted ...approval.Application) {
	t.Helper()
	q.Space = k.space
	page, err := k.Applications(t.Context(), q)
	want(t, page.Items, err, wanted)
	want(t, page.Next, nil, "")
}

func applications(t *testing.T, k kit) {
	k.putWebhook(t, "hook")
	a, b, c := k.application("p", "hook", "1"), k.application("p", "hook", "2"), k.application("q", "gone", "1")
	a.Holds, a.State, a.EndingSince = true, approval.ApplicationEnding, Start.Add(time.Minute)
	a.Told, a.Expires, a.Attempts, a.Since, a.TriedTime, a.NextTime = true, Start.Add(time.Hour), 3, Start, Start.Add(time.Second), Start.Add(time.Minute)
	a.Problem, a.Replays, a.NotSent, a.Unsure, a.KeptBy = `Zoë's "problem"`, 2, true, true, "r"
	a.CheckTime, a.Drift, a.Suspect, a.DriftSince, a.ConfirmTime = Start.Add(time.Hour), approval.DriftLeft, approval.DriftLost, Start, Start.Add(time.Second)
	k.note(t, approval.PutApplication{Application: a}, approval.PutApplication{Application: b})
	k.commit(t, approval.PutApplication{Application: c})
	for _, put := range []*approval.Application{&a, &b, &c} {
		put.Version = 1
	}
	k.applications(t, approval.ApplicationQuery{}, a, b, c)
	k.applications(t, approval.ApplicationQuery{Petitions: []string{"p"}}, a, b)
	k.applications(t, approval.ApplicationQuery{Petitions: []string{"p", "none", a.Petition, c.Petition, "x"}}, a, b, c)
	k.applications(t, approval.ApplicationQuery{Webhook: "hook", Pair: "pair-2", Open: true}, b)
	k.applications(t, approval.ApplicationQuery{Petitions: []string{"none"}})
	var paged []approval.Application
	for q := (approval.ApplicationQuery{Space: k.space, Page: approval.PageRequest{Size: 1}}); ; {
		page, err := k.Applications(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		paged = append(paged, page.Items...)
		if q.Page.Token = page.Next; page.Next == "" {
			break
		}
	}
	want(t, paged, nil, []approval.Application{a, b, c})

	b.State = approval.ApplicationEnded
	oneWins(t, together(16, func(int) error {
		return k.Note(t.Context(), k.space, approval.PutApplication{Application: b, Expect: 1})
	}))
	b.Version = 2
	k.applications(t, approval.ApplicationQuery{Petitions: []string{"p"}, Open: true}, a)
	k.refuse(t, approval.Conflict, approval.PutApplication{Application: b, Expect: 1})
	k.refuse(t, approval.Conflict, approval.PutApplication{Application: b})
	foreign := b
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutApplication{Application: foreign, Expect: 2})
	wantCode(t, k.Note(t.Context(), k.space, approval.PutApplication{Application: foreign, Expect: 2}), approval.Internal)
	wantCode(t, k.Note(t.Context(), k.space, approval.DeleteWebhook{Name: "hook"}), approval.Internal)
	// All of a note or nothing.
	d := k.application("r", "hook", "1")
	wantCode(t, k.Note(t.Context(), k.space, approval.PutApplication{Application: d}, approval.PutApplication{Application: a}), approval.Conflict)
	k.applications(t, approval.ApplicationQuery{Petitions: []string{"r"}})
	k.note(t, approval.PutApplication{Application: d}, approval.WakeJob{Job: k.inLane("call", "lane", Start)})
	got, err := k.Overdue(t.Context(), k.space, "hook", Start.Add(time.Hour))
	want(t, got, err, approval.Overdue{Count: 1, Since: Start.Add(time.Minute)})
	got, err = k.Overdue(t.Context(), k.space, "hook", Start.Add(time.Minute))
	want(t, got, err, approval.Overdue{})
	if all, err := k.Overdue(t.Context(), "", "", Start.Add(time.Hour)); err != nil || all.Count < 1 || all.Since.After(got.Since.Add(time.Hour)) && all.Since.IsZero() {
		t.Errorf("of all spaces %+v is overdue, %v", all, err)
	}
}

// A webhook that holds access is not deleted, and none that was deleted comes to hold any, whoever is first.
func heldWebhooksStay(t *testing.T, k kit) {
	ctx := t.Context()
	k.putWebhook(t, "hook")
	a := k.application("p", "hook", "1")
	k.note(t, approval.PutApplication{Application: a})
	a.Holds = true
	k.note(t, approval.PutApplication{Application: a, Expect: 1})
	n, err := k.Holding(ctx, k.space, "hook")
	want(t, n, err, 1)
	other := k.application("p", "other", "1")
	other.State, other.EndingSince = approval.ApplicationEnding, Start
	k.note(t, approval.PutApplication{Application: other})
	held, err := k.HeldByEach(ctx, k.space, Start.Add(time.Second))
	want(t, held, err, map[string]approval.Held{"hook": {Holding: 1}, "other": {Overdue: approval.Overdue{Count: 1, Since: Start}}})
	held, err = k.HeldByEach(ctx, k.space, Start)
	want(t, held, err, map[string]approval.Held{"hook": {Holding: 1}, "other": {}})
	k.refuse(t, approval.Conflict, approval.DeleteWebhook{Name: "hook", Expect: 1})
	k.refuse(t, approval.Conflict, approval.DeleteWebhook{Name: "none", Expect: 1})
	a.State = approval.ApplicationEnded
	k.note(t, approval.PutApplication{Application: a, Expect: 2})
	n, err = k.Holding(ctx, k.space, "hook")
	want(t, n, err, 0)
	held, err = k.HeldByEach(ctx, k.space, Start)
	want(t, held, err, map[string]approval.Held{"other": {}})
	k.note(t, approval.PutDelivery{Delivery: approval.Delivery{Space: k.space, Name: "d1", Webhook: "hook", Time: Start, Outcome: approval.WebhookDone}},
		approval.PutWebhookHealth{Health: approval.WebhookHealth{Space: k.space, Webhook: "hook", Failures: 1}})
	k.commit(t, approval.DeleteWebhook{Name: "hook", Expect: 1})
	_, err = k.Delivery(ctx, k.space, "d1")
	wantCode(t, err, approval.NotFound)
	health, err := k.WebhookHealth(ctx, k.space, "hook")
	want(t, health, err, approval.WebhookHealth{Space: k.space, Webhook: "hook"})
	a.State = approval.ApplicationPending
	wantCode(t, k.Note(ctx, k.space, approval.PutApplication{Application: a, Expect: 3}), approval.Conflict)

	for i := range 20 {
		name := fmt.Sprint("race", i)
		k.putWebhook(t, name)
		b := k.application(name, name, "1")
		k.note(t, approval.PutApplication{Application: b})
		b.Holds = true
		oneWins(t, together(2, func(who int) error {
			if who == 0 {
				return k.Commit(ctx, k.change(approval.DeleteWebhook{Name: name, Expect: 1}))
			}
			return k.Note(ctx, k.space, approval.PutApplication{Application: b, Expect: 1})
		}))
	}
}

func deliveries(t *testing.T, k kit) {
	ctx := t.Context()
	put := func(n int, webhook, petition string, outcome approval.WebhookOutcome) approval.Delivery {
		d := approval.Delivery{Space: k.space, Name: fmt.Sprint("d", n), Webhook: webhook, Petition: petition, Time: Start.Add(time.Duration(n) * time.Second), Outcome: outcome,
			Kind: approval.WebhookApply, Command: approval.EventGrant, Application: "a", Attempts: n, Code: 7, Problem: `Zoë's "problem"`,
			Attempt: approval.WebhookAttempt{ID: "msg", Kind: approval.WebhookApply, Time: Start, Took: time.Second, Method: "POST", URL: "https://hooks.example.com",
				Headers: map[string]string{"A": "b"}, Body: `{"a": "<b>"}`, Status: 200, AnswerHeaders: map[string]string{"C": "d"}, Answer: "x"}}
		k.note(t, approval.PutDelivery{Delivery: d})
		return d
	}
	first := put(1, "hook", "p", approval.WebhookDone)
	put(2, "hook", "q", approval.WebhookAgain)
	put(3, "other", "p", approval.WebhookAgain)
	put(4, "hook", "p", approval.WebhookAgain)
	got, err := k.Delivery(ctx, k.space, "d1")
	first.Seq = got.Seq
	want(t, got, err, first)
	_, err = k.Delivery(ctx, "elsewhere", "d1")
	wantCode(t, err, approval.NotFound)
	k.refuse(t, approval.Conflict, approval.PutDelivery{Delivery: first})
	for _, c := range []struct {
		query approval.DeliveryQuery
		want  string
	}{
		{approval.DeliveryQuery{Webhook: "hook"}, "[d4 d2 d1]"}, {approval.DeliveryQuery{Petition: "p"}, "[d4 d3 d1]"},
		{approval.DeliveryQuery{Webhook: "hook", Petition: "p"}, "[d4 d1]"}, {approval.DeliveryQuery{Webhook: "hook", Outcome: approval.WebhookAgain}, "[d4 d2]"},
		{approval.DeliveryQuery{Webhook: "none"}, "[]"},
	} {
		c.query.Space, c.query.Page.Size = k.space, 1
		names := []string{}
		for {
			page, err := k.Deliveries(ctx, c.query)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range page.Items {
				want(t, d.Attempt, nil, approval.WebhookAttempt{})
				names = append(names, d.Name)
			}
			if c.query.Page.Token = page.Next; page.Next == "" {
				break
			}
		}
		want(t, fmt.Sprint(names), nil, c.want)
	}
	left := func(before time.Time, most int, wanted string) {
		t.Helper()
		wantCode(t, k.ForgetDeliveries(ctx, k.space, "hook", before, most), "")
		page, err := k.Deliveries(ctx, approval.DeliveryQuery{Space: k.space, Webhook: "hook"})
		names := []string{}
		for _, d := range page.Items {
			names = append(names, d.Name)
		}
		want(t, fmt.Sprint(names), err, wanted)
	}
	left(Start, 3, "[d4 d2 d1]")
	left(Start.Add(2*time.Second), 10, "[d4 d2]")
	left(Start, 1, "[d4]")
	page, err := k.Deliveries(ctx, approval.DeliveryQuery{Space: k.space, Webhook: "other"})
	want(t, len(page.Items), err, 1)
}

func webhookHealth(t *testing.T, k kit) {
	ctx := t.Context()
	h := approval.WebhookHealth{Space: k.space, Webhook: "hook"}
	got, err := k.WebhookHealth(ctx, k.space, "hook")
	want(t, got, err, h)
	h.Failures, h.FailingSince, h.Problem, h.PausedSince, h.ProbeTime = 3, Start, "problem", Start.Add(time.Second), Start.Add(time.Minute)
	h.DisabledSince, h.ResumedTime, h.OverdueTold = Start, Start.Add(time.Hour), 2
	k.note(t, approval.PutWebhookHealth{Health: h})
	h.Version = 1
	got, err = k.WebhookHealth(ctx, k.space, "hook")
	want(t, got, err, h)
	k.refuse(t, approval.Conflict, approval.PutWebhookHealth{Health: h})
	oneWins(t, together(8, func(int) error { return k.Note(ctx, k.space, approval.PutWebhookHealth{Health: h, Expect: 1}) }))
	other := approval.WebhookHealth{Space: k.space, Webhook: "a"}
	k.commit(t, approval.PutWebhookHealth{Health: other})
	h.Version, other.Version = 2, 1
	all, err := k.WebhookHealths(ctx, k.space)
	want(t, all, err, []approval.WebhookHealth{other, h})
}

// What is asked about next comes first, and what is not as it should be is found.
func checksOfApplications(t *testing.T, k kit) {
	k.putWebhook(t, "hook")
	var puts []approval.Application
	for i := range 4 {
		a := k.application("p", "hook", fmt.Sprint(i))
		if i > 0 {
			a.CheckTime = Start.Add(time.Duration(10-i) * time.Minute)
		}
		if i%2 == 1 {
			a.Drift = approval.DriftLeft
		}
		k.note(t, approval.PutApplication{Application: a})
		a.Version = 1
		puts = append(puts, a)
	}
	checks := func(most int, wanted ...approval.Application) {
		t.Helper()
		got, err := k.Checks(t.Context(), k.space, "hook", most)
		want(t, got, err, wanted)
	}
	drifts := func(most, count int, wanted ...approval.Application) {
		t.Helper()
		got, n, err := k.Drifts(t.Context(), k.space, "hook", most)
		want(t, got, err, wanted)
		want(t, n, nil, count)
		each, err := k.DriftsByEach(t.Context(), k.space)
		want(t, each, err, map[string]int{"hook": count})
	}
	checks(10, puts[3], puts[2], puts[1])
	checks(2, puts[3], puts[2])
	drifts(10, 2, puts[1], puts[3])
	drifts(1, 2, puts[1])
	all, n, err := k.Drifts(t.Context(), "", "", 10)
	if len(all) != 0 || n < 2 || err != nil {
		t.Errorf("of all spaces there are %d, %v, %v", n, all, err)
	}
	puts[3].CheckTime, puts[3].Drift = time.Time{}, ""
	k.note(t, approval.PutApplication{Application: puts[3], Expect: 1})
	checks(10, puts[2], puts[1])
	drifts(10, 1, puts[1])
}
