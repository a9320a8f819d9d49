package indent_test

import (
	"context"
	"maps"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// webhookPolicyOperations are what the cases do with webhook policies.
var webhookPolicyOperations = map[string]operation{
	"webhookPolicy.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateWebhookPolicy(ctx, a.webhookPolicy())
	},
	"webhookPolicy.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return all(c.WebhookPolicies(ctx))
	},
	"webhookPolicy.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.WebhookPolicy(ctx, a.text("name"))
	},
	"webhookPolicy.replace": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		n := a.webhookPolicy()
		n.Name = ""
		return c.ReplaceWebhookPolicy(ctx, a.text("name"), n)
	},
	"webhookPolicy.update": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		change := indent.WebhookPolicyChange{Calls: into[[]string](a, "calls")}
		if account := a.text("serviceAccount"); account != "" {
			change.ServiceAccount = &account
		}
		if within := a.seconds("decideWithin"); within > 0 {
			change.DecideWithin = &within
		}
		return c.UpdateWebhookPolicy(ctx, a.text("name"), change)
	},
	"webhookPolicy.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeleteWebhookPolicy(ctx, a.text("name"))
	},
	"webhookPolicy.test": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		t := indent.WebhookPolicyTest{Petition: a.text("petition"), Resources: into[[]indent.Resource](a, "resources"), Petitioners: into[[]indent.Resource](a, "petitioners"),
			Params: a.with["params"], Duration: a.seconds("duration")}
		if name, is := a.with["policy"].(string); is {
			t.Policy = name
		} else {
			n := into[indent.NewWebhookPolicy](a, "policy")
			t.WebhookPolicy = &n
		}
		return c.TestWebhookPolicy(ctx, t)
	},
}

func (a arguments) webhookPolicy() indent.NewWebhookPolicy {
	return indent.NewWebhookPolicy{Name: a.text("name"), DisplayName: a.text("displayName"), Labels: into[map[string]string](a, "labels"), Base: into[indent.PolicyBase](a, "base"),
		Webhook: a.text("webhook"), Calls: into[[]string](a, "calls"), ServiceAccount: a.text("serviceAccount"), DecideWithin: a.seconds("decideWithin")}
}

func (a arguments) seconds(name string) indent.Seconds { return indent.Seconds(a.duration(name)) }

func init() { maps.Copy(operations, webhookPolicyOperations) }
