package approval

import (
	"slices"
	"time"
)

// Role is what a member may do in a space.
type Role string

// The roles. An Auditor reads everything and changes nothing; of the others each includes the ones before it.
const (
	Viewer        Role = "Viewer"
	Auditor       Role = "Auditor"
	PetitionAdmin Role = "Petition Admin"
	Editor        Role = "Editor"
	Owner         Role = "Owner"
)

// Roles lists every role, from least to most.
var Roles = []Role{Viewer, Auditor, PetitionAdmin, Editor, Owner}

// Permission names one thing that an actor may do; every route demands exactly one. Scopes of tokens are lists of these.
type Permission string

// The permissions.
const (
	ReadSpaces          Permission = "spaces:read"
	WriteSpaces         Permission = "spaces:write"
	CreateSpaces        Permission = "spaces:create"
	ReadMembers         Permission = "members:read"
	WriteMembers        Permission = "members:write"
	ReadResources       Permission = "resources:read"
	WriteResources      Permission = "resources:write"
	ReadPetitions       Permission = "petitions:read"
	CreatePetitions     Permission = "petitions:create"
	AskForOthers        Permission = "petitions:createForOthers"
	CreateClaims        Permission = "claims:create"
	ReadEvents          Permission = "events:read"
	ManageOwnTokens     Permission = "tokens:own"
	ReadTokens          Permission = "tokens:read"
	ManageTokens        Permission = "tokens:all"
	ReadServiceAccounts Permission = "serviceAccounts:read"
	ManageAccounts      Permission = "serviceAccounts:write"
	ReadPolicy          Permission = "policy:read"
	WritePolicy         Permission = "policy:write"
	ReadDelegations     Permission = "delegations:read"
	WriteDelegations    Permission = "delegations:write"
	ReadWebhooks        Permission = "webhooks:read"
	WriteWebhooks       Permission = "webhooks:write"
)

// Permissions lists every permission.
var Permissions = []Permission{ReadSpaces, WriteSpaces, CreateSpaces, ReadMembers, WriteMembers, ReadResources, WriteResources,
	ReadPetitions, CreatePetitions, AskForOthers, CreateClaims, ReadEvents, ManageOwnTokens, ReadTokens, ManageTokens,
	ReadServiceAccounts, ManageAccounts, ReadPolicy, WritePolicy, ReadDelegations, WriteDelegations, ReadWebhooks, WriteWebhooks}

// What each role may do. A claim needs no role of its own: who may decide is policy's to say. Nobody makes spaces by a
// role: that is for the server's operators. Who asks may see the rules; who writes them decides everything (docs/decisions/0024).
// Everybody who may decide may name a deputy; those of others take the permissions for members as well.
var (
	viewerMay        = []Permission{ReadSpaces, ReadResources, ReadPetitions, ManageOwnTokens, ReadPolicy, CreatePetitions, CreateClaims, ReadDelegations, WriteDelegations}
	auditorMay       = []Permission{ReadSpaces, ReadResources, ReadPetitions, ManageOwnTokens, ReadPolicy, ReadMembers, ReadEvents, ReadServiceAccounts, ReadTokens, ReadDelegations, ReadWebhooks}
	petitionAdminMay = append(slices.Clone(viewerMay), AskForOthers, ReadMembers, ReadEvents, ReadServiceAccounts, ReadWebhooks)
	editorMay        = append(slices.Clone(petitionAdminMay), ReadTokens, ManageTokens, WriteResources, ManageAccounts, WriteWebhooks)
	ownerMay         = append(slices.Clone(editorMay), WriteSpaces, WriteMembers, WritePolicy)
)

var may = map[Role][]Permission{Viewer: viewerMay, Auditor: auditorMay, PetitionAdmin: petitionAdminMay, Editor: editorMay, Owner: ownerMay}

// Has answers whether the role includes the permission; an unknown role has nothing.
func (r Role) Has(p Permission) bool { return slices.Contains(may[r], p) }

// Permissions answers what the role includes; an unknown role has nothing.
func (r Role) Permissions() []Permission { return slices.Clone(may[r]) }

// Known answers whether there is such a role.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Covers answers whether the role may do all that the other one may: only such a role may hand the other one out (I7).
func (r Role) Covers(other Role) bool {
	return r.Known() && other.Known() && !slices.ContainsFunc(may[other], func(p Permission) bool { return !r.Has(p) })
}

// leastWith answers the first role that has the permission, "" when none has.
func leastWith(p Permission) Role {
	if i := slices.IndexFunc(Roles, func(r Role) bool { return r.Has(p) }); i >= 0 {
		return Roles[i]
	}
	return ""
}

// Kinds of actors.
const (
	KindUser           = "user"
	KindServiceAccount = "serviceAccount"
	KindSystem         = "system"
)

// Actor is who makes a call, as identity has established it: one member of one space. It is an argument of every
// use case, never a context value.
type Actor struct {
	// Space is the space of this call; use cases touch no other.
	Space string
	// ID is the member's id: the address of a person, the id of a service account.
	ID string
	// Person is the canonical person behind the actor: the address of a person, the owner's of a service account.
	// Quorum and self-approval count persons.
	Person string
	// Address is the address that the actor came in by: a person's own, or that of a service account's owner. Unlike Person
	// it is the same whatever else the person is found to be called.
	Address string
	// Names are all names by which the space knows the person: addresses, linked identities, what the directory says is
	// the same (see [Service.ActorOf]). A petition by one of them is the actor's own (I6).
	Names []string
	// Unclear marks a person with more names than are looked at: it gets in, and its approval counts for nothing.
	Unclear     bool
	Kind        string
	Email       string
	DisplayName string
	Role        Role
	// Operator marks a person who operates the server and so makes spaces; it is said in the server's settings.
	Operator bool
	// Scopes bounds what the token may do; nil means all that the role may.
	Scopes []Permission
	// TokenName is the name of the credential used; it is noted in the log, never the secret.
	TokenName string
	// ExpireTime is when the credential used ends by itself; zero when it does not.
	ExpireTime time.Time
}

// Can answers whether the actor's role and the scopes of its token both allow p.
func (a Actor) Can(p Permission) bool {
	return a.allows(p) && (a.Scopes == nil || slices.Contains(a.Scopes, p))
}

func (a Actor) allows(p Permission) bool {
	return a.Role.Has(p) || p == CreateSpaces && a.Operator
}

// require answers Forbidden, with what to do next, unless the actor can.
func (a Actor) require(p Permission) error {
	switch {
	case a.Can(p):
		return nil
	case a.allows(p):
		return Errorf(Forbidden, "this token's scope does not include %s: use a token that has it", p)
	case p == CreateSpaces:
		return Errorf(Forbidden, "%s does not operate this server, and only its operators make spaces: ask one of them", a.ID)
	}
	return Errorf(Forbidden, "%s has the role %q in %s, which does not allow %s: ask an owner of the space for the role %q",
		a.ID, a.Role, a.Space, p, leastWith(p))
}

// Resource answers the actor as it appears in events and petitions.
func (a Actor) Resource() Resource {
	return Resource{ID: a.ID, Kind: a.Kind, DisplayName: a.DisplayName, Email: a.Email}
}

// System answers the actor that timers and rules act as in a space: it has no role and passes no permission check.
func System(space, part string) Actor {
	return Actor{Space: space, ID: "indent/" + part, Person: "indent/" + part, Kind: KindSystem, DisplayName: "Indent " + part}
}
