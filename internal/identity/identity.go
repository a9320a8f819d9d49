// Package identity makes credentials and answers whom one stands for: tokens, sessions, sign-in links, signing keys.
//
// Its promise: a secret is stored only as a hash, a credential that has ended is refused everywhere within a second, and
// whoever it stands for is looked up afresh, so that a suspended member is nobody. It imports the centre, the JOSE
// library (RFC 7515, 7517, 7518, 7519), those for OpenID Connect and OAuth 2, and the guard of outgoing calls.
package identity

import (
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Config are the settings of the room.
type Config struct {
	// Issuer answers the server's base URL, the "iss" of its user tokens.
	Issuer func() string
	// TokenTTL is how long a user token lives.
	TokenTTL time.Duration
	// SessionTTL is how long a browser stays signed in, SessionIdle how long without being used.
	SessionTTL, SessionIdle time.Duration
	// Providers are those that people sign in with, besides one-time links.
	Providers []Provider
	// Operators are the ids of who operates the server, and so makes spaces.
	Operators []string
	// LoginIdle is how long a program stays signed in that does nothing, LoginTTL how long at most.
	LoginIdle, LoginTTL time.Duration
	// SigningKeyMaxAge is after how long user tokens are signed with another key; 0: never by itself.
	SigningKeyMaxAge time.Duration
	// Outside makes the calls to issuers of service accounts' trusts, whose addresses members name: it must be guarded, so that
	// none reaches inside (I12), and follow no redirect. Without it no such issuer is asked.
	Outside *http.Client
	// Loopback lets issuers be on this machine and speak http, for a server to play with.
	Loopback bool
}

// Identity is the room: build it once per node.
type Identity struct {
	Config
	service *approval.Service
	store   approval.Store
	clock   approval.Clock
	ids     approval.IDs
	keys    *keyRing
	cache   cache

	providers []*provider
	uses      uses
	issuers   *issuers
	refused   throttle
	keeper    keeper
}

// New answers the room over the use cases, with the signing keys loaded; the first node makes the first key.
func New(ctx context.Context, s *approval.Service, c Config) (*Identity, error) {
	if c.SessionIdle <= 0 {
		c.SessionIdle = c.SessionTTL
	}
	i := &Identity{Config: c, service: s, store: s.Store, clock: s.Clock, ids: s.IDs, cache: cache{entries: map[fingerprint]known{}}}
	for _, p := range c.Providers {
		known, err := newProvider(p, s.Clock)
		if err != nil {
			return nil, err
		}
		i.providers = append(i.providers, known)
	}
	i.keys = &keyRing{service: s, maxAge: c.SigningKeyMaxAge}
	i.issuers = newIssuers(s.Clock, c.Outside, c.Loopback)
	s.WhenRightsChange(i.Forget)
	return i, i.keys.open(ctx)
}

type fingerprint [sha256.Size]byte

// known is a credential that was checked a moment ago.
type known struct {
	actor approval.Actor
	from  time.Time
	until time.Time
}

// cacheTTL bounds how long an ended credential still works on another node than the one that ended it.
const (
	cacheTTL  = time.Second
	cacheSize = 10_000
)

// cache remembers credentials for at most a second, so that a busy client costs one look-up a second.
type cache struct {
	mu      sync.Mutex
	entries map[fingerprint]known
	// epoch grows with every forget: a look-up that began before it is not kept.
	epoch int
}

func (c *cache) get(f fingerprint, now time.Time) (approval.Actor, int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.entries[f]
	// A clock that was set back must not make an entry live longer.
	return k.actor, c.epoch, ok && now.Before(k.until) && !now.Before(k.from)
}

func (c *cache) put(f fingerprint, a approval.Actor, epoch int, now, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if len(c.entries) >= cacheSize {
		clear(c.entries)
	}
	until := now.Add(cacheTTL)
	if !end.IsZero() && end.Before(until) {
		until = end
	}
	c.entries[f] = known{a, now, until}
}

// Forget makes this node look every credential up again; call it when one has ended.
func (i *Identity) Forget() {
	i.cache.mu.Lock()
	defer i.cache.mu.Unlock()
	i.cache.epoch++
	clear(i.cache.entries)
}

// cached answers the actor of a credential from the cache, or by look, whose end bounds how long it is kept.
func (i *Identity) cached(ctx context.Context, kind, secret string, look func(context.Context) (approval.Actor, time.Time, error)) (approval.Actor, error) {
	var room [512]byte // a token fits
	f := sha256.Sum256(append(append(append(room[:0], kind...), ' '), secret...))
	now := i.clock.Now()
	a, epoch, ok := i.cache.get(f, now)
	if ok {
		return a, nil
	}
	a, end, err := look(ctx)
	if err != nil {
		return approval.Actor{}, err
	}
	a.ExpireTime = end
	i.cache.put(f, a, epoch, now, end)
	return a, nil
}

// whole is holder for a credential that opens something: it has proved the passkey that the role needs now.
func (i *Identity) whole(ctx context.Context, t approval.Token) (approval.Actor, error) {
	a, err := i.holder(ctx, t)
	if err == nil {
		err = i.service.Complete(a, t)
	}
	return a, err
}

// holder answers the actor that a stored token stands for, as the member is now. A sign-in that waits for its passkey has
// one, too: see whole.
func (i *Identity) holder(ctx context.Context, t approval.Token) (approval.Actor, error) {
	m, err := i.store.Member(ctx, t.Space, t.Member)
	if approval.CodeOf(err) == approval.NotFound {
		return approval.Actor{}, approval.Errorf(approval.Unauthenticated, "%s is not a member of %s any more: ask an owner of the space", t.Member, t.Space)
	}
	if err != nil {
		return approval.Actor{}, err
	}
	if m.Kind == approval.KindServiceAccount {
		if err := i.outlived(ctx, t, m); err != nil {
			return approval.Actor{}, err
		}
	}
	a, err := i.service.ActorOf(ctx, m, t.Name, t.Scopes)
	if err == nil && t.Kind != approval.TokenSession { // whose use is a person's (see Sessions.Use)
		i.uses.note(t, i.clock.Now())
	}
	if err == nil && i.operates(a) {
		a.Operator, err = i.provedAddress(ctx, t)
	}
	return a, err
}

// provedAddress answers whether the person at the root of a credential has proved to have the address that the member is
// called. The owner of a space may call a member of it what an operator is called, and link an account of their own with
// it: that makes nobody an operator. A program that was let in is asked for the session in which that was.
func (i *Identity) provedAddress(ctx context.Context, t approval.Token) (bool, error) {
	for range maxDescent {
		if t.Kind == approval.TokenSession {
			v, err := i.store.Session(ctx, t.Space, t.Name)
			if approval.CodeOf(err) == approval.NotFound {
				return false, nil
			}
			return err == nil && v.Address != "" && v.Address == t.Member, err
		}
		maker := t.CreatedBy.Labels[approval.LabelToken]
		if t.Kind == approval.TokenLogin {
			maker = t.CreatedBy.Labels[approval.LabelLoginSession]
		}
		if maker == "" {
			return t.Kind != approval.TokenLogin, nil // by the server itself, for its operator
		}
		var err error
		if t, err = i.store.Token(ctx, t.Space, maker); err != nil {
			if approval.CodeOf(err) == approval.NotFound {
				return false, nil
			}
			return false, err
		}
	}
	return false, nil
}

// maxDescent bounds how far back from a token its session is looked for.
const maxDescent = 20

// operates answers whether the actor is a person who operates the server, by a credential that may make spaces. A service
// account never does, whoever owns it: it is no address.
func (i *Identity) operates(a approval.Actor) bool {
	return a.Kind == approval.KindUser && slices.Contains(i.Operators, a.ID) && (a.Scopes == nil || slices.Contains(a.Scopes, approval.CreateSpaces))
}

// outlived answers Unauthenticated for a token that was being made while its service account, or the trust that it came
// of, was deleted: an account that has the id now is another one.
func (i *Identity) outlived(ctx context.Context, t approval.Token, m approval.Member) error {
	if t.CreateTime.Before(m.CreateTime) {
		return ended()
	}
	trust := t.CreatedBy.Labels[approval.LabelTrust]
	if trust == "" {
		return nil
	}
	trusts, err := i.store.Trusts(ctx, t.Space, m.ID)
	if err == nil && !slices.ContainsFunc(trusts, func(o approval.Trust) bool { return o.Name == trust }) {
		err = ended()
	}
	return err
}
