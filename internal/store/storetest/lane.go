package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (k kit) inLane(key, lane string, at time.Time) approval.Job {
	return approval.Job{Key: key, Kind: "test", Lane: lane, Space: k.space, RunTime: at}
}

func (k kit) leaseOf(t *testing.T, lane string, now time.Time, wanted ...string) []approval.Job {
	t.Helper()
	jobs, err := k.LeaseJobs(t.Context(), lane, now, time.Minute, 10)
	keys := make([]string, len(jobs))
	for i, j := range jobs {
		keys[i] = j.Key
		want(t, j.Lane, nil, lane)
	}
	slices.Sort(keys) // those that are due at once come in any order
	want(t, fmt.Sprint(keys), err, fmt.Sprint(append([]string{}, wanted...)))
	return jobs
}

func (k kit) lanes(t *testing.T, wanted ...approval.Lane) {
	t.Helper()
	got, err := k.Lanes(t.Context())
	want(t, fmt.Sprint(got), err, fmt.Sprint(append([]approval.Lane{}, wanted...)))
}

func jobsHaveLanes(t *testing.T, k kit) {
	k.lanes(t)
	k.putJob(t, "timer", Start)
	k.lanes(t)
	for i := range 30 {
		lane := fmt.Sprint("lane", i%3)
		k.commit(t, approval.PutJob{Job: k.inLane(fmt.Sprint("p", i), lane, Start.Add(time.Duration(30-i)*time.Second))},
			approval.WakeJob{Job: k.inLane(fmt.Sprint("w", i), lane, Start.Add(time.Minute))})
	}
	k.lanes(t, approval.Lane{Name: "lane0", Due: Start.Add(3 * time.Second)}, approval.Lane{Name: "lane1", Due: Start.Add(2 * time.Second)},
		approval.Lane{Name: "lane2", Due: Start.Add(time.Second)})
	k.next(t, Start)
	k.lease(t, Start.Add(time.Hour), 100, "timer")
	k.next(t, Start.Add(time.Hour+time.Minute))
	taken := k.leaseOf(t, "lane2", Start.Add(4*time.Second), "p26", "p29")
	k.leaseOf(t, "lane2", Start.Add(4*time.Second))
	k.leaseOf(t, "lane", Start.Add(time.Hour))
	k.lanes(t, approval.Lane{Name: "lane0", Due: Start.Add(3 * time.Second)}, approval.Lane{Name: "lane1", Due: Start.Add(2 * time.Second)},
		approval.Lane{Name: "lane2", Due: Start.Add(7 * time.Second)})
	wantCode(t, k.RetryJob(t.Context(), taken[0], Start.Add(5*time.Second)), "") // p29, which is due first
	wantCode(t, k.FinishJob(t.Context(), taken[1]), "")
	k.leaseOf(t, "lane2", Start.Add(6*time.Second), "p29")

	// A job that is put again may change its lane.
	k.commit(t, approval.PutJob{Job: k.inLane("p29", "", Start)})
	k.lease(t, Start, 10, "p29")
}

// A job that is woken while it runs keeps its lease, and runs once more when that has ended: by its end or by its time.
func wokenJobs(t *testing.T, k kit) {
	ctx, wake := t.Context(), func(key string, at time.Time) { k.commit(t, approval.WakeJob{Job: k.inLane(key, "lane", at)}) }
	wake("a", Start.Add(time.Hour))
	k.leaseOf(t, "lane", Start)
	wake("a", Start.Add(2*time.Hour)) // later changes nothing
	k.lanes(t, approval.Lane{Name: "lane", Due: Start.Add(time.Hour)})
	wake("a", Start)
	first := k.leaseOf(t, "lane", Start, "a")
	want(t, first[0].RunTime, nil, Start)

	wake("a", Start)
	k.leaseOf(t, "lane", Start)
	k.lanes(t, approval.Lane{Name: "lane", Due: Start.Add(time.Minute)})
	wantCode(t, k.FinishJob(ctx, first[0]), "")
	second := k.leaseOf(t, "lane", Start, "a")

	wake("a", Start.Add(time.Second))
	wantCode(t, k.RetryJob(ctx, second[0], Start.Add(time.Hour)), "")
	wantCode(t, k.FinishJob(ctx, first[0]), "") // by who had it before
	third := k.leaseOf(t, "lane", Start.Add(2*time.Second), "a")
	want(t, third[0].Attempts, nil, 1)

	wake("a", Start)
	wantCode(t, k.FinishJob(ctx, second[0]), "")
	k.leaseOf(t, "lane", Start.Add(time.Minute))
	fourth := k.leaseOf(t, "lane", Start.Add(time.Minute+2*time.Second), "a") // its node died
	wantCode(t, k.FinishJob(ctx, third[0]), "")
	wantCode(t, k.RetryJob(ctx, fourth[0], Start.Add(time.Hour)), "")
	want(t, k.leaseOf(t, "lane", Start.Add(time.Hour), "a")[0].Attempts, nil, 2)
	k.refuse(t, approval.Internal, approval.WakeJob{Job: approval.Job{Key: "b", Lane: "lane", Space: "elsewhere", RunTime: Start}})
}

func wokenLanes(t *testing.T, k kit) {
	for i, at := range []time.Duration{0, time.Hour, time.Hour, 0} {
		k.commit(t, approval.PutJob{Job: k.inLane(fmt.Sprint(i), "lane", Start.Add(at))})
	}
	k.commit(t, approval.PutJob{Job: k.inLane("other", "lane2", Start.Add(time.Hour))}, approval.PutJob{Job: k.inLane("timer", "", Start.Add(time.Hour))})
	running := k.leaseOf(t, "lane", Start, "0", "3")
	wake := func(most, wanted int) {
		t.Helper()
		n, err := k.WakeLane(t.Context(), k.space, "lane", Start.Add(time.Second), most)
		want(t, n, err, wanted)
	}
	wake(3, 3)
	wake(3, 1) // the rest
	wake(3, 0) // no more
	n, err := k.WakeLane(t.Context(), "elsewhere", "lane", Start.Add(time.Second), 3)
	want(t, n, err, 0)
	k.lanes(t, approval.Lane{Name: "lane", Due: Start.Add(time.Second)}, approval.Lane{Name: "lane2", Due: Start.Add(time.Hour)})
	k.leaseOf(t, "lane", Start.Add(time.Second), "1", "2")
	wantCode(t, k.RetryJob(t.Context(), running[0], Start.Add(time.Hour)), "")
	wantCode(t, k.FinishJob(t.Context(), running[1]), "")
	k.leaseOf(t, "lane", Start.Add(time.Second), "0", "3")
	k.next(t, Start.Add(time.Hour))
}

// Who has a job ends it with what it writes; whoever has lost it, or comes when it has ended, writes nothing.
func jobsEndWithAChange(t *testing.T, k kit) {
	end := func(j approval.Job) error {
		c := k.change(approval.EndJob{Job: j})
		c.Events[0].Event = "test/end"
		return k.Commit(t.Context(), c)
	}
	events := func(want int) {
		t.Helper()
		page, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Event: "test/end"})
		if err != nil || len(page.Items) != want {
			t.Errorf("%d events, %v; want %d", len(page.Items), err, want)
		}
	}
	k.commit(t, approval.WakeJob{Job: k.inLane("a", "lane", Start)}, approval.WakeJob{Job: k.inLane("b", "lane", Start)})
	first := k.leaseOf(t, "lane", Start, "a", "b")
	second := k.leaseOf(t, "lane", Start.Add(time.Minute), "a", "b")
	wantCode(t, end(first[0]), approval.Conflict)
	events(0)
	wantCode(t, end(second[0]), "")
	wantCode(t, end(second[0]), approval.Conflict)
	events(1)
	k.commit(t, approval.WakeJob{Job: k.inLane(second[1].Key, "lane", Start)})
	wantCode(t, end(second[1]), "") // woken meanwhile: what ends it, ends it
	k.leaseOf(t, "lane", Start.Add(time.Hour))
	elsewhere := second[0]
	elsewhere.Space = "elsewhere"
	wantCode(t, end(elsewhere), approval.Internal)
	events(2)
}
