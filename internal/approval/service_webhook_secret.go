package approval

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// RotateWebhook gives a webhook another secret and answers it, once. For the grace both sign, so that the endpoint can change over
// without missing a call: 0 ends the old one now. While two sign, a further one takes the place of the newer: an endpoint knows
// the older for sure.
func (s *Service) RotateWebhook(ctx context.Context, a Actor, name string, grace time.Duration) (w Webhook, secret string, err error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "rotate webhook secret"); err != nil {
		return Webhook{}, "", err
	}
	if grace < 0 || grace > MaxRotation {
		return Webhook{}, "", FieldError("graceSeconds", "must be from 0 to %d", int64(MaxRotation/time.Second))
	}
	w, err = again(func() (Webhook, error) {
		w, err := s.webhook(ctx, a.Space, name)
		if err != nil {
			return Webhook{}, err
		}
		now := s.Clock.Now()
		old := w.Keys[0]
		if w.Rotating(now) {
			old = w.Keys[1]
		}
		var key StoredKey
		if key, secret, err = s.newKey(w, "", now); err != nil {
			return Webhook{}, err
		}
		w.Keys, w.OldUntil = []StoredKey{key}, time.Time{}
		if grace > 0 {
			w.Keys, w.OldUntil = append(w.Keys, old), now.Add(grace)
		}
		return s.putKeys(ctx, a, w, now, "both sign for "+Span(grace))
	})
	return w, secret, err
}

// EndWebhookRotation ends the older of two secrets before its time.
func (s *Service) EndWebhookRotation(ctx context.Context, a Actor, name string) (Webhook, error) {
	if err := s.Authorize(ctx, a, WriteWebhooks, "end webhook rotation"); err != nil {
		return Webhook{}, err
	}
	return again(func() (Webhook, error) {
		w, err := s.webhook(ctx, a.Space, name)
		if err != nil {
			return Webhook{}, err
		}
		now := s.Clock.Now()
		if !w.Rotating(now) {
			return Webhook{}, Errorf(Conflict, "webhook %s has one secret: no rotation is going on", name)
		}
		w.Keys, w.OldUntil = w.Keys[:1], time.Time{}
		return s.putKeys(ctx, a, w, now, "the old secret has ended")
	})
}

func (s *Service) putKeys(ctx context.Context, a Actor, w Webhook, now time.Time, reason string) (Webhook, error) {
	w.UpdateTime = now
	e := s.event(a, now, EventWebhookRotate, reason, []Resource{w.resource()}, nil)
	err := s.commitRead(ctx, Change{Space: a.Space, Writes: []Write{PutWebhook{Webhook: w, Expect: w.Version}}, Events: []Event{e}})
	w.Version++
	return w, err
}

// newKey makes what signs calls, of a secret that somebody brings along or of one that it makes.
func (s *Service) newKey(w Webhook, secret string, now time.Time) (StoredKey, string, error) {
	if secret == "" {
		// 36 of 62 characters are 214 bits; the standard wants 192.
		secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte(s.IDs.Secret(36)))
	} else if err := checkWebhookSecret(secret); err != nil {
		return StoredKey{}, "", err
	}
	seed := sha256.Sum256([]byte(s.IDs.Secret(64)))
	k := WebhookKey{Secret: secret, Seed: seed[:]}
	text, err := json.Marshal(k)
	if err != nil {
		return StoredKey{}, "", err
	}
	sealed, err := s.Vault.Seal(placeOfKey(w), string(text))
	return StoredKey{Sealed: sealed, PublicKey: s.Endpoints.PublicKey(k), CreateTime: now}, secret, err
}

// sealHeaders answers the headers as they are stored, by name. A credential that is only said to be kept is the stored one.
func (s *Service) sealHeaders(w Webhook, said map[string]HeaderInput) (out []StoredHeader, err error) {
	for _, name := range slices.Sorted(maps.Keys(said)) {
		in := said[name]
		switch {
		case (in.Value == "") == (in.Credential == ""):
			return nil, FieldError("headers."+name, "needs a value, or a credential, which nobody can read again")
		case in.Value != "":
			out = append(out, StoredHeader{Name: name, Value: in.Value})
			continue
		case in.Credential == KeptCredential:
			i := slices.IndexFunc(w.Headers, func(h StoredHeader) bool { return h.Name == name && h.Sealed != "" })
			if i < 0 {
				return nil, FieldError("headers."+name, "has no credential that could be kept: give one")
			}
			out = append(out, w.Headers[i])
			continue
		}
		if err := firstError(checkHeaderName(name), checkHeaderValue(name, "credential", in.Credential)); err != nil {
			return nil, err
		}
		h := StoredHeader{Name: name}
		if h.Sealed, err = s.Vault.Seal(placeOfHeader(w, name), in.Credential); err != nil {
			return nil, err
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b StoredHeader) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out, nil
}

// target opens what a call needs of the webhook.
func (s *Service) target(w Webhook, now time.Time) (WebhookTarget, error) {
	t := WebhookTarget{URL: w.URL, Method: w.Method, DryRun: w.DryRun}
	for _, h := range w.Headers {
		open := WebhookHeader{Name: h.Name, Value: h.Value, Secret: h.Sealed != ""}
		if open.Secret {
			var err error
			if open.Value, err = s.Vault.Open(placeOfHeader(w, h.Name), h.Sealed); err != nil {
				return WebhookTarget{}, err
			}
		}
		t.Headers = append(t.Headers, open)
	}
	keys := w.Keys
	if !w.Rotating(now) {
		keys = keys[:1]
	}
	for _, stored := range keys {
		text, err := s.Vault.Open(placeOfKey(w), stored.Sealed)
		if err != nil {
			return WebhookTarget{}, err
		}
		var k WebhookKey
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			return WebhookTarget{}, Wrap(Internal, err, "the secret of webhook %s cannot be read", w.Name)
		}
		t.Keys = append(t.Keys, k)
	}
	return t, nil
}

// What is sealed for one place opens at no other, so that nobody who can write to the storage moves a credential to a webhook
// of theirs. Neither name has a slash.
func placeOfKey(w Webhook) string { return "webhook/" + w.Space + "/" + w.Name + "/key" }

func placeOfHeader(w Webhook, name string) string {
	return "webhook/" + w.Space + "/" + w.Name + "/header/" + strings.ToLower(name)
}
