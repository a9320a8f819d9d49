package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// pairTold is where one pair of a petition stands at a webhook, as people read it.
type pairTold struct {
	approval.Application
	Word  string
	Warns bool
	Named bool // there are several pairs: the person and the resource are named
}

func toldOf(p *approval.Petition, list []approval.Application) []pairTold {
	out := make([]pairTold, len(list))
	for i, t := range list {
		out[i] = pairTold{Application: t, Named: len(p.Petitioners)*len(p.Resources) > 1}
		out[i].Word, out[i].Warns = toldWord(&t)
	}
	return out
}

func toldWord(t *approval.Application) (word string, warns bool) {
	switch {
	case t.Drift == approval.DriftLeft:
		return "Access left behind", true
	case t.Drift == approval.DriftLost:
		return "Access is missing", true
	case t.NotSent && t.State == approval.ApplicationApplied:
		return "Dry run", true
	case t.State == approval.ApplicationPending:
		return "Not yet applied", true
	case t.State == approval.ApplicationFailed:
		return "Not applied", true
	case t.State == approval.ApplicationEnding:
		return "Not yet taken away", true
	case t.KeptBy != "":
		return "Goes on", false
	case t.State == approval.ApplicationEnded:
		return "Ended", false
	}
	return "Applied", false
}

// toldKey changes when anything does that the page shows of webhooks.
func toldKey(list []approval.Application) string {
	var b strings.Builder
	for _, t := range list {
		fmt.Fprintf(&b, "%s%d.", t.State, t.Version)
	}
	return b.String()
}

// addTold adds what webhooks were told, where they may be told of the petition.
func (w *Web) addTold(ctx context.Context, v visitor, view *petitionView) error {
	list, err := w.Service.Applications(ctx, v.Actor, view.Name)
	view.Told, view.ToldKey = toldOf(&view.Petition, list), toldKey(list)
	return err
}

// webhookDeed says what an event about a webhook means; "" for other events. It stands alone.
func webhookDeed(e approval.Event) (kind, did string) {
	hook := e.Label(approval.LabelWebhook)
	switch e.Event {
	case approval.EventWebhookApply:
		return "approved", "Applied by " + hook
	case approval.EventWebhookFail:
		return "refused", "Not applied by " + hook
	case approval.EventWebhookEnd:
		return "over", "Taken away by " + hook
	case approval.EventWebhookDrift:
		return "refused", "Not as it should be, says " + hook
	case approval.EventWebhookDriftEnd:
		return "over", "Access that " + hook + " was asked about"
	case approval.EventWebhookUndecided:
		return "over", "Not decided by " + hook + ", but left to people"
	case approval.EventWebhookKeep:
		return "over", "Access by " + hook + " goes on"
	case approval.EventWebhookReplay:
		return "over", "Sent again to " + hook
	case approval.EventWebhookSettle:
		return "over", "Taken away by hand, not by " + hook
	case approval.EventInherit:
		return "over", "Goes on with access that " + hook + " gave"
	}
	return "", ""
}

// left is a petition that is over and whose access a webhook has not taken away.
type left struct {
	Petition approval.Petition
	Told     []pairTold
}

// mostLeft bounds how many the page Grants shows.
const mostLeft = 20

// leftOver answers what is over and not yet taken away, of what the filter asks for.
func (w *Web) leftOver(ctx context.Context, v visitor, f grantFilter) (list []left, more bool, err error) {
	page, err := w.Service.Petitions(ctx, v.Actor, approval.PetitionQuery{Phases: []approval.Phase{approval.Revoked}, Page: approval.PageRequest{Size: approval.MaxPageSize}}, false)
	if err != nil {
		return nil, false, err
	}
	for _, p := range page.Items {
		if p.Grant == nil || !p.Grant.Webhooks {
			continue
		}
		if len(list) == mostLeft {
			return list, true, nil
		}
		all, err := w.Service.Applications(ctx, v.Actor, p.Name)
		if err != nil {
			return nil, false, err
		}
		all = slices.DeleteFunc(all, func(t approval.Application) bool {
			return t.State != approval.ApplicationEnding || !f.fits(f.Person, t.Person) || !f.fits(f.Resource, t.Resource)
		})
		if len(all) > 0 {
			list = append(list, left{p, toldOf(&p, all)})
		}
	}
	return list, page.Next != "", nil
}

// fits answers whether the text is empty, or one of the resource's own names.
func (grantFilter) fits(text string, r approval.Resource) bool {
	return text == "" || strings.EqualFold(text, r.ID) || strings.EqualFold(text, r.Email) || slices.ContainsFunc(r.AltIDs, func(id string) bool { return strings.EqualFold(id, text) })
}

// deliveriesView is the log of attempts of one webhook.
type deliveriesView struct {
	Webhook  approval.Webhook
	Outcome  approval.WebhookOutcome
	Outcomes []approval.WebhookOutcome
	Petition string
	List     []approval.Delivery
	More     string // the address of older ones, "" when all are here
}

func webhookPath(name string, below ...string) string {
	path := "/webhooks/" + url.PathEscape(name)
	for _, part := range below {
		path += "/" + url.PathEscape(part)
	}
	return path
}

func (w *Web) showDeliveries(r *http.Request, v visitor) (answer, error) {
	hook, err := w.Service.Webhook(r.Context(), v.Actor, r.PathValue("webhook"))
	if err != nil {
		return answer{}, err
	}
	values := r.URL.Query()
	view := deliveriesView{Webhook: hook, Outcome: approval.WebhookOutcome(values.Get("outcome")), Outcomes: approval.WebhookOutcomes, Petition: strings.TrimSpace(values.Get("petition"))}
	page, err := w.Service.Deliveries(r.Context(), v.Actor, approval.DeliveryQuery{Webhook: hook.Name, Petition: view.Petition, Outcome: view.Outcome, Page: approval.PageRequest{Token: values.Get("page")}})
	if err != nil {
		return answer{}, err
	}
	view.List = page.Items
	if page.Next != "" {
		q := url.Values{"page": {page.Next}}
		for name, value := range map[string]string{"outcome": string(view.Outcome), "petition": view.Petition} {
			if value != "" {
				q.Set(name, value)
			}
		}
		view.More = webhookPath(hook.Name, "deliveries") + "?" + q.Encode()
	}
	return answer{page: "deliveries", title: "Calls to " + hook.Name, data: view}, nil
}

// deliveryView is one attempt.
type deliveryView struct {
	approval.Delivery
	May     bool
	Refused string
}

// Replays answers whether it can be made again.
func (v deliveryView) Replays() bool { return v.May && v.Kind == approval.WebhookApply }

func (w *Web) showDelivery(r *http.Request, v visitor) (answer, error) {
	return w.deliveryPage(r, v, "")
}

func (w *Web) deliveryPage(r *http.Request, v visitor, refused string) (answer, error) {
	d, err := w.Service.Delivery(r.Context(), v.Actor, r.PathValue("webhook"), r.PathValue("delivery"))
	return answer{page: "delivery", title: "Call to " + d.Webhook, data: deliveryView{d, v.Can(approval.WriteWebhooks), refused}}, err
}

// replayDelivery makes a call again.
func (w *Web) replayDelivery(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	hook, name := r.PathValue("webhook"), r.PathValue("delivery")
	if _, err := w.Service.Delivery(r.Context(), v.Actor, hook, name); err != nil {
		return answer{}, err
	}
	if r.PostForm.Get("do") != "replay" {
		return answer{}, notAButton()
	}
	_, err := w.Service.ReplayDelivery(r.Context(), v.Actor, hook, name)
	if err == nil {
		return w.done(webhookPath(hook), "webhook-replayed"), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.deliveryPage(r, v, err.Error())
	page.status = status
	return page, pageErr
}

// changeCondition is the buttons below how a webhook stands.
func (w *Web) changeCondition(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	hook, err := w.Service.Webhook(r.Context(), v.Actor, r.PathValue("webhook"))
	if err != nil {
		return answer{}, err
	}
	said := ""
	switch r.PostForm.Get("do") {
	case "resume":
		said = "webhook-resumed"
		_, err = w.Service.ResumeWebhook(r.Context(), v.Actor, hook.Name)
	case "settle":
		said = "webhook-settled"
		_, err = w.Service.SettleWebhook(r.Context(), v.Actor, hook.Name, strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("reason"), "\r\n", "\n")))
	default:
		return answer{}, notAButton()
	}
	if err == nil {
		return w.done(webhookPath(hook.Name), said), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.webhookPage(r, v, hook, webhookView{Refused: err.Error(), Reason: retyped(r.PostForm.Get("reason"))})
	page.status = status
	return page, pageErr
}

// latest is how many attempts the page of a webhook shows.
const latest = 10

// addCondition adds how the webhook stands, and the latest attempts.
func (w *Web) addCondition(ctx context.Context, v visitor, view *webhookView) (err error) {
	if view.Condition, err = w.Service.WebhookCondition(ctx, v.Actor, view.Name); err != nil {
		return err
	}
	page, err := w.Service.Deliveries(ctx, v.Actor, approval.DeliveryQuery{Webhook: view.Name, Page: approval.PageRequest{Size: latest}})
	view.Latest, view.Older = page.Items, page.Next != ""
	return err
}
