package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
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

// open loads the keys and makes the first one. Two nodes that start at once may both make one; both verify on both.
func (r *keyRing) open(ctx context.Context) error {
	if err := r.load(ctx); err != nil || len(r.keys) > 0 {
		return err
	}
	if err := r.create(ctx); err != nil && approval.CodeOf(err) != approval.Conflict {
		return err
	}
	return r.load(ctx)
}

func (r *keyRing) create(ctx context.Context) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	return r.service.SaveSigningKey(ctx, approval.SigningKey{ID: r.service.IDs.UUID(), PrivatePEM: string(text)})
}

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
	r.keys, r.read = keys, r.service.Clock.Now()
	return nil
}

func parseKey(k approval.SigningKey) (signingKey, error) {
	block, _ := pem.Decode([]byte(k.PrivatePEM))
	if block == nil {
		return signingKey{}, approval.Errorf(approval.Internal, "it is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signingKey{}, err
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || private.Curve != elliptic.P256() {
		return signingKey{}, approval.Errorf(approval.Internal, "it is not a P-256 key")
	}
	return signingKey{k.ID, private}, nil
}

func (r *keyRing) signing() signingKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[0]
}

// public answers the key that verifies tokens of the kid. An unknown one may be new on another node: the keys are read
// again, at most once a second, so that made-up kids cost nothing.
func (r *keyRing) public(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if k := r.find(kid); k != nil {
		return k, nil
	}
	if since := r.service.Clock.Now().Sub(r.read); since >= 0 && since < time.Second {
		return nil, errUnknownKey
	}
	if err := r.load(ctx); err != nil {
		return nil, err
	}
	if k := r.find(kid); k != nil {
		return k, nil
	}
	return nil, errUnknownKey
}

var errUnknownKey = approval.Errorf(approval.Unauthenticated, "the token was not signed by this server: get a new one from its page /api-keys")

func (r *keyRing) find(kid string) *ecdsa.PublicKey {
	for _, k := range r.keys {
		if k.id == kid {
			return &k.private.PublicKey
		}
	}
	return nil
}

// JWKS answers the public keys (RFC 7517), newest first.
func (i *Identity) JWKS() jose.JSONWebKeySet {
	i.keys.mu.Lock()
	defer i.keys.mu.Unlock()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range i.keys.keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.private.PublicKey, KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"})
	}
	return set
}
