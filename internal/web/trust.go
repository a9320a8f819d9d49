package web

import (
	"net/http"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// trustView is an outside issuer whose tokens stand for a service account.
type trustView struct {
	approval.Trust
	End bool // it is the visitor's to end
}

// Scope answers what tokens of the issuer may do, in words.
func (t trustView) Scope() string { return scopeWords(t.Scopes) }

// Demands answers the claims that a token must have, one by one.
func (t trustView) Demands() []string { return pairLines(t.Claims) }

func (w *Web) trustViews(r *http.Request, v visitor, m approval.Member, end bool) (views []trustView, err error) {
	trusts, err := w.Service.Trusts(r.Context(), v.Actor, m.ID)
	for _, t := range trusts {
		views = append(views, trustView{t, end})
	}
	return views, err
}

// changeTrust lets tokens of an outside issuer stand for a service account, or ends that.
func (w *Web) changeTrust(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	account := r.PostForm.Get("account")
	switch r.PostForm.Get("do") {
	case "create":
		err := w.makeTrust(r, v, account)
		return w.keysDone(r, v, "trust-made", refusedEntry("trust-"+account, r.PostForm, err, "issuer", "audience", "claims", "scope"), err)
	case "end":
		return w.keysDone(r, v, "trust-ended", entry{}, w.Service.DeleteTrust(r.Context(), v.Actor, account, r.PostForm.Get("trust")))
	}
	return w.keysDone(r, v, "", entry{}, notAButton())
}

func (w *Web) makeTrust(r *http.Request, v visitor, account string) error {
	claims, err := typedClaims(r.PostForm.Get("claims"))
	if err != nil {
		return err
	}
	scopes, err := tickedScopes(r)
	if err != nil {
		return err
	}
	_, err = w.Service.CreateTrust(r.Context(), v.Actor, approval.Trust{Account: account, Issuer: strings.TrimSpace(r.PostForm.Get("issuer")),
		Audience: strings.TrimSpace(r.PostForm.Get("audience")), Claims: claims, Scopes: scopes})
	return err
}

// typedClaims reads claims as they are typed: one a line, name=value. None is the centre's to refuse.
func typedClaims(text string) (map[string]string, error) {
	claims, err := typedPairs("claims", "repository=acme/app", text)
	if err != nil {
		return nil, err
	}
	for name, value := range claims {
		if value == "" {
			return nil, approval.FieldError("claims", "must be name=value, one in a line, such as repository=acme/app; %.100q has no value", name)
		}
	}
	if len(claims) > approval.MaxTrustClaims {
		return nil, approval.FieldError("claims", "are more than %d", approval.MaxTrustClaims)
	}
	return claims, nil
}
