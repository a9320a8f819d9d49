package jobs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// one runs a job and writes how it ended. Its handler may be broken off, that may not.
func (d *Deps) one(ctx context.Context, j approval.Job) {
	d.ended(context.WithoutCancel(ctx), j, d.run(ctx, j))
}

// many runs jobs together and writes how each ended. One that breaks off all of them is found by running each alone.
func (d *Deps) many(ctx context.Context, jobs []approval.Job) {
	errs, whole := d.together(ctx, jobs)
	if !whole {
		for _, j := range jobs {
			d.one(ctx, j)
		}
		return
	}
	var done []approval.Job
	for i, j := range jobs {
		if errs[i] == nil {
			done = append(done, j)
		} else {
			d.ended(ctx, j, errs[i])
		}
	}
	if len(done) > 0 {
		d.end(ctx, done[0], d.Store.FinishJob(ctx, done...))
	}
}

func (d *Deps) together(ctx context.Context, jobs []approval.Job) (errs []error, whole bool) {
	defer func() {
		if p := recover(); p != nil {
			d.Logger.ErrorContext(ctx, "jobs that are run together have broken off: each is run alone", "jobs", len(jobs), "kind", jobs[0].Kind, "space", jobs[0].Space,
				"error", fmt.Sprintf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return d.Together(ctx, jobs), true
}

// ended writes how a job has ended.
func (d *Deps) ended(ctx context.Context, j approval.Job, err error) {
	var later approval.Later
	switch {
	case err == nil:
		d.end(ctx, j, d.Store.FinishJob(ctx, j))
	case errors.As(err, &later):
		d.Logger.DebugContext(ctx, "a job rests", "kind", j.Kind, "space", j.Space, "petition", j.Petition, "until", later.At)
		d.end(ctx, j, d.Store.RetryJob(ctx, j, later.At))
	default:
		wait := d.backoff(j.Attempts, err)
		d.Logger.WarnContext(ctx, "a job failed and is tried again", "kind", j.Kind, "space", j.Space, "petition", j.Petition, "attempts", j.Attempts,
			"wait", wait, "error", err)
		d.end(ctx, j, d.Store.RetryJob(ctx, j, d.Clock.Now().Add(wait)))
	}
}

// end looks at whether a job's end was written. If not, its lease runs out and it comes again.
func (d *Deps) end(ctx context.Context, j approval.Job, err error) {
	if err != nil {
		d.Logger.ErrorContext(ctx, "a job's end could not be written: it comes again", "kind", j.Kind, "key", j.Key, "error", err)
	}
}

// run makes a panic an error: one bad job must not end the others.
func (d *Deps) run(ctx context.Context, j approval.Job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return d.Run(ctx, j)
}

// backoff doubles from a second to five minutes, of which half is jitter, and is at least what the error asks for.
func (d *Deps) backoff(attempts int, cause error) time.Duration {
	wait := min(minRetry<<min(max(attempts-1, 0), 20), maxRetry)
	wait = wait/2 + time.Duration(d.Jitter()*float64(wait/2))
	var e *approval.Error
	if errors.As(cause, &e) {
		wait = max(wait, min(e.RetryAfter, maxRetry))
	}
	return wait
}

// complain logs what went wrong, unless it is that the runner stops.
func (d *Deps) complain(ctx context.Context, what string, err error) {
	if ctx.Err() == nil {
		d.Logger.ErrorContext(ctx, what, "error", err)
	}
}

// until answers how long to sleep for what comes at a time, at most a poll.
func (d *Deps) until(at time.Time) time.Duration {
	return min(max(at.Sub(d.Clock.Now()), time.Millisecond), d.Poll)
}
