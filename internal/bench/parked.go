package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// crew is how many work at once where many are prepared or let go.
	crew = 64
	// oneByOne is how many decisions are made one after the other while all other waiters stay parked.
	oneByOne = 1000
	// parkingTime bounds one measurement with parked waiters.
	parkingTime = 5 * time.Minute
	// Waiters come in small groups, so that the listener's backlog holds them.
	group, groupPause = 50, 5 * time.Millisecond
)

// parked measures waiters, each of which holds a connection (long-poll).
func (b *bench) parked(ctx context.Context, each func(Result)) error {
	return b.parkAll(ctx, "parked", (*parking).onePerConnection, each)
}

// streamed measures waiters that share a connection.
func (b *bench) streamed(ctx context.Context, each func(Result)) error {
	return b.parkAll(ctx, "stream", (*parking).onStream, each)
}

// parkAll measures what each waiter costs in memory, and how soon one returns while all the others are parked.
func (b *bench) parkAll(ctx context.Context, mode string, how func(*parking, context.Context) error, each func(Result)) error {
	for _, k := range b.Parked {
		r := Result{Mode: mode, AtOnce: k}
		if err := b.parkMany(ctx, k, how, &r); err != nil {
			return err
		}
		each(r)
	}
	return nil
}

// returned is how and when a waiter came back.
type returned struct {
	at  time.Time
	err error
}

// parking is one measurement with parked waiters.
type parking struct {
	*bench
	names []string
	back  []<-chan returned
	times stopwatch

	done, bad atomic.Int64
	problem   atomic.Pointer[error]
}

func (b *bench) parkMany(ctx context.Context, k int, how func(*parking, context.Context) error, r *Result) error {
	ctx, cancel := context.WithTimeout(ctx, parkingTime)
	defer cancel()
	fresh := b.observe(ctx)
	p := &parking{bench: b, names: make([]string, k), back: make([]<-chan returned, k)}
	err := b.together(ctx, k, func(hands hands, i int) (err error) {
		p.names[i], err = hands.at(i).create(onePetition)
		return err
	})
	if err != nil {
		return err
	}
	pause(ctx, p.Settle)
	before := b.observe(ctx)
	if err := how(p, ctx); err != nil {
		return err
	}
	pause(ctx, p.Settle)
	parked := b.observe(ctx)
	begun := time.Now()
	single := min(k/2, oneByOne)
	hands := b.hands(ctx)
	defer hands.close()
	for i := range single {
		p.release(ctx, hands, i, &p.times)
	}
	rest := p.drain(ctx, single)
	r.ended(begun, int(p.done.Load()))
	r.PerSecond = rest // one by one is no rate
	r.Bad = int(p.bad.Load())
	if first := p.problem.Load(); first != nil {
		r.Problem = (*first).Error()
	}
	r.Times = p.times.times()
	if r.Memory = b.memory(fresh, parked); r.Memory != nil {
		each := 1024 / float64(k)
		r.Memory.KiBPerWaiter = (parked.mib - fresh.mib) * each
		r.Memory.KiBPerParking = (parked.mib - before.mib) * each
	}
	return nil
}

// onePerConnection parks the waiters, and returns when the server says that all are parked. A server that does not say
// is believed.
func (p *parking) onePerConnection(ctx context.Context) error {
	for i, name := range p.names {
		if i%group == group-1 {
			pause(ctx, groupPause)
		}
		w := p.wire(ctx, i)
		if err := w.park(name); err != nil {
			return err
		}
		back := make(chan returned, 1)
		p.back[i] = back
		go func() {
			err := w.returned(name)
			back <- returned{time.Now(), err} // its connection stays until the end of the measurement
		}()
	}
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) && ctx.Err() == nil {
		seen := p.observe(ctx)
		if waiters, told := seen.figures["indent_api_waiters"]; !told || int(waiters) >= len(p.names) {
			return nil
		}
		pause(ctx, 50*time.Millisecond)
	}
	return fmt.Errorf("%d waiters were not parked within 30 s: does the server allow as many connections (max_connections)?", len(p.names))
}

// release decides the i-th petition and waits for its waiter.
func (p *parking) release(ctx context.Context, hands hands, i int, times *stopwatch) {
	at := i
	if p.Across {
		at++
	}
	sent := time.Now()
	err := hands.at(at).approve(p.names[i])
	if err == nil {
		times.took("decide", time.Since(sent))
		select {
		case back := <-p.back[i]:
			if err = back.err; err == nil {
				times.took("wake", back.at.Sub(sent))
			}
		case <-ctx.Done():
			err = errors.New("a waiter was lost: its petition is decided, and it has not returned")
		}
	}
	if err != nil {
		p.bad.Add(1)
		p.problem.CompareAndSwap(nil, &err)
		return
	}
	p.done.Add(1)
}

// drain releases the rest together and answers how many a second.
func (p *parking) drain(ctx context.Context, from int) float64 {
	begun := time.Now()
	_ = p.together(ctx, len(p.names)-from, func(hands hands, i int) error {
		p.release(ctx, hands, from+i, new(stopwatch)) // their times say how many were released at once, no more
		return nil
	})
	return float64(len(p.names)-from) / time.Since(begun).Seconds()
}

// hands are a connection to each node, for one who does one thing after the other.
type hands []*wire

func (b *bench) hands(ctx context.Context) hands {
	h := make(hands, len(b.nodes))
	for i := range h {
		h[i] = b.wire(ctx, i)
	}
	return h
}

// at answers the connection for the i-th piece of work, which has to be done soon.
func (h hands) at(i int) *wire { return h[i%len(h)].soon() }

func (h hands) close() {
	for _, w := range h {
		w.close()
	}
}

// together does n pieces of work, a crew at a time, and answers an error of one of them.
func (b *bench) together(ctx context.Context, n int, do func(hands, int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range min(crew, n) {
		all.Go(func() {
			hands := b.hands(ctx)
			defer hands.close()
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(hands, i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
