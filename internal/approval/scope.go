package approval

import (
	"fmt"
	"slices"
	"strings"
)

// ScopeAdmin stands, where a scope is asked for, for all that the role has.
const ScopeAdmin Permission = "admin"

// reservedScopes begin scopes that are spoken of and that no route demands yet. A token must not have them before it is
// known what they allow.
var reservedScopes = []string{"policies", "inputs"}

// narrow answers the scopes that the actor may hand out to the holder: what was asked, or, when nothing was, those of its own
// that the holder's role has. A wildcard becomes the permissions that it means now, and of those the ones that the actor can
// hand out and the holder's role has: a token does not grow when the product does. What would be beyond the actor, beyond
// the holder's role, or nothing at all, is Forbidden, and the answer names all of it.
func narrow(a Actor, holder Member, asked []Permission) ([]Permission, error) {
	has := func(p Permission) bool { return holder.ID == a.ID || holder.Role.Has(p) }
	if asked == nil {
		return inherited(a, holder, has)
	}
	scopes := []Permission{}
	var lacking, beyond []Permission // words that the actor, or the holder's role, has nothing of
	add := func(list []Permission, p Permission) []Permission {
		if slices.Contains(list, p) {
			return list
		}
		return append(list, p)
	}
	for _, word := range asked {
		meant, err := meaning(word)
		if err != nil {
			return nil, err
		}
		can := slices.DeleteFunc(slices.Clone(meant), func(p Permission) bool { return !a.Can(p) })
		given := slices.DeleteFunc(slices.Clone(can), func(p Permission) bool { return !has(p) })
		switch {
		case len(can) == 0:
			lacking = add(lacking, word)
		case len(given) == 0:
			beyond = add(beyond, word)
		}
		for _, p := range given {
			scopes = add(scopes, p)
		}
	}
	if lacking != nil || beyond != nil {
		return nil, outOfReach(holder, lacking, beyond)
	}
	return scopes, nil
}

// inherited answers the scopes of a credential for which none were asked: those of its maker, nil when that has no bound.
func inherited(a Actor, holder Member, has func(Permission) bool) ([]Permission, error) {
	if a.Scopes == nil {
		return nil, nil
	}
	given := slices.DeleteFunc(slices.Clone(a.Scopes), func(p Permission) bool { return !has(p) })
	if len(given) == 0 && len(a.Scopes) > 0 {
		return nil, outOfReach(holder, nil, a.Scopes)
	}
	return given, nil
}

// outOfReach says what the actor lacks, and what the holder's role has not, so that a token for it could do nothing.
func outOfReach(holder Member, lacking, beyond []Permission) error {
	var why []string
	if len(lacking) > 0 {
		why = append(why, "you do not have "+Joined(lacking)+" yourself and cannot hand it out")
	}
	if len(beyond) > 0 {
		why = append(why, fmt.Sprintf("%s has the role %q, which does not have %s: leave it out, or give it another role", holder.ID, holder.Role, Joined(beyond)))
	}
	return Errorf(Forbidden, "scope: %s", strings.Join(why, "; "))
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
