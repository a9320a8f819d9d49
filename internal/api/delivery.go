package api

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// application is what a webhook was told of one pair of a petition, on the wire.
type application struct {
	Webhook     string            `json:"webhook" doc:"The name of the webhook." example:"postgres-roles"`
	Person      approval.Resource `json:"person"`
	Resource    approval.Resource `json:"resource"`
	State       string            `json:"state" enum:"pending,applied,kept,failed,ending,ended" doc:"pending: granted, and not yet applied; applied; kept: applied, as another petition had told it; failed: not applied, and not tried again; ending: over, and access is not yet taken away; ended."`
	Attempts    int               `json:"attempts" doc:"How often the call that is under way was made."`
	Problem     string            `json:"problem,omitempty" doc:"What is wrong."`
	NextTime    time.Time         `json:"nextTime,omitzero" doc:"When it is tried next."`
	EndTime     time.Time         `json:"endTime,omitzero" doc:"The end of access that the webhook was told."`
	EndingSince time.Time         `json:"endingSince,omitzero" doc:"Since when access should have been taken away."`
	KeptBy      string            `json:"keptBy,omitempty" doc:"The petition that goes on with this access."`
	DryRun      bool              `json:"dryRun,omitempty" doc:"The webhook was in a dry run: nothing was sent."`
	ConfirmTime time.Time         `json:"confirmTime,omitzero" doc:"When the webhook said, asked by GetState, that the access is gone."`
	Drift       string            `json:"drift,omitempty" enum:"access,noAccess" doc:"What the webhook has said twice: access: nothing gives it any more, and there is access; noAccess: it is granted, and there is none."`
	DriftSince  time.Time         `json:"driftSince,omitzero"`
	UpdateTime  time.Time         `json:"updateTime"`
}

func applicationOf(t *approval.Application) application {
	out := application{Webhook: t.Webhook, Person: t.Person, Resource: t.Resource, State: string(t.State), Attempts: t.Attempts, Problem: t.Problem, NextTime: t.NextTime,
		EndTime: t.Expires, EndingSince: t.EndingSince, KeptBy: t.KeptBy, DryRun: t.NotSent, ConfirmTime: t.ConfirmTime, Drift: string(t.Drift), UpdateTime: t.UpdateTime}
	if t.Drift != "" {
		out.DriftSince = t.DriftSince
	}
	return out
}

// listJSON answers a list that few petitions have as its member is written, nil for none.
func listJSON[T any](list []T) []byte {
	if len(list) == 0 {
		return nil
	}
	text, err := json.Marshal(list, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		panic("api: a part of a petition cannot be written: " + err.Error()) // the type has nothing that could not
	}
	return text
}

// withApplications adds what webhooks were told to a petition that webhooks may apply; for others nothing is read. It is not inlined:
// it must not lie on the stack of who is parked.
//
//go:noinline
func (a *API) withApplications(ctx context.Context, actor approval.Actor, p *approval.Petition, out *petition) error {
	if p.Grant == nil || !p.Grant.Webhooks {
		return nil
	}
	list, err := a.Service.Applications(ctx, actor, p.Name)
	if err != nil {
		return err
	}
	for i := range list {
		out.State.Status.Webhooks = append(out.State.Status.Webhooks, applicationOf(&list[i]))
	}
	return nil
}

// webhookCondition is how a webhook stands.
type webhookCondition struct {
	State         string    `json:"state" enum:"working,failing,paused,disabled" doc:"paused: it fails, and is tried once in a while; disabled: its endpoint has answered 410, and is not called."`
	Failures      int       `json:"failures" doc:"In a row."`
	FailingSince  time.Time `json:"failingSince,omitzero"`
	PausedSince   time.Time `json:"pausedSince,omitzero"`
	NextTime      time.Time `json:"nextTime,omitzero" doc:"When one that is paused is tried next."`
	DisabledSince time.Time `json:"disabledSince,omitzero"`
	Problem       string    `json:"problem,omitempty" doc:"What went wrong last."`
	Holding       int       `json:"holding" doc:"How many grants of a person and a resource it has applied, or may have, and not yet taken away."`
	Overdue       int       `json:"overdue" doc:"How many of these should have been taken away more than a minute ago."`
	OverdueSince  time.Time `json:"overdueSince,omitzero" doc:"Of the oldest of these."`
	Drifts        int       `json:"drifts" doc:"Of how many persons and resources it says that access is not as it should be."`
	Drifted       []drifted `json:"drifted,omitempty" doc:"The first 20 of these, of a webhook that is read by itself."`
}

// drifted is one person and resource of which a webhook says that access is not as it should be.
type drifted struct {
	Petition string            `json:"petition" doc:"The petition that gave it last, or gives it."`
	Person   approval.Resource `json:"person"`
	Resource approval.Resource `json:"resource"`
	Drift    string            `json:"drift" enum:"access,noAccess"`
	Since    time.Time         `json:"since"`
}

func driftedOf(list []approval.Application) (out []drifted) {
	for i := range list {
		a := &list[i]
		out = append(out, drifted{Petition: a.Petition, Person: a.Person, Resource: a.Resource, Drift: string(a.Drift), Since: a.DriftSince})
	}
	return out
}

func conditionOf(c *approval.WebhookCondition) *webhookCondition {
	return &webhookCondition{State: c.State(), Failures: c.Failures, FailingSince: c.FailingSince, PausedSince: c.PausedSince, NextTime: c.ProbeTime, DisabledSince: c.DisabledSince,
		Problem: c.Problem, Holding: c.Holding, Overdue: c.Overdue.Count, OverdueSince: c.Overdue.Since, Drifts: c.Drifts, Drifted: driftedOf(c.Drifted)}
}

// delivery is one attempt of a call on the wire.
type delivery struct {
	Name         string              `json:"name" format:"uuid"`
	Webhook      string              `json:"webhook" example:"postgres-roles"`
	Petition     string              `json:"petition,omitempty" doc:"The petition that it was about; absent where it was about none."`
	Time         time.Time           `json:"time"`
	Kind         string              `json:"kind" example:"ApplyUpdate" doc:"Which call it was."`
	Command      string              `json:"command,omitempty" enum:"access/grant,access/revoke" doc:"Of ApplyUpdate."`
	Attempts     int                 `json:"attempts,omitzero" doc:"How many there were of the same call, with this one."`
	Outcome      string              `json:"outcome" enum:"ok,refused,again,gone,notSent" doc:"again: it is, or was, tried again; gone: 410; notSent: a dry run."`
	Code         int                 `json:"code" doc:"Of google.rpc; 0 is OK, and where there was no answer."`
	Problem      string              `json:"problem,omitempty"`
	Milliseconds int64               `json:"milliseconds,omitzero" doc:"How long it took; only where one is asked for."`
	Attempt      *webhookAttemptView `json:"attempt,omitempty" doc:"What was sent and answered, without secrets and cut to 16 KiB each; only where one is asked for."`
}

func deliveryOf(d *approval.Delivery) delivery {
	return delivery{Name: d.Name, Webhook: d.Webhook, Petition: d.Petition, Time: d.Time, Kind: string(d.Kind), Command: d.Command, Attempts: d.Attempts, Outcome: string(d.Outcome),
		Code: d.Code, Problem: d.Problem}
}

func attemptOf(at *approval.WebhookAttempt) webhookAttemptView {
	return webhookAttemptView{ID: at.ID, Time: at.Time, Milliseconds: at.Took.Milliseconds(), Method: at.Method, URL: at.URL, Headers: at.Headers, Body: at.Body,
		Status: at.Status, AnswerHeaders: at.AnswerHeaders, Answer: at.Answer}
}

type listDeliveriesIn struct {
	webhookIn
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"200" doc:"How many at most; the default is 50."`
	PageToken string `query:"pageToken" maxLength:"3000" doc:"nextPageToken of the answer before; the other parameters must be the same."`
	Petition  string `query:"petition" maxLength:"128" doc:"Only those of this petition."`
	Outcome   string `query:"outcome" enum:"ok,refused,again,gone,notSent" doc:"Only those of which this came."`
}

type deliveryList struct {
	Deliveries []delivery `json:"deliveries"`
	NextPage
}

func (a *API) listDeliveries(ctx context.Context, actor approval.Actor, in listDeliveriesIn) (*deliveryList, error) {
	page, err := a.Service.Deliveries(ctx, actor, approval.DeliveryQuery{Webhook: in.Name, Petition: in.Petition, Outcome: approval.WebhookOutcome(in.Outcome),
		Page: approval.PageRequest{Size: in.PageSize, Token: in.PageToken}})
	if err != nil {
		return nil, err
	}
	out := &deliveryList{Deliveries: []delivery{}, NextPage: NextPage{page.Next}}
	for i := range page.Items {
		out.Deliveries = append(out.Deliveries, deliveryOf(&page.Items[i]))
	}
	return out, nil
}

type deliveryIn struct {
	webhookIn
	Delivery string `path:"delivery" doc:"The name of the attempt, a UUID."`
}

func (a *API) getDelivery(ctx context.Context, actor approval.Actor, in deliveryIn) (*delivery, error) {
	d, err := a.Service.Delivery(ctx, actor, in.Name, in.Delivery)
	if err != nil {
		return nil, err
	}
	out, attempt := deliveryOf(&d), attemptOf(&d.Attempt)
	out.Milliseconds, out.Attempt = attempt.Milliseconds, &attempt
	return &out, nil
}

func (a *API) replayDelivery(ctx context.Context, actor approval.Actor, in deliveryIn) (*application, error) {
	t, err := a.Service.ReplayDelivery(ctx, actor, in.Name, in.Delivery)
	if err != nil {
		return nil, err
	}
	out := applicationOf(&t)
	return &out, nil
}

func (a *API) resumeWebhook(ctx context.Context, actor approval.Actor, in webhookIn) (*webhook, error) {
	w, err := a.Service.ResumeWebhook(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	return a.webhookOf(w, ""), nil
}

type settleWebhookIn struct {
	webhookIn
	Body settleWebhookBody
}

type settleWebhookBody struct {
	Reason string `json:"reason" maxLength:"4000" doc:"Who has taken the access away, and where: it stands in the log."`
}

type settleWebhookOut struct {
	Settled int `json:"settled" doc:"How many grants of a person and a resource count as taken away by it."`
}

func (a *API) settleWebhook(ctx context.Context, actor approval.Actor, in settleWebhookIn) (*settleWebhookOut, error) {
	n, err := a.Service.SettleWebhook(ctx, actor, in.Name, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	return &settleWebhookOut{Settled: n}, nil
}
