package indent_test

import (
	"context"
	"maps"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// delegationOperations are what the cases do with deputies.
var delegationOperations = map[string]operation{
	"delegation.create": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.CreateDelegation(ctx, indent.NewDelegation{To: a.text("to"), From: a.text("from"), EndTime: into[time.Time](a, "endTime"), Reason: a.text("reason")})
	},
	"delegation.list": func(ctx context.Context, c *indent.Client, _ arguments) (any, error) { return all(c.Delegations(ctx)) },
	"delegation.get": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return c.Delegation(ctx, a.text("name"))
	},
	"delegation.end": func(ctx context.Context, c *indent.Client, a arguments) (any, error) {
		return nil, c.EndDelegation(ctx, a.text("name"))
	},
}

func init() { maps.Copy(operations, delegationOperations) }
