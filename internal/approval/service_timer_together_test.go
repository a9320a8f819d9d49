package approval_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// crowd gives grants of every kind, of which all but the last end within the hour, and answers the jobs that end them.
func crowd(h *house) (all []approval.Petition, jobs []approval.Job) {
	h.t.Helper()
	h.directory(approval.Resource{Kind: "db", ID: "orders", AltIDs: []string{"arn:orders"}, DisplayName: "orders"},
		approval.Resource{Kind: "db", ID: "arn:orders", AltIDs: []string{"o"}, DisplayName: "o"})
	h.link("v@acme.example", vic)
	give := func(id string, length time.Duration, things ...string) {
		all = append(all, h.given(id, length, things...))
	}
	for i := range 10 {
		give(vic, time.Hour-time.Duration(i)*time.Minute, fmt.Sprint("db", i))
	}
	give(pat, time.Hour, "orders")          // another person's
	give(vic, time.Hour, "a", "b", "stock") // one of three is kept
	give(vic, 20*time.Minute, "twice")
	give(vic, 30*time.Minute, "twice") // both end: the last of them says so
	give(vic, time.Hour, "o")          // another name of what is kept
	give(vic, 50*time.Minute, "Orders")
	for _, p := range all {
		jobs = append(jobs, approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobEnd, RunTime: p.Grant.EndTime})
	}
	give(vic, 2*time.Hour, "orders", "stock")
	return all, jobs
}

// What ends together has become, by its events and its versions, what it becomes alone.
func TestGrantsThatEndTogetherEndAsEachDoesAlone(t *testing.T) {
	t.Parallel()
	alone, beside := newHouse(t), newHouse(t)
	apart, jobs := crowd(alone)
	together, others := crowd(beside)
	for _, h := range []*house{alone, beside} {
		h.clock.Advance(time.Hour)
	}
	commits := 0
	beside.store.BeforeCommit = func(approval.Change) error {
		commits++
		return nil
	}
	for i, err := range beside.RunTogether(t.Context(), others) {
		same(t, fmt.Sprint("job ", i), err, nil)
	}
	same(t, "commits", commits, 1)
	for _, j := range jobs {
		same(t, "alone", alone.RunJob(t.Context(), j), nil)
	}
	compare := func() {
		t.Helper()
		for i := range together {
			a, b := alone.now(apart[i]), beside.now(together[i])
			b.Name, b.Digest = a.Name, a.Digest
			if x, y := asText(t, a), asText(t, b); x != y {
				t.Errorf("alone\n%s\ntogether\n%s", x, y)
			}
			sameList(t, "log", beside.log(together[i]), alone.log(apart[i])...)
			beside.conserves(together[i])
		}
	}
	compare()
	for i := range together {
		one, by := alone.closes(apart[i])
		other, keepers := beside.closes(together[i])
		same(t, "access", other, one)
		same(t, "kept by", len(keepers), len(by))
	}
	compare()
	for i, ended := range map[int]string{0: "true", 10: "true", 11: "partly", 12: "true", 13: "true", 14: "false", 15: "false"} {
		says, _ := beside.closes(together[i])
		same(t, fmt.Sprint("access of ", i), says, ended)
	}
}

// However many end together, what is looked up for them is looked up once.
func TestGrantsThatEndTogetherAreLookedUpOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var jobs []approval.Job
	for i := range approval.MostTogether {
		p := h.given([]string{vic, pat, bob, eve}[i%4], time.Minute, fmt.Sprint("db", i))
		jobs = append(jobs, approval.Job{Space: "acme", Petition: p.Name, Kind: approval.JobEnd})
	}
	h.clock.Advance(time.Minute)
	asked := h.reads(func() {
		for _, err := range h.RunTogether(t.Context(), jobs) {
			same(t, "job", err, nil)
		}
	})
	same(t, "reads", fmt.Sprint(asked), "map[AliasesOfEach:1 Leases:1 PetitionsByName:1]")
	for _, j := range jobs {
		p, err := h.store.Petition(t.Context(), "acme", j.Petition)
		same(t, "phase", p.Phase, approval.Closed)
		same(t, "error", err, nil)
	}
}

// afterNames is a store in which something happens when petitions have been read by name.
type afterNames struct {
	approval.Store
	then func()
}

func (s *afterNames) PetitionsByName(ctx context.Context, space string, names []string) ([]approval.Petition, error) {
	found, err := s.Store.PetitionsByName(ctx, space, names)
	if then := s.then; then != nil {
		s.then = nil
		then()
	}
	return found, err
}

// One that another node ends meanwhile, one that does not exist and one whose time has not come hold up no other.
func TestOneThatCannotEndHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all, jobs := crowd(h)
	early := all[len(all)-1]
	jobs = append(jobs, approval.Job{Space: "acme", Petition: "nothing", Kind: approval.JobEnd}, approval.Job{Space: "acme", Petition: early.Name, Kind: approval.JobEnd})
	h.clock.Advance(time.Hour)
	store := &afterNames{Store: h.store, then: func() { same(t, "meanwhile", h.RunJob(t.Context(), jobs[3]), nil) }}
	node := approval.NewService(approval.Deps{Store: store, Policy: h.rule, Documents: approvaltest.Documents{}, Clock: h.clock, IDs: h.IDs, Broker: h.broker})
	for i, err := range node.RunTogether(t.Context(), jobs) {
		want := approval.Code("")
		if jobs[i].Petition == early.Name {
			want = approval.Unavailable
		}
		same(t, fmt.Sprint("job ", i), approval.CodeOf(err), want)
	}
	for i, p := range all {
		h.closes(p)
		log := []string{"access/request", "access/grant", "access/end", "access/close"}
		if p.Name == early.Name {
			log = log[:2]
		}
		sameList(t, fmt.Sprint("log of ", i), h.log(p), log...)
		h.conserves(p)
	}
}

// A database that is away is asked once for all of them, and each comes again.
func TestEndsWaitTogetherForADatabaseThatIsAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all, jobs := crowd(h)
	h.clock.Advance(time.Hour)
	commits := 0
	h.store.BeforeCommit = func(c approval.Change) error {
		commits++
		return unavailable(c)
	}
	for _, err := range h.RunTogether(t.Context(), jobs) {
		same(t, "job", approval.CodeOf(err), approval.Unavailable)
	}
	same(t, "commits", commits, 1)
	h.store.BeforeCommit = nil
	h.store.AfterCommit = func(c approval.Change) error { // and now the answer gets lost
		h.store.AfterCommit = nil
		return unavailable(c)
	}
	for range 2 {
		h.RunTogether(t.Context(), jobs)
	}
	for _, p := range all[:len(all)-1] {
		h.closes(p)
		sameList(t, "log", h.log(p), "access/request", "access/grant", "access/end", "access/close")
	}
}
