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

// keyRing holds the ES256 keys that user tokens are signed with: the newest that may sign signs, all verify until the
// last token that they signed has ended.
type keyRing struct {
	service *approval.Service
	// maxAge is after how long another key is made; 0: never.
	maxAge time.Duration
	mu     sync.Mutex
	keys   []signingKey // newest first
	read   time.Time
}

type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
	created time.Time
	signs   time.Time // from when on; zero: at once
}

const (
	// publishedFor is how long a key is in the list of public keys before it signs: longer than anybody may keep the
	// list (sendKeys of the api room) and other nodes do not look (upkeepEvery).
	publishedFor = 10 * time.Minute
	// longestToken is the most that a user token may live, whatever a node's token_ttl says now or said before.
	longestToken = 24 * time.Hour
	// clockSlack is by how much the clocks of nodes may differ.
	clockSlack = 5 * time.Minute
)

// open loads the keys and makes the first one. Of nodes that start at once, one makes it and the others read it: their
// first key has the same id.
func (r *keyRing) open(ctx context.Context) error {
	if err := r.load(ctx); err != nil || len(r.all()) > 0 {
		return err
	}
	if _, err := r.create(ctx, time.Time{}); err != nil && approval.CodeOf(err) != approval.Conflict {
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

// create makes a key and takes away those that have ended. Its id follows the greatest there is, so that of nodes that do
// this at once one is heard (Conflict), without a leader.
func (r *keyRing) create(ctx context.Context, signs time.Time, ended ...string) (id string, err error) {
	// The source of randomness is the system's, whatever is passed (Go 1.26).
	private, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	greatest := 0
	for _, k := range r.all() {
		n, _ := strconv.Atoi(k.id)
		greatest = max(greatest, n)
	}
	id = strconv.Itoa(greatest + 1)
	return id, r.service.SaveSigningKey(ctx, approval.SigningKey{ID: id, PrivatePEM: string(text), SignTime: signs}, ended...)
}

// keep reads the keys, makes another one when the newest is old, and takes away those that have ended.
func (r *keyRing) keep(ctx context.Context) error {
	if err := r.load(ctx); err != nil {
		return err
	}
	now, all := r.service.Clock.Now(), r.all()
	var ended []string
	for i := range all {
		if hasEnded(all, i, now) {
			ended = append(ended, all[i].id)
		}
	}
	var err error
	switch {
	case r.maxAge > 0 && len(all) > 0 && now.Sub(all[0].created) >= r.maxAge:
		_, err = r.create(ctx, now.Add(publishedFor), ended...)
	case len(ended) > 0:
		err = r.service.EndSigningKeys(ctx, ended...)
	default:
		return nil
	}
	if err != nil && approval.CodeOf(err) != approval.Conflict { // a conflict: another node was faster
		return err
	}
	return r.load(ctx)
}

// RotateKeys makes a new signing key. It signs after it has been published for a while, and the old ones verify until
// their last token has ended; with atOnce it signs now and the old ones are gone, with every user token that they signed.
func (i *Identity) RotateKeys(ctx context.Context, atOnce bool) (id string, signs time.Time, err error) {
	if err := i.keys.load(ctx); err != nil {
		return "", signs, err
	}
	signs = i.clock.Now()
	var ended []string
	if atOnce {
		for _, k := range i.keys.all() {
			ended = append(ended, k.id)
		}
	} else {
		signs = signs.Add(publishedFor)
	}
	if id, err = i.keys.create(ctx, signs, ended...); err != nil {
		return "", signs, err
	}
	i.Forget()
	return id, signs, i.keys.load(ctx)
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
	return signingKey{k.ID, private, k.CreateTime, k.SignTime}, nil
}

// all answers the keys, newest first; nobody changes the list.
func (r *keyRing) all() []signingKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys
}

// signing answers the newest key that may sign; when none may, the oldest, which nobody waits for.
func (r *keyRing) signing() signingKey {
	now, all := r.service.Clock.Now(), r.all()
	for _, k := range all {
		if !k.signs.After(now) {
			return k
		}
	}
	return all[len(all)-1]
}

// hasEnded answers whether the last token that the key at a place has signed has ended: it signs until the first of those
// after it does.
func hasEnded(newestFirst []signingKey, place int, now time.Time) bool {
	var stopped time.Time
	for _, k := range newestFirst[:place] {
		if stopped.IsZero() || k.signs.Before(stopped) {
			stopped = k.signs
		}
	}
	return !stopped.IsZero() && now.After(stopped.Add(longestToken+clockSlack))
}

// live answers the keys that verify, newest first.
func (r *keyRing) live() []signingKey {
	now, all := r.service.Clock.Now(), r.all()
	var live []signingKey
	for i, k := range all {
		if !hasEnded(all, i, now) {
			live = append(live, k)
		}
	}
	return live
}

func foreign() error {
	return approval.Errorf(approval.Unauthenticated, "the token was not signed by this server: get a new one from its page /api-keys")
}

// fresh reads the keys again when that was a second ago: another node, or the operator, may have made one or ended one.
// Made-up kids cost no more than that.
func (r *keyRing) fresh(ctx context.Context) error {
	if !r.mayRead() {
		return nil
	}
	return r.load(ctx)
}

// public answers the key that verifies tokens of the kid.
func (r *keyRing) public(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	if err := r.fresh(ctx); err != nil {
		return nil, err
	}
	k := r.find(kid)
	if k == nil {
		return nil, foreign()
	}
	return k, nil
}

func (r *keyRing) find(kid string) *ecdsa.PublicKey {
	for _, k := range r.live() {
		if k.id == kid {
			return &k.private.PublicKey
		}
	}
	return nil
}

// mayRead answers whether the last reading for a token is a second ago, and if so counts this as one.
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

// JWKS answers the public keys (RFC 7517), newest first: also the one that does not sign yet, and no longer those whose
// tokens have all ended.
func (i *Identity) JWKS() jose.JSONWebKeySet {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range i.keys.live() {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: &k.private.PublicKey, KeyID: k.id, Algorithm: string(jose.ES256), Use: "sig"})
	}
	return set
}
