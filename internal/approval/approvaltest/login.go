package approvaltest

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// OpenLogin implements approval.Store.
func (s *Store) OpenLogin(ctx context.Context, l approval.Login, most int) error {
	if err := s.enter(ctx, "OpenLogin"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	open := 0
	for hash, other := range s.logins {
		if other.ExpireTime.Before(l.CreateTime.Add(-time.Hour)) {
			delete(s.logins, hash)
		} else if other.Source == l.Source && other.State == approval.LoginOpen && other.ExpireTime.After(l.CreateTime) {
			open++
		}
	}
	if open >= most {
		return approval.Errorf(approval.TooMany, "too many logins of %s are open", l.Source)
	}
	var tx transaction
	return s.putLogin(&tx, l)
}

func (s *Store) putLogin(tx *transaction, l approval.Login) error {
	for _, other := range s.logins {
		if other.UserHash != "" && other.UserHash == l.UserHash {
			return approval.Errorf(approval.Conflict, "the login exists already")
		}
	}
	return insert(tx, s.logins, l.Hash, l)
}

func (s *Store) answerLogin(tx *transaction, l approval.Login) error {
	kept, exists := s.logins[l.Hash]
	if !exists || kept.State != approval.LoginOpen {
		return approval.Errorf(approval.Conflict, "the login was answered before")
	}
	kept.State, kept.Space, kept.Member, kept.Scopes, kept.Session = l.State, l.Space, l.Member, l.Scopes, l.Session
	put(tx, s.logins, l.Hash, kept)
	return nil
}

func (s *Store) useLogin(tx *transaction, space, hash string) error {
	l, exists := s.logins[hash]
	if !exists || l.Space != space || l.State != approval.LoginAllowed {
		return approval.Errorf(approval.Conflict, "the login was used, or nobody has allowed it")
	}
	l.State = approval.LoginUsed
	put(tx, s.logins, hash, l)
	return nil
}

func (s *Store) refuseLogins(tx *transaction, space, member string) {
	for hash, l := range s.logins {
		if l.Space == space && l.Member == member && l.State == approval.LoginAllowed {
			l.State = approval.LoginRefused
			put(tx, s.logins, hash, l)
		}
	}
}

func (s *Store) putRefreshToken(tx *transaction, r approval.RefreshToken) error {
	for hash, other := range s.refresh {
		if other.Space == r.Space && other.Family == r.Family && !other.ExpireTime.After(r.CreateTime) {
			remove(tx, s.refresh, hash)
		}
	}
	return insert(tx, s.refresh, r.Hash, r)
}

func (s *Store) useRefreshToken(tx *transaction, space string, w approval.UseRefreshToken) error {
	r, exists := s.refresh[w.Hash]
	if !exists || r.Space != space || !r.UseTime.IsZero() {
		return approval.Errorf(approval.Conflict, "the refresh token was used before")
	}
	r.UseTime = w.At
	put(tx, s.refresh, w.Hash, r)
	return nil
}

// Login implements approval.Store.
func (s *Store) Login(ctx context.Context, hash string) (approval.Login, error) {
	return lookUp(s, ctx, s.logins, hash, "Login", "login", "", hash)
}

// LoginByUserHash implements approval.Store.
func (s *Store) LoginByUserHash(ctx context.Context, userHash string) (approval.Login, error) {
	if err := s.enter(ctx, "LoginByUserHash"); err != nil {
		return approval.Login{}, err
	}
	defer s.mu.Unlock()
	for _, l := range s.logins {
		if l.UserHash != "" && l.UserHash == userHash {
			return l, nil
		}
	}
	return approval.Login{}, missing("login", "", userHash)
}

// RefreshToken implements approval.Store.
func (s *Store) RefreshToken(ctx context.Context, hash string) (approval.RefreshToken, error) {
	return lookUp(s, ctx, s.refresh, hash, "RefreshToken", "refresh token", "", hash)
}
