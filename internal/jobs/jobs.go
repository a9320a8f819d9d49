// Package jobs does what must happen later: timers ([Runner]) and calls to webhooks ([Lanes]), as rows with a lease. Any node
// may take one; it happens at least once, and its handler decides on fresh state, so twice is as good as once.
//
// It imports the centre only.
package jobs

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Store is what the runner needs of the storage.
type Store interface {
	LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) ([]approval.Job, error)
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	Lanes(ctx context.Context) ([]approval.Lane, error)
	FinishJob(ctx context.Context, jobs ...approval.Job) error
	RetryJob(ctx context.Context, j approval.Job, at time.Time) error
}

// Deps are what a runner stands on; all are required except Together and Poll.
type Deps struct {
	Store Store
	Run   func(ctx context.Context, j approval.Job) error
	// Together runs timers of which each goes with the first (see [approval.Job.With]), and answers how each of them ended;
	// without it each is run alone.
	Together func(ctx context.Context, jobs []approval.Job) []error
	Clock    approval.Clock
	Broker   approval.Broker
	Logger   *slog.Logger
	// Jitter answers a number in [0,1): what a retry waits is spread by it.
	Jitter func() float64
	// Poll is how long the runner sleeps at most, 0 for a second: a hint may get lost, another node may have added work.
	Poll time.Duration
}

const (
	workers = 8
	// ahead is how many jobs a node has taken and not begun, at most: few, because their leases run, and enough for who runs
	// many together.
	ahead = 2 * approval.MostTogether
	// lease is how long a job rests that a node had taken when it died: short, because a grant's end waits for it, and
	// longer than what a slow database makes of a job.
	lease    = 20 * time.Second
	minRetry = time.Second
	maxRetry = 5 * time.Minute
)

// Runner takes due timers and runs them, a few at a time.
type Runner struct {
	Deps
	mu   sync.Mutex
	stop context.CancelFunc // nil while it is not started
	done sync.WaitGroup
}

// New answers a runner that is not started.
func New(d Deps) *Runner {
	if d.Poll <= 0 {
		d.Poll = time.Second
	}
	return &Runner{Deps: d}
}

// Start begins to take jobs; a second Start does nothing.
func (r *Runner) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	taken := &taken{queue: make(chan []approval.Job, ahead), room: make(chan struct{}, 1)}
	r.done.Go(func() { r.take(ctx, taken) })
	for range workers {
		r.done.Go(func() { r.work(ctx, taken) })
	}
}

// Stop takes no more jobs, waits for those that run and gives those that do not back to other nodes. A second Stop, or
// one without a Start, does nothing.
func (r *Runner) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop == nil {
		return
	}
	r.stop()
	r.done.Wait()
	r.stop = nil
}

// taken are the jobs that this node has leased and not begun, those that are run together beside each other.
type taken struct {
	queue   chan []approval.Job
	waiting atomic.Int64  // how many jobs there are in it
	room    chan struct{} // a hint that a worker has taken some
}

// take leases jobs whenever there is room, and sleeps until the next is due, a hint comes or a poll has passed.
func (r *Runner) take(ctx context.Context, t *taken) {
	defer close(t.queue)
	hints, unsubscribe := r.Broker.Subscribe(approval.JobsTopic)
	defer unsubscribe()
	for ctx.Err() == nil {
		more, pause := r.lease(ctx, t)
		var room <-chan struct{}
		if more {
			room = t.room
		}
		timeout, stop := r.Clock.After(pause)
		select {
		case <-ctx.Done():
		case <-hints:
		case <-room:
		case <-timeout:
		}
		stop()
	}
}

// lease fills the queue. It answers whether more jobs may be due than there was room for, and how long to sleep.
func (r *Runner) lease(ctx context.Context, t *taken) (more bool, pause time.Duration) {
	room := ahead - int(t.waiting.Load())
	if room < ahead/2 {
		return true, r.Poll // the workers are behind: half a queue at a time costs fewer writes
	}
	// Not cancelled by Stop: jobs that were leased although the answer got lost would rest until their lease is over.
	jobs, err := r.Store.LeaseJobs(context.WithoutCancel(ctx), "", r.Clock.Now(), lease, room)
	if err != nil {
		r.complain(ctx, "jobs cannot be taken", err)
		return false, r.Poll
	}
	t.waiting.Add(int64(len(jobs)))
	for _, together := range r.together(jobs) {
		t.queue <- together
	}
	if len(jobs) == room {
		return true, r.Poll
	}
	return false, r.untilNext(ctx)
}

// untilNext answers how long to sleep until a job is due, at most a poll.
func (r *Runner) untilNext(ctx context.Context) time.Duration {
	at, ok, err := r.Store.NextJob(ctx)
	if err != nil {
		r.complain(ctx, "the next job cannot be looked up", err)
	}
	if err != nil || !ok {
		return r.Poll
	}
	return r.until(at)
}

// together answers the jobs in their order, those that are run together at the place of the first of them.
func (r *Runner) together(jobs []approval.Job) (groups [][]approval.Job) {
	for _, j := range jobs {
		i := -1
		if r.Together != nil {
			i = slices.IndexFunc(groups, func(g []approval.Job) bool { return len(g) < approval.MostTogether && g[0].With(j) })
		}
		if i < 0 {
			groups = append(groups, []approval.Job{j})
		} else {
			groups[i] = append(groups[i], j)
		}
	}
	return groups
}

// work runs what was taken. Once the runner stops, what was not begun is given back; what was begun is finished.
func (r *Runner) work(ctx context.Context, t *taken) {
	running := context.WithoutCancel(ctx)
	for jobs := range t.queue {
		t.waiting.Add(-int64(len(jobs)))
		select {
		case t.room <- struct{}{}:
		default:
		}
		if ctx.Err() != nil {
			for _, j := range jobs {
				r.end(running, j, r.Store.RetryJob(running, j, j.RunTime))
			}
			continue
		}
		// Of one whose lease ran out in the queue: another node has it, or it comes again.
		now := r.Clock.Now()
		jobs = slices.DeleteFunc(jobs, func(j approval.Job) bool { return !now.Before(j.LeaseUntil) })
		switch len(jobs) {
		case 0:
		case 1:
			r.one(running, jobs[0])
		default:
			r.many(running, jobs)
		}
	}
}
