package api

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// pullPolicy makes a pull policy of a webhook, or takes the one of that name.
func (h *house) pullPolicy(space, owner, hook, mark string) string {
	h.Helper()
	p, err := h.service.PutPullPolicy(h.Context(), h.actor(owner), mark, approval.PullPolicy{DisplayName: mark, Webhook: hook, Kinds: []string{"role"}, Flags: map[string]string{"mark": mark}, Labels: map[string]string{"mark": mark}})
	h.must(err)
	return p.Name
}

// noPullPolicies deletes those of acmecorp: a space may not have so many as the matrix makes.
func (h *house) noPullPolicies() {
	h.Helper()
	list, err := h.service.Store.PullPolicies(h.Context(), "acmecorp")
	h.must(err)
	for _, p := range list {
		h.must(h.service.DeletePullPolicy(h.Context(), h.actor(theOwner), p.Name))
	}
}

// onPullPolicy prepares a pull policy.
func onPullPolicy(body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		h.noPullPolicies()
		return cell{inSpace + "/pullPolicies/" + h.pullPolicy("acmecorp", theOwner, h.hooked(), "pulling"), body}
	}
}

func newPullPolicy(h *house, _ approval.Actor) cell {
	h.noPullPolicies()
	return cell{inSpace + "/pullPolicies", map[string]any{"pullPolicy": map[string]any{"name": "p" + h.service.IDs.UUID(), "webhook": h.hooked(), "kinds": []string{"role"}}}}
}

func asksForPull(h *house, _ approval.Actor) cell {
	return cell{inSpace + "/resources:pullUpdate", map[string]any{"policy": h.pullPolicy("acmecorp", theOwner, h.hooked(), "pulling"), "wait": false}}
}

func TestAPullPolicyOnTheWire(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hooked()
	token, at := h.token(theEditor), inSpace+"/pullPolicies"
	whole := `{"pullPolicy":{"name":"roles","displayName":"Roles","webhook":"hooked","kinds":["role","database"],"flags":{"env":"prod"},"schedule":"0 3 * * *","labels":{"team":"a"},
		"takeLabels":["description"],"takeIdentities":true,"base":{"selector":{"matchLabels":{"env":"prod"}},"conditions":["resource.id != \"x\""]}}}`
	var made, put, plain pullPolicy
	h.with(token, post, at, whole).ok(&made)
	if made.Name != "roles" || made.SpaceName != "acmecorp" || made.DisplayName != "Roles" || made.Webhook != "hooked" || strings.Join(made.Kinds, ",") != "role,database" || made.Flags["env"] != "prod" ||
		made.Schedule != "0 3 * * *" || made.Labels["team"] != "a" || made.TakeLabels[0] != "description" || !made.TakeIdentities || made.Base.Selector.MatchLabels["env"] != "prod" ||
		made.Base.Conditions[0] != `resource.id != "x"` || made.CreatedBy.ID != theEditor || made.Meta.CreateTime.IsZero() {
		t.Errorf("made %+v", made)
	}
	if s := made.Status; s.State != "new" || s.Last != nil || s.Good != nil || !s.NextTime.After(h.clock.Now()) {
		t.Errorf("stands so: %+v", s)
	}
	// What was read is sent back as it came, with one thing changed.
	raw := h.with(token, get, at+"/roles", nil)
	h.with(token, "PUT", at+"/roles", `{"pullPolicy":`+strings.Replace(strings.TrimSpace(raw.body), `"Roles"`, `"Other"`, 1)+`}`).ok(&put)
	if put.DisplayName != "Other" || !put.TakeIdentities || len(put.Kinds) != 2 {
		t.Errorf("changed to %+v", put)
	}
	h.with(token, "PUT", at+"/others", `{"pullPolicy":{"webhook":"hooked","kinds":["role"]}}`).ok(&plain)
	if plain.Schedule != "" || plain.TakeIdentities || len(plain.TakeLabels) != 0 || len(plain.Labels) != 0 || !plain.Status.NextTime.IsZero() {
		t.Errorf("by default it is %+v", plain)
	}
	var list pullPolicyList
	h.with(token, get, at, nil).ok(&list)
	if len(list.PullPolicies) != 2 || list.PullPolicies[0].Name != "others" || list.PullPolicies[1].Status.NextTime.IsZero() {
		t.Errorf("the list is %+v", list)
	}
	for change, field := range map[string]string{
		`"webhook":"none"`: "pullPolicy.webhook", `"kinds":["indent/policy"]`: "pullPolicy.kinds", `"schedule":"* * * * *"`: "pullPolicy.schedule", `"flags":{"":"x"}`: "pullPolicy.flags",
		`"labels":{"indent.com/block":"x"}`: "pullPolicy.labels.indent.com/block", `"takeLabels":["a","a"]`: "pullPolicy.takeLabels", `"base":{"conditions":["true","petition.reason == \"\""]}`: "pullPolicy.base.conditions[1]",
		`"kinds":[]`: "pullPolicy.kinds", `"name":"` + strings.Repeat("n", 61) + `"`: "pullPolicy.name",
	} {
		fields := map[string]string{"name": `"name":"new"`, "webhook": `"webhook":"hooked"`, "kinds": `"kinds":["role"]`}
		key, _, _ := strings.Cut(strings.Trim(change, `"`), `"`)
		fields[key] = change
		body := ""
		for _, f := range fields {
			body += "," + f
		}
		h.with(token, post, at, `{"pullPolicy":{`+body[1:]+`}}`).refused(400, approval.Invalid, field)
	}
	h.with(token, post, at, whole).refused(409, approval.Conflict, "")
	h.with(token, del, inSpace+"/webhooks/hooked", nil).refused(409, approval.Conflict, "")
	h.with(token, get, at+"/none", nil).refused(404, approval.NotFound, "")
	h.with(token, del, at+"/roles", nil).ok(nil)
	h.with(token, del, at+"/roles", nil).refused(404, approval.NotFound, "")
}
