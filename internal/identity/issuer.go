package identity

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/indent-approvals/indent/internal/approval"
)

// issuers knows the public keys of issuers elsewhere. It only ever asks those that a trust names.
type issuers struct {
	client   *http.Client
	clock    approval.Clock
	loopback bool
	mu       sync.Mutex
	known    map[string]*outsideIssuer
}

// outsideIssuer is one issuer; who holds turn reads and writes the rest.
type outsideIssuer struct {
	turn chan struct{}
	keys []jose.JSONWebKey
	read time.Time // when the keys were read; zero: never
	// tried is when they were last asked for, and failed what came of it.
	tried  time.Time
	failed error
}

const (
	maxIssuers      = 1000
	maxOutsideKeys  = 100
	maxDiscovery    = 64 << 10
	maxKeySet       = 512 << 10
	issuerTimeout   = 8 * time.Second // of one call, which Config.Outside is to keep
	keysKeptFor     = 10 * time.Minute
	askForKeysEvery = 30 * time.Second // for a key that is not in the list
	askAgainEvery   = 5 * time.Second  // after it failed
	minRSABits      = 2048
)

func newIssuers(clock approval.Clock, client *http.Client, loopback bool) *issuers {
	return &issuers{client: client, clock: clock, loopback: loopback, known: map[string]*outsideIssuer{}}
}

// keysFor answers the issuer's keys that may have signed with the kid. They are asked for when they are not known, are old, or
// the kid is not among them: the last at most every half minute, so that made-up kids cost nothing.
func (s *issuers) keysFor(ctx context.Context, issuer, kid string) ([]jose.JSONWebKey, error) {
	o := s.get(issuer)
	ctx, cancel := context.WithTimeout(ctx, 2*issuerTimeout)
	defer cancel()
	select {
	case o.turn <- struct{}{}:
		defer func() { <-o.turn }()
	case <-ctx.Done():
		return nil, approval.Wrap(approval.Unavailable, ctx.Err(), "the issuer's keys are being asked for: try again in a moment")
	}
	now := s.clock.Now()
	since := func(t time.Time, d time.Duration) bool { return now.Sub(t) >= d || now.Before(t) }
	fresh := !o.read.IsZero() && !since(o.read, keysKeptFor)
	if found := withID(o.keys, kid); fresh && len(found) > 0 {
		return found, nil
	}
	switch {
	case o.failed != nil && !since(o.tried, askAgainEvery):
		return nil, o.failed
	case fresh && !since(o.tried, askForKeysEvery):
		return nil, nil
	}
	o.tried = now
	keys, err := s.fetch(ctx, issuer)
	if o.failed = unreachable(err); err != nil {
		return nil, o.failed
	}
	o.keys, o.read = keys, now
	return withID(keys, kid), nil
}

// unreachable hides what is wrong from who calls: an answer from inside must not be read by asking for it.
func unreachable(err error) error {
	if err == nil {
		return nil
	}
	e := approval.Wrap(approval.Unavailable, err, "the keys of the token's issuer could not be had: try again in a moment; the server's log says why")
	e.RetryAfter = askAgainEvery
	return e
}

func (s *issuers) get(issuer string) *outsideIssuer {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.known[issuer]
	if o == nil {
		if len(s.known) >= maxIssuers {
			clear(s.known)
		}
		o = &outsideIssuer{turn: make(chan struct{}, 1)}
		s.known[issuer] = o
	}
	return o
}

// withID answers the keys with the id; a token without one can only be of an issuer that has one key.
func withID(keys []jose.JSONWebKey, kid string) (found []jose.JSONWebKey) {
	if kid == "" && len(keys) == 1 {
		return keys
	}
	for _, k := range keys {
		if kid != "" && k.KeyID == kid {
			found = append(found, k)
		}
	}
	return found
}

// fetch reads the issuer's keys (OpenID Connect Discovery 1.0, section 4).
func (s *issuers) fetch(ctx context.Context, issuer string) ([]jose.JSONWebKey, error) {
	var about struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := s.read(ctx, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", maxDiscovery, &about); err != nil {
		return nil, err
	}
	if about.Issuer != issuer { // section 4.3: exactly
		return nil, fmt.Errorf("the issuer %s says that it is %.200q", issuer, about.Issuer)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := s.read(ctx, about.Keys, maxKeySet, &set); err != nil {
		return nil, err
	}
	if len(set.Keys) > maxOutsideKeys {
		return nil, fmt.Errorf("the issuer %s has %d keys, more than %d", issuer, len(set.Keys), maxOutsideKeys)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		// A key of a kind that is not known here is another program's business.
		if json.Unmarshal(raw, &k) == nil && usable(k) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// usable answers whether a key may verify: public, for signatures, and not too short.
func usable(k jose.JSONWebKey) bool {
	if !k.IsPublic() || !k.Valid() || k.Use != "" && k.Use != "sig" {
		return false
	}
	short, isRSA := k.Key.(*rsa.PublicKey)
	return !isRSA || short.N.BitLen() >= minRSABits
}

func (s *issuers) read(ctx context.Context, address string, most int64, into any) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil || u.Fragment != "" || u.Scheme != "https" && !(u.Scheme == "http" && s.loopback && isLoopback(u.Hostname())) {
		return fmt.Errorf("%.300q is no https address", address)
	}
	if s.client == nil {
		return errors.New("nothing makes calls to issuers elsewhere")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return err
	case int64(len(body)) > most:
		return fmt.Errorf("%s answers more than %d bytes", address, most)
	}
	return json.Unmarshal(body, into)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
