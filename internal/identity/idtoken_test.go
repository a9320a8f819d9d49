package identity

import (
	"encoding/json"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity/oidctest"
)

// What a provider says of a person is used as far as it vouches for it.
func TestWhatAProviderSaysOfAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		claims map[string]any
		twist  oidctest.Twist
		want   approval.Code
		role   approval.Role
	}{
		"verified":                     {claims: map[string]any{"email": vic, "email_verified": true}, role: approval.Viewer},
		"verified, as a text":          {claims: map[string]any{"email": vic, "email_verified": "true"}, role: approval.Viewer},
		"in capitals":                  {claims: map[string]any{"email": "VIC@ACMECORP.example", "email_verified": true}, role: approval.Viewer},
		"at the userinfo endpoint":     {claims: map[string]any{"email": vic, "email_verified": true}, twist: oidctest.Twist{InUserInfo: true}, role: approval.Viewer},
		"not verified":                 {claims: map[string]any{"email": vic, "email_verified": false}, want: approval.Forbidden},
		"verified with a wrong word":   {claims: map[string]any{"email": vic, "email_verified": "yes", "groups": []string{}}, want: approval.Forbidden},
		"verified with a number":       {claims: map[string]any{"email": vic, "email_verified": 1, "groups": []string{}}, want: approval.Forbidden},
		"nothing about it":             {claims: map[string]any{"email": vic}, want: approval.Forbidden},
		"a claim of Entra's elsewhere": {claims: map[string]any{"email": vic, "xms_edov": true}, want: approval.Forbidden},
		"no address":                   {claims: map[string]any{"email_verified": true}, want: approval.Forbidden},
		"another domain":               {claims: map[string]any{"email": "vic@other.example", "email_verified": true}, want: approval.Forbidden},
		"a domain below":               {claims: map[string]any{"email": "vic@x.acmecorp.example", "email_verified": true}, want: approval.Forbidden},
		"two signs":                    {claims: map[string]any{"email": "vic@evil.example@acmecorp.example", "email_verified": true}, want: approval.Forbidden},
		"a letter that folds":          {claims: map[string]any{"email": "vi\u0441@acmecorp.example", "email_verified": true}, want: approval.Forbidden},
		"a kelvin sign":                {claims: map[string]any{"email": "\u212a@acmecorp.example", "email_verified": true}, want: approval.Forbidden},
		"a list":                       {claims: map[string]any{"email": []string{vic}, "email_verified": true, "groups": []string{}}, want: approval.Forbidden},
		"groups give a role":           {claims: map[string]any{"email": vic, "email_verified": true, "groups": []string{"all", "eng-admins"}}, role: approval.Editor},
		"one group, as a text":         {claims: map[string]any{"email": vic, "email_verified": true, "groups": "eng-admins"}, role: approval.Editor},
		"no groups":                    {claims: map[string]any{"email": vic, "email_verified": true, "groups": nil}, role: approval.Viewer},
		"an address of the userinfo's that is verified only in the ID token": {claims: map[string]any{"email": vic}, want: approval.Forbidden,
			twist: oidctest.Twist{InUserInfo: true, Claims: func(c map[string]any) { c["email_verified"] = true }}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, func(p *Provider) {
				p.GroupsClaim, p.Roles = "groups", map[string]approval.Role{"eng-admins": approval.Editor}
			})
			o.issuer.Here(oidctest.Person{Subject: "u-vic", Claims: c.claims})
			o.issuer.Misbehave(c.twist)
			cookie, answer := o.begin("/")
			in, err := o.finish(cookie, answer)
			if approval.CodeOf(err) != c.want {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if c.want != "" {
				return
			}
			a, err := o.node.Sessions().Authenticate(t.Context(), in.Secret)
			if err != nil || a.ID != vic || a.Role != c.role {
				t.Errorf("got %s, %s, %v", a.ID, a.Role, err)
			}
		})
	}
}

// Two providers say in their own way whose an address is.
func TestWhoseAnAddressIsByGoogleAndEntra(t *testing.T) {
	t.Parallel()
	const entra = entraIssuers + "11111111-2222-3333-4444-555555555555/v2.0"
	for _, c := range []struct {
		issuer, claims string
		want           bool
	}{
		{googleIssuer, `{"email": "ada@acme.example", "email_verified": true, "hd": "acme.example"}`, true},
		{googleIssuer, `{"email": "ada@gmail.com", "email_verified": true}`, true},
		{googleIssuer, `{"email": "ada@acme.example", "email_verified": true}`, false},
		{googleIssuer, `{"email": "ada@acme.example", "email_verified": true, "hd": "evil.example"}`, false},
		{googleIssuer, `{"email": "ada@acme.example", "email_verified": false, "hd": "acme.example"}`, false},
		{googleIssuer, `{"email": "ada@acme.example", "xms_edov": true, "hd": "acme.example"}`, false},
		{googleIssuer, `{"email_verified": true, "hd": ""}`, false},
		{entra, `{"email": "ada@acme.example", "xms_edov": true}`, true},
		{entra, `{"email": "ada@acme.example", "xms_edov": "1"}`, true},
		{entra, `{"email": "ada@acme.example", "xms_edov": 0}`, false},
		{entra, `{"email": "ada@acme.example"}`, false},
	} {
		said := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(c.claims), &said); err != nil {
			t.Fatal(err)
		}
		p := &provider{Provider: Provider{Issuer: c.issuer}}
		if got := p.verifiedAddress(said); got != c.want {
			t.Errorf("%s of %s: %v", c.claims, c.issuer, got)
		}
	}
}
