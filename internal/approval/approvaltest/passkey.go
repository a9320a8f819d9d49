package approvaltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// passkeyRows are what a store keeps of passkeys.
type passkeyRows struct {
	passkeys      map[key]approval.Passkey
	credentials   map[string]bool                  // ids, in whatever space
	challenges    map[[3]string]approval.Challenge // by space, session and purpose
	confirmations map[key]bool
}

func newPasskeyRows() passkeyRows {
	return passkeyRows{map[key]approval.Passkey{}, map[string]bool{}, map[[3]string]approval.Challenge{}, map[key]bool{}}
}

func (s *Store) writePasskey(tx *transaction, space string, w approval.Write) error {
	switch w := w.(type) {
	case approval.PutPasskey:
		for k, p := range s.passkeys {
			if k.space == space && p.Member == w.Passkey.Member && p.First && w.Passkey.First {
				return approval.Errorf(approval.Conflict, "the member has a first passkey already")
			}
		}
		if err := insert(tx, s.credentials, w.Passkey.ID, true); err != nil {
			return err
		}
		return insert(tx, s.passkeys, key{space, w.Passkey.ID}, w.Passkey)
	case approval.UsePasskey:
		k, exists := s.passkeys[key{space, w.ID}]
		if !exists || k.Counter != w.Expect {
			return approval.Errorf(approval.Conflict, "the passkey was used or removed at the same time: try again")
		}
		k.Counter, k.LastUsed = w.Counter, w.At
		put(tx, s.passkeys, key{space, w.ID}, k)
	case approval.DeletePasskey:
		if _, exists := s.passkeys[key{space, w.ID}]; !exists {
			return missing("passkey", space, w.ID)
		}
		remove(tx, s.passkeys, key{space, w.ID})
		remove(tx, s.credentials, w.ID)
	case approval.PutChallenge:
		for k, c := range s.challenges {
			if k[0] == space && !c.ExpireTime.After(w.Now) {
				remove(tx, s.challenges, k)
			}
		}
		put(tx, s.challenges, [3]string{space, w.Challenge.Session, w.Challenge.Purpose}, w.Challenge)
	case approval.UseChallenge:
		k := [3]string{space, w.Session, w.Purpose}
		if c, exists := s.challenges[k]; !exists || c.Hash != w.Hash || !c.ExpireTime.After(w.Now) {
			return approval.Errorf(approval.Conflict, "the page has waited too long, or its answer was used before: begin again")
		}
		remove(tx, s.challenges, k)
	case approval.PutConfirmation:
		return insert(tx, s.confirmations, key{space, w.Use}, true)
	default:
		return approval.Errorf(approval.Internal, "a write of type %T is not known", w)
	}
	return nil
}

// deletePasskeys deletes those of a member.
func (s *Store) deletePasskeys(tx *transaction, space, member string) {
	for k, p := range s.passkeys {
		if k.space == space && p.Member == member {
			remove(tx, s.passkeys, k)
			remove(tx, s.credentials, p.ID)
		}
	}
}

// Passkey implements approval.Store.
func (s *Store) Passkey(ctx context.Context, space, id string) (approval.Passkey, error) {
	return lookUp(s, ctx, s.passkeys, key{space, id}, "Passkey", "passkey", space, id)
}

// Passkeys implements approval.Store.
func (s *Store) Passkeys(ctx context.Context, space, member string) (list []approval.Passkey, err error) {
	if err := s.enter(ctx, "Passkeys"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, p := range s.passkeys {
		if k.space == space && p.Member == member {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b approval.Passkey) int {
		return cmp.Or(a.CreateTime.Compare(b.CreateTime), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
