package jobs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (b *bench) lanes() *Lanes {
	return NewLanes(Deps{Store: b.store, Run: b.run, Clock: b.clock, Broker: b.broker, Logger: b.runner.Logger, Jitter: func() float64 { return 0.5 }})
}

// call adds jobs of a lane; their keys begin with it.
func (b *bench) call(after time.Duration, lane string, n int) {
	b.Helper()
	c := approval.Change{Space: "acmecorp", Events: []approval.Event{{Event: "test"}}}
	for i := range n {
		c.Writes = append(c.Writes, approval.WakeJob{Job: approval.Job{Key: fmt.Sprintf("%s/%02d", lane, i), Kind: "test", Lane: lane, Space: "acmecorp",
			RunTime: b.clock.Now().Add(after)}})
	}
	if err := b.store.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	b.broker.Publish(approval.LanesTopic)
}

// inLane answers how many jobs of the lane have run since the last call.
func (b *bench) inLane(lane string) (n int) {
	b.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ran = slices.DeleteFunc(b.ran, func(run string) bool {
		is := strings.HasPrefix(run, lane+"/")
		if is {
			n++
		}
		return is
	})
	return n
}

// withLanes runs the test with a runner of lanes, too, both started.
func withLanes(t *testing.T, f func(b *bench, l *Lanes)) {
	inBubble(t, func(b *bench) {
		l := b.lanes()
		b.runner.Start()
		l.Start()
		defer l.Stop()
		f(b, l)
	})
}

// held answers a handler that holds jobs of the lane, or of those that begin with it, until they are let go.
func (b *bench) held(lane string) (letGo func()) {
	gate := make(chan struct{})
	b.handle = func(ctx context.Context, j approval.Job) error {
		if strings.HasPrefix(j.Lane, lane) {
			select {
			case <-gate:
			case <-ctx.Done():
				return approval.Later{At: b.clock.Now()}
			}
		}
		return nil
	}
	return sync.OnceFunc(func() { close(gate) })
}

func TestASlowLaneDelaysNeitherTimersNorOtherLanes(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		letGo := b.held("slow")
		defer letGo()
		b.call(0, "slow", 30)
		if n := b.inLane("slow"); n != laneWorkers {
			b.Errorf("%d jobs of the slow lane run, want %d", n, laneWorkers)
		}
		b.call(0, "quick", 30)
		if n := b.inLane("quick"); n != 30 {
			b.Errorf("%d jobs of another lane have run, want all 30", n)
		}
		b.add(0, true, "timer")
		b.wants("timer@0")
		letGo()
		if n := b.inLane("slow"); n != 26 {
			b.Errorf("%d more jobs of the slow lane have run, want 26", n)
		}
		b.left(0)
	})
}

// However many lanes are slow, no more than half of the places are taken by several jobs of one.
func TestManySlowLanesLeaveRoomForOthers(t *testing.T) {
	withLanes(t, func(b *bench, l *Lanes) {
		letGo := b.held("slow")
		defer letGo()
		for i := range 30 {
			b.call(0, fmt.Sprint("slow", i), 10)
		}
		synctest.Wait()
		b.mu.Lock()
		running := len(b.ran)
		b.ran = nil
		b.mu.Unlock()
		if running >= allWorkers || running < 30 {
			b.Errorf("%d jobs of 30 slow lanes run", running)
		}
		b.call(0, "quick", 20)
		if n := b.inLane("quick"); n != 20 {
			b.Errorf("%d jobs of another lane have run, want 20", n)
		}
		letGo()
		synctest.Wait()
		l.Stop()
		b.left(0)
	})
}

func TestAJobOfALaneRunsWhenItIsDue(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		b.call(0, "a", 1)
		b.call(300*time.Millisecond, "b", 1)
		b.call(90*time.Second, "c", 1)
		b.wants("a/00@0")
		b.advance(299*time.Millisecond, time.Millisecond)
		b.wants()
		b.advance(time.Millisecond, time.Millisecond)
		b.wants("b/00@0.3")
		b.advance(2*time.Minute, 100*time.Millisecond)
		b.wants("c/00@90")
	})
}

// The handler says when a job comes again, and nothing is logged of it; any other error is one of the server's, with the waits
// that timers have.
func TestAHandlerSaysWhenItsJobComesAgain(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Attempts < 3 {
				return fmt.Errorf("told: %w", approval.Later{At: b.clock.Now().Add(time.Duration(j.Attempts) * time.Hour)})
			}
			return nil
		}
		b.call(0, "a", 1)
		synctest.Wait()
		b.advance(4*time.Hour, time.Minute)
		b.wants("a/00@0", "a/00@3600", "a/00@10800")
		b.left(0)
		if b.logs.Len() > 0 {
			b.Errorf("the log says %s", b.logs.String())
		}
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Attempts == 1 {
				panic("what now")
			}
			return nil
		}
		b.call(0, "b", 1)
		synctest.Wait()
		b.advance(2*time.Second, 250*time.Millisecond)
		b.wants("b/00@14400", "b/00@14400.75")
		if !strings.Contains(b.logs.String(), "what now") {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}

func TestAJobOfALaneThatIsWokenWhileItRunsRunsOnceMore(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		var mu sync.Mutex
		running, most := 0, 0
		gate := make(chan struct{})
		b.handle = func(context.Context, approval.Job) error {
			mu.Lock()
			running++
			most = max(most, running)
			mu.Unlock()
			<-gate
			mu.Lock()
			running--
			mu.Unlock()
			return nil
		}
		for range 5 {
			b.call(0, "a", 1)
			synctest.Wait()
		}
		b.wants("a/00@0")
		close(gate)
		b.wants("a/00@0")
		if most != 1 {
			b.Errorf("%d ran at once", most)
		}
		b.left(0)
	})
}

// A clock that is set forward ends every lease. What runs on this node is not begun beside itself.
func TestAJobOfALaneRunsAloneThoughTheClockIsSetForward(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		letGo := b.held("slow")
		defer letGo()
		b.call(0, "slow", 1)
		b.wants("slow/00@0")
		b.advance(time.Hour, time.Hour)
		b.advance(5*time.Minute, time.Second)
		b.wants()
		letGo()
		b.advance(2*time.Second, time.Second)
		if n := b.inLane("slow"); n != 1 {
			b.Errorf("it ran %d times more, want once: nobody knows how it ended", n)
		}
		b.left(0)
	})
}

func TestALanesJobWhoseNodeDiedRunsAfterItsLease(t *testing.T) {
	withLanes(t, func(b *bench, l *Lanes) {
		l.Stop()
		b.call(0, "a", 1)
		if jobs, err := b.store.LeaseJobs(b.Context(), "a", b.clock.Now(), laneLease, 1); err != nil || len(jobs) != 1 {
			b.Fatal(jobs, err)
		}
		l.Start()
		synctest.Wait()
		b.advance(laneLease-time.Second, time.Second)
		b.wants()
		b.advance(time.Second, time.Second)
		b.wants("a/00@60")
		b.left(0)
	})
}

func TestOnlyOneOfTwoNodesRunsAJobOfALane(t *testing.T) {
	withLanes(t, func(b *bench, _ *Lanes) {
		other := b.lanes()
		other.Start()
		defer other.Stop()
		for i := range 10 {
			b.call(time.Second, fmt.Sprint("lane", i), 20)
		}
		synctest.Wait()
		b.advance(time.Minute, time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		slices.Sort(b.ran)
		if n := len(slices.Compact(slices.Clone(b.ran))); n != 200 || len(b.ran) != 200 {
			b.Errorf("%d runs of %d jobs, want 200 of 200", len(b.ran), n)
		}
	})
}

// What runs gets a moment to end; then it is broken off, and comes again on another node at once.
func TestStopBreaksOffWhatTakesLong(t *testing.T) {
	withLanes(t, func(b *bench, l *Lanes) {
		letGo := b.held("slow")
		defer letGo()
		b.call(0, "slow", 6)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() {
			l.Stop()
			close(stopped)
		}()
		synctest.Wait()
		b.advance(stopGrace-time.Second, time.Second)
		select {
		case <-stopped:
			b.Fatal("it did not wait")
		default:
		}
		b.advance(time.Second, time.Second)
		<-stopped
		if jobs, err := b.store.LeaseJobs(b.Context(), "slow", b.clock.Now(), laneLease, 100); err != nil || len(jobs) != 6 {
			b.Errorf("%d jobs are free, %v, want 6", len(jobs), err)
		}
	})
}

func TestStopOfLanesWaitsForWhatEnds(t *testing.T) {
	withLanes(t, func(b *bench, l *Lanes) {
		letGo := b.held("slow")
		b.call(0, "slow", 6)
		synctest.Wait()
		stopped := make(chan struct{})
		go func() {
			l.Stop()
			close(stopped)
		}()
		synctest.Wait()
		letGo()
		<-stopped
		if jobs, err := b.store.LeaseJobs(b.Context(), "slow", b.clock.Now(), laneLease, 100); err != nil || len(jobs) != 2 {
			b.Errorf("%d jobs are left, %v, want the 2 that had no room", len(jobs), err)
		}
		l.Stop()
		l.Start()
		l.Start()
		b.advance(laneLease, time.Second)
		b.inLane("slow")
		if lanes, err := b.store.Lanes(b.Context()); err != nil || len(lanes) != 0 {
			b.Errorf("%v are left, %v", lanes, err)
		}
	})
}

func TestAStoreThatIsDownIsAskedForLanesOnceAPoll(t *testing.T) {
	inBubble(t, func(b *bench) {
		l := b.lanes()
		counted := &counter{Store: b.store}
		l.Store = counted
		down := approval.Errorf(approval.Unavailable, "the store is down")
		for _, what := range []string{"Lanes", "LeaseJobs"} {
			b.store.BeforeRead = func(asked string) error {
				if asked == what {
					counted.leases++
					return down
				}
				return nil
			}
			b.call(0, "a", 1)
			counted.leases = 0
			l.Start()
			synctest.Wait()
			b.advance(10*time.Second, 10*time.Millisecond)
			b.wants()
			b.store.BeforeRead = nil
			b.advance(time.Second, time.Second)
			b.inLane("a")
			l.Stop()
			if counted.leases > 30 || counted.leases < 11 {
				b.Errorf("%s: asked %d times in ten seconds", what, counted.leases)
			}
		}
		if !strings.Contains(b.logs.String(), "cannot be looked up") || !strings.Contains(b.logs.String(), "cannot be taken") {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}
