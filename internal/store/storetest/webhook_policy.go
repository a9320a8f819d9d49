package storetest

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func webhookPolicies(t *testing.T, k kit) {
	ctx := t.Context()
	whole := approval.WebhookPolicy{Space: k.space, Name: "z", DisplayName: `Zoë's "policy"`, Labels: map[string]string{"team": "a"}, Webhook: "roles",
		Base: approval.PolicyBase{Selector: approval.LabelSelector{MatchLabels: map[string]string{"env": "prod"},
			MatchExpressions: []approval.SelectorTerm{{Key: "tier", Operator: approval.In, Values: []string{"a", "b"}}, {Key: "old", Operator: approval.DoesNotExist}}},
			Conditions: []string{`resource.kind == "db"`, "petition.params.rows < 10\n"}},
		Calls: []approval.WebhookKind{approval.WebhookApply, approval.WebhookDecide}, ServiceAccount: "bot", AccountOwner: "ada@example.com", DecideWithin: 1500 * time.Millisecond,
		CreatedBy: reviewer, CreateTime: Start, UpdateTime: Start.Add(time.Microsecond)}
	plain := approval.WebhookPolicy{Space: k.space, Name: "a", Webhook: "roles", Calls: []approval.WebhookKind{approval.WebhookApply}, CreateTime: Start, UpdateTime: Start}
	k.commit(t, approval.PutWebhookPolicy{Policy: whole}, approval.PutWebhookPolicy{Policy: plain})
	k.refuse(t, approval.Conflict, approval.PutWebhookPolicy{Policy: plain})
	whole.Version, plain.Version = 1, 1
	got, err := k.WebhookPolicy(ctx, k.space, "z")
	want(t, got, err, whole)
	all, err := k.WebhookPolicies(ctx, k.space)
	want(t, all, err, []approval.WebhookPolicy{plain, whole})
	all, err = k.WebhookPolicies(ctx, "elsewhere")
	want(t, len(all), err, 0)
	if _, err := k.WebhookPolicy(ctx, "elsewhere", "z"); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("another space's webhook policy: %v", err)
	}
	foreign := plain
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutWebhookPolicy{Policy: foreign})

	// Of changes that were made of the same version one is kept.
	oneWins(t, together(16, func(int) error { return k.Commit(ctx, k.change(approval.PutWebhookPolicy{Policy: plain, Expect: 1})) }))
	k.refuse(t, approval.Conflict, approval.PutWebhookPolicy{Policy: plain, Expect: 1})
	changed := plain
	changed.Webhook, changed.Version = "others", 3
	k.commit(t, approval.PutWebhookPolicy{Policy: changed, Expect: 2})
	got, err = k.WebhookPolicy(ctx, k.space, "a")
	want(t, got, err, changed)

	k.commit(t, approval.DeleteWebhookPolicy{Name: "a"})
	k.refuse(t, approval.NotFound, approval.DeleteWebhookPolicy{Name: "a"})
	k.refuse(t, approval.Conflict, approval.PutWebhookPolicy{Policy: changed, Expect: 3})
	all, err = k.WebhookPolicies(ctx, k.space)
	want(t, all, err, []approval.WebhookPolicy{whole})
}
