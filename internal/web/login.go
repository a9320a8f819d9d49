package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// Logins let programs in that a person allows (identity.Logins).
type Logins interface {
	// Asked answers what the program asks that shows the code. It changes nothing.
	Asked(ctx context.Context, a approval.Actor, userCode string) (approval.Login, error)
	// Answer lets the program in, or does not.
	Answer(ctx context.Context, a approval.Actor, userCode string, allow bool) (approval.Login, error)
	// Check answers a login that began in this browser as it would be allowed. It changes nothing.
	Check(ctx context.Context, a approval.Actor, asked approval.Login) (approval.Login, error)
	// Allow lets the program in and answers the code that the browser carries back to it.
	Allow(ctx context.Context, a approval.Actor, asked approval.Login) (code string, err error)
	// Refuse writes to the log that it was not let in.
	Refuse(ctx context.Context, a approval.Actor, asked approval.Login) error
}

// loginView is a program that asks to be let in.
type loginView struct {
	// Code is what was typed or what the address has; of a program on another device.
	Code    string
	Problem string
	// Login is what it asks; nil: a code must be entered first.
	Login *approval.Login
	// May is what its token may do, in words; All says that it is all that the role allows.
	May []string
	All bool
	// Fields of the form that lets it in, and where that form goes.
	Fields  []field
	Action  string
	Server  string
	Minutes int
	// Done is "allowed" or "refused" when it was answered.
	Done string
}

type field struct{ Name, Value string }

// showDevice shows where a code is entered. The address may have one, which is filled in and no more: who sends a link must
// not be able to let anything in, nor to make somebody look at it (RFC 8628, 5.4).
func (w *Web) showDevice(r *http.Request, v visitor) (answer, error) {
	view := loginView{Code: retyped(short(identity.UserCode(r.URL.Query().Get("user_code"))))}
	return answer{page: "login", title: "Let a program in", data: view}, nil
}

// short bounds what goes back into the field.
func short(s string) string { return s[:min(len(s), 20)] }

// answerDevice looks a code up and shows what the program asks, or answers it.
func (w *Web) answerDevice(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	code, press := r.PostForm.Get("code"), r.PostForm.Get("answer")
	if err := w.Limits.Guess(r, v.Space+"/"+v.ID); err != nil {
		return w.wrongCode(code, err)
	}
	var asked approval.Login
	var err error
	if allow := press == "allow"; allow || press == "refuse" {
		asked, err = w.Logins.Answer(r.Context(), v.Actor, code, allow)
	} else {
		press = ""
		asked, err = w.Logins.Asked(r.Context(), v.Actor, code)
	}
	if err != nil {
		return w.wrongCode(code, err)
	}
	w.Limits.Guessed(r, v.Space+"/"+v.ID)
	code = identity.UserCode(code)
	view := w.loginView(v, asked)
	view.Code, view.Action, view.Fields = code, "/device", []field{{"code", code}}
	view.Minutes = int(asked.ExpireTime.Sub(w.Service.Clock.Now()) / time.Minute)
	if press != "" {
		view.Done = asked.State
	}
	return answer{page: "login", title: "Let a program in", data: view}, nil
}

// wrongCode asks for the code again and says why.
func (w *Web) wrongCode(code string, err error) (answer, error) {
	kind := approval.CodeOf(err)
	switch kind {
	case approval.Invalid, approval.Expired, approval.TooMany, approval.Forbidden, approval.Conflict:
		view := loginView{Code: retyped(short(code)), Problem: strings.TrimPrefix(err.Error(), "code: ")}
		return answer{status: errorKinds[kind].status, page: "login", title: "Let a program in", data: view, retry: secondsOf(err)}, nil
	}
	return answer{}, err
}

func (w *Web) loginView(v visitor, asked approval.Login) loginView {
	view := loginView{Login: &asked, All: asked.Scopes == nil, Server: w.BaseURL}
	for _, p := range approval.Permissions {
		bounded := approval.Actor{Role: v.Role, Operator: v.Operator, Scopes: asked.Scopes}
		if bounded.Can(p) {
			view.May = append(view.May, permissionWords(p))
		}
	}
	return view
}

// permissionWords says what a permission allows; one without words says its name.
func permissionWords(p approval.Permission) string {
	if words := inWords[p]; words != "" {
		return words
	}
	return string(p)
}

var inWords = map[approval.Permission]string{
	approval.ReadSpaces: "see the space", approval.WriteSpaces: "change and end the space", approval.CreateSpaces: "make spaces on this server",
	approval.ReadMembers: "see who is a member", approval.WriteMembers: "add, change and remove members",
	approval.ReadResources: "see what can be asked for", approval.WriteResources: "change what can be asked for",
	approval.ReadPetitions: "see petitions and wait for them", approval.CreatePetitions: "ask for approval as you", approval.AskForOthers: "ask for approval for others",
	approval.CreateClaims: "approve, deny and revoke as you", approval.ReadEvents: "read the audit log",
	approval.ManageOwnTokens: "make and end your own tokens", approval.ReadTokens: "see all tokens of the space, without their secrets",
	approval.ManageTokens: "make and end tokens of service accounts", approval.ReadServiceAccounts: "see service accounts", approval.ManageAccounts: "make service accounts",
	approval.ReadPolicy: "see the rules", approval.WritePolicy: "change the rules by which everything is decided",
	approval.ReadDelegations: "see who decides for whom while somebody is away", approval.WriteDelegations: "name deputies",
	approval.ReadWebhooks: "see the webhooks, without their secrets", approval.WriteWebhooks: "add, change and test the webhooks that grants and revokes go to",
}

// authorizeFields are what a program on this machine asks with, in the words of RFC 6749, 4.1.1, and RFC 7636, 4.3.
var authorizeFields = []string{"client", "host", "space", "scope", "redirect_uri", "state", "code_challenge", "code_challenge_method"}

// maxState bounds what a program gets back as it sent it.
const maxState = 200

// browserLogin reads what a program asks from an address or a form.
func (w *Web) browserLogin(r *http.Request, from url.Values) (approval.Login, []field, error) {
	var fields []field
	for _, name := range authorizeFields {
		if len(from[name]) > 1 {
			return approval.Login{}, nil, approval.FieldError(name, "is there twice")
		}
		fields = append(fields, field{name, from.Get(name)})
	}
	if from.Get("code_challenge_method") != "S256" {
		return approval.Login{}, nil, approval.FieldError("code_challenge_method", "must be S256")
	}
	if err := approval.CheckLine("state", from.Get("state"), maxState); err != nil || from.Get("state") == "" {
		return approval.Login{}, nil, approval.FieldError("state", "must be 1 to %d characters", maxState)
	}
	if err := approval.CheckLine("scope", from.Get("scope"), approval.MaxID); err != nil {
		return approval.Login{}, nil, err
	}
	return approval.Login{Client: from.Get("client"), Host: from.Get("host"), AskedSpace: from.Get("space"), Scopes: identity.ParseScope(from.Get("scope")),
		Redirect: from.Get("redirect_uri"), Challenge: from.Get("code_challenge"), Source: w.Source(r)}, fields, nil
}

// showAuthorize shows what a program on this machine asks that has opened the browser (RFC 8252). Nothing of it is
// redirected anywhere before a button was pressed, and what is malformed never.
func (w *Web) showAuthorize(r *http.Request, v visitor) (answer, error) {
	asked, fields, err := w.browserLogin(r, r.URL.Query())
	if err != nil {
		return answer{}, err
	}
	if asked, err = w.Logins.Check(r.Context(), v.Actor, asked); err != nil {
		return answer{}, err
	}
	view := w.loginView(v, asked)
	view.Action, view.Fields = "/authorize", fields
	// The browser follows the answer to the form to where the program listens, and to nowhere else.
	return answer{page: "login", title: "Let a program in", data: view, formTo: strings.TrimSuffix(asked.Redirect, "/callback")}, nil
}

// answerAuthorize sends the browser back to the program, with a code for its tokens or with the refusal.
func (w *Web) answerAuthorize(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	asked, _, err := w.browserLogin(r, r.PostForm)
	if err != nil {
		return answer{}, err
	}
	back := url.Values{"state": {r.PostForm.Get("state")}}
	switch r.PostForm.Get("answer") {
	case "allow":
		code, err := w.Logins.Allow(r.Context(), v.Actor, asked)
		if err != nil {
			return answer{}, err
		}
		back.Set("code", code)
	case "refuse":
		if err := w.Logins.Refuse(r.Context(), v.Actor, asked); err != nil {
			return answer{}, err
		}
		back.Set("error", approval.GrantDenied)
	default:
		return answer{}, approval.FieldError("answer", "must be allow or refuse: press one of the buttons")
	}
	return answer{location: asked.Redirect + "?" + back.Encode()}, nil
}
