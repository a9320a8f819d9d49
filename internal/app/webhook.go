package app

import (
	"context"
	"net/netip"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/webhook"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// TestEndpoint sends each call to an endpoint from this machine, without a server, and explains what came back. It reaches
// wherever whoever runs it does.
func TestEndpoint(ctx context.Context, address, secret, version string) ([]indent.WebhookTrial, error) {
	if err := approval.CheckWebhookURL("URL", address); err != nil {
		return nil, err
	}
	everywhere := []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}
	caller := webhook.NewCaller(webhook.NewGuard(everywhere, true), systemClock{}, "indent/"+version)
	target := approval.WebhookTarget{URL: address, Keys: []approval.WebhookKey{{Secret: secret}}}
	trials, err := approval.TryEndpoint(ctx, caller, systemClock{}, systemIDs{}, target)
	var out []indent.WebhookTrial
	for _, t := range trials {
		at := t.Answer.Attempt
		out = append(out, indent.WebhookTrial{Title: t.Title, Works: t.Works, Explanation: t.Explain, Outcome: string(t.Answer.Outcome), Code: t.Answer.Code,
			Attempt: indent.WebhookAttempt{ID: at.ID, Time: at.Time, Milliseconds: at.Took.Milliseconds(), Method: at.Method, URL: at.URL, Headers: at.Headers, Body: at.Body,
				Status: at.Status, AnswerHeaders: at.AnswerHeaders, Answer: at.Answer}})
	}
	return out, err
}
