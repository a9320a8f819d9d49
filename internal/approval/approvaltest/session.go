package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putSession(tx *transaction, space string, v approval.Session) error {
	if v.SignIn != "" {
		if err := insert(tx, s.hashes, key{"sign-in", v.SignIn}, true); err != nil {
			return err
		}
	}
	return insert(tx, s.sessions, key{space, v.Name}, v)
}

// joined answers the session with what its token says.
func (s *Store) joined(v approval.Session) approval.Session {
	t := s.tokens[key{v.Space, v.Name}]
	v.Member, v.CreateTime, v.ExpireTime, v.LastUse = t.Member, t.CreateTime, t.ExpireTime, t.LastUseTime
	if v.LastUse.Before(v.CreateTime) {
		v.LastUse = v.CreateTime
	}
	return v
}

// Session implements approval.Store.
func (s *Store) Session(ctx context.Context, space, name string) (approval.Session, error) {
	v, err := lookUp(s, ctx, s.sessions, key{space, name}, "Session", "session", space, name)
	if err != nil {
		return v, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.joined(v), nil
}

// Sessions implements approval.Store.
func (s *Store) Sessions(ctx context.Context, space, member string, now time.Time) (list []approval.Session, err error) {
	if err := s.enter(ctx, "Sessions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, v := range s.sessions {
		if t := s.tokens[k]; k.space == space && t.Kind == approval.TokenSession && t.Member == member && t.Usable(now) {
			list = append(list, s.joined(v))
		}
	}
	slices.SortFunc(list, func(a, b approval.Session) int {
		return cmp.Or(b.LastUse.Compare(a.LastUse), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// MappedRole implements approval.Store.
func (s *Store) MappedRole(ctx context.Context, space, member string) (approval.MappedRole, error) {
	return lookUp(s, ctx, s.mapped, key{space, member}, "MappedRole", "role by a group of", space, member)
}
