package approval

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"
)

// Identity is another name of a member: an address, a subject of an OIDC issuer, an account in a chat. In a space it
// belongs to one member at most.
type Identity struct {
	Space      string
	Identity   string // such as "ada.l@acme.example", "oidc:https://login.acme.example|248289761001", "slack:T01/U024BE7LH"
	Member     string // Member.ID
	CreatedBy  string
	CreateTime time.Time
}

// Check refuses an identity that is out of its limits.
func (i Identity) Check() error {
	if i.Identity == "" {
		return FieldError("identity", "is required: an address, or a system's name, a colon and the id there")
	}
	return checkID("identity", i.Identity, MaxID)
}

// MaxNames bounds by how many names one person may be known in a space.
const MaxNames = 200

// identifiedPerson is who is behind an actor, as the space knows it now.
type identifiedPerson struct {
	id    string   // the canonical person
	names []string // every name, as members are called: lower case
	// unclear: there are more names than are looked at, so who else it is nobody can tell.
	unclear bool
}

// personOf answers the canonical person behind a member and every name that the space knows it by: its addresses and
// linked identities, and what the directory says is the same. Names lead to names: ada@, whom the directory knows as U1,
// is the person of the petition that U1 asks for (I5, I6).
func (s *Service) personOf(ctx context.Context, m Member) (identifiedPerson, error) {
	names, whole, err := s.namesBeside(ctx, m.Space, []string{m.ID, m.Email, m.Person})
	if err != nil {
		return identifiedPerson{}, err
	}
	if len(names) == 1 || !whole {
		return identifiedPerson{m.Person, names, !whole}, nil
	}
	members, err := s.membersNamed(ctx, m.Space, names)
	if err != nil {
		return identifiedPerson{}, err
	}
	// Of all members that are this person the first by address stands for it, however it came in.
	id := m.Person
	for _, other := range members {
		if other.Kind == KindUser && other.Person < id {
			id = other.Person
		}
	}
	return identifiedPerson{id, names, false}, nil
}

// namesOf answers the given names and all that stand beside one of them in one record, in lower case. It refuses when
// there are more than [MaxNames]: to look at some of them would let somebody through.
func (s *Service) namesOf(ctx context.Context, space string, given []string) ([]string, error) {
	names, whole, err := s.namesBeside(ctx, space, given)
	if err == nil && !whole {
		err = Errorf(Conflict, "%.100q is known by more than %d names in %s: an editor must take wrong altIds out of the directory", given[0], MaxNames, space)
	}
	return names, err
}

// namesBeside is namesOf that answers the first names, and that they are not the whole, when there are too many.
func (s *Service) namesBeside(ctx context.Context, space string, given []string) (names []string, whole bool, err error) {
	names = lowered(given)
	for asked := 0; asked < len(names); {
		if len(names) > MaxNames {
			return names[:MaxNames], false, nil
		}
		found, err := s.Store.Aliases(ctx, space, names[asked:])
		if err != nil {
			return nil, false, err
		}
		asked = len(names)
		known := make(map[string]bool, len(names)+len(found))
		for _, name := range names {
			known[name] = true
		}
		for _, name := range lowered(found) {
			if !known[name] {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return names, true, nil
}

// eachBeside answers for each of the names, which are in lower case, those that stand beside it and itself, in order: what
// namesBeside answers of each, of at most [MaxNames] the first.
func (s *Service) eachBeside(ctx context.Context, space string, names []string) (map[string][]string, error) {
	names = distinct(names)
	groups := make(map[string]*[]string, len(names))
	for _, name := range names {
		groups[name] = &[]string{name}
	}
	for next := names; len(next) > 0; {
		var found []string // names that nothing was known of
		for part := range slices.Chunk(next, MaxNames) {
			beside, err := s.Store.AliasesOfEach(ctx, space, part)
			if err != nil {
				return nil, err
			}
			for _, name := range slices.Sorted(maps.Keys(beside)) {
				for _, other := range lowered(beside[name]) {
					if groups[other] == nil {
						groups[other], found = &[]string{other}, append(found, other)
					}
					joinNames(groups, name, other)
				}
			}
		}
		next = slices.DeleteFunc(found, func(name string) bool { return len(*groups[name]) > MaxNames })
	}
	beside := make(map[string][]string, len(names))
	for name, group := range groups {
		slices.Sort(*group)
		if beside[name] = *group; len(*group) > MaxNames {
			beside[name] = append([]string{name}, slices.DeleteFunc(slices.Clone((*group)[:MaxNames]), func(n string) bool { return n == name })...)[:MaxNames]
		}
	}
	return beside, nil
}

// joinNames makes the groups of two names one.
func joinNames(groups map[string]*[]string, one, other string) {
	into, from := groups[one], groups[other]
	if into == from {
		return
	}
	if len(*into) < len(*from) {
		into, from = from, into
	}
	*into = append(*into, *from...)
	for _, name := range *from {
		groups[name] = into
	}
}

// lowered answers the names in lower case, each once.
func lowered(given []string) []string {
	names, seen := make([]string, 0, len(given)), make(map[string]bool, len(given))
	for _, name := range given {
		if name = strings.ToLower(name); name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
