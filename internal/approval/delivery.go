package approval

import (
	"context"
	"time"
)

// Delivery is one attempt of a call to a webhook, as the log of attempts keeps it.
type Delivery struct {
	Space    string    `json:"-"`
	Name     string    `json:"-"` // UUID
	Webhook  string    `json:"-"`
	Petition string    `json:"-"` // "" for a call that belongs to none
	Time     time.Time `json:"-"`
	// Outcome is what came of it.
	Outcome WebhookOutcome `json:"-"`
	Kind    WebhookKind    `json:"kind"`
	// Command is access/grant or access/revoke of ApplyUpdate, and Application the name of what it applies.
	Command     string `json:"command,omitempty"`
	Application string `json:"application,omitempty"`
	Attempts    int    `json:"attempts,omitzero"` // how many there were of the same call, with this one
	// Code is the google.rpc code that the endpoint answered with.
	Code    int    `json:"code,omitzero"`
	Problem string `json:"problem,omitempty"`
	// Attempt has what was sent and what came back, without secrets and bounded.
	Attempt WebhookAttempt `json:"-"`

	Seq int64 `json:"-"` // its place in the log; the store sets it on reading
}

// How long attempts are kept, and how many of a webhook.
const (
	DeliveriesKept = 30 * 24 * time.Hour
	MostDeliveries = 10_000
)

// DeliveryQuery selects attempts of a space, the newest first: of a webhook, of a petition, or of both.
type DeliveryQuery struct {
	Space    string
	Webhook  string
	Petition string
	Outcome  WebhookOutcome // "": all
	Page     PageRequest    // Ascending is not looked at
}

// WebhookHealth is how the endpoint of a webhook behaves.
type WebhookHealth struct {
	Space   string `json:"-"`
	Webhook string `json:"-"`
	Version int64  `json:"-"`
	// Failures are those in a row, since FailingSince; Problem is the last one's.
	Failures     int       `json:"failures,omitzero"`
	FailingSince time.Time `json:"failingSince,omitzero"`
	Problem      string    `json:"problem,omitempty"`
	// PausedSince is since when it is called only once in a while, at ProbeTime next; zero: it is not.
	PausedSince time.Time `json:"pausedSince,omitzero"`
	ProbeTime   time.Time `json:"probeTime,omitzero"`
	// ProbeBy is which of the calls that wait is made then; "": the one that was made before.
	ProbeBy string `json:"probeBy,omitempty"`
	// DisabledSince is since when it is not called, because it has asked for it (410); zero: it is called.
	DisabledSince time.Time `json:"disabledSince,omitzero"`
	// ResumedTime is when a pause ended last: whatever was tried before is tried at once.
	ResumedTime time.Time `json:"resumedTime,omitzero"`
	// OverdueTold is how often the log has told of what is overdue now.
	OverdueTold int `json:"overdueTold,omitzero"`
}

type (
	// PutDelivery inserts an attempt.
	PutDelivery struct{ Delivery Delivery }
	// PutWebhookHealth inserts the state (Expect 0) or replaces it if its version is Expect; the store writes Expect+1.
	PutWebhookHealth struct {
		Health WebhookHealth
		Expect int64
	}
)

func (PutDelivery) write()      {}
func (PutWebhookHealth) write() {}

// DeliveryStore keeps attempts and states.
type DeliveryStore interface {
	// Delivery answers one attempt with what was sent and answered.
	Delivery(ctx context.Context, space, name string) (Delivery, error)
	// Deliveries answers a page of attempts, without what was sent and answered.
	Deliveries(ctx context.Context, q DeliveryQuery) (Page[Delivery], error)
	// ForgetDeliveries deletes the attempts of a webhook that were made before a time, and all but the newest most.
	ForgetDeliveries(ctx context.Context, space, webhook string, before time.Time, most int) error
	// WebhookHealth answers the state of a webhook, one that says nothing for a webhook of which there is none.
	WebhookHealth(ctx context.Context, space, webhook string) (WebhookHealth, error)
	// WebhookHealths answers the states of a space's webhooks of which there is one, by name.
	WebhookHealths(ctx context.Context, space string) ([]WebhookHealth, error)
}
