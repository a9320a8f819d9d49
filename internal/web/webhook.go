package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// webhooksView is the list of a space's endpoints.
type webhooksView struct {
	Webhooks []approval.Webhook
	// Conditions are how they stand, by name.
	Conditions map[string]approval.WebhookCondition
	May        bool
	Entry      entry
}

func (w *Web) showWebhooks(r *http.Request, v visitor) (answer, error) {
	return w.webhooksPage(r, v, entry{})
}

func (w *Web) webhooksPage(r *http.Request, v visitor, e entry) (answer, error) {
	view := webhooksView{May: v.Can(approval.WriteWebhooks), Entry: e, Conditions: map[string]approval.WebhookCondition{}}
	var err error
	if view.Webhooks, err = w.Service.Webhooks(r.Context(), v.Actor); err != nil {
		return answer{}, err
	}
	conditions, err := w.Service.WebhookConditions(r.Context(), v.Actor)
	for _, c := range conditions {
		view.Conditions[c.Webhook] = c
	}
	return answer{page: "webhooks", title: "Webhooks", data: view}, err
}

// makeWebhook makes a webhook and shows its secret on this one answer, which no cache keeps.
func (w *Web) makeWebhook(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	typed := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	n := approval.NewWebhook{Name: typed("name"), DisplayName: typed("displayName"), URL: typed("url"), Method: r.PostForm.Get("method"), DryRun: r.PostForm.Get("dryRun") != "", Secret: typed("secret")}
	headers, err := typedHeaders(r.PostForm, nil)
	if n.Headers = headers; err == nil {
		var made approval.Webhook
		var secret string
		if made, secret, err = w.Service.CreateWebhook(r.Context(), v.Actor, n); err == nil {
			return w.webhookPage(r, v, made, webhookView{Secret: secret})
		}
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	r.PostForm.Del("credential") // what is secret is typed again
	r.PostForm.Del("secret")
	page, pageErr := w.webhooksPage(r, v, refusedEntry("make", r.PostForm, err, "name", "displayName", "url", "method", "headers", "secret"))
	page.status = status
	return page, pageErr
}

// typedHeaders reads the headers as they are typed: those that everybody may read one a line, NAME: VALUE, and one credential. kept are
// those whose credentials stay.
func typedHeaders(values url.Values, kept []approval.StoredHeader) (map[string]approval.HeaderInput, error) {
	out := map[string]approval.HeaderInput{}
	for _, h := range kept {
		if h.Sealed != "" {
			out[h.Name] = approval.HeaderInput{Credential: approval.KeptCredential}
		}
	}
	for line := range strings.Lines(values.Get("headers")) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, approval.FieldError("headers", "must be NAME: VALUE, one in a line, such as X-Team: platform; %.100q is not", line)
		}
		if _, twice := out[name]; twice {
			return nil, approval.FieldError("headers", "name %.100q twice", name)
		}
		out[name] = approval.HeaderInput{Value: strings.TrimSpace(value)}
	}
	if name, text := strings.TrimSpace(values.Get("credentialName")), strings.TrimSpace(values.Get("credential")); text != "" {
		if name == "" {
			return nil, approval.FieldError("headers", "need a name for the credential, such as Authorization")
		}
		out[name] = approval.HeaderInput{Credential: text}
	}
	return out, nil
}

// webhookView is one endpoint.
type webhookView struct {
	approval.Webhook
	May      bool
	Rotating bool
	Secret   string // shown this one time
	Trials   []approval.WebhookTrial
	Entry    entry
	Refused  string

	Policies  []aboutPolicy // that give it calls
	Condition approval.WebhookCondition
	Latest    []approval.Delivery
	Older     bool   // there are more
	Reason    string // of settling, as it was typed
}

// Credentials answers the names of the headers that hold one, and Plain the others as they are typed.
func (w webhookView) Credentials() (names []string) {
	for _, h := range w.Headers {
		if h.Sealed != "" {
			names = append(names, h.Name)
		}
	}
	return names
}

// Plain answers the headers that everybody may read, one a line.
func (w webhookView) Plain() string {
	var lines []string
	for _, h := range w.Headers {
		if h.Sealed == "" {
			lines = append(lines, h.Name+": "+h.Value)
		}
	}
	return strings.Join(lines, "\n")
}

// LabelLines answers the labels, one by one.
func (w webhookView) LabelLines() []string { return pairLines(w.Labels) }

func (w *Web) showWebhook(r *http.Request, v visitor) (answer, error) {
	hook, err := w.Service.Webhook(r.Context(), v.Actor, r.PathValue("webhook"))
	if err != nil {
		return answer{}, err
	}
	return w.webhookPage(r, v, hook, webhookView{})
}

func (w *Web) webhookPage(r *http.Request, v visitor, hook approval.Webhook, view webhookView) (answer, error) {
	view.Webhook, view.May, view.Rotating = hook, v.Can(approval.WriteWebhooks), hook.Rotating(w.Service.Clock.Now())
	if !view.Rotating {
		view.Keys = hook.Keys[:1] // the one before has ended
	}
	title := hook.DisplayName
	if title == "" {
		title = hook.Name
	}
	policies, err := w.Service.WebhookPolicies(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	for _, p := range aboutEach(policies) {
		if p.Webhook == hook.Name {
			view.Policies = append(view.Policies, p)
		}
	}
	if err := w.addCondition(r.Context(), v, &view); err != nil {
		return answer{}, err
	}
	return answer{page: "webhook", title: title, data: view}, nil
}

// changeWebhook does what one of the page's buttons says.
func (w *Web) changeWebhook(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	ctx, name := r.Context(), r.PathValue("webhook")
	path := "/webhooks/" + url.PathEscape(name)
	hook, err := w.Service.Webhook(ctx, v.Actor, name)
	if err != nil {
		return answer{}, err
	}
	switch r.PostForm.Get("do") {
	case "change":
		err = w.saveWebhook(r, v, hook)
		if err == nil {
			return w.done(path, "webhook-changed"), nil
		}
	case "rotate":
		var secret string
		var rotated approval.Webhook
		if rotated, secret, err = w.Service.RotateWebhook(ctx, v.Actor, name, typedGrace(r.PostForm.Get("grace"))); err == nil {
			return w.webhookPage(r, v, rotated, webhookView{Secret: secret})
		}
	case "finish":
		if _, err = w.Service.EndWebhookRotation(ctx, v.Actor, name); err == nil {
			return w.done(path, "webhook-finished"), nil
		}
	case "test":
		var trials []approval.WebhookTrial
		if trials, err = w.Service.TryWebhook(ctx, v.Actor, name); err == nil {
			return w.webhookPage(r, v, hook, webhookView{Trials: trials})
		}
	case "delete":
		if err = w.Service.DeleteWebhook(ctx, v.Actor, name); err == nil {
			return w.done("/webhooks", "webhook-deleted"), nil
		}
	default:
		return answer{}, notAButton()
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	view := webhookView{Refused: err.Error()}
	if r.PostForm.Get("do") == "change" {
		r.PostForm.Del("credential")
		view = webhookView{Entry: refusedEntry("change", r.PostForm, err, "displayName", "url", "method", "headers")}
	}
	page, err := w.webhookPage(r, v, hook, view)
	page.status = status
	return page, err
}

// typedGrace answers the chosen grace; what is none of the choices is refused by the centre.
func typedGrace(text string) time.Duration {
	grace, err := time.ParseDuration(text)
	if err != nil {
		return -1
	}
	return grace
}

func (w *Web) saveWebhook(r *http.Request, v visitor, hook approval.Webhook) error {
	kept := hook.Headers
	if r.PostForm.Get("dropCredentials") != "" {
		kept = nil
	}
	headers, err := typedHeaders(r.PostForm, kept)
	if err != nil {
		return err
	}
	made, err := madeOf(r.PostForm)
	if err != nil {
		return err
	}
	title, address, method, dry := strings.TrimSpace(r.PostForm.Get("displayName")), strings.TrimSpace(r.PostForm.Get("url")), r.PostForm.Get("method"), r.PostForm.Get("dryRun") != ""
	_, err = w.Service.ChangeWebhook(r.Context(), v.Actor, hook.Name, approval.WebhookChange{DisplayName: &title, URL: &address, Method: &method, DryRun: &dry, Headers: headers, Expect: time.UnixMicro(made)})
	return err
}
