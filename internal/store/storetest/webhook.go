package storetest

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func webhooks(t *testing.T, k kit) {
	ctx := t.Context()
	whole := approval.Webhook{Space: k.space, Name: "z", DisplayName: `Zoë's "hook"`, Labels: map[string]string{"team": "a"}, URL: "https://hooks.example.com/a?b=c", Method: "PUT",
		Headers: []approval.StoredHeader{{Name: "Authorization", Sealed: "sealed"}, {Name: "X-Team", Value: "a"}}, DryRun: true, OldUntil: Start.Add(time.Hour),
		Keys:      []approval.StoredKey{{Sealed: "new", PublicKey: "whpk_new", CreateTime: Start}, {Sealed: "old", CreateTime: Start}},
		CreatedBy: reviewer, CreateTime: Start, UpdateTime: Start.Add(time.Microsecond)}
	plain := approval.Webhook{Space: k.space, Name: "a", URL: "https://hooks.example.com", Method: "POST", CreateTime: Start, UpdateTime: Start}
	k.commit(t, approval.PutWebhook{Webhook: whole}, approval.PutWebhook{Webhook: plain})
	k.refuse(t, approval.Conflict, approval.PutWebhook{Webhook: plain})
	whole.Version, plain.Version = 1, 1
	got, err := k.Webhook(ctx, k.space, "z")
	want(t, got, err, whole)
	all, err := k.Webhooks(ctx, k.space)
	want(t, all, err, []approval.Webhook{plain, whole})
	all, err = k.Webhooks(ctx, "elsewhere")
	want(t, len(all), err, 0)
	if _, err := k.Webhook(ctx, "elsewhere", "z"); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("another space's webhook: %v", err)
	}
	foreign := plain
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutWebhook{Webhook: foreign})

	// Of changes that were made of the same version one is kept.
	oneWins(t, together(16, func(int) error { return k.Commit(ctx, k.change(approval.PutWebhook{Webhook: plain, Expect: 1})) }))
	k.refuse(t, approval.Conflict, approval.PutWebhook{Webhook: plain, Expect: 1})
	changed := plain
	changed.URL, changed.Version = "https://hooks.example.com/b", 3
	k.commit(t, approval.PutWebhook{Webhook: changed, Expect: 2})
	got, err = k.Webhook(ctx, k.space, "a")
	want(t, got, err, changed)

	k.refuse(t, approval.Conflict, approval.DeleteWebhook{Name: "a", Expect: 2})
	k.refuse(t, approval.Conflict, approval.DeleteWebhook{Name: "a"})
	k.commit(t, approval.DeleteWebhook{Name: "a", Expect: 3})
	k.refuse(t, approval.Conflict, approval.DeleteWebhook{Name: "a", Expect: 3})
	k.refuse(t, approval.Conflict, approval.PutWebhook{Webhook: changed, Expect: 3})
	all, err = k.Webhooks(ctx, k.space)
	want(t, all, err, []approval.Webhook{whole})
}
