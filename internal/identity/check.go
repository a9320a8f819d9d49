package identity

import (
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/indent-approvals/indent/internal/approval"
)

// Description is what the text of a token says of itself, without asking anybody.
type Description struct {
	Kind string // TokenService or TokenUser
	// What a user token claims: nobody has checked its signature.
	Member, Space, Scope, Name, Issuer string
	Expire                             time.Time
}

// Describe answers what kind of token a text is. It is Invalid, and says how, for a text that is none; no message repeats it.
func Describe(text string) (Description, error) {
	switch {
	case text == "":
		return Description{}, approval.FieldError("token", "is empty")
	case len(text) > maxBearer:
		return Description{}, approval.FieldError("token", "is longer than any token")
	case wellFormed(text):
		return Description{Kind: approval.TokenService}, nil
	case strings.HasPrefix(text, prefix):
		return Description{}, approval.FieldError("token", "begins like a token of a service account, but its length or its checksum is wrong: copy it again, whole")
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Description{}, approval.FieldError("token", "is neither a token of a service account (ind_…) nor a user token (a JWT)")
	}
	var registered jwt.Claims
	var custom userClaims
	if token.UnsafeClaimsWithoutVerification(&registered, &custom) != nil || registered.Subject == "" || custom.Space == "" {
		return Description{}, approval.FieldError("token", "is a JWT, but not one of an Indent server")
	}
	d := Description{Kind: approval.TokenUser, Member: registered.Subject, Space: custom.Space, Scope: custom.Scope, Name: registered.ID, Issuer: registered.Issuer}
	if registered.Expiry != nil {
		d.Expire = registered.Expiry.Time()
	}
	return d, nil
}

// scannerPattern finds tokens of service accounts in any text; docs/guides/tokens.md tells it to secret scanners.
const scannerPattern = `\bind_[0-9A-Za-z]{38}\b`
