package store

import (
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// Of changes that are committed together, each has the answer that it would have alone, and what is refused takes
// nothing with it.
func TestPostgresMergedChangesAreAnsweredEach(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	for name, serializable := range map[string]bool{"read committed": false, "serializable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openStore(t, Options{URL: postgresURL(t), Conns: 4, Serializable: serializable})
			decided := storetest.NewPetition("acmecorp")
			if err := s.Commit(t.Context(), storetest.Create(decided)); err != nil {
				t.Fatal(err)
			}
			if _, change := storetest.Decide(decided, approval.Resource{ID: "bob"}); s.Commit(t.Context(), change) != nil {
				t.Fatal("the first decision was refused")
			}
			var batch []*pending
			var names []string
			for n := range 21 {
				p := storetest.NewPetition("acmecorp")
				change := storetest.Create(p)
				switch n {
				case 5: // a decision on what was decided
					_, change = storetest.Decide(decided, approval.Resource{ID: "carol"})
				case 7: // what was made before
					change = storetest.Create(decided)
				case 11: // what the server cannot store
					change.Events[0].ID = "a\x00b"
				case 20: // a second petition of the same name
					p.Name = names[0]
					change = storetest.Create(p)
				default:
					names = append(names, p.Name)
				}
				batch = append(batch, pendingOf(t, change))
			}
			s.engine.(*postgresEngine).commitBatch(slices.Clone(batch))
			for n, p := range batch {
				if err := <-p.answer; (err == errAlone) != slices.Contains([]int{5, 7, 11, 20}, n) {
					t.Errorf("change %d: %v", n, err)
				}
			}
			for _, name := range names {
				if _, err := s.Petition(t.Context(), "acmecorp", name); err != nil {
					t.Errorf("petition %s: %v", name, err)
				}
			}
			page, err := s.Events(t.Context(), approval.EventQuery{Space: "acmecorp"})
			if want := 3 + len(names); err != nil || len(page.Items) != want {
				t.Errorf("%d events (%v), want %d: one for each change that was written", len(page.Items), err, want)
			}
		})
	}
}

func pendingOf(t *testing.T, c approval.Change) *pending {
	t.Helper()
	p := plan{space: c.Space}
	for _, w := range inOrder(c.Writes) {
		p.write(w)
	}
	for i := range c.Events {
		p.event(&c.Events[i])
	}
	rows, merges := rowsOf(p.statements)
	if p.err != nil || !merges {
		t.Fatalf("the change is not one of those that are merged (%v)", p.err)
	}
	return &pending{statements: p.statements, rows: rows, answer: make(chan error, 1)}
}

// A row that somebody else holds stops the change that writes it, and no other.
func TestPostgresALockedRowHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 4})
	held := storetest.NewPetition("acmecorp")
	if err := s.Commit(t.Context(), storetest.Create(held)); err != nil {
		t.Fatal(err)
	}
	admin, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	lock, err := admin.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec("SELECT 1 FROM petitions FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	decided := make(chan error, 1)
	go func() {
		_, change := storetest.Decide(held, approval.Resource{ID: "bob"})
		decided <- s.Commit(t.Context(), change)
	}()
	var others sync.WaitGroup
	for n := range 100 {
		others.Go(func() {
			if err := s.Commit(t.Context(), approval.Change{Space: "acmecorp", Events: []approval.Event{{ID: fmt.Sprint(n)}}}); err != nil {
				t.Error(err)
			}
		})
	}
	others.Wait()
	select {
	case err := <-decided:
		t.Fatalf("the change of the row that is held was answered: %v", err)
	default:
	}
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-decided; err != nil {
		t.Error(err)
	}
}
