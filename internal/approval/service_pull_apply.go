package approval

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Bounds of one commit of a pull: other commits wait for it.
const (
	pullChunk      = 100
	pullChunkBytes = 256 << 10
)

// A pull that would mark more than shrinkLeast entries, and more than half of those that the policy has, is refused: an endpoint that lists
// nothing by mistake must not take everything away.
const shrinkLeast = 20

// maxExamples is how many of the entries that were left alone are named.
const maxExamples = 10

// apply writes what was listed, some at a time.
func (p *pulling) apply(ctx context.Context) error {
	var chunk []Resource
	size := 0
	flush := func() (err error) {
		for len(chunk) > 0 && err == nil {
			if err = p.beat(ctx); err == nil {
				chunk, err = p.applyChunk(ctx, chunk)
			}
		}
		size = 0
		return err
	}
	err := p.spool.each(func(r Resource) error {
		chunk, size = append(chunk, r), size+sizeOf(r)
		if len(chunk) < pullChunk && size < pullChunkBytes {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func sizeOf(r Resource) int {
	n := len(r.ID) + len(r.DisplayName) + len(r.Email) + len(r.Kind)
	for key, value := range r.Labels {
		n += len(key) + len(value)
	}
	for _, id := range r.AltIDs {
		n += len(id)
	}
	return n
}

// applyChunk writes one commit. It answers those that must be looked at once more, because they rest on what it has written.
func (p *pulling) applyChunk(ctx context.Context, chunk []Resource) (rest []Resource, err error) {
	step, err := again(func() (*pullStep, error) {
		step, err := p.plan(ctx, chunk)
		if err != nil || len(step.put) == 0 {
			return step, err
		}
		return step, p.commit(ctx, EventResourcePut, step.put)
	})
	if err != nil {
		return nil, err
	}
	p.result.Created += step.created
	p.result.Changed += len(step.put) - step.created
	p.result.Conflicts += len(step.conflicts)
	for _, c := range step.conflicts {
		if len(p.result.Examples) < maxExamples {
			p.result.Examples = append(p.result.Examples, printable(c, MaxReason/4))
		}
	}
	return step.rest, nil
}

// commit writes entries that the policy brings, if the pull still has the policy.
func (p *pulling) commit(ctx context.Context, event string, put []PutPulled) error {
	change := Change{Space: p.policy.Space, Writes: []Write{HoldPull{Policy: p.policy.Name, Run: p.pull.Run}}}
	var entries []Resource
	for _, w := range put {
		change.Writes, entries = append(change.Writes, w), append(entries, w.Resource)
	}
	change.Events = []Event{p.s.event(System(p.policy.Space, pullPart), p.s.Clock.Now(), event, "", entries, map[string]string{LabelPullPolicy: p.policy.Name, LabelPullRun: p.pull.Run})}
	err := p.s.commitRead(ctx, change)
	if !isStale(err) {
		return err
	}
	// Somebody changed an entry meanwhile: then it is looked at again. Or the policy: then the pull has ended.
	fresh, failed := p.s.Store.Pull(ctx, p.policy.Space, p.policy.Name)
	if failed == nil && fresh.Run != p.pull.Run {
		failed = errPullLost
	}
	if failed != nil {
		return failed
	}
	return err
}

// pullStep is what one commit is to do.
type pullStep struct {
	put       []PutPulled
	names     map[string]bool // in lower case, of what is put
	created   int
	conflicts []string // entries that are left alone, and why
	rest      []Resource
}

// plan looks at what the directory has of the resources now.
func (p *pulling) plan(ctx context.Context, chunk []Resource) (*pullStep, error) {
	has, err := p.directory(ctx, chunk)
	if err != nil {
		return nil, err
	}
	step := &pullStep{names: map[string]bool{}}
	for _, r := range chunk {
		r, conflict := p.place(has, r)
		if conflict != "" {
			step.conflicts = append(step.conflicts, conflict)
			continue
		}
		before, exists := has.named[r.Name()]
		if exists && sameEntry(before.Resource, r) {
			continue
		}
		verdict, why, err := p.joins(ctx, has, step, before.Resource, r)
		switch {
		case err != nil:
			return nil, err
		case verdict == joinsLater:
			step.rest = append(step.rest, r)
			continue
		case verdict == joinsOthers:
			step.conflicts = append(step.conflicts, why)
			continue
		}
		if !exists {
			step.created++
		}
		step.put = append(step.put, PutPulled{Resource: r, Policy: p.policy.Name, Thing: thingOf(r), New: !exists})
		for _, name := range namesIn(r) {
			step.names[name] = true
		}
	}
	return step, nil
}

// entriesNow is what the directory has of some resources.
type entriesNow struct {
	named  map[string]PulledEntry   // by name
	things map[Thing]PulledEntry    // those of the policy
	called map[string][]PulledEntry // by each of their names in lower case
	owners map[string][]NameOwner   // who bears the names of those that have several
}

// directory looks up what the directory has of the resources: by what the policy brought, by name, and by any of their names.
func (p *pulling) directory(ctx context.Context, chunk []Resource) (has entriesNow, err error) {
	has = entriesNow{named: map[string]PulledEntry{}, things: map[Thing]PulledEntry{}, called: map[string][]PulledEntry{}}
	var ids, names []string
	var sought []Thing
	for _, r := range chunk {
		ids, names, sought = append(ids, r.ID), append(names, p.nameOf(r)), append(sought, thingOf(r))
	}
	bearing, err := p.s.Store.ResourcesNamed(ctx, p.policy.Space, asWritten(ids))
	if err != nil {
		return has, err
	}
	for _, r := range bearing {
		names = append(names, r.Name())
	}
	slices.Sort(names)
	list, err := p.s.Store.PulledEntries(ctx, p.policy.Space, p.policy.Name, slices.Compact(names), sought)
	if err != nil {
		return has, err
	}
	if has.owners, err = p.owners(ctx, chunk); err != nil {
		return has, err
	}
	for _, e := range list {
		has.named[e.Resource.Name()] = e
		if e.Policy == p.policy.Name {
			has.things[e.Thing] = e
		}
		for _, name := range lowered(append([]string{e.Resource.ID, e.Resource.Email}, e.Resource.AltIDs...)) {
			has.called[name] = append(has.called[name], e)
		}
	}
	return has, nil
}

// nameOf answers the name of a new entry: what the endpoint says, if it may, or one that is made of the policy, the kind and the id.
func (p *pulling) nameOf(r Resource) string {
	if name := r.Name(); name != "" {
		return name
	}
	digest := thingOf(r).String()
	readable := strings.Map(func(c rune) rune {
		if c < 0x80 && isName("a"+string(c)) {
			return c
		}
		return '-'
	}, truncate(r.ID, 40))
	return p.policy.Name + "." + readable + "." + digest[:12]
}

// place answers the resource with its name, or why it is left alone: something that the policy did not bring stands there.
func (p *pulling) place(has entriesNow, r Resource) (placed Resource, conflict string) {
	name := p.nameOf(r)
	if own, brought := has.things[thingOf(r)]; brought {
		name = own.Resource.Name() // it keeps the name that it got
	}
	placed = r.withLabel(LabelBlock, name)
	if e, exists := has.named[name]; exists && e.Policy != p.policy.Name {
		return placed, p.leftAlone(r, e)
	}
	if e, exists := has.named[name]; exists && e.Thing != thingOf(r) {
		return placed, fmt.Sprintf("%s: the endpoint gives the name %s to two things", titleOf(r), name)
	}
	for _, e := range has.called[strings.ToLower(r.ID)] {
		if e.Resource.Name() != name && strings.EqualFold(e.Resource.Kind, r.Kind) {
			return placed, p.leftAlone(r, e)
		}
	}
	return placed, ""
}

func titleOf(r Resource) string { return fmt.Sprintf("%s (%s)", r.ID, r.Kind) }

// leftAlone says whose an entry is that a policy does not touch.
func (p *pulling) leftAlone(r Resource, e PulledEntry) string {
	switch e.Policy {
	case "":
		return fmt.Sprintf("%s is in the directory as %s, which people made or changed: delete that entry, and the next pull brings it", titleOf(r), e.Resource.Name())
	case p.policy.Name:
		return fmt.Sprintf("%s is in the directory as %s already, by another of its names", titleOf(r), e.Resource.Name())
	}
	return fmt.Sprintf("%s is in the directory as %s, which the pull policy %s brought", titleOf(r), e.Resource.Name(), e.Policy)
}

// missing answers the names of the entries that the policy has and the endpoint does not list any more. A pull that would mark too many is
// refused with all that it brings, unless it is forced.
func (p *pulling) missing(ctx context.Context) (gone []string, err error) {
	if !p.marks() {
		return nil, nil
	}
	has, lost, after := 0, 0, ""
	for {
		rows, err := p.s.Store.Pulled(ctx, p.policy.Space, p.policy.Name, after, MaxBulk)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Gone || p.asked.Kinds != nil && !slices.Contains(p.kinds, row.Kind) {
				continue
			}
			has++
			there, listed := p.things[row.Thing]
			if !there {
				lost++
			}
			if !listed {
				gone = append(gone, row.Name)
			}
		}
		if len(rows) < MaxBulk {
			break
		}
		after = rows[len(rows)-1].Name
	}
	if lost > shrinkLeast && lost*2 > has && !p.asked.Force {
		p.result.State = PullRefused
		p.result.Problem = fmt.Sprintf("it would mark %d of the %d entries that the policy has brought as gone, and so changes nothing: look at what the endpoint lists, and force the pull if that is right", lost, has)
	}
	return gone, nil
}

// markGone marks what is not listed any more. It stays in the directory, as petitions and grants name it; nobody is offered it any more.
func (p *pulling) markGone(ctx context.Context, gone []string) error {
	for names := range slices.Chunk(gone, pullChunk) {
		if err := p.beat(ctx); err != nil {
			return err
		}
		marked, err := again(func() (int, error) {
			list, err := p.s.Store.PulledEntries(ctx, p.policy.Space, p.policy.Name, names, nil)
			if err != nil {
				return 0, err
			}
			var put []PutPulled
			for _, e := range list {
				if e.Policy == p.policy.Name && e.Resource.Labels[LabelDeactivated] != "true" {
					put = append(put, PutPulled{Resource: e.Resource.withLabel(LabelDeactivated, "true"), Policy: p.policy.Name, Thing: e.Thing})
				}
			}
			if len(put) == 0 {
				return 0, nil
			}
			return len(put), p.commit(ctx, EventResourceGone, put)
		})
		if err != nil {
			return err
		}
		p.result.Gone += marked
	}
	return nil
}
