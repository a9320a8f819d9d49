package approvaltest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// LeaseJobs implements approval.Store.
func (s *Store) LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) (taken []approval.Job, err error) {
	if err := s.enter(ctx, "LeaseJobs"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, j := range s.schedule(lane) {
		if !due(j).After(now) && len(taken) < limit {
			j.LeaseUntil, j.Attempts = now.Add(lease), j.Attempts+1
			s.jobs[j.Key] = j
			taken = append(taken, j)
		}
	}
	return taken, nil
}

// due answers when the job can be taken.
func due(j approval.Job) time.Time {
	if j.LeaseUntil.IsZero() {
		return j.RunTime
	}
	return j.LeaseUntil
}

// schedule answers the jobs of a lane, the next one first.
func (s *Store) schedule(lane string) []approval.Job {
	list := make([]approval.Job, 0, len(s.jobs))
	for _, j := range s.jobs {
		if j.Lane == lane {
			list = append(list, j)
		}
	}
	slices.SortFunc(list, func(a, b approval.Job) int { return cmp.Or(due(a).Compare(due(b)), cmp.Compare(a.Key, b.Key)) })
	return list
}

// NextJob implements approval.Store.
func (s *Store) NextJob(ctx context.Context) (at time.Time, ok bool, err error) {
	if err := s.enter(ctx, "NextJob"); err != nil {
		return at, false, err
	}
	defer s.mu.Unlock()
	for _, j := range s.schedule("") {
		return due(j), true, nil
	}
	return at, false, nil
}

// Lanes implements approval.Store.
func (s *Store) Lanes(ctx context.Context) (lanes []approval.Lane, err error) {
	if err := s.enter(ctx, "Lanes"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	first := map[string]time.Time{}
	for _, j := range s.jobs {
		if at, seen := first[j.Lane]; j.Lane != "" && (!seen || due(j).Before(at)) {
			first[j.Lane] = due(j)
		}
	}
	for name, at := range first {
		lanes = append(lanes, approval.Lane{Name: name, Due: at})
	}
	slices.SortFunc(lanes, func(a, b approval.Lane) int { return cmp.Compare(a.Name, b.Name) })
	return lanes, nil
}

func (s *Store) wakeJob(tx *transaction, j approval.Job) {
	j.LeaseUntil, j.Attempts = time.Time{}, 0
	if now, exists := s.jobs[j.Key]; exists {
		at := j.RunTime
		j = now
		if at.Before(j.RunTime) {
			j.RunTime = at
		}
		j.Attempts = 0
	}
	put(tx, s.jobs, j.Key, j)
}

// WakeLane implements approval.ApplicationStore.
func (s *Store) WakeLane(ctx context.Context, space, lane string, at time.Time, most int) (n int, err error) {
	if err := s.enter(ctx, "WakeLane"); err != nil {
		return 0, err
	}
	defer s.mu.Unlock()
	var tx transaction
	for _, j := range s.schedule(lane) {
		if n < most && j.Space == space && due(j).After(at) && (j.LeaseUntil.IsZero() || j.Attempts > 0) {
			j.RunTime = at
			s.wakeJob(&tx, j)
			n++
		}
	}
	return n, nil
}

func (s *Store) endJob(tx *transaction, j approval.Job) error {
	if now, exists := s.jobs[j.Key]; !exists || !now.LeaseUntil.Equal(j.LeaseUntil) {
		return approval.Errorf(approval.Conflict, "the job %s was taken by another, or is done", j.Key)
	}
	remove(tx, s.jobs, j.Key)
	return nil
}

// FinishJob implements approval.Store.
func (s *Store) FinishJob(ctx context.Context, jobs ...approval.Job) error {
	if err := s.enter(ctx, "FinishJob"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	for _, j := range jobs {
		if s.isStill(j) {
			delete(s.jobs, j.Key)
		}
		s.freeJob(j)
	}
	return nil
}

// RetryJob implements approval.Store.
func (s *Store) RetryJob(ctx context.Context, j approval.Job, at time.Time) error {
	if err := s.enter(ctx, "RetryJob"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.isStill(j) {
		j.RunTime, j.LeaseUntil = at, time.Time{}
		s.jobs[j.Key] = j
	}
	s.freeJob(j)
	return nil
}

// freeJob ends the lease of a job that was woken while it ran.
func (s *Store) freeJob(j approval.Job) {
	now, exists := s.jobs[j.Key]
	if exists && j.Lane != "" && now.Attempts == 0 && !j.LeaseUntil.IsZero() && now.LeaseUntil.Equal(j.LeaseUntil) {
		now.LeaseUntil = time.Time{}
		s.jobs[j.Key] = now
	}
}

// isStill answers whether the job was neither replaced nor leased again, nor woken.
func (s *Store) isStill(j approval.Job) bool {
	now, exists := s.jobs[j.Key]
	return exists && now.LeaseUntil.Equal(j.LeaseUntil) && now.RunTime.Equal(j.RunTime) && now.Attempts == j.Attempts
}

// Job answers the job with the key, for tests that look at timers.
func (s *Store) Job(key string) (approval.Job, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, exists := s.jobs[key]
	return j, exists
}
