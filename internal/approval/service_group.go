package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// GroupMembers answers who is in a group: persons, service accounts and groups. With effective, every person who is in
// it through whatever nesting, suspended ones left out.
func (s *Service) GroupMembers(ctx context.Context, a Actor, name string, effective bool) ([]Resource, error) {
	if err := a.require(ReadResources); err != nil {
		return nil, err
	}
	if _, err := s.group(ctx, a.Space, name); err != nil {
		return nil, err
	}
	list, err := s.Store.GroupMembers(ctx, a.Space, name)
	if err != nil {
		return nil, err
	}
	if effective {
		return s.effective(ctx, a.Space, name)
	}
	return s.shown(ctx, a.Space, list)
}

// group answers the directory's entry of a group.
func (s *Service) group(ctx context.Context, space, name string) (Resource, error) {
	r, err := s.entry(ctx, space, name)
	if CodeOf(err) == NotFound {
		err = Errorf(NotFound, "there is no group %.200q in %s: add it to the directory first, as a resource of the kind group", name, space)
	}
	if err == nil && !r.IsGroup() {
		err = FieldError("name", "is that of a resource of the kind %q: only a resource of the kind group has members", r.Kind)
	}
	return r, err
}

// shown answers memberships as people read them, each member once: with the member's own record, and who said so unless
// people did.
func (s *Service) shown(ctx context.Context, space string, list []GroupMember) ([]Resource, error) {
	members, err := s.Store.Members(ctx, space, "")
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Member, len(members))
	for _, m := range members {
		byID[m.ID] = m
	}
	out := make([]Resource, 0, len(list))
	for i, g := range list {
		if i > 0 && list[i-1].Kind == g.Kind && list[i-1].Member == g.Member {
			continue // by another source; people, "", come first
		}
		r := Resource{ID: g.Member, Kind: g.Kind}
		if m, known := byID[g.Member]; known && g.Kind != KindGroup {
			r = m.Resource()
		} else if entry, err := s.Store.Resource(ctx, space, g.Member); g.Kind == KindGroup && err == nil {
			r = entry
		}
		if g.Source != "" {
			r = r.withLabel(LabelGroupSource, g.Source)
		}
		out = append(out, r)
	}
	return out, nil
}

// effective answers the persons in a group and in the groups in it.
func (s *Service) effective(ctx context.Context, space, name string) ([]Resource, error) {
	groups, persons := []string{name}, map[string]bool{}
	for i := 0; i < len(groups); i++ {
		list, err := s.Store.GroupMembers(ctx, space, groups[i])
		if err != nil {
			return nil, err
		}
		for _, g := range list {
			if g.Kind == KindUser {
				persons[g.Member] = true
			} else if g.Kind == KindGroup && !slices.Contains(groups, g.Member) {
				groups = append(groups, g.Member)
			}
		}
		if len(groups) > MaxGroups || len(persons) > MaxGroupMembers {
			return nil, Errorf(Conflict, "more than %d persons or %d groups are in %s: look at the groups in it", MaxGroupMembers, MaxGroups, name)
		}
	}
	members, err := s.Store.Members(ctx, space, KindUser)
	if err != nil {
		return nil, err
	}
	out := []Resource{}
	for _, m := range members {
		if persons[m.ID] && !m.Suspended {
			out = append(out, m.Resource())
		}
	}
	return out, nil
}

// GroupsOf answers the names of all groups that a member is in, through whatever nesting, by name. It refuses rather than
// to leave some out.
func (s *Service) GroupsOf(ctx context.Context, space, member string) ([]string, error) {
	kind := KindUser
	if !strings.Contains(member, "@") {
		kind = KindServiceAccount // whose id is never an address
	}
	direct, err := s.Store.Memberships(ctx, space, kind, []string{member})
	if err != nil {
		return nil, err
	}
	levels, err := s.above(ctx, space, groupsIn(direct))
	groups := slices.Concat(levels...)
	slices.Sort(groups)
	return slices.Compact(groups), err
}

func groupsIn(list []GroupMember) (groups []string) {
	for _, g := range list {
		groups = append(groups, g.Group)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// above answers the groups, and level by level those that they are in.
func (s *Service) above(ctx context.Context, space string, groups []string) (levels [][]string, err error) {
	return levelsOf(groups, func(level []string) (next []string, err error) {
		for part := range slices.Chunk(level, MaxBulk) {
			list, err := s.Store.Memberships(ctx, space, KindGroup, part)
			if err != nil {
				return nil, err
			}
			next = append(next, groupsIn(list)...)
		}
		return next, nil
	})
}

// below answers the groups, and level by level those that are in them.
func (s *Service) below(ctx context.Context, space string, groups []string) (levels [][]string, err error) {
	return levelsOf(groups, func(level []string) (next []string, err error) {
		for _, name := range level {
			list, err := s.Store.GroupMembers(ctx, space, name)
			if err != nil {
				return nil, err
			}
			for _, g := range list {
				if g.Kind == KindGroup {
					next = append(next, g.Member)
				}
			}
		}
		return next, nil
	})
}

// levelsOf walks from level to level. A group may stand in several: their number is the longest way.
func levelsOf(level []string, next func([]string) ([]string, error)) (levels [][]string, err error) {
	for count := 0; len(level) > 0; {
		levels = append(levels, level)
		if count += len(level); count > MaxGroups || len(levels) > MaxGroupDepth {
			return nil, Errorf(Conflict, "groups nest more than %d deep, or are more than %d: take some apart", MaxGroupDepth, MaxGroups)
		}
		if level, err = next(level); err != nil {
			return nil, err
		}
		slices.Sort(level)
		level = slices.Compact(level)
	}
	return levels, nil
}

// AddGroupMembers puts persons and service accounts, by id, and groups, by name, into a group, all or nothing. One that
// is in it already stays.
func (s *Service) AddGroupMembers(ctx context.Context, a Actor, name string, list []Resource) ([]Resource, error) {
	return s.changeGroup(ctx, a, name, list, false)
}

// SetGroupMembers makes a group have these members and no others, except those that a sign-in provider says are in it.
func (s *Service) SetGroupMembers(ctx context.Context, a Actor, name string, list []Resource) ([]Resource, error) {
	return s.changeGroup(ctx, a, name, list, true)
}

func (s *Service) changeGroup(ctx context.Context, a Actor, name string, list []Resource, whole bool) ([]Resource, error) {
	if err := s.Authorize(ctx, a, WriteResources, "write members of group "+name); err != nil {
		return nil, err
	}
	if len(list) > MaxGroupMembers || len(list) == 0 && !whole {
		return nil, FieldError("members", "needs 1 to %d entries, it has %d", MaxGroupMembers, len(list))
	}
	_, err := again(func() (struct{}, error) {
		group, before, version, err := s.groupNow(ctx, a.Space, name)
		if err != nil {
			return struct{}{}, err
		}
		asked, err := s.askedMembers(ctx, a, name, list)
		if err != nil {
			return struct{}{}, err
		}
		gone := missingIn(before, asked)
		if !whole {
			gone = nil
		}
		return struct{}{}, s.commitGroup(ctx, a, group, version, before, missingIn(asked, before), gone)
	})
	if err != nil {
		return nil, err
	}
	return s.GroupMembers(ctx, a.asReader(), name, false)
}

// asReader answers the actor as one who may read what it has just written.
func (a Actor) asReader() Actor {
	if a.Scopes != nil {
		a.Scopes = append(slices.Clone(a.Scopes), ReadResources)
	}
	return a
}

// groupNow answers a group, the memberships that people made in it, and the version of the space, under which nesting changes.
func (s *Service) groupNow(ctx context.Context, space, name string) (group Resource, members []GroupMember, version Space, err error) {
	if version, err = s.Store.Space(ctx, space); err != nil {
		return group, nil, version, err
	}
	if group, err = s.group(ctx, space, name); err != nil {
		return group, nil, version, err
	}
	members, err = s.Store.GroupMembers(ctx, space, name)
	return group, slices.DeleteFunc(members, func(g GroupMember) bool { return g.Source != "" }), version, err
}

// askedMembers answers the memberships that a list asks for.
func (s *Service) askedMembers(ctx context.Context, a Actor, name string, list []Resource) (asked []GroupMember, err error) {
	now := s.Clock.Now()
	for i, r := range list {
		at := fmt.Sprintf("members[%d]", i)
		if err := r.Check(); err != nil {
			return nil, under(at, err)
		}
		g, err := s.askedMember(ctx, a.Space, r)
		if CodeOf(err) == NotFound {
			return nil, FieldError(at+".id", "%.200q is no member of %s, and no group of its directory", r.Title(), a.Space)
		}
		if err != nil {
			return nil, err
		}
		g.Space, g.Group, g.CreateTime = a.Space, name, now
		if len(missingIn([]GroupMember{g}, asked)) > 0 {
			asked = append(asked, g)
		}
	}
	return asked, nil
}

func (s *Service) askedMember(ctx context.Context, space string, r Resource) (GroupMember, error) {
	name := r.Name()
	if name == "" {
		name = r.ID
	}
	if !r.IsGroup() {
		id := r.ID
		if id == "" {
			id = r.Email
		}
		if strings.Contains(id, "@") {
			id = strings.ToLower(id)
		}
		m, err := s.Store.Member(ctx, space, id)
		if err == nil || CodeOf(err) != NotFound || r.Kind != "" {
			return GroupMember{Kind: m.Kind, Member: m.ID}, err
		}
	}
	if checkName("id", name) != nil {
		return GroupMember{}, Errorf(NotFound, "no group")
	}
	entry, err := s.Store.Resource(ctx, space, name)
	if err == nil && !entry.IsGroup() {
		err = Errorf(NotFound, "no group")
	}
	return GroupMember{Kind: KindGroup, Member: name}, err
}

// missingIn answers those of list that are not in other.
func missingIn(list, other []GroupMember) (missing []GroupMember) {
	has := make(map[[3]string]bool, len(other))
	for _, g := range other {
		has[[3]string{g.Group, g.Kind, g.Member}] = true
	}
	for _, g := range list {
		if !has[[3]string{g.Group, g.Kind, g.Member}] {
			missing = append(missing, g)
		}
	}
	return missing
}

// commitGroup writes what comes and what goes. Nesting changes under the space's version, so that two who nest at once
// cannot make a circle between them.
func (s *Service) commitGroup(ctx context.Context, a Actor, group Resource, space Space, before, come, gone []GroupMember) error {
	if n := len(before) + len(come) - len(gone); n > MaxGroupMembers {
		return Errorf(Conflict, "the group %s would have %d members, at most %d are allowed: nest groups", group.Name(), n, MaxGroupMembers)
	}
	change := Change{Space: a.Space}
	for _, g := range gone {
		change.Writes = append(change.Writes, DeleteGroupMember{g})
	}
	var nested []string
	for _, g := range come {
		change.Writes = append(change.Writes, PutGroupMember{g})
		if g.Kind == KindGroup {
			nested = append(nested, g.Member)
		}
	}
	if len(change.Writes) == 0 {
		return nil
	}
	if len(nested) > 0 {
		if err := s.checkNesting(ctx, a.Space, group.Name(), nested); err != nil {
			return err
		}
		change.Writes = append(change.Writes, PutSpace{space, space.Version})
	}
	change.Events = append(s.groupEvents(a, EventGroupAdd, group, come, ""), s.groupEvents(a, EventGroupRemove, group, gone, "")...)
	return s.commitRead(ctx, change)
}

// checkNesting refuses a circle, and more levels than [MaxGroupDepth].
func (s *Service) checkNesting(ctx context.Context, space, name string, nested []string) error {
	below, err := s.below(ctx, space, nested)
	if err != nil {
		return err
	}
	if slices.Contains(slices.Concat(below...), name) {
		return Errorf(Conflict, "%s would be in itself: take it out of the groups that are in it first", name)
	}
	above, err := s.above(ctx, space, []string{name})
	if err == nil && len(above)+len(below) > MaxGroupDepth {
		err = Errorf(Conflict, "groups would nest %d deep, at most %d are allowed", len(above)+len(below), MaxGroupDepth)
	}
	return err
}

// groupEvents answers what the log says of members who come or go, at most MaxBulk in one entry.
func (s *Service) groupEvents(a Actor, name string, group Resource, list []GroupMember, source string) (events []Event) {
	now := s.Clock.Now()
	for part := range slices.Chunk(list, MaxBulk) {
		resources := []Resource{group}
		for _, g := range part {
			resources = append(resources, Resource{ID: g.Member, Kind: g.Kind})
		}
		var labels map[string]string
		if source != "" {
			labels = map[string]string{LabelGroupSource: source}
		}
		events = append(events, s.event(a, now, name, "", resources, labels))
	}
	return events
}

// RemoveGroupMember takes a member out of a group. kind is needed only when a member and a group have the same name.
func (s *Service) RemoveGroupMember(ctx context.Context, a Actor, name, kind, member string) error {
	if err := s.Authorize(ctx, a, WriteResources, "write members of group "+name); err != nil {
		return err
	}
	group, err := s.group(ctx, a.Space, name)
	if err != nil {
		return err
	}
	list, err := s.Store.GroupMembers(ctx, a.Space, name)
	if err != nil {
		return err
	}
	is := func(g GroupMember) bool {
		return (kind == "" || kind == g.Kind) && (g.Member == member || g.Kind == KindUser && strings.EqualFold(g.Member, member))
	}
	var gone []GroupMember
	sources := ""
	for _, g := range list {
		switch {
		case !is(g):
		case g.Source != "":
			sources = g.Source
		default:
			gone = append(gone, g)
		}
	}
	switch {
	case len(gone) > 1:
		return FieldError("kind", "is needed: %.200q is a group and a member", member)
	case len(gone) == 0 && sources != "":
		return Errorf(Conflict, "%s says at each sign-in that %.200q is in %s: take the member out of the group there", sources, member, name)
	case len(gone) == 0:
		return Errorf(NotFound, "%.200q is not in the group %s", member, name)
	}
	return s.commit(ctx, Change{Space: a.Space, Writes: []Write{DeleteGroupMember{gone[0]}}, Events: s.groupEvents(a, EventGroupRemove, group, gone, "")})
}

// SyncGroups makes a member be in these groups of the directory, and in no others, as far as source says: memberships
// that people or another source made stay. Names that are no group of the directory are left out. It is for sign-in.
func (s *Service) SyncGroups(ctx context.Context, m Member, source string, groups []string) error {
	if source == "" {
		return Errorf(Internal, "a sign-in provider that says who is in a group has a name")
	}
	if err := checkID("source", source, maxGroupSource); err != nil {
		return err
	}
	if len(groups) > MaxGroups {
		return FieldError("groups", "has %d entries, at most %d are allowed", len(groups), MaxGroups)
	}
	_, err := again(func() (struct{}, error) { return struct{}{}, s.syncGroups(ctx, m, source, groups) })
	return err
}

func (s *Service) syncGroups(ctx context.Context, m Member, source string, groups []string) error {
	all, err := s.Store.Memberships(ctx, m.Space, m.Kind, []string{m.ID})
	if err != nil {
		return err
	}
	before := slices.DeleteFunc(all, func(g GroupMember) bool { return g.Source != source })
	var asked []GroupMember
	entries := map[string]Resource{}
	for _, name := range groups {
		r, err := s.group(ctx, m.Space, name)
		if code := CodeOf(err); code == NotFound || code == Invalid {
			continue
		}
		if err != nil {
			return err
		}
		if _, twice := entries[name]; !twice {
			entries[name] = r
			asked = append(asked, GroupMember{m.Space, name, m.Kind, m.ID, source, s.Clock.Now()})
		}
	}
	change, system := Change{Space: m.Space}, System(m.Space, "sign-in")
	for _, g := range missingIn(asked, before) {
		change.Writes = append(change.Writes, PutGroupMember{g})
		change.Events = append(change.Events, s.groupEvents(system, EventGroupAdd, entries[g.Group], []GroupMember{g}, source)...)
	}
	for _, g := range missingIn(before, asked) {
		change.Writes = append(change.Writes, DeleteGroupMember{g})
		change.Events = append(change.Events, s.groupEvents(system, EventGroupRemove, Resource{ID: g.Group, Kind: KindGroup}, []GroupMember{g}, source)...)
	}
	if len(change.Writes) == 0 {
		return nil
	}
	err = s.commitRead(ctx, change)
	if CodeOf(err) == NotFound { // a group went, or the member was taken out, in the meantime
		return stale{err}
	}
	return err
}
