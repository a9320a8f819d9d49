// Package web is the console: pages made on the server, which work without JavaScript and are livelier with it.
//
// Its promise: a page shows everything that is asked and nothing that hides; GET, HEAD and prefetch never decide; a
// decision is a POST from a session, carries the digest of what was shown and goes through approval's one door.
//
// It imports the standard library, approval and identity; templates and static files are embedded.
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// Deps are what the pages stand on; all are required except Source, Logger and Limits.
type Deps struct {
	Service  *approval.Service
	Sessions Sessions
	Tokens   Tokens
	Passkeys Passkeys
	Limits   Limits
	Logins   Logins
	// Source answers where a request comes from, as people read it; the connection's address unless it is given.
	Source func(*http.Request) string
	// BaseURL is the address that people and clients use, such as https://indent.example.com.
	BaseURL string
	Logger  *slog.Logger
	// Dev marks a server to play with: the pages say so.
	Dev bool
}

// Sessions is what the pages need of identity to know who looks at them.
type Sessions interface {
	// Look answers whom a one-time link would sign in, and leaves it unused. A link that is wrong is Unauthenticated,
	// one that was used or is too old is Expired.
	Look(ctx context.Context, link string) (approval.Member, error)
	// SignIn uses up the link and answers a new session's secret and its end. browser is what it says it is.
	SignIn(ctx context.Context, link, browser string) (secret string, end time.Time, err error)
	// Authenticate answers who the session's secret stands for, Unauthenticated when it stands for nobody any more. Use
	// does the same, and counts as a use of the session, which keeps it alive.
	Authenticate(ctx context.Context, secret string) (approval.Actor, error)
	Use(ctx context.Context, secret string) (approval.Actor, error)
	// SignOut ends the session.
	SignOut(ctx context.Context, secret string) error

	// Buttons answers the sign-in providers; Begin where one signs in and what the browser keeps until it comes back with
	// the answer, which Finish takes.
	Buttons() []identity.Button
	Begin(ctx context.Context, provider, back string) (identity.Beginning, error)
	Finish(ctx context.Context, provider, cookie string, answer url.Values, browser string) (identity.SignedIn, error)

	// List answers the person's own sessions; End ends one of them by name, or all but the one in use without a name.
	List(ctx context.Context, a approval.Actor) ([]approval.Session, error)
	End(ctx context.Context, a approval.Actor, name string) error
	// Places answers as whom the person may come in, by space; Switch signs in to another one of them.
	Places(ctx context.Context, a approval.Actor) ([]approval.Member, error)
	Switch(ctx context.Context, a approval.Actor, space string) (secret string, end time.Time, err error)
}

// Tokens is what the pages need of identity to hand out a token.
type Tokens interface {
	// MintUserToken answers a short-lived token that acts as the actor, and when it ends.
	MintUserToken(ctx context.Context, a approval.Actor, displayName string) (secret string, end time.Time, err error)
	// CreateServiceToken makes a token of a service account, RotateToken one in the place of another, and RevokeToken ends one.
	CreateServiceToken(ctx context.Context, a approval.Actor, account, displayName string, scopes []approval.Permission, expire time.Time) (identity.Made, error)
	RotateToken(ctx context.Context, a approval.Actor, name string, grace time.Duration) (identity.Made, error)
	RevokeToken(ctx context.Context, a approval.Actor, name string) error
}

// Web is the console of one server.
type Web struct {
	Deps
	cookie  cookie
	guard   *http.CrossOriginProtection
	streams limiter
}

// New answers the console over deps.
func New(deps Deps) *Web {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Limits == nil {
		deps.Limits = noLimits{}
	}
	if deps.Source == nil {
		deps.Source = func(r *http.Request) string { return r.RemoteAddr }
	}
	base, err := url.Parse(deps.BaseURL)
	if err != nil {
		base = &url.URL{}
	}
	w := &Web{Deps: deps, cookie: cookieFor(base), guard: http.NewCrossOriginProtection(), streams: limiter{most: 32, open: map[string]int{}}}
	w.trust(base)
	return w
}

// trust lets forms through whose Origin is the base URL although a proxy in front has changed the Host.
func (w *Web) trust(base *url.URL) {
	if base.Host == "" {
		return
	}
	if err := w.guard.AddTrustedOrigin(base.Scheme + "://" + base.Host); err != nil {
		w.Logger.Warn("the base URL is no origin that browsers could send", "baseURL", w.BaseURL, "error", err)
	}
	if !w.cookie.secure {
		return
	}
	if base.Scheme != "https" {
		w.Logger.Warn("browsers keep a session only over https or on this machine: put TLS in front and set an https base URL", "baseURL", w.BaseURL)
	}
}
