package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

const (
	decideLane = "acme/roles/decide"
	// shortLease is just long enough for a call to begin: what a node that died had taken comes again before the deadline.
	shortLease = 31 * time.Second
)

// jury is a house in which a webhook decides as bob's bot.
type jury struct {
	*house
	other *approval.Service
}

func newJury(t testing.TB, change ...func(*approval.NewWebhookPolicy)) *jury {
	t.Helper()
	h := newHouse(t)
	h.hook(aHook())
	h.webhookPolicy(append([]func(*approval.NewWebhookPolicy){deciding(bobsBot), under(approval.PolicyBase{})}, change...)...)
	return &jury{h, h.another()}
}

func within(d time.Duration) func(*approval.NewWebhookPolicy) {
	return func(n *approval.NewWebhookPolicy) { n.DecideWithin = d }
}

// says answers a call with claims.
func says(c approval.WebhookCall, claims ...approval.Event) approval.WebhookAnswer {
	return approval.WebhookAnswer{Outcome: approval.WebhookDone, Claims: claims, Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 200}}
}

func fails(c approval.WebhookCall) approval.WebhookAnswer {
	return approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "the endpoint answers 503", Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 503}}
}

func (j *jury) answers(f func(approval.WebhookCall) approval.WebhookAnswer) {
	j.endpoints.Answer = func(_ approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer { return f(c) }
}

// run takes the jobs that are due, as a node does, and answers how many there were.
func (j *jury) run(s *approval.Service, lease time.Duration) int {
	j.t.Helper()
	ctx := j.t.Context()
	jobs := must(j.store.LeaseJobs(ctx, decideLane, j.clock.Now(), lease, 100))
	for _, job := range jobs {
		j.endedOrAway(job, s.RunJob(ctx, job))
	}
	return len(jobs)
}

// rest runs what is due, and lets time pass to what is next, until nothing is left.
func (j *jury) rest() {
	j.t.Helper()
	for range 100 {
		j.run(j.Service, time.Minute)
		lanes := must(j.store.Lanes(j.t.Context()))
		i := slices.IndexFunc(lanes, func(l approval.Lane) bool { return l.Name == decideLane })
		if i < 0 {
			return
		}
		if lanes[i].Due.After(j.clock.Now()) {
			j.clock.Set(lanes[i].Due)
		}
	}
	j.t.Fatal("there is no end of asking")
}

// undecided answers why webhooks have not decided the petition.
func (j *jury) undecided(p approval.Petition) (why []string) {
	j.t.Helper()
	for _, e := range j.history(p) {
		if e.Event == approval.EventWebhookUndecided {
			why = append(why, e.Reason)
			same(j.t, "whose event it is", e.Label(approval.LabelWebhook), "roles")
		}
	}
	return why
}

func TestAWebhookDecides(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]approval.Phase{approve: approval.Granted, deny: approval.Closed} {
		j := newJury(t)
		j.answers(func(c approval.WebhookCall) approval.WebhookAnswer {
			return says(c, approval.Event{Event: event, Reason: "on call", Meta: approval.Meta{Labels: map[string]string{approval.LabelTimeDuration: "20m0s"}}})
		})
		p := j.ask(vic)
		same(t, "before it is asked", p.Phase, approval.Open)
		same(t, "jobs", j.run(j.Service, time.Minute), 1)
		same(t, "jobs afterwards", j.run(j.Service, time.Minute), 0)
		got := j.now(p)
		same(t, event, got.Phase, want)
		same(t, "claims", len(got.Claims), 1)
		made := got.Claims[0]
		if made.Actor.ID != bobsBot || made.Reason != "on call" || made.Label(approval.LabelPerson) != bob || made.Label(approval.LabelWebhook) != "roles" || made.Label(approval.LabelDigest) != p.Digest {
			t.Errorf("the claim is %+v", made)
		}
		if event == approve {
			same(t, "how long", got.Grant.EndTime.Sub(j.clock.Now()), 20*time.Minute)
		}
		sameList(t, "why not", j.undecided(p))
		same(t, "calls", len(j.endpoints.Calls), 1)
		call := j.endpoints.Calls[0]
		if call.Kind != approval.WebhookDecide || call.ID != made.ExternalID || len(call.Events) != 1 || call.Events[0].Event != approval.EventRequest || call.Events[0].Resources[0].ID != vic {
			t.Errorf("the call is %+v", call)
		}
		log := must(j.Deliveries(t.Context(), j.actor(bob), approval.DeliveryQuery{Petition: p.Name})).Items
		same(t, "attempts", len(log), 1)
		if d := log[0]; d.Kind != approval.WebhookDecide || d.Webhook != "roles" || d.Outcome != approval.WebhookDone || d.Attempts != 1 {
			t.Errorf("the attempt is %+v", d)
		}
		if _, err := j.ReplayDelivery(t.Context(), j.actor(bob), "roles", log[0].Name); approval.CodeOf(err) != approval.Conflict {
			t.Errorf("a decision is asked for again: %v", err)
		}
	}
}

// What never asks a webhook: no policy for it, a policy for other calls or things, and what nobody has to decide.
func TestWhatNoWebhookIsAskedToDecide(t *testing.T) {
	t.Parallel()
	for name, set := range map[string]func(j *jury){
		"no policy": func(j *jury) { must(0, j.DeleteWebhookPolicy(j.t.Context(), j.actor(bob), "prod")) },
		"a policy for other calls": func(j *jury) {
			must(j.ChangeWebhookPolicy(j.t.Context(), j.actor(bob), "prod", approval.WebhookPolicyChange{Calls: []approval.WebhookKind{approval.WebhookApply}}))
		},
		"a policy about part of it": func(j *jury) {
			base := approval.PolicyBase{Selector: approval.LabelSelector{MatchLabels: map[string]string{"indent.com/resource/kind": "db"}}}
			must(j.ChangeWebhookPolicy(j.t.Context(), j.actor(bob), "prod", approval.WebhookPolicyChange{Base: &base}))
		},
		"a rule that approves": func(j *jury) { j.rule.verdict = verdict(approval.VerdictApprove) },
		"a rule that denies":   func(j *jury) { j.rule.verdict = verdict(approval.VerdictDeny) },
	} {
		j := newJury(t)
		set(j)
		p := j.ask(vic, func(n *approval.NewPetition) {
			n.Resources = append(n.Resources, approval.Resource{Kind: "db", ID: "orders"})
		})
		j.rest()
		if len(j.endpoints.Calls) > 0 || len(j.undecided(p)) > 0 || slices.ContainsFunc(j.now(p).Claims, func(c approval.Event) bool { return c.Actor.ID == bobsBot }) {
			t.Errorf("%s: %d calls, %v", name, len(j.endpoints.Calls), j.log(p))
		}
	}
	j := newJury(t)
	j.applied(olga, demanding, 1)
	j.proposed("v3", 2)
	j.rest()
	same(t, "calls about a change of the policy", len(j.endpoints.Calls), 0)
}

// Whatever goes wrong, people decide: the log says why, once, and what the endpoint said does not count.
//
//archtest:table one case for each way
func TestAWebhookThatDoesNotDecideLeavesItToPeople(t *testing.T) {
	t.Parallel()
	yes := func(labels map[string]string, resources ...approval.Resource) func(*jury, approval.WebhookCall) approval.WebhookAnswer {
		return func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer {
			return says(c, approval.Event{Event: approve, Meta: approval.Meta{Labels: labels}, Resources: resources})
		}
	}
	outcome := func(o approval.WebhookOutcome, problem string) func(*jury, approval.WebhookCall) approval.WebhookAnswer {
		return func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer {
			a := says(c)
			a.Outcome, a.Problem = o, problem
			return a
		}
	}
	meanwhile := func(do func(*jury, string)) func(*jury, approval.WebhookCall) approval.WebhookAnswer {
		return func(j *jury, c approval.WebhookCall) approval.WebhookAnswer {
			do(j, c.Events[0].Petition())
			return says(c, approval.Event{Event: approve})
		}
	}
	suspend := func(id string) func(*jury, string) {
		return func(j *jury, _ string) {
			m := must(j.store.Member(j.t.Context(), "acme", id))
			m.Suspended = true
			j.put(m)
		}
	}
	bot := func(change func(*approval.Member)) func(*jury, string) {
		return func(j *jury, _ string) {
			m := must(j.store.Member(j.t.Context(), "acme", bobsBot))
			change(&m)
			j.put(m)
		}
	}
	decides := func(event string) func(*jury, string) {
		return func(j *jury, p string) { j.decide(eve, approval.Petition{Name: p}, claim(event)) }
	}
	health := func(h approval.WebhookHealth) func(*jury, string) {
		return func(j *jury, _ string) {
			h.Space, h.Webhook = "acme", "roles"
			j.write(approval.PutWebhookHealth{Health: h})
		}
	}
	since := approvaltest.Epoch.Add(-time.Hour)
	for name, c := range map[string]struct {
		asker  string
		before func(j *jury, petition string)
		answer func(*jury, approval.WebhookCall) approval.WebhookAnswer
		calls  int
		why    string
	}{
		"its owner asks":      {asker: bob, why: "bobs-bot may not decide it: whoever asks does not decide"},
		"it asks itself":      {asker: bobsBot, why: "whoever asks does not decide"},
		"no reviewer":         {before: bot(func(m *approval.Member) { m.Role = approval.PetitionAdmin }), why: `bobs-bot may not decide it: rule "two eyes" asks for`},
		"suspended":           {before: suspend(bobsBot), why: "bobs-bot is suspended"},
		"its owner suspended": {before: suspend(bob), why: "stands for nobody"},
		"another's account":   {before: bot(func(m *approval.Member) { m.Person = eve }), why: "the service account bobs-bot that webhook policy prod names is gone"},
		"no account any more": {before: func(j *jury, _ string) { j.write(approval.DeleteMember{ID: bobsBot}) }, why: "is gone: change or delete that policy"},
		"approved before":     {before: decides(approve), why: "before it was asked, the petition was already approved by eve@acme.example"},
		"denied before":       {before: decides(deny), why: "before it was asked, the petition was already denied by eve@acme.example"},
		"too late to ask":     {before: func(j *jury, _ string) { j.clock.Advance(10 * time.Second) }, why: "it could not be asked within 10s"},
		"disabled":            {before: health(approval.WebhookHealth{DisabledSince: since}), why: "the webhook is disabled"},
		"paused":              {before: health(approval.WebhookHealth{PausedSince: since, ProbeTime: since.Add(2 * time.Hour), Problem: "it failed"}), why: "the webhook is paused: it failed"},
		"no claim":            {answer: func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer { return says(c) }, calls: 1, why: "it leaves the decision to people"},
		"too late an answer":  {answer: meanwhile(func(j *jury, _ string) { j.clock.Advance(10 * time.Second) }), calls: 1, why: "it answered later than 10s after the request"},
		"contradicting": {answer: func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer {
			return says(c, approval.Event{Event: approve}, approval.Event{Event: deny})
		}, calls: 1, why: "contradict one another"},
		"about another petition":  {answer: yes(map[string]string{approval.LabelPetition: "another"}), calls: 1, why: "its claim is about another petition, another"},
		"about another digest":    {answer: yes(map[string]string{approval.LabelDigest: "sha256:other"}), calls: 1, why: "the claim was made for sha256:other but"},
		"about another thing":     {answer: yes(nil, approval.Resource{Kind: "db", ID: "orders"}), calls: 1, why: "claim.resources[0] is not what petition"},
		"for longer than allowed": {answer: yes(map[string]string{approval.LabelTimeDuration: "0s"}), calls: 1, why: "its claim does not count"},
		"a revoke": {answer: func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer {
			return says(c, approval.Event{Event: revoke})
		}, calls: 1, why: "its claim does not count"},
		"denied meanwhile":            {answer: meanwhile(decides(deny)), calls: 1, why: "was already denied by eve@acme.example"},
		"approved meanwhile":          {answer: meanwhile(decides(approve)), calls: 1, why: "was already approved by eve@acme.example"},
		"suspended meanwhile":         {answer: meanwhile(suspend(bobsBot)), calls: 1, why: "bobs-bot is suspended"},
		"its owner suspended by then": {answer: meanwhile(suspend(bob)), calls: 1, why: "stands for nobody"},
		"no reviewer by then":         {answer: meanwhile(bot(func(m *approval.Member) { m.Role = approval.PetitionAdmin })), calls: 1, why: `may not approve petition`},
		"no policy by then": {answer: meanwhile(func(j *jury, _ string) { must(0, j.DeleteWebhookPolicy(j.t.Context(), j.actor(bob), "prod")) }), calls: 1,
			why: "no webhook policy has it decide any more as bobs-bot"},
		"refused": {answer: outcome(approval.WebhookRefused, "the endpoint refuses: UNIMPLEMENTED (12)"), calls: 1, why: "UNIMPLEMENTED"},
		"gone":    {answer: outcome(approval.WebhookGone, "it is gone (410)"), calls: 1, why: "it is gone (410)"},
		"dry run": {answer: outcome(approval.WebhookNotSent, "the webhook is in a dry run: nothing was sent"), calls: 1, why: "dry run"},
		"asks to come back too late": {answer: func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer {
			a := fails(c)
			a.RetryAfter = time.Minute
			return a
		}, calls: 1, why: "it has not decided within 10s: the endpoint answers 503"},
		"failing": {answer: func(_ *jury, c approval.WebhookCall) approval.WebhookAnswer { return fails(c) }, calls: 4, why: "it has not decided within 10s: the endpoint answers 503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJury(t)
			if c.answer == nil {
				c.answer = yes(nil)
			}
			j.answers(func(call approval.WebhookCall) approval.WebhookAnswer { return c.answer(j, call) })
			p := j.ask(map[bool]string{true: vic, false: c.asker}[c.asker == ""])
			if c.before != nil {
				c.before(j, p.Name)
			}
			j.rest()
			why := j.undecided(p)
			if len(why) != 1 || !strings.Contains(why[0], c.why) {
				t.Errorf("the log says %q", why)
			}
			same(t, "calls", len(j.endpoints.Calls), c.calls)
			for _, made := range j.now(p).Claims {
				if made.Actor.ID == bobsBot {
					t.Errorf("it decided: %+v", made)
				}
			}
			for _, call := range j.endpoints.Calls {
				same(t, "the call is one and the same", call.ID, j.endpoints.Calls[0].ID)
			}
			if name == "gone" && must(j.WebhookCondition(t.Context(), j.actor(bob), "roles")).State() != "disabled" {
				t.Error("a webhook that is gone is called again")
			}
		})
	}
}

// A condition of which nobody can tell whether it holds asks nobody.
func TestADecisionOfWhichNobodyCanTellIsForPeople(t *testing.T) {
	t.Parallel()
	j := newJury(t, under(approval.PolicyBase{Conditions: []string{"odd"}}))
	p := j.ask(vic)
	j.rest()
	same(t, "calls", len(j.endpoints.Calls), 0)
	if why := j.undecided(p); len(why) != 1 || !strings.Contains(why[0], "webhook policy prod") {
		t.Errorf("the log says %q", why)
	}
}

func TestAWebhookThatFailsFirstDecidesWhileThereIsTime(t *testing.T) {
	t.Parallel()
	j := newJury(t)
	j.answers(func(c approval.WebhookCall) approval.WebhookAnswer {
		if len(j.endpoints.Calls) < 3 {
			return fails(c)
		}
		return says(c, approval.Event{Event: approve})
	})
	p := j.ask(vic)
	j.rest()
	same(t, "phase", j.now(p).Phase, approval.Granted)
	same(t, "how long it took", j.clock.Now().Sub(p.CreateTime), 3*time.Second)
	var log []string
	for _, d := range must(j.Deliveries(t.Context(), j.actor(bob), approval.DeliveryQuery{Webhook: "roles"})).Items {
		log = append(log, fmt.Sprint(d.Kind, " ", d.Outcome, " ", d.Attempts))
	}
	sameList(t, "attempts", log, "GetDecision ok 3", "GetDecision again 2", "GetDecision again 1")
	same(t, "how it stands", must(j.WebhookCondition(t.Context(), j.actor(bob), "roles")).State(), "working")
}

// A paused webhook that only decides is tried once in a while, too.
func TestADecisionTriesAWebhookThatIsPaused(t *testing.T) {
	t.Parallel()
	j := newJury(t)
	j.write(approval.PutWebhookHealth{Health: approval.WebhookHealth{Space: "acme", Webhook: "roles", Failures: 30, PausedSince: j.clock.Now(), ProbeTime: j.clock.Now()}})
	j.answers(func(c approval.WebhookCall) approval.WebhookAnswer { return says(c, approval.Event{Event: approve}) })
	p := j.ask(vic)
	j.rest()
	same(t, "phase", j.now(p).Phase, approval.Granted)
	same(t, "how it stands", must(j.WebhookCondition(t.Context(), j.actor(bob), "roles")).State(), "working")
}

// Two webhooks, one petition: each decides for its own account, and neither waits for the other.
func TestTwoWebhooksDecide(t *testing.T) {
	t.Parallel()
	j := newJury(t)
	j.rule.verdict = review(2)
	j.put(approval.Member{ID: "eves-bot", Kind: approval.KindServiceAccount, Role: approval.Editor, Person: eve})
	j.hook(approval.NewWebhook{Name: "other", URL: "https://other.example.com"})
	second := aPolicy(deciding("eves-bot"), under(approval.PolicyBase{}))
	second.Name, second.Webhook = "other", "other"
	must(j.CreateWebhookPolicy(t.Context(), j.actor(eve), second))
	j.answers(func(c approval.WebhookCall) approval.WebhookAnswer { return says(c, approval.Event{Event: approve}) })
	p := j.ask(vic)
	j.rest()
	same(t, "after the first", j.now(p).Phase, approval.Open)
	for _, job := range must(j.store.LeaseJobs(t.Context(), "acme/other/decide", j.clock.Now(), time.Minute, 10)) {
		must(0, j.RunJob(t.Context(), job))
	}
	same(t, "after both", j.now(p).Phase, approval.Granted)
	same(t, "claims", len(j.now(p).Claims), 2)
}

// The node dies at each of its writes, before it arrives or after, and another goes on; the endpoint says something else each time.
// There is one claim at most, and the log says in one way what came of it.
func TestADecisionThatIsInterruptedIsMadeOnce(t *testing.T) {
	t.Parallel()
	down := approval.Errorf(approval.Unavailable, "the node is dead")
	var claimed, told int
	for _, says1 := range []string{approve, deny, ""} {
		for at := 1; at <= 8; at++ {
			j := newJury(t, within(time.Minute))
			writes, dead := 0, false
			write := func() error {
				if writes++; writes == at || dead {
					dead = true
					return down
				}
				return nil
			}
			j.answers(func(c approval.WebhookCall) approval.WebhookAnswer {
				if event := []string{says1, deny, approve}[(len(j.endpoints.Calls)-1)%3]; event != "" {
					return says(c, approval.Event{Event: event})
				}
				return says(c)
			})
			p := j.ask(vic)
			j.store.BeforeNote = func([]approval.Write) error { return write() }
			j.store.BeforeCommit = func(approval.Change) error { return write() }
			j.store.AfterCommit = func(approval.Change) error { return write() }
			j.run(j.Service, shortLease)
			j.store.BeforeNote, j.store.BeforeCommit, j.store.AfterCommit = nil, nil, nil
			j.clock.Advance(shortLease)
			j.run(j.other, shortLease)
			j.rest()
			claims, why := j.now(p).Claims, j.undecided(p)
			if len(claims)+len(why) != 1 {
				t.Errorf("dead at write %d after %q: %d claims, the log %v", at, says1, len(claims), j.log(p))
			}
			claimed, told = claimed+len(claims), told+len(why)
		}
	}
	if claimed < 10 || told < 3 {
		t.Errorf("%d claims, and %d times it was left to people", claimed, told)
	}
}

// A node that was taken for dead while it waits for the answer writes nothing any more, whatever that is.
func TestTwoNodesMakeOneClaim(t *testing.T) {
	t.Parallel()
	for _, first := range []string{approve, deny, ""} {
		for _, second := range []string{approve, deny, ""} {
			j := newJury(t, within(time.Minute))
			say := func(c approval.WebhookCall, event string) approval.WebhookAnswer {
				if event == "" {
					return says(c)
				}
				return says(c, approval.Event{Event: event})
			}
			j.answers(func(c approval.WebhookCall) approval.WebhookAnswer {
				if len(j.endpoints.Calls) > 1 {
					return say(c, second)
				}
				j.clock.Advance(shortLease)
				same(t, "jobs of the other node", j.run(j.other, shortLease), 1)
				return say(c, first)
			})
			p := j.ask(vic)
			j.run(j.Service, shortLease)
			j.rest()
			same(t, "calls", len(j.endpoints.Calls), 2)
			claims, why := j.now(p).Claims, j.undecided(p)
			if len(claims)+len(why) != 1 || len(claims) == 1 && claims[0].Event != second {
				t.Errorf("%q, and before it %q: claims %+v, the log says %q", first, second, claims, why)
			}
		}
	}
}
