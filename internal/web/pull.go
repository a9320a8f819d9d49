package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// directoryView is what webhooks list for the directory.
type directoryView struct {
	Policies []pullView
	Webhooks []approval.Webhook // that may be asked
	May      bool
	Entry    entry
	Fields   pullFields // of a new policy
}

// pullView is a pull policy and how it stands.
type pullView struct {
	approval.PullPolicy
	Pull     approval.Pull
	Webhooks []approval.Webhook
	May      bool
	Entry    entry
	Fields   pullFields
	Refused  string
}

// Title answers what people call it.
func (p pullView) Title() string {
	if p.DisplayName != "" {
		return p.DisplayName
	}
	return p.Name
}

// State answers how it stands in one word.
func (p pullView) State() string {
	switch {
	case p.Pull.Run != "" || p.Pull.Asked != nil:
		return "running"
	case p.Pull.Failures > 0:
		return "failing"
	case p.Pull.Last.State == "":
		return "new"
	}
	return "working"
}

// Running answers whether a pull goes on, or begins soon.
func (p pullView) Running() bool { return p.State() == "running" }

// Refusal answers whether the last pull would have marked too much as gone.
func (p pullView) Refusal() bool { return p.Pull.Last.State == approval.PullRefused }

// Other answers the last pull that worked, where the last is another one.
func (p pullView) Other() *approval.PullResult {
	if p.Pull.Good.State == "" || p.Pull.Good.ID == p.Pull.Last.ID {
		return nil
	}
	return &p.Pull.Good
}

// Terms answers which of the listed resources are taken, a line for each part that must hold.
func (p pullView) Terms() []string {
	return slices.Concat(matchLines(p.Base), expressionLines(p.Base), p.Base.Conditions)
}

// pullFields are a policy as it is typed.
type pullFields struct {
	DisplayName, Webhook, Kinds, Schedule, Flags, Labels, TakeLabels, Match, Expressions, Conditions string
	TakeIdentities                                                                                   bool
}

func fieldsOfPull(p approval.PullPolicy) pullFields {
	return pullFields{DisplayName: p.DisplayName, Webhook: p.Webhook, Kinds: strings.Join(p.Kinds, "\n"), Schedule: p.Schedule, Flags: strings.Join(pairLines(p.Flags), "\n"),
		Labels: strings.Join(pairLines(p.Labels), "\n"), TakeLabels: strings.Join(p.TakeLabels, "\n"), Match: strings.Join(matchLines(p.Base), "\n"),
		Expressions: strings.Join(expressionLines(p.Base), "\n"), Conditions: strings.Join(p.Base.Conditions, "\n"), TakeIdentities: p.TakeIdentities}
}

// Typed answers whether who sends the form as it is changes nothing: a condition of two lines, or a value with a comma, cannot be written
// here.
func (p pullView) Typed() bool {
	f := p.Fields
	values := url.Values{"displayName": {f.DisplayName}, "webhook": {f.Webhook}, "kinds": {f.Kinds}, "schedule": {f.Schedule}, "flags": {f.Flags}, "labels": {f.Labels}, "takeLabels": {f.TakeLabels},
		"match": {f.Match}, "expressions": {f.Expressions}, "conditions": {f.Conditions}}
	read, err := typedPull(values)
	said := func(p approval.PullPolicy) string {
		return fmt.Sprintf("%q", []any{p.DisplayName, p.Webhook, p.Kinds, p.Schedule, p.Flags, p.Labels, p.TakeLabels, p.Base.Selector.MatchLabels, p.Base.Selector.MatchExpressions, p.Base.Conditions})
	}
	return err == nil && said(read) == said(p.PullPolicy)
}

// typedPull reads a policy as it is typed.
func typedPull(values url.Values) (p approval.PullPolicy, err error) {
	typed := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	p = approval.PullPolicy{Name: typed("name"), DisplayName: typed("displayName"), Webhook: typed("webhook"), Kinds: filled(values.Get("kinds")), Schedule: typed("schedule"),
		TakeLabels: filled(values.Get("takeLabels")), TakeIdentities: values.Get("takeIdentities") != ""}
	for _, of := range []struct {
		field, such string
		to          *map[string]string
	}{{"flags", "env=production", &p.Flags}, {"labels", approval.LabelRequestable + "=true", &p.Labels}, {"match", "env=production", &p.Base.Selector.MatchLabels}} {
		if *of.to, err = typedPairs(of.field, of.such, values.Get(of.field)); err != nil {
			return p, err
		}
	}
	if p.Base.Selector.MatchExpressions, err = typedTerms(values.Get("expressions")); err != nil {
		return p, err
	}
	p.Base.Conditions = filled(values.Get("conditions"))
	return p, nil
}

// refusedPull answers the entry of a policy that was refused.
func refusedPull(of string, values url.Values, err error) entry {
	e := refusedEntry(of, values, err, "name", "displayName", "webhook", "kinds", "schedule", "flags", "labels", "takeLabels", "match", "expressions", "base.conditions")
	for field, prefix := range map[string]string{"match": "base.selector.matchLabels", "expressions": "base.selector.matchExpressions", "conditions": "base.conditions"} {
		if strings.HasPrefix(fieldOf(err), prefix) {
			e.field = field
		}
	}
	return e
}

func (w *Web) showDirectory(r *http.Request, v visitor) (answer, error) {
	return w.directoryPage(r, v, entry{})
}

func mayPull(v visitor) bool { return v.Can(approval.WriteWebhooks) && v.Can(approval.WriteResources) }

func (w *Web) directoryPage(r *http.Request, v visitor, e entry) (answer, error) {
	ctx := r.Context()
	view := directoryView{May: mayPull(v), Entry: e}
	var err error
	if view.Webhooks, err = w.Service.Webhooks(ctx, v.Actor); err != nil {
		return answer{}, err
	}
	policies, err := w.Service.PullPolicies(ctx, v.Actor)
	if err != nil {
		return answer{}, err
	}
	pulls, err := w.Service.Pulls(ctx, v.Actor)
	if err != nil {
		return answer{}, err
	}
	for _, p := range policies {
		one := pullView{PullPolicy: p}
		if i := slices.IndexFunc(pulls, func(pull approval.Pull) bool { return pull.Policy == p.Name }); i >= 0 {
			one.Pull = pulls[i]
		}
		view.Policies = append(view.Policies, one)
	}
	return answer{page: "directory", title: "Directory", data: view}, nil
}

func (w *Web) makePull(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	p, err := typedPull(r.PostForm)
	if err == nil {
		if p, err = w.Service.CreatePullPolicy(r.Context(), v.Actor, p); err == nil {
			return w.done(pullPath(p.Name), "pull-made"), nil
		}
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.directoryPage(r, v, refusedPull("make", r.PostForm, err))
	page.status = status
	return page, pageErr
}

func pullPath(name string) string { return "/directory/" + url.PathEscape(name) }

func (w *Web) showPull(r *http.Request, v visitor) (answer, error) {
	return w.pullPage(r, v, pullView{})
}

func (w *Web) pullPage(r *http.Request, v visitor, view pullView) (answer, error) {
	ctx, name := r.Context(), r.PathValue("pull")
	var err error
	if view.PullPolicy, err = w.Service.PullPolicy(ctx, v.Actor, name); err != nil {
		return answer{}, err
	}
	if view.Pull, err = w.Service.Pull(ctx, v.Actor, name); err != nil {
		return answer{}, err
	}
	if view.Webhooks, err = w.Service.Webhooks(ctx, v.Actor); err != nil {
		return answer{}, err
	}
	view.May, view.Fields = mayPull(v), fieldsOfPull(view.PullPolicy)
	return answer{page: "pull", title: view.Title(), data: view}, nil
}

// changePull does what one of the page's buttons says. A pull may take long: whoever asks for one reads the page again.
func (w *Web) changePull(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	ctx, name := r.Context(), r.PathValue("pull")
	if _, err := w.Service.PullPolicy(ctx, v.Actor, name); err != nil {
		return answer{}, err
	}
	do := r.PostForm.Get("do")
	var err error
	switch do {
	case "change":
		err = w.savePull(r, v, name)
	case "run", "force":
		_, err = w.Service.PullNow(ctx, v.Actor, approval.PullRequest{Policy: name, Force: do == "force", AtOnce: true})
		do = "run"
	case "delete":
		if err = w.Service.DeletePullPolicy(ctx, v.Actor, name); err == nil {
			return w.done("/directory", "pull-deleted"), nil
		}
	default:
		return answer{}, notAButton()
	}
	if err == nil {
		return w.done(pullPath(name), "pull-"+do), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	view := pullView{Refused: err.Error()}
	if do == "change" {
		view = pullView{Entry: refusedPull("change", r.PostForm, err)}
	}
	page, err := w.pullPage(r, v, view)
	page.status = status
	return page, err
}

// savePull replaces the policy by what was typed, if it is still the one that the form was made of.
func (w *Web) savePull(r *http.Request, v visitor, name string) error {
	p, err := typedPull(r.PostForm)
	if err != nil {
		return err
	}
	if p.Version, err = madeOf(r.PostForm); err != nil {
		return err
	}
	p.Name = name
	_, err = w.Service.PutPullPolicy(r.Context(), v.Actor, name, p)
	return err
}
