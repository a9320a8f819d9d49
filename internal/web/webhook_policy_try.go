package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// policyTry is what a policy would make of petitions.
type policyTry struct {
	Entry  entry
	Done   bool
	Latest bool // nothing was said: the latest petitions
	Tried  []triedPetition
}

// Asks answers whether what somebody would ask for was typed, rather than the name of a petition.
func (t policyTry) Asks() bool {
	return slices.ContainsFunc(tryFields, func(field string) bool { return t.Entry.Value("try", field, "") != "" })
}

// Matching answers for how many petitions the webhook would be called.
func (t policyTry) Matching() (n int) {
	for _, p := range t.Tried {
		if p.Matches() {
			n++
		}
	}
	return n
}

// triedPetition is one petition, or what somebody would ask for, with what the policy makes of it.
type triedPetition struct {
	approval.Petition // zero for what was only typed
	Trial             approval.WebhookPolicyTrial
}

// Matches answers whether the webhook would get any call of it.
func (t triedPetition) Matches() bool {
	return slices.ContainsFunc(t.Trial.Resources, func(r approval.ResourceTrial) bool { return len(r.Calls) > 0 })
}

// Unclear answers whether there is something in it of which nobody can tell.
func (t triedPetition) Unclear() bool {
	return slices.ContainsFunc(t.Trial.Resources, func(r approval.ResourceTrial) bool { return r.Problem != "" })
}

// triedLatest is how many petitions are tried where none is named.
const triedLatest = 10

// tryWebhookPolicy shows which calls the webhook would get. Nothing is written or sent.
func (w *Web) tryWebhookPolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	p, err := w.Service.WebhookPolicy(r.Context(), v.Actor, r.PathValue("policy"))
	if err != nil {
		return answer{}, err
	}
	try := policyTry{Entry: entry{form: "try", values: r.PostForm}}
	if err := w.fillTry(r, v, p.Name, &try); err != nil {
		status, ok := shownOnPage(err)
		if !ok {
			return answer{}, err
		}
		try = policyTry{Entry: refusedEntry("try", r.PostForm, askedOtherwise(err), append([]string{"petition"}, tryFields...)...)}
		page, pageErr := w.webhookPolicyPage(r, v, p, webhookPolicyView{Try: try})
		page.status = status
		return page, pageErr
	}
	try.Done = true
	return w.webhookPolicyPage(r, v, p, webhookPolicyView{Try: try})
}

func (w *Web) fillTry(r *http.Request, v visitor, name string, try *policyTry) error {
	typed := func(field string) string { return strings.TrimSpace(r.PostForm.Get(field)) }
	test := func(of approval.Petition, t approval.WebhookPolicyTest) error {
		t.Name = name
		trial, err := w.Service.TryWebhookPolicy(r.Context(), v.Actor, t)
		try.Tried = append(try.Tried, triedPetition{of, trial})
		return err
	}
	switch petition := typed("petition"); {
	case petition != "" && try.Asks():
		return approval.FieldError("petition", "is one that was made: leave it empty, or what is asked for")
	case petition != "":
		found, err := w.Service.Petition(r.Context(), v.Actor, petition[strings.LastIndexByte(petition, '/')+1:])
		if approval.CodeOf(err) == approval.NotFound {
			return approval.FieldError("petition", "names no petition of this space: its name is at the end of its page's address")
		}
		if err != nil {
			return err
		}
		return test(found, approval.WebhookPolicyTest{Petition: found.Name})
	case try.Asks():
		q, err := tried(typed)
		if err != nil {
			return err
		}
		return test(approval.Petition{}, approval.WebhookPolicyTest{Asked: &q.Petition})
	}
	try.Latest = true
	page, err := w.Service.Petitions(r.Context(), v.Actor, approval.PetitionQuery{Page: approval.PageRequest{Size: triedLatest}}, false)
	for i := 0; err == nil && i < len(page.Items); i++ {
		err = test(page.Items[i], approval.WebhookPolicyTest{Petition: page.Items[i].Name})
	}
	return err
}
