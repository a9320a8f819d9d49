package app

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/identity"
)

// passkeyRules reads of whom a passkey is demanded. A role that there is not would leave somebody out in silence.
func passkeyRules(cfg config.Config) (approval.PasskeyRules, error) {
	rules := approval.PasskeyRules{AfterOIDC: cfg.PasskeyAfterOIDC}
	for _, name := range cfg.RequirePasskeyRoles {
		role := approval.Role(strings.TrimSpace(name))
		if !role.Known() {
			return rules, fmt.Errorf("require_passkey_roles: there is no role %q; there are %s", role, approval.Joined(approval.Roles))
		}
		rules.Roles = append(rules.Roles, role)
	}
	return rules, nil
}

// RemovePasskeys takes a member's passkeys away, all of them when id is "", and ends the member's sessions. It answers how
// many there were.
func (a *App) RemovePasskeys(ctx context.Context, space, email, id string) (int, error) {
	return a.service.RemovePasskeys(ctx, approval.System(space, "admin"), email, id)
}

// Rechecked is what a claim's confirmation says when it is checked again.
type Rechecked = identity.Rechecked

// RecheckClaim checks the passkey's signature that a claim carries, offline. Empty digest and origin are taken from the claim.
func RecheckClaim(text []byte, digest, origin string) (Rechecked, error) {
	var claim approval.Event
	if err := json.Unmarshal(text, &claim); err != nil {
		return Rechecked{}, approval.Wrap(approval.Invalid, err, "this is no claim: save what the API answers for it, or one event of the log, as JSON")
	}
	return identity.Recheck(claim, digest, origin)
}
