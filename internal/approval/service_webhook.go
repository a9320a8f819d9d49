package approval

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// NewWebhook is what somebody who makes a webhook says.
type NewWebhook struct {
	Name        string // "": the server makes one
	DisplayName string
	Labels      map[string]string
	URL         string
	Method      string // "": POST
	Headers     map[string]HeaderInput
	Secret      string // "": the server makes one
	DryRun      bool
}

// HeaderInput is a header of a webhook as somebody says it: one of the two.
type HeaderInput struct {
	Value      string
	Credential string
}

// KeptCredential stands for a credential in what is answered; who sends it back leaves the credential as it is.
const KeptCredential = "[kept]"

// WebhookChange is what to change of a webhook; nil leaves a field as it is. Labels and headers are changed as a whole.
type WebhookChange struct {
	DisplayName *string
	Labels      map[string]string
	URL         *string
	Method      *string
	Headers     map[string]HeaderInput
	DryRun      *bool
	// Expect is the UpdateTime that the change was made of, so that it does not undo what somebody else has changed since; zero is whichever.
	// What names the webhook makes another version of it, and changes nothing.
	Expect time.Time
}

// Webhook answers one webhook.
func (s *Service) Webhook(ctx context.Context, a Actor, name string) (Webhook, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "get webhook"); err != nil {
		return Webhook{}, err
	}
	return s.webhook(ctx, a.Space, name)
}

func (s *Service) webhook(ctx context.Context, space, name string) (Webhook, error) {
	if checkName("name", name) != nil {
		return Webhook{}, Errorf(NotFound, "there is no webhook %.100q in %s", name, space)
	}
	return s.Store.Webhook(ctx, space, name)
}

// Webhooks answers all webhooks of the space, by name.
func (s *Service) Webhooks(ctx context.Context, a Actor) ([]Webhook, error) {
	if err := s.Authorize(ctx, a, ReadWebhooks, "list webhooks"); err != nil {
		return nil, err
	}
	return s.Store.Webhooks(ctx, a.Space)
}

// CreateWebhook makes a webhook and answers it with its secret, which is never answered again.
func (s *Service) CreateWebhook(ctx context.Context, a Actor, n NewWebhook) (w Webhook, secret string, err error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "create webhook"); err != nil {
		return Webhook{}, "", err
	}
	now := s.Clock.Now()
	w = Webhook{Space: a.Space, Name: n.Name, DisplayName: n.DisplayName, Labels: n.Labels, URL: n.URL, Method: n.Method, DryRun: n.DryRun,
		CreatedBy: a.madeBy(), CreateTime: now, UpdateTime: now}
	if w.Name == "" {
		w.Name = s.IDs.UUID()
	}
	if w.Method == "" {
		w.Method = WebhookMethods[0]
	}
	// Before anything is sealed: what is refused must not depend on whether the server has a key.
	if err := w.Check(); err != nil {
		return Webhook{}, "", err
	}
	if w.Headers, err = s.sealHeaders(w, n.Headers); err != nil {
		return Webhook{}, "", err
	}
	key, secret, err := s.newKey(w, n.Secret, now)
	if err != nil {
		return Webhook{}, "", err
	}
	w.Keys = []StoredKey{key}
	if err := w.Check(); err != nil {
		return Webhook{}, "", err
	}
	others, err := s.Store.Webhooks(ctx, a.Space)
	if err != nil {
		return Webhook{}, "", err
	}
	if len(others) >= MaxWebhooks {
		return Webhook{}, "", Errorf(Conflict, "the space has %d webhooks, more cannot be: delete one", MaxWebhooks)
	}
	e := s.event(a, now, EventWebhookCreate, "", []Resource{w.resource()}, nil)
	err = s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutWebhook{Webhook: w}}, Events: []Event{e}})
	w.Version = 1
	return w, secret, err
}

// ChangeWebhook changes a webhook. A credential that was given for one place is not sent to another: who changes where the
// address leads gives it again.
func (s *Service) ChangeWebhook(ctx context.Context, a Actor, name string, change WebhookChange) (Webhook, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "change webhook"); err != nil {
		return Webhook{}, err
	}
	return again(func() (Webhook, error) {
		w, err := s.webhook(ctx, a.Space, name)
		if err != nil {
			return Webhook{}, err
		}
		if !change.Expect.IsZero() && change.Expect.UnixMicro() != w.UpdateTime.UnixMicro() {
			return Webhook{}, changedSince("webhook", name)
		}
		before := w
		told := change.apply(&w)
		if err := w.Check(); err != nil {
			return Webhook{}, err
		}
		if change.Headers != nil {
			if w.Headers, err = s.sealHeaders(w, change.Headers); err != nil {
				return Webhook{}, err
			}
			told = append(told, "headers")
		}
		if err := w.Check(); err != nil {
			return Webhook{}, err
		}
		if err := checkMoved(before, w); err != nil {
			return Webhook{}, err
		}
		if err := s.mayMove(ctx, a, before, w); err != nil {
			return Webhook{}, err
		}
		if err := s.mayMovePulls(ctx, a, before, w); err != nil {
			return Webhook{}, err
		}
		w.UpdateTime = s.Clock.Now()
		writes, was, err := s.resumes(ctx, w, w.UpdateTime)
		if err != nil {
			return Webhook{}, err
		}
		if was != "" {
			told = append(told, "it was "+was)
		}
		e := s.event(a, w.UpdateTime, EventWebhookUpdate, strings.Join(told, ", "), []Resource{w.resource()}, nil)
		err = s.commitRead(ctx, Change{Space: a.Space, Writes: append(writes, PutWebhook{Webhook: w, Expect: before.Version}), Events: []Event{e}})
		w.Version = before.Version + 1
		return w, err
	})
}

// changedSince refuses a change that was made of what holds no more.
func changedSince(what, name string) error {
	return Errorf(Conflict, "somebody has changed the %s %s since you read it: read it again, and put your change into that", what, name)
}

// apply changes all but the headers and answers what was named.
func (c WebhookChange) apply(w *Webhook) (told []string) {
	if c.DisplayName != nil {
		w.DisplayName, told = *c.DisplayName, append(told, "displayName")
	}
	if c.Labels != nil {
		w.Labels, told = maps.Clone(c.Labels), append(told, "labels")
	}
	if c.URL != nil {
		w.URL, told = *c.URL, append(told, "url")
	}
	if c.Method != nil {
		w.Method, told = *c.Method, append(told, "method")
	}
	if c.DryRun != nil {
		w.DryRun, told = *c.DryRun, append(told, "dryRun")
	}
	return told
}

// checkMoved refuses to take a stored credential along to another place.
func checkMoved(before, after Webhook) error {
	if origin(before.URL) == origin(after.URL) {
		return nil
	}
	for _, h := range after.Headers {
		if h.Sealed != "" && slices.Contains(before.Headers, h) {
			return FieldError("headers."+h.Name, "is a credential for %s: give it again for %s in the same change, or leave the header out", origin(before.URL), origin(after.URL))
		}
	}
	return nil
}

// DeleteWebhook deletes a webhook with its secrets. One that a policy names is a Conflict.
func (s *Service) DeleteWebhook(ctx context.Context, a Actor, name string) error {
	if err := s.Authorize(ctx, a, WriteWebhooks, "delete webhook"); err != nil {
		return err
	}
	_, err := again(func() (struct{}, error) {
		w, err := s.webhook(ctx, a.Space, name)
		if err != nil {
			return struct{}{}, err
		}
		if err := s.unused(ctx, w); err != nil {
			return struct{}{}, err
		}
		if err := s.unpulled(ctx, w); err != nil {
			return struct{}{}, err
		}
		if err := s.holdsNothing(ctx, w); err != nil {
			return struct{}{}, err
		}
		e := s.event(a, s.Clock.Now(), EventWebhookDelete, "", []Resource{w.resource()}, nil)
		return struct{}{}, s.commitRead(ctx, Change{Space: a.Space, Writes: []Write{DeleteWebhook{Name: name, Expect: w.Version}}, Events: []Event{e}})
	})
	return err
}

// holdsNothing refuses (Conflict) to lose a webhook by which somebody has access: nobody else takes that away.
func (s *Service) holdsNothing(ctx context.Context, w Webhook) error {
	n, err := s.Store.Holding(ctx, w.Space, w.Name)
	if err != nil || n == 0 {
		return err
	}
	return Errorf(Conflict, "webhook %s gives access for %d grants, and nobody else takes it away: revoke them and wait until it has, or take the access away by hand and settle the webhook", w.Name, n)
}
