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

// Complete refuses (Unauthenticated) a person's credential that has not proved the passkey which the person's role needs
// now. A session proves it when it begins, and whatever is made in it - a login, a token - has it from there: that is
// noted when it is made ([Resource.provedWith]), so that to ask costs no look-up. Service accounts have no fingers.
func (s *Service) Complete(a Actor, t Token) error {
	proved := a.Kind != KindUser || !s.NeedsPasskey(a.Role) || t.CreatedBy.Labels[LabelPasskey] != ""
	switch {
	case t.Kind == TokenHalf, t.Kind == TokenSession && !proved:
		return Errorf(Unauthenticated, "sign in with a passkey to go on")
	case proved:
		return nil
	case t.Kind == TokenLogin:
		return Errorf(Unauthenticated, "the role %q needs a passkey now, and this login was allowed without one: sign in again with `indent login`, and in the browser with a passkey", a.Role)
	}
	return Errorf(Unauthenticated, "the role %q needs a passkey now, and this token was made without one: sign in with a passkey and make another token%s", a.Role, s.address("/api-keys"))
}

// provedWith answers who made a credential with the passkey that was proved by the credential it was made with, if one was.
func (r Resource) provedWith(t Token) Resource {
	if k := t.CreatedBy.Labels[LabelPasskey]; k != "" {
		r = r.withLabel(LabelPasskey, k)
	}
	return r
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
	return s.added(ctx, a, k, s.finish(ctx, a, half, session, k, change))
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
