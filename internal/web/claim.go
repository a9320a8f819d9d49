package web

import (
	"net/http"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// decidePetition takes a press of Approve, Deny, Withdraw, Revoke or Give back. The form carries the digest of what was
// shown: a petition that differs is refused (I1). A refused press shows the petition as it is now and says why.
func (w *Web) decidePetition(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	p, err := w.petition(r, v)
	if err != nil {
		return answer{}, err
	}
	claim, t, err := claimOf(r)
	if err != nil {
		return w.refusedClaim(r, v, t, err)
	}
	if claim.Labels[approval.LabelDigest] == "" {
		err = approval.FieldError("digest", "the form does not say what was shown: open the petition again and decide there")
	} else {
		_, _, err = w.Service.Decide(r.Context(), v.Actor, p.Name, claim, claimKey(r))
	}
	if err == nil {
		return answer{location: "/access/" + p.Space + "/" + p.Name}, nil
	}
	return w.refusedClaim(r, v, t, err)
}

func claimOf(r *http.Request) (approval.NewClaim, typed, error) {
	f := r.PostForm
	// A browser sends the line ends of a text field as CR LF (HTML, form submission).
	t := typed{reason: strings.TrimSpace(strings.ReplaceAll(f.Get("reason"), "\r\n", "\n")), duration: f.Get("duration")}
	c := approval.NewClaim{Event: f.Get("claim"), Reason: t.reason, Labels: map[string]string{}}
	if c.Event == approval.EventApprove {
		c.Labels = termLabels(t.duration)
	}
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	if digest := f.Get("digest"); digest != "" {
		c.Labels[approval.LabelDigest] = digest
	}
	signed := f.Get("passkey")
	if signed == "" || c.Event != approval.EventApprove {
		return c, t, nil
	}
	confirmation, err := identity.ReadConfirmation([]byte(signed))
	c.Confirmation = &confirmation
	return c, t, err
}

// claimKey answers the form's key, by which a second press is the same claim; one that this page did not make is none.
func claimKey(r *http.Request) string {
	key := r.PostForm.Get("key")
	if len(key) > 100 {
		return ""
	}
	return key
}

var refusalHeadings = map[approval.Code]string{
	approval.Conflict:  "Not done: this petition has changed since you looked",
	approval.Forbidden: "Not done: this decision is not yours",
	approval.Invalid:   "Not done: something in the form needs a change",
	approval.Expired:   "Not done: it is too late",
}

func (w *Web) refusedClaim(r *http.Request, v visitor, t typed, err error) (answer, error) {
	heading, known := refusalHeadings[approval.CodeOf(err)]
	if !known {
		return answer{}, err
	}
	if approval.CodeOf(err) == approval.Invalid {
		t.reason = retyped(t.reason)
	}
	page, pageErr := w.petitionPage(r, v, &notice{Heading: heading, Text: err.Error()}, t)
	if pageErr != nil {
		return answer{}, pageErr
	}
	page.status = errorKinds[approval.CodeOf(err)].status
	return page, nil
}
