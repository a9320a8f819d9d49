package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// confirming answers the verdict for a petition with what the directory demands: where one of the things that are asked for
// carries the label [LabelConfirm], every requirement asks for a confirmation, and no rule approves by itself. What counts
// is the directory's own record as it is now, found by any of its names in whatever case: another kind beside it, or another
// name, asks for no less.
func (s *Service) confirming(ctx context.Context, p *Petition, v Verdict, now time.Time) (Verdict, error) {
	if v.Decision == VerdictDeny {
		return v, nil
	}
	labelled, err := s.labelledIn(ctx, p.Space, now)
	if err != nil || !labelled {
		return v, err
	}
	what, err := s.toConfirm(ctx, p)
	if err != nil || what == "" {
		return v, err
	}
	if v.Decision == VerdictApprove {
		v = ownersDecide(v.PolicyVersion, fmt.Sprintf("rule %q approves, but %s must be confirmed with a passkey: the space's owners decide", v.Rule, what))
	}
	v.Requirements = slices.Clone(v.Requirements) // the rule's own stay as they are
	for i := range v.Requirements {
		v.Requirements[i].Confirm = ConfirmPasskey
	}
	return v, nil
}

// toConfirm answers what of the things that are asked for must be confirmed, "" when nothing must. Of more names than are
// looked at, nobody can tell what they name: that must be.
func (s *Service) toConfirm(ctx context.Context, p *Petition) (title string, err error) {
	var said []string
	for _, r := range p.Resources {
		said = append(append(said, r.ID, r.Email), r.AltIDs...)
	}
	names, whole, err := s.namesBeside(ctx, p.Space, said)
	if err == nil && !whole {
		return fmt.Sprintf("what has more than %d names", MaxNames), nil
	}
	if err != nil {
		return "", err
	}
	found, err := s.Store.ResourcesNamed(ctx, p.Space, asWritten(append(said, names...)))
	if err != nil {
		return "", err
	}
	for _, r := range found {
		if r.Labels[LabelConfirm] != "" {
			return r.Title(), nil
		}
	}
	return "", nil
}

// labelledIn answers whether anything in the space's directory carries the label. Most spaces have none: it is looked up
// once a second, so that a petition does not read the directory each time.
func (s *Service) labelledIn(ctx context.Context, space string, now time.Time) (bool, error) {
	if any, ok := s.labelled.get(space, now); ok {
		return any, nil
	}
	page, err := s.Store.Resources(ctx, ResourceQuery{Space: space, Selector: Selector{{Key: LabelConfirm, Operator: Exists}},
		Page: PageRequest{Size: 1}})
	if err != nil {
		return false, err
	}
	s.labelled.put(space, len(page.Items) > 0, now)
	return len(page.Items) > 0, nil
}

// labelledCache remembers for a second which spaces have something to be confirmed.
type labelledCache struct {
	mu      sync.Mutex
	entries map[string]cachedLabelled
}

type cachedLabelled struct {
	any         bool
	from, until time.Time
}

func (c *labelledCache) get(space string, now time.Time) (found, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[space]
	// A clock that was set back must not make an entry live longer than its second.
	return e.any, ok && now.Before(e.until) && !now.Before(e.from)
}

func (c *labelledCache) put(space string, found bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.entries) > 10_000 {
		clear(c.entries)
	}
	c.entries[space] = cachedLabelled{found, now, now.Add(time.Second)}
}

func (c *labelledCache) forget(space string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.entries, space)
}

// ConfirmWith answers what an approval that counts for the requirements must be confirmed with, "" when with nothing.
func (v Verdict) ConfirmWith(requirements []int) string {
	for _, i := range requirements {
		if asked := v.asked(); asked[i].Confirm != "" {
			return asked[i].Confirm
		}
	}
	return ""
}

// confirmed answers whether the claim carries a confirmation; Decide lets no claim through that was not checked.
func (e Event) confirmed() bool { return e.Label(LabelCredential) != "" }

// ConfirmationOf answers what confirms the claim and the passkey that it was checked with, ok false when nothing does.
func ConfirmationOf(claim Event) (k Passkey, c Confirmation, ok bool) {
	k = Passkey{ID: claim.Label(LabelCredential), PublicKey: claim.Label(LabelPublicKey), Member: claim.Actor.ID}
	c = Confirmation{CredentialID: k.ID, ClientDataJSON: claim.Label(LabelClientData),
		AuthenticatorData: claim.Label(LabelAuthenticator), Signature: claim.Label(LabelSignature)}
	return k, c, claim.confirmed()
}

// confirm adds to the claim's labels what confirms it, after it was checked, and answers the writes that use it up. It is
// Forbidden where a confirmation is demanded and there is none. One that nobody has demanded is checked all the same.
func (s *Service) confirm(ctx context.Context, a *Actor, p *Petition, c *NewClaim, counts *Eligibility, labels map[string]string, now time.Time) ([]Write, error) {
	if c.Event != EventApprove {
		return nil, nil
	}
	if c.Confirmation == nil {
		if p.Verdict.ConfirmWith(counts.Requirements) == "" {
			return nil, nil
		}
		return nil, Errorf(Forbidden, "petition %s is approved with a passkey only: approve it on its page%s", p.Ref(), s.pageOf(p))
	}
	if s.Authenticators == nil {
		return nil, Errorf(Forbidden, "this server cannot check passkeys")
	}
	k, err := s.Store.Passkey(ctx, a.Space, c.Confirmation.CredentialID)
	if CodeOf(err) == NotFound || err == nil && k.Member != a.ID {
		return nil, Errorf(Forbidden, "the passkey is not one of %s in %s: use one that is on your page of passkeys%s", a.ID, a.Space, s.address("/passkeys"))
	}
	if err != nil {
		return nil, err
	}
	challenge, err := p.Challenge()
	if err != nil {
		return nil, err
	}
	signed, err := s.Authenticators.Check(k, challenge, *c.Confirmation)
	if err == nil {
		err = k.counted(signed.Counter)
	}
	if err != nil {
		return nil, err
	}
	maps.Copy(labels, map[string]string{LabelCredential: k.ID, LabelPublicKey: k.PublicKey, LabelClientData: c.Confirmation.ClientDataJSON,
		LabelAuthenticator: c.Confirmation.AuthenticatorData, LabelSignature: c.Confirmation.Signature})
	// Two petitions that ask the same have the same digest: a signature on one must not be sent again for the other.
	return []Write{PutConfirmation{Use: signed.Use}, UsePasskey{ID: k.ID, Expect: k.Counter, Counter: signed.Counter, At: now}}, nil
}

// pageOf answers ", https://…" with the petition's page, or nothing where the server's address is not known.
func (s *Service) pageOf(p *Petition) string { return s.address("/access/" + p.Space + "/" + p.Name) }

func (s *Service) address(path string) string {
	if s.Authenticators == nil {
		return ""
	}
	return ", " + s.Authenticators.Origin() + path
}

// stillConfirmed answers the requirements that an approval counts for now: one whose passkey was removed since then
// counts for none that asks for it.
func (s *Service) stillConfirmed(ctx context.Context, p Petition, c Event, requirements []int) ([]int, error) {
	if p.Verdict.ConfirmWith(requirements) == "" {
		return requirements, nil
	}
	k, err := s.Store.Passkey(ctx, p.Space, c.Label(LabelCredential))
	if code := CodeOf(err); code != "" && code != NotFound {
		return nil, err
	}
	if err == nil && k.Member == c.Actor.ID {
		return requirements, nil
	}
	return slices.DeleteFunc(slices.Clone(requirements), func(i int) bool { return p.requirements()[i].Confirm != "" }), nil
}
