package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// mostBad ends a measurement that goes wrong: the figures are void by then.
const mostBad = 200

// patience is how long one piece of work may take before it counts as bad.
const patience = time.Minute

// worker is one of the clients that work at once, each on its next piece of work as soon as the last one is done.
type worker struct {
	*bench
	number int
	times  stopwatch
	// Each of the three persons has a connection of his own.
	asker, waiter, reviewer *wire
}

// closed lets n workers work for the run's duration.
func (b *bench) closed(ctx context.Context, mode string, n int, work func(*worker) error) Result {
	r := Result{Mode: mode, AtOnce: n}
	workers := make([]worker, n)
	var done, bad atomic.Int64
	var problem atomic.Pointer[error]
	before := b.observe(ctx)
	begun := time.Now()
	end := begun.Add(b.Duration)
	var all sync.WaitGroup
	for i := range workers {
		w := &workers[i]
		w.bench, w.number = b, i
		w.asker, w.waiter, w.reviewer = b.wire(ctx, i), b.wire(ctx, i), b.wire(ctx, w.deciding())
		all.Go(func() {
			defer w.leave()
			for ctx.Err() == nil && bad.Load() < mostBad && time.Now().Before(end) {
				if err := w.once(work); err == nil {
					done.Add(1)
				} else if ctx.Err() == nil {
					bad.Add(1)
					problem.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	r.ended(begun, int(done.Load()))
	r.Bad = int(bad.Load())
	if first := problem.Load(); first != nil {
		r.Problem = (*first).Error()
	}
	times := stopwatch{}
	for i := range workers {
		times.add(workers[i].times)
	}
	r.Times = times.times()
	after := b.observe(ctx)
	r.Server = serverSide(r, before, after)
	r.Memory = b.memory(before, after)
	return r
}

// once does a piece of work within the patience.
func (w *worker) once(work func(*worker) error) error { return w.due(time.Now(), work) }

// due is once of what was to begin at a time that may have passed: it has taken so much longer.
func (w *worker) due(begun time.Time, work func(*worker) error) error {
	until := time.Now().Add(patience)
	w.asker.until, w.waiter.until, w.reviewer.until = until, until, until
	if err := work(w); err != nil {
		return err
	}
	w.times.took("whole", time.Since(begun))
	return nil
}

func (w *worker) leave() {
	w.asker.close()
	w.waiter.close()
	w.reviewer.close()
}

func (r *Result) ended(begun time.Time, done int) {
	r.Done, r.Seconds = done, time.Since(begun).Seconds()
	r.PerSecond = float64(done) / r.Seconds
}

func (b *bench) roundTrips(ctx context.Context, each func(Result)) error {
	for _, n := range b.Concurrency {
		each(b.closed(ctx, "roundtrip", n, (*worker).roundTrip))
	}
	return nil
}

// roundTrip is the product's main job. The one who waits has asked before the decision is sent. Both answers are read
// by one goroutine, so that this client wakes up as seldom as it can; what it takes to wake a waiter is therefore never
// told as less than what it takes to decide.
func (w *worker) roundTrip() error {
	name, err := w.create()
	if err != nil {
		return err
	}
	if err := w.waiter.park(name); err != nil {
		return err
	}
	sent := time.Now()
	if err := w.reviewer.approve(name); err != nil {
		w.waiter.close() // nobody is going to decide
		return err
	}
	w.times.took("decide", time.Since(sent))
	if err := w.waiter.returned(name); err != nil {
		return err
	}
	w.times.took("wake", time.Since(sent))
	return nil
}

// deciding answers the number of the node to which the worker sends decisions.
func (w *worker) deciding() int {
	if w.Across {
		return w.number + 1
	}
	return w.number
}

func (w *worker) create() (string, error) {
	begun := time.Now()
	name, err := w.asker.create(onePetition)
	if err == nil {
		w.times.took("create", time.Since(begun))
	}
	return name, err
}

func (b *bench) creates(ctx context.Context, each func(Result)) error {
	for _, n := range b.Concurrency {
		each(b.closed(ctx, "create", n, func(w *worker) error {
			_, err := w.create()
			return err
		}))
	}
	return nil
}
