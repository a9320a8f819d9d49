package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of what a provider says of a person.
const (
	maxSubject = 255 // OpenID Connect Core, 2
	maxGroups  = 1000
	maxGroup   = 500
	skew       = 5 * time.Minute // between two clocks
)

// verify answers whom the ID token is about. Signature, algorithm, issuer, audience and expiry are the library's to
// check; what it leaves to its caller stands here (OpenID Connect Core, 3.1.3.7).
func (p *provider) verify(ctx context.Context, m *metadata, a attempt, token *oauth2.Token) (approval.Verified, error) {
	none := approval.Verified{}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return none, p.refused(errors.New("it answered no ID token"))
	}
	t, err := m.verifier.Verify(ctx, raw)
	if err != nil {
		return none, p.refused(err)
	}
	said := map[string]json.RawMessage{}
	if err := t.Claims(&said); err != nil {
		return none, p.refused(err)
	}
	if err := p.binding(t, said, a); err != nil {
		return none, p.refused(err)
	}
	if t.AccessTokenHash != "" {
		if err := t.VerifyAccessToken(token.AccessToken); err != nil {
			return none, p.refused(err)
		}
	}
	if err := p.complete(ctx, m, t.Subject, token, said); err != nil {
		return none, err
	}
	return p.person(t.Subject, said)
}

// binding refuses a token that is not for this client, this attempt and this moment.
func (p *provider) binding(t *oidc.IDToken, said map[string]json.RawMessage, a attempt) error {
	party, has := text(said["azp"])
	issued := t.IssuedAt
	switch {
	case !sameText(t.Nonce, a.part("nonce")):
		return errors.New("the ID token's nonce is another attempt's")
	case said["azp"] != nil && (!has || party != p.ClientID):
		return fmt.Errorf("the ID token was issued to %q", party)
	case len(t.Audience) > 1 && !has:
		return errors.New("the ID token is for several and does not say to whom it was issued")
	case said["iat"] == nil || issued.After(p.clock.Now().Add(skew)) || issued.Before(a.begun.Add(-skew)):
		return fmt.Errorf("the ID token was issued at %s, the sign-in began at %s", issued, a.begun)
	case t.Subject == "" || len(t.Subject) > maxSubject:
		return errors.New("the ID token's subject is empty or too long")
	}
	return nil
}

// complete adds claims that are only at the provider's userinfo endpoint. What the ID token says stands: it is signed.
func (p *provider) complete(ctx context.Context, m *metadata, subject string, token *oauth2.Token, said map[string]json.RawMessage) error {
	wanted, missing := []string{"email", "name"}, said["email"] == nil
	if p.GroupsClaim != "" {
		wanted, missing = append(wanted, p.GroupsClaim), missing || said[p.GroupsClaim] == nil
	}
	if !missing || !m.userInfo || token.AccessToken == "" {
		return nil
	}
	info, err := m.provider.UserInfo(oidc.ClientContext(ctx, p.client), oauth2.StaticTokenSource(token))
	if err != nil {
		return p.away(err)
	}
	// Of somebody else it must not be used (OpenID Connect Core, 5.3.2: token substitution).
	if info.Subject != subject {
		return p.refused(fmt.Errorf("the userinfo is about %q, the ID token about %q", info.Subject, subject))
	}
	more := map[string]json.RawMessage{}
	if err := info.Claims(&more); err != nil {
		return p.away(err)
	}
	if said["email"] == nil { // an address and whether it was verified belong together
		delete(said, "email_verified")
		delete(said, "xms_edov")
		delete(said, "hd")
		wanted = append(wanted, "email_verified", "xms_edov", "hd")
	}
	for _, claim := range wanted {
		if said[claim] == nil {
			said[claim] = more[claim]
		}
	}
	return nil
}

func (p *provider) person(subject string, said map[string]json.RawMessage) (approval.Verified, error) {
	v := approval.Verified{Provider: p.Name, Identity: "oidc:" + p.Issuer + "|" + subject}
	if (approval.Identity{Identity: v.Identity}).Check() != nil {
		return v, p.refused(errors.New("the ID token's subject has characters that hide"))
	}
	if email, _ := text(said["email"]); p.verifiedAddress(said) && ascii(email) && approval.CheckEmail("email", email) == nil {
		v.Email = strings.ToLower(email)
	}
	if name, _ := text(said["name"]); approval.CheckLine("name", name, approval.MaxDisplayName) == nil {
		v.DisplayName = name
	}
	var err error
	v.Groups, err = p.groups(said)
	return v, err
}

// verifiedAddress answers whether the provider says that the address is the person's, now.
//
// Entra ID does not know the standard's claim, and says of a domain that its tenant has proved xms_edov. Google says of a
// private account that its address was verified, once: whoever has left a company may have made one with the company's
// address. Only an account of the company's own, which hd names, or one of Google's has it now.
func (p *provider) verifiedAddress(said map[string]json.RawMessage) bool {
	yes := func(claim string) bool {
		word := string(said[claim])
		return word == "true" || word == `"true"`
	}
	switch {
	case p.Issuer == googleIssuer:
		email, _ := text(said["email"])
		company, _ := text(said["hd"])
		_, domain, _ := strings.Cut(strings.ToLower(email), "@")
		return yes("email_verified") && (domain == "gmail.com" || domain != "" && domain == strings.ToLower(company))
	case strings.HasPrefix(p.Issuer, entraIssuers):
		edov := string(said["xms_edov"])
		return yes("email_verified") || yes("xms_edov") || edov == "1" || edov == `"1"`
	}
	return yes("email_verified")
}

const (
	googleIssuer = "https://accounts.google.com"
	entraIssuers = "https://login.microsoftonline.com/"
)

// ascii: an address beyond it could be folded into another one's when its case is.
func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}

// groups answers the person's groups. A claim that is not there is none; one that is there and cannot be read whole is an
// error, because roles would be given or taken by a part of it.
func (p *provider) groups(said map[string]json.RawMessage) ([]string, error) {
	if p.GroupsClaim == "" {
		return nil, nil
	}
	var elsewhere map[string]json.RawMessage
	if json.Unmarshal(said["_claim_names"], &elsewhere) == nil && elsewhere[p.GroupsClaim] != nil {
		return nil, p.refused(errors.New("the person is in more groups than the ID token holds: let the provider send only those that are assigned to the application"))
	}
	raw := said[p.GroupsClaim]
	if raw == nil || string(raw) == "null" {
		return nil, nil
	}
	var list []string
	if one, ok := text(raw); ok {
		list = []string{one}
	} else if err := json.Unmarshal(raw, &list); err != nil {
		return nil, p.refused(fmt.Errorf("the claim %s is no list of groups", p.GroupsClaim))
	}
	if len(list) > maxGroups {
		return nil, p.refused(fmt.Errorf("the claim %s has %d groups, at most %d are read", p.GroupsClaim, len(list), maxGroups))
	}
	for _, group := range list {
		if len(group) > maxGroup {
			return nil, p.refused(fmt.Errorf("the claim %s has a name of %d bytes", p.GroupsClaim, len(group)))
		}
	}
	return list, nil
}

// text answers a claim that is a text.
func text(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}
