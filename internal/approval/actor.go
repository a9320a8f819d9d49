package approval

import "slices"

// Role is what a member may do in a space. Each role includes the ones below it.
type Role string

// The roles, from least to most.
const (
	Viewer        Role = "Viewer"
	PetitionAdmin Role = "Petition Admin"
	Editor        Role = "Editor"
	Owner         Role = "Owner"
)

// Roles lists every role from least to most.
var Roles = []Role{Viewer, PetitionAdmin, Editor, Owner}

// Permission names one thing that an actor may do; every route demands exactly one. Scopes of tokens are lists of these.
type Permission string

// The permissions.
const (
	ReadSpaces          Permission = "spaces:read"
	ReadResources       Permission = "resources:read"
	WriteResources      Permission = "resources:write"
	ReadPetitions       Permission = "petitions:read"
	CreatePetitions     Permission = "petitions:create"
	AskForOthers        Permission = "petitions:createForOthers"
	CreateClaims        Permission = "claims:create"
	ReadEvents          Permission = "events:read"
	ManageOwnTokens     Permission = "tokens:own"
	ManageTokens        Permission = "tokens:all"
	ReadServiceAccounts Permission = "serviceAccounts:read"
	ManageAccounts      Permission = "serviceAccounts:write"
)

// Permissions lists every permission.
var Permissions = []Permission{ReadSpaces, ReadResources, WriteResources, ReadPetitions, CreatePetitions, AskForOthers,
	CreateClaims, ReadEvents, ManageOwnTokens, ManageTokens, ReadServiceAccounts, ManageAccounts}

// least is the lowest role that has a permission. A claim needs no role of its own: who may decide is policy's to say.
var least = map[Permission]Role{
	ReadSpaces:          Viewer,
	ReadResources:       Viewer,
	WriteResources:      Editor,
	ReadPetitions:       Viewer,
	CreatePetitions:     Viewer,
	AskForOthers:        PetitionAdmin,
	CreateClaims:        Viewer,
	ReadEvents:          PetitionAdmin,
	ManageOwnTokens:     Viewer,
	ManageTokens:        Editor,
	ReadServiceAccounts: PetitionAdmin,
	ManageAccounts:      Editor,
}

// Has answers whether the role includes the permission; an unknown role or permission has nothing.
func (r Role) Has(p Permission) bool {
	floor, known := least[p]
	return known && r.Rank() >= Role(floor).Rank() && r.Rank() >= 0
}

// Rank answers the role's place from least (0) to most, -1 for an unknown role.
func (r Role) Rank() int { return slices.Index(Roles, r) }

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
	Person      string
	Kind        string
	Email       string
	DisplayName string
	Role        Role
	// Scopes bounds what the token may do; nil means all that the role may.
	Scopes []Permission
	// TokenName is the name of the credential used; it is noted in the log, never the secret.
	TokenName string
}

// Can answers whether the actor's role and the scopes of its token both allow p.
func (a Actor) Can(p Permission) bool {
	return a.Role.Has(p) && (a.Scopes == nil || slices.Contains(a.Scopes, p))
}

// require answers Forbidden, with what to do next, unless the actor can.
func (a Actor) require(p Permission) error {
	if a.Can(p) {
		return nil
	}
	if !a.Role.Has(p) {
		return Errorf(Forbidden, "%s has the role %q in %s, which does not allow %s: ask an owner of the space for the role %q",
			a.ID, a.Role, a.Space, p, least[p])
	}
	return Errorf(Forbidden, "this token's scope does not include %s: use a token that has it", p)
}

// Resource answers the actor as it appears in events and petitions.
func (a Actor) Resource() Resource {
	return Resource{ID: a.ID, Kind: a.Kind, DisplayName: a.DisplayName, Email: a.Email}
}

// System answers the actor that timers and rules act as in a space: it has no role and passes no permission check.
func System(space, part string) Actor {
	return Actor{Space: space, ID: "indent/" + part, Person: "indent/" + part, Kind: KindSystem, DisplayName: "Indent " + part}
}
