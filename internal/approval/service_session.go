package approval

import (
	"context"
	"time"
)

// StartSession uses up the link and stores the session, in one transaction: a link signs in once (Conflict after that).
func (s *Service) StartSession(ctx context.Context, link, session Token, browser string) error {
	if _, err := s.spaceInUse(ctx, link.Space); err != nil {
		return err // of a deleted space nobody reads the log
	}
	m, err := s.Store.Member(ctx, link.Space, link.Member)
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	a := m.Actor(link.Name, nil)
	if !link.Usable(now) || signsIn(m) != nil {
		return s.refuse(ctx, a, "sign in", "", Errorf(Expired, "this sign-in link was used or has expired, or whom it is for was suspended: ask for a new one"))
	}
	of := Session{Method: MethodLink, Browser: browser}
	if link.CreatedBy.Kind == KindSystem { // the server's operator knows whom the link was given to
		of.Verified, of.Address = m.ID, m.ID
	}
	err = s.putSession(ctx, a, m, session, of, EndToken{Name: link.Name, At: now})
	if CodeOf(err) == Conflict {
		return s.refuse(ctx, a, "sign in", "", err)
	}
	return err
}

// BeginSession stores the session of a member for whom a sign-in provider has vouched. One answer of a provider makes one
// session, which v.SignIn stands for: another one is Expired.
func (s *Service) BeginSession(ctx context.Context, m Member, session Token, v Session) error {
	a := m.Actor("", nil)
	err := s.putSession(ctx, a, m, session, v)
	if CodeOf(err) == Conflict {
		return s.refuse(ctx, a, "sign in", "", Errorf(Expired, "this sign-in was used already: begin again"))
	}
	return err
}

func (s *Service) putSession(ctx context.Context, a Actor, m Member, t Token, v Session, more ...Write) error {
	if err := signsIn(m); err != nil {
		return err
	}
	if _, err := s.spaceInUse(ctx, m.Space); err != nil {
		return err
	}
	now := s.Clock.Now()
	t, err := s.half(ctx, m, t, v.Method == MethodOIDC)
	if err != nil {
		return err
	}
	by := m.Resource()
	by.Labels = t.CreatedBy.Labels
	t.Space, t.Member, t.CreatedBy, t.CreateTime = m.Space, m.ID, by, now
	v.Space, v.Name, v.Browser = m.Space, t.Name, printable(v.Browser, MaxBrowser)
	labels := map[string]string{LabelSessionMethod: v.Method}
	if v.Provider != "" {
		labels[LabelSessionProvider] = v.Provider
	}
	e := s.event(a, now, t.begins(), "", []Resource{m.Resource(), t.resource()}, labels)
	return s.commit(ctx, Change{Space: m.Space, Writes: append(more, PutToken{t}, PutSession{v}), Events: []Event{e}})
}

// Sessions answers the actor's own sessions that are alive, those that were used last first.
func (s *Service) Sessions(ctx context.Context, a Actor, idle time.Duration) (alive []Session, err error) {
	if err := s.Authorize(ctx, a, ReadSpaces, "list own sessions"); err != nil {
		return nil, err
	}
	now := s.Clock.Now()
	all, err := s.Store.Sessions(ctx, a.Space, a.ID, now)
	for _, v := range all {
		if !v.Idle(now, idle) {
			alive = append(alive, v)
		}
	}
	return alive, err
}

// EndSession signs the actor's session out.
func (s *Service) EndSession(ctx context.Context, a Actor, session Token) error {
	return s.endToken(ctx, a, session, EventSessionEnd)
}

// EndSessions ends sessions of the actor's own by name, all but the one that it uses when there is no name. With each
// session ends every token that was made in it, and every program that was let in there: whoever had that browser may have
// them. What was allowed and has not fetched its tokens yet gets none. A session of somebody else is NotFound, like one that
// there is not.
func (s *Service) EndSessions(ctx context.Context, a Actor, name string) error {
	if err := s.Authorize(ctx, a, ManageOwnTokens, "end own session"); err != nil {
		return err
	}
	_, err := again(func() (struct{}, error) { return struct{}{}, s.endSessions(ctx, a, name) })
	return err
}

func (s *Service) endSessions(ctx context.Context, a Actor, name string) error {
	now := s.Clock.Now()
	tokens, err := s.Store.Tokens(ctx, a.Space, a.ID, TokenSession, TokenHalf, TokenLogin, TokenUser)
	if err != nil {
		return err
	}
	change := Change{Space: a.Space, Writes: []Write{RefuseLogins{Member: a.ID}}}
	var ended []Resource
	known := false
	for _, t := range tokens {
		began := t.Kind == TokenSession || t.Kind == TokenHalf
		if !began || name != "" && t.Name != name || name == "" && t.Name == a.TokenName {
			continue
		}
		known = true
		for _, t := range descendants(t, tokens) {
			if t.Usable(now) {
				change.Writes = append(change.Writes, EndToken{Name: t.Name, At: now})
				ended = append(ended, t.resource())
			}
		}
	}
	if name != "" && !known {
		return Errorf(NotFound, "you have no session %.100q", name)
	}
	if len(ended) == 0 {
		return nil
	}
	change.Events = []Event{s.event(a, now, EventSessionEnd, "", ended, nil)}
	return s.commitRead(ctx, change)
}

// Memberships answers as whom the person of a session may come in, by space: in the spaces where the address, or the
// identity, that was verified is an active member. What the session's own space calls the person counts for nothing
// elsewhere. spaces are those that the session's provider signs in to.
func (s *Service) Memberships(ctx context.Context, v Session, spaces []string) (list []Member, err error) {
	if v.Verified == "" {
		return nil, nil
	}
	if v.Method == MethodLink {
		of, err := s.Store.SpacesOf(ctx, v.Verified)
		if err != nil {
			return nil, err
		}
		spaces = nil
		for _, space := range of {
			spaces = append(spaces, space.Name)
		}
	}
	for _, space := range spaces {
		m, err := s.verifiedMember(ctx, space, v)
		if err == nil {
			list = append(list, m)
		} else if CodeOf(err) != NotFound {
			return nil, err
		}
	}
	return list, nil
}

// verifiedMember answers the member that a session's verified person is in a space, NotFound for none and for one who was
// suspended.
func (s *Service) verifiedMember(ctx context.Context, space string, v Session) (Member, error) {
	none := Errorf(NotFound, "there is no space %.63q, or you are not a member of it", space)
	if _, err := s.spaceInUse(ctx, space); err != nil {
		return Member{}, err
	}
	id := v.Verified
	if v.Method != MethodLink {
		i, err := s.Store.Identity(ctx, space, v.Verified)
		if err != nil {
			return Member{}, err
		}
		id = i.Member
	}
	m, err := s.Store.Member(ctx, space, id)
	if err == nil && (m.Suspended || m.Kind != KindUser) {
		err = none
	}
	return m, err
}

// SwitchSpace stores a session of the same verified person in another space; spaces are as for [Service.Memberships]. It
// ends when the first one would have. The refused attempt is in the log of the actor's own space.
func (s *Service) SwitchSpace(ctx context.Context, a Actor, from Session, space string, spaces []string, session Token) error {
	list, err := s.Memberships(ctx, from, spaces)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Space == space {
			session.ExpireTime = from.ExpireTime
			from.SignIn = ""
			// To go to another space is not to sign in again (see [freshSession]).
			before, err := s.sessionOf(ctx, a)
			if err != nil {
				return err
			}
			session.CreatedBy = session.CreatedBy.withLabel(LabelSessionBegun, before.begun().Format(time.RFC3339Nano))
			return s.putSession(ctx, m.Actor("", nil), m, session, from)
		}
	}
	return s.refuse(ctx, a, "switch to space "+printable(space, 63), "",
		Errorf(NotFound, "there is no space %.63q, or you are not a member of it by the way you signed in", space))
}
