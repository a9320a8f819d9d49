package approval

import (
	"context"
	"slices"
	"time"
)

// CreateDelegation lets a deputy decide for the actor, or for another member, while that one is away. Nobody hands out more
// than they have (I7): the actor's own credential must be able to decide and, for another member, to change members and to cover
// that one's role; nobody names themselves somebody else's deputy; and it is made by a person who has signed in (see
// [Service.signedIn]), or is Forbidden. Deputies are persons of the space who are not suspended, may decide, and are not found to
// be the same person (Invalid). Too many that are not over are a Conflict.
func (s *Service) CreateDelegation(ctx context.Context, a Actor, n NewDelegation) (Delegation, error) {
	const action = "create delegation"
	if err := s.Authorize(ctx, a, WriteDelegations, action); err != nil {
		return Delegation{}, err
	}
	now := s.Clock.Now()
	if n.From == "" {
		n.From = a.ID
	}
	n, err := n.check(now)
	if err != nil {
		return Delegation{}, err
	}
	n.From, n.To = memberID(n.From), memberID(n.To)
	if err := s.mayDelegate(ctx, a, n.From, n.To, action); err != nil {
		return Delegation{}, err
	}
	from, to, err := s.delegating(ctx, a, n)
	if err != nil {
		return Delegation{}, err
	}
	if err := s.signedIn(ctx, a); err != nil {
		return Delegation{}, s.refuseForbidden(ctx, a, action, err)
	}
	if err := s.delegationsLeft(ctx, a.Space, n, now); err != nil {
		return Delegation{}, err
	}
	d := Delegation{Space: a.Space, Name: s.IDs.UUID(), From: from.ID, To: to.ID, StartTime: n.StartTime, EndTime: n.EndTime, Reason: n.Reason,
		CreatedBy: a.ID, CreateTime: now}
	e := s.delegationEvent(a, now, EventDelegationCreate, d, from.Resource(), to.Resource())
	return d, s.commit(ctx, Change{Space: a.Space, Writes: []Write{PutDelegation{d}}, Events: []Event{e}})
}

// mayDelegate refuses to delegate what is not the actor's to hand out.
func (s *Service) mayDelegate(ctx context.Context, a Actor, from, to, action string) error {
	if err := s.Authorize(ctx, a, CreateClaims, action); err != nil {
		return err
	}
	if from == a.ID {
		return nil
	}
	if err := s.Authorize(ctx, a, WriteMembers, action+" for "+from); err != nil {
		return err
	}
	if to == a.ID || slices.Contains(a.Names, to) {
		return s.refuse(ctx, a, action, "", Errorf(Forbidden, "nobody names themselves the deputy of %s: another owner must, or %s", from, from))
	}
	return nil
}

// signedIn refuses (Forbidden) a credential that must make nothing which outlives it: a delegation gives away for weeks what a
// stolen token gives for minutes, and to a deputy whose own passkey confirms what the token could not. It takes a session on the
// pages, or a program that its person let in there (`indent login`). Who has a passkey has proved it in the session itself, unless
// this server asks for none after the sign-in provider which let them in. And the sign-in was a moment ago.
func (s *Service) signedIn(ctx context.Context, a Actor) error {
	t, err := s.sessionOrLogin(ctx, a)
	if err != nil {
		return err
	}
	if err := s.provedIn(ctx, a, t); err != nil {
		return err
	}
	return s.signedInLately(ctx, a, t)
}

// provedIn refuses a credential of somebody who has a passkey and has not proved it there.
func (s *Service) provedIn(ctx context.Context, a Actor, t Token) error {
	own, err := s.Store.Passkeys(ctx, a.Space, a.ID)
	if err != nil || len(own) == 0 || t.Kind == TokenSession && t.CreatedBy.Labels[LabelPasskey] != "" {
		return err
	}
	if t.Kind == TokenLogin {
		return Errorf(Forbidden, "you have a passkey, and a program proves none: name the deputy on the page of your account (While I am away%s)", s.address("/account"))
	}
	v, err := s.Store.Session(ctx, a.Space, t.Name)
	if err == nil && v.Method == MethodOIDC && !s.Passkeys.AfterOIDC {
		return nil
	}
	if err != nil && CodeOf(err) != NotFound {
		return err
	}
	return Errorf(Forbidden, "you have a passkey, and did not sign in with it: sign out, sign in again with it, and name the deputy then")
}

// signedInLately refuses a credential whose person signed in longer ago than [freshSession]: it may have been stolen since, and
// nothing else is asked of who has no passkey. A program is as old as the sign-in of the session that let it in.
func (s *Service) signedInLately(ctx context.Context, a Actor, t Token) error {
	again := "sign out, sign in again and name the deputy then"
	if t.Kind == TokenLogin {
		again = "sign out in the browser, sign in again, let the program in again (`indent login`) and name the deputy then"
		session, err := s.Store.Token(ctx, a.Space, t.CreatedBy.Labels[LabelLoginSession])
		if err != nil && CodeOf(err) != NotFound {
			return err
		}
		if t = session; t.Member != a.ID {
			t = Token{} // long ago
		}
	}
	if s.Clock.Now().After(t.begun().Add(freshSession)) {
		return Errorf(Forbidden, "you signed in more than %d minutes ago: %s", freshSession/time.Minute, again)
	}
	return nil
}

// sessionOrLogin answers the session that the actor uses, or the login that was let in from one.
func (s *Service) sessionOrLogin(ctx context.Context, a Actor) (t Token, err error) {
	none := Errorf(Forbidden, "a token names no deputy, who would stay when the token has ended: sign in and name one on the page of your account (While I am away%s), or with `indent login`", s.address("/account"))
	if a.TokenName == "" {
		return t, none
	}
	t, err = s.Store.Token(ctx, a.Space, a.TokenName)
	fits := t.Kind == TokenSession || t.Kind == TokenLogin && t.CreatedBy.Labels[LabelLoginSession] != ""
	if CodeOf(err) == NotFound || err == nil && (!fits || t.Member != a.ID || !t.Usable(s.Clock.Now())) {
		return t, none
	}
	return t, err
}

// delegating answers both members of a delegation.
func (s *Service) delegating(ctx context.Context, a Actor, n NewDelegation) (from, to Member, err error) {
	if from, err = s.personToDelegate(ctx, a.Space, "from", n.From); err != nil {
		return from, to, err
	}
	if to, err = s.personToDelegate(ctx, a.Space, "to", n.To); err != nil {
		return from, to, err
	}
	if from.ID != a.ID {
		if err := a.covers(from.Role); err != nil {
			return from, to, s.refuse(ctx, a, "create delegation", "", err)
		}
	}
	one, err := s.personOf(ctx, from)
	if err != nil {
		return from, to, err
	}
	other, err := s.personOf(ctx, to)
	if err != nil {
		return from, to, err
	}
	if from.ID == to.ID || one.id == other.id || slices.ContainsFunc(one.names, func(name string) bool { return slices.Contains(other.names, name) }) {
		return from, to, FieldError("to", "%s is %s: name another person", to.ID, from.ID)
	}
	return from, to, nil
}

// personToDelegate answers a person of the space who may decide.
func (s *Service) personToDelegate(ctx context.Context, space, field, id string) (Member, error) {
	m, err := s.Store.Member(ctx, space, id)
	switch {
	case CodeOf(err) == NotFound:
		return m, FieldError(field, "%.200q is no member of %s", id, space)
	case err != nil:
		return m, err
	case m.Kind != KindUser:
		return m, FieldError(field, "%s is a service account: only persons are away, and only persons stand in for them", m.ID)
	case m.Suspended:
		return m, FieldError(field, "%s is suspended", m.ID)
	case !m.Role.Has(CreateClaims):
		return m, FieldError(field, "%s has the role %q, which decides nothing", m.ID, m.Role)
	}
	return m, nil
}

// delegationsLeft answers Conflict where one more would be too many.
func (s *Service) delegationsLeft(ctx context.Context, space string, n NewDelegation, now time.Time) error {
	all, err := s.Store.Delegations(ctx, space, "", now)
	if err != nil {
		return err
	}
	if len(all) >= MaxDelegations {
		return Errorf(Conflict, "%s has %d delegations that are not over, more cannot be: end some first", space, MaxDelegations)
	}
	of := map[string]int{}
	for _, d := range all {
		of[d.From]++
		of[d.To]++
	}
	for _, id := range []string{n.From, n.To} {
		if of[id] >= MaxDelegationsOfOne {
			return Errorf(Conflict, "%s has %d delegations that are not over, more cannot be: end some first", id, MaxDelegationsOfOne)
		}
	}
	return nil
}

// delegationEvent names both persons and the time in its labels: who reads the log need not have kept the delegation.
func (s *Service) delegationEvent(a Actor, now time.Time, name string, d Delegation, members ...Resource) Event {
	labels := map[string]string{LabelDelegationFrom: d.From, LabelDelegationTo: d.To,
		LabelDelegationStart: d.StartTime.Format(time.RFC3339Nano), LabelDelegationEnd: d.EndTime.Format(time.RFC3339Nano)}
	return s.event(a, now, name, d.Reason, append(members, d.resource()), labels)
}

// Delegations answers those that are not over, by start: of the space for who may read members, else the actor's own, as the
// person who is away and as the deputy.
func (s *Service) Delegations(ctx context.Context, a Actor) ([]Delegation, error) {
	if err := s.Authorize(ctx, a, ReadDelegations, "list delegations"); err != nil {
		return nil, err
	}
	member := a.ID
	if a.Can(ReadMembers) {
		member = ""
	}
	return s.Store.Delegations(ctx, a.Space, member, s.Clock.Now())
}

// OwnDelegations answers the actor's own that are not over, as the person who is away and as the deputy.
func (s *Service) OwnDelegations(ctx context.Context, a Actor) ([]Delegation, error) {
	if err := s.Authorize(ctx, a, ReadDelegations, "list delegations"); err != nil {
		return nil, err
	}
	return s.Store.Delegations(ctx, a.Space, a.ID, s.Clock.Now())
}

// Delegation answers one, also of those that are over. One between others is NotFound for who may not read members.
func (s *Service) Delegation(ctx context.Context, a Actor, name string) (Delegation, error) {
	if err := s.Authorize(ctx, a, ReadDelegations, "get delegation"); err != nil {
		return Delegation{}, err
	}
	return s.delegation(ctx, a, name, "get delegation")
}

func (s *Service) delegation(ctx context.Context, a Actor, name, action string) (Delegation, error) {
	missing := Errorf(NotFound, "there is no delegation %.100q in %s", name, a.Space)
	if checkName("name", name) != nil {
		return Delegation{}, missing
	}
	d, err := s.Store.Delegation(ctx, a.Space, name)
	switch {
	case CodeOf(err) == NotFound:
		return Delegation{}, missing
	case err == nil && d.From != a.ID && d.To != a.ID && !a.Can(ReadMembers):
		return Delegation{}, s.refuse(ctx, a, action, "", missing)
	}
	return d, err
}

// EndDelegation ends one before its time, at once: the deputy decides by it no more, and what it has approved by it counts no
// more where a petition still waits. Who is away may, and so may the deputy and the space's owners. One that is over is a Conflict.
func (s *Service) EndDelegation(ctx context.Context, a Actor, name string) error {
	const action = "end delegation"
	if err := s.Authorize(ctx, a, WriteDelegations, action); err != nil {
		return err
	}
	d, err := s.delegation(ctx, a, name, action)
	if err != nil {
		return err
	}
	if d.From != a.ID && d.To != a.ID {
		if err := s.Authorize(ctx, a, WriteMembers, action+" of "+d.From); err != nil {
			return err
		}
	}
	now := s.Clock.Now()
	e := s.delegationEvent(a, now, EventDelegationEnd, d, Resource{ID: d.From, Kind: KindUser}, Resource{ID: d.To, Kind: KindUser})
	e.Reason = ""
	err = s.commit(ctx, Change{Space: a.Space, Writes: []Write{EndDelegation{Name: d.Name, By: a.ID, At: now}}, Events: []Event{e}})
	if CodeOf(err) == Conflict {
		return s.refuse(ctx, a, action, "", err)
	}
	return err
}
