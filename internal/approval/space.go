package approval

import "time"

// Space is a tenant: members, resources, policies, petitions and one audit log.
type Space struct {
	Name        string
	DisplayName string
	Version     int64 // number of commits that changed it or who owns it; the store compares it
	CreateTime  time.Time
	DeleteTime  time.Time // zero: in use. A space that was deleted keeps its log and its name; nobody gets in any more.
}

// Member is somebody who may act in a space: a person by address, or a service account by id.
type Member struct {
	Space       string
	ID          string
	Kind        string // KindUser or KindServiceAccount
	Email       string
	DisplayName string
	Role        Role
	Person      string // the canonical person: the address, or the owner's address of a service account
	Suspended   bool
	CreatedBy   string
	CreateTime  time.Time
}

// Actor answers the member as an actor that uses the named credential.
func (m Member) Actor(token string, scopes []Permission) Actor {
	return Actor{Space: m.Space, ID: m.ID, Person: m.Person, Address: m.Person, Kind: m.Kind, Email: m.Email, DisplayName: m.DisplayName,
		Role: m.Role, Scopes: scopes, TokenName: token}
}

// Resource answers the member as it appears in petitions and events.
func (m Member) Resource() Resource {
	return Resource{ID: m.ID, Kind: m.Kind, DisplayName: m.DisplayName, Email: m.Email}
}

// Check refuses a member whose fields are out of their limits.
func (m Member) Check() error {
	if !m.Role.Known() {
		return FieldError("role", "must be one of %s, written so", Joined(Roles))
	}
	if m.Kind == KindUser {
		if err := CheckEmail("email", m.Email); err != nil {
			return err
		}
	} else if err := checkName("serviceAccountId", m.ID); err != nil {
		return err
	}
	return checkLine("displayName", m.DisplayName, MaxDisplayName)
}
