package approval

import (
	"context"
	"slices"
	"strings"
	"time"
)

// freshSession is how old a session may be that adds a person's first passkey: who has stolen a session must not make a
// passkey for it.
const freshSession = 15 * time.Minute

// OwnPasskeys answers the actor's own passkeys, oldest first.
func (s *Service) OwnPasskeys(ctx context.Context, a Actor) ([]Passkey, error) {
	if err := a.require(ManageOwnTokens); err != nil {
		return nil, err
	}
	return s.Store.Passkeys(ctx, a.Space, a.ID)
}

// AskPasskey keeps the hash of a challenge that a page of the actor's session will have signed.
func (s *Service) AskPasskey(ctx context.Context, a Actor, purpose, hash string) error {
	session, err := s.sessionOf(ctx, a)
	if err != nil {
		return err
	}
	return s.ask(ctx, a, session, purpose, hash)
}

func (s *Service) ask(ctx context.Context, a Actor, session Token, purpose, hash string, more ...Write) error {
	now := s.Clock.Now()
	put := PutChallenge{Challenge{Space: a.Space, Session: session.Name, Purpose: purpose, Hash: hash, ExpireTime: now.Add(ChallengeTTL)}, now}
	e := s.event(a, now, EventPasskeyChallenge, "", nil, map[string]string{LabelPurpose: purpose})
	return s.commit(ctx, Change{Space: a.Space, Writes: append(more, put), Events: []Event{e}})
}

// sessionOf answers the session that the actor uses, which may still wait for its passkey. A token has no page to ask on.
func (s *Service) sessionOf(ctx context.Context, a Actor) (Token, error) {
	none := Errorf(Forbidden, "passkeys are added and used on the pages of the server: sign in there")
	if a.TokenName == "" {
		return Token{}, none
	}
	t, err := s.Store.Token(ctx, a.Space, a.TokenName)
	if CodeOf(err) == NotFound || err == nil && (t.Kind != TokenSession && t.Kind != TokenHalf || t.Member != a.ID || !t.Usable(s.Clock.Now())) {
		return Token{}, none
	}
	return t, err
}

// answered checks what one of the actor's passkeys has signed for a challenge of the session, and answers the passkey and
// the writes that use both up. A wrong answer is in the log and uses the challenge up as well.
func (s *Service) answered(ctx context.Context, a Actor, session Token, purpose string, w Answer) (Passkey, []Write, error) {
	now := s.Clock.Now()
	used := UseChallenge{Session: session.Name, Purpose: purpose, Hash: w.Hash, Now: now}
	k, signed, err := s.signedBy(ctx, a, w)
	if CodeOf(err) == Forbidden {
		e := s.event(a, now, EventRefused, printable(err.Error(), MaxReason-1), nil,
			map[string]string{LabelRefusedCode: string(Forbidden), LabelRefusedAction: "passkey " + purpose})
		if failed := s.commit(ctx, Change{Space: a.Space, Writes: []Write{used}, Events: []Event{e}}); CodeOf(failed) == Conflict {
			return k, nil, s.refuse(ctx, a, "passkey "+purpose, "", err)
		}
	}
	if err != nil {
		return k, nil, err
	}
	return k, []Write{used, UsePasskey{ID: k.ID, Expect: k.Counter, Counter: signed.Counter, At: now}}, nil
}

func (s *Service) signedBy(ctx context.Context, a Actor, w Answer) (Passkey, Signed, error) {
	if err := w.Confirmation.Check("passkey"); err != nil {
		return Passkey{}, Signed{}, err
	}
	if s.Authenticators == nil {
		return Passkey{}, Signed{}, Errorf(Forbidden, "this server cannot check passkeys")
	}
	k, err := s.Store.Passkey(ctx, a.Space, w.CredentialID)
	if CodeOf(err) == NotFound || err == nil && k.Member != a.ID {
		err = Errorf(Forbidden, "this passkey is not one of yours in %s, or not any more: use another one", a.Space)
	}
	if err != nil {
		return Passkey{}, Signed{}, err
	}
	signed, err := s.Authenticators.Check(k, w.Challenge, w.Confirmation)
	if err == nil {
		err = k.counted(signed.Counter)
	}
	return k, signed, err
}

// Answer is what a page has had signed, for the challenge whose hash it names.
type Answer struct {
	Confirmation
	Challenge []byte
	Hash      string
}

// BeginPasskey lets the actor's session add a passkey within [ChallengeTTL]: hash is that of its challenge. Who has a
// passkey already confirms that with it; who has none must have signed in just now, so that a stolen session cannot make
// a passkey for itself. It answers the passkeys that are there.
func (s *Service) BeginPasskey(ctx context.Context, a Actor, w *Answer, hash string) ([]Passkey, error) {
	session, err := s.sessionOf(ctx, a)
	if err != nil {
		return nil, s.refuseForbidden(ctx, a, "add passkey", err)
	}
	own, err := s.Store.Passkeys(ctx, a.Space, a.ID)
	if err != nil {
		return nil, err
	}
	var used []Write
	switch {
	case len(own) >= MaxPasskeys:
		return nil, Errorf(Conflict, "you have %d passkeys, and more are not kept: remove one first", len(own))
	case len(own) > 0 && w == nil:
		err = Errorf(Forbidden, "you have a passkey: confirm with it that you add another one")
	case len(own) > 0 && session.Kind == TokenHalf:
		err = Errorf(Forbidden, "sign in with your passkey first")
	case len(own) > 0:
		_, used, err = s.answered(ctx, a, session, ChallengeManage, *w)
		if err != nil {
			return nil, err
		}
	case s.Clock.Now().After(session.begun().Add(freshSession)):
		err = Errorf(Forbidden, "you signed in more than %s ago: sign out, sign in again and then add your first passkey", freshSession)
	}
	if err != nil {
		return nil, s.refuseForbidden(ctx, a, "add passkey", err)
	}
	return own, s.ask(ctx, a, session, registering(len(own)), hash, used...)
}

// registering is the purpose of a challenge for a new passkey: the first one was confirmed by nothing.
func registering(have int) string {
	if have == 0 {
		return ChallengeFirst
	}
	return ChallengeRegister
}

func (s *Service) refuseForbidden(ctx context.Context, a Actor, action string, err error) error {
	if CodeOf(err) == Forbidden {
		return s.refuse(ctx, a, action, "", err)
	}
	return err
}

// AddPasskey keeps a passkey that was made for the session's challenge.
func (s *Service) AddPasskey(ctx context.Context, a Actor, k Passkey, hash string) (Passkey, error) {
	session, err := s.sessionOf(ctx, a)
	if err != nil {
		return k, s.refuseForbidden(ctx, a, "add passkey", err)
	}
	k, change, err := s.adding(ctx, a, session, k, hash)
	if err != nil {
		return k, err
	}
	return k, s.added(ctx, a, k, s.commit(ctx, change))
}

// added answers what came of keeping a new passkey. Two sessions of a member that add the first one at the same moment are
// maybe the owner's and a thief's: one of them wins, and that there was another is in the log.
func (s *Service) added(ctx context.Context, a Actor, k Passkey, err error) error {
	if CodeOf(err) != Conflict || !k.First {
		return err
	}
	own, readErr := s.Store.Passkeys(ctx, a.Space, a.ID)
	if readErr != nil || len(own) == 0 || own[0].ID == k.ID { // which a second press has added
		return err
	}
	return s.refuse(ctx, a, "add passkey", "", Errorf(Conflict, "another passkey of yours, %q, was added at the same moment: confirm with it that you add this one. If it is not yours, ask whoever runs this server to remove it (indent admin passkey remove)", own[0].Name))
}

func (s *Service) adding(ctx context.Context, a Actor, session Token, k Passkey, hash string) (Passkey, Change, error) {
	own, err := s.Store.Passkeys(ctx, a.Space, a.ID)
	if err != nil {
		return k, Change{}, err
	}
	now := s.Clock.Now()
	if k.Name = strings.TrimSpace(k.Name); k.Name == "" {
		k.Name = "Passkey"
	}
	k.Space, k.Member, k.CreateTime, k.First = a.Space, a.ID, now, len(own) == 0
	if err := k.Check(); err != nil {
		return k, Change{}, err
	}
	e := s.event(a, now, EventPasskeyRegister, "", []Resource{a.Resource(), k.resource()}, nil)
	return k, Change{Space: a.Space, Events: []Event{e}, Writes: []Write{
		UseChallenge{Session: session.Name, Purpose: registering(len(own)), Hash: hash, Now: now}, PutPasskey{k}}}, nil
}

// RemovePasskey takes one of the actor's own passkeys away, confirmed with any of them, and ends the other sessions that
// began with it. Of a role that needs one, the last one stays.
func (s *Service) RemovePasskey(ctx context.Context, a Actor, id string, w Answer) error {
	session, err := s.sessionOf(ctx, a)
	if err != nil {
		return s.refuseForbidden(ctx, a, "remove passkey", err)
	}
	own, err := s.Store.Passkeys(ctx, a.Space, a.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(own, func(k Passkey) bool { return k.ID == id })
	if at < 0 {
		return Errorf(NotFound, "you have no such passkey in %s", a.Space)
	}
	if len(own) == 1 && s.NeedsPasskey(a.Role) {
		return Errorf(Conflict, "the role %q needs a passkey, and this is your last one: add another one first", a.Role)
	}
	_, used, err := s.answered(ctx, a, session, ChallengeManage, w)
	if err != nil {
		return err
	}
	change, err := s.removal(ctx, a, own[at:at+1], func(t Token) bool {
		return t.Name != a.TokenName && t.CreatedBy.Labels[LabelPasskey] == id
	})
	if err != nil {
		return err
	}
	// The passkey that confirms it may be the one that goes.
	used = slices.DeleteFunc(used, func(w Write) bool { u, is := w.(UsePasskey); return is && u.ID == id })
	change.Writes = append(used, change.Writes...)
	return s.commit(ctx, change)
}

// RemovePasskeys takes passkeys of a member away, all of them when id is "", and ends the member's sessions: for the
// server's operator, when a device was lost. It answers how many there were.
func (s *Service) RemovePasskeys(ctx context.Context, operator Actor, member, id string) (int, error) {
	member = strings.ToLower(member)
	m, err := s.Store.Member(ctx, operator.Space, member)
	if err != nil {
		return 0, err
	}
	list, err := s.Store.Passkeys(ctx, m.Space, m.ID)
	if err != nil {
		return 0, err
	}
	if id != "" {
		list = slices.DeleteFunc(list, func(k Passkey) bool { return k.ID != id })
	}
	if len(list) == 0 {
		return 0, Errorf(NotFound, "%s has no such passkey in %s", m.ID, m.Space)
	}
	operator.Space = m.Space
	change, err := s.removal(ctx, operator, list, func(Token) bool { return true })
	if err != nil {
		return 0, err
	}
	return len(list), s.commit(ctx, change)
}

// removal answers the change that deletes passkeys of one member, and ends those of its sessions that with says, with
// all that was made in them.
func (s *Service) removal(ctx context.Context, a Actor, list []Passkey, with func(Token) bool) (Change, error) {
	now := s.Clock.Now()
	change := Change{Space: a.Space}
	var gone []Resource
	for _, k := range list {
		change.Writes = append(change.Writes, DeletePasskey{ID: k.ID})
		gone = append(gone, k.resource())
	}
	// What was allowed with it, and has not fetched its tokens yet, gets none.
	change.Writes = append(change.Writes, RefuseLogins{Member: list[0].Member})
	gone = append(gone, Resource{ID: list[0].Member, Kind: KindUser})
	change.Events = []Event{s.event(a, now, EventPasskeyRemove, "", gone, nil)}
	tokens, err := s.Store.Tokens(ctx, a.Space, list[0].Member, TokenSession, TokenHalf, TokenLogin, TokenUser)
	if err != nil {
		return change, err
	}
	var ended []string
	var which []Resource
	for _, t := range tokens {
		if t.Kind == TokenUser || !with(t) {
			continue
		}
		for _, t := range descendants(t, tokens) {
			if t.Usable(now) && !slices.Contains(ended, t.Name) {
				change.Writes = append(change.Writes, EndToken{Name: t.Name, At: now})
				ended, which = append(ended, t.Name), append(which, t.resource())
			}
		}
	}
	if len(which) > 0 {
		change.Events = append(change.Events, s.event(a, now, EventSessionEnd, "a passkey was removed", which, nil))
	}
	return change, nil
}
