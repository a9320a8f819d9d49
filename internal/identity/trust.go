package identity

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
)

// outsideAlgorithms are the signatures that are looked at: asymmetric ones (RFC 8725, 3.1 and 3.2).
var outsideAlgorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA}

func untrusted() error {
	return approval.Errorf(approval.Unauthenticated, "no trust of the service account fits this token: compare its iss, aud and claims with what "+
		"indent service-account trust list shows; the space's log says more")
}

// outsideToken is a token of an issuer elsewhere, taken apart.
type outsideToken struct {
	jwt    *jwt.JSONWebToken
	header jose.Header
	// claims are the registered ones, texts all by their names. They mean nothing before the signature is checked.
	claims jwt.Claims
	texts  map[string]json.RawMessage
}

// ExchangeOutside answers a short-lived token of a service account for a token of an issuer that it trusts (RFC 8693, and the
// JWT grant of RFC 7523). Nobody is asked for keys but an issuer that a trust of this account names. What does not fit is
// Unauthenticated, in the same words for an account that does not exist.
func (i *Identity) ExchangeOutside(ctx context.Context, space, account, text string) (Made, error) {
	token, err := parseOutside(text)
	if err != nil {
		return Made{}, err
	}
	trusts, err := i.trustsIn(ctx, space, account, token.claims.Issuer)
	if err != nil {
		return Made{}, err
	}
	keys, err := i.issuers.keysFor(ctx, token.claims.Issuer, token.header.KeyID)
	if err != nil {
		i.logUnreachable(ctx, token.claims.Issuer, err)
		return Made{}, err
	}
	if !token.verify(keys) {
		return Made{}, approval.Errorf(approval.Unauthenticated, "the token is not signed by a key of its issuer")
	}
	now := i.clock.Now()
	if err := token.inTime(now); err != nil {
		return Made{}, err
	}
	outside := approval.Outside{Subject: token.claims.Subject, ID: token.claims.ID, End: now.Add(i.TokenTTL)}
	if end := token.claims.Expiry.Time(); end.Before(outside.End) {
		outside.End = end.UTC()
	}
	fits, why := chooseTrust(trusts, token)
	if why != nil {
		if i.refused.may(space+" "+account, now) {
			_ = i.service.RefuseOutside(ctx, trusts[0], outside, why)
		}
		return Made{}, untrusted()
	}
	t, err := i.service.TrustedToken(ctx, fits, i.ids.UUID(), outside)
	if err != nil {
		return Made{}, err
	}
	secret, err := i.sign(ctx, t, t.ExpireTime)
	return Made{t, secret}, err
}

func parseOutside(text string) (t outsideToken, err error) {
	bad := approval.FieldError("subjectToken", "must be a JWT with an asymmetric signature, of at most %d bytes", approval.MaxOutsideBytes)
	if text == "" || len(text) > approval.MaxOutsideBytes {
		return t, bad
	}
	if t.jwt, err = jwt.ParseSigned(text, outsideAlgorithms); err != nil || len(t.jwt.Headers) != 1 {
		return t, bad
	}
	t.header = t.jwt.Headers[0]
	if t.jwt.UnsafeClaimsWithoutVerification(&t.claims, &t.texts) != nil {
		return t, bad
	}
	return t, nil
}

// trustsIn answers the trusts of the account in the issuer; none is refused as an account that does not exist is.
func (i *Identity) trustsIn(ctx context.Context, space, account, issuer string) (in []approval.Trust, err error) {
	if approval.CheckSlug("space", space) != nil || account == "" || len(account) > approval.MaxName {
		return nil, untrusted()
	}
	all, err := i.store.Trusts(ctx, space, account)
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		if t.Issuer == issuer {
			in = append(in, t)
		}
	}
	if in == nil {
		return nil, untrusted()
	}
	return in, nil
}

// verify checks the signature with one of the keys, which must be of the algorithm that the token names.
func (t *outsideToken) verify(keys []jose.JSONWebKey) bool {
	for _, k := range keys {
		if k.Algorithm != "" && k.Algorithm != t.header.Algorithm {
			continue
		}
		t.claims, t.texts = jwt.Claims{}, nil
		if t.jwt.Claims(k.Key, &t.claims, &t.texts) == nil {
			return true
		}
	}
	return false
}

// inTime refuses a token without an end, after it, or before its beginning.
func (t *outsideToken) inTime(now time.Time) error {
	if t.claims.Expiry == nil || !now.Before(t.claims.Expiry.Time()) {
		return approval.Errorf(approval.Unauthenticated, "the token has expired, or says no end: get a new one from its issuer")
	}
	if t.claims.ValidateWithLeeway(jwt.Expected{Time: now}, time.Minute) != nil {
		return approval.Errorf(approval.Unauthenticated, "the token is not valid yet: compare the clocks of its issuer and of this server")
	}
	return nil
}

// chooseTrust answers the first trust that the token fits, or why it fits none.
func chooseTrust(trusts []approval.Trust, token outsideToken) (fits approval.Trust, why error) {
	text := func(name string) (s string, ok bool) {
		raw, ok := token.texts[name]
		return s, ok && len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil
	}
	for _, t := range trusts {
		// A token for several audiences is in the hands of several: any of them could use it here.
		if len(token.claims.Audience) != 1 || token.claims.Audience[0] != t.Audience {
			why = approval.Errorf(approval.Unauthenticated, "the token's aud is not %.200q alone", t.Audience)
			continue
		}
		name := t.Misfit(text)
		if name == "" {
			return t, nil
		}
		why = approval.Errorf(approval.Unauthenticated, "the token's %.100q is not as the trust %s demands", name, t.Name)
	}
	return fits, why
}

func (i *Identity) logUnreachable(ctx context.Context, issuer string, err error) {
	if i.refused.may("issuer "+issuer, i.clock.Now()) {
		i.service.Logger.WarnContext(ctx, "the keys of an issuer that a service account trusts could not be had", "issuer", issuer, "cause", errors.Unwrap(err))
	}
}
