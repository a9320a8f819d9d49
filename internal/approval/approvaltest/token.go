package approvaltest

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

func (s *Store) putToken(tx *transaction, t approval.Token) error {
	if t.Hash != "" {
		if err := insert(tx, s.hashes, key{t.Kind, t.Hash}, true); err != nil {
			return err
		}
	}
	return insert(tx, s.tokens, key{t.Space, t.Name}, t)
}

// changeToken changes a token that has not ended.
func (s *Store) changeToken(tx *transaction, k key, change func(*approval.Token)) error {
	t, exists := s.tokens[k]
	if !exists || !t.RevokeTime.IsZero() {
		return approval.Errorf(approval.Conflict, "the token was used or revoked before")
	}
	change(&t)
	put(tx, s.tokens, k, t)
	return nil
}

// TouchTokens implements approval.Store.
func (s *Store) TouchTokens(ctx context.Context, uses []approval.TokenUse) error {
	if err := s.enter(ctx, "TouchTokens"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, u := range uses {
		k := key{u.Space, u.Name}
		if t, exists := s.tokens[k]; exists && t.LastUseTime.Before(u.Time) {
			t.LastUseTime = u.Time
			s.tokens[k] = t
		}
	}
	return nil
}

// Trusts implements approval.Store.
func (s *Store) Trusts(ctx context.Context, space, account string) (list []approval.Trust, err error) {
	if err := s.enter(ctx, "Trusts"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, t := range s.trusts {
		if k.space == space && (account == "" || t.Account == account) {
			list = append(list, copied(t))
		}
	}
	slices.SortFunc(list, func(a, b approval.Trust) int {
		return cmp.Or(a.CreateTime.Compare(b.CreateTime), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// Token implements approval.Store.
func (s *Store) Token(ctx context.Context, space, name string) (approval.Token, error) {
	return lookUp(s, ctx, s.tokens, key{space, name}, "Token", "token", space, name)
}

// TokenByHash implements approval.Store.
func (s *Store) TokenByHash(ctx context.Context, kind, hash string) (approval.Token, error) {
	if err := s.enter(ctx, "TokenByHash"); err != nil {
		return approval.Token{}, err
	}
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.Kind == kind && t.Hash == hash && hash != "" {
			return t, nil
		}
	}
	return approval.Token{}, missing("token", "this server", "with that secret")
}

// Tokens implements approval.Store.
func (s *Store) Tokens(ctx context.Context, space, member string, kinds ...string) (list []approval.Token, err error) {
	if err := s.enter(ctx, "Tokens"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.Space == space && (member == "" || t.Member == member) && slices.Contains(kinds, t.Kind) {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b approval.Token) int {
		return cmp.Or(b.CreateTime.Compare(a.CreateTime), cmp.Compare(a.Name, b.Name))
	})
	return list, nil
}

// SigningKeys implements approval.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]approval.SigningKey, error) {
	if err := s.enter(ctx, "SigningKeys"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(s.signing))
	slices.SortFunc(list, func(a, b approval.SigningKey) int {
		return cmp.Or(b.CreateTime.Compare(a.CreateTime), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}
