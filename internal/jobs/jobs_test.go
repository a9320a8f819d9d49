package jobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// bench is a runner in a bubble of its own, on a clock that moves by hand: synctest.Wait returns when all is at rest.
type bench struct {
	*testing.T
	store  *approvaltest.Store
	clock  *approvaltest.Clock
	broker *approvaltest.Broker
	runner *Runner
	// handle is what a job does; by default nothing.
	handle func(ctx context.Context, j approval.Job) error

	mu   sync.Mutex
	ran  []string // key@seconds since the start
	logs bytes.Buffer
}

func newBench(t *testing.T) *bench {
	b := &bench{T: t, store: approvaltest.NewStore(), clock: approvaltest.NewClock(), broker: approvaltest.NewBroker()}
	b.runner = b.node()
	return b
}

func (b *bench) node() *Runner {
	return New(Deps{Store: b.store, Run: b.run, Clock: b.clock, Broker: b.broker, Logger: slog.New(slog.NewTextHandler(b, nil)),
		Jitter: func() float64 { return 0.5 }})
}

// Write takes a line of the log.
func (b *bench) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.logs.Write(line)
}

func (b *bench) run(ctx context.Context, j approval.Job) error {
	b.mu.Lock()
	b.ran = append(b.ran, fmt.Sprintf("%s@%g", j.Key, b.clock.Now().Sub(approvaltest.Epoch).Seconds()))
	b.mu.Unlock()
	if b.handle != nil {
		return b.handle(ctx, j)
	}
	return nil
}

// add puts jobs that are due after so long, with or without the hint that a use case would give.
func (b *bench) add(after time.Duration, hint bool, keys ...string) {
	b.Helper()
	c := approval.Change{Space: "acmecorp", Events: []approval.Event{{Event: "test"}}}
	for _, key := range keys {
		c.Writes = append(c.Writes, approval.PutJob{Job: approval.Job{Key: key, Kind: approval.JobEnd, Space: "acmecorp", Petition: key, RunTime: b.clock.Now().Add(after)}})
	}
	if err := b.store.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	if hint {
		b.broker.Publish(approval.JobsTopic)
	}
}

// advance moves the clock in steps and lets everybody come to rest after each.
func (b *bench) advance(total, step time.Duration) {
	for range total / step {
		b.clock.Advance(step)
		synctest.Wait()
	}
}

// wants compares what has run, in order, since the last call.
func (b *bench) wants(want ...string) {
	b.Helper()
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if diff := cmp.Diff(append([]string{}, want...), append([]string{}, b.ran...)); diff != "" {
		b.Error(diff)
	}
	b.ran = nil
}

// left checks how many jobs there are still.
func (b *bench) left(want int) {
	b.Helper()
	lanes, err := b.store.Lanes(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	left := 0
	for _, lane := range append(lanes, approval.Lane{}) {
		jobs, err := b.store.LeaseJobs(b.Context(), lane.Name, b.clock.Now().Add(1000*time.Hour), 0, 1000)
		if err != nil {
			b.Fatal(err)
		}
		left += len(jobs)
	}
	if left != want {
		b.Errorf("%d jobs are left, want %d", left, want)
	}
}

// inBubble runs the test with its own runner, which is stopped at the end.
func inBubble(t *testing.T, f func(b *bench)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		defer b.runner.Stop()
		f(b)
	})
}

func TestAJobRunsWhenItIsDue(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add(0, false, "now")
		b.add(300*time.Millisecond, false, "soon")
		b.add(90*time.Second, false, "later")
		b.runner.Start()
		b.wants("now@0")
		b.advance(299*time.Millisecond, time.Millisecond)
		b.wants()
		b.advance(time.Millisecond, time.Millisecond)
		b.wants("soon@0.3")
		b.advance(2*time.Minute, 100*time.Millisecond)
		b.wants("later@90")
		b.left(0)
	})
}

func TestAHintWakesTheRunnerAtOnce(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.runner.Start()
		b.wants()
		b.add(0, true, "hinted")
		b.wants("hinted@0")
	})
}

func TestWorkOfAnotherNodeIsFoundWithinAPoll(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.runner.Start()
		b.wants()
		b.add(0, false, "silent")
		b.wants()
		b.advance(time.Second, time.Second)
		b.wants("silent@1")
	})
}

func TestThePollIsASetting(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.runner.Poll = 10 * time.Second
		b.runner.Start()
		b.wants()
		b.add(0, false, "silent")
		b.advance(9*time.Second, time.Second)
		b.wants()
		b.advance(time.Second, time.Second)
		b.wants("silent@10")
	})
}

func TestAFailedJobComesAgainLaterEachTime(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle = func(context.Context, approval.Job) error { return errors.New("out of order") }
		b.add(0, false, "broken")
		b.runner.Start()
		synctest.Wait()
		b.advance(1200*time.Second, 250*time.Millisecond)
		// Three quarters (half, and half of the other half) of 1, 2, 4 … seconds, at most of five minutes; the first is
		// found by the poll.
		b.wants("broken@0", "broken@1", "broken@2.5", "broken@5.5", "broken@11.5", "broken@23.5", "broken@47.5", "broken@95.5",
			"broken@191.5", "broken@383.5", "broken@608.5", "broken@833.5", "broken@1058.5")
		b.handle = nil
		b.advance(225*time.Second, 250*time.Millisecond)
		b.wants("broken@1283.5")
		b.left(0)
		if !strings.Contains(b.logs.String(), "a job failed and is tried again") || !strings.Contains(b.logs.String(), "out of order") {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}

func TestBackoffIsSpreadAndBounded(t *testing.T) {
	t.Parallel()
	later := func(d time.Duration) error { return &approval.Error{Code: approval.Unavailable, RetryAfter: d} }
	cases := []struct {
		attempts int
		jitter   float64
		cause    error
		want     time.Duration
	}{
		{0, 0, nil, 500 * time.Millisecond},
		{1, 0, nil, 500 * time.Millisecond},
		{1, 0.999999999, nil, time.Second - time.Nanosecond},
		{4, 0.5, nil, 6 * time.Second},
		{30, 0, nil, 150 * time.Second},
		{1 << 40, 0.5, nil, 225 * time.Second},
		{1, 0, later(10 * time.Second), 10 * time.Second},
		{1, 0, fmt.Errorf("wrapped: %w", later(time.Hour)), 5 * time.Minute},
	}
	for _, c := range cases {
		r := New(Deps{Jitter: func() float64 { return c.jitter }})
		if got := r.backoff(c.attempts, c.cause); got.Round(time.Microsecond) != c.want.Round(time.Microsecond) {
			t.Errorf("%d attempts, jitter %g: got %v, want %v", c.attempts, c.jitter, got, c.want)
		}
	}
}

func TestAPanicIsAnErrorOfItsJobOnly(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Key == "bad" && j.Attempts == 1 {
				panic("what now")
			}
			return nil
		}
		b.add(0, false, "bad")
		b.runner.Start()
		b.wants("bad@0")
		b.add(0, true, "good")
		b.wants("good@0")
		b.advance(time.Second, 250*time.Millisecond)
		b.wants("bad@0.75")
		b.left(0)
		if !strings.Contains(b.logs.String(), "panic: what now") || !strings.Contains(b.logs.String(), "jobs_test.go") {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}

func TestAFewJobsRunAtOnceAndASlowOneHoldsUpNobody(t *testing.T) {
	inBubble(t, func(b *bench) {
		release := make(chan struct{})
		running, most := 0, 0
		b.handle = func(_ context.Context, j approval.Job) error {
			b.mu.Lock()
			running++
			most = max(most, running)
			b.mu.Unlock()
			if strings.HasPrefix(j.Key, "slow") {
				<-release
			}
			b.mu.Lock()
			running--
			b.mu.Unlock()
			return nil
		}
		b.add(0, false, "slow1", "slow2", "slow3")
		b.runner.Start()
		synctest.Wait()
		var keys []string
		for i := range 500 {
			keys = append(keys, fmt.Sprint("quick", i))
		}
		b.add(0, true, keys...)
		synctest.Wait()
		b.mu.Lock()
		if len(b.ran) != 503 || most > workers {
			b.Errorf("%d jobs ran, at most %d at once", len(b.ran), most)
		}
		b.mu.Unlock()
		b.left(3)
		close(release)
		synctest.Wait()
	})
}

func TestManyDueJobsTakeFewWrites(t *testing.T) {
	inBubble(t, func(b *bench) {
		counted := &counter{Store: b.store}
		b.runner.Store = counted
		var keys []string
		for i := range 800 {
			keys = append(keys, fmt.Sprint(i))
		}
		b.add(0, false, keys...)
		b.runner.Start()
		synctest.Wait()
		b.left(0)
		if n := counted.leases; n > 800/(ahead/2)+2 {
			b.Errorf("%d leases for 800 jobs", n)
		}
	})
}

type counter struct {
	Store
	leases int
	fail   error
}

func (c *counter) LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) ([]approval.Job, error) {
	c.leases++
	if c.fail != nil {
		return nil, c.fail
	}
	return c.Store.LeaseJobs(ctx, lane, now, lease, limit)
}

func TestAStoreThatIsDownIsAskedOnceAPoll(t *testing.T) {
	inBubble(t, func(b *bench) {
		counted := &counter{Store: b.store, fail: approval.Errorf(approval.Unavailable, "the store is down")}
		b.runner.Store = counted
		b.add(0, false, "due")
		b.runner.Start()
		synctest.Wait()
		b.advance(10*time.Second, 10*time.Millisecond)
		if counted.leases != 11 {
			b.Errorf("it was asked %d times in ten seconds", counted.leases)
		}
		b.wants()
		counted.fail = nil
		b.advance(time.Second, time.Second)
		b.wants("due@11")
		if !strings.Contains(b.logs.String(), "jobs cannot be taken") {
			b.Errorf("the log says %s", b.logs.String())
		}
	})
}

func TestOnlyOneOfTwoNodesRunsAJob(t *testing.T) {
	inBubble(t, func(b *bench) {
		other := b.node()
		var keys []string
		for i := range 100 {
			keys = append(keys, fmt.Sprint(i))
		}
		b.add(time.Second, false, keys...)
		b.runner.Start()
		other.Start()
		defer other.Stop()
		synctest.Wait()
		b.advance(2*time.Minute, time.Second)
		b.mu.Lock()
		defer b.mu.Unlock()
		slices.Sort(b.ran)
		if n := len(slices.Compact(b.ran)); n != 100 || len(b.ran) != 100 {
			b.Errorf("%d runs of %d jobs, want 100 of 100", len(b.ran), n)
		}
	})
}

func TestAJobWhoseNodeDiedRunsAfterItsLease(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.add(0, false, "orphan")
		if jobs, err := b.store.LeaseJobs(b.Context(), "", b.clock.Now(), lease, 1); err != nil || len(jobs) != 1 {
			b.Fatal(jobs, err)
		}
		b.runner.Start()
		synctest.Wait()
		b.advance(lease-time.Second, time.Second)
		b.wants()
		b.advance(time.Second, time.Second)
		b.wants("orphan@20")
		b.left(0)
	})
}

func TestAJobThatWaitedLongerThanItsLeaseIsNotBegun(t *testing.T) {
	inBubble(t, func(b *bench) {
		release := make(chan struct{})
		b.handle = func(_ context.Context, j approval.Job) error {
			if strings.HasPrefix(j.Key, "slow") {
				<-release
			}
			return nil
		}
		var slow []string
		for i := range workers {
			slow = append(slow, fmt.Sprint("slow", i))
		}
		b.add(-time.Second, false, slow...)
		b.add(0, false, "waits")
		b.runner.Start()
		synctest.Wait()
		b.advance(lease, lease)
		b.mu.Lock()
		b.ran = nil
		b.mu.Unlock()
		close(release)
		synctest.Wait()
		b.advance(time.Second, time.Second)
		b.mu.Lock()
		n := 0
		for _, run := range b.ran {
			if strings.HasPrefix(run, "waits") {
				n++
			}
		}
		b.mu.Unlock()
		if n != 1 {
			b.Errorf("it ran %d times: %v", n, b.ran)
		}
	})
}

func TestStopWaitsForWhatRunsAndGivesTheRestBack(t *testing.T) {
	inBubble(t, func(b *bench) {
		release := make(chan struct{})
		var ended sync.Map
		b.handle = func(ctx context.Context, j approval.Job) error {
			<-release
			ended.Store(j.Key, ctx.Err())
			return nil
		}
		var keys []string
		for i := range 2 * workers {
			keys = append(keys, fmt.Sprintf("%02d", i))
		}
		b.add(0, false, keys...)
		b.runner.Start()
		synctest.Wait()
		stopped := make(chan struct{})
		go func() {
			b.runner.Stop()
			close(stopped)
		}()
		synctest.Wait()
		select {
		case <-stopped:
			b.Fatal("it did not wait")
		default:
		}
		close(release)
		<-stopped
		n := 0
		ended.Range(func(key, err any) bool {
			n++
			if err != nil {
				b.Errorf("%v was cancelled: %v", key, err)
			}
			return true
		})
		if n != workers {
			b.Errorf("%d jobs ran, want %d", n, workers)
		}
		// Another node need not wait for a lease.
		if jobs, err := b.store.LeaseJobs(b.Context(), "", b.clock.Now(), lease, 100); err != nil || len(jobs) != workers {
			b.Errorf("%d jobs are free, %v, want %d", len(jobs), err, workers)
		}
	})
}

func TestStartAndStopBearRepetition(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.runner.Stop() // never started
		b.runner.Start()
		b.runner.Start()
		b.add(0, true, "one")
		b.wants("one@0")
		b.runner.Stop()
		b.runner.Stop()
		b.add(0, true, "two")
		b.wants()
		b.runner.Start() // and again
		b.wants("two@0")
		b.runner.Stop()
		b.broker.WaitForSubscribers(0)
	})
}

func TestAJobThatIsReplacedWhileItRunsIsKept(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.handle = func(_ context.Context, j approval.Job) error {
			if j.Petition == "p" && j.Attempts == 1 && b.clock.Now().Equal(approvaltest.Epoch) {
				b.add(time.Minute, false, "p") // the petition was granted: its timer is another now
			}
			return nil
		}
		b.add(0, false, "p")
		b.runner.Start()
		b.wants("p@0")
		b.advance(time.Minute, time.Second)
		b.wants("p@60")
		b.left(0)
	})
}
