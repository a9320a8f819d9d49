package approval

import (
	"context"
	"slices"
	"strings"
)

// setPetitioners fills in who asks and the canonical persons behind them. Asking for somebody else needs a permission.
// It answers a petitioner of whom the space knows nothing but the caller's words, "" when there is none.
func (s *Service) setPetitioners(ctx context.Context, a Actor, asked []Resource, p *Petition) (stranger string, err error) {
	if len(asked) == 0 {
		asked = []Resource{a.Resource()}
	}
	persons := append([]string{a.Person}, a.Names...)
	for _, r := range asked {
		if a.is(r) {
			p.Petitioners = append(p.Petitioners, a.Resource())
			continue
		}
		if err := a.require(AskForOthers); err != nil {
			return "", err
		}
		found, err := s.identify(ctx, a.Space, r)
		if err != nil {
			return "", err
		}
		if !found.known {
			stranger = found.shown.Title()
		}
		p.Petitioners = append(p.Petitioners, found.shown)
		persons = append(persons, found.persons...)
	}
	slices.Sort(persons)
	p.Persons = slices.Compact(persons)
	return stranger, nil
}

// is answers whether r means the actor: by address, or by id if no other address is named.
func (a Actor) is(r Resource) bool {
	if r.Email != "" {
		return strings.EqualFold(r.Email, a.Email)
	}
	return r.ID == a.ID || a.Kind == KindUser && strings.EqualFold(r.ID, a.ID)
}

// identified is a petitioner as the space knows it.
type identified struct {
	shown   Resource // the server's own record, or else the caller's words
	known   bool     // shown is the server's
	persons []string // every person that may be meant: none of them reviews
}

// identify looks a petitioner up among the members and in the directory, by every id and address that is named. Which
// of them the caller meant does not matter to who may review: all are counted among those who ask (I6). What a stranger is
// called besides is not kept: it would share the access of whoever is called so, and the end of that (I15).
func (s *Service) identify(ctx context.Context, space string, r Resource) (identified, error) {
	said := append([]string{r.ID, r.Email}, r.AltIDs...)
	persons, err := s.namesOf(ctx, space, said)
	if err != nil {
		return identified{}, err
	}
	names := asWritten(append(said, persons...))
	entries, err := s.Store.ResourcesByID(ctx, space, asWritten(said))
	if err != nil {
		return identified{}, err
	}
	members, err := s.membersNamed(ctx, space, names)
	if err != nil {
		return identified{}, err
	}
	found := identified{shown: r, persons: persons}
	for _, m := range members {
		found.persons = append(found.persons, m.Person)
	}
	byID := func(m Member) bool { return m.ID == r.ID || m.Kind == KindUser && strings.EqualFold(m.ID, r.ID) }
	byEmail := func(m Member) bool { return m.Kind == KindUser && strings.EqualFold(m.ID, r.Email) }
	if i := slices.IndexFunc(members, byID); i >= 0 {
		found.shown, found.known = members[i].Resource(), !members[i].Suspended
	} else if i := slices.IndexFunc(entries, func(e Resource) bool { return e.ID == r.ID && (r.Kind == "" || r.Kind == e.Kind) }); i >= 0 {
		found.shown, found.known = entries[i], true
	} else if i := slices.IndexFunc(members, byEmail); i >= 0 {
		found.shown, found.known = members[i].Resource(), !members[i].Suspended
	} else if entry, ok, err := s.addressed(ctx, space, r.Email); err != nil || ok {
		found.shown, found.known = entry, ok
		return found, err
	}
	if !found.known {
		found.shown.AltIDs = nil
	}
	return found, nil
}

// addressed answers the entry of the directory that has an address.
func (s *Service) addressed(ctx context.Context, space, address string) (entry Resource, ok bool, err error) {
	if address == "" {
		return Resource{}, false, nil
	}
	named, err := s.Store.ResourcesNamed(ctx, space, asWritten([]string{address}))
	i := slices.IndexFunc(named, func(e Resource) bool { return strings.EqualFold(e.Email, address) })
	if err != nil || i < 0 {
		return Resource{}, false, err
	}
	return named[i], true, nil
}

// asWritten answers the names as they are written and in lower case, as members are called, each once.
func asWritten(said []string) []string {
	var names []string
	for _, name := range said {
		if name != "" {
			names = append(names, name, strings.ToLower(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Service) membersNamed(ctx context.Context, space string, names []string) (members []Member, err error) {
	for _, name := range names {
		m, err := s.Store.Member(ctx, space, name)
		if err != nil && CodeOf(err) != NotFound {
			return nil, err
		}
		if err == nil {
			members = append(members, m)
		}
	}
	return members, nil
}
