package approval

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// RunJob does what a timer says, on the petition as it is now: a timer that comes late, twice or for nothing changes
// nothing. One that comes too early (a clock was set back) answers Unavailable, so that it comes again; one that has nothing to do
// before a time answers [Later].
func (s *Service) RunJob(ctx context.Context, j Job) error {
	switch j.Kind {
	case JobQuorum:
		return s.lookAtQuorum(ctx, j)
	case JobHourly:
		return s.lookHourly(ctx, j)
	case JobApply:
		return s.applyPetition(ctx, j)
	case JobCall:
		return s.applyPair(ctx, j)
	case JobWake:
		return s.wakeCalls(ctx, j)
	case JobDecide:
		return s.askDecision(ctx, j)
	case JobState:
		return s.checkStates(ctx, j)
	case JobOverdue:
		return s.tellOverdue(ctx, j)
	case JobPull:
		return s.runPull(ctx, j)
	}
	_, err := again(func() (struct{}, error) { return struct{}{}, s.runTimer(ctx, j) })
	return err
}

func (s *Service) runTimer(ctx context.Context, j Job) error {
	p, err := s.Store.Petition(ctx, j.Space, j.Petition)
	if CodeOf(err) == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	now := s.Clock.Now()
	first, any := p.next(now)
	if !any || !first.serves(j.Kind) {
		return nil
	}
	if now.Before(first.at) && first.kind != JobClose {
		if !j.RunTime.IsZero() && !now.Before(j.RunTime) {
			return nil // what it was set for is done; the petition has another timer
		}
		return Errorf(Unavailable, "%s of petition %s is due at %s", first.event, p.Ref(), stamp(first.at))
	}
	change, next := Change{Space: j.Space}, p
	for _, t := range p.dueWith(first, now) {
		if t.event == EventUnratified {
			if next, err = s.unratify(ctx, next, &change, now); err != nil {
				return err
			}
			continue
		}
		labels := t.labels()
		if t.event == EventClose {
			if labels, err = s.accessAfter(ctx, &p, now); err != nil {
				return err
			}
		}
		if next, err = s.passes(ctx, next, t.event, labels, &change, now); err != nil {
			return err
		}
	}
	if first.event == EventEnd {
		if next, err = s.closeWithEnd(ctx, next, &change, now); err != nil {
			return err
		}
	}
	change.Writes = []Write{PutPetition{Petition: &next, Expect: p.Version, SameLabels: true}, timerOf(&next, now)}
	return s.commitRead(ctx, change)
}

// passes applies what time does to the petition, and adds it to the change.
func (s *Service) passes(ctx context.Context, p Petition, event string, labels map[string]string, change *Change, now time.Time) (Petition, error) {
	e := s.petitionEvent(ctx, System(p.Space, "timer"), &p, now, event, "", labels)
	next, err := p.Apply(e, now)
	change.Events = append(change.Events, e)
	return next, err
}

// closeWithEnd closes the petition in the change that ends its grant, where nothing is left to do and nothing else gives the
// same access. Anybody may say that access has ended; that another grant keeps it may be said only by who has looked after
// its own end was committed (see [Service.accessAfter]), so then, and when nobody can look, the close is left to its timer.
func (s *Service) closeWithEnd(ctx context.Context, p Petition, change *Change, now time.Time) (Petition, error) {
	if d, _ := p.next(now); d.kind != JobClose {
		return p, nil
	}
	labels, err := s.accessAfter(ctx, &p, now)
	if err != nil || labels != nil && labels[LabelAccessEnded] != accessEnded {
		return p, nil
	}
	return s.passes(ctx, p, EventClose, labels, change, now)
}

// due is one thing that time does to a petition.
type due struct {
	kind, event string
	at          time.Time
	place       int // of a requirement
	level       int // of its escalation, 1 the first
}

func (d due) labels() map[string]string {
	switch d.kind {
	case JobEscalate:
		return map[string]string{LabelRequirement: strconv.Itoa(d.place), LabelLevel: strconv.Itoa(d.level)}
	case JobRemind:
		return map[string]string{LabelRequirement: strconv.Itoa(d.place)}
	}
	return nil
}

// serves answers whether a job of the kind is one that does this: those of an open petition do each other's work, as it has
// one timer.
func (d due) serves(kind string) bool {
	waits := func(kind string) bool {
		return kind == JobExpire || kind == JobEscalate || kind == JobRemind || kind == JobReview
	}
	runs := func(kind string) bool {
		return kind == JobStart || kind == JobWarn || kind == JobEnd || kind == JobReview
	}
	return kind == d.kind || waits(kind) && waits(d.kind) || runs(kind) && runs(d.kind)
}

// next answers what time does to the petition next, any false for nothing. Whose end has come gets nothing else any more.
func (p *Petition) next(now time.Time) (d due, any bool) {
	switch {
	case p.reviewing():
		return p.nextInReview(now), true
	case p.Phase == Granted && (p.Grant.Pending || !p.Grant.EndTime.IsZero()):
		return p.nextInGrant(now), true
	case p.Phase == Revoked && p.Grant.Webhooks:
		return due{}, false // it is closed when webhooks have taken away what they gave
	case p.Phase == Revoked:
		return due{kind: JobClose, event: EventClose, at: p.UpdateTime}, true
	case p.Phase != Open:
		return due{}, false
	}
	if p.Progress != nil && now.Before(p.ExpireTime) {
		if all := p.timers(p.ExpireTime); len(all) > 0 {
			return all[0], true
		}
	}
	return due{kind: JobExpire, event: EventExpire, at: p.ExpireTime}, true
}

// nextInReview is next of a petition whose grant broke the glass: its grant may end before the review or after.
func (p *Petition) nextInReview(now time.Time) due {
	end := due{kind: JobReview, event: EventUnratified, at: p.Review.ExpireTime}
	first := end
	if p.Progress != nil && now.Before(end.at) {
		if all := p.timers(end.at); len(all) > 0 {
			first = all[0]
		}
	}
	if p.Phase == Granted && !p.Grant.EndTime.IsZero() {
		if grant := p.nextInGrant(now); grant.at.Before(first.at) {
			return grant
		}
	}
	return first
}

// nextInGrant is next of a grant that begins later or ends. Nobody is warned of the end of what another petition goes on with.
func (p *Petition) nextInGrant(now time.Time) due {
	if p.Grant.Pending && !p.Grant.over(now) {
		return due{kind: JobStart, event: EventStart, at: p.Grant.StartTime}
	}
	if at, ok := p.Grant.warnTime(); ok && !p.Grant.over(now) && p.Labels[LabelReplacedBy] == "" {
		return due{kind: JobWarn, event: EventWarn, at: at}
	}
	return due{kind: JobEnd, event: EventEnd, at: p.Grant.EndTime}
}

// dueWith answers all that is due now, of which first is the first.
func (p *Petition) dueWith(first due, now time.Time) []due {
	if first.kind != JobEscalate && first.kind != JobRemind {
		return []due{first}
	}
	until := p.ExpireTime
	if p.reviewing() {
		until = p.Review.ExpireTime
	}
	return slices.DeleteFunc(p.timers(until), func(d due) bool { return now.Before(d.at) })
}

// timers answers the escalations and reminders that the stage waits for, the next first; none that lie at the end or behind.
func (p *Petition) timers(end time.Time) (all []due) {
	counted := p.recountedLast()
	for i := range p.requirements() {
		r := &p.requirements()[i]
		if r.Stage != p.Progress.Stage || counted.approvals(i) >= r.Count {
			continue
		}
		if r.RemindAfter > 0 && !slices.Contains(p.Progress.Reminded, i) {
			all = append(all, due{kind: JobRemind, event: EventRemind, at: p.after(r.RemindAfter), place: i})
		}
		for level := p.level(i); level < len(r.Escalate); level++ {
			all = append(all, due{kind: JobEscalate, event: EventEscalate, at: p.after(r.Escalate[level].After), place: i, level: level + 1})
		}
	}
	all = slices.DeleteFunc(all, func(d due) bool { return !d.at.Before(end) })
	slices.SortStableFunc(all, func(a, b due) int { return a.at.Compare(b.at) })
	return all
}

// after answers the time that lies so long behind the beginning of the stage.
func (p *Petition) after(d time.Duration) time.Time {
	return p.Progress.Since.Add(d).Truncate(time.Microsecond)
}

// timePassed applies an escalation or a reminder.
func (p *Petition) timePassed(e *Event) error {
	place, err := strconv.Atoi(e.Label(LabelRequirement))
	if err != nil || p.Progress == nil || place < 0 || place >= len(p.requirements()) {
		return Errorf(Conflict, "petition %s has no requirement %q that time changes", p.Ref(), e.Label(LabelRequirement))
	}
	next := *p.Progress
	if e.Event == EventRemind {
		next.Reminded = append(slices.Clone(next.Reminded), place)
	} else {
		level, err := strconv.Atoi(e.Label(LabelLevel))
		if err != nil || level != p.level(place)+1 || level > len(p.requirements()[place].Escalate) {
			return Errorf(Conflict, "petition %s does not wait for the escalation %q", p.Ref(), e.Label(LabelLevel))
		}
		levels := make([]int, max(len(next.Levels), place+1))
		copy(levels, next.Levels)
		levels[place] = level
		next.Levels = levels
	}
	p.Progress = &next
	return nil
}

// timerOf answers the write that keeps the petition's one timer right: the next thing that is due.
func timerOf(p *Petition, now time.Time) Write {
	d, any := p.next(now)
	if !any {
		return DeleteJob{Key: TimerKey(p.Space, p.Name)}
	}
	if d.kind == JobClose {
		d.at = now
	}
	return timer(p, d.kind, d.at)
}

// overdue answers the work that p's timer should have done by now.
func (p *Petition) overdue(now time.Time) (j Job, late bool) {
	d, any := p.next(now)
	if !any || d.kind == JobClose || now.Before(d.at) {
		return Job{}, false
	}
	return Job{Space: p.Space, Petition: p.Name, Kind: d.kind}, true
}
