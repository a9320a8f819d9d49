package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/indent-approvals/indent/internal/approval"
)

// algorithms are those that a provider may sign with: each needs a private key. Under one with a shared secret, or "none",
// whoever knows the client could make tokens (RFC 8725, 2.1).
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

var algorithmNames = func() (names []string) {
	for _, a := range algorithms {
		names = append(names, string(a))
	}
	return names
}()

// keySet holds a provider's public keys. It is an oidc.KeySet: who verifies a token with it has checked nothing else.
//
// An unknown key makes it read them again, for they change (OpenID Connect Core, 10.1.1), at most once in [askAgain], so
// that made-up keys cost the provider nothing. Keys that the provider has taken away end within [metadataTTL].
type keySet struct {
	url    string
	client *http.Client
	clock  approval.Clock

	mu   sync.Mutex // never held while the provider thinks
	keys []jose.JSONWebKey
	read time.Time

	reading sync.Mutex
	tried   time.Time
}

// VerifySignature answers what the token says if one of the provider's keys has signed it.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil {
		return nil, err
	}
	if len(signed.Signatures) != 1 {
		return nil, errors.New("the token has not one signature")
	}
	if keys, good := k.current(); good {
		if text, ok := verifiedBy(signed, keys); ok {
			return text, nil
		}
	}
	keys, err := k.again(ctx)
	if err != nil {
		return nil, err
	}
	if text, ok := verifiedBy(signed, keys); ok {
		return text, nil
	}
	return nil, errors.New("none of the provider's keys has signed the token")
}

func verifiedBy(signed *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, bool) {
	header := signed.Signatures[0].Header
	for _, key := range keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if text, err := signed.Verify(key.Key); err == nil {
			return text, true
		}
	}
	return nil, false
}

// current answers the keys, and whether they are fresh enough to be used.
func (k *keySet) current() ([]jose.JSONWebKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	age := k.clock.Now().Sub(k.read)
	return k.keys, !k.read.IsZero() && age >= 0 && age < metadataTTL
}

// again reads the keys, or answers those that were read a moment ago.
func (k *keySet) again(ctx context.Context) ([]jose.JSONWebKey, error) {
	k.reading.Lock()
	defer k.reading.Unlock()
	now := k.clock.Now()
	if since := now.Sub(k.tried); !k.tried.IsZero() && since >= 0 && since < askAgain {
		if keys, good := k.current(); good {
			return keys, nil
		}
		return nil, errors.New("the provider's keys could not be read a moment ago")
	}
	k.tried = now
	keys, err := k.fetch(ctx)
	if err != nil {
		return nil, fmt.Errorf("the provider's keys cannot be read: %w", err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.keys, k.read = keys, now
	return keys, nil
}

func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	answer, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		// A key of a kind that we do not know is left out (RFC 7517, 5).
		if json.Unmarshal(text, &key) == nil && strong(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// strong answers whether the key is a public one for signatures, of a size that holds.
func strong(key jose.JSONWebKey) bool {
	if key.Use != "" && key.Use != "sig" || !key.Valid() {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= 2048
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
