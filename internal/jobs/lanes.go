package jobs

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	// laneWorkers is how many jobs of a lane run on a node at once, and allWorkers those of all lanes. Where half of them run
	// a lane gets one at a time, so that a few that are slow leave room for many others.
	laneWorkers = 4
	allWorkers  = 64
	// laneLease is how long a job of a lane rests whose node died: longer than a call, and a slow database, may take.
	laneLease = 60 * time.Second
	// stopGrace is how long Stop lets what runs end by itself before it is broken off.
	stopGrace = 5 * time.Second
)

// Lanes runs the jobs of all lanes but that of timers: a few of each at once, so that a lane whose jobs take long delays
// neither another one nor a timer.
type Lanes struct {
	Deps
	mu   sync.Mutex
	stop context.CancelFunc // nil while it is not started
	done sync.WaitGroup     // the one that takes jobs

	running sync.WaitGroup
	seats   sync.Mutex
	taken   map[string]int // jobs that run, by lane
	keys    map[string]bool
	all     int
	freed   chan struct{} // a hint that a job has ended
}

// NewLanes answers a runner of lanes that is not started.
func NewLanes(d Deps) *Lanes {
	if d.Poll <= 0 {
		d.Poll = time.Second
	}
	return &Lanes{Deps: d, taken: map[string]int{}, keys: map[string]bool{}, freed: make(chan struct{}, 1)}
}

// Start begins to take jobs; a second Start does nothing.
func (l *Lanes) Start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop != nil {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	running, breakOff := context.WithCancel(context.Background())
	l.stop = func() {
		stop()
		l.done.Wait()
		l.leave(breakOff)
	}
	l.done.Go(func() { l.take(ctx, running) })
}

// Stop takes no more jobs and waits for those that run, which it breaks off when they take long: they come again. A second
// Stop, or one without a Start, does nothing.
func (l *Lanes) Stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stop == nil {
		return
	}
	l.stop()
	l.stop = nil
}

// leave waits for what runs.
func (l *Lanes) leave(breakOff context.CancelFunc) {
	defer breakOff()
	ended := make(chan struct{})
	go func() {
		l.running.Wait()
		close(ended)
	}()
	timeout, stop := l.Clock.After(stopGrace)
	defer stop()
	select {
	case <-ended:
	case <-timeout:
		breakOff()
		<-ended
	}
}

// take begins jobs whenever there is room in their lane, and sleeps until the next is due, a hint comes or a poll has passed.
func (l *Lanes) take(ctx, running context.Context) {
	hints, unsubscribe := l.Broker.Subscribe(approval.LanesTopic)
	defer unsubscribe()
	for ctx.Err() == nil {
		began, pause := l.begin(ctx, running)
		if began {
			continue // of a lane from which some were taken it is not known when the next is due
		}
		timeout, stop := l.Clock.After(pause)
		select {
		case <-ctx.Done():
		case <-hints:
		case <-l.freed:
		case <-timeout:
		}
		stop()
	}
}

// begin takes what is due and has room, lanes that have waited longest first. It answers whether it has begun any, and how long
// to sleep otherwise.
func (l *Lanes) begin(ctx, running context.Context) (began bool, pause time.Duration) {
	lanes, err := l.Store.Lanes(ctx)
	if err != nil {
		l.complain(ctx, "lanes of jobs cannot be looked up", err)
		return false, l.Poll
	}
	slices.SortStableFunc(lanes, func(a, b approval.Lane) int { return a.Due.Compare(b.Due) })
	for _, lane := range lanes {
		now := l.Clock.Now()
		if lane.Due.After(now) {
			return began, l.until(lane.Due)
		}
		room := l.room(lane.Name)
		if room == 0 {
			continue
		}
		// Not cancelled by Stop: jobs that were leased although the answer got lost would rest until their lease is over.
		jobs, err := l.Store.LeaseJobs(context.WithoutCancel(ctx), lane.Name, now, laneLease, room)
		if err != nil {
			l.complain(ctx, "jobs of a lane cannot be taken", err)
			return false, l.Poll
		}
		for _, j := range jobs {
			if !l.enter(j) {
				// Its lease ran out by a clock that was set forward. What runs is not run beside itself.
				l.end(ctx, j, l.Store.RetryJob(context.WithoutCancel(ctx), j, now.Add(l.Poll)))
				continue
			}
			began = true
			l.running.Go(func() {
				defer l.exit(j)
				l.one(running, j)
			})
		}
	}
	return began, l.Poll
}

// room answers how many jobs of the lane may begin.
func (l *Lanes) room(lane string) int {
	l.seats.Lock()
	defer l.seats.Unlock()
	most := laneWorkers
	if l.all >= allWorkers/2 {
		most = 1
	}
	return max(0, min(most-l.taken[lane], allWorkers-l.all))
}

// enter takes a place, unless the job runs on this node.
func (l *Lanes) enter(j approval.Job) bool {
	l.seats.Lock()
	defer l.seats.Unlock()
	if l.keys[j.Key] {
		return false
	}
	l.keys[j.Key] = true
	l.taken[j.Lane]++
	l.all++
	return true
}

func (l *Lanes) exit(j approval.Job) {
	l.seats.Lock()
	defer l.seats.Unlock()
	l.all--
	delete(l.keys, j.Key)
	if l.taken[j.Lane]--; l.taken[j.Lane] == 0 {
		delete(l.taken, j.Lane)
	}
	select {
	case l.freed <- struct{}{}:
	default:
	}
}
