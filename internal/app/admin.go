package app

import (
	"context"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
)

// InitSpace makes a space with its first owner and the default policy, and answers the owner's one-time sign-in link.
// It works on the database, so that nobody needs a password first; a space that exists is a Conflict.
func (a *App) InitSpace(ctx context.Context, space, displayName, owner string) (link string, err error) {
	if _, err := a.service.CreateSpace(ctx, approval.NewSpace{Name: space, DisplayName: displayName, Owner: owner, Policy: policy.Default()}); err != nil {
		return "", err
	}
	return a.Link(ctx, space, owner)
}

// AddMember adds a person to a space, or changes the person's role, and answers a one-time sign-in link.
func (a *App) AddMember(ctx context.Context, space, email, role string) (link string, err error) {
	if _, err := a.service.PutMember(ctx, approval.System(space, "admin"), approval.Member{Email: email, Role: approval.Role(role)}); err != nil {
		return "", err
	}
	return a.Link(ctx, space, email)
}

// LiftBreakGlass lets a member break the glass again who did not answer for it; the reason stands in the log.
func (a *App) LiftBreakGlass(ctx context.Context, space, email, reason string) error {
	return a.service.LiftBreakGlass(ctx, approval.System(space, "admin"), email, reason)
}

// RestoreSpace brings a deleted space back.
func (a *App) RestoreSpace(ctx context.Context, space string) error {
	_, err := a.service.RestoreSpace(ctx, approval.System(space, "admin"))
	return err
}

// linkTTL is how long a one-time sign-in link that the operator makes can be used.
const linkTTL = 24 * time.Hour

// Link answers a one-time sign-in link for a member of the space.
func (a *App) Link(ctx context.Context, space, email string) (string, error) {
	secret, err := a.identity.Sessions().CreateLink(ctx, approval.System(space, "admin"), strings.ToLower(email), linkTTL)
	if err != nil {
		return "", err
	}
	return a.URL() + "/sign-in?link=" + secret, nil
}
