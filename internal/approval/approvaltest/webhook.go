package approvaltest

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putWebhook(tx *transaction, w approval.PutWebhook) error {
	k := key{w.Webhook.Space, w.Webhook.Name}
	hook := copied(w.Webhook)
	hook.Version = w.Expect + 1
	return putVersion(tx, s.webhooks, k, hook, s.webhooks[k].Version, w.Expect, "webhook")
}

func (s *Store) deleteWebhook(tx *transaction, space string, w approval.DeleteWebhook) error {
	k := key{space, w.Name}
	if hook, exists := s.webhooks[k]; !exists || hook.Version != w.Expect {
		return approval.Errorf(approval.Conflict, "webhook %s changed in the meantime", w.Name)
	}
	for _, a := range s.applications {
		if a.Space == space && a.Webhook == w.Name && a.Holds && a.State != approval.ApplicationEnded {
			return approval.Errorf(approval.Conflict, "webhook %s holds access", w.Name)
		}
	}
	remove(tx, s.webhooks, k)
	remove(tx, s.webhookHealth, k)
	for at, d := range s.deliveries {
		if at.space == space && d.Webhook == w.Name {
			remove(tx, s.deliveries, at)
		}
	}
	return nil
}

// Webhook implements approval.Store.
func (s *Store) Webhook(ctx context.Context, space, name string) (approval.Webhook, error) {
	return lookUp(s, ctx, s.webhooks, key{space, name}, "Webhook", "webhook", space, name)
}

// Webhooks implements approval.Store.
func (s *Store) Webhooks(ctx context.Context, space string) ([]approval.Webhook, error) {
	return listed(s, ctx, s.webhooks, space, "Webhooks", func(w approval.Webhook) string { return w.Name })
}

// Vault is an approval.Vault that hides nothing from who wants to know, and all from who looks for a text: it is no cipher.
type Vault struct{}

// Seal implements approval.Vault.
func (Vault) Seal(place, text string) (string, error) {
	return "sealed:" + base64.StdEncoding.EncodeToString([]byte(place+"\x00"+text)), nil
}

// Open implements approval.Vault.
func (Vault) Open(place, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sealed, "sealed:"))
	where, text, ok := strings.Cut(string(raw), "\x00")
	if err != nil || !ok || where != place {
		return "", approval.Errorf(approval.Internal, "it was sealed for another place than %s", place)
	}
	return text, nil
}

// Endpoints is an approval.Endpoints that answers what it is told to and remembers what it was asked.
type Endpoints struct {
	Answer func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer // nil: done; calls may come at once

	mu     sync.Mutex
	Calls  []approval.WebhookCall
	Target approval.WebhookTarget // of the last call
}

// Call implements approval.Endpoints.
func (e *Endpoints) Call(_ context.Context, t approval.WebhookTarget, c approval.WebhookCall) (approval.WebhookAnswer, error) {
	e.mu.Lock()
	e.Calls, e.Target = append(e.Calls, c), t
	e.mu.Unlock()
	answer := approval.WebhookAnswer{Outcome: approval.WebhookDone, Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 200}}
	if e.Answer != nil {
		answer = e.Answer(t, c)
	}
	return answer, nil
}

// Pull implements approval.Endpoints: it hands over the resources of the answer.
func (e *Endpoints) Pull(ctx context.Context, t approval.WebhookTarget, c approval.WebhookCall, take func(approval.Resource) error) (approval.WebhookAnswer, error) {
	answer, err := e.Call(ctx, t, c)
	for _, r := range answer.Resources {
		if err == nil {
			err = take(r)
		}
	}
	answer.Resources = nil
	return answer, err
}

// PublicKey implements approval.Endpoints.
func (*Endpoints) PublicKey(k approval.WebhookKey) string {
	return "whpk_" + base64.StdEncoding.EncodeToString(k.Seed)[:8]
}
