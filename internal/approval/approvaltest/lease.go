package approvaltest

import (
	"cmp"
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

type leaseKey struct {
	space, petition string
	place           int
}

func (s *Store) putLeases(tx *transaction, space string, leases []approval.Lease) error {
	for _, l := range leases {
		if err := insert(tx, s.leases, leaseKey{space, l.Petition, l.Place}, l); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) endLeases(tx *transaction, space string, w approval.EndLeases) {
	for k, l := range s.leases {
		if k.space == space && k.petition == w.Petition && slices.Contains(w.Persons, l.Person) && (l.EndTime.IsZero() || l.EndTime.After(w.At)) {
			l.EndTime = w.At
			put(tx, s.leases, k, l)
		}
	}
}

// Leases implements approval.Store.
func (s *Store) Leases(ctx context.Context, q approval.LeaseQuery) (page approval.Page[approval.Lease], err error) {
	request, err := q.Page.Check()
	if err != nil {
		return page, err
	}
	last, given, err := approval.ParseLeaseToken(request.Token)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Leases"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	var all []approval.Lease
	for k, l := range s.leases {
		if k.space == q.Space && (q.Persons == nil || slices.Contains(q.Persons, l.Person)) &&
			(q.Resources == nil || slices.Contains(q.Resources, l.Resource)) && (q.Kinds == nil || slices.Contains(q.Kinds, l.Kind)) &&
			(l.Lasts(q.At) || q.Coming && l.StartTime.After(q.At) && (l.EndTime.IsZero() || l.EndTime.After(q.At))) {
			all = append(all, l)
		}
	}
	order := byEnd
	if q.Longest {
		order = func(a, b approval.Lease) int { return byEnd(b, a) }
	}
	slices.SortFunc(all, order)
	if given {
		all = slices.DeleteFunc(all, func(l approval.Lease) bool { return order(l, last) <= 0 })
	}
	page.Items = all
	if size := request.Size; len(all) > size {
		page.Items, page.Next = all[:size], all[size-1].PageToken()
	}
	return page, nil
}

func byEnd(a, b approval.Lease) int {
	return cmp.Or(cmp.Compare(a.Ends(), b.Ends()), cmp.Compare(a.Petition, b.Petition), cmp.Compare(a.Place, b.Place))
}
