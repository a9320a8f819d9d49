package approval

import (
	"context"
	"slices"
	"time"
)

// EventSessionHalf says that somebody has signed in as far as the passkey that is asked for.
const EventSessionHalf = "session/half"

// halfSession is how long a sign-in may wait for its passkey.
const halfSession = 15 * time.Minute

// NeedsPasskey answers whether members of the role get in with a passkey only.
func (s *Service) NeedsPasskey(r Role) bool { return slices.Contains(s.Passkeys.Roles, r) }

// half answers the session as it begins: one of a member who has passkeys, or whose role needs one, waits for it. byOIDC
// says that a sign-in provider has vouched.
func (s *Service) half(ctx context.Context, m Member, session Token, byOIDC bool) (Token, error) {
	session.Kind = TokenSession
	own, err := s.Store.Passkeys(ctx, m.Space, m.ID)
	if err != nil {
		return session, err
	}
	if s.NeedsPasskey(m.Role) || len(own) > 0 && (!byOIDC || s.Passkeys.AfterOIDC) {
		session.Kind = TokenHalf
		if most := s.Clock.Now().Add(halfSession); session.ExpireTime.IsZero() || session.ExpireTime.After(most) {
			session.ExpireTime = most
		}
	}
	return session, nil
}

// begins names the event that the session begins with.
func (t Token) begins() string {
	if t.Kind == TokenHalf {
		return EventSessionHalf
	}
	return EventSessionCreate
}

// Complete refuses (Unauthenticated) a session that began without the passkey that its member's role needs now.
func (s *Service) Complete(a Actor, session Token) error {
	if session.Kind == TokenHalf || s.NeedsPasskey(a.Role) && session.CreatedBy.Labels[LabelPasskey] == "" {
		return Errorf(Unauthenticated, "sign in with a passkey to go on")
	}
	return nil
}

// FinishSignIn ends the half session and stores the whole one, with the passkey that the member has answered with.
func (s *Service) FinishSignIn(ctx context.Context, a Actor, session Token, w Answer) error {
	half, err := s.sessionOf(ctx, a)
	if err != nil {
		return s.refuseForbidden(ctx, a, "sign in", err)
	}
	k, used, err := s.answered(ctx, a, half, ChallengeSignIn, w)
	if err != nil {
		return err
	}
	return s.finish(ctx, a, half, session, k, Change{Space: a.Space, Writes: used})
}

// FinishWithNewPasskey is FinishSignIn for a member whose role needs a passkey and who has none yet.
func (s *Service) FinishWithNewPasskey(ctx context.Context, a Actor, session Token, k Passkey, hash string) error {
	half, err := s.sessionOf(ctx, a)
	if err != nil {
		return s.refuseForbidden(ctx, a, "sign in", err)
	}
	k, change, err := s.adding(ctx, a, half, k, hash)
	if err != nil {
		return err
	}
	return s.finish(ctx, a, half, session, k, change)
}

func (s *Service) finish(ctx context.Context, a Actor, half, session Token, k Passkey, change Change) error {
	now := s.Clock.Now()
	kept, err := s.Store.Session(ctx, a.Space, half.Name)
	if err != nil {
		return err
	}
	kept.Name, kept.SignIn = session.Name, ""
	session.Space, session.Kind, session.Member, session.CreateTime = a.Space, TokenSession, a.ID, now
	session.CreatedBy = a.Resource().withLabel(LabelPasskey, k.ID)
	e := s.event(a, now, EventSessionCreate, "", []Resource{a.Resource(), session.resource()}, map[string]string{LabelPasskey: k.ID})
	change.Writes = append(change.Writes, EndToken{Name: half.Name, At: now}, PutToken{session}, PutSession{kept})
	change.Events = append(change.Events, e)
	return s.commit(ctx, change)
}
