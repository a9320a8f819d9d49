package indent_test

import (
	"context"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// policyOperations are what the cases do with the rule document.
var policyOperations = map[string]operation{
	"policy.get": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return c.Policy(ctx)
	},
	"policy.version": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PolicyVersion(ctx, int64(a.number("version")))
	},
	"policy.test": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.TestPolicy(ctx, a.text("text"))
	},
	"policy.simulate": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.SimulatePolicy(ctx, indent.SimulatedPetition{NewPetition: indent.NewPetition{Reason: a.text("reason"), Resources: into[[]indent.Resource](a, "resources")}, Text: a.text("text")})
	},
	"policy.apply": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.ApplyPolicy(ctx, a.text("text"), a.text("reason"), int64(a.number("expect")))
	},
	"policy.rollBack": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.RollBackPolicy(ctx, int64(a.number("version")), a.text("reason"), int64(a.number("expect")))
	},
}

func init() {
	for name, do := range policyOperations {
		operations[name] = do
	}
}
