package app

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/identity"
)

// providers answers the sign-in providers of the settings as identity takes them.
func providers(s *config.SignIn) (list []identity.Provider) {
	if s == nil {
		return nil
	}
	for _, p := range s.Providers {
		var roles map[string]approval.Role
		for group, role := range p.GroupRoles {
			if roles == nil {
				roles = map[string]approval.Role{}
			}
			roles[group] = approval.Role(role)
		}
		list = append(list, identity.Provider{Name: p.Name, DisplayName: p.DisplayName, Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret,
			Spaces: p.Spaces, Scopes: p.Scopes, Domains: p.AllowedDomains, GroupsClaim: p.GroupsClaim, Roles: roles, SyncGroups: p.SyncGroups})
	}
	return list
}

// tellMissingSpaces says in the log which spaces that sign-in providers name there are not: only the database knows. The
// server serves all the same, because an owner who deletes a space must not be able to keep it from starting again.
func (a *App) tellMissingSpaces(ctx context.Context) {
	for _, p := range providers(a.cfg.SignIn) {
		for _, name := range p.Spaces {
			space, err := a.store.Space(ctx, name)
			if approval.CodeOf(err) == approval.NotFound || err == nil && !space.DeleteTime.IsZero() {
				a.logger.WarnContext(ctx, "a sign-in provider names a space that there is not, so nobody signs in to it: make it (indent admin init), or take it out of the settings",
					"provider", p.Name, "space", name)
			} else if err != nil {
				a.logger.WarnContext(ctx, "the spaces of a sign-in provider could not be looked up", "provider", p.Name, "space", name, "error", err)
			}
		}
	}
}
