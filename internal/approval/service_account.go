package approval

import (
	"context"
	"fmt"
	"strings"
)

// ServiceAccount answers one of the space's service accounts, also a suspended one; a person is NotFound here.
func (s *Service) ServiceAccount(ctx context.Context, a Actor, id string) (Member, error) {
	if err := s.Authorize(ctx, a, ReadServiceAccounts, "get service account"); err != nil {
		return Member{}, err
	}
	return s.account(ctx, a.Space, id)
}

func (s *Service) account(ctx context.Context, space, id string) (Member, error) {
	missing := Errorf(NotFound, "there is no service account %.100q in %s", id, space)
	if checkName("serviceAccountId", id) != nil {
		return Member{}, missing
	}
	m, err := s.Store.Member(ctx, space, id)
	if CodeOf(err) == NotFound || err == nil && m.Kind != KindServiceAccount {
		err = missing
	}
	return m, err
}

// AccountChange is what to change of a service account; nil leaves a field as it is.
type AccountChange struct {
	Role        *Role
	DisplayName *string
	Suspended   *bool
}

// ChangeServiceAccount changes a service account. A role above the actor's, before or after, is Forbidden (I7). A suspended
// one stands for nobody within a second, everywhere, and its tokens have ended: they do not come back with it.
func (s *Service) ChangeServiceAccount(ctx context.Context, a Actor, id string, change AccountChange) (Member, error) {
	return again(func() (Member, error) {
		m, lock, err := s.accountToChange(ctx, a, id, "change service account")
		if err != nil {
			return Member{}, err
		}
		var told []string
		var ends []Write
		if change.Role != nil && *change.Role != m.Role {
			// Its tokens have the role at once, so the credential must cover it, not only the actor's role.
			if err := a.covers(*change.Role); err != nil {
				return Member{}, s.refuse(ctx, a, "change service account", "", err)
			}
			m.Role = *change.Role
			told = append(told, "role "+string(m.Role))
		}
		if change.DisplayName != nil {
			m.DisplayName = *change.DisplayName
		}
		if change.Suspended != nil && *change.Suspended != m.Suspended {
			m.Suspended = *change.Suspended
			told = append(told, map[bool]string{true: "suspended", false: "no longer suspended"}[m.Suspended])
			if ends, err = s.endCredentials(ctx, m); err != nil {
				return Member{}, err
			}
		}
		if err := m.Check(); err != nil {
			return Member{}, err
		}
		if !a.Role.Covers(m.Role) {
			return Member{}, s.refuse(ctx, a, "change service account", "", Errorf(Forbidden, "a service account cannot have a role above yours (%q)", a.Role))
		}
		e := s.event(a, s.Clock.Now(), EventAccountUpdate, strings.Join(told, ", "), []Resource{m.Resource()}, nil)
		return m, s.commitRead(ctx, Change{Space: a.Space, Writes: append(ends, lock, PutMember{Member: m}), Events: []Event{e}})
	})
}

// accountToChange answers the account, if the actor may change it, and what makes two changes at once a conflict: one that
// suspends must not be undone by one that read before it, and a deleted account must not come back.
func (s *Service) accountToChange(ctx context.Context, a Actor, id, action string) (Member, PutSpace, error) {
	if err := s.Authorize(ctx, a, ManageAccounts, action); err != nil {
		return Member{}, PutSpace{}, err
	}
	space, err := s.Store.Space(ctx, a.Space)
	if err != nil {
		return Member{}, PutSpace{}, err
	}
	m, err := s.account(ctx, a.Space, id)
	if err == nil && !a.Role.Covers(m.Role) {
		err = s.refuse(ctx, a, action, "", Errorf(Forbidden, "service account %s has the role %q, more than yours: ask an owner of the space", m.ID, m.Role))
	}
	return m, PutSpace{Space: space, Expect: space.Version}, err
}

// DeleteServiceAccount deletes a service account, and ends every credential and trust of it in the same change.
func (s *Service) DeleteServiceAccount(ctx context.Context, a Actor, id string) error {
	_, err := again(func() (struct{}, error) { return struct{}{}, s.deleteAccount(ctx, a, id) })
	return err
}

func (s *Service) deleteAccount(ctx context.Context, a Actor, id string) error {
	m, lock, err := s.accountToChange(ctx, a, id, "delete service account")
	if err != nil {
		return err
	}
	ends, err := s.endCredentials(ctx, m)
	if err != nil {
		return err
	}
	trusts, err := s.Store.Trusts(ctx, a.Space, m.ID)
	if err != nil {
		return err
	}
	c := Change{Space: a.Space, Writes: append(ends, lock, DeleteMember{ID: m.ID})}
	ended := []Resource{m.Resource()}
	for _, t := range trusts {
		c.Writes = append(c.Writes, DeleteTrust{Name: t.Name})
		ended = append(ended, t.resource())
	}
	reason := fmt.Sprintf("with %d tokens and %d trusts", len(ends), len(trusts))
	c.Events = []Event{s.event(a, s.Clock.Now(), EventAccountDelete, reason, ended, nil)}
	return s.commitRead(ctx, c)
}
