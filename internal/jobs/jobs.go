// Package jobs does what must happen later: timers, and later deliveries, as rows with a lease. Any node may take one;
// it happens at least once, and its handler decides on fresh state, so twice is as good as once.
//
// It imports the centre only.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Store is what the runner needs of the storage.
type Store interface {
	LeaseJobs(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]approval.Job, error)
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	FinishJob(ctx context.Context, j approval.Job) error
	RetryJob(ctx context.Context, j approval.Job, at time.Time) error
}

// Deps are what a runner stands on; all are required.
type Deps struct {
	Store  Store
	Run    func(ctx context.Context, j approval.Job) error
	Clock  approval.Clock
	Broker approval.Broker
	Logger *slog.Logger
	// Jitter answers a number in [0,1): what a retry waits is spread by it.
	Jitter func() float64
}

const (
	workers = 4
	batch   = 64
	lease   = time.Minute
	// poll is how long the runner sleeps at most: a hint may get lost, another node may have added work.
	poll     = time.Second
	minRetry = time.Second
	maxRetry = 5 * time.Minute
)

// Runner takes due jobs and runs them, a few at a time.
type Runner struct {
	Deps
	mu     sync.Mutex
	cancel context.CancelFunc
	done   chan struct{}
}

// New answers a runner that is not started.
func New(d Deps) *Runner { return &Runner{Deps: d} }

// Start begins to take jobs; a second Start does nothing.
func (r *Runner) Start() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel, r.done = cancel, make(chan struct{})
	go r.loop(ctx, r.done)
}

// Stop takes no more jobs and waits for the running ones; a second Stop, or one without a Start, does nothing.
func (r *Runner) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return
	}
	r.cancel()
	<-r.done
	r.cancel = nil
}

func (r *Runner) loop(ctx context.Context, done chan<- struct{}) {
	defer close(done)
	hints, unsubscribe := r.Broker.Subscribe(approval.JobsTopic)
	defer unsubscribe()
	for ctx.Err() == nil {
		if r.drain(ctx) {
			continue
		}
		timeout, stop := r.Clock.After(r.pause(ctx))
		select {
		case <-ctx.Done():
		case <-hints:
		case <-timeout:
		}
		stop()
	}
}

// drain takes one batch and runs it; it answers whether there may be more at once.
func (r *Runner) drain(ctx context.Context) bool {
	taken, err := r.Store.LeaseJobs(ctx, r.Clock.Now(), lease, batch)
	if err != nil {
		if ctx.Err() == nil {
			r.Logger.ErrorContext(ctx, "jobs cannot be taken", "error", err)
		}
		return false
	}
	// What was taken is finished although the runner stops: it holds the lease.
	running := context.WithoutCancel(ctx)
	var group sync.WaitGroup
	slots := make(chan struct{}, workers)
	for _, j := range taken {
		slots <- struct{}{}
		group.Go(func() {
			defer func() { <-slots }()
			r.one(running, j)
		})
	}
	group.Wait()
	return len(taken) == batch
}

// pause answers how long to sleep: until the next job, at most a poll.
func (r *Runner) pause(ctx context.Context) time.Duration {
	at, ok, err := r.Store.NextJob(ctx)
	if err != nil || !ok {
		return poll
	}
	return min(max(at.Sub(r.Clock.Now()), time.Millisecond), poll)
}

func (r *Runner) one(ctx context.Context, j approval.Job) {
	err := r.run(ctx, j)
	if err == nil {
		err = r.Store.FinishJob(ctx, j)
	} else {
		r.Logger.WarnContext(ctx, "a job failed and is tried again", "kind", j.Kind, "space", j.Space, "petition", j.Petition, "attempts", j.Attempts, "error", err)
		err = r.Store.RetryJob(ctx, j, r.Clock.Now().Add(r.backoff(j.Attempts)))
	}
	if err != nil {
		// The lease runs out and the job comes again.
		r.Logger.ErrorContext(ctx, "a job's end could not be written", "kind", j.Kind, "key", j.Key, "error", err)
	}
}

// run makes a panic an error: one bad job must not end the others.
func (r *Runner) run(ctx context.Context, j approval.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Run(ctx, j)
}

// backoff doubles from a second to five minutes, of which half is jitter.
func (r *Runner) backoff(attempts int) time.Duration {
	d := min(minRetry<<min(attempts, 20), maxRetry)
	return d/2 + time.Duration(r.Jitter()*float64(d/2))
}
