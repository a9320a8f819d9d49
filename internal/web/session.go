package web

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// visitor is who looks at a page.
type visitor struct {
	approval.Actor
	secret string // of the session; empty for nobody
}

func (v visitor) signedIn() bool { return v.secret != "" }

// visitor answers who sent the request: nobody when the session is missing, wrong or over.
func (w *Web) visitor(r *http.Request) (visitor, error) {
	secret := w.cookie.read(r)
	if secret == "" {
		return visitor{}, nil
	}
	look, err := w.Limits.Admit(r, secret)
	if err != nil {
		return visitor{}, err
	}
	authenticate := w.Sessions.Use
	if byScript(r) {
		authenticate = w.Sessions.Authenticate
	}
	actor, err := authenticate(r.Context(), secret)
	if err == nil && look == 0 {
		return visitor{actor, secret}, nil
	}
	if approval.CodeOf(err) == approval.Unauthenticated && w.owesPasskey(r, secret) {
		return visitor{}, nil // it is nobody's yet, and right: its person looks at pages until the passkey is there
	}
	// A session that is over is sent until the browser forgets it: it counts, but the visitor is told to sign in.
	_ = w.Limits.Judge(r, secret, look, err)
	switch approval.CodeOf(err) {
	case "":
		return visitor{actor, secret}, nil
	case approval.Unauthenticated, approval.Expired, approval.NotFound, approval.Invalid:
		return visitor{}, nil
	}
	return visitor{}, err
}

// owesPasskey answers whether the secret is that of half a session.
func (w *Web) owesPasskey(r *http.Request, secret string) bool {
	if w.Passkeys == nil {
		return false
	}
	_, err := w.Passkeys.Half(r.Context(), secret)
	return err == nil
}

// byScript answers whether an open page asks by itself, which must not keep a session alive that nobody uses. A decision
// is a person's whatever sends it.
func byScript(r *http.Request) bool {
	return r.Method != http.MethodPost && (r.URL.Path == "/inbox/stream" || r.Header.Get("Sec-Fetch-Dest") == "empty")
}

// cookie is how the session's secret is kept in the browser.
type cookie struct {
	name   string
	secure bool
}

// cookieFor answers __Host-indent with Secure: a browser then takes it only from this very host over https, so that
// neither a neighbour's subdomain nor a plain connection can plant one. A server on plain http on this machine
// (indent dev) cannot have that: browsers differ on Secure cookies from loopback, Safari drops them.
func cookieFor(base *url.URL) cookie {
	if base.Scheme == "http" && loopback(base.Hostname()) {
		return cookie{name: "indent"}
	}
	return cookie{name: "__Host-indent", secure: true}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

func (c cookie) read(r *http.Request) string {
	found, err := r.Cookie(c.name)
	if err != nil || len(found.Value) > maxCookie {
		return ""
	}
	return found.Value
}

// maxCookie bounds what is read of a cookie; that of a sign-in holds where to return to.
const maxCookie = 4000

func (c cookie) keep(secret string, end time.Time) *http.Cookie {
	return &http.Cookie{Name: c.name, Value: secret, Path: "/", Expires: end, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

func (c cookie) drop() *http.Cookie {
	return &http.Cookie{Name: c.name, Path: "/", MaxAge: -1, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// attempt is the cookie of a sign-in that has begun: it ends soon, and is as hard to plant as the session's.
func (c cookie) attempt() cookie {
	c.name += "-sign-in"
	return c
}

// localPath answers the address to return to after signing in if it is one of this server, else the inbox.
// A browser reads "//host" and "/\host" as another host.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 2000 || u.Scheme != "" || u.Host != "" || u.User != nil ||
		!strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.ContainsFunc(s, func(r rune) bool { return r == '\\' || r < 0x21 || r > 0x7e }) {
		return "/"
	}
	if u.Path == "/sign-in" || strings.HasPrefix(u.Path, "/sign-in/") || u.Path == "/sign-out" || u.Path == "/account/space" {
		return "/"
	}
	return s
}
