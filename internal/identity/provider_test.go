package identity

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/oidctest"
)

func TestKeysThatChange(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil)
	signIn := func() error {
		cookie, answer := o.begin("/")
		_, err := o.finish(cookie, answer)
		return err
	}
	o.must(signIn())
	o.must(signIn())
	if n := o.issuer.Asked("/keys"); n != 1 {
		t.Errorf("the keys were read %d times", n)
	}
	o.issuer.Rotate()
	if err := signIn(); approval.CodeOf(err) != approval.Unauthenticated {
		t.Errorf("the keys were read again at once: %v", err)
	}
	o.clock.Advance(askAgain)
	o.must(signIn())

	// Made-up keys make it read at most once in ten seconds.
	before := o.issuer.Asked("/keys")
	o.issuer.Misbehave(oidctest.Twist{Token: func(i *oidctest.Issuer, claims map[string]any) string {
		return oidctest.SignWith(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: []byte(strings.Repeat("k", 32)), KeyID: "made-up"}}, claims)
	}})
	for range 20 {
		if signIn() == nil {
			t.Fatal("it is taken")
		}
		o.clock.Advance(time.Second)
	}
	if n := o.issuer.Asked("/keys") - before; n > 3 {
		t.Errorf("the keys were read %d times in 20 s", n)
	}

	// A key that the provider has taken away ends within the hour, also while nobody uses a new one.
	o.issuer.Misbehave(oidctest.Twist{Down: []string{"/keys"}})
	o.clock.Advance(metadataTTL)
	if err := signIn(); err == nil {
		t.Error("old keys are good for ever")
	}
}

// A provider that is away is asked again after ten seconds, by one of all who wait, and nobody is let in meanwhile.
func TestAProviderThatIsAway(t *testing.T) {
	t.Parallel()
	const path = "/.well-known/openid-configuration"
	o := newOffice(t, nil)
	o.issuer.Misbehave(oidctest.Twist{Down: []string{path}})
	begin := func() error { _, err := o.node.Sessions().Begin(t.Context(), "okta", "/"); return err }
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if err := begin(); approval.CodeOf(err) != approval.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	group.Wait()
	if n := o.issuer.Asked(path); n != 1 {
		t.Errorf("it was asked %d times", n)
	}
	o.issuer.Misbehave(oidctest.Twist{})
	o.clock.Advance(askAgain)
	o.must(begin())
	o.issuer.Misbehave(oidctest.Twist{Down: []string{path}})
	o.clock.Advance(metadataTTL)
	o.must(begin()) // what was known is good while it is asked again

	for what, twist := range map[string]oidctest.Twist{
		"another issuer":       {Metadata: func(m map[string]any) { m["issuer"] = "https://evil.example" }},
		"no TLS at its tokens": {Metadata: func(m map[string]any) { m["token_endpoint"] = "http://login.acme.example/token" }},
		"no keys":              {Metadata: func(m map[string]any) { delete(m, "jwks_uri") }},
		"no PKCE":              {Metadata: func(m map[string]any) { m["code_challenge_methods_supported"] = []string{"plain"} }},
		"no secrets":           {Metadata: func(m map[string]any) { m["token_endpoint_auth_methods_supported"] = []string{"private_key_jwt"} }},
		"without end":          {Metadata: func(m map[string]any) { m["x"] = strings.Repeat("x", maxProviderAnswer) }},
	} {
		o := newOffice(t, nil)
		o.issuer.Misbehave(twist)
		if _, err := o.node.Sessions().Begin(t.Context(), "okta", "/"); approval.CodeOf(err) != approval.Unavailable || errors.Unwrap(err) == nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, path := range []string{"/token", "/userinfo"} {
		o := newOffice(t, nil)
		o.issuer.Misbehave(oidctest.Twist{Down: []string{path}, InUserInfo: true})
		cookie, answer := o.begin("/")
		if _, err := o.finish(cookie, answer); approval.CodeOf(err) != approval.Unavailable {
			t.Errorf("%s is down: %v", path, err)
		}
	}
}
