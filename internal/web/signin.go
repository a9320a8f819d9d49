package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
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
}

// askToSignIn sends a visitor without a session to the sign-in page, and back afterwards.
func (w *Web) askToSignIn(r *http.Request) answer {
	if r.URL.Path == "/inbox/stream" {
		return answer{status: http.StatusUnauthorized, write: func(http.ResponseWriter) {}}
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
	view := signInView{Link: link, Return: localPath(back), Current: v.ID, Server: w.BaseURL}
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
		secret, end, err = w.Sessions.SignIn(r.Context(), link)
		return err
	})
	switch approval.CodeOf(err) {
	case "":
	case approval.Expired, approval.Conflict, approval.Unauthenticated, approval.NotFound, approval.Invalid:
		return w.linkPage(v, link, back, nil, err)
	default:
		return answer{}, err
	}
	if v.signedIn() {
		if err := w.Sessions.SignOut(r.Context(), v.secret); err != nil {
			w.Logger.WarnContext(r.Context(), "the session before this sign-in could not be ended", "member", v.ID, "error", err)
		}
	}
	return answer{location: localPath(back), cookie: w.cookie.keep(secret, end)}, nil
}

// signOut ends the session; without one it does the same, so that pressing twice is harmless.
func (w *Web) signOut(r *http.Request, v visitor) (answer, error) {
	if v.signedIn() {
		if err := w.Sessions.SignOut(r.Context(), v.secret); err != nil && approval.CodeOf(err) != approval.Conflict {
			return answer{}, err
		}
	}
	return answer{location: "/sign-in", cookie: w.cookie.drop()}, nil
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
