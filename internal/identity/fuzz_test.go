package identity

import (
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
)

// Whatever comes as a bearer: it is one of the two that were made, or Unauthenticated.
func FuzzBearer(f *testing.F) {
	h := newHouse(f)
	service, user := h.serviceToken().Secret, h.userToken(ada).Secret
	f.Add(service)
	f.Add(user)
	f.Add("")
	f.Add("ind_")
	f.Add(serviceToken("0123456789ABCDEFGHIJKLMNOPQRSTUV"))
	f.Add("a.b.c")
	f.Add(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`)
	f.Add("eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.e30.AAAA")
	f.Fuzz(func(t *testing.T, bearer string) {
		a, err := h.Authenticate(t.Context(), bearer)
		if bearer == service || bearer == user {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		if approval.CodeOf(err) != approval.Unauthenticated || a.ID != "" {
			t.Fatalf("%q stands for %q (%v)", bearer, a.ID, err)
		}
	})
}

// Whatever a signature of ours covers: only a token that is stored, of this member and space, stands for somebody.
func FuzzClaims(f *testing.F) {
	h := newHouse(f)
	made := h.userToken(ada)
	key := h.keys.signing()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.private, KeyID: key.id}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"exp":99999999999,"iat":1,"iss":"https://indent.example","jti":"` + made.Token.Name + `","space":"acmecorp","sub":"ada@acmecorp.example"}`)
	f.Add(`{"exp":"1","iat":{},"aud":[1]}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, payload string) {
		signed, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		bearer, err := signed.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		a, err := h.Authenticate(t.Context(), bearer)
		if err != nil {
			if approval.CodeOf(err) != approval.Unauthenticated {
				t.Fatalf("%q: %v", payload, err)
			}
			return
		}
		token, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		var claims jwt.Claims
		if err := token.Claims(&key.private.PublicKey, &claims); err != nil || claims.ID != made.Token.Name || claims.Issuer != issuer || a.ID != ada {
			t.Fatalf("%q stands for %s", payload, a.ID)
		}
	})
}
