package approval

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// WebhookTrial is one call of a test, and what it says about the endpoint.
type WebhookTrial struct {
	Title   string // what was called, for people
	Answer  WebhookAnswer
	Works   bool   // the endpoint answers as it must, be it with a refusal
	Explain string // what it means, and what to do about it
}

// tryWithin bounds each call of a test, so that all of them fit into one answer.
const tryWithin = 6500 * time.Millisecond

// The test asks for access of somebody who does not exist to something that does not: no endpoint has them.
const (
	triedUser   = "indent-test@indent.invalid"
	triedTarget = "indent-test"
	triedKind   = "indent/test"
)

// TryWebhook sends each call to the endpoint of a webhook and explains what came back. What it grants and revokes, of somebody
// who does not exist, leaves nothing behind at an endpoint that does as it is told. A webhook is tested once at a time, and few are
// on a node and of a space (TooMany): each test holds calls and a request for as long as the endpoint likes.
func (s *Service) TryWebhook(ctx context.Context, a Actor, name string) ([]WebhookTrial, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "test webhook"); err != nil {
		return nil, err
	}
	w, err := s.webhook(ctx, a.Space, name)
	if err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	t, err := s.target(w, now)
	if err != nil {
		return nil, err
	}
	leave, err := s.enterTest(w)
	if err != nil {
		return nil, err
	}
	defer leave()
	// Written before the first call: what is sent outside is in the log also when the answer gets lost.
	e := s.event(a, now, EventWebhookTest, "", []Resource{w.resource()}, nil)
	if err := s.commit(ctx, Change{Space: a.Space, Events: []Event{e}}); err != nil {
		return nil, err
	}
	return TryEndpoint(ctx, s.Endpoints, s.Clock, s.IDs, t)
}

// enterTest takes the places of a test until leave.
func (s *Service) enterTest(w Webhook) (leave func(), err error) {
	first, err := s.tested.enter(w.Space + "/" + w.Name)
	if err != nil {
		return nil, err
	}
	second, err := s.testing.enter(w.Space)
	if err != nil {
		first()
		return nil, err
	}
	return func() { first(); second() }, nil
}

// TryEndpoint is the test itself, which takes short answers only. After a call that reached nobody it does not go on.
func TryEndpoint(ctx context.Context, endpoints Endpoints, clock Clock, ids IDs, t WebhookTarget) (trials []WebhookTrial, err error) {
	for _, c := range triedCalls(clock.Now(), ids) {
		within, cancel := context.WithTimeout(ctx, tryWithin)
		answer, err := endpoints.Call(within, t, c.WebhookCall)
		cancel()
		if err != nil {
			return nil, err
		}
		trial := WebhookTrial{Title: c.title, Answer: answer}
		trial.Works, trial.Explain = explainTrial(c.Kind, answer)
		trials = append(trials, trial)
		if answer.Outcome == WebhookAgain && answer.Attempt.Status == 0 || answer.Outcome == WebhookGone {
			break
		}
	}
	return trials, nil
}

type triedCall struct {
	WebhookCall
	title string
}

func triedCalls(now time.Time, ids IDs) []triedCall {
	user, target := Resource{ID: triedUser, Kind: KindUser, Email: triedUser, DisplayName: "Nobody (a test)"}, Resource{ID: triedTarget, Kind: triedKind, DisplayName: "Nothing (a test)"}
	petition := ids.UUID()
	event := func(name string, actor Resource, labels map[string]string) Event {
		labels[LabelPetition] = petition
		return Event{Event: name, ID: ids.UUID(), Timestamp: now, Actor: actor, Reason: "a test of the webhook", Resources: []Resource{user, target}, Meta: Meta{Labels: labels, CreateTime: now}}
	}
	asked := event(EventRequest, user, map[string]string{})
	grant := event(EventGrant, System("", "test").Resource(), map[string]string{LabelTimeExpires: now.Add(time.Minute).UTC().Format(time.RFC3339), LabelTimeDuration: time.Minute.String()})
	revoke := event(EventRevoke, System("", "test").Resource(), map[string]string{})
	id := func() string { return "msg_" + ids.UUID() }
	return []triedCall{
		{WebhookCall{ID: id(), Kind: WebhookInfo}, "GetInfo"},
		{WebhookCall{ID: id(), Kind: WebhookPull, Kinds: []string{triedKind}}, "PullUpdate"},
		{WebhookCall{ID: id(), Kind: WebhookDecide, Events: []Event{asked}}, "GetDecision"},
		{WebhookCall{ID: id(), Kind: WebhookApply, Events: []Event{asked, grant}}, "ApplyUpdate (access/grant)"},
		{WebhookCall{ID: id(), Kind: WebhookApply, Events: []Event{asked, grant, revoke}}, "ApplyUpdate (access/revoke)"},
		{WebhookCall{ID: id(), Kind: WebhookState, State: []Resource{user, target}}, "GetState"},
	}
}

// unimplemented is the code of google.rpc for a call that an endpoint does not know.
const (
	rpcNotFound        = 5
	rpcUnimplemented   = 12
	rpcUnauthenticated = 16
)

// explainTrial says what an answer to a call of the test means.
func explainTrial(kind WebhookKind, a WebhookAnswer) (works bool, text string) {
	switch {
	case a.Outcome == WebhookNotSent:
		return true, "Not sent: the webhook is in a dry run. Set dryRun to false to send calls."
	case a.Outcome == WebhookRefused && a.Code == rpcUnimplemented, a.Problem == NoAccessSaid:
		return true, "The endpoint does not know this call. That is fine where it need not: " + purposeOf(kind) + "."
	case a.Outcome == WebhookRefused && a.Code == rpcUnauthenticated:
		return false, "The endpoint does not take the signature. Give it the webhook's secret, and check that its clock is right and that it verifies the body as it came."
	case a.Outcome == WebhookRefused && a.Code == rpcNotFound && (kind == WebhookApply || kind == WebhookState):
		return true, "The endpoint says that it knows no such user or resource, which is right: they do not exist."
	case a.Outcome == WebhookRefused:
		return true, "It answers, and refuses what does not exist: " + strings.TrimPrefix(a.Problem, "the endpoint refuses: ") + ". Is that meant?"
	case a.Outcome != WebhookDone:
		return false, sentenceOf(a.Problem)
	}
	switch kind {
	case WebhookPull:
		return true, fmt.Sprintf("It works: %d resources of the kind %s.", len(a.Resources), triedKind)
	case WebhookDecide:
		if len(a.Claims) == 0 {
			return true, "It works: the endpoint leaves the decision to people."
		}
		return true, fmt.Sprintf("It works, and the endpoint decides (%s) even a petition of nobody for nothing: is that meant?", a.Claims[0].Event)
	case WebhookApply:
		return true, "It works: the endpoint says that it is done, even for somebody who does not exist."
	case WebhookState:
		if a.Access {
			return false, "It says that somebody who does not exist has access to what does not: is that read from the real system?"
		}
		return true, "It works: the endpoint says that there is no access, which is right."
	}
	if a.Details != "" {
		return true, "It works: the endpoint says " + printable(a.Details, MaxReason/4) + "."
	}
	return true, "It works. The endpoint does not say what it can do."
}

func purposeOf(kind WebhookKind) string {
	switch kind {
	case WebhookPull:
		return "it lists resources"
	case WebhookDecide:
		return "it decides petitions"
	case WebhookApply:
		return "it grants and revokes access"
	case WebhookState:
		return "it says who really has access"
	}
	return "it names what the endpoint can do"
}

// sentenceOf makes a sentence of a problem.
func sentenceOf(problem string) string {
	if problem == "" {
		return "It does not work."
	}
	return strings.ToUpper(problem[:1]) + problem[1:] + "."
}
