package approval_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestWhoMayWritePullPolicies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls()
	ctx := t.Context()
	one := aPull()
	hooksOnly := h.actor(bob)
	hooksOnly.Scopes = []approval.Permission{approval.ReadWebhooks, approval.WriteWebhooks}
	for _, a := range []approval.Actor{h.actor(pat), h.actor(vic), hooksOnly} {
		one.Name = "other"
		_, create := h.CreatePullPolicy(ctx, a, one)
		_, put := h.PutPullPolicy(ctx, a, "roles", aPull())
		_, now := h.PullNow(ctx, a, approval.PullRequest{})
		address := "https://mine.example.com/"
		headers := map[string]approval.HeaderInput{}
		_, moved := h.ChangeWebhook(ctx, a, "roles", approval.WebhookChange{URL: &address, Headers: headers})
		for _, err := range []error{create, put, now, moved, h.DeletePullPolicy(ctx, a, "roles")} {
			same(t, a.ID, approval.CodeOf(err), approval.Forbidden)
		}
	}
	_, err := h.PullPolicies(ctx, h.actor(vic))
	same(t, "a viewer", approval.CodeOf(err), approval.Forbidden)
	_, err = h.Pull(ctx, h.actor(vic), "roles")
	same(t, "a viewer", approval.CodeOf(err), approval.Forbidden)
	same(t, "in use", approval.CodeOf(h.DeleteWebhook(ctx, h.actor(bob), "roles")), approval.Conflict)
	if err := h.DeletePullPolicy(ctx, h.actor(bob), "roles"); err != nil {
		t.Fatal(err)
	}
	same(t, "it is gone", approval.CodeOf(h.DeletePullPolicy(ctx, h.actor(bob), "roles")), approval.NotFound)
	if err := h.DeleteWebhook(ctx, h.actor(bob), "roles"); err != nil {
		t.Error(err)
	}
}

func TestPullPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook(aHook())
	for field, change := range map[string]func(*approval.PullPolicy){
		"name":                                func(p *approval.PullPolicy) { p.Name = "a/b" },
		"name ":                               func(p *approval.PullPolicy) { p.Name = strings.Repeat("a", 61) },
		"displayName":                         func(p *approval.PullPolicy) { p.DisplayName = "a\nb" },
		"webhook":                             func(p *approval.PullPolicy) { p.Webhook = "other" },
		"webhook ":                            func(p *approval.PullPolicy) { p.Webhook = "" },
		"kinds":                               func(p *approval.PullPolicy) { p.Kinds = nil },
		"kinds ":                              func(p *approval.PullPolicy) { p.Kinds = []string{"role", "role"} },
		"kinds  ":                             func(p *approval.PullPolicy) { p.Kinds = []string{"Indent/policy"} },
		"kinds   ":                            func(p *approval.PullPolicy) { p.Kinds = []string{"serviceaccount"} },
		"kinds    ":                           func(p *approval.PullPolicy) { p.Kinds = []string{""} },
		"flags":                               func(p *approval.PullPolicy) { p.Flags = map[string]string{"": "x"} },
		"schedule":                            func(p *approval.PullPolicy) { p.Schedule = "* * * * *" },
		"schedule ":                           func(p *approval.PullPolicy) { p.Schedule = "0 3\u0085* * *" },
		"takeLabels":                          func(p *approval.PullPolicy) { p.TakeLabels = []string{"a", "a"} },
		"labels." + approval.LabelBlock:       func(p *approval.PullPolicy) { p.Labels = map[string]string{approval.LabelBlock: "x"} },
		"labels." + approval.LabelDeactivated: func(p *approval.PullPolicy) { p.Labels = map[string]string{approval.LabelDeactivated: "true"} },
		"labels." + approval.LabelConfirm:     func(p *approval.PullPolicy) { p.Labels = map[string]string{approval.LabelConfirm: "no"} },
		"base.conditions[0]":                  func(p *approval.PullPolicy) { p.Base.Conditions = []string{"nonsense"} },
		"base.conditions":                     func(p *approval.PullPolicy) { p.Base.Conditions = slices.Repeat([]string{"true"}, 11) },
		"base.selector.matchExpressions[0].key": func(p *approval.PullPolicy) {
			p.Base.Selector.MatchExpressions = []approval.SelectorTerm{{Operator: "Exists"}}
		},
	} {
		p := aPull()
		change(&p)
		_, err := h.CreatePullPolicy(t.Context(), h.actor(bob), p)
		var e *approval.Error
		if !errors.As(err, &e) || e.Code != approval.Invalid || e.Field != strings.TrimSpace(field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	for i := range approval.MaxPullPolicies {
		p := aPull()
		p.Name = fmt.Sprintf("p%d", i)
		must(h.CreatePullPolicy(t.Context(), h.actor(bob), p))
	}
	_, err := h.CreatePullPolicy(t.Context(), h.actor(bob), aPull())
	same(t, "one too many", approval.CodeOf(err), approval.Conflict)
}

// The selector looks at what the endpoint says, also at labels that are not taken.
func TestAPullTakesWhatItsSelectorSays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.pulls(func(p *approval.PullPolicy) {
		p.Base.Selector = approval.LabelSelector{MatchLabels: map[string]string{"team": "a"}, MatchExpressions: []approval.SelectorTerm{{Key: approval.LabelResourceID, Operator: approval.NotIn, Values: []string{"third"}}}}
	})
	h.lists(role("first", "team", "a"), role("second", "team", "b"), role("third", "team", "a"))
	same(t, "one", counts(h.pull()), "done listed 3 taken 1 created 1 changed 0 gone 0 conflicts 0")
	same(t, "its labels", len(h.entries()["first"].Labels), 1)
	p := aPull()
	p.Base.Conditions = []string{"of role", "true"}
	must(h.PutPullPolicy(t.Context(), h.actor(bob), "roles", p))
	same(t, "by conditions", counts(h.pull()), "done listed 3 taken 3 created 2 changed 0 gone 0 conflicts 0")
	// Of what nobody can tell whether it is taken nobody can tell whether it is gone.
	p.Base.Conditions = []string{"true", "odd"}
	must(h.PutPullPolicy(t.Context(), h.actor(bob), "roles", p))
	if r := h.pull(); r.State != approval.PullFailed || !strings.Contains(r.Problem, "condition 2 cannot be evaluated") || r.Gone != 0 {
		t.Errorf("got %+v", r)
	}
	p.Base = approval.PolicyBase{Conditions: []string{"false"}}
	must(h.PutPullPolicy(t.Context(), h.actor(bob), "roles", p))
	h.lists(role("first", "team", "b"))
	same(t, "no more", counts(h.pull()), "done listed 1 taken 0 created 0 changed 0 gone 3 conflicts 0")
}
