package web

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// botsView is the part of the page for API keys that is about service accounts.
type botsView struct {
	Accounts []botView
	// Roles are those that the visitor may give; none: the visitor makes no service accounts.
	Roles []approval.Role
	Made  *madeToken
	// Entry is the form that was refused, Refused what was refused besides a form.
	Entry   entry
	Refused string
}

type botView struct {
	approval.Member
	// Mine: the visitor alone makes its tokens. Manage: the visitor may suspend and delete it. End: its tokens are the
	// visitor's to end.
	Mine, Manage, End bool
	Tokens, Ended     []tokenView
	Trusts            []trustView
	Scopes            []scopeView
}

type tokenView struct {
	approval.Token
	Mine, End bool
}

// Scope answers what the token may do, in words.
func (t tokenView) Scope() string { return scopeWords(t.Scopes) }

func scopeWords(scopes []approval.Permission) string {
	if scopes == nil {
		return "all that its role allows"
	}
	return identity.ScopeText(scopes)
}

type scopeView struct {
	approval.Permission
	Usual bool
}

// madeToken is a token that this one answer shows.
type madeToken struct {
	Account, Secret string
	End             time.Time
}

// usualScopes are what a program that asks for approval needs.
var usualScopes = []approval.Permission{approval.CreatePetitions, approval.ReadPetitions}

// maxEnded bounds how many ended tokens of an account the page lists; the API has them all.
const maxEnded = 20

func (w *Web) botsView(r *http.Request, v visitor) (view botsView, err error) {
	if !v.Can(approval.ReadServiceAccounts) {
		return view, nil
	}
	accounts, err := w.Service.ServiceAccounts(r.Context(), v.Actor)
	if err != nil {
		return view, err
	}
	byAccount := map[string][]approval.Token{}
	if v.Can(approval.ManageTokens) {
		tokens, err := w.Service.Tokens(r.Context(), v.Actor)
		if err != nil {
			return view, err
		}
		for _, t := range tokens {
			if t.Kind == approval.TokenService {
				byAccount[t.Member] = append(byAccount[t.Member], t)
			}
		}
	}
	for _, m := range accounts {
		a, err := w.botView(r, v, m, byAccount[m.ID])
		if err != nil {
			return view, err
		}
		view.Accounts = append(view.Accounts, a)
	}
	if v.Can(approval.ManageAccounts) {
		for _, role := range approval.Roles {
			if v.Role.Covers(role) {
				view.Roles = append(view.Roles, role)
			}
		}
	}
	return view, nil
}

func (w *Web) botView(r *http.Request, v visitor, m approval.Member, tokens []approval.Token) (a botView, err error) {
	manages := v.Can(approval.ManageTokens)
	a = botView{Member: m, Mine: manages && !m.Suspended && v.Owns(m) && v.Role.Covers(m.Role), Manage: v.Can(approval.ManageAccounts) && v.Role.Covers(m.Role), End: manages}
	for _, t := range tokens {
		row := tokenView{t, a.Mine, a.End}
		switch {
		case t.Usable(w.Service.Clock.Now()):
			a.Tokens = append(a.Tokens, row)
		case len(a.Ended) < maxEnded:
			a.Ended = append(a.Ended, row)
		}
	}
	for _, p := range approval.Permissions {
		if v.Can(p) && m.Role.Has(p) {
			a.Scopes = append(a.Scopes, scopeView{p, slices.Contains(usualScopes, p)})
		}
	}
	a.Trusts, err = w.trustViews(r, v, m, a.End)
	return a, err
}

// changeAccount makes, suspends, resumes or deletes a service account.
func (w *Web) changeAccount(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	ctx, id, do := r.Context(), r.PostForm.Get("account"), r.PostForm.Get("do")
	suspend := do == "suspend"
	var err error
	switch do {
	case "create":
		_, err = w.Service.CreateServiceAccount(ctx, v.Actor, approval.Member{ID: id, DisplayName: r.PostForm.Get("name"), Role: approval.Role(r.PostForm.Get("role"))})
		return w.keysDone(r, v, "account-made", refusedEntry("account", r.PostForm, renamed(err, map[string]string{"serviceAccountId": "account", "id": "account", "displayName": "name"}), "account", "name", "role"), err)
	case "suspend", "resume":
		_, err = w.Service.ChangeServiceAccount(ctx, v.Actor, id, approval.AccountChange{Suspended: &suspend})
	case "delete":
		err = w.Service.DeleteServiceAccount(ctx, v.Actor, id)
	default:
		err = notAButton()
	}
	code := map[string]string{"suspend": "account-suspended", "resume": "account-resumed", "delete": "account-deleted"}[do]
	return w.keysDone(r, v, code, entry{}, err)
}

func notAButton() error {
	return approval.FieldError("do", "is none of the page's buttons: open the page again and press one")
}

// keysDone answers a change on the page for API keys: the way back to it, which says what was done, or the page with what
// was refused, beside the field when there is a form for it.
func (w *Web) keysDone(r *http.Request, v visitor, code string, e entry, err error) (answer, error) {
	if err == nil {
		return w.done("/api-keys", code), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	view, pageErr := w.apiKeysView(r, v)
	if view.Entry = e; e.form == "" || !view.holds(e.form) {
		view.Entry, view.Refused = entry{}, err.Error()
	}
	return answer{status: status, page: "apikeys", title: "API keys", data: view}, pageErr
}

// holds answers whether the page has the form, so that a refusal can stand in it.
func (v botsView) holds(form string) bool {
	if form == "account" {
		return v.Roles != nil
	}
	_, id, _ := strings.Cut(form, "-")
	return slices.ContainsFunc(v.Accounts, func(a botView) bool { return a.ID == id && a.Mine })
}

// changeToken makes or rotates a service account's token, which is shown on this one answer, or ends one.
func (w *Web) changeToken(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	var made identity.Made
	var err error
	var e entry
	switch r.PostForm.Get("do") {
	case "create":
		made, err = w.makeToken(r, v)
		err = renamed(err, map[string]string{"displayName": "name"})
		e = refusedEntry("token-"+r.PostForm.Get("account"), r.PostForm, err, "name", "scope", "days")
	case "rotate":
		grace, wrong := time.ParseDuration(r.PostForm.Get("grace"))
		if err = approval.FieldError("grace", "must be one of those that the page offers"); wrong == nil {
			made, err = w.Tokens.RotateToken(r.Context(), v.Actor, r.PostForm.Get("token"), grace)
		}
	case "revoke":
		return w.keysDone(r, v, "token-revoked", e, w.Tokens.RevokeToken(r.Context(), v.Actor, r.PostForm.Get("token")))
	default:
		err = notAButton()
	}
	if err != nil {
		return w.keysDone(r, v, "", e, err)
	}
	view, err := w.apiKeysView(r, v)
	view.Made = &madeToken{made.Token.Member, made.Secret, made.Token.ExpireTime}
	return answer{page: "apikeys", title: "API keys", data: view}, err
}

// lives are how long a new token may live, in days; the page offers these.
var lives = map[string]int{"30": 30, "90": 90, "365": 365, "never": 0}

func (w *Web) makeToken(r *http.Request, v visitor) (identity.Made, error) {
	scopes, err := tickedScopes(r)
	if err != nil {
		return identity.Made{}, err
	}
	days, ok := lives[r.PostForm.Get("days")]
	if !ok {
		return identity.Made{}, approval.FieldError("days", "must be one of those that the page offers")
	}
	var end time.Time
	if days > 0 {
		end = w.Service.Clock.Now().AddDate(0, 0, days)
	}
	return w.Tokens.CreateServiceToken(r.Context(), v.Actor, r.PostForm.Get("account"), r.PostForm.Get("name"), scopes, end)
}

// tickedScopes answers what was ticked. Nothing ticked is refused: without a bound the credential could do everything.
func tickedScopes(r *http.Request) ([]approval.Permission, error) {
	words := r.PostForm["scope"]
	if len(words) == 0 || len(words) > len(approval.Permissions)+1 {
		return nil, approval.FieldError("scope", "is required: tick what it may do")
	}
	return identity.ParseScope(strings.Join(words, " ")), nil
}
