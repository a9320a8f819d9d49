package app_test

import (
	"context"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// The whole way: a server whose settings open this machine calls an endpoint that is written with the client's kit, which
// verifies the signature; nothing of the secrets is in the database's files.
func TestAWebhookIsCalledAndVerified(t *testing.T) {
	t.Parallel()
	var granted, revoked int
	kit := &indent.WebhookHandler{Name: "roles", Apply: func(_ context.Context, u indent.WebhookUpdate) error {
		if u.Grant && !u.Expires.IsZero() && u.User.ID != "" && u.Target.ID != "" && u.ID != "" {
			granted++
		} else {
			revoked++
		}
		return nil
	}}
	endpoint := httptest.NewServer(kit)
	defer endpoint.Close()
	s := apptest.Start(t, apptest.Options{Config: func(c *config.Config) { c.PrivateNetworks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }})
	editor := s.Actor(t, apptest.Editor)
	w, secret, err := s.Service().CreateWebhook(t.Context(), editor, approval.NewWebhook{Name: "roles", URL: endpoint.URL + "/indent",
		Headers: map[string]approval.HeaderInput{"Authorization": {Credential: "Bearer cr3dential-of-the-endpoint"}}})
	if err != nil {
		t.Fatal(err)
	}
	try := func() []approval.WebhookTrial {
		t.Helper()
		trials, err := s.Service().TryWebhook(t.Context(), editor, "roles")
		if err != nil {
			t.Fatal(err)
		}
		return trials
	}
	kit.Verifier = indent.WebhookVerifier{Secrets: []string{secret}}
	for _, trial := range try() {
		if !trial.Works {
			t.Errorf("%s: %s", trial.Title, trial.Explain)
		}
	}
	if granted != 1 || revoked != 1 {
		t.Errorf("%d grants, %d revokes", granted, revoked)
	}
	kit.Verifier = indent.WebhookVerifier{PublicKeys: []string{w.Keys[0].PublicKey}}
	if trial := try()[0]; !trial.Works {
		t.Errorf("by the public key: %s", trial.Explain)
	}
	kit.Verifier = indent.WebhookVerifier{Secrets: []string{"another"}}
	if trial := try()[0]; trial.Works || trial.Answer.Attempt.Status != 401 {
		t.Errorf("by another secret: %+v", trial)
	}
	for _, file := range []string{s.Database, s.Database + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if text := string(raw); strings.Contains(text, "cr3dential-of-the-endpoint") || strings.Contains(text, secret) || strings.Contains(text, strings.TrimPrefix(secret, "whsec_")) {
			t.Errorf("%s has a secret", file)
		}
	}
}
