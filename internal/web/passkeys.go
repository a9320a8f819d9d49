package web

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// Passkeys is what the pages need of identity to add, remove and ask for passkeys. What is asked of the browser, and what
// it answers, is JSON that the pages hand on.
type Passkeys interface {
	// Usable answers nil where browsers let people use passkeys.
	Usable() error
	List(ctx context.Context, a approval.Actor) ([]approval.Passkey, error)
	// Ask answers what a change of passkeys is confirmed with, Begin what a new one is made with.
	Ask(ctx context.Context, a approval.Actor) ([]byte, error)
	Begin(ctx context.Context, a approval.Actor, confirmation []byte) ([]byte, error)
	Add(ctx context.Context, a approval.Actor, name string, response []byte) error
	Remove(ctx context.Context, a approval.Actor, id string, confirmation []byte) error
	// Confirming answers what the approval of a petition is confirmed with, nil for a member without a passkey.
	Confirming(ctx context.Context, a approval.Actor, p approval.Petition) ([]byte, error)
	// Half answers whose sign-in waits for a passkey, Unauthenticated when nobody's does; AskHalf what for, and Finish a
	// whole session's secret and its end.
	Half(ctx context.Context, secret string) (identity.Half, error)
	AskHalf(ctx context.Context, secret string) ([]byte, error)
	Finish(ctx context.Context, secret, name string, response []byte) (whole string, end time.Time, err error)
}

// passkeysView is the page of one's own passkeys.
type passkeysView struct {
	Passkeys []approval.Passkey
	// Unusable says why browsers have no passkeys for this server; empty where they have.
	Unusable string
	Notice   *notice
	Name     string // what was typed
	Needed   bool   // the role needs one
	Most     int
}

func (w *Web) showPasskeys(r *http.Request, v visitor) (answer, error) {
	return w.passkeysPage(r, v, nil, "")
}

func (w *Web) passkeysPage(r *http.Request, v visitor, n *notice, name string) (answer, error) {
	list, err := w.Passkeys.List(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	view := passkeysView{Passkeys: list, Notice: n, Name: name, Needed: w.Service.NeedsPasskey(v.Role), Most: approval.MaxPasskeys}
	if err := w.Passkeys.Usable(); err != nil {
		view.Unusable = err.Error()
	}
	return answer{page: "passkeys", title: "Passkeys", data: view}, nil
}

// askPasskey answers, as JSON, what the browser is to do next: confirm with a passkey (do=manage), or make a new one
// (do=register), for which who has one already sends what confirms it.
func (w *Web) askPasskey(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	var options []byte
	var err error
	if confirmation := r.PostForm.Get("passkey"); r.PostForm.Get("do") == "register" {
		options, err = w.Passkeys.Begin(r.Context(), v.Actor, []byte(confirmation))
	} else {
		options, err = w.Passkeys.Ask(r.Context(), v.Actor)
	}
	return told(options, err)
}

// told answers JSON to the page's script. What was refused is a text for people, in the status that it has on a page.
func told(options []byte, err error) (answer, error) {
	kind, status := "application/json", http.StatusOK
	if err != nil {
		known, ok := errorKinds[approval.CodeOf(err)]
		if !ok || known.status >= http.StatusInternalServerError && approval.CodeOf(err) != approval.Unavailable {
			return answer{}, err
		}
		options, kind, status = []byte(err.Error()), "text/plain; charset=utf-8", known.status
	}
	return answer{retry: secondsOf(err), write: func(rw http.ResponseWriter) {
		rw.Header().Set("Content-Type", kind)
		rw.WriteHeader(status)
		rw.Write(options) // the browser may be gone
	}}, nil
}

// changePasskeys adds the passkey that the browser has made, or removes one.
func (w *Web) changePasskeys(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	f := r.PostForm
	code := "passkey-added"
	var err error
	switch {
	case f.Get("passkey") == "":
		err = approval.Errorf(approval.Invalid, "nothing came from the browser: passkeys need JavaScript, and a browser that has them")
	case f.Get("do") == "remove":
		code = "passkey-removed"
		err = w.Passkeys.Remove(r.Context(), v.Actor, f.Get("id"), []byte(f.Get("passkey")))
	default:
		err = w.Passkeys.Add(r.Context(), v.Actor, f.Get("name"), []byte(f.Get("passkey")))
	}
	if err == nil {
		return w.done("/passkeys", code), nil
	}
	kind, known := errorKinds[approval.CodeOf(err)]
	if !known || kind.status >= http.StatusInternalServerError {
		return answer{}, err
	}
	page, pageErr := w.passkeysPage(r, v, &notice{Heading: "Not done", Text: err.Error()}, retyped(f.Get("name")))
	page.status, page.retry = kind.status, secondsOf(err)
	return page, pageErr
}

// factorView is the page that asks for the second factor.
type factorView struct {
	identity.Half
	Return   string
	Unusable string
	Problem  string
	Server   string
}

// factorPath is where a sign-in waits for its passkey.
const factorPath = "/sign-in/passkey"

// waitsForPasskey answers the way to the second factor for a browser whose sign-in waits for it.
func (w *Web) waitsForPasskey(r *http.Request) (to string, waits bool) {
	if _, err := w.half(r); err != nil {
		return "", false
	}
	to = factorPath
	if back := localPath(r.URL.RequestURI()); back != "/" && r.URL.Path != "/" {
		to += "?return=" + url.QueryEscape(back)
	}
	return to, true
}

func (w *Web) half(r *http.Request) (identity.Half, error) {
	secret := w.cookie.read(r)
	if secret == "" || w.Passkeys == nil {
		return identity.Half{}, approval.Errorf(approval.Unauthenticated, "you are not signed in, or not any more: sign in again")
	}
	var h identity.Half
	err := w.throttled(r, "half "+secret, func() (err error) {
		h, err = w.Passkeys.Half(r.Context(), secret)
		return err
	})
	return h, err
}

// who answers whom attempts with a passkey are counted for: each question is an entry of the log.
func who(a approval.Actor) string { return a.Space + "/" + a.ID }

func (w *Web) showFactor(r *http.Request, _ visitor) (answer, error) {
	return w.factorPage(r, r.URL.Query().Get("return"), nil)
}

func (w *Web) factorPage(r *http.Request, back string, problem error) (answer, error) {
	h, err := w.half(r)
	if approval.CodeOf(err) == approval.Unauthenticated {
		return answer{location: "/sign-in"}, nil
	}
	if err != nil {
		return answer{}, err
	}
	view := factorView{Half: h, Return: localPath(back), Server: w.BaseURL}
	page := answer{page: "factor", title: "Sign in with a passkey", data: &view}
	if err := w.Passkeys.Usable(); err != nil {
		view.Unusable = err.Error()
	}
	if problem != nil {
		view.Problem, page.status, page.retry = problem.Error(), errorKinds[approval.CodeOf(problem)].status, secondsOf(problem)
	}
	return page, nil
}

// askFactor answers, as JSON, what the browser is to do to finish the sign-in.
func (w *Web) askFactor(r *http.Request, _ visitor) (answer, error) {
	h, err := w.half(r)
	if err == nil {
		err = w.Limits.Guess(r, who(h.Actor))
	}
	if err != nil {
		return told(nil, err)
	}
	options, err := w.Passkeys.AskHalf(r.Context(), w.cookie.read(r))
	return told(options, err)
}

// finishFactor ends the half session. The whole one has a secret of its own (session fixation).
func (w *Web) finishFactor(r *http.Request, _ visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	back := r.PostForm.Get("return")
	response := []byte(r.PostForm.Get("passkey"))
	if len(response) == 0 {
		return w.factorPage(r, back, approval.Errorf(approval.Invalid, "Nothing came from the browser: passkeys need JavaScript, and a browser that has them."))
	}
	h, err := w.half(r)
	if err != nil {
		return w.factorPage(r, back, err)
	}
	secret, end, err := w.Passkeys.Finish(r.Context(), w.cookie.read(r), r.PostForm.Get("name"), response)
	switch approval.CodeOf(err) {
	case "":
		w.Limits.Guessed(r, who(h.Actor))
		return answer{location: localPath(back), cookies: []*http.Cookie{w.cookie.keep(secret, end)}}, nil
	case approval.Unauthenticated:
		return answer{location: "/sign-in"}, nil
	case approval.Forbidden, approval.Conflict, approval.Invalid, approval.NotFound, approval.TooMany:
		return w.factorPage(r, back, err)
	}
	return answer{}, err
}
