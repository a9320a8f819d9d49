package indent_test

import (
	"context"
	"maps"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// deliveryOperations are what the cases do with calls to webhooks.
var deliveryOperations = map[string]operation{
	"delivery.list": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return all(c.Deliveries(ctx, a.text("webhook"), indent.DeliveryQuery{Petition: a.text("petition"), Outcome: a.text("outcome")}))
	},
	"delivery.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Delivery(ctx, a.text("webhook"), a.text("name"))
	},
	"delivery.replay": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ReplayDelivery(ctx, a.text("webhook"), a.text("name"))
	},
	"delivery.resume": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ResumeWebhook(ctx, a.text("webhook"))
	},
	"delivery.settle": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		n, err := c.SettleWebhook(ctx, a.text("webhook"), a.text("reason"))
		return map[string]int{"settled": n}, err
	},
}

func init() { maps.Copy(operations, deliveryOperations) }
