package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// signInView is the page behind a one-time link, or the one that says how to get a link.
type signInView struct {
	Member *approval.Member // whom the link signs in; nil without a good link
	Link   string
	Return string
	// Problem says what is wrong with the link; empty without a link.
	Problem string
	// Current is who is signed in already; empty for nobody.
	Current string
	Server  string
	// Buttons are the providers to sign in with.
	Buttons []identity.Button
}

// askToSignIn sends a visitor without a session to the sign-in page, and back afterwards.
func (w *Web) askToSignIn(r *http.Request) answer {
	if r.URL.Path == "/inbox/stream" {
		return answer{status: http.StatusUnauthorized, write: func(http.ResponseWriter) {}}
	}
	if to, waits := w.waitsForPasskey(r); waits {
		return answer{location: to}
	}
	to := "/sign-in"
	if back := localPath(r.URL.RequestURI()); back != "/" && r.URL.Path != "/" {
		to += "?return=" + url.QueryEscape(back)
	}
	return answer{location: to}
}

// showSignIn shows who the link signs in, where, and a button. It uses nothing up: mail scanners, link previews and
// prefetching browsers open links too.
func (w *Web) showSignIn(r *http.Request, v visitor) (answer, error) {
	query := r.URL.Query()
	return w.signInPage(r, v, linkIn(query.Get("link")), query.Get("return"))
}

func (w *Web) signInPage(r *http.Request, v visitor, link, back string) (answer, error) {
	if link == "" {
		return w.linkPage(v, link, back, nil, nil)
	}
	var member approval.Member
	err := w.throttled(r, link, func() (err error) {
		member, err = w.Sessions.Look(r.Context(), link)
		return err
	})
	return w.linkPage(v, link, back, &member, err)
}

// linkPage is the page of a link that stands for the member, or of one that does not, with what was found.
func (w *Web) linkPage(v visitor, link, back string, member *approval.Member, err error) (answer, error) {
	view := signInView{Link: link, Return: localPath(back), Current: v.ID, Server: w.BaseURL, Buttons: w.Sessions.Buttons()}
	page := answer{page: "signin", title: "Sign in", data: &view}
	switch approval.CodeOf(err) {
	case "":
		view.Member = member
	case approval.Expired, approval.Conflict:
		page.status, view.Problem = http.StatusGone, "This link was used already, or is too old."
	case approval.Unauthenticated, approval.NotFound, approval.Invalid:
		page.status, view.Problem = http.StatusNotFound, "This is not a sign-in link of this server. Was it copied whole?"
	default:
		return answer{}, err
	}
	return page, nil
}

// signIn uses up the link. The session is always a new one: a secret that was there before is ended, never adopted
// (session fixation).
func (w *Web) signIn(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	link, back := linkIn(r.PostForm.Get("link")), r.PostForm.Get("return")
	if link == "" {
		return w.signInPage(r, v, link, back)
	}
	var secret string
	var end time.Time
	err := w.throttled(r, link, func() (err error) {
		secret, end, err = w.Sessions.SignIn(r.Context(), link, browserOf(r))
		return err
	})
	switch approval.CodeOf(err) {
	case "":
	case approval.Expired, approval.Conflict, approval.Unauthenticated, approval.NotFound, approval.Invalid:
		return w.linkPage(v, link, back, nil, err)
	default:
		return answer{}, err
	}
	w.leave(r, v)
	return answer{location: localPath(back), cookies: []*http.Cookie{w.cookie.keep(secret, end)}}, nil
}

// leave ends the session that a new one takes the place of.
func (w *Web) leave(r *http.Request, v visitor) {
	if !v.signedIn() {
		return
	}
	if err := w.Sessions.SignOut(r.Context(), v.secret); err != nil {
		w.Logger.WarnContext(r.Context(), "the session before this sign-in could not be ended", "member", v.ID, "error", err)
	}
}

// beginSignIn sends the browser to a provider. It is a link and not a form: the policy of our pages lets forms go nowhere
// but here, and browsers hold redirects to that.
func (w *Web) beginSignIn(r *http.Request, _ visitor) (answer, error) {
	begun, err := w.Sessions.Begin(r.Context(), r.PathValue("provider"), localPath(r.URL.Query().Get("return")))
	if err != nil {
		return answer{}, err
	}
	kept := w.cookie.attempt().keep(begun.Cookie, w.Service.Clock.Now().Add(identity.SignInTTL))
	kept.MaxAge = int(identity.SignInTTL.Seconds())
	return answer{location: begun.Location, cookies: []*http.Cookie{kept}}, nil
}

// finishSignIn takes the provider's answer. The cookie of the attempt is gone whatever comes of it.
func (w *Web) finishSignIn(r *http.Request, v visitor) (answer, error) {
	if r.Method == http.MethodHead { // a sign-in is not something to look at
		return answer{}, wrongMethod{http.MethodGet}
	}
	attempt := w.cookie.attempt()
	var in identity.SignedIn
	// Each answer is shown to the provider: a stranger who makes them up must not use up what the provider gives this server.
	err := w.throttled(r, r.URL.RawQuery, func() (err error) {
		in, err = w.Sessions.Finish(r.Context(), r.PathValue("provider"), attempt.read(r), r.URL.Query(), browserOf(r))
		return err
	})
	if err != nil {
		a := w.errorPage(r, v, err)
		a.cookies = []*http.Cookie{attempt.drop()}
		if view, ok := a.data.(errorView); ok {
			view.SignIn, view.Heading = !v.signedIn(), "This did not sign you in"
			a.data, a.title = view, view.Heading
		}
		return a, nil
	}
	w.leave(r, v)
	to := localPath(in.Return)
	if in.Several {
		to = "/account/space?return=" + url.QueryEscape(to)
	}
	return answer{location: to, cookies: []*http.Cookie{w.cookie.keep(in.Secret, in.End), attempt.drop()}}, nil
}

// signOut ends the session; without one it does the same, so that pressing twice is harmless.
func (w *Web) signOut(r *http.Request, v visitor) (answer, error) {
	if v.signedIn() {
		if err := w.Sessions.SignOut(r.Context(), v.secret); err != nil && approval.CodeOf(err) != approval.Conflict {
			return answer{}, err
		}
	}
	return answer{location: "/sign-in", cookies: []*http.Cookie{w.cookie.drop()}}, nil
}

// linkIn answers the secret of a link: people paste the whole address or only its end.
func linkIn(s string) string {
	s = strings.TrimSpace(s)
	if u, err := url.Parse(s); err == nil && u.Query().Has("link") {
		s = u.Query().Get("link")
	}
	if len(s) > 500 {
		return s[:500]
	}
	return s
}
