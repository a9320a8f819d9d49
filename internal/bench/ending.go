package bench

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// others is how many clients go on with round trips while leases end, each beginning one every otherEvery.
	others     = 16
	otherEvery = 100 * time.Millisecond
	// probes are granted first, to learn how long granting all of them takes.
	probes = 512
	// Every pairEvery-th lease is of the same thing as the one before it, so that two of a pair end at nearly the same time.
	pairEvery = 10
	// endingPatience is how long the server may go on without anything being closed.
	endingPatience = time.Minute
	lookEvery      = 100 * time.Millisecond
)

// ends measures leases that end by themselves: how late each is closed, and what others notice of it meanwhile.
func (b *bench) ends(ctx context.Context, each func(Result)) error {
	for _, n := range b.Leases {
		e := &ending{bench: b, leases: make([]lease, n), mark: strconv.FormatInt(time.Now().UnixNano(), 36)}
		r := Result{Mode: "ending", AtOnce: n}
		if err := e.measure(ctx, &r); err != nil {
			return err
		}
		each(r)
	}
	return nil
}

// ending is one measurement of leases that end.
type ending struct {
	*bench
	leases []lease
	mark   string // makes the names of things those of this measurement
	begun  time.Time
	from   time.Time // when the first of them is to end
}

// measure has all granted before the first ends.
func (e *ending) measure(ctx context.Context, r *Result) error {
	e.begun = time.Now()
	if err := e.grantAll(ctx); err != nil {
		return err
	}
	calm, err := e.whileOthers(ctx, func() error { pause(ctx, e.Duration); return nil })
	if err != nil {
		return err
	}
	if late := time.Since(e.from); late > 0 {
		return fmt.Errorf("the first of %d leases ended %s before all were granted: measure fewer, or on a machine with less to do", len(e.leases), late)
	}
	pause(ctx, time.Until(e.from))
	before := e.observe(ctx)
	busy, err := e.whileOthers(ctx, func() error { return e.untilClosed(ctx) })
	if err != nil {
		return err
	}
	after := e.observe(ctx)
	if err := e.readLog(ctx); err != nil {
		return err
	}
	times := stopwatch{}
	for what, took := range calm.times {
		times["calm "+what] = took
	}
	for what, took := range busy.times {
		times["other "+what] = took
	}
	e.judge(times, r)
	for _, c := range []crowd{calm, busy} {
		r.Bad, r.Problem = r.Bad+c.bad, cmp.Or(r.Problem, c.problem)
	}
	r.Times = times.times()
	r.Times["wake"] = r.Times["other wake"]
	r.Server = serverSide(*r, before, after)
	r.Memory = e.memory(before, after)
	return nil
}

// grantAll has every lease granted. How long each is to last is asked for so that all of them end when they are to end.
func (e *ending) grantAll(ctx context.Context) error {
	few := min(probes, len(e.leases))
	begun := time.Now()
	err := e.together(ctx, few, func(hands hands, i int) error {
		_, err := e.grant(hands, i, "probe", 0, time.Hour)
		return err
	})
	if err != nil {
		return err
	}
	whole := time.Since(begun) * time.Duration(len(e.leases)) / time.Duration(few)
	e.from = time.Now().Add(2*whole + e.Duration + time.Second)
	return e.together(ctx, len(e.leases), func(hands hands, i int) (err error) {
		l, pair := &e.leases[i], i
		if i%pairEvery == pairEvery-1 {
			pair--
		}
		l.thing = fmt.Sprint(e.mark, "-", pair)
		ends := e.from.Add(e.Within * time.Duration(i) / time.Duration(len(e.leases)))
		l.name, err = e.grant(hands, i, l.thing, pair, time.Until(ends))
		return err
	})
}

// grant answers the name of a new petition that is granted: by a rule at once, or else by the reviewer.
func (e *ending) grant(hands hands, i int, thing string, person int, lasts time.Duration) (string, error) {
	who := ""
	if e.People > 0 {
		who = fmt.Sprintf(`"petitioners":[{"id":%q}],`, PersonID(person%e.People))
	}
	body := fmt.Sprintf(`{"petition":{"reason":"bench","defaultDuration":"%.6fs",%s"resources":[{"kind":"lease","id":%q}]}}`, lasts.Seconds(), who, thing)
	name, phase, err := hands.at(i).ask(withBody(body))
	if err == nil && phase == phaseOpen {
		err = hands.at(i).approve(name)
	} else if err == nil && phase != phaseGranted {
		err = fmt.Errorf("a petition for a lease is %s: policy must grant it, or leave it to a reviewer", phase)
	}
	return name, err
}

// PersonID answers the id of a member whom `indent bench prepare --people` makes.
func PersonID(n int) string { return fmt.Sprintf("person-%d@bench.example", n) }

// untilClosed returns when all leases are closed, or when none has been for a long time.
func (e *ending) untilClosed(ctx context.Context) error {
	pause(ctx, e.Within)
	own := make(map[string]bool, len(e.leases))
	for _, l := range e.leases {
		own[l.name] = true
	}
	reader := e.logReader(ctx, "event", eventClose)
	defer reader.close()
	for last := time.Now(); len(own) > 0 && time.Since(last) < endingPatience && ctx.Err() == nil; {
		before := len(own)
		if err := reader.more(func(entry logEntry) { delete(own, entry.Meta.Labels[labelPetition]) }); err != nil {
			return err
		}
		if len(own) < before {
			last = time.Now()
		}
		if len(own) > 0 {
			pause(ctx, lookEvery)
		}
	}
	return ctx.Err()
}

// crowd is what others have met.
type crowd struct {
	times   stopwatch
	bad     int
	problem string
}

// whileOthers does something while others make round trips at a steady pace. One that begins later than it was to, because
// the one before took so long, has taken so much longer.
func (e *ending) whileOthers(ctx context.Context, do func() error) (c crowd, err error) {
	workers := make([]worker, others)
	var bad atomic.Int64
	var problem atomic.Pointer[error]
	over := make(chan struct{})
	begun := time.Now()
	var all sync.WaitGroup
	for i := range workers {
		w := &workers[i]
		w.bench, w.number = e.bench, i
		w.asker, w.waiter, w.reviewer = e.wire(ctx, i), e.wire(ctx, i), e.wire(ctx, w.deciding())
		all.Go(func() {
			defer w.leave()
			for due := begun.Add(otherEvery * time.Duration(i) / others); bad.Load() < mostBad; due = due.Add(otherEvery) {
				select {
				case <-over:
					return
				case <-ctx.Done():
					return
				case <-time.After(time.Until(due)):
				}
				if err := w.due(due, (*worker).roundTrip); err != nil {
					bad.Add(1)
					problem.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	err = do()
	close(over)
	all.Wait()
	c = crowd{times: stopwatch{}, bad: int(bad.Load())}
	for i := range workers {
		c.times.add(workers[i].times)
	}
	if first := problem.Load(); first != nil {
		c.problem = (*first).Error()
	}
	return c, err
}
