package api

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// hooked answers a webhook of acmecorp that stays.
func (h *house) hooked() string {
	h.Helper()
	_, _, err := h.service.CreateWebhook(h.Context(), h.actor(theOwner), approval.NewWebhook{Name: "hooked", URL: "https://hooks.example.com/hooked"})
	if approval.CodeOf(err) != approval.Conflict {
		h.must(err)
	}
	return "hooked"
}

// webhookPolicy makes a policy of a webhook.
func (h *house) webhookPolicy(space, owner, hook, mark string) string {
	h.Helper()
	p, err := h.service.CreateWebhookPolicy(h.Context(), h.actor(owner), approval.NewWebhookPolicy{Name: mark, DisplayName: mark, Labels: map[string]string{"mark": mark}, Webhook: hook,
		Base: approval.PolicyBase{Selector: approval.LabelSelector{MatchLabels: map[string]string{"mark": mark}}, Conditions: []string{`resource.id == "` + mark + `"`}}})
	h.must(err)
	return p.Name
}

// onWebhookPolicy prepares a webhook policy. A space may have so many that those of before are deleted.
func onWebhookPolicy(body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		list, err := h.service.Store.WebhookPolicies(h.Context(), "acmecorp")
		h.must(err)
		for _, p := range list {
			if len(list) > approval.MaxWebhookPolicies-10 {
				h.must(h.service.DeleteWebhookPolicy(h.Context(), h.actor(theOwner), p.Name))
			}
		}
		return cell{inSpace + "/webhookPolicies/" + h.webhookPolicy("acmecorp", theOwner, h.hooked(), "hooking-"+h.service.IDs.UUID()), body}
	}
}

func TestAWebhookPolicyOnTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hooked()
	token, at := h.token(theEditor), inSpace+"/webhookPolicies"
	var made, read, changed webhookPolicy
	whole := `{"webhookPolicy":{"name":"prod","displayName":"Production","labels":{"team":"a"},"webhook":"hooked","calls":["ApplyUpdate","GetState"],
		"base":{"selector":{"matchLabels":{"env":"prod"},"matchExpressions":[{"key":"tier","operator":"In","values":["a","b"]},{"key":"old","operator":"DoesNotExist"}]},"conditions":["resource.kind == \"db\""]}}}`
	h.with(token, post, at, whole).ok(&made)
	if made.Name != "prod" || made.SpaceName != "acmecorp" || made.Webhook != "hooked" || strings.Join(made.Calls, ",") != "ApplyUpdate,GetState" || made.Base.Selector.MatchExpressions[1].Operator != "DoesNotExist" ||
		made.Base.Conditions[0] != `resource.kind == "db"` || made.ServiceAccount != "" || made.DecideWithin != "" || made.CreatedBy.ID != theEditor || made.Meta.CreateTime.IsZero() {
		t.Errorf("made %+v", made)
	}
	raw := h.with(token, get, at+"/prod", nil)
	raw.ok(&read)
	var list webhookPolicyList
	h.with(token, get, at, nil).ok(&list)
	if len(list.WebhookPolicies) != 1 || list.WebhookPolicies[0].Base.Selector.MatchLabels["env"] != "prod" {
		t.Errorf("the list is %+v", list)
	}
	// What was read is sent back as it came, with one thing changed.
	back := `{"webhookPolicy":` + strings.Replace(strings.TrimSpace(raw.body), `"Production"`, `"Other"`, 1) + `}`
	for _, method := range []string{put, patch} {
		h.with(token, method, at+"/prod", back).ok(&changed)
		if changed.DisplayName != "Other" || len(changed.Base.Selector.MatchExpressions) != 2 || len(changed.Calls) != 2 {
			t.Errorf("%s: changed to %+v", method, changed)
		}
	}
	h.with(token, patch, at+"/prod", `{"webhookPolicy":{"calls":["GetDecision"]}}`).refused(400, approval.Invalid, "webhookPolicy.serviceAccount")
	changed = webhookPolicy{}
	h.with(token, put, at+"/prod", `{"webhookPolicy":{"webhook":"hooked"}}`).ok(&changed)
	if changed.DisplayName != "" || len(changed.Labels) != 0 || len(changed.Base.Selector.MatchLabels) != 0 || strings.Join(changed.Calls, ",") != "ApplyUpdate" {
		t.Errorf("replaced by %+v", changed)
	}
	h.with(token, put, at+"/prod", `{"webhookPolicy":{"name":"other","webhook":"hooked"}}`).ok(&changed)
	if changed.Name != "prod" {
		t.Errorf("it is called %s", changed.Name)
	}
	h.with(token, put, at+"/none", `{"webhookPolicy":{"webhook":"hooked"}}`).refused(404, approval.NotFound, "")
	h.with(token, post, at, whole).refused(409, approval.Conflict, "")
	h.with(token, post, at, `{"webhookPolicy":{"webhook":"none"}}`).refused(400, approval.Invalid, "webhookPolicy.webhook")
	h.with(token, post, at, `{"webhookPolicy":{"webhook":"hooked","decideWithin":"1m"}}`).refused(400, approval.Invalid, "webhookPolicy.decideWithin")
	h.with(token, post, at, `{"webhookPolicy":{"webhook":"hooked","base":{"conditions":["true","resource.knd == 1"]}}}`).refused(400, approval.Invalid, "webhookPolicy.base.conditions[1]")
	h.with(token, del, inSpace+"/webhooks/hooked", nil).refused(409, approval.Conflict, "")

	bot := h.token(theOwner)
	h.with(bot, patch, at+"/prod", `{"webhookPolicy":{"calls":["GetDecision"],"serviceAccount":"quickstart","decideWithin":"2.5s"}}`).ok(&changed)
	if changed.ServiceAccount != "quickstart" || changed.DecideWithin != "2.5s" {
		t.Errorf("changed to %+v", changed)
	}
	h.with(token, patch, at+"/prod", `{"webhookPolicy":{"displayName":"x"}}`).refused(403, approval.Forbidden, "")
	h.with(token, del, at+"/prod", nil).ok(nil)
	h.with(token, del, at+"/prod", nil).refused(404, approval.NotFound, "")
}

func TestAWebhookPolicyIsTriedByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.webhookPolicy("acmecorp", theOwner, h.hooked(), "mine")
	token, at := h.token(theEditor), inSpace+"/webhooks:testPolicy"
	_, err := h.service.PutResources(h.Context(), h.actor(theOwner), []approval.Resource{{ID: "mine", Kind: "db", Labels: map[string]string{approval.LabelBlock: "mine", "mark": "mine"}}})
	h.must(err)
	try := func(body string) (out testWebhookPolicyOut) {
		t.Helper()
		h.with(token, post, at, body).ok(&out)
		return out
	}
	out := try(`{"policy":"mine","resources":[{"kind":"db","id":"mine"},{"kind":"db","id":"yours","labels":{"mark":"mine"}}],"params":{"a":1},"defaultDuration":"60s"}`)
	if out.Policy != "mine" || out.Webhook != "hooked" || len(out.Resources) != 2 || !out.Resources[0].Matches || strings.Join(out.Resources[0].Calls, ",") != "ApplyUpdate" || out.Resources[1].Matches ||
		out.Resources[0].Seen[0].Labels["indent.com/resource/id"] != "mine" || out.Resources[1].Seen[0].Labels["mark"] != "" {
		t.Errorf("answers %+v", out)
	}
	out = try(`{"webhookPolicy":{"base":{"conditions":["petition.params.none == 1.0"]}},"resources":[{"kind":"db","id":"mine"}]}`)
	if out.Resources[0].Matches || !strings.Contains(out.Resources[0].Problem, "condition 1") || len(out.Resources[0].Calls) != 0 {
		t.Errorf("answers %+v", out)
	}
	p, _, err := h.service.CreatePetition(h.Context(), h.actor(theOwner), approval.NewPetition{Reason: "a reason", Resources: []approval.Resource{{ID: "mine", Kind: "db"}, {ID: "yours", Kind: "db"}}}, "")
	h.must(err)
	out = try(`{"webhookPolicy":{"calls":["ApplyUpdate","GetDecision"],"base":{"selector":{"matchLabels":{"mark":"mine"}}}},"petition":"` + p.Name + `"}`)
	if strings.Join(out.Resources[0].Calls, ",") != "ApplyUpdate" || len(out.Resources[1].Calls) != 0 {
		t.Errorf("a decision on a part: %+v", out)
	}
	out = try(`{"webhookPolicy":{"calls":["GetDecision"]},"petition":"` + p.Name + `"}`)
	if strings.Join(out.Resources[0].Calls, ",") != "GetDecision" {
		t.Errorf("a decision on the whole: %+v", out)
	}
	for body, field := range map[string]string{
		`{"resources":[{"id":"x"}]}`:                                             "policy",
		`{"policy":"mine"}`:                                                      "resources",
		`{"policy":"mine","resources":[{"kind":"x"}]}`:                           "resources[0].id",
		`{"policy":"mine","petition":"` + p.Name + `","resources":[{"id":"x"}]}`: "petition",
		`{"webhookPolicy":{"base":{"conditions":["petition.reason == \"\""]}},"resources":[{"id":"x"}]}`: "webhookPolicy.base.conditions[0]",
		`{"policy":"mine","resources":[{"id":"x"}],"defaultDuration":"0s"}`:                              "defaultDuration",
	} {
		h.with(token, post, at, body).refused(400, approval.Invalid, field)
	}
	h.with(token, post, at, `{"policy":"none","resources":[{"id":"x"}]}`).refused(404, approval.NotFound, "")
}
