package approval

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// dutySlot is who is on call in half an hour.
type dutySlot struct {
	persons []string // in lower case
	group   string   // stands in where there are none
}

func (c *counting) asksOnCall(i int) bool {
	return slices.ContainsFunc(c.reviewersFor(i), func(r *Reviewers) bool { return len(r.OnCall) > 0 })
}

// comesOnCall adds to the facts the schedules of the requirement at place i in which the actor will be on call before the
// petition's time is up.
func (c *counting) comesOnCall(ctx context.Context, i int, a *Actor, f *Facts) error {
	for _, r := range c.reviewersFor(i) {
		for _, schedule := range r.OnCall {
			slots, err := c.dutyUntil(ctx, schedule)
			if err != nil {
				return err
			}
			for _, d := range slots {
				on := slices.ContainsFunc(d.persons, a.isCalled)
				if len(d.persons) == 0 && d.group != "" {
					if on, err = c.inGroup(ctx, a, d.group); err != nil {
						return err
					}
				}
				if on {
					f.OnCall = append(f.OnCall, schedule)
					break
				}
			}
		}
	}
	return nil
}

// onCallUntil answers who comes to be on call in a schedule of the requirement at place i before the petition's time is up.
func (c *counting) onCallUntil(ctx context.Context, i int) (names, groups []string, err error) {
	for _, r := range c.reviewersFor(i) {
		for _, schedule := range r.OnCall {
			slots, err := c.dutyUntil(ctx, schedule)
			if err != nil {
				return nil, nil, err
			}
			for _, d := range slots {
				for _, person := range d.persons {
					if !slices.Contains(names, person) {
						names = append(names, person)
					}
				}
				if len(d.persons) == 0 && d.group != "" && !slices.Contains(groups, d.group) {
					groups = append(groups, d.group)
				}
			}
		}
	}
	return names, groups, nil
}

// dutyUntil answers who is on call in a schedule, each half hour until the petition's time is up. It is worked out once for all
// petitions of one version of the document.
func (c *counting) dutyUntil(ctx context.Context, schedule string) ([]dutySlot, error) {
	first := c.now.Truncate(halfHour).Add(halfHour)
	many := 0
	if last := min(c.until.Sub(c.now), maxDutyAhead); first.Before(c.now.Add(last)) {
		many = 1 + int((c.now.Add(last).Sub(first)-1)/halfHour)
	}
	key := fmt.Sprintf("%d %s", c.p.Verdict.PolicyVersion, schedule)
	known := c.duties[key]
	for slot := len(known); slot < many; slot++ {
		who, err := c.whoIsOnCallAt(ctx, schedule, first.Add(time.Duration(slot)*halfHour))
		if CodeOf(err) == Unavailable {
			return nil, err
		}
		if err != nil {
			who = OnCall{} // as with everybody's eligibility, such a schedule names nobody
		}
		known = append(known, dutySlot{lowered(who.Persons), who.Group})
	}
	if c.duties == nil {
		c.duties = map[string][]dutySlot{}
	}
	c.duties[key] = known
	return known[:many], nil
}

func (c *counting) whoIsOnCallAt(ctx context.Context, schedule string, at time.Time) (OnCall, error) {
	document, err := c.document(ctx, c.p.Verdict.PolicyVersion)
	if err != nil {
		return OnCall{}, err
	}
	return c.s.Policy.OnCall(ctx, document, schedule, at)
}

// membersOf answers the ids of members with one of the names, or in one of the groups.
func (c *counting) membersOf(ctx context.Context, names, groups []string) (ids []string, err error) {
	for _, name := range lowered(names) {
		all, _, err := c.s.namesBeside(ctx, c.space, []string{name})
		if err != nil {
			return nil, err
		}
		ids = append(ids, all...)
	}
	for _, group := range groups {
		list := []string{group}
		entries, err := c.known(ctx, group)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.IsGroup() {
				list = append(list, e.Name())
			}
		}
		inside, err := c.s.everybodyIn(ctx, c.space, list)
		if err != nil {
			return nil, err
		}
		ids = append(ids, inside...)
	}
	return ids, nil
}

// everybodyIn answers the ids of persons and service accounts in the groups and in the groups in them.
func (s *Service) everybodyIn(ctx context.Context, space string, groups []string) (ids []string, err error) {
	for i := 0; i < len(groups) && i < MaxGroups && len(ids) < MaxGroupMembers; i++ {
		list, err := s.Store.GroupMembers(ctx, space, groups[i])
		if err != nil {
			return nil, err
		}
		for _, g := range list {
			if g.Kind != KindGroup {
				ids = append(ids, g.Member)
			} else if !slices.Contains(groups, g.Member) {
				groups = append(groups, g.Member)
			}
		}
	}
	return ids, nil
}
