package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

func TestSQLiteFilesAreTheOwnersOnly(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/a b?c#d%20.db" // names that an address could misread
	s := openStore(t, Options{URL: "sqlite:" + path})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal", path + "-shm"} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want -rw-------", file, info, err)
		}
	}
}

func TestSQLiteFileThatOthersCouldRead(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	openStore(t, Options{URL: path})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v; want -rw-------", info, err)
	}
}

func TestSQLiteOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	garbage := folder + "/garbage.db"
	if err := os.WriteFile(garbage, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for url, wanted := range map[string]string{
		"":                       "name a file",
		":memory:":               "name a file",
		folder:                   "is a folder",
		folder + "/":             "is a folder",
		folder + "/none/x.db":    "does not exist: make it first",
		garbage:                  "file is not a database",
		"sqlite:" + folder + "/": "is a folder",
	} {
		s, err := Open(t.Context(), Options{URL: url})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), wanted) {
			t.Errorf("%q: got %v, want %q", url, err, wanted)
		}
	}
}

// A full disk refuses changes, keeps what was answered, and the store goes on when there is room again.
func TestSQLiteDiskFull(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: sqliteURL(t)})
	limit := func(pages int) {
		t.Helper()
		if err := s.write(t.Context(), []statement{{dynamic: fmt.Sprint("PRAGMA max_page_count = ", pages)}}); err != nil {
			t.Fatal(err)
		}
	}
	limit(150)
	var kept []approval.Petition
	var full error
	for full == nil {
		p := storetest.NewPetition("acmecorp")
		if full = s.Commit(t.Context(), storetest.Create(p)); full == nil {
			kept = append(kept, p)
		}
	}
	wantUnavailable(t, full)
	for range 3 {
		p := storetest.NewPetition("acmecorp")
		p.Reason = strings.Repeat("long ", 3000)
		wantUnavailable(t, s.Commit(t.Context(), storetest.Create(p)))
		if _, err := s.Petition(t.Context(), "acmecorp", p.Name); approval.CodeOf(err) != approval.NotFound {
			t.Errorf("a petition that was refused: %v", err)
		}
	}
	limit(100_000)
	kept = append(kept, storetest.NewPetition("acmecorp"))
	if err := s.Commit(t.Context(), storetest.Create(kept[len(kept)-1])); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	for _, p := range kept {
		if _, err := s.Petition(t.Context(), "acmecorp", p.Name); err != nil {
			t.Error(err)
		}
	}
	events, err := s.EventsAfter(t.Context(), approval.EventQuery{Space: "acmecorp"}, approval.Cursor{}, 10_000)
	if err != nil || len(events) != len(kept) {
		t.Errorf("%d events (%v) for %d petitions", len(events), err, len(kept))
	}
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	var e *approval.Error
	if !errors.As(err, &e) || e.Code != approval.Unavailable || e.RetryAfter == 0 {
		t.Errorf("got %v, want unavailable with a time to come back", err)
	}
	if e != nil && e.Unwrap() == nil {
		t.Errorf("%v has no cause for the log", err)
	}
}

// While another process holds the file, changes wait; what is too many is refused at once, and who leaves is told.
func TestSQLiteQueueIsBounded(t *testing.T) {
	t.Parallel()
	path := sqliteURL(t)
	s := openStore(t, Options{URL: path, Queue: 1})
	release := holdWriteLock(t, path)
	commit := func(ctx context.Context) error {
		return s.Commit(ctx, storetest.Create(storetest.NewPetition("acmecorp")))
	}
	w := s.engine.(*sqliteEngine).writer
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- commit(t.Context()) }()
	storetest.Eventually(t, func() bool { return w.batches.Load() == 1 }) // it waits for the file
	ctx, leave := context.WithCancel(t.Context())
	go func() { second <- commit(ctx) }()
	storetest.Eventually(t, func() bool { return len(w.queue) == 1 })
	wantUnavailable(t, commit(t.Context()))
	leave()
	wantUnavailable(t, <-second)
	release()
	if err := <-first; err != nil {
		t.Errorf("who waited for the file: %v", err)
	}
	storetest.Eventually(t, func() bool { return len(w.queue) == 0 })
	if err := commit(t.Context()); err != nil {
		t.Error(err)
	}
}

// holdWriteLock is another process in the middle of a transaction.
func holdWriteLock(t *testing.T, path string) (release func()) {
	t.Helper()
	db, err := openPool(dsn(path), 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Error(err)
		}
		_ = conn.Close()
	}
}

// The lists that people see read by an index in the list's order: no plan sorts or walks a whole table.
func TestSQLitePlans(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: sqliteURL(t)})
	label := approval.Selector{{Key: "a", Operator: approval.In, Values: []string{"b"}}}
	token := approval.PageKey{Number: 7}.Token()
	for name, q := range map[string]approval.PetitionQuery{
		"all": {}, "open": {Phases: []approval.Phase{approval.Open}}, "mine": {Petitioner: "ada"}, "labelled": {Selector: label},
		"search": {Words: []string{"reset"}}, "search in phase": {Words: []string{"reset"}, Phases: []approval.Phase{approval.Closed}},
	} {
		for _, page := range []approval.PageRequest{{}, {Token: token}, {Ascending: true}} {
			q.Space, q.Page = "acmecorp", page
			q.Page.Size = 50
			conditions, _ := conditionsOf(q.Words, q.Petitioner, q.Selector)
			l := petitionLister{s, q, conditions, 7, page.Token != ""}
			texts := []*petitionText{l.list()}
			if len(conditions) > 0 {
				texts = append(texts, l.walk(usualWalks.all), l.beyond(usualWalks.all), l.notIndexed(7), l.indexed(conditions, 7))
			}
			for _, text := range texts {
				provePlan(t, s, name, text.String(), text.args)
			}
		}
	}
	for index, q := range map[string]approval.EventQuery{"events_by_log": {Since: storetest.Start}, "events_by_petition": {Petition: "a"},
		"events_by_actor": {Actor: "a"}, "events_by_event": {Event: approval.EventDeny}} {
		for _, part := range []span{{}, {after: approval.Cursor{Seq: 7}}, {before: approval.Cursor{Seq: 7}, hasBefore: true}} {
			for _, ascending := range []bool{false, true} {
				l := eventList{dialect: s.dialect}
				l.begin(q)
				l.within(part)
				l.order(ascending, 51)
				plan := provePlan(t, s, index, l.String(), l.args)
				bounded := part == span{} || strings.Contains(plan, "AND tx=? AND rowid") || strings.Contains(plan, "AND tx=? AND seq")
				if !bounded || !strings.Contains(plan, "INDEX "+index+" ") {
					t.Errorf("%s: %s does not begin at the cursor of this index", index, plan)
				}
			}
		}
	}
	for name, text := range map[string]*text{"petition": selectPetition, "member": selectMember, "token": selectTokenByHash,
		"last event": selectLastCursor, "policy": selectPolicy} {
		provePlan(t, s, name, text.sqlite, []any{"a", "b", "c"}[:strings.Count(text.sqlite, "$")])
	}
}

func provePlan(t *testing.T, s *Store, name, text string, args []any) string {
	t.Helper()
	var plan []string
	err := s.read(t.Context(), t.Context(), query{text: "EXPLAIN QUERY PLAN " + text, args: args}, func() { plan = nil }, func(rows *sql.Rows) error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for _, step := range plan {
		walk := strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "VIRTUAL TABLE") && step != "SCAN d"
		if strings.Contains(step, "TEMP B-TREE") || walk {
			t.Errorf("%s: %q\nin the plan %q\nof %s", name, step, plan, text)
		}
	}
	return strings.Join(plan, "; ")
}
