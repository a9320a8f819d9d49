package approval

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Members answers the members of the space of one kind ("" = all), by id, suspended ones too.
func (s *Service) Members(ctx context.Context, a Actor, kind string) ([]Member, error) {
	if err := s.Authorize(ctx, a, ReadMembers, "list members"); err != nil {
		return nil, err
	}
	return s.Store.Members(ctx, a.Space, kind)
}

// Member answers one member; everybody may look at themselves.
func (s *Service) Member(ctx context.Context, a Actor, id string) (Member, error) {
	id = memberID(id)
	if id != a.ID || !a.Can(ReadSpaces) {
		if err := s.Authorize(ctx, a, ReadMembers, "read member "+id); err != nil {
			return Member{}, err
		}
	}
	return s.Store.Member(ctx, a.Space, id)
}

// memberID answers what a member is called: an address in lower case, the id of a service account as it is.
func memberID(id string) string {
	if strings.Contains(id, "@") {
		return strings.ToLower(id)
	}
	return id
}

// MemberChange is what changes of a person; nil leaves it as it is.
type MemberChange struct {
	Role        *Role
	DisplayName *string
	Suspended   *bool
}

// ChangeMember changes a person, or adds one as a Viewer unless the change says another role. Nobody hands out or takes
// away a role that the own credential does not cover (I7), and the last owner stays one (Conflict). Who is suspended loses
// every token, session and link in the same change.
func (s *Service) ChangeMember(ctx context.Context, a Actor, id string, c MemberChange) (Member, error) {
	if err := s.Authorize(ctx, a, WriteMembers, "write member "+id); err != nil {
		return Member{}, err
	}
	return s.changeMember(ctx, a, id, c)
}

// PutMember adds a person to the operator's space or changes the person; it is for the server's operator.
func (s *Service) PutMember(ctx context.Context, operator Actor, m Member) (Member, error) {
	c := MemberChange{Role: &m.Role, Suspended: &m.Suspended}
	if m.DisplayName != "" {
		c.DisplayName = &m.DisplayName
	}
	return s.changeMember(ctx, operator, m.Email, c)
}

// NewMember is whom sign-in lets in for the first time.
type NewMember struct {
	Email       string
	DisplayName string
	Role        Role   // "": Viewer
	Identity    string // "": none
}

// AdmitMember adds a person who has signed in for the first time, with the identity that was proved. Who is a member
// already is a Conflict, and so is an identity that is somebody's. It is for sign-in.
func (s *Service) AdmitMember(ctx context.Context, space string, n NewMember) (Member, error) {
	role, suspended := n.Role, false
	if role == "" {
		role = Viewer
	}
	system := System(space, "sign-in")
	email := memberID(n.Email)
	if err := CheckEmail("email", email); err != nil {
		return Member{}, err
	}
	change := memberChange{mustBeNew: true, MemberChange: MemberChange{Role: &role, DisplayName: &n.DisplayName, Suspended: &suspended}}
	if identity := normalIdentity(n.Identity); identity != "" && identity != email {
		i := Identity{Space: space, Identity: identity, Member: email, CreatedBy: system.ID, CreateTime: s.Clock.Now()}
		if err := i.Check(); err != nil {
			return Member{}, err
		}
		change.identity = &i
	}
	return s.writeMember(ctx, system, email, change)
}

// memberChange is a change with what else is written.
type memberChange struct {
	MemberChange
	mustBeNew bool
	identity  *Identity // of a new member
}

func (s *Service) changeMember(ctx context.Context, a Actor, id string, c MemberChange) (Member, error) {
	m, err := again(func() (Member, error) { return s.writeMember(ctx, a, id, memberChange{MemberChange: c}) })
	if code := CodeOf(err); code == Forbidden || code == Conflict {
		return Member{}, s.refuse(ctx, a, "write member "+id, "", err)
	}
	return m, err
}

// writeMember reads, decides and commits once. Every change of a member who is there is written under the space's version,
// so that of two that meet the second decides again: two owners cannot take each other's role, and nobody comes back by a
// change that began before a removal.
func (s *Service) writeMember(ctx context.Context, a Actor, id string, c memberChange) (Member, error) {
	space, err := s.spaceInUse(ctx, a.Space)
	if err != nil {
		return Member{}, err
	}
	before, err := s.Store.Member(ctx, a.Space, memberID(id))
	isNew := CodeOf(err) == NotFound
	if err != nil && !isNew {
		return Member{}, err
	}
	if !isNew && c.mustBeNew {
		return Member{}, Errorf(Conflict, "%s is a member of %s already", before.ID, a.Space)
	}
	if isNew {
		before = newPerson(a, memberID(id), Viewer, s.Clock.Now())
	}
	if before.Kind != KindUser {
		return Member{}, FieldError("member", "%s is a service account, not a person: change it among the service accounts", before.ID)
	}
	after := c.of(before)
	if err := after.Check(); err != nil {
		return Member{}, err
	}
	if after == before && !isNew {
		return after, nil
	}
	if err := s.mayChange(ctx, a, before, after, isNew); err != nil {
		return Member{}, err
	}
	change := Change{Space: a.Space, Writes: []Write{PutMember{Member: after, MustBeNew: isNew}}}
	if !isNew {
		change.Writes = append(change.Writes, PutSpace{space, space.Version})
	} else if c.identity != nil {
		change.Writes = append(change.Writes, PutIdentity{*c.identity})
	}
	if isNew || after.Suspended != before.Suspended {
		// Of who comes nothing may be left from before, either.
		ends, err := s.endCredentials(ctx, after)
		if err != nil {
			return Member{}, err
		}
		change.Writes = append(change.Writes, ends...)
	}
	if isNew {
		if err := s.suspendAccountsOf(ctx, a, after, &change); err != nil {
			return Member{}, err
		}
	}
	change.Events = append(change.Events, s.memberEvents(a, before, after, isNew)...)
	if isNew {
		return after, s.commit(ctx, change)
	}
	return after, s.commitRead(ctx, change)
}

func newPerson(by Actor, address string, role Role, now time.Time) Member {
	return Member{Space: by.Space, ID: address, Kind: KindUser, Email: address, Person: address, Role: role, CreatedBy: by.ID, CreateTime: now}
}

// of answers the member after the change.
func (c MemberChange) of(m Member) Member {
	if c.Role != nil {
		m.Role = *c.Role
	}
	if c.DisplayName != nil {
		m.DisplayName = *c.DisplayName
	}
	if c.Suspended != nil {
		m.Suspended = *c.Suspended
	}
	return m
}

// mayChange refuses what the actor's own credential does not cover, and to leave the space without an owner.
func (s *Service) mayChange(ctx context.Context, a Actor, before, after Member, isNew bool) error {
	handsOut := isNew || before.Role != after.Role || before.Suspended != after.Suspended
	if !handsOut {
		return nil
	}
	if err := a.covers(after.Role); err != nil {
		return err
	}
	if isNew {
		return nil
	}
	if err := a.covers(before.Role); err != nil {
		return err
	}
	if before.owns() && !after.owns() {
		return s.keepsAnOwner(ctx, before)
	}
	return nil
}

// covers refuses, with what to do, a role that allows something which the actor's credential does not (I7).
func (a Actor) covers(role Role) error {
	if a.Kind == KindSystem {
		return nil
	}
	lacks := slices.DeleteFunc(role.Permissions(), a.Can)
	if len(lacks) == 0 {
		return nil
	}
	return Errorf(Forbidden, "the role %q has %s, which this credential has not: nobody hands out or takes away more than they have", role, Joined(lacks))
}

// owns answers whether the member is an owner who counts.
func (m Member) owns() bool { return m.Kind == KindUser && m.Role == Owner && !m.Suspended }

// keepsAnOwner refuses to lose the last owner: nobody would be left to decide what policy cannot.
func (s *Service) keepsAnOwner(ctx context.Context, leaving ...Member) error {
	members, err := s.Store.Members(ctx, leaving[0].Space, KindUser)
	if err != nil {
		return err
	}
	for _, o := range members {
		if o.owns() && !slices.ContainsFunc(leaving, func(m Member) bool { return m.ID == o.ID }) {
			return nil
		}
	}
	return Errorf(Conflict, "%s is the last owner of %s: make somebody else an owner first", leaving[0].ID, leaving[0].Space)
}

// endCredentials answers the writes that end every token, session and link of a member, and what a person has let in that
// has not fetched its tokens yet.
func (s *Service) endCredentials(ctx context.Context, m Member) (ends []Write, err error) {
	tokens, err := s.Store.Tokens(ctx, m.Space, m.ID, TokenKinds...)
	if err != nil {
		return nil, err
	}
	if m.Kind == KindUser {
		ends = append(ends, RefuseLogins{Member: m.ID})
	}
	now := s.Clock.Now()
	for _, t := range tokens {
		if t.Usable(now) {
			ends = append(ends, EndToken{Name: t.Name, At: now})
		}
	}
	return ends, nil
}

// suspendAccountsOf adds to a change that the service accounts which a person owns are suspended, with their tokens.
func (s *Service) suspendAccountsOf(ctx context.Context, a Actor, owner Member, change *Change) error {
	accounts, err := s.Store.Members(ctx, owner.Space, KindServiceAccount)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		if account.Person != owner.ID || account.Suspended {
			continue
		}
		account.Suspended = true
		ends, err := s.endCredentials(ctx, account)
		if err != nil {
			return err
		}
		change.Writes = append(append(change.Writes, PutMember{Member: account}), ends...)
		change.Events = append(change.Events, s.event(a, s.Clock.Now(), EventMemberSuspend, "its owner left", []Resource{account.Resource()}, nil))
	}
	return nil
}

func (s *Service) memberEvents(a Actor, before, after Member, isNew bool) (events []Event) {
	add := func(name, reason string) {
		events = append(events, s.event(a, s.Clock.Now(), name, reason, []Resource{after.Resource()}, nil))
	}
	switch {
	case isNew || before.Role != after.Role:
		add(EventMemberPut, "role "+string(after.Role))
	case before.DisplayName != after.DisplayName:
		add(EventMemberPut, "name")
	}
	if after.Suspended && (isNew || !before.Suspended) {
		add(EventMemberSuspend, "")
	} else if before.Suspended && !after.Suspended {
		add(EventMemberResume, "")
	}
	return events
}

// RemoveMember takes a person out of the space, with identities, memberships in groups, tokens, sessions and links; the
// service accounts that the person owns are suspended. The last owner stays (Conflict).
func (s *Service) RemoveMember(ctx context.Context, a Actor, id string) error {
	if err := s.Authorize(ctx, a, WriteMembers, "remove member "+id); err != nil {
		return err
	}
	_, err := again(func() (struct{}, error) { return struct{}{}, s.removeMember(ctx, a, id) })
	if code := CodeOf(err); code == Forbidden || code == Conflict {
		return s.refuse(ctx, a, "remove member "+id, "", err)
	}
	return err
}

func (s *Service) removeMember(ctx context.Context, a Actor, id string) error {
	space, err := s.spaceInUse(ctx, a.Space)
	if err != nil {
		return err
	}
	m, err := s.Store.Member(ctx, a.Space, memberID(id))
	if err != nil {
		return err
	}
	if m.Kind != KindUser {
		return FieldError("member", "%s is a service account, not a person: change it among the service accounts", m.ID)
	}
	if err := a.covers(m.Role); err != nil {
		return err
	}
	if m.owns() {
		if err := s.keepsAnOwner(ctx, m); err != nil {
			return err
		}
	}
	change := Change{Space: a.Space, Writes: []Write{PutSpace{space, space.Version}}}
	if err := s.leave(ctx, a, m, &change); err != nil {
		return err
	}
	return s.commitRead(ctx, change)
}

// leave adds to a change all that ends when a person leaves.
func (s *Service) leave(ctx context.Context, a Actor, m Member, change *Change) error {
	ends, err := s.endCredentials(ctx, m)
	if err != nil {
		return err
	}
	change.Writes = append(append(change.Writes, DeleteMember{m.ID}), ends...)
	change.Events = append(change.Events, s.event(a, s.Clock.Now(), EventMemberDelete, "role "+string(m.Role), []Resource{m.Resource()}, nil))
	return s.suspendAccountsOf(ctx, a, m, change)
}

// spaceInUse answers a space unless it was deleted.
func (s *Service) spaceInUse(ctx context.Context, name string) (Space, error) {
	space, err := s.Store.Space(ctx, name)
	if err == nil && !space.DeleteTime.IsZero() {
		return Space{}, Errorf(NotFound, "the space %s was deleted: ask the server's operator", name)
	}
	return space, err
}
