package approval

import "time"

// How a session began.
const (
	MethodLink = "link" // by a one-time link
	MethodOIDC = "oidc" // by a sign-in provider
)

// Labels of the event that a session began.
const (
	LabelSessionMethod   = "indent.com/session/method"
	LabelSessionProvider = "indent.com/session/provider"
	LabelSessionBegun    = "indent.com/session/begun" // of a session that came of another one: when its person signed in
)

// begun answers when the person of a session has signed in: by it, or by the first of those that it came of.
func (t Token) begun() time.Time {
	first := t.CreatedBy.Labels[LabelSessionBegun]
	if first == "" {
		return t.CreateTime
	}
	at, err := time.Parse(time.RFC3339Nano, first)
	if err != nil {
		return time.Time{} // long ago
	}
	return at
}

// Session is a browser's session: what is kept of it besides its token.
type Session struct {
	Space string
	Name  string // of its token
	// Method is how the person proved who they are, Provider the sign-in provider that vouched for it.
	Method, Provider string
	// Verified is who was proved to be there: the address that the server's operator made a link for, or the identity that
	// a provider vouched for; "" for nobody. It is what other spaces go by, and never what this space calls the member: an
	// owner may call members of their own space whatever they like.
	Verified string
	// Address is the person's own, if it was proved: the link's, or one that a provider which has the say for it has verified.
	Address string
	Browser string // what the browser says it is
	// SignIn is the hash of the sign-in that made it: each makes one session.
	SignIn string

	// Of its token, which the store knows.
	Member     string
	CreateTime time.Time
	ExpireTime time.Time
	LastUse    time.Time // at first when it was made
}

// Idle answers whether the session was not used for longer than it may be.
func (s Session) Idle(now time.Time, limit time.Duration) bool {
	return !now.Before(s.LastUse.Add(limit))
}

// MappedRole remembers that a member has a role because of a group at a sign-in provider, and which one the member would
// have without it.
type MappedRole struct {
	Space    string
	Member   string
	Provider string
	Role     Role
	Before   Role
}

// The writes of sessions.
type (
	// PutSession inserts what is kept of a session; a second one of the same SignIn is a Conflict.
	PutSession struct{ Session Session }
	// PutMappedRole inserts or replaces the member's.
	PutMappedRole struct{ Mapped MappedRole }
	// DeleteMappedRole deletes the member's, if there is one.
	DeleteMappedRole struct{ Member string }
)

func (PutSession) write()       {}
func (PutMappedRole) write()    {}
func (DeleteMappedRole) write() {}
