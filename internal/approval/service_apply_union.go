package approval

import (
	"context"
	"slices"
	"strings"
	"time"
)

// clockBack answers granted petitions whose leases begin later by a clock that was set back since they began.
func (l *pairLook) clockBack(ctx context.Context, q LeaseQuery, petition string, own []Lease, named map[string][]string) (found []Lease, err error) {
	q.Coming, q.Resources, q.Kinds = true, nil, nil
	coming, err := l.keepers(ctx, q, petition, own, named)
	for _, o := range coming {
		p, err := l.Store.Petition(ctx, l.space, o.Petition)
		if err != nil {
			return nil, err
		}
		if p.Phase == Granted && !p.Grant.Pending {
			found = append(found, o)
		}
	}
	return found, err
}

// keepersOf answers the leases of other petitions that are granted and give one of the persons one of the resources, by whatever
// names: none, or what lasts longest before others. To look surely is to find also what the clock says has not begun.
func (l *pairLook) keepersOf(ctx context.Context, rows []*Application, except string, surely bool) (found []Lease, err error) {
	var persons []string
	var own []Lease
	named := map[string][]string{}
	for _, a := range rows {
		names, err := l.personNames(ctx, l.space, a.Person)
		if err != nil {
			return nil, err
		}
		persons = append(persons, names...)
		pair := Lease{Kind: strings.ToLower(a.Resource.Kind), Resource: LeaseResource(a.Resource)}
		if slices.Contains(own, pair) {
			continue
		}
		own = append(own, pair)
		beside, err := l.eachBeside(ctx, l.space, []string{pair.Resource})
		if err != nil {
			return nil, err
		}
		named[pair.Resource] = beside[pair.Resource]
	}
	q := LeaseQuery{Space: l.space, At: l.now}
	for _, name := range distinct(persons) { // one at a time, as leases are in the order of ends for each
		q.Persons, q.Resources, q.Kinds = []string{name}, nil, nil
		more, err := l.keepers(ctx, q, except, own, named)
		if err != nil {
			return nil, err
		}
		if len(more) == 0 && surely {
			if more, err = l.clockBack(ctx, q, except, own, named); err != nil {
				return nil, err
			}
		}
		found = append(found, more...)
	}
	slices.SortStableFunc(found, func(a, b Lease) int { return -compareEnds(a, b) })
	return found, nil
}

func compareEnds(a, b Lease) int {
	switch {
	case a.Ends() < b.Ends():
		return -1
	case a.Ends() > b.Ends():
		return 1
	}
	return 0
}

// keeperOf answers the petition that goes on with the access of an application that is over, "" when none does: first one that
// the webhook was told of.
func (l *pairLook) keeperOf(ctx context.Context, a *Application) (string, error) {
	keeper := ""
	for i := range l.rows {
		if b := &l.rows[i]; l.granted(b) && (keeper == "" || b.Name == a.Name) {
			keeper = b.Petition
		}
	}
	if keeper != "" {
		return keeper, nil
	}
	leases, err := l.keepersOf(ctx, []*Application{a}, a.Petition, true)
	if err != nil || len(leases) == 0 {
		return "", err
	}
	return leases[0].Petition, nil
}

// handOver lets the petition that keeps access go on with what a webhook gave for one that is over: nothing is taken away, and
// the end of the keeper will be told (I15). A keeper that was told of the very same only comes to hold it; any other gets an
// application of its own, by an event, so that it cannot end meanwhile.
func (l *pairLook) handOver(ctx context.Context, a *Application, keeper string) (afterLook, error) {
	old, ended := l.petitions[a.Petition], *a
	ended.begins(ApplicationEnded, l.now)
	ended.KeptBy = keeper
	e := l.applicationEvent(&ended, old, l.now, EventWebhookKeep, "by petition #"+l.space+"/"+keeper)
	e.Meta.Labels[LabelAccessKeptBy] = keeper
	change := Change{Space: l.space, Events: []Event{e}}
	same, err := l.applications(ctx, ApplicationQuery{Space: l.space, Petitions: []string{keeper}, Webhook: l.webhook})
	if err != nil {
		return afterLook{}, err
	}
	i := slices.IndexFunc(same, func(b Application) bool { return b.Name == a.Name })
	if i >= 0 && same[i].open() {
		next := same[i]
		next.Holds, next.UpdateTime = true, l.now
		change.Writes = append(change.Writes, PutApplication{Application: next, Expect: next.Version})
		return l.writeEnds(ctx, &change, ended)
	}
	p, err := l.Store.Petition(ctx, l.space, keeper)
	if err != nil {
		return afterLook{}, err
	}
	inherit := l.petitionEvent(ctx, System(l.space, "webhooks"), &p, l.now, EventInherit, "from petition #"+l.space+"/"+a.Petition, map[string]string{LabelWebhook: l.webhook})
	next, err := p.Apply(inherit, l.now)
	if CodeOf(err) == Conflict {
		return afterLook{again: true}, nil // it has ended meanwhile
	}
	if err != nil {
		return afterLook{}, err
	}
	heir := Application{Space: l.space, Petition: keeper, Webhook: l.webhook, Name: a.Name, Pair: a.Pair, Person: a.Person, Resource: a.Resource,
		State: ApplicationKept, Holds: true, Since: l.now, CreateTime: l.now, UpdateTime: l.now}
	if i >= 0 {
		heir.Version = same[i].Version
	}
	l.watches(ctx, &change, &heir)
	change.Events = append(change.Events, inherit)
	change.Writes = append(change.Writes, PutPetition{Petition: &next, Expect: p.Version, SameLabels: true}, PutApplication{Application: heir, Expect: heir.Version},
		applyJob(&next, l.now))
	return l.writeEnds(ctx, &change, ended)
}

// until answers when access of the pair ends as things stand: with the last of the leases that hold now. It is one time for all that
// is told of the pair, or each would be told the others' end away.
func (l *pairLook) until(ctx context.Context) (time.Time, error) {
	if l.ends != nil {
		return l.ends.EndTime, nil
	}
	var granted []*Application
	var last Lease
	for i := range l.rows {
		if a := &l.rows[i]; l.granted(a) {
			own := Lease{EndTime: l.petitions[a.Petition].Grant.EndTime}
			if len(granted) == 0 || own.Ends() > last.Ends() {
				last = own
			}
			granted = append(granted, a)
		}
	}
	others, err := l.keepersOf(ctx, granted, "", false)
	if err != nil {
		return time.Time{}, err
	}
	for _, o := range others {
		if o.Ends() > last.Ends() {
			last = o
		}
	}
	l.ends = &last
	return last.EndTime, nil
}
