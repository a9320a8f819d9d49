package approval

import (
	"context"
	"time"
)

// RunJob does what a timer says, on the petition as it is now: a timer that comes late, twice or for nothing changes
// nothing. One that comes too early (a clock was set back) answers Unavailable, so that it comes again.
func (s *Service) RunJob(ctx context.Context, j Job) error {
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
	event, due := "", p.ExpireTime
	switch {
	case j.Kind == JobExpire && p.Phase == Open:
		event = EventExpire
	case j.Kind == JobEnd && p.Phase == Granted && !p.Grant.EndTime.IsZero():
		event, due = EventEnd, p.Grant.EndTime
	case j.Kind == JobClose && p.Phase == Revoked:
		event, due = EventClose, p.UpdateTime
	default:
		return nil
	}
	if now.Before(due) && event != EventClose {
		return Errorf(Unavailable, "%s of petition %s is due at %s", event, p.Ref(), stamp(due))
	}
	e := s.petitionEvent(System(j.Space, "timer"), p, now, event, "", nil)
	next, err := p.Apply(e, now)
	if err != nil {
		return err
	}
	return s.commitRead(ctx, Change{Space: j.Space, Events: []Event{e},
		Writes: []Write{PutPetition{Petition: next, Expect: p.Version, SameLabels: true}, timerOf(next, now)}})
}

// overdue answers the work that p's timer should have done by now.
func (p Petition) overdue(now time.Time) (j Job, late bool) {
	j = Job{Space: p.Space, Petition: p.Name}
	switch {
	case p.Phase == Open && !now.Before(p.ExpireTime):
		j.Kind = JobExpire
	case p.Phase == Granted && !p.Grant.EndTime.IsZero() && !now.Before(p.Grant.EndTime):
		j.Kind = JobEnd
	default:
		return Job{}, false
	}
	return j, true
}
