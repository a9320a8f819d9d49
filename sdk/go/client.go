package indent

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// DefaultURL is the address of a local dev server.
const DefaultURL = "http://127.0.0.1:8080"

// Version is sent as part of the User-Agent.
const Version = "0.1.0"

// Options are the settings of a [Client]; the zero value takes everything from the environment or a .env file.
type Options struct {
	// URL is the server's address, such as https://indent.example.com (INDENT_API_URL).
	URL string
	// Space is the space that all calls are about (INDENT_SPACE).
	Space string
	// Token is a service account's token or a user token (INDENT_API_TOKEN).
	Token string
	// TokenSource answers the token of each call instead of Token, for tokens that are renewed on the way. Its error is the
	// call's error, and nothing is sent.
	TokenSource func(context.Context) (string, error)
	// HTTPClient brings the transport. Its CheckRedirect, Jar and Timeout are not used: redirects are never followed,
	// and Timeout below bounds an attempt.
	HTTPClient *http.Client
	// Timeout bounds one attempt of one call, 0 means 30 s. Long-polls may take the time they ask for in addition.
	Timeout time.Duration
	// Retries is how often a call is sent again after a passing failure: 0 means 2, less than 0 means never.
	Retries int
	// AllowPlainHTTP permits sending the token over plain http to another machine, for networks that you trust
	// (INDENT_ALLOW_PLAIN_HTTP).
	AllowPlainHTTP bool
	// UserAgent is put before the client's own User-Agent.
	UserAgent string
}

// Client speaks with one space of one server. It may be used by many goroutines.
type Client struct {
	settings  settings
	tokens    func(context.Context) (string, error) // nil: settings.token
	last      atomic.Pointer[string]                // what tokens has answered last
	http      *http.Client
	timeout   time.Duration
	retries   int
	userAgent string
	// own is the crowd of a client that brings its transport; all others share theirs.
	own *crowd
	// sleep and chance are replaced in tests.
	sleep  func(context.Context, time.Duration) error
	chance func() float64
}

// New answers a client. It refuses with a [*ConfigError], which says what to do, when the space or the token is
// missing, or when the address is unusable or would expose the token. Nothing is sent.
func New(o Options) (*Client, error) {
	s, err := readSettings(o, machine())
	if err != nil {
		return nil, err
	}
	return newClient(o, s), nil
}

func newClient(o Options, s settings) *Client {
	c := &Client{settings: s, tokens: o.TokenSource, http: httpClient(o.HTTPClient), timeout: o.Timeout, retries: o.Retries,
		userAgent: "indent-go/" + Version, sleep: sleep, chance: random}
	if c.timeout <= 0 {
		c.timeout = 30 * time.Second
	}
	switch {
	case c.retries == 0:
		c.retries = 2
	case c.retries < 0:
		c.retries = 0
	}
	if o.HTTPClient != nil || o.TokenSource != nil {
		c.own = newCrowd(c)
	}
	if o.UserAgent != "" {
		c.userAgent = o.UserAgent + " " + c.userAgent
	}
	return c
}

// token answers the token of a call.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.tokens == nil {
		return c.settings.token, nil
	}
	token, err := c.tokens(ctx)
	if err != nil {
		return "", err
	}
	if !isVisible(token, 8192) {
		return "", &ConfigError{Name: envToken, message: "the token has a character that cannot be part of it"}
	}
	c.last.Store(&token)
	return token, nil
}

// secret answers the token that may stand in a text, "" for none.
func (c *Client) secret() string {
	if last := c.last.Load(); last != nil {
		return *last
	}
	return c.settings.token
}

// URL answers the server's address, without a slash at its end.
func (c *Client) URL() string { return c.settings.url }

// SpaceName answers the space that the client speaks with.
func (c *Client) SpaceName() string { return c.settings.space }

// PetitionURL answers the address of a petition's page, for people.
func (c *Client) PetitionURL(name string) string {
	return c.settings.url + "/access/" + c.settings.space + "/" + name
}

// sharedTransport keeps connections over clients that bring none of their own.
var sharedTransport = func() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = 32
	return t
}()

func httpClient(given *http.Client) *http.Client {
	// A redirect could carry the token to another host: it is answered as an error instead.
	c := &http.Client{Transport: sharedTransport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if given != nil {
		c.Transport = given.Transport
	}
	return c
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// newKey answers a random UUID (RFC 9562, version 4): the same idempotency key goes with all attempts of one call.
func newKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
