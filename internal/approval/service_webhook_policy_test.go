package approval_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func aPolicy(change ...func(*approval.NewWebhookPolicy)) approval.NewWebhookPolicy {
	n := approval.NewWebhookPolicy{Name: "prod", Webhook: "roles", Base: approval.PolicyBase{Selector: approval.LabelSelector{MatchLabels: map[string]string{"env": "prod"}}}}
	for _, c := range change {
		c(&n)
	}
	return n
}

func deciding(account string) func(*approval.NewWebhookPolicy) {
	return func(n *approval.NewWebhookPolicy) {
		n.Calls, n.ServiceAccount = []approval.WebhookKind{approval.WebhookDecide}, account
	}
}

func under(base approval.PolicyBase) func(*approval.NewWebhookPolicy) {
	return func(n *approval.NewWebhookPolicy) { n.Base = base }
}

func (h *house) webhookPolicy(change ...func(*approval.NewWebhookPolicy)) approval.WebhookPolicy {
	h.t.Helper()
	return must(h.CreateWebhookPolicy(h.t.Context(), h.actor(bob), aPolicy(change...)))
}

func TestAWebhookPolicyIsMadeChangedAndDeleted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	h.hook(aHook())
	h.hook(approval.NewWebhook{Name: "other", URL: "https://hooks.example.com/other"})
	p := h.webhookPolicy()
	if p.Version != 1 || p.CreatedBy.ID != bob || len(p.Calls) != 1 || p.Calls[0] != approval.WebhookApply || p.DecideWithin != 0 || !p.CreateTime.Equal(h.clock.Now()) {
		t.Errorf("made %+v", p)
	}
	alike(t, "read", must(h.WebhookPolicy(ctx, h.actor(pat), "prod")), p)
	named := h.webhookPolicy(func(n *approval.NewWebhookPolicy) { n.Name = "" })
	if named.Name == "" {
		t.Error("the server gave no name")
	}
	alike(t, "the list", must(h.WebhookPolicies(ctx, h.actor(pat))), []approval.WebhookPolicy{named, p})
	if _, err := h.CreateWebhookPolicy(ctx, editor, aPolicy()); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("the same name again: %v", err)
	}

	h.clock.Advance(time.Minute)
	title, hook, within := "Production", "other", 20*time.Second
	account := bobsBot
	changed := must(h.ChangeWebhookPolicy(ctx, editor, "prod", approval.WebhookPolicyChange{DisplayName: &title, Webhook: &hook, Base: &approval.PolicyBase{}, Labels: map[string]string{"x": "y"},
		Calls: []approval.WebhookKind{approval.WebhookApply, approval.WebhookDecide}, ServiceAccount: &account, DecideWithin: &within}))
	alike(t, "changed", changed, must(h.WebhookPolicy(ctx, editor, "prod")))
	if changed.DisplayName != title || changed.Webhook != hook || changed.Labels["x"] != "y" || changed.ServiceAccount != account || changed.AccountOwner != bob || changed.DecideWithin != within ||
		len(changed.Base.Selector.MatchLabels) != 0 || changed.Version != 2 || !changed.UpdateTime.After(changed.CreateTime) {
		t.Errorf("changed to %+v", changed)
	}
	plain := must(h.ChangeWebhookPolicy(ctx, editor, "prod", approval.WebhookPolicyChange{Calls: []approval.WebhookKind{approval.WebhookState}}))
	if plain.ServiceAccount != "" || plain.AccountOwner != "" || plain.DecideWithin != 0 {
		t.Errorf("what decides no more keeps who decided: %+v", plain)
	}
	for range 2 {
		err := h.DeleteWebhookPolicy(ctx, editor, "prod")
		_, again := h.WebhookPolicy(ctx, editor, "prod")
		if err != nil && approval.CodeOf(err) != approval.NotFound || approval.CodeOf(again) != approval.NotFound {
			t.Errorf("deleted: %v, %v", err, again)
		}
	}
	var log []string
	for _, e := range h.events() {
		if strings.HasPrefix(e.Event, "webhookPolicy/") {
			line := e.Event + " " + e.Reason
			for _, r := range e.Resources {
				line += " " + r.Kind + ":" + r.ID
			}
			log = append([]string{line}, log...)
		}
	}
	sameList(t, "the log", log, "webhookPolicy/create  webhookPolicy:prod webhook:roles", "webhookPolicy/create  webhookPolicy:"+named.Name+" webhook:roles",
		"webhookPolicy/update displayName, labels, base, webhook, calls, serviceAccount, decideWithin webhookPolicy:prod webhook:other serviceAccount:"+bobsBot,
		"webhookPolicy/update calls webhookPolicy:prod webhook:other", "webhookPolicy/delete  webhookPolicy:prod")
}

// Two who change the same policy at once do not undo each other.
func TestAChangeOfAnOlderWebhookPolicyIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hook(aHook())
	p := h.webhookPolicy()
	change := func(title string) error {
		_, err := h.ChangeWebhookPolicy(t.Context(), h.actor(bob), "prod", approval.WebhookPolicyChange{DisplayName: &title, Expect: p.Version})
		return err
	}
	if err := change("first"); err != nil {
		t.Fatal(err)
	}
	if err := change("second"); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("a change of what holds no more: %v", err)
	}
	if now := must(h.WebhookPolicy(t.Context(), h.actor(bob), "prod")); now.DisplayName != "first" || now.Version != p.Version+1 {
		t.Errorf("it is %+v", now)
	}
}

func TestWebhookPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.hook(aHook())
	terms := func(list ...approval.SelectorTerm) func(*approval.NewWebhookPolicy) {
		return under(approval.PolicyBase{Selector: approval.LabelSelector{MatchExpressions: list}})
	}
	many := make([]approval.SelectorTerm, approval.MaxSelectorTerms+1)
	for name, c := range map[string]struct {
		change func(*approval.NewWebhookPolicy)
		field  string
	}{
		"a webhook that is not there":  {func(n *approval.NewWebhookPolicy) { n.Webhook = "gone" }, "webhook"},
		"no webhook":                   {func(n *approval.NewWebhookPolicy) { n.Webhook = "" }, "webhook"},
		"a name that is none":          {func(n *approval.NewWebhookPolicy) { n.Name = "a/b" }, "name"},
		"a call of another kind":       {func(n *approval.NewWebhookPolicy) { n.Calls = []approval.WebhookKind{approval.WebhookPull} }, "calls"},
		"a call twice":                 {func(n *approval.NewWebhookPolicy) { n.Calls = []approval.WebhookKind{"GetState", "GetState"} }, "calls"},
		"a decision of nobody":         {deciding(""), "serviceAccount"},
		"an account without decisions": {func(n *approval.NewWebhookPolicy) { n.ServiceAccount = bobsBot }, "serviceAccount"},
		"a time without decisions":     {func(n *approval.NewWebhookPolicy) { n.DecideWithin = time.Second }, "decideWithin"},
		"a person for an account":      {deciding(bob), "serviceAccount"},
		"an account that is not there": {deciding("nobody"), "serviceAccount"},
		"an hour to decide":            {func(n *approval.NewWebhookPolicy) { deciding(bobsBot)(n); n.DecideWithin = time.Hour }, "decideWithin"},
		"no time to decide":            {func(n *approval.NewWebhookPolicy) { deciding(bobsBot)(n); n.DecideWithin = time.Millisecond }, "decideWithin"},
		"a condition that is none":     {under(approval.PolicyBase{Conditions: []string{"true", "what"}}), "base.conditions[1]"},
		"a condition that hides":       {under(approval.PolicyBase{Conditions: []string{"true\u202e"}}), "base.conditions[0]"},
		"a long condition":             {under(approval.PolicyBase{Conditions: []string{strings.Repeat("x", approval.MaxCondition+1)}}), "base.conditions[0]"},
		"many conditions":              {under(approval.PolicyBase{Conditions: make([]string, approval.MaxConditions+1)}), "base.conditions"},
		"an operator that is none":     {terms(approval.SelectorTerm{Key: "a", Operator: "in"}), "base.selector.matchExpressions[0].operator"},
		"nothing to compare with":      {terms(approval.SelectorTerm{Key: "a", Operator: approval.In}), "base.selector.matchExpressions[0].values"},
		"values that are compared with nothing": {terms(approval.SelectorTerm{Key: "a", Operator: approval.Exists, Values: []string{"b"}}),
			"base.selector.matchExpressions[0].values"},
		"a term without a label": {terms(approval.SelectorTerm{Key: "a", Operator: approval.Exists}, approval.SelectorTerm{Operator: approval.Exists}), "base.selector.matchExpressions[1].key"},
		"many terms":             {terms(many...), "base.selector"},
		"many values": {terms(approval.SelectorTerm{Key: "a", Operator: approval.In, Values: make([]string, approval.MaxSelectorValues+1)}),
			"base.selector.matchExpressions[0].values"},
	} {
		_, err := h.CreateWebhookPolicy(ctx, h.actor(bob), aPolicy(c.change))
		var e *approval.Error
		if approval.CodeOf(err) != approval.Invalid || !asError(err, &e) || e.Field != c.field {
			t.Errorf("%s: %v, want the field %s", name, err, c.field)
		}
	}
	if list := must(h.WebhookPolicies(ctx, h.actor(bob))); len(list) > 0 {
		t.Errorf("there are %v", list)
	}
	for i := range approval.MaxWebhookPolicies {
		h.webhookPolicy(func(n *approval.NewWebhookPolicy) { n.Name = fmt.Sprint("p", i) })
	}
	if _, err := h.CreateWebhookPolicy(ctx, h.actor(bob), aPolicy()); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "delete one") {
		t.Errorf("one more than may be: %v", err)
	}
}

func TestAWebhookThatAPolicyNamesStays(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, editor := t.Context(), h.actor(bob)
	h.hook(aHook())
	h.webhookPolicy()
	if err := h.DeleteWebhook(ctx, editor, "roles"); approval.CodeOf(err) != approval.Conflict || !strings.Contains(err.Error(), "webhook policy prod") {
		t.Fatalf("deleted: %v", err)
	}
	if err := h.DeleteWebhookPolicy(ctx, editor, "prod"); err != nil {
		t.Fatal(err)
	}
	// Of somebody who makes a policy and somebody who deletes the webhook at once, one comes too late.
	for range 100 {
		var group sync.WaitGroup
		group.Go(func() { _, _ = h.CreateWebhookPolicy(ctx, editor, aPolicy()) })
		group.Go(func() { _ = h.DeleteWebhook(ctx, editor, "roles") })
		group.Wait()
		hooks, policies := must(h.Webhooks(ctx, editor)), must(h.WebhookPolicies(ctx, editor))
		if len(hooks)+len(policies) != 0 && len(hooks)+len(policies) != 2 {
			t.Fatalf("%d webhooks and %d policies", len(hooks), len(policies))
		}
		if len(hooks) == 0 {
			h.hook(aHook())
		} else if err := h.DeleteWebhookPolicy(ctx, editor, "prod"); err != nil {
			t.Fatal(err)
		}
	}
}

// Who answers the calls of a webhook that decides, decides as its service account: nobody hands out more than they have (I7).
func TestWhoMayLetAWebhookDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx := t.Context()
	h.hook(aHook())
	refused := func(what string, err error) {
		t.Helper()
		if approval.CodeOf(err) != approval.Forbidden {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := h.CreateWebhookPolicy(ctx, h.actor(eve), aPolicy(deciding(bobsBot)))
	refused("another's account", err)
	_, err = h.CreateWebhookPolicy(ctx, h.actor(bob), aPolicy(deciding(quickstart)))
	refused("the owner's account, named by an editor", err)
	narrow := h.actor(bob)
	narrow.Scopes = []approval.Permission{approval.WriteWebhooks, approval.ReadWebhooks, approval.ManageTokens}
	_, err = h.CreateWebhookPolicy(ctx, narrow, aPolicy(deciding(bobsBot)))
	refused("a token that may not claim", err)
	narrow.Scopes = []approval.Permission{approval.WriteWebhooks, approval.ReadWebhooks, approval.CreateClaims}
	_, err = h.CreateWebhookPolicy(ctx, narrow, aPolicy(deciding(bobsBot)))
	refused("a token that may not make tokens", err)

	p := h.webhookPolicy(deciding(bobsBot))
	if p.AccountOwner != bob || p.DecideWithin != approval.DefaultDecideWithin {
		t.Errorf("made %+v", p)
	}
	everything := approval.PolicyBase{}
	_, err = h.ChangeWebhookPolicy(ctx, h.actor(eve), "prod", approval.WebhookPolicyChange{Base: &everything})
	refused("another's account decides more", err)
	elsewhere := "https://eve.example.com/"
	_, err = h.ChangeWebhook(ctx, h.actor(eve), "roles", approval.WebhookChange{URL: &elsewhere, Headers: map[string]approval.HeaderInput{}})
	refused("another's account decides elsewhere", err)
	_, err = h.ChangeWebhook(ctx, h.actor(eve), "roles", approval.WebhookChange{Headers: map[string]approval.HeaderInput{"X-Team": {Value: "eves"}}})
	refused("another's account decides as somebody else there", err)
	dry := true
	if _, err = h.ChangeWebhook(ctx, h.actor(eve), "roles", approval.WebhookChange{DryRun: &dry}); err != nil {
		t.Errorf("a dry run: %v", err)
	}
	if _, err = h.ChangeWebhook(ctx, h.actor(bob), "roles", approval.WebhookChange{Headers: map[string]approval.HeaderInput{"X-Team": {Value: "ours"}}}); err != nil {
		t.Errorf("whose account it is: %v", err)
	}
	// An account that is gone may come back: until the policy is changed, nobody leads its decisions elsewhere.
	if err := h.DeleteServiceAccount(ctx, h.actor(bob), bobsBot); err != nil {
		t.Fatal(err)
	}
	if _, err = h.ChangeWebhook(ctx, h.actor(eve), "roles", approval.WebhookChange{URL: &elsewhere, Headers: map[string]approval.HeaderInput{}}); approval.CodeOf(err) != approval.Conflict {
		t.Errorf("an account that is gone: %v", err)
	}
	if _, err = h.ChangeWebhookPolicy(ctx, h.actor(eve), "prod", approval.WebhookPolicyChange{Calls: []approval.WebhookKind{approval.WebhookApply}}); err != nil {
		t.Errorf("to end the decisions: %v", err)
	}
	if _, err = h.ChangeWebhook(ctx, h.actor(eve), "roles", approval.WebhookChange{URL: &elsewhere, Headers: map[string]approval.HeaderInput{}}); err != nil {
		t.Errorf("nobody decides there: %v", err)
	}
}

// tries answers for each resource of a petition as of vic what a policy makes of it.
func (h *house) tries(base approval.PolicyBase, resources ...approval.Resource) (lines []string) {
	h.t.Helper()
	n := aPolicy(under(base))
	got, err := h.TryWebhookPolicy(h.t.Context(), h.actor(pat), approval.WebhookPolicyTest{Policy: &n, Asked: &approval.NewPetition{Resources: resources, Petitioners: []approval.Resource{{ID: vic, Kind: approval.KindUser}}}})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range got.Resources {
		lines = append(lines, fmt.Sprint(r.Matches, r.Calls, r.Problem))
	}
	return lines
}

// What is tried shows entries of the directory, so a token that may not read there may not try (I7).
func TestWhoTriesAPolicyMayReadTheDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	n := aPolicy(under(approval.PolicyBase{}))
	tried := approval.WebhookPolicyTest{Policy: &n, Asked: &approval.NewPetition{Resources: []approval.Resource{{Kind: "db", ID: "db:1"}}}}
	narrow := h.actor(bob)
	narrow.Scopes = []approval.Permission{approval.ReadWebhooks}
	if _, err := h.TryWebhookPolicy(t.Context(), narrow, tried); approval.CodeOf(err) != approval.Forbidden || !strings.Contains(err.Error(), "resources:read") {
		t.Errorf("a token for webhooks alone: %v", err)
	}
	narrow.Scopes = append(narrow.Scopes, approval.ReadResources)
	if _, err := h.TryWebhookPolicy(t.Context(), narrow, tried); err != nil {
		t.Errorf("one for both: %v", err)
	}
}

const (
	takesIt = "true [ApplyUpdate]"
	leaves  = "false []"
)

// A selector looks at the directory's labels, and at the kind and id where there are none: not at what a petitioner says of a
// resource (I13).
func TestASelectorLooksAtTheDirectory(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	entry := func(name, kind, id string, labels ...string) approval.Resource {
		r := approval.Resource{ID: id, Kind: kind, Labels: map[string]string{approval.LabelBlock: name}}
		for i := 0; i < len(labels); i += 2 {
			r.Labels[labels[i]] = labels[i+1]
		}
		return r
	}
	h.directory(entry("db", "db", "DB:1", "env", "prod", "tier", "a", approval.LabelResourceID, "another"), entry("test", "db", "db:2", "env", "test"),
		entry("both-1", "db", "db:3", "env", "prod"), entry("both-2", "db", "db:3", "env", "test"))
	alias := entry("third", "db", "db:4", "env", "prod")
	alias.AltIDs, alias.Email = []string{"arn:db:4"}, "db4@acme.example"
	h.directory(alias)

	labels := func(pairs ...string) approval.PolicyBase {
		s := approval.LabelSelector{MatchLabels: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			s.MatchLabels[pairs[i]] = pairs[i+1]
		}
		return approval.PolicyBase{Selector: s}
	}
	term := func(key, operator string, values ...string) approval.PolicyBase {
		return approval.PolicyBase{Selector: approval.LabelSelector{MatchExpressions: []approval.SelectorTerm{{Key: key, Operator: operator, Values: values}}}}
	}
	one := func(id string) approval.Resource { return approval.Resource{Kind: "db", ID: id} }
	lying := approval.Resource{Kind: "db", ID: "db:9", Email: "db4@acme.example", Labels: map[string]string{"env": "prod", approval.LabelBlock: "db"}}
	for _, c := range []struct {
		what string
		base approval.PolicyBase
		of   approval.Resource
		want string
	}{
		{"nothing is demanded", approval.PolicyBase{}, one("unknown"), takesIt},
		{"a label", labels("env", "prod"), one("DB:1"), takesIt},
		{"another label", labels("env", "prod"), one("db:2"), leaves},
		{"two labels", labels("env", "prod", "tier", "b"), one("DB:1"), leaves},
		{"another spelling", labels("env", "prod"), approval.Resource{Kind: "DB", ID: "db:1"}, takesIt},
		{"another of its ids", labels("env", "prod"), one("ARN:db:4"), takesIt},
		{"its address", labels(approval.LabelResourceEmail, "db4@acme.example"), one("db:4"), takesIt},
		{"another kind with the id", labels("env", "prod"), approval.Resource{Kind: "queue", ID: "DB:1"}, leaves},
		{"in", term("env", approval.In, "x", "prod"), one("DB:1"), takesIt},
		{"not in", term("env", approval.NotIn, "prod"), one("db:2"), takesIt},
		{"not in, of what has no label", term("env", approval.NotIn, "prod"), one("unknown"), takesIt},
		{"exists", term("tier", approval.Exists), one("db:2"), leaves},
		{"does not exist", term("tier", approval.DoesNotExist), one("db:2"), takesIt},
		{"the name in the directory", labels(approval.LabelBlock, "db"), one("DB:1"), takesIt},
		{"the kind and the id", labels(approval.LabelResourceKind, "db", approval.LabelResourceID, "DB:1"), one("DB:1"), takesIt},
		{"an id that the entry has as a label", labels(approval.LabelResourceID, "another"), one("DB:1"), leaves},
		{"the kind and the id of what is unknown", labels(approval.LabelResourceKind, "db", approval.LabelResourceID, "db:9"), lying, takesIt},
		{"labels that the petitioner says", labels("env", "prod"), lying, leaves},
		{"a name that the petitioner says", labels(approval.LabelBlock, "db"), lying, leaves},
		{"an address that the petitioner says", labels(approval.LabelResourceEmail, "db4@acme.example"), lying, leaves},
		{"entries that agree", term("env", approval.Exists), one("db:3"), takesIt},
		{"entries that differ", labels("env", "prod"), one("db:3"), "false []the directory has 2 entries of db:3, and it is about some of them only: make them one"},
	} {
		if got := h.tries(c.base, c.of); len(got) != 1 || got[0] != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestConditionsOfAPolicy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{ID: vic, Kind: "user", Email: vic, Labels: map[string]string{approval.LabelBlock: "vic", "team": "a"}},
		approval.Resource{ID: "eng", Kind: "group", Labels: map[string]string{approval.LabelBlock: "eng"}})
	if _, err := h.AddGroupMembers(t.Context(), h.actor(olga), "eng", []approval.Resource{{ID: vic, Kind: approval.KindUser}}); err != nil {
		t.Fatal(err)
	}
	with := func(conditions ...string) approval.PolicyBase { return approval.PolicyBase{Conditions: conditions} }
	db, queue := approval.Resource{Kind: "db", ID: "1"}, approval.Resource{Kind: "queue", ID: "1"}
	for _, c := range []struct {
		base approval.PolicyBase
		want []string
	}{
		{with("true", "true"), []string{takesIt, takesIt}},
		{with("true", "false"), []string{leaves, leaves}},
		{with("of db"), []string{takesIt, leaves}},
		{with("who " + vic), []string{takesIt, takesIt}},
		{with("who " + bob), []string{leaves, leaves}},
		{with("group eng"), []string{takesIt, takesIt}},
		{with("group ops"), []string{leaves, leaves}},
		{with("label team=a"), []string{takesIt, takesIt}},
		{with("of db", "odd"), []string{"false []condition 2 cannot be evaluated: nobody can tell", leaves}},
		{with("false", "odd"), []string{leaves, leaves}},
	} {
		sameList(t, strings.Join(c.base.Conditions, ", "), h.tries(c.base, db, queue), c.want...)
	}
}
