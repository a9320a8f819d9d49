package approval

import (
	"context"
	"slices"
	"strings"
)

// Verified is a person for whom a sign-in provider has vouched.
type Verified struct {
	Provider    string // its name in the server's settings
	Identity    string // "oidc:<issuer>|<subject>", which never changes
	Email       string // the address that the provider has verified, in lower case; "" for none
	DisplayName string
	Groups      []string
}

// Admission is what a provider's word is worth, as the server's operator has set it.
type Admission struct {
	Spaces []string
	// Domains are those for whose addresses the provider has the say.
	Domains []string
	// Roles are those that groups give; nil when groups give none.
	Roles      map[string]Role
	SyncGroups bool
}

// stranger answers who did not come in, as the log calls them: by the address only if the provider's word for it counts. An
// address that anybody else says is perhaps a member's, who knows nothing of it.
func (r Admission) stranger(space string, v Verified) Actor {
	a := Actor{Space: space, ID: r.Proved(v), Kind: KindUser, Email: r.Proved(v)}
	if a.ID == "" {
		a.ID = printable(v.Identity, MaxID-1)
	}
	return a
}

// Admit answers the members that the person is, in those of the spaces where it may come in; at the first sign-in it
// becomes one, as a Viewer, if the provider has the say for its address. Roles and groups are brought to what the provider
// says now. A person who may come in nowhere is Forbidden, and that is in the log of each space.
func (s *Service) Admit(ctx context.Context, v Verified, rules Admission) (members []Member, err error) {
	var refused error
	for _, space := range rules.Spaces {
		m, err := again(func() (Member, error) { return s.admit(ctx, space, v, rules) })
		switch CodeOf(err) {
		case "":
			members = append(members, m)
		case Forbidden:
			refused = err
		case NotFound:
			s.Logger.WarnContext(ctx, "a sign-in provider names a space that there is not", "provider", v.Provider, "space", space)
		default:
			return nil, err
		}
	}
	if len(members) > 0 {
		return members, nil
	}
	if refused == nil {
		return nil, Errorf(Forbidden, "there is no space yet to sign in to: whoever runs this server makes it (indent admin init)")
	}
	for _, space := range rules.Spaces {
		if _, err := s.spaceInUse(ctx, space); err == nil {
			s.refuse(ctx, rules.stranger(space, v), "sign in by "+v.Provider, "", refused)
		}
	}
	return nil, refused
}

// admit reads, decides and writes for one space. What it changes of a member who is there it writes under the version that
// the space had before the member was read: who is taken out, suspended or given another role at that moment is looked at
// again.
func (s *Service) admit(ctx context.Context, name string, v Verified, rules Admission) (Member, error) {
	space, err := s.spaceInUse(ctx, name)
	if err != nil {
		return Member{}, err
	}
	m, err := s.recognize(ctx, &space, v, rules)
	if err != nil {
		return Member{}, err
	}
	if rules.Roles != nil {
		if m, err = s.mapRole(ctx, space, m, v, rules); err != nil {
			return Member{}, err
		}
	}
	if rules.SyncGroups {
		err = s.SyncGroups(ctx, m, v.Provider, v.Groups)
	}
	return m, err
}

// recognize answers the member whom the identity belongs to. One that is nobody's yet becomes, by its verified address,
// the member of that address or a new one, if the provider has the say for it.
func (s *Service) recognize(ctx context.Context, space *Space, v Verified, rules Admission) (Member, error) {
	i, err := s.Store.Identity(ctx, space.Name, v.Identity)
	if err == nil {
		m, err := s.Store.Member(ctx, space.Name, i.Member)
		if CodeOf(err) == NotFound { // left in this moment
			err = stale{Errorf(Conflict, "%s was changed by somebody else at the same time", i.Member)}
		}
		return m, active(m, err)
	}
	if CodeOf(err) != NotFound {
		return Member{}, err
	}
	if err := rules.hasTheSay(v, space.Name); err != nil {
		return Member{}, err
	}
	m, err := s.MemberForIdentity(ctx, space.Name, v.Email)
	if CodeOf(err) == NotFound {
		m, err = s.AdmitMember(ctx, space.Name, NewMember{Email: v.Email, DisplayName: v.DisplayName, Identity: v.Identity})
		if CodeOf(err) == Conflict {
			err = stale{err}
		}
		return m, err
	}
	if err := active(m, err); err != nil {
		return Member{}, err
	}
	return m, s.link(ctx, space, m, v)
}

// active refuses a member who was suspended, or is no person.
func active(m Member, err error) error {
	if err == nil && (m.Suspended || m.Kind != KindUser) {
		return Errorf(Forbidden, "%s was suspended in %s: ask an owner of the space", m.ID, m.Space)
	}
	return err
}

// Proved answers the person's address, if the provider's word for it counts.
func (r Admission) Proved(v Verified) string {
	if r.hasTheSay(v, "") != nil {
		return ""
	}
	return v.Email
}

// hasTheSay refuses an address that the provider has not verified, or for whose domain it has not the say.
func (r Admission) hasTheSay(v Verified, space string) error {
	if v.Email == "" {
		return Errorf(Forbidden, "%s does not say that your address is verified, and nobody in %s is linked with your account there: ask an owner of the space to link it", v.Provider, space)
	}
	domain := v.Email[strings.LastIndex(v.Email, "@")+1:]
	if !slices.Contains(r.Domains, domain) {
		return Errorf(Forbidden, "%s may not sign in to %s by %s: addresses of %s are not let in by themselves; ask an owner of the space", v.Email, space, v.Provider, domain)
	}
	return nil
}

// link makes the identity the member's. A member whom the provider knows by another subject is not the same person any
// more, though the address is: companies give addresses to who comes next.
func (s *Service) link(ctx context.Context, space *Space, m Member, v Verified) error {
	others, err := s.Store.Identities(ctx, m.Space, m.ID)
	if err != nil {
		return err
	}
	issuer, _, _ := strings.Cut(v.Identity, "|")
	for _, other := range others {
		if other.Identity == v.Identity {
			return nil // the same account came in twice at once, and the other one has linked it
		}
		if strings.HasPrefix(other.Identity, issuer+"|") {
			return Errorf(Forbidden, "%s is linked with another account of %s in %s: if the address has a new owner, an owner of the space takes the old account away first", m.ID, v.Provider, m.Space)
		}
	}
	system, now := System(m.Space, "sign-in"), s.Clock.Now()
	i := Identity{Space: m.Space, Identity: v.Identity, Member: m.ID, CreatedBy: system.ID, CreateTime: now}
	if err := i.Check(); err != nil {
		return err
	}
	e := s.event(system, now, EventIdentityLink, "first sign-in by "+v.Provider, []Resource{m.Resource(), {ID: v.Identity, Kind: "identity"}}, nil)
	err = s.commitRead(ctx, Change{Space: m.Space, Writes: []Write{PutIdentity{i}, PutSpace{*space, space.Version}}, Events: []Event{e}})
	space.Version++ // as it is written
	return err
}

// role answers the greatest role that the groups give, and the group that gives it.
func (r Admission) role(groups []string) (role Role, by string) {
	for _, group := range groups {
		if given, has := r.Roles[group]; has && (role == "" || given.above(role)) {
			role, by = given, group
		}
	}
	return role, by
}

// above answers whether the role comes behind the other one in [Roles].
func (r Role) above(other Role) bool { return slices.Index(Roles, r) > slices.Index(Roles, other) }

// mapRole gives the member the role that the provider's groups say, and takes it away when they say it no more: then the
// role is again what people have given. The last owner of a space stays one.
func (s *Service) mapRole(ctx context.Context, space Space, m Member, v Verified, rules Admission) (Member, error) {
	was, err := s.Store.MappedRole(ctx, m.Space, m.ID)
	if err != nil && CodeOf(err) != NotFound {
		return Member{}, err
	}
	given := m.Role // by people
	if was.Role != "" && was.Role == m.Role {
		given = was.Before
	}
	role, group := rules.role(v.Groups)
	if role == "" || !role.above(given) {
		role = given
	}
	now := MappedRole{Space: m.Space, Member: m.ID, Provider: v.Provider, Role: role, Before: given}
	if role == m.Role && (role == given) == (was.Role == "") {
		return m, nil
	}
	after, why := m, "role "+string(role)+" by the group "+group+" of "+v.Provider
	after.Role = role
	change := Change{Space: m.Space, Writes: []Write{PutMappedRole{now}}}
	if role == given {
		change.Writes[0], why = DeleteMappedRole{m.ID}, "role "+string(role)+": no group of "+v.Provider+" gives another"
	}
	if m.owns() && role != Owner {
		if err := s.keepsAnOwner(ctx, m); CodeOf(err) == Conflict {
			s.Logger.WarnContext(ctx, "the last owner of a space has lost the group that makes an owner, and stays one", "space", m.Space, "member", m.ID)
			return m, nil
		} else if err != nil {
			return Member{}, err
		}
	}
	change.Writes = append(change.Writes, PutMember{Member: after}, PutSpace{space, space.Version})
	change.Events = []Event{s.event(System(m.Space, "sign-in"), s.Clock.Now(), EventMemberPut, printable(why, MaxReason-1), []Resource{after.Resource()}, nil)}
	return after, s.commitRead(ctx, change)
}
