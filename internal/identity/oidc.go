package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/indent-approvals/indent/internal/approval"
)

// Sign-in by OpenID Connect: the authorization code flow (Core, 3.1) with PKCE (RFC 7636) and the provider's name in its
// answer (RFC 9207), as RFC 9700 wants it.
//
// What a sign-in must remember until the provider's answer comes is one secret in a cookie of the browser that began it.
// State, nonce and PKCE verifier are made of it, so that an answer which another browser was given is of no use in this
// one, and the server keeps nothing for strangers who begin and never come back.

// SignInTTL is how long the provider and the person may take.
const SignInTTL = 10 * time.Minute

// Beginning is a sign-in that has begun.
type Beginning struct {
	// Location is the page of the provider to go to.
	Location string
	// Cookie is what the browser keeps, for SignInTTL.
	Cookie string
}

// SignedIn is a sign-in that has succeeded.
type SignedIn struct {
	Secret string // of the new session
	End    time.Time
	Return string // where the person wanted to go
	// Several: the person is a member of more than one of the provider's spaces, and has not said which.
	Several bool
}

// Button is a provider as the sign-in page offers it.
type Button struct{ Name, DisplayName string }

// Buttons answers the providers, in the order of the settings.
func (s Sessions) Buttons() (buttons []Button) {
	for _, p := range s.providers {
		buttons = append(buttons, Button{p.Name, p.DisplayName})
	}
	return buttons
}

func (s Sessions) provider(name string) (*provider, error) {
	for _, p := range s.providers {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, approval.Errorf(approval.NotFound, "there is no sign-in provider %.63q", name)
}

// attempt is one sign-in between its beginning and the provider's answer.
type attempt struct {
	secret, provider, back string
	begun                  time.Time
}

// part answers what stands for the attempt in one place. Each depends on all of it, so that nothing of it can be changed.
func (a attempt) part(what string) string {
	mac := hmac.New(sha256.New, []byte(a.secret))
	for _, text := range []string{what, a.provider, a.back, strconv.FormatInt(a.begun.Unix(), 10)} {
		mac.Write(strconv.AppendInt(nil, int64(len(text)), 10))
		mac.Write([]byte(" " + text))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (a attempt) cookie() string {
	return a.secret + "." + strconv.FormatInt(a.begun.Unix(), 10) + "." + base64.RawURLEncoding.EncodeToString([]byte(a.back))
}

const attemptLength = 43 // of its secret: 256 bits

// maxBack bounds where to return to.
const maxBack = 2000

func parseAttempt(provider, cookie string) (a attempt, ok bool) {
	parts := strings.Split(cookie, ".")
	if len(parts) != 3 || len(parts[0]) != attemptLength {
		return a, false
	}
	begun, err1 := strconv.ParseInt(parts[1], 10, 64)
	back, err2 := base64.RawURLEncoding.DecodeString(parts[2])
	a = attempt{parts[0], provider, string(back), time.Unix(begun, 0).UTC()}
	return a, err1 == nil && err2 == nil && len(back) <= maxBack && a.cookie() == cookie
}

// Begin answers where to send a browser to sign in with a provider, and what it keeps until it comes back. It changes
// nothing, so that a GET may begin.
func (s Sessions) Begin(ctx context.Context, name, back string) (Beginning, error) {
	p, err := s.provider(name)
	if err != nil {
		return Beginning{}, err
	}
	m, err := p.metadata(ctx)
	if err != nil {
		return Beginning{}, s.logged(ctx, p, err)
	}
	if len(back) > maxBack {
		back = ""
	}
	a := attempt{s.ids.Secret(attemptLength), name, back, s.clock.Now()}
	to := s.client(p, m).AuthCodeURL(a.part("state"), oidc.Nonce(a.part("nonce")), oauth2.S256ChallengeOption(a.part("verifier")))
	return Beginning{Location: to, Cookie: a.cookie()}, nil
}

func (s Sessions) client(p *provider, m *metadata) *oauth2.Config {
	endpoint := m.provider.Endpoint()
	endpoint.AuthStyle = m.auth
	return &oauth2.Config{ClientID: p.ClientID, ClientSecret: p.ClientSecret, Endpoint: endpoint, Scopes: p.Scopes,
		RedirectURL: s.Issuer() + "/sign-in/callback/" + p.Name}
}

// logged writes the cause of a sign-in that failed to the server's log; the person reads only what to do.
func (s Sessions) logged(ctx context.Context, p *provider, err error) error {
	s.service.Logger.WarnContext(ctx, "a sign-in failed", "provider", p.Name, "error", err, "cause", errors.Unwrap(err))
	return err
}

// Finish takes the provider's answer in the browser that has begun, and answers a new session. cookie is what the browser
// kept, browser what it says it is. Whatever does not fit is refused: Invalid or Expired for an answer that is not one to
// this browser, Unauthenticated for a provider that does not vouch, Forbidden for a person who may not come in.
func (s Sessions) Finish(ctx context.Context, name, cookie string, answer url.Values, browser string) (SignedIn, error) {
	p, err := s.provider(name)
	if err != nil {
		return SignedIn{}, err
	}
	a, err := s.attempted(p, cookie, answer)
	if err != nil {
		return SignedIn{}, s.logged(ctx, p, err)
	}
	v, err := s.vouched(ctx, p, a, answer)
	if err != nil {
		return SignedIn{}, s.logged(ctx, p, err)
	}
	return s.admit(ctx, p, a, v, browser)
}

// attempted answers the attempt that the provider answers, after comparing state in constant time.
func (s Sessions) attempted(p *provider, cookie string, answer url.Values) (attempt, error) {
	foreign := approval.Errorf(approval.Invalid, "this sign-in was not begun in this browser, or another one was begun after it: go to the sign-in page and begin again")
	for _, values := range answer {
		if len(values) > 1 { // of two, two readers take a different one (RFC 6749, 3.1)
			return attempt{}, foreign
		}
	}
	a, ok := parseAttempt(p.Name, cookie)
	if !ok || !sameText(a.part("state"), answer.Get("state")) {
		return attempt{}, foreign
	}
	if age := s.clock.Now().Sub(a.begun); age < -time.Second || age >= SignInTTL {
		return attempt{}, approval.Errorf(approval.Expired, "this sign-in has taken longer than ten minutes: go to the sign-in page and begin again")
	}
	return a, nil
}

// vouched answers whom the provider vouches for.
func (s Sessions) vouched(ctx context.Context, p *provider, a attempt, answer url.Values) (approval.Verified, error) {
	none := approval.Verified{}
	m, err := p.metadata(ctx)
	if err != nil {
		return none, err
	}
	// An answer of another provider must not be taken to this one (mix-up, RFC 9207, 2.4).
	if iss, has := answer["iss"]; has && iss[0] != p.Issuer || !has && m.namesItself {
		return none, p.refused(errors.New("the answer's iss is " + strconv.Quote(answer.Get("iss"))))
	}
	switch code := answer.Get("error"); {
	case code == "access_denied":
		return none, approval.Errorf(approval.Unauthenticated, "%s did not let you in, or you turned back there: begin again, or ask whoever runs it", p.DisplayName)
	case code != "":
		return none, p.refused(errors.New("it answered the error " + strconv.Quote(code)))
	case answer.Get("code") == "":
		return none, p.refused(errors.New("it answered no code"))
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), 2*providerTimeout)
	defer cancel()
	token, err := s.client(p, m).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(a.part("verifier")))
	var said *oauth2.RetrieveError
	if errors.As(err, &said) && said.Response != nil && said.Response.StatusCode < http.StatusInternalServerError {
		return none, p.refused(errors.New("it did not take the code: " + said.Response.Status + " " + strconv.Quote(said.ErrorCode)))
	}
	if err != nil {
		return none, p.away(err)
	}
	return p.verify(ctx, m, a, token)
}

// refused is what a person is told of a provider's answer that does not hold.
func (p *provider) refused(cause error) error {
	return approval.Wrap(approval.Unauthenticated, cause, "what %s answered does not sign you in: begin again; if it stays, whoever runs this server finds the cause in its log", p.DisplayName)
}
