package store

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// jam is a store whose only connection is taken by a change that waits for a row: whatever else comes queues.
type jam struct {
	*testing.T
	*Store
	admin *sql.DB
	lock  *sql.Tx
	first chan error
}

// elsewhere is the space of the change that takes the connection.
const elsewhere = "othercorp"

func newJam(t *testing.T, o Options, prepare func(j *jam)) *jam {
	t.Helper()
	o.URL, o.Conns, o.Timeout = postgresURL(t), 1, time.Minute
	j := &jam{T: t, Store: openStore(t, o), first: make(chan error, 1)}
	// A member's row is not merged with the changes of others.
	change := approval.Change{Space: elsewhere, Writes: []approval.Write{approval.PutMember{Member: approval.Member{Space: elsewhere, ID: "bob"}}},
		Events: []approval.Event{{ID: "e"}}}
	j.must(j.Commit(t.Context(), change))
	var err error
	j.admin, err = sql.Open("pgx", o.URL)
	j.must(err)
	t.Cleanup(func() { _ = j.admin.Close() })
	prepare(j)
	j.lock, err = j.admin.BeginTx(t.Context(), nil)
	j.must(err)
	_, err = j.lock.Exec("SELECT 1 FROM members FOR UPDATE")
	j.must(err)
	go func() { j.first <- j.Commit(t.Context(), change) }()
	storetest.Eventually(t, func() bool { return len(j.Store.reads.places) == 1 })
	return j
}

func (j *jam) must(err error) {
	j.Helper()
	if err != nil {
		j.Fatal(err)
	}
}

// release lets the change through that takes the connection, and then all others.
func (j *jam) release() {
	j.Helper()
	j.must(j.lock.Rollback())
	j.must(<-j.first)
}

func (j *jam) engine() *postgresEngine { return j.Store.engine.(*postgresEngine) }

// count answers the one number that a query answers.
func (j *jam) count(query string) (n int) {
	j.Helper()
	j.must(j.admin.QueryRowContext(j.Context(), query).Scan(&n))
	return n
}

// queued answers how many wait for the next run.
func queued[T any](b *batcher[T]) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// What is too much for the queues of what is merged is refused at once with a time to come back, and leaves nothing; what
// was let in is done.
func TestPostgresQueuesOfMergedWorkAreBounded(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	const most = 4
	j := newJam(t, Options{Queue: most}, func(*jam) {})
	gate := j.Store.reads
	var petitions []approval.Petition
	commits, reads := make(chan error, 1+most), make(chan error, 1+most)
	commit := func() {
		p := storetest.NewPetition("acmecorp")
		petitions = append(petitions, p)
		go func() { commits <- j.Commit(j.Context(), storetest.Create(p)) }()
	}
	read := func(name string) {
		go func() {
			_, err := j.Petition(j.Context(), "acmecorp", name)
			reads <- err
		}()
	}
	commit() // the first is a run by itself, which waits for its turn
	storetest.Eventually(t, func() bool { return gate.waiting.Load() == 1 })
	read(petitions[0].Name)
	storetest.Eventually(t, func() bool { return gate.waiting.Load() == 2 })
	for n := range most {
		commit()
		read(petitions[0].Name)
		storetest.Eventually(t, func() bool { return queued(j.engine().merger) == n+1 && queued(&j.engine().reads.batcher) == n+1 })
	}
	refused := storetest.NewPetition("acmecorp")
	for range 3 {
		wantUnavailable(t, j.Commit(j.Context(), storetest.Create(refused)))
		_, err := j.Petition(j.Context(), "acmecorp", petitions[0].Name)
		wantUnavailable(t, err)
	}
	if len(commits)+len(reads) > 0 {
		t.Error("what was let in was answered before its turn")
	}

	j.release()
	for range 1 + most {
		j.must(<-commits)
		if err := <-reads; err != nil && approval.CodeOf(err) != approval.NotFound {
			t.Error(err)
		}
	}
	for _, p := range petitions {
		_, err := j.Petition(j.Context(), "acmecorp", p.Name)
		j.must(err)
	}
	for query, want := range map[string]int{
		"SELECT count(*) FROM petitions":                                      len(petitions),
		"SELECT count(*) FROM events WHERE space = 'acmecorp'":                len(petitions),
		"SELECT count(*) FROM petitions WHERE name = '" + refused.Name + "'":  0,
		"SELECT count(*) FROM events WHERE petition = '" + refused.Name + "'": 0,
		"SELECT count(*) FROM jobs WHERE petition = '" + refused.Name + "'":   0,
	} {
		if n := j.count(query); n != want {
			t.Errorf("%s: %d, want %d", query, n, want)
		}
	}
	j.must(j.Commit(j.Context(), storetest.Create(refused))) // who comes back is served
}

// Who leaves while its change is queued is told so, and the change is not made.
func TestPostgresAQueuedChangeWhoseCallerLeavesIsNotMade(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	j := newJam(t, Options{}, func(*jam) {})
	stays, leaves := storetest.NewPetition("acmecorp"), storetest.NewPetition("acmecorp")
	ctx, leave := context.WithCancel(t.Context())
	answers, left := make(chan error, 1), make(chan error, 1)
	go func() { answers <- j.Commit(t.Context(), storetest.Create(stays)) }()
	storetest.Eventually(t, func() bool { return j.Store.reads.waiting.Load() == 1 })
	go func() { left <- j.Commit(ctx, storetest.Create(leaves)) }()
	storetest.Eventually(t, func() bool { return queued(j.engine().merger) == 1 })
	leave()
	wantUnavailable(t, <-left)
	j.release()
	j.must(<-answers)
	if n := j.count("SELECT count(*) FROM events WHERE space = 'acmecorp'"); n != 1 {
		t.Errorf("%d events, want only that of who stayed", n)
	}
}

// loseRaces makes the space's next transactions lose a race at their very end, where distributed engines decide it.
func (j *jam) loseRaces(n int) {
	j.Helper()
	for _, statement := range []string{
		"CREATE SEQUENCE races",
		fmt.Sprintf(`CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF NEW.space = 'acmecorp' AND nextval('races') <= %d THEN RAISE EXCEPTION 'lost' USING ERRCODE = '40001'; END IF;
			RETURN NULL;
		END $$`, n),
		"CREATE CONSTRAINT TRIGGER lose AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose()",
	} {
		_, err := j.admin.ExecContext(j.Context(), statement)
		j.must(err)
	}
}

// A merged transaction that loses a race at its COMMIT is run again, in halves and in the end alone; each change is
// answered, and made once.
func TestPostgresARaceLostAtTheEndOfABatchHasOneEffect(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	// The sixteen are one batch. One: it loses, its halves do not. Thirty-six: everything that is merged does, thirty-one
	// times, down to single changes, and what is alone then as well.
	for _, races := range []int{1, 36} {
		for name, serializable := range map[string]bool{"read committed": false, "serializable": true} {
			t.Run(fmt.Sprint(races, " ", name), func(t *testing.T) {
				t.Parallel()
				raceAtTheEnd(t, races, serializable)
			})
		}
	}
}

func raceAtTheEnd(t *testing.T, races int, serializable bool) {
	t.Helper()
	const created, decided = 12, 4
	var petitions []approval.Petition
	var changes []approval.Change
	j := newJam(t, Options{Serializable: serializable}, func(j *jam) {
		for n := range created + decided {
			p := storetest.NewPetition("acmecorp")
			change := storetest.Create(p)
			if n < decided {
				j.must(j.Commit(t.Context(), change))
				p, change = storetest.Decide(p, approval.Resource{ID: "bob"})
			}
			petitions, changes = append(petitions, p), append(changes, change)
		}
		j.loseRaces(races)
	})
	answers := make(chan error, 1+len(changes))
	commit := func(c approval.Change) { answers <- j.Commit(j.Context(), c) }
	// What comes first is a batch of its own.
	go commit(approval.Change{Space: elsewhere, Events: []approval.Event{{ID: "first"}}})
	storetest.Eventually(t, func() bool { return j.Store.reads.waiting.Load() == 1 })
	before := j.engine().commits.Load()
	for n, change := range changes {
		go commit(change)
		storetest.Eventually(t, func() bool { return queued(j.engine().merger) == n+1 })
	}
	j.release()
	for range 1 + len(changes) {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	j.isStored(petitions)
	events := 0
	for _, c := range changes {
		events += len(c.Events)
	}
	if n := j.count("SELECT count(*) FROM events WHERE space = 'acmecorp'"); n != decided+events {
		t.Errorf("%d events, want %d: those of each change once", n, decided+events)
	}
	if n := j.count("SELECT count(*) FROM votes"); n != decided {
		t.Errorf("%d votes, want %d", n, decided)
	}
	if n := j.count("SELECT last_value FROM races"); n < races {
		t.Errorf("%d transactions lost their race, want %d", n, races)
	}
	// Two more: of the change that took the connection, and of what came first.
	if took := j.engine().commits.Load() - before - 2; races < len(changes) && took >= int64(len(changes)) {
		t.Errorf("%d transactions made %d changes: nothing was merged", took, len(changes))
	}
}

// isStored fails the test unless the petitions are stored as they were committed.
func (j *jam) isStored(petitions []approval.Petition) {
	j.Helper()
	for _, p := range petitions {
		got, err := j.Petition(j.Context(), "acmecorp", p.Name)
		if err != nil || got.Version != p.Version || got.Phase != p.Phase {
			j.Errorf("petition %s: %s, version %d, %v; want %s, version %d", p.Name, got.Phase, got.Version, err, p.Phase, p.Version)
		}
	}
}
