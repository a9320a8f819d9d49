package app

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/identity"
)

// TokenDescription is what a token says of itself. See the same name in package identity.
type TokenDescription = identity.Description

// ServiceToken is the kind of a service account's token.
const ServiceToken = approval.TokenService

// DescribeToken says what kind of token a text is, without a server.
func DescribeToken(text string) (TokenDescription, error) { return identity.Describe(text) }

// Now answers the machine's time.
func Now() time.Time { return systemClock{}.Now() }

// RotateKeys makes another signing key and answers its id and from when on it signs; with atOnce the old ones end now.
func (a *App) RotateKeys(ctx context.Context, atOnce bool) (id string, signs time.Time, err error) {
	return a.identity.RotateKeys(ctx, atOnce)
}

// RolePermissions answers what a role may do, nothing for one that there is not.
func RolePermissions(role string) (words []string) {
	for _, p := range approval.Role(role).Permissions() {
		words = append(words, string(p))
	}
	return words
}
