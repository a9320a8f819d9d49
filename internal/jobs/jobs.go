// Package jobs does what must happen later: timers ([Runner]) and calls to webhooks ([Lanes]), as rows with a lease. Any node
// may take one; it happens at least once, and its handler decides on fresh state, so twice is as good as once.
//
// It imports the centre only.
package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Store is what the runner needs of the storage.
type Store interface {
	LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) ([]approval.Job, error)
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	Lanes(ctx context.Context) ([]approval.Lane, error)
	FinishJob(ctx context.Context, j approval.Job) error
	RetryJob(ctx context.Context, j approval.Job, at time.Time) error
}

// Deps are what a runner stands on; all are required except Poll.
type Deps struct {
	Store  Store
	Run    func(ctx context.Context, j approval.Job) error
	Clock  approval.Clock
	Broker approval.Broker
	Logger *slog.Logger
	// Jitter answers a number in [0,1): what a retry waits is spread by it.
	Jitter func() float64
	// Poll is how long the runner sleeps at most, 0 for a second: a hint may get lost, another node may have added work.
	Poll time.Duration
}

const (
	workers = 8
	// ahead is how many jobs a node has taken and not begun, at most: few, because their leases run.
	ahead = 2 * workers
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
	taken := &taken{queue: make(chan approval.Job, ahead), room: make(chan struct{}, 1)}
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

// taken are the jobs that this node has leased and not begun.
type taken struct {
	queue chan approval.Job
	room  chan struct{} // a hint that a worker has taken one
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
	room := cap(t.queue) - len(t.queue)
	if room < ahead/2 {
		return true, r.Poll // the workers are behind: half a queue at a time costs fewer writes
	}
	// Not cancelled by Stop: jobs that were leased although the answer got lost would rest until their lease is over.
	jobs, err := r.Store.LeaseJobs(context.WithoutCancel(ctx), "", r.Clock.Now(), lease, room)
	if err != nil {
		r.complain(ctx, "jobs cannot be taken", err)
		return false, r.Poll
	}
	for _, j := range jobs {
		t.queue <- j
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

// work runs what was taken. Once the runner stops, what was not begun is given back; what was begun is finished.
func (r *Runner) work(ctx context.Context, t *taken) {
	running := context.WithoutCancel(ctx)
	for j := range t.queue {
		select {
		case t.room <- struct{}{}:
		default:
		}
		switch {
		case ctx.Err() != nil:
			r.end(running, j, r.Store.RetryJob(running, j, j.RunTime))
		case r.Clock.Now().Before(j.LeaseUntil):
			r.one(running, j)
		default:
			// Its lease ran out in the queue: another node has it, or it comes again.
		}
	}
}
