package indent

import (
	"context"
	"iter"
	"time"
)

// The states of an application.
const (
	ApplicationPending = "pending" // granted, and not yet applied
	ApplicationApplied = "applied"
	ApplicationKept    = "kept"   // applied, as another petition had told it
	ApplicationFailed  = "failed" // not applied, and not tried again
	ApplicationEnding  = "ending" // over, and access is not yet taken away
	ApplicationEnded   = "ended"
)

// Application is what a webhook was told of one person and one resource of a petition: that access was granted, and that it is over.
type Application struct {
	Webhook     string    `json:"webhook"`
	Person      Resource  `json:"person"`
	Resource    Resource  `json:"resource"`
	State       string    `json:"state"`                // pending, applied, kept, failed, ending or ended
	Attempts    int       `json:"attempts"`             // of the call that is under way
	Problem     string    `json:"problem,omitempty"`    // what is wrong, "" when nothing is
	NextTime    time.Time `json:"nextTime,omitzero"`    // when it is tried next
	EndTime     time.Time `json:"endTime,omitzero"`     // the end of access that the webhook was told
	EndingSince time.Time `json:"endingSince,omitzero"` // since when access should have been taken away
	KeptBy      string    `json:"keptBy,omitempty"`     // the petition that goes on with the access
	DryRun      bool      `json:"dryRun,omitempty"`     // nothing was sent
	ConfirmTime time.Time `json:"confirmTime,omitzero"` // when the webhook said, asked by GetState, that the access is gone
	Drift       string    `json:"drift,omitempty"`      // DriftAccess or DriftNoAccess, where the webhook has said so twice
	DriftSince  time.Time `json:"driftSince,omitzero"`
	UpdateTime  time.Time `json:"updateTime,omitzero"`
}

func (a *Application) check() error {
	if a.Webhook == "" || a.State == "" {
		return malformed("what a webhook was told has no webhook or no state")
	}
	return nil
}

// WebhookCondition is how a webhook stands.
type WebhookCondition struct {
	State         string    `json:"state"`    // working, failing, paused (it is tried once in a while) or disabled (it has answered 410)
	Failures      int       `json:"failures"` // in a row
	FailingSince  time.Time `json:"failingSince,omitzero"`
	PausedSince   time.Time `json:"pausedSince,omitzero"`
	NextTime      time.Time `json:"nextTime,omitzero"` // when one that is paused is tried next
	DisabledSince time.Time `json:"disabledSince,omitzero"`
	Problem       string    `json:"problem,omitempty"`
	Holding       int       `json:"holding"` // grants of a person and a resource that it has applied, or may have, and not yet taken away
	Overdue       int       `json:"overdue"` // of these, those that should have been taken away more than a minute ago
	OverdueSince  time.Time `json:"overdueSince,omitzero"`
	Drifts        int       `json:"drifts"` // of how many it says that access is not as it should be
	Drifted       []Drifted `json:"drifted,omitempty"`
}

// What a webhook says, asked by GetState, of access that is not as it should be.
const (
	DriftAccess   = "access"   // nothing gives it any more, and there is access
	DriftNoAccess = "noAccess" // it is granted, and there is no access
)

// Drifted is a person and a resource of which a webhook has said so.
type Drifted struct {
	Petition string    `json:"petition"` // which gave it last, or gives it
	Person   Resource  `json:"person"`
	Resource Resource  `json:"resource"`
	Drift    string    `json:"drift"`
	Since    time.Time `json:"since"`
}

// Delivery is one attempt of a call to a webhook. Attempts are kept for 30 days, and at most 10,000 of a webhook.
type Delivery struct {
	Name         string          `json:"name"` // UUID
	Webhook      string          `json:"webhook"`
	Petition     string          `json:"petition,omitempty"`
	Time         time.Time       `json:"time"`
	Kind         string          `json:"kind"`              // ApplyUpdate, GetDecision, PullUpdate or GetState
	Command      string          `json:"command,omitempty"` // access/grant or access/revoke, of ApplyUpdate
	Attempts     int             `json:"attempts,omitempty"`
	Outcome      string          `json:"outcome"` // ok, refused, again, gone or notSent
	Code         int             `json:"code"`    // of google.rpc; 0 is OK, and where there was no answer
	Problem      string          `json:"problem,omitempty"`
	Milliseconds int64           `json:"milliseconds,omitempty"` // how long it took
	Attempt      *WebhookAttempt `json:"attempt,omitempty"`      // what was sent and answered; nil in a list
}

func (d *Delivery) check() error {
	if d.Name == "" {
		return malformed("an attempt has no name")
	}
	return nil
}

// DeliveryQuery selects attempts; the zero value selects all of the webhook.
type DeliveryQuery struct {
	Petition string // the name of a petition
	Outcome  string // ok, refused, again, gone or notSent
	PageSize int    // 1 to 200 per call, 0 means 50
}

// Deliveries lists the attempts of calls to a webhook, the newest first, without what was sent and answered. It takes webhooks:read.
func (c *Client) Deliveries(ctx context.Context, webhook string, q DeliveryQuery) iter.Seq2[Delivery, error] {
	path, err := c.webhookPath(webhook)
	if err != nil {
		return func(yield func(Delivery, error) bool) { yield(Delivery{}, err) }
	}
	return listed[Delivery](ctx, c, path+"/deliveries", "deliveries", parameters(map[string]string{"petition": q.Petition, "outcome": q.Outcome, "pageSize": whenPositive(q.PageSize)}))
}

// Delivery answers one attempt with what was sent and answered, without secrets. One that is not there any more is [ErrNotFound].
func (c *Client) Delivery(ctx context.Context, webhook, name string) (Delivery, error) {
	path, err := c.deliveryPath(webhook, name)
	if err != nil {
		return Delivery{}, err
	}
	return answered[Delivery](ctx, c, call{method: "GET", path: path, repeatable: true})
}

// ReplayDelivery has the call of an attempt made again at once, as things stand now, and answers where its person and resource
// stand before the call. A grant that has ended, and an end that another petition has gone on with, are [ErrConflict].
//
//	_, err := client.ReplayDelivery(ctx, "postgres-roles", delivery.Name)
func (c *Client) ReplayDelivery(ctx context.Context, webhook, name string) (Application, error) {
	path, err := c.deliveryPath(webhook, name)
	if err != nil {
		return Application{}, err
	}
	return answered[Application](ctx, c, call{method: "POST", path: path + ":replay"})
}

// ResumeWebhook has a webhook called again that is paused or disabled, at once. One that is neither is [ErrConflict].
func (c *Client) ResumeWebhook(ctx context.Context, name string) (Webhook, error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return Webhook{}, err
	}
	return answered[Webhook](ctx, c, call{method: "POST", path: path + ":resume"})
}

// SettleWebhook says that all access was taken away by hand that the webhook could not take away, and answers of how many grants of
// a person and a resource. The reason, who did so and where, stands in the log.
func (c *Client) SettleWebhook(ctx context.Context, name, reason string) (settled int, err error) {
	path, err := c.webhookPath(name)
	if err != nil {
		return 0, err
	}
	out, err := answered[struct {
		Settled int `json:"settled"`
	}](ctx, c, call{method: "POST", path: path + ":settle", body: map[string]string{"reason": reason}})
	return out.Settled, err
}

func (c *Client) deliveryPath(webhook, name string) (string, error) {
	path, err := c.webhookPath(webhook)
	if err != nil {
		return "", err
	}
	name, err = segment("delivery", name)
	return path + "/deliveries/" + name, err
}
