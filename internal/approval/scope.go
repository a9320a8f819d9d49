package approval

import (
	"slices"
	"strings"
)

// ScopeAdmin stands, where a scope is asked for, for all that the role has.
const ScopeAdmin Permission = "admin"

// reservedScopes begin scopes that are spoken of and that no route demands yet. A token must not have them before it is
// known what they allow.
var reservedScopes = []string{"webhooks", "policies", "inputs"}

// narrow answers the scopes that the actor may hand out to the holder: what was asked, or, when nothing was, all of its
// own. A wildcard becomes the permissions that it means now, and of those the ones that the actor can hand out and the
// holder's role has: a token does not grow when the product does.
func narrow(a Actor, holder Member, asked []Permission) ([]Permission, error) {
	if asked == nil {
		return a.Scopes, nil
	}
	var scopes []Permission
	for _, word := range asked {
		meant, err := meaning(word)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(Permissions, word) {
			meant = slices.DeleteFunc(meant, func(p Permission) bool { return !a.Can(p) || holder.ID != a.ID && !holder.Role.Has(p) })
		}
		if len(meant) == 0 || slices.ContainsFunc(meant, func(p Permission) bool { return !a.Can(p) }) {
			return nil, Errorf(Forbidden, "you do not have the scope %s yourself and cannot hand it out", word)
		}
		for _, p := range meant {
			if !slices.Contains(scopes, p) {
				scopes = append(scopes, p)
			}
		}
	}
	return scopes, nil
}

// meaning answers the permissions that one word of a scope stands for.
func meaning(word Permission) ([]Permission, error) {
	noun, rest, _ := strings.Cut(string(word), ":")
	switch {
	case slices.Contains(Permissions, word):
		return []Permission{word}, nil
	case word == ScopeAdmin:
		return slices.Clone(Permissions), nil
	case slices.Contains(reservedScopes, noun):
		return nil, FieldError("scope", "%.60q is reserved: this version of the server has nothing that it would allow; leave it out", word)
	}
	var meant []Permission
	for _, p := range Permissions {
		if rest == "*" && strings.HasPrefix(string(p), noun+":") {
			meant = append(meant, p)
		}
	}
	if meant == nil {
		return nil, FieldError("scope", "there is no scope %.60q; there are %s, a noun with a star such as petitions:*, and %s",
			word, Joined(Permissions), ScopeAdmin)
	}
	return meant, nil
}

// coversScopes answers whether the actor may hand out a credential with these scopes as they are; nil scopes are all scopes.
func (a Actor) coversScopes(scopes []Permission) bool {
	if scopes == nil {
		return a.Scopes == nil
	}
	return !slices.ContainsFunc(scopes, func(p Permission) bool { return !a.Can(p) })
}
