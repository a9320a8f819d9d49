package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// An event of a transaction that began earlier and commits later must not appear behind a cursor: a follower sees
// nothing beyond it until it has ended.
func TestPostgresFollowerWaitsForOlderTransactions(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 4})
	ctx := t.Context()
	older, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = older.Close(context.WithoutCancel(ctx)) }()
	exec := func(text string, args ...any) {
		t.Helper()
		if _, err := older.Exec(ctx, text, args...); err != nil {
			t.Fatal(err)
		}
	}
	insert := func(id string) {
		exec(insertEvent.postgres, "acmecorp", id, "test/x", "", "", int64(0), `{"id":"`+id+`"}`)
	}
	follow := func(after approval.Cursor) (ids []string, last approval.Cursor) {
		t.Helper()
		events, err := s.EventsAfter(ctx, approval.EventQuery{Space: "acmecorp"}, after, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			ids, last = append(ids, e.ID), e.Cursor
		}
		return ids, last
	}
	exec("BEGIN")
	insert("first of the older")
	if err := s.Commit(ctx, approval.Change{Space: "acmecorp", Events: []approval.Event{{ID: "the newer"}}}); err != nil {
		t.Fatal(err)
	}
	page, err := s.Events(ctx, approval.EventQuery{Space: "acmecorp"})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("a list shows %d events (%v), want the one that was answered", len(page.Items), err)
	}
	if ids, _ := follow(approval.Cursor{}); ids != nil {
		t.Fatalf("a follower got %q while an older transaction runs", ids)
	}
	if last, err := s.LastCursor(ctx, "acmecorp"); err != nil || last != (approval.Cursor{}) {
		t.Fatalf("the log's settled end is %v (%v) while an older transaction runs", last, err)
	}
	insert("second of the older") // its number is higher than the newer's
	exec("COMMIT")
	want := []string{"first of the older", "second of the older", "the newer"}
	storetest.Eventually(t, func() bool {
		ids, last := follow(approval.Cursor{})
		end, err := s.LastCursor(ctx, "acmecorp")
		return slices.Equal(ids, want) && err == nil && end == last
	})
}

// Connections that die cost the calls that are under way an answer, nothing more.
func TestPostgresConnectionsAreKilled(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 4})
	p := storetest.NewPetition("acmecorp")
	if err := s.Commit(t.Context(), storetest.Create(p)); err != nil {
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
		_, change := storetest.Decide(p, approval.Resource{ID: "bob"})
		decided <- s.Commit(t.Context(), change)
	}()
	kill := func(condition string) (n int) {
		err := lock.QueryRow(`SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND application_name = 'indent' AND ` + condition).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	storetest.Eventually(t, func() bool { return kill("wait_event_type = 'Lock'") > 0 })
	wantUnavailable(t, <-decided)
	kill("true")
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	storetest.Eventually(t, func() bool { return s.Ping(t.Context()) == nil })
	got, err := s.Petition(t.Context(), "acmecorp", p.Name)
	if err != nil || got.Version != 1 {
		t.Errorf("version %d (%v), want the decision undone", got.Version, err)
	}
}

func TestPostgresOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for url, wanted := range map[string]string{
		"postgres://ada:hunter2@127.0.0.1:1/x?sslmode=disable": "cannot be reached",
		"postgres://ada:hunter2@[::bad/x":                      "address cannot be read",
	} {
		_, err := Open(t.Context(), Options{URL: url})
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("got %v, want %q", err, wanted)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the password is told: %v", err)
		}
	}
}

func TestPostgresCommitsKeepToTheirPlaces(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 1, Queue: 1})
	// A member's row is not merged with the changes of others.
	change := approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutMember{Member: approval.Member{Space: "acmecorp", ID: "bob"}}},
		Events: []approval.Event{{ID: "e"}}}
	if err := s.Commit(t.Context(), change); err != nil {
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
	if _, err := lock.Exec("SELECT 1 FROM members FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- s.Commit(t.Context(), change) }()
	storetest.Eventually(t, func() bool { return len(s.reads.places) == 1 })
	ctx, leave := context.WithCancel(t.Context())
	go func() { second <- s.Commit(ctx, change) }()
	storetest.Eventually(t, func() bool { return s.reads.waiting.Load() == 1 })
	wantUnavailable(t, s.Commit(t.Context(), change))
	leave()
	wantUnavailable(t, <-second)
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-first; err != nil {
		t.Error(err)
	}
}
