package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/indent-approvals/indent/internal/approval"
)

// Provider is an OpenID Connect provider that people sign in with, as the server's operator has set it.
type Provider struct {
	Name        string // in addresses and in the log
	DisplayName string
	// Issuer is what the provider's tokens call it, to the letter; ClientID is their audience. Both are required.
	Issuer, ClientID, ClientSecret string
	// Spaces are those that it signs in to.
	Spaces []string
	Scopes []string
	// Domains are those for whose addresses the provider has the say.
	Domains     []string
	GroupsClaim string
	Roles       map[string]approval.Role // by group; nil: groups give no roles
	SyncGroups  bool
}

// provider is a Provider with what is known of it now.
type provider struct {
	Provider
	clock  approval.Clock
	client *http.Client

	mu      sync.Mutex
	found   *metadata
	foundAt time.Time
	failure error
	failed  time.Time
	running chan struct{} // closed when the asking that runs has ended; nil when none runs
}

const (
	// metadataTTL is how long a provider's metadata and keys are taken as known.
	metadataTTL = time.Hour
	// askAgain is how soon a provider that failed is asked again, and how often its keys are read for an unknown one.
	askAgain = 10 * time.Second
	// providerTimeout bounds one call of a provider, maxProviderAnswer what is read of its answer.
	providerTimeout   = 10 * time.Second
	maxProviderAnswer = 1 << 20
)

// newProvider refuses a provider without an issuer or an audience: tokens of anybody, for anybody, would count.
func newProvider(p Provider, clock approval.Clock) (*provider, error) {
	if p.Name == "" || p.Issuer == "" || p.ClientID == "" || len(p.Spaces) == 0 || strings.ContainsAny(p.Issuer, "|?#") {
		return nil, approval.Errorf(approval.Invalid, "the sign-in provider %q needs a name, an issuer, a client id and a space", p.Name)
	}
	if u, err := url.Parse(p.Issuer); err != nil || !guarded(u) {
		return nil, approval.Errorf(approval.Invalid, "the issuer of the sign-in provider %q must be an https address", p.Name)
	}
	for group, role := range p.Roles {
		if !role.Known() {
			return nil, approval.Errorf(approval.Invalid, "the sign-in provider %q gives the group %q the role %q, which there is not", p.Name, group, role)
		}
	}
	client := &http.Client{Timeout: providerTimeout, Transport: bounded{http.DefaultTransport},
		// What a provider says stands at the addresses that it named.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &provider{Provider: p, clock: clock, client: client}, nil
}

// guarded answers whether nobody between here and the address can change what it says.
func guarded(u *url.URL) bool {
	host := u.Hostname()
	ip := net.ParseIP(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
	return host != "" && u.User == nil && (u.Scheme == "https" || u.Scheme == "http" && local)
}

// bounded cuts answers that are too long, which then cannot be read.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = &boundedBody{answer.Body, maxProviderAnswer}
	}
	return answer, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

var errTooLong = errors.New("the provider's answer is longer than 1 MiB")

func (b *boundedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLong
	}
	return n, err
}

// metadata is what a provider says of itself (OpenID Connect Discovery, 3).
type metadata struct {
	provider *oidc.Provider
	verifier *oidc.IDTokenVerifier
	auth     oauth2.AuthStyle
	// namesItself: its answers carry iss, and must (RFC 9207).
	namesItself bool
	userInfo    bool
}

// metadata answers what the provider says of itself. It is asked when somebody first signs in, and again each hour; a
// provider that does not answer keeps nobody but those who sign in with it.
func (p *provider) metadata(ctx context.Context) (*metadata, error) {
	for {
		found, running, failure := p.known(ctx)
		switch {
		case found != nil:
			return found, nil
		case failure != nil:
			return nil, failure
		}
		select {
		case <-running:
		case <-ctx.Done():
			return nil, p.away(ctx.Err())
		}
	}
}

// known answers what is known, or how the last asking failed, or when the one that runs ends. What was known before is
// good while it is asked again.
func (p *provider) known(ctx context.Context) (*metadata, <-chan struct{}, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	within := func(since time.Time, d time.Duration) bool { return !now.Before(since) && now.Sub(since) < d }
	switch {
	case p.found != nil && within(p.foundAt, metadataTTL):
		return p.found, nil, nil
	case p.failure != nil && within(p.failed, askAgain):
		return p.found, nil, p.failure
	}
	if p.running == nil {
		p.running = make(chan struct{})
		go p.discover(context.WithoutCancel(ctx), p.running)
	}
	return p.found, p.running, nil
}

func (p *provider) discover(ctx context.Context, done chan struct{}) {
	found, err := p.ask(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if p.failure, p.failed = nil, now; err != nil {
		p.failure = p.away(err)
	} else {
		p.found, p.foundAt = found, now
	}
	p.running = nil
	close(done)
}

// away is what a visitor is told of a provider that cannot be used now. Nobody is let in without it.
func (p *provider) away(cause error) error {
	e := approval.Wrap(approval.Unavailable, cause, "%s cannot be reached now, or does not answer as a sign-in provider does: try again in a moment; whoever runs this server finds the cause in its log", p.DisplayName)
	e.RetryAfter = askAgain
	return e
}

func (p *provider) ask(ctx context.Context) (*metadata, error) {
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), providerTimeout)
	defer cancel()
	found, err := oidc.NewProvider(ctx, p.Issuer) // which compares the issuer
	if err != nil {
		return nil, err
	}
	var more struct {
		Keys          string   `json:"jwks_uri"`
		UserInfo      string   `json:"userinfo_endpoint"`
		NamesItself   bool     `json:"authorization_response_iss_parameter_supported"`
		Challenges    []string `json:"code_challenge_methods_supported"`
		Authenticates []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := found.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := found.Endpoint()
	for _, address := range []string{endpoint.AuthURL, endpoint.TokenURL, more.Keys, more.UserInfo} {
		if u, err := url.Parse(address); err != nil || !guarded(u) && (address != "" || more.UserInfo != "") {
			return nil, fmt.Errorf("the provider's metadata name the address %q, which is no https address", address)
		}
	}
	m := &metadata{provider: found, namesItself: more.NamesItself, userInfo: more.UserInfo != ""}
	if len(more.Challenges) > 0 && !slices.Contains(more.Challenges, "S256") {
		return nil, errors.New("the provider does not know the PKCE method S256")
	}
	// To try one way after the other would send the code twice, which a good provider takes for theft (RFC 6749, 4.1.2).
	switch has := func(method string) bool { return slices.Contains(more.Authenticates, method) }; {
	case len(more.Authenticates) == 0 || has("client_secret_basic"):
		m.auth = oauth2.AuthStyleInHeader
	case has("client_secret_post"):
		m.auth = oauth2.AuthStyleInParams
	default:
		return nil, errors.New("the provider takes neither client_secret_basic nor client_secret_post")
	}
	m.verifier = oidc.NewVerifier(p.Issuer, &keySet{url: more.Keys, client: p.client, clock: p.clock},
		&oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algorithmNames, Now: p.clock.Now})
	return m, nil
}
