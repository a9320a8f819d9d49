package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/indent-approvals/indent/internal/approval"
)

// keyRing holds the ES256 keys that user tokens are signed with: the newest signs, all verify.
type keyRing struct {
	service *approval.Service
	mu      sync.Mutex
	keys    []signingKey // newest first
	read    time.Time
}

type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
}

// open loads the keys and makes the first one. Of nodes that start at once, one makes it and the others read it: their
// first key has the same id.
func (r *keyRing) open(ctx context.Context) error {
	if err := r.load(ctx); err != nil || len(r.all()) > 0 {
		return err
	}
	if err := r.create(ctx); err != nil && approval.CodeOf(err) != approval.Conflict {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	if len(r.all()) == 0 {
		return approval.Errorf(approval.Internal, "the signing key that was just made cannot be read: is another program changing the database?")
	}
	return nil
}

func (r *keyRing) create(ctx context.Context) error {
	// The source of randomness is the system's, whatever is passed (Go 1.26).
	private, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return r.service.SaveSigningKey(ctx, approval.SigningKey{ID: strconv.Itoa(len(r.all()) + 1), PrivatePEM: string(text)})
}

// load reads the keys, without holding the lock while the store thinks.
func (r *keyRing) load(ctx context.Context) error {
	stored, err := r.service.Store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	keys := make([]signingKey, len(stored))
	for i, k := range stored {
		if keys[i], err = parseKey(k); err != nil {
			return approval.Wrap(approval.Internal, err, "signing key %s cannot be read", k.ID)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
	return nil
}

func parseKey(k approval.SigningKey) (signingKey, error) {
	block, rest := pem.Decode([]byte(k.PrivatePEM))
	if block == nil || len(rest) > 0 {
		return signingKey{}, errors.New("it is not one PEM block")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signingKey{}, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return signingKey{}, errors.New("it is not a P-256 key")
	}
	return signingKey{k.ID, private}, nil
}

// all answers the keys, newest first; nobody changes the list.
func (r *keyRing) all() []signingKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

func (r *keyRing) signing() signingKey { return r.all()[0] }

func foreign() error {
	return approval.Errorf(approval.Unauthenticated, "the token was not signed by this server: get a new one from its page /api-keys")
}

// public answers the key that verifies tokens of the kid. An unknown one may be new on another node: the keys are read
// again, at most once a second, so that made-up kids cost nothing.
func (r *keyRing) public(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	k := r.find(kid)
	if k == nil && r.mayRead() {
		if err := r.load(ctx); err != nil {
			return nil, err
		}
		k = r.find(kid)
	}
	if k == nil {
		return nil, foreign()
	}
	return k, nil
}

func (r *keyRing) find(kid string) *ecdsa.PublicKey {
	for _, k := range r.all() {
		if k.id == kid {
			return &k.private.PublicKey
		}
	}
	return nil
}

// mayRead answers whether the last reading for an unknown kid is a second ago, and if so counts this as one.
func (r *keyRing) mayRead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.service.Clock.Now()
	if since := now.Sub(r.read); since >= 0 && since < time.Second {
		return false
	}
	r.read = now
	return true
}

// JWKS answers the public keys (RFC 7517), newest first.
func (i *Identity) JWKS() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range i.keys.all() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.private.PublicKey, KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"})
	}
	return set
}
