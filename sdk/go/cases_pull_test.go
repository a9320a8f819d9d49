package indent_test

import (
	"context"
	"maps"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// pullOperations are what the cases do with pull policies.
var pullOperations = map[string]operation{
	"pullPolicy.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreatePullPolicy(ctx, a.pullPolicy())
	},
	"pullPolicy.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) {
		return all(c.PullPolicies(ctx))
	},
	"pullPolicy.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PullPolicy(ctx, a.text("name"))
	},
	"pullPolicy.put": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.PutPullPolicy(ctx, a.text("name"), a.pullPolicy())
	},
	"pullPolicy.delete": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.DeletePullPolicy(ctx, a.text("name"))
	},
	"pullPolicy.pull": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		wait, said := a.with["wait"].(bool)
		pulls, err := c.PullUpdate(ctx, indent.PullRequest{Policy: a.text("policy"), Kinds: into[[]string](a, "kinds"), Flags: into[map[string]string](a, "flags"), Force: into[bool](a, "force"), AtOnce: said && !wait})
		return map[string]any{"pulls": pulls}, err
	},
}

func (a arguments) pullPolicy() indent.NewPullPolicy {
	return indent.NewPullPolicy{Name: a.text("name"), DisplayName: a.text("displayName"), Base: into[indent.PolicyBase](a, "base"), Webhook: a.text("webhook"), Kinds: into[[]string](a, "kinds"),
		Flags: into[map[string]string](a, "flags"), Schedule: a.text("schedule"), Labels: into[map[string]string](a, "labels"), TakeLabels: into[[]string](a, "takeLabels"),
		TakeIdentities: into[bool](a, "takeIdentities")}
}

func init() { maps.Copy(operations, pullOperations) }
