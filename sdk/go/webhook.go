package indent

import (
	"context"
	"iter"
	"time"
)

// Webhook is an endpoint of the customer that the server calls to grant and revoke access, to list resources, or to decide.
type Webhook struct {
	Name        string            `json:"name"`
	SpaceName   string            `json:"spaceName,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	URL         string            `json:"url"`
	Method      string            `json:"method,omitempty"` // POST, PUT or PATCH
	// Headers go with every call.
	Headers map[string]WebhookHeader `json:"headers,omitempty"`
	// Secret signs the calls. It is there in the answers of [Client.CreateWebhook] and [Client.RotateWebhookSecret] only.
	Secret string `json:"secret,omitempty"`
	DryRun bool   `json:"dryRun"` // no call is sent
	// PublicKeys verify the signatures v1a: the newest first, two while a secret is being rotated.
	PublicKeys      []string  `json:"publicKeys,omitempty"`
	RotationEndTime time.Time `json:"rotationEndTime,omitzero"` // until then the secret before signs, too
	Meta            Meta      `json:"meta,omitzero"`
	CreatedBy       Resource  `json:"createdBy,omitzero"`
	// Condition is how the endpoint behaves: in the answers of [Client.Webhook] and [Client.Webhooks] only.
	Condition *WebhookCondition `json:"condition,omitempty"`
}

// WebhookHeader is a text, or a credential: that is stored encrypted and answered as "[kept]", which leaves it as it is when it
// is sent back.
type WebhookHeader struct {
	Value      string `json:"value,omitempty"`
	Credential string `json:"credential,omitempty"`
}

func (w *Webhook) check() error {
	if w.Name == "" {
		return malformed("a webhook has no name")
	}
	return nil
}

// NewWebhook is a webhook to be made.
type NewWebhook struct {
	Name        string                   `json:"name,omitempty"` // default: the server makes one
	DisplayName string                   `json:"displayName,omitempty"`
	Labels      map[string]string        `json:"labels,omitempty"`
	URL         string                   `json:"url"`              // an https address
	Method      string                   `json:"method,omitempty"` // default POST
	Headers     map[string]WebhookHeader `json:"headers,omitempty"`
	Secret      string                   `json:"secret,omitempty"` // default: the server makes one
	DryRun      bool                     `json:"dryRun,omitempty"`
}

// WebhookChange is what to change of a webhook; nil leaves a field as it is. Labels and headers are changed as a whole.
type WebhookChange struct {
	DisplayName *string                  `json:"displayName,omitzero"`
	Labels      map[string]string        `json:"labels,omitzero"`
	URL         *string                  `json:"url,omitzero"`
	Method      *string                  `json:"method,omitzero"`
	Headers     map[string]WebhookHeader `json:"headers,omitzero"`
	DryRun      *bool                    `json:"dryRun,omitzero"`
}

// WebhookTrial is one call of a test, and what it says about the endpoint.
type WebhookTrial struct {
	Title       string         `json:"title"`
	Works       bool           `json:"works"` // the endpoint answers as it must, be it with a refusal
	Explanation string         `json:"explanation"`
	Outcome     string         `json:"outcome"` // ok, refused, again, gone or notSent
	Code        int            `json:"code"`    // of google.rpc; 0 is OK
	Attempt     WebhookAttempt `json:"attempt"`
}

// WebhookAttempt is the record of one call, without its secrets.
type WebhookAttempt struct {
	ID            string            `json:"id"`
	Time          time.Time         `json:"time"`
	Milliseconds  int64             `json:"milliseconds"`
	Method        string            `json:"method"`
	URL           string            `json:"url"`
	Headers       map[string]string `json:"headers"`
	Body          string            `json:"body"`
	Status        int               `json:"status"` // 0: there was no answer
	AnswerHeaders map[string]string `json:"answerHeaders,omitempty"`
	Answer        string            `json:"answer"`
}

// Webhooks lists the space's webhooks by name, without their secrets.
func (c *Client) Webhooks(ctx context.Context) iter.Seq2[Webhook, error] {
	return listed[Webhook](ctx, c, c.inSpace("/webhooks"), "webhooks", nil)
}

// Webhook answers one webhook without its secret; an unknown one is [ErrNotFound].
func (c *Client) Webhook(ctx context.Context, name string) (Webhook, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return Webhook{}, err
	}
	return answered[Webhook](ctx, c, call{method: "GET", path: path, repeatable: true})
}

// CreateWebhook makes a webhook and answers it with its Secret, which nobody can read again. A name that exists is [ErrConflict].
func (c *Client) CreateWebhook(ctx context.Context, n NewWebhook) (Webhook, error) {
	body := struct {
		Webhook NewWebhook `json:"webhook"`
	}{n}
	return answered[Webhook](ctx, c, call{method: "POST", path: c.inSpace("/webhooks"), body: body})
}

// UpdateWebhook changes a webhook. A credential does not move to another host: it is given again in the same change, or
// [ErrInvalid].
func (c *Client) UpdateWebhook(ctx context.Context, name string, change WebhookChange) (Webhook, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return Webhook{}, err
	}
	body := struct {
		Webhook WebhookChange `json:"webhook"`
	}{change}
	return answered[Webhook](ctx, c, call{method: "PATCH", path: path, body: body})
}

// DeleteWebhook deletes a webhook with its secrets.
func (c *Client) DeleteWebhook(ctx context.Context, name string) error {
	path, err := c.webhookPath(name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: path})
}

// RotateWebhookSecret gives a webhook another Secret and answers it, once. For the grace, whole seconds up to 30 days, the one
// before signs, too.
func (c *Client) RotateWebhookSecret(ctx context.Context, name string, grace time.Duration) (Webhook, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return Webhook{}, err
	}
	body := map[string]int64{"graceSeconds": int64(grace / time.Second)}
	return answered[Webhook](ctx, c, call{method: "POST", path: path + ":rotateSecret", body: body})
}

// FinishWebhookRotation ends the older of two secrets before its time; without one it is [ErrConflict].
func (c *Client) FinishWebhookRotation(ctx context.Context, name string) (Webhook, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return Webhook{}, err
	}
	return answered[Webhook](ctx, c, call{method: "POST", path: path + ":rotateSecret", body: map[string]bool{"finish": true}})
}

// TestWebhook has the server send each call to a webhook and explains what came back. It takes up to 40 seconds.
func (c *Client) TestWebhook(ctx context.Context, name string) ([]WebhookTrial, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return nil, err
	}
	out, err := answered[struct {
		Trials []WebhookTrial `json:"trials"`
	}](ctx, c, call{method: "POST", path: path + ":test", patience: 45 * time.Second})
	return out.Trials, err
}

func (c *Client) webhookPath(name string) (string, error) {
	name, err := segment("webhook", name)
	return c.inSpace("/webhooks/" + name), err
}
