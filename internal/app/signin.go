package app

import (
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
