package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// webhook is an endpoint of the customer on the wire.
type webhook struct {
	Name            string                   `json:"name" example:"postgres-roles"`
	SpaceName       string                   `json:"spaceName"`
	DisplayName     string                   `json:"displayName"`
	Labels          map[string]string        `json:"labels"`
	URL             string                   `json:"url" example:"https://hooks.example.com/indent"`
	Method          string                   `json:"method" enum:"POST,PUT,PATCH"`
	Headers         map[string]webhookHeader `json:"headers" doc:"What goes with every call."`
	Secret          string                   `json:"secret,omitempty" doc:"What signs the calls: only in the answer to its making and to a rotation, and never again."`
	DryRun          bool                     `json:"dryRun" doc:"No call is sent; what would be is written down."`
	PublicKeys      []string                 `json:"publicKeys" doc:"What verifies the signatures v1a of Standard Webhooks: the newest first, two during a rotation."`
	RotationEndTime time.Time                `json:"rotationEndTime,omitzero" doc:"Until then the secret before signs, too."`
	Meta            approval.Meta            `json:"meta"`
	CreatedBy       approval.Resource        `json:"createdBy"`
	Condition       *webhookCondition        `json:"condition,omitempty" doc:"How its endpoint behaves, and what it holds; only in the answers of get and list."`
}

// webhookHeader is one of the two.
type webhookHeader struct {
	Value      string `json:"value,omitempty" maxLength:"4000"`
	Credential string `json:"credential,omitempty" maxLength:"4000" doc:"It is stored encrypted and answered as [kept]; who sends that back leaves it as it is."`
}

func (a *API) webhookOf(w approval.Webhook, secret string) *webhook {
	out := &webhook{Name: w.Name, SpaceName: w.Space, DisplayName: w.DisplayName, Labels: w.Labels, URL: w.URL, Method: w.Method, Headers: map[string]webhookHeader{}, Secret: secret,
		DryRun: w.DryRun, CreatedBy: w.CreatedBy,
		Meta: approval.Meta{Name: w.Name, Space: w.Space, DisplayName: w.DisplayName, Labels: w.Labels, CreateTime: w.CreateTime, UpdateTime: w.UpdateTime}}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	for _, h := range w.Headers {
		out.Headers[h.Name] = webhookHeader{Value: h.Value}
		if h.Sealed != "" {
			out.Headers[h.Name] = webhookHeader{Credential: approval.KeptCredential}
		}
	}
	keys := w.Keys[:1]
	if w.Rotating(a.Service.Clock.Now()) {
		keys, out.RotationEndTime = w.Keys, w.OldUntil
	}
	for _, k := range keys {
		out.PublicKeys = append(out.PublicKeys, k.PublicKey)
	}
	return out
}

type webhookList struct {
	Webhooks []webhook `json:"webhooks"`
	NextPage
}

func (a *API) listWebhooks(ctx context.Context, actor approval.Actor, in wholeIn) (*webhookList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Webhooks(ctx, actor)
	if err != nil {
		return nil, err
	}
	conditions, err := a.Service.WebhookConditions(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &webhookList{Webhooks: []webhook{}}
	for _, w := range found {
		wire := a.webhookOf(w, "")
		for i := range conditions {
			if conditions[i].Webhook == w.Name {
				wire.Condition = conditionOf(&conditions[i])
			}
		}
		out.Webhooks = append(out.Webhooks, *wire)
	}
	return out, nil
}

type webhookIn struct {
	Name string `path:"name" doc:"The webhook's name."`
}

func (a *API) getWebhook(ctx context.Context, actor approval.Actor, in webhookIn) (*webhook, error) {
	w, err := a.Service.Webhook(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	c, err := a.Service.WebhookCondition(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	out := a.webhookOf(w, "")
	out.Condition = conditionOf(&c)
	return out, nil
}

type createWebhookIn struct{ Body createWebhookBody }

type createWebhookBody struct {
	Webhook webhookInput `json:"webhook"`
}

type webhookInput struct {
	Name        string                   `json:"name,omitempty" maxLength:"128" doc:"1 to 128 letters, digits, '.', '_', '@' or '-'; the server makes one where it is left out." example:"postgres-roles"`
	DisplayName string                   `json:"displayName,omitempty" maxLength:"500"`
	Labels      map[string]string        `json:"labels,omitempty"`
	URL         string                   `json:"url" maxLength:"2000" doc:"An https address."`
	Method      string                   `json:"method,omitempty" enum:"POST,PUT,PATCH" doc:"POST by default."`
	Headers     map[string]webhookHeader `json:"headers,omitempty" doc:"At most 20. Those that say who a call is from are the server's."`
	Secret      string                   `json:"secret,omitempty" maxLength:"500" doc:"One that the endpoint has already: whsec_ and base64, or 16 and more other characters. The server makes one where it is left out."`
	DryRun      bool                     `json:"dryRun,omitempty"`

	SpaceName       ignored `json:"spaceName,omitzero"`
	PublicKeys      ignored `json:"publicKeys,omitzero"`
	RotationEndTime ignored `json:"rotationEndTime,omitzero"`
	Meta            ignored `json:"meta,omitzero"`
	CreatedBy       ignored `json:"createdBy,omitzero"`
	Condition       ignored `json:"condition,omitzero"`
}

func (a *API) createWebhook(ctx context.Context, actor approval.Actor, in createWebhookIn) (*webhook, error) {
	n := in.Body.Webhook
	w, secret, err := a.Service.CreateWebhook(ctx, actor, approval.NewWebhook{Name: n.Name, DisplayName: n.DisplayName, Labels: n.Labels, URL: n.URL, Method: n.Method,
		Headers: headerInputs(n.Headers), Secret: n.Secret, DryRun: n.DryRun})
	if err != nil {
		return nil, below(err, "webhook")
	}
	return a.webhookOf(w, secret), nil
}

func headerInputs(said map[string]webhookHeader) map[string]approval.HeaderInput {
	if said == nil {
		return nil
	}
	out := map[string]approval.HeaderInput{}
	for name, h := range said {
		out[name] = approval.HeaderInput(h)
	}
	return out
}

type updateWebhookIn struct {
	webhookIn
	Body updateWebhookBody
}

type updateWebhookBody struct {
	Webhook webhookChange `json:"webhook"`
}

type webhookChange struct {
	DisplayName *string                  `json:"displayName,omitzero" maxLength:"500"`
	Labels      map[string]string        `json:"labels,omitzero" doc:"The whole of them."`
	URL         *string                  `json:"url,omitzero" maxLength:"2000" doc:"Credentials do not move to another host: they are given again in the same change."`
	Method      *string                  `json:"method,omitzero" enum:"POST,PUT,PATCH"`
	Headers     map[string]webhookHeader `json:"headers,omitzero" doc:"The whole of them."`
	DryRun      *bool                    `json:"dryRun,omitzero"`

	Name            ignored `json:"name,omitzero"`
	SpaceName       ignored `json:"spaceName,omitzero"`
	PublicKeys      ignored `json:"publicKeys,omitzero"`
	RotationEndTime ignored `json:"rotationEndTime,omitzero"`
	Meta            ignored `json:"meta,omitzero"`
	CreatedBy       ignored `json:"createdBy,omitzero"`
	Condition       ignored `json:"condition,omitzero"`
}

func (a *API) updateWebhook(ctx context.Context, actor approval.Actor, in updateWebhookIn) (*webhook, error) {
	c := in.Body.Webhook
	w, err := a.Service.ChangeWebhook(ctx, actor, in.Name, approval.WebhookChange{DisplayName: c.DisplayName, Labels: c.Labels, URL: c.URL, Method: c.Method,
		Headers: headerInputs(c.Headers), DryRun: c.DryRun})
	if err != nil {
		return nil, below(err, "webhook")
	}
	return a.webhookOf(w, ""), nil
}

func (a *API) deleteWebhook(ctx context.Context, actor approval.Actor, in webhookIn) (empty, error) {
	return empty{}, a.Service.DeleteWebhook(ctx, actor, in.Name)
}

type rotateWebhookIn struct {
	webhookIn
	Body rotateWebhookBody
}

type rotateWebhookBody struct {
	GraceSeconds *int64 `json:"graceSeconds,omitzero" minimum:"0" maximum:"2592000" doc:"For how long the secret before signs, too: a day by default; 0 ends it now."`
	Finish       bool   `json:"finish,omitempty" doc:"Make no secret, and end the older of two now."`
}

func (a *API) rotateWebhook(ctx context.Context, actor approval.Actor, in rotateWebhookIn) (*webhook, error) {
	if in.Body.Finish {
		if in.Body.GraceSeconds != nil {
			return nil, approval.FieldError("graceSeconds", "is of a new secret, which finish does not make: leave one of the two out")
		}
		w, err := a.Service.EndWebhookRotation(ctx, actor, in.Name)
		if err != nil {
			return nil, err
		}
		return a.webhookOf(w, ""), nil
	}
	grace := approval.DefaultRotation
	if in.Body.GraceSeconds != nil {
		grace = time.Duration(*in.Body.GraceSeconds) * time.Second
	}
	w, secret, err := a.Service.RotateWebhook(ctx, actor, in.Name, grace)
	if err != nil {
		return nil, err
	}
	return a.webhookOf(w, secret), nil
}

// webhookTrial is one call of a test.
type webhookTrial struct {
	Title       string             `json:"title" example:"ApplyUpdate (access/grant)"`
	Works       bool               `json:"works" doc:"The endpoint answers as it must, be it with a refusal."`
	Explanation string             `json:"explanation"`
	Outcome     string             `json:"outcome" enum:"ok,refused,again,gone,notSent"`
	Code        int                `json:"code" doc:"Of google.rpc; 0 is OK."`
	Attempt     webhookAttemptView `json:"attempt"`
}

// webhookAttemptView is the record of a call, without its secrets.
type webhookAttemptView struct {
	ID            string            `json:"id" doc:"The webhook-id."`
	Time          time.Time         `json:"time"`
	Milliseconds  int64             `json:"milliseconds" doc:"How long it took."`
	Method        string            `json:"method"`
	URL           string            `json:"url" doc:"Without the values of its query."`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body"`
	Status        int               `json:"status" doc:"0 when there was no answer."`
	AnswerHeaders map[string]string `json:"answerHeaders,omitempty"`
	Answer        string            `json:"answer"`
}

type testWebhookOut struct {
	Trials []webhookTrial `json:"trials"`
}

func (a *API) testWebhook(ctx context.Context, actor approval.Actor, in webhookIn) (*testWebhookOut, error) {
	trials, err := a.Service.TryWebhook(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	out := &testWebhookOut{Trials: []webhookTrial{}}
	for _, t := range trials {
		out.Trials = append(out.Trials, webhookTrial{Title: t.Title, Works: t.Works, Explanation: t.Explain, Outcome: string(t.Answer.Outcome), Code: t.Answer.Code, Attempt: attemptOf(&t.Answer.Attempt)})
	}
	return out, nil
}
