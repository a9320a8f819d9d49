package approval

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// An entry with several names says that they mean the same person or thing, for those who ask, those who review, and for what ends
// when. An endpoint that may say so (TakeIdentities) may give a person another name, but never make two into one that the space knows as
// two: whoever can write in its system would otherwise review as somebody else (I5, I6).

type joining int

const (
	joinsNobody joining = iota // or only who is one already
	joinsLater                 // it has a name of an entry that the same commit writes: look again behind it
	joinsOthers
)

// owners answers who bears the names of the resources that have several, by name. It is asked once for all of a commit.
func (p *pulling) owners(ctx context.Context, chunk []Resource) (map[string][]NameOwner, error) {
	var all []string
	for _, r := range chunk {
		if names := namesIn(r); len(names) > 1 {
			all = append(all, names...)
		}
	}
	slices.Sort(all)
	out := map[string][]NameOwner{}
	for names := range slices.Chunk(slices.Compact(all), MaxBulk) {
		list, err := p.s.Store.NameOwners(ctx, p.policy.Space, names)
		if err != nil {
			return nil, err
		}
		for _, o := range list {
			out[o.Name] = append(out[o.Name], o)
		}
	}
	return out, nil
}

// joins answers whether an entry makes two into one. before is the entry as it stands, if it does.
func (p *pulling) joins(ctx context.Context, has entriesNow, step *pullStep, before, r Resource) (verdict joining, why string, err error) {
	names := namesIn(r)
	if len(names) == 1 || slices.Equal(names, namesIn(before)) {
		return joinsNobody, "", nil
	}
	if slices.ContainsFunc(names, func(name string) bool { return step.names[name] }) {
		return joinsLater, "", nil
	}
	records, known := map[NameOwner]bool{}, map[string]bool{}
	for _, name := range names {
		for _, o := range has.owners[name] {
			if o.Resource != "" && o.Resource == r.Name() {
				continue
			}
			known[o.Name] = true
			o.Name = ""
			records[o] = true
		}
	}
	if len(records) < 2 || len(known) < 2 {
		return joinsNobody, "", nil
	}
	all := slices.Sorted(maps.Keys(known))
	one, whole, err := p.s.namesBeside(ctx, p.policy.Space, all[:1])
	if err != nil {
		return joinsNobody, "", err
	}
	for _, name := range all[1:] {
		if !whole || !slices.Contains(one, name) {
			return joinsOthers, fmt.Sprintf("%s would make %s and %s the same, which are two here: link them here if they are one", titleOf(r), all[0], name), nil
		}
	}
	return joinsNobody, "", nil
}

// namesIn answers the names of an entry in lower case, in order.
func namesIn(r Resource) []string {
	names := lowered(append([]string{r.ID, r.Email}, r.AltIDs...))
	slices.Sort(names)
	return names
}

// sameEntry answers whether two entries say the same.
func sameEntry(a, b Resource) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.DisplayName == b.DisplayName && a.Email == b.Email && slices.Equal(a.AltIDs, b.AltIDs) && maps.Equal(a.Labels, b.Labels)
}
