package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func (k kit) putJob(t *testing.T, key string, at time.Time) {
	t.Helper()
	k.commit(t, approval.PutJob{Job: approval.Job{Key: key, Kind: approval.JobEnd, Space: k.space, Petition: "p", RunTime: at}})
}

func (k kit) lease(t *testing.T, now time.Time, limit int, wanted ...string) []approval.Job {
	t.Helper()
	jobs, err := k.LeaseJobs(t.Context(), "", now, time.Minute, limit)
	keys := make([]string, len(jobs))
	for i, j := range jobs {
		keys[i] = j.Key
	}
	want(t, fmt.Sprint(keys), err, fmt.Sprint(append([]string{}, wanted...)))
	return jobs
}

func (k kit) next(t *testing.T, wanted time.Time) {
	t.Helper()
	at, ok, err := k.NextJob(t.Context())
	want(t, at, err, wanted)
	want(t, ok, nil, !wanted.IsZero())
}

func jobsAreLeased(t *testing.T, k kit) {
	k.next(t, time.Time{})
	k.lease(t, Start, 10)
	k.putJob(t, "c", Start.Add(2*time.Second))
	k.putJob(t, "a", Start)
	k.putJob(t, "b", Start.Add(time.Second))
	k.next(t, Start)
	k.lease(t, Start.Add(-time.Microsecond), 10)
	first := k.lease(t, Start.Add(time.Hour), 2, "a", "b")
	want(t, first[0], nil, approval.Job{Key: "a", Kind: approval.JobEnd, Space: k.space, Petition: "p", RunTime: Start,
		LeaseUntil: Start.Add(time.Hour + time.Minute), Attempts: 1})
	k.next(t, Start.Add(2*time.Second))
	third := k.lease(t, Start.Add(time.Hour), 10, "c")
	k.lease(t, Start.Add(time.Hour), 10)
	k.next(t, Start.Add(time.Hour+time.Minute))

	wantCode(t, k.FinishJob(t.Context(), third[0]), "")
	wantCode(t, k.FinishJob(t.Context(), third[0]), "") // finished is finished
	later := Start.Add(2 * time.Hour)
	wantCode(t, k.RetryJob(t.Context(), first[0], later), "")
	k.next(t, Start.Add(time.Hour+time.Minute))
	again := k.lease(t, Start.Add(time.Hour+time.Minute), 10, "b") // its lease is over
	want(t, again[0].Attempts, nil, 2)
	wantCode(t, k.FinishJob(t.Context(), first[1]), "") // by who had the job before: it is another's now
	wantCode(t, k.RetryJob(t.Context(), first[1], Start), "")
	k.lease(t, Start.Add(time.Hour+time.Minute), 10)
	wantCode(t, k.FinishJob(t.Context(), again[0]), "")
	k.next(t, later)
	want(t, k.lease(t, later, 10, "a")[0].Attempts, nil, 2)
}

// Of many that are finished at once, those stay that are not what was leased any more.
func jobsAreFinishedTogether(t *testing.T, k kit) {
	for i := range approval.MostTogether {
		k.putJob(t, fmt.Sprintf("%02d", i), Start)
	}
	jobs, err := k.LeaseJobs(t.Context(), "", Start, time.Minute, 2*approval.MostTogether)
	want(t, len(jobs), err, approval.MostTogether)
	k.putJob(t, "07", Start.Add(time.Hour)) // replaced
	wantCode(t, k.RetryJob(t.Context(), jobByKey(t, jobs, "11"), Start.Add(2*time.Hour)), "")
	wantCode(t, k.FinishJob(t.Context(), jobs...), "")
	wantCode(t, k.FinishJob(t.Context(), jobs...), "")
	k.lease(t, Start.Add(3*time.Hour), 100, "07", "11")
}

func jobByKey(t *testing.T, jobs []approval.Job, key string) approval.Job {
	t.Helper()
	i := slices.IndexFunc(jobs, func(j approval.Job) bool { return j.Key == key })
	if i < 0 {
		t.Fatalf("no job %q among %v", key, jobs)
	}
	return jobs[i]
}

func jobGoesToOne(t *testing.T, k kit) {
	const jobs = 200
	var writes []approval.Write
	for i := range jobs {
		writes = append(writes, approval.PutJob{Job: approval.Job{Key: fmt.Sprint(i), Space: k.space, RunTime: Start}})
	}
	k.commit(t, writes...)
	k.takenOnce(t, Start.Add(time.Hour), jobs)
}

// takenOnce takes all jobs, many takers at once, and proves that each goes to one of them.
func (k kit) takenOnce(t *testing.T, now time.Time, jobs int) {
	t.Helper()
	var mu sync.Mutex
	taken := map[string]int{}
	for _, err := range together(16, func(int) error {
		for {
			list, err := k.LeaseJobs(t.Context(), "", now, time.Minute, 7)
			if err != nil || len(list) == 0 {
				return err
			}
			mu.Lock()
			for _, j := range list {
				taken[j.Key]++
			}
			mu.Unlock()
		}
	}) {
		wantCode(t, err, "")
	}
	// Who finds others at a row may leave it to the next round: take what is left.
	for {
		list, err := k.LeaseJobs(t.Context(), "", now, time.Minute, 7)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, j := range list {
			taken[j.Key]++
		}
	}
	want(t, len(taken), nil, jobs)
	for key, n := range taken {
		if n != 1 {
			t.Errorf("job %s was leased %d times, want 1", key, n)
		}
	}
}

func replacedJobs(t *testing.T, k kit) {
	k.putJob(t, "a", Start)
	leased := k.lease(t, Start, 10, "a")
	k.putJob(t, "a", Start) // replaced while it runs: free of the lease, and not finished by the old one
	wantCode(t, k.FinishJob(t.Context(), leased[0]), "")
	want(t, k.lease(t, Start, 10, "a")[0].Attempts, nil, 1)
	k.commit(t, approval.DeleteJob{Key: "a"}, approval.DeleteJob{Key: "missing"})
	k.next(t, time.Time{})
	k.commit(t, approval.PutJob{Job: approval.Job{Key: "b", Space: k.space, RunTime: Start}}, approval.DeleteJob{Key: "b"})
	k.next(t, time.Time{})
}

// A petition's timer is a job like any other when its time has come.
func timers(t *testing.T, k kit) {
	p := NewPetition(k.space)
	wantCode(t, k.Commit(t.Context(), Create(p)), "")
	key := approval.TimerKey(p.Space, p.Name)
	k.next(t, p.ExpireTime)
	k.lease(t, p.ExpireTime.Add(-time.Microsecond), 10)
	expired := k.lease(t, p.ExpireTime, 10, key)
	want(t, expired[0], nil, approval.Job{Key: key, Kind: approval.JobExpire, Space: p.Space, Petition: p.Name, RunTime: p.ExpireTime,
		LeaseUntil: p.ExpireTime.Add(time.Minute), Attempts: 1})
	k.lease(t, p.ExpireTime, 10)

	// It is decided meanwhile: its next timer is not the one that was leased.
	granted, change := Decide(p, approval.Resource{ID: "bob"})
	wantCode(t, k.Commit(t.Context(), change), "")
	end := granted.Grant.EndTime
	k.next(t, end)
	ended := k.lease(t, end, 10, key)
	want(t, ended[0].Kind, nil, approval.JobEnd)
	wantCode(t, k.FinishJob(t.Context(), expired[0]), "") // it was replaced
	wantCode(t, k.RetryJob(t.Context(), ended[0], end.Add(time.Second)), "")
	k.next(t, end.Add(time.Second))

	// A change that says nothing of the timer leaves it, and one that ends it leaves nothing of it.
	granted.Reason = "another"
	k.commit(t, approval.PutPetition{Petition: &granted, Expect: 2, SameLabels: true})
	k.next(t, end.Add(time.Second))
	granted.Phase = approval.Closed
	k.commit(t, approval.PutPetition{Petition: &granted, Expect: 3, SameLabels: true}, approval.DeleteJob{Key: key})
	k.next(t, time.Time{})
}

func timerStays(t *testing.T, k kit) {
	p := NewPetition(k.space)
	wantCode(t, k.Commit(t.Context(), Create(p)), "")
	p.Reason = "another"
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 1, SameLabels: true})
	k.next(t, p.ExpireTime)
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 2, SameLabels: true}, approval.DeleteJob{Key: approval.TimerKey(p.Space, p.Name)})
	k.next(t, time.Time{})
}

func timerGoesToOne(t *testing.T, k kit) {
	const petitions = 100
	for range petitions {
		wantCode(t, k.Commit(t.Context(), Create(NewPetition(k.space))), "")
	}
	k.takenOnce(t, Start.Add(48*time.Hour), petitions)
}
