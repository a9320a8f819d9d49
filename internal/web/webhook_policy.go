package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const webhookPoliciesPath = "/webhook-policies"

func webhookPolicyPath(name string) string { return webhookPoliciesPath + "/" + url.PathEscape(name) }

// webhookPoliciesView is all policies of a space, and the form of another one.
type webhookPoliciesView struct {
	Policies []aboutPolicy
	May      bool
	Fields   policyFields
	Refused  bool // the form was sent, and comes back
}

// aboutPolicy is a policy as a list has it.
type aboutPolicy struct{ approval.WebhookPolicy }

// About answers what it is about, a line for each part that must hold.
func (p aboutPolicy) About() []string {
	lines := append(matchLines(p.Base), expressionLines(p.Base)...)
	if lines = append(lines, p.Base.Conditions...); len(lines) == 0 {
		lines = []string{"everything"}
	}
	return lines
}

// LabelLines answers the labels, one by one.
func (p aboutPolicy) LabelLines() []string { return pairLines(p.Labels) }

func aboutEach(list []approval.WebhookPolicy) []aboutPolicy {
	out := make([]aboutPolicy, len(list))
	for i, p := range list {
		out[i] = aboutPolicy{p}
	}
	return out
}

func (w *Web) showWebhookPolicies(r *http.Request, v visitor) (answer, error) {
	asked := url.Values{"webhook": {r.URL.Query().Get("webhook")}, "call": {string(approval.WebhookApply)}}
	return w.webhookPoliciesPage(r, v, webhookPoliciesView{Fields: policyFields{Entry: entry{form: "make", values: asked}}})
}

func (w *Web) webhookPoliciesPage(r *http.Request, v visitor, view webhookPoliciesView) (answer, error) {
	list, err := w.Service.WebhookPolicies(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	view.Policies, view.May, view.Fields.Form = aboutEach(list), v.Can(approval.WriteWebhooks), "make"
	err = w.addHooks(r, v, &view.Fields)
	return answer{page: "webhookpolicies", title: "Webhook policies", data: view}, err
}

func (w *Web) addHooks(r *http.Request, v visitor, fields *policyFields) (err error) {
	fields.Hooks, err = w.Service.Webhooks(r.Context(), v.Actor)
	return err
}

func (w *Web) makeWebhookPolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	n, err := typedPolicy(r.PostForm)
	if n.Name = strings.TrimSpace(r.PostForm.Get("name")); err == nil && n.Name == "" {
		err = approval.FieldError("name", "is required: by it commands know the policy")
	}
	if err == nil {
		_, err = w.Service.CreateWebhookPolicy(r.Context(), v.Actor, n)
	}
	if err == nil {
		return w.done(webhookPolicyPath(n.Name), "webhook-policy-made"), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.webhookPoliciesPage(r, v, webhookPoliciesView{Refused: true, Fields: policyFields{Entry: refusedPolicy("make", r.PostForm, err)}})
	page.status = status
	return page, pageErr
}

// webhookPolicyView is one policy.
type webhookPolicyView struct {
	aboutPolicy
	May     bool
	Fields  policyFields
	Changed bool // the form of its change was sent, and comes back
	// Writable is whether the form can write all that the policy says.
	Writable bool
	Refused  string // of deleting
	Try      policyTry
}

func (w *Web) showWebhookPolicy(r *http.Request, v visitor) (answer, error) {
	p, err := w.Service.WebhookPolicy(r.Context(), v.Actor, r.PathValue("policy"))
	if err != nil {
		return answer{}, err
	}
	return w.webhookPolicyPage(r, v, p, webhookPolicyView{})
}

func (w *Web) webhookPolicyPage(r *http.Request, v visitor, p approval.WebhookPolicy, view webhookPolicyView) (answer, error) {
	view.WebhookPolicy, view.May, view.Fields.Form = p, v.Can(approval.WriteWebhooks), "change"
	written, writable := writtenPolicy(p)
	if view.Writable = writable; !view.Changed {
		view.Fields.Entry = entry{form: "change", values: written}
	}
	title := p.DisplayName
	if title == "" {
		title = p.Name
	}
	err := w.addHooks(r, v, &view.Fields)
	return answer{page: "webhookpolicy", title: title, data: view}, err
}

// changeWebhookPolicy does what one of the page's buttons says.
func (w *Web) changeWebhookPolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	p, err := w.Service.WebhookPolicy(r.Context(), v.Actor, r.PathValue("policy"))
	if err != nil {
		return answer{}, err
	}
	view := webhookPolicyView{}
	switch r.PostForm.Get("do") {
	case "change":
		if err = w.saveWebhookPolicy(r, v, p.Name); err == nil {
			return w.done(webhookPolicyPath(p.Name), "webhook-policy-changed"), nil
		}
		view.Changed, view.Fields.Entry = true, refusedPolicy("change", r.PostForm, err)
	case "delete":
		if err = w.Service.DeleteWebhookPolicy(r.Context(), v.Actor, p.Name); err == nil {
			return w.done(webhookPoliciesPath, "webhook-policy-deleted"), nil
		}
		view.Refused = err.Error()
	default:
		return answer{}, notAButton()
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.webhookPolicyPage(r, v, p, view)
	page.status = status
	return page, pageErr
}

// saveWebhookPolicy changes the policy to what was typed, if it is still the one that the form was made of.
func (w *Web) saveWebhookPolicy(r *http.Request, v visitor, name string) error {
	n, err := typedPolicy(r.PostForm)
	if err != nil {
		return err
	}
	made, err := madeOf(r.PostForm)
	if err != nil {
		return err
	}
	change := approval.WebhookPolicyChange{DisplayName: &n.DisplayName, Labels: n.Labels, Base: &n.Base, Webhook: &n.Webhook, Calls: n.Calls, ServiceAccount: &n.ServiceAccount, Expect: made}
	if change.Labels == nil {
		change.Labels = map[string]string{}
	}
	if slices.Contains(n.Calls, approval.WebhookDecide) && n.DecideWithin == 0 {
		n.DecideWithin = approval.DefaultDecideWithin // the form is the whole of it
	}
	if n.DecideWithin != 0 {
		change.DecideWithin = &n.DecideWithin
	}
	_, err = w.Service.ChangeWebhookPolicy(r.Context(), v.Actor, name, change)
	return err
}

// ---- the form ----

// policyFields are what the forms of making and of changing have in common. What they show is in the entry.
type policyFields struct {
	Form  string
	Entry entry
	Hooks []approval.Webhook
}

// Calls are those that a policy can name.
func (policyFields) Calls() []approval.WebhookKind { return approval.PolicyCalls }

// conditionField is one condition, in a field of its own, so that what is wrong with it stands beside it.
type conditionField struct {
	Number          int
	ID, Text, Wrong string
}

// spareConditions is how many fields for conditions are empty: more are there when those are filled.
const spareConditions = 2

// Conditions answers a field for each condition, and some that are empty.
func (f policyFields) Conditions() (fields []conditionField) {
	typed := f.Entry.values["condition"]
	filled := 0
	for i, text := range typed {
		if text != "" {
			filled = i + 1
		}
	}
	for i := range min(filled+spareConditions, max(filled, approval.MaxConditions)) {
		field := conditionField{Number: i + 1, ID: fmt.Sprintf("%s-condition-%d", f.Form, i+1), Wrong: f.Entry.Wrong(f.Form, conditionName(i))}
		if i < len(typed) {
			field.Text = retyped(typed[i])
		}
		fields = append(fields, field)
	}
	return fields
}

func conditionName(i int) string { return fmt.Sprintf("condition %d", i+1) }

// typedPolicy reads the form.
func typedPolicy(f url.Values) (n approval.NewWebhookPolicy, err error) {
	typed := func(name string) string { return strings.TrimSpace(f.Get(name)) }
	n = approval.NewWebhookPolicy{DisplayName: typed("displayName"), Webhook: typed("webhook"), ServiceAccount: typed("serviceAccount")}
	for _, call := range f["call"] {
		n.Calls = append(n.Calls, approval.WebhookKind(call))
	}
	if len(n.Calls) == 0 {
		return n, approval.FieldError("calls", "tick at least one")
	}
	if text := typed("decideWithin"); text != "" {
		if n.DecideWithin, err = time.ParseDuration(text); err != nil {
			return n, approval.FieldError("decideWithin", "must be a time such as 10s")
		}
	}
	if n.Labels, err = typedPairs("labels", "team=core", f.Get("labels")); err != nil {
		return n, err
	}
	if n.Base.Selector.MatchLabels, err = typedPairs("match", "env=production", f.Get("match")); err != nil {
		return n, err
	}
	if n.Base.Selector.MatchExpressions, err = typedTerms(f.Get("expressions")); err != nil {
		return n, err
	}
	for _, text := range f["condition"] {
		if strings.TrimSpace(text) != "" {
			n.Base.Conditions = append(n.Base.Conditions, strings.ReplaceAll(text, "\r\n", "\n"))
		}
	}
	return n, nil
}

// typedTerms reads the terms of a selector as they are typed, one a line.
func typedTerms(text string) (terms []approval.SelectorTerm, err error) {
	for i, line := range filled(text) {
		parts := strings.Fields(line)
		if len(parts) < 2 {
			return nil, approval.FieldError("expressions", "line %d must be such as env In production,staging or legacy DoesNotExist", i+1)
		}
		term := approval.SelectorTerm{Key: parts[0], Operator: parts[1]}
		if list := strings.Join(parts[2:], " "); list != "" {
			for value := range strings.SplitSeq(list, ",") {
				term.Values = append(term.Values, strings.TrimSpace(value))
			}
		}
		terms = append(terms, term)
	}
	return terms, nil
}

// writtenPolicy answers what somebody would type for the policy, and whether reading that gives the same policy again: a value with a
// comma, or a name with a blank, cannot be written here.
func writtenPolicy(p approval.WebhookPolicy) (f url.Values, same bool) {
	f = url.Values{"displayName": {p.DisplayName}, "webhook": {p.Webhook}, "serviceAccount": {p.ServiceAccount}, "version": {strconv.FormatInt(p.Version, 10)},
		"labels": {strings.Join(pairLines(p.Labels), "\n")}, "match": {strings.Join(matchLines(p.Base), "\n")}, "expressions": {strings.Join(expressionLines(p.Base), "\n")},
		"condition": p.Base.Conditions}
	for _, call := range p.Calls {
		f.Add("call", string(call))
	}
	if p.DecideWithin != 0 {
		f.Set("decideWithin", p.DecideWithin.String())
	}
	read, err := typedPolicy(f)
	said := approval.NewWebhookPolicy{DisplayName: p.DisplayName, Labels: p.Labels, Base: p.Base, Webhook: p.Webhook, Calls: p.Calls, ServiceAccount: p.ServiceAccount, DecideWithin: p.DecideWithin}
	return f, err == nil && reflect.DeepEqual(emptyAsNil(read), emptyAsNil(said))
}

// emptyAsNil answers the policy with nil for what is empty.
func emptyAsNil(n approval.NewWebhookPolicy) approval.NewWebhookPolicy {
	if len(n.Labels) == 0 {
		n.Labels = nil
	}
	s := &n.Base.Selector
	if len(s.MatchLabels) == 0 {
		s.MatchLabels = nil
	}
	if len(s.MatchExpressions) == 0 {
		s.MatchExpressions = nil
	}
	if len(n.Base.Conditions) == 0 {
		n.Base.Conditions = nil
	}
	return n
}

func matchLines(b approval.PolicyBase) []string { return pairLines(b.Selector.MatchLabels) }

func expressionLines(b approval.PolicyBase) (lines []string) {
	for _, term := range b.Selector.MatchExpressions {
		lines = append(lines, strings.TrimSpace(term.Key+" "+term.Operator+" "+strings.Join(term.Values, ",")))
	}
	return lines
}

// refusedPolicy answers the form as it was typed, with what is wrong beside its field.
func refusedPolicy(form string, values url.Values, err error) entry {
	values["condition"] = slices.DeleteFunc(values["condition"], func(text string) bool { return strings.TrimSpace(text) == "" })
	names := []string{"name", "displayName", "webhook", "calls", "serviceAccount", "decideWithin", "labels", "match", "expressions"}
	for i := range values["condition"] {
		names = append(names, conditionName(i))
	}
	return refusedEntry(form, values, typedElsewhere(err), names...)
}

// typedElsewhere moves what is wrong with a base to the field of the form that it came from.
func typedElsewhere(err error) error {
	var known *approval.Error
	if !errors.As(err, &known) {
		return err
	}
	moved := *known
	if place, ok := strings.CutPrefix(known.Field, "base.selector.matchLabels"); ok {
		moved.Field, moved.Message = "match", strings.TrimSpace(placeInWords(place)+" "+known.Message)
	} else if place, ok := strings.CutPrefix(known.Field, "base.selector.matchExpressions"); ok {
		moved.Field, moved.Message = "expressions", strings.TrimSpace(placeInLines(place)+" "+known.Message)
	} else if place, ok := strings.CutPrefix(known.Field, "base.conditions["); ok {
		if i, err := strconv.Atoi(strings.TrimSuffix(place, "]")); err == nil {
			moved.Field = conditionName(i)
		}
	}
	return &moved
}

// placeInLines is placeInWords for what is typed line by line: "[0].key" is line 1's key.
func placeInLines(path string) string {
	index, rest, ok := strings.Cut(strings.TrimPrefix(path, "["), "]")
	i, err := strconv.Atoi(index)
	if !ok || err != nil {
		return placeInWords(path)
	}
	return strings.TrimSpace(fmt.Sprintf("line %d: %s", i+1, strings.TrimPrefix(rest, ".")))
}
