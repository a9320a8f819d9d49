package api

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestAWebhookShowsItsSecretOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token(theEditor)
	var made, read, changed, rotated webhook
	whole := `{"webhook":{"name":"roles","displayName":"Roles","labels":{"team":"a"},"url":"https://hooks.example.com/x","headers":{"Authorization":{"credential":"Bearer k3y"},"X-Team":{"value":"a"}}}}`
	h.with(token, post, inSpace+"/webhooks", whole).ok(&made)
	if !strings.HasPrefix(made.Secret, "whsec_") || made.Name != "roles" || made.SpaceName != "acmecorp" || made.Method != "POST" || len(made.PublicKeys) != 1 || made.Meta.CreateTime.IsZero() ||
		made.Headers["Authorization"].Credential != approval.KeptCredential || made.Headers["X-Team"].Value != "a" || made.CreatedBy.ID != theEditor {
		t.Errorf("made %+v", made)
	}
	raw := h.with(token, get, inSpace+"/webhooks/roles", nil)
	raw.ok(&read)
	list := h.with(token, get, inSpace+"/webhooks", nil)
	for _, text := range []string{raw.body, list.body} {
		if strings.Contains(text, "k3y") || strings.Contains(text, made.Secret) || strings.Contains(text, "secret") || strings.Contains(text, "sealed") {
			t.Errorf("answers %s", text)
		}
	}
	// What was read is sent back as it came, with one thing changed.
	back := `{"webhook":` + strings.Replace(strings.TrimSpace(raw.body), `"Roles"`, `"Other"`, 1) + `}`
	h.with(token, patch, inSpace+"/webhooks/roles", back).ok(&changed)
	if changed.DisplayName != "Other" || changed.Headers["Authorization"] != read.Headers["Authorization"] || changed.Secret != "" {
		t.Errorf("changed to %+v", changed)
	}
	h.with(token, post, inSpace+"/webhooks/roles:rotateSecret", `{"graceSeconds":60}`).ok(&rotated)
	if rotated.Secret == "" || rotated.Secret == made.Secret || len(rotated.PublicKeys) != 2 || rotated.PublicKeys[1] != made.PublicKeys[0] || !rotated.RotationEndTime.Equal(h.clock.Now().Add(time.Minute)) {
		t.Errorf("rotated to %+v", rotated)
	}
	h.with(token, post, inSpace+"/webhooks/roles:rotateSecret", `{"finish":true,"graceSeconds":1}`).refused(400, approval.Invalid, "graceSeconds")
	var finished webhook
	h.with(token, post, inSpace+"/webhooks/roles:rotateSecret", `{"finish":true}`).ok(&finished)
	if finished.Secret != "" || len(finished.PublicKeys) != 1 || finished.PublicKeys[0] != rotated.PublicKeys[0] || !finished.RotationEndTime.IsZero() {
		t.Errorf("finished as %+v", finished)
	}
	h.with(token, post, inSpace+"/webhooks/roles:rotateSecret", `{"finish":true}`).refused(409, approval.Conflict, "")
	h.with(token, post, inSpace+"/webhooks", whole).refused(409, approval.Conflict, "")
	h.with(token, post, inSpace+"/webhooks", `{"webhook":{"url":"http://example.com"}}`).refused(400, approval.Invalid, "webhook.url")
	h.with(token, patch, inSpace+"/webhooks/roles", `{"webhook":{"url":"https://evil.example"}}`).refused(400, approval.Invalid, "webhook.headers.Authorization")
	h.with(token, patch, inSpace+"/webhooks/roles", `{"webhook":{"secret":"a-secret-of-my-own-choice"}}`).refused(400, approval.Invalid, "webhook.secret")
	if strings.Contains(h.logs.String(), made.Secret) || strings.Contains(h.logs.String(), "k3y") {
		t.Error("a secret is in the server's log")
	}
}

func TestAWebhookIsTriedByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	name := h.hook("acmecorp", theOwner, "hook")
	var out testWebhookOut
	h.with(h.token(theEditor), post, inSpace+"/webhooks/"+name+":test", nil).ok(&out)
	if len(out.Trials) != 6 || out.Trials[0].Title != "GetInfo" || !out.Trials[0].Works || out.Trials[0].Outcome != "ok" || out.Trials[0].Attempt.Status != 200 || out.Trials[5].Attempt.ID == "" {
		t.Errorf("answers %+v", out)
	}
}

// onWebhook prepares a webhook.
func onWebhook(below string, body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		h.noHooks()
		return cell{inSpace + "/webhooks/" + h.hook("acmecorp", theOwner, "hook-"+h.service.IDs.UUID()) + below, body}
	}
}

// noHooks deletes the webhooks of acmecorp when they are nearly as many as a space may have.
func (h *house) noHooks() {
	h.Helper()
	list, err := h.service.Store.Webhooks(h.Context(), "acmecorp")
	h.must(err)
	if len(list) < approval.MaxWebhooks-10 {
		return
	}
	for _, w := range list {
		if w.Name == "hooked" || w.Name == "told" { // policies name the one, and the other holds access
			continue
		}
		h.must(h.service.DeleteWebhook(h.Context(), h.actor(theOwner), w.Name))
	}
}

// hook makes a webhook with the mark in all of its texts.
func (h *house) hook(space, owner, mark string) string {
	h.Helper()
	w, _, err := h.service.CreateWebhook(h.Context(), h.actor(owner), approval.NewWebhook{Name: mark, DisplayName: mark, Labels: map[string]string{"mark": mark}, URL: "https://hooks.example.com/" + mark,
		Headers: map[string]approval.HeaderInput{"X-Mark": {Value: mark}, "Authorization": {Credential: mark}}})
	h.must(err)
	return w.Name
}
