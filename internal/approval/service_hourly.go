package approval

import (
	"context"
	"hash/fnv"
	"slices"
	"time"
)

// Time alone makes stuck what no change does: the last shift of a schedule passes, another system says otherwise who is on call,
// an escalation would come too late, an approval was given for an end that comes. So each space has one job that looks once an
// hour, and only at what time can change: in a space without schedules, conditions on the time and petitions of that kind it
// reads the policy and the list of what waits, and nothing else.
const lookEach = time.Hour

// hourly answers the job of a space. Every change of the directory writes it as well: it is the same job at the same time, and so
// costs nothing but comes again should it ever have got lost.
func hourly(space string, now time.Time) PutJob {
	return PutJob{Job{Key: JobHourly + "/" + space, Kind: JobHourly, Space: space, RunTime: nextLook(space, now)}}
}

// nextLook answers the next hour of a space: those of many spaces are spread over the hour.
func nextLook(space string, now time.Time) time.Time {
	h := fnv.New32a()
	_, _ = h.Write([]byte(space)) // it never fails
	offset := time.Duration(h.Sum32()) * time.Second % lookEach
	return now.Add(-offset).Truncate(lookEach).Add(offset + lookEach)
}

// lookHourly looks at what time alone may have changed in a space, and rests until the next hour.
func (s *Service) lookHourly(ctx context.Context, j Job) error {
	if _, err := s.spaceInUse(ctx, j.Space); err != nil {
		if CodeOf(err) == NotFound {
			return nil // who brings it back writes the job again
		}
		return err
	}
	turns, err := s.policyTurns(ctx, j.Space)
	if err != nil {
		return err
	}
	if err := s.lookAtSpace(ctx, Job{Space: j.Space}, (*Petition).turns, turns); err != nil {
		return err
	}
	return Later{At: nextLook(j.Space, s.Clock.Now())}
}

// policyTurns answers whether time alone may change what the policy that holds lets people do.
func (s *Service) policyTurns(ctx context.Context, space string) (bool, error) {
	if s.Documents == nil {
		return false, nil
	}
	document, err := s.policyNow(ctx, space)
	if err != nil || document.Version == 0 {
		return false, err
	}
	turns, err := s.Documents.Turns(ctx, document)
	if CodeOf(err) == Invalid {
		return false, nil // it cannot be read any more: the owners decide, now and later
	}
	return turns, err
}

// turns answers whether time alone may change who could grant the petition, or how its approvals count.
func (p *Petition) turns() bool {
	return slices.ContainsFunc(p.requirements(), func(r Requirement) bool { return len(r.Reviewers.OnCall) > 0 || len(r.Escalate) > 0 }) ||
		slices.ContainsFunc(p.Claims, func(c Event) bool { return c.Event == EventApprove && c.Label(LabelTimeExpires) != "" })
}
