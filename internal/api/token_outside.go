package api

import (
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// Grants by a token of an outside issuer.
const (
	grantExchange = "urn:ietf:params:oauth:grant-type:token-exchange" // RFC 8693, 2.1
	grantJWT      = "urn:ietf:params:oauth:grant-type:jwt-bearer"     // RFC 7523, 2.1
)

var jwtTypes = []string{"", "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"} // RFC 8693, 3

// exchangeOutside answers a short-lived token of a service account for the outside token that stands in field.
func (a *API) exchangeOutside(ctx context.Context, b exchangeTokenBody, field, outside string) (*token, error) {
	if !slices.Contains(jwtTypes, b.SubjectTokenType) {
		return nil, approval.FieldError("subjectTokenType", "must be %s: only JWTs are taken", jwtTypes[1])
	}
	if outside == "" || len(outside) > approval.MaxOutsideBytes {
		return nil, approval.FieldError(field, "is required: send the JWT of the outside issuer, of at most %d bytes", approval.MaxOutsideBytes)
	}
	if err := approval.CheckSlug("space", b.Space); err != nil {
		return nil, err
	}
	if err := approval.CheckLine("serviceAccountId", b.ServiceAccountID, approval.MaxName); err != nil {
		return nil, err
	}
	if b.ServiceAccountID == "" {
		return nil, approval.FieldError("serviceAccountId", "is required: name the service account that the token is to stand for")
	}
	made, err := a.Tokens.ExchangeOutside(ctx, b.Space, b.ServiceAccountID, outside)
	if approval.CodeOf(err) == approval.Invalid {
		err = approval.FieldError(field, "must be a JWT with an asymmetric signature")
	}
	out, err := shortLived(made, err)
	if err == nil {
		out.ServiceAccountID = made.Token.Member
	}
	return out, err
}
