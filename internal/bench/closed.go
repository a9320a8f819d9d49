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
}

// closed lets n workers work for the run's duration.
func (b *bench) closed(ctx context.Context, mode string, n int, work func(*worker, context.Context) error) Result {
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
		all.Go(func() {
			for ctx.Err() == nil && bad.Load() < mostBad && time.Now().Before(end) {
				if err := w.once(ctx, work); err == nil {
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
func (w *worker) once(ctx context.Context, work func(*worker, context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	begun := time.Now()
	if err := work(w, ctx); err != nil {
		return err
	}
	w.times.took("whole", time.Since(begun))
	return nil
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

// roundTrip is the product's main job.
func (w *worker) roundTrip(ctx context.Context) error {
	node := w.target.node(w.number)
	name, err := w.create(ctx, node)
	if err != nil {
		return err
	}
	ctx, giveUp := context.WithCancel(ctx)
	defer giveUp()
	waiter := w.park(ctx, node, name)
	sent := time.Now()
	if err := w.target.approve(ctx, w.deciding(), name); err != nil {
		giveUp()
		<-waiter
		return err
	}
	w.times.took("decide", time.Since(sent))
	returned := <-waiter
	if returned.err == nil {
		w.times.took("wake", returned.at.Sub(sent))
	}
	return returned.err
}

// returned is how and when a waiter came back.
type returned struct {
	at  time.Time
	err error
}

func (b *bench) park(ctx context.Context, node, name string) <-chan returned {
	back := make(chan returned, 1)
	go func() {
		err := b.target.wait(ctx, node, name)
		back <- returned{time.Now(), err}
	}()
	return back
}

// deciding answers the node to which the worker sends decisions.
func (w *worker) deciding() string {
	if w.Across {
		return w.target.node(w.number + 1)
	}
	return w.target.node(w.number)
}

func (w *worker) create(ctx context.Context, node string) (string, error) {
	begun := time.Now()
	name, err := w.target.create(ctx, node, petitionBody)
	if err == nil {
		w.times.took("create", time.Since(begun))
	}
	return name, err
}

func (b *bench) creates(ctx context.Context, each func(Result)) error {
	for _, n := range b.Concurrency {
		each(b.closed(ctx, "create", n, func(w *worker, ctx context.Context) error {
			_, err := w.create(ctx, w.target.node(w.number))
			return err
		}))
	}
	return nil
}
