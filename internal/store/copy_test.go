package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/migrations"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// eachDirection runs a test on a source and a target of different engines, both empty.
func eachDirection(t *testing.T, test func(t *testing.T, from, to string)) {
	t.Helper()
	if !havePostgres(t) {
		return
	}
	t.Run("to postgres", func(t *testing.T) { t.Parallel(); test(t, sqliteURL(t), postgresURL(t)) })
	t.Run("to sqlite", func(t *testing.T) { t.Parallel(); test(t, postgresURL(t), sqliteURL(t)) })
}

// fill makes petitions, every third of them decided, and resources, and answers the petitions' names in order.
func fill(t *testing.T, url string, petitions int) (names []string) {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	commit := func(c approval.Change) {
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	first := storetest.NewPetition("acmecorp")
	commit(approval.Change{Space: "acmecorp", Events: []approval.Event{storetest.Event(first, "space/create", first.CreatedBy)},
		Writes: []approval.Write{approval.PutSpace{Space: approval.Space{Name: "acmecorp", DisplayName: "Äcme\tCorp ☂ \U0001F600"}}}})
	for i := range petitions {
		p := storetest.NewPetition("acmecorp")
		names = append(names, p.Name)
		commit(storetest.Create(p))
		if i%3 == 0 {
			_, decide := storetest.Decide(p, approval.Resource{ID: "bob"})
			commit(decide)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return names
}

func copyAll(t *testing.T, o CopyOptions) CopyReport {
	t.Helper()
	report, err := Copy(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// listed answers what people see of a database, in order, and proves that the words are found.
func listed(t *testing.T, s *Store, petitions int) (names, events []string) {
	t.Helper()
	for _, words := range [][]string{nil, {"customer"}} {
		page := approval.PageRequest{Size: 50}
		var found []string
		for {
			got, err := s.Petitions(t.Context(), approval.PetitionQuery{Space: "acmecorp", Words: words, Page: page})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range got.Items {
				found = append(found, fmt.Sprint(p.Name, " ", p.Phase, " ", p.Version))
			}
			if page.Token = got.Next; page.Token == "" {
				break
			}
		}
		if len(found) != petitions || names != nil && !slices.Equal(names, found) {
			t.Errorf("%d petitions are listed with the words %v, want %d in the same order", len(found), words, petitions)
		}
		names = found
	}
	for _, e := range wholeLog(t, s) {
		events = append(events, e.ID+" "+e.Event)
	}
	return names, events
}

// wholeLog reads page by page, which does not wait until transactions of others have ended, as followers of the log do.
func wholeLog(t *testing.T, s *Store) (log []approval.Event) {
	t.Helper()
	query := approval.EventQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 30, Ascending: true}}
	for {
		page, err := s.Events(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		log = append(log, page.Items...)
		if query.Page.Token = page.Next; page.Next == "" {
			return log
		}
	}
}

// see opens a database, lists it and closes it.
func see(t *testing.T, url string, petitions int) (names, events []string) {
	t.Helper()
	s, err := Open(t.Context(), Options{URL: url, Conns: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	return listed(t, shortSighted(s), petitions)
}

func TestCopyIsTheSame(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		const n = 70
		fill(t, from, n)
		wantNames, wantEvents := see(t, from, n)
		report := copyAll(t, CopyOptions{From: from, To: to, Batch: 16})
		if len(report.Tables) != len(copiedTables) || report.Resumed {
			t.Errorf("the report is %+v", report)
		}
		for _, table := range report.Tables {
			if table.Name == "petitions" && (table.Rows != n || len(table.Digest) != len("sha256:")+64) {
				t.Errorf("petitions: %+v", table)
			}
		}
		names, events := see(t, to, n)
		if !slices.Equal(names, wantNames) || !slices.Equal(events, wantEvents) {
			t.Error("the target lists other petitions or events than the source")
		}
		proveSameSchema(t, to)
	})
}

// proveSameSchema compares a database that was filled with one that was made: nothing is missing, nothing is left over.
func proveSameSchema(t *testing.T, url string) {
	t.Helper()
	fresh := sqliteURL(t)
	if isPostgres(url) {
		fresh = postgresURL(t)
	}
	shapes := map[string]map[string]string{}
	for _, u := range []string{url, fresh} {
		if err := closed(Open(t.Context(), Options{URL: u, Conns: 2})); err != nil {
			t.Fatal(err)
		}
		s := openSide(t, u)
		query := "SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
		if s.engine == migrations.Postgres {
			query = `SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema()
				UNION ALL SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
				UNION ALL SELECT relname, relkind::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace`
		}
		shape, err := s.texts(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		shapes[u] = shape
	}
	if !maps.Equal(shapes[url], shapes[fresh]) || len(shapes[url]) < len(copiedTables) {
		t.Errorf("the schema is\n%v\nwant\n%v", shapes[url], shapes[fresh])
	}
}

func closed(s *Store, err error) error {
	if err != nil {
		return err
	}
	return s.Close()
}

// openSide opens a database as a copy does, without holding it.
func openSide(t *testing.T, url string) *side {
	t.Helper()
	s, err := dialPostgres(t.Context(), url)
	if !isPostgres(url) {
		s, err = openFile(t.Context(), url)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// What comes after a copy sorts after all that was copied, and what clients kept is good: page tokens, and the cursors of
// SQLite. A cursor of PostgreSQL is refused by SQLite, loudly.
func TestOrderGoesOnAfterACopy(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		const n = 20
		names := fill(t, from, n)
		old := openStore(t, Options{URL: from, Conns: 2})
		query := approval.PetitionQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 5}}
		first, err := old.Petitions(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		log := wholeLog(t, old)
		if err := old.Close(); err != nil {
			t.Fatal(err)
		}
		copyAll(t, CopyOptions{From: from, To: to})
		s := openStore(t, Options{URL: to, Conns: 2})
		later := storetest.NewPetition("acmecorp")
		if err := s.Commit(t.Context(), storetest.Create(later)); err != nil {
			t.Fatal(err)
		}
		newest, err := s.Petitions(t.Context(), approval.PetitionQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 6}})
		if err != nil || newest.Items[0].Name != later.Name || newest.Items[1].Name != first.Items[0].Name {
			t.Errorf("the new petition is not the newest (%v)", err)
		}
		query.Page.Token = first.Next
		second, err := s.Petitions(t.Context(), query)
		if err != nil || len(second.Items) != 5 || second.Items[0].Name != names[n-6] {
			t.Errorf("a page token of before the copy does not go on where the page ended: %v, %v", second.Items, err)
		}
		proveLogGoesOn(t, s, log, later.Name)
	})
}

func proveLogGoesOn(t *testing.T, s *Store, log []approval.Event, later string) {
	t.Helper()
	query := approval.EventQuery{Space: "acmecorp"}
	middle := log[len(log)/2].Cursor
	after, err := s.EventsAfter(t.Context(), query, middle, 100)
	if s.dialect == sqliteDialect {
		if approval.CodeOf(err) != approval.Invalid {
			t.Errorf("a cursor of PostgreSQL on SQLite: %v, %d events", err, len(after))
		}
		if after, err = s.EventsAfter(t.Context(), query, approval.Cursor{}, 100); err == nil {
			after = after[len(log)/2+1:]
		}
	}
	if s.dialect == postgresDialect { // which shows what is new when all older transactions of the server have ended
		storetest.Eventually(t, func() bool {
			after, err = s.EventsAfter(t.Context(), query, middle, 100)
			return err != nil || len(after) > 0 && after[len(after)-1].Petition() == later
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	want := log[len(log)/2+1:]
	if len(after) != len(want)+1 || after[len(want)].Petition() != later {
		t.Fatalf("%d events come after the middle of the log, want %d, the new petition's last", len(after), len(want)+1)
	}
	for i := range want {
		if after[i].ID != want[i].ID || i > 0 && !after[i-1].Cursor.Before(after[i].Cursor) {
			t.Fatalf("the event %d after the middle is another one, or out of order", i)
		}
	}
	last, err := s.LastCursor(t.Context(), "acmecorp")
	if err != nil || last != after[len(after)-1].Cursor {
		t.Errorf("the log ends at %v (%v), want %v", last, err, after[len(after)-1].Cursor)
	}
	newest, err := s.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 1}})
	if err != nil || newest.Items[0].Petition() != later {
		t.Errorf("the newest event is of %v (%v)", newest.Items, err)
	}
}

// A dump that was restored on a server whose transactions have smaller numbers is refused, and what the refusal says to do
// puts it in order.
func TestLogOfAnotherPostgresServer(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	dumped, file, ordered := postgresURL(t), sqliteURL(t), postgresURL(t)
	fill(t, dumped, 8)
	_, want := see(t, dumped, 8)
	administerSide(t, dumped, "ALTER TABLE events DISABLE TRIGGER USER; UPDATE events SET tx = tx + 1000000000; ALTER TABLE events ENABLE TRIGGER USER")
	if err := closed(Open(t.Context(), Options{URL: dumped, Conns: 2})); err == nil || !strings.Contains(err.Error(), "indent migrate --from") {
		t.Fatalf("got %v", err)
	}
	copyAll(t, CopyOptions{From: dumped, To: file})
	copyAll(t, CopyOptions{From: file, To: ordered})
	if _, got := see(t, ordered, 8); !slices.Equal(got, want) {
		t.Errorf("the log is %v, want %v", got, want)
	}
}

// The log of PostgreSQL is ordered by (tx, seq): a transaction that began first may have the later numbers.
func TestLogOutOfOrderIsRenumbered(t *testing.T) {
	t.Parallel()
	r := renumber{tx: 0, seq: 1}
	var got []int64
	for _, row := range [][]any{{int64(0), int64(1)}, {int64(0), int64(4)}, {int64(700), int64(7)}, {int64(701), int64(5)}, {int64(702), int64(6)},
		{int64(703), int64(8)}, {int64(704), int64(20)}} {
		r.row(row)
		if row[0] != int64(0) {
			t.Errorf("tx is %v", row[0])
		}
		got = append(got, row[1].(int64))
	}
	if want := []int64{1, 4, 7, 8, 9, 10, 20}; !slices.Equal(got, want) {
		t.Errorf("numbered %v, want %v", got, want)
	}
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		fill(t, from, 3)
		refused := func(o CopyOptions, want string) {
			t.Helper()
			if _, err := Copy(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: got %v, want %q", o, err, want)
			}
		}
		refused(CopyOptions{From: from, To: from}, "are both")
		refused(CopyOptions{From: to, To: to}, "are both")
		server, err := Open(t.Context(), Options{URL: from, Conns: 2, Alone: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Copy(t.Context(), CopyOptions{From: from, To: to}); !errors.Is(err, ErrInUse) {
			t.Errorf("a source that a server runs on: %v", err)
		}
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
		fill(t, to, 1)
		refused(CopyOptions{From: from, To: to}, "holds data already")
		proveSameSchema(t, to)
		applied := map[bool]string{false: "1", true: "true"}[isPostgres(from)]
		for version, want := range map[int64]string{migrations.Latest() + 1: "newer version", unfinishedCopy: "not ended"} {
			s := openSide(t, from)
			if _, err := s.conn.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, "+applied+")", version); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(s.conn.Close(), s.db.Close(), s.lock.release()); err != nil {
				t.Fatal(err)
			}
			s.conn, s.db, s.lock = nil, nil, nil
			refused(CopyOptions{From: from, To: to}, want)
			administerSide(t, from, fmt.Sprintf("DELETE FROM goose_db_version WHERE version_id = %d", version))
		}
	})
	if _, err := Copy(t.Context(), CopyOptions{From: t.TempDir() + "/none.db", To: "postgres://127.0.0.1:1/none"}); err == nil || !strings.Contains(err.Error(), "there is no database") {
		t.Errorf("got %v", err)
	}
	if err := mustBeCurrent("x", migrations.Latest()-1); migrations.Latest() > 1 && (err == nil || !strings.Contains(err.Error(), "older version")) {
		t.Errorf("got %v", err)
	}
}

func administerSide(t *testing.T, url, statement string) {
	t.Helper()
	s, err := dialPostgres(t.Context(), url)
	if !isPostgres(url) {
		s, err = openFile(t.Context(), url)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.conn.ExecContext(t.Context(), statement)
	if err := errors.Join(err, s.close()); err != nil {
		t.Fatal(err)
	}
}

// Every row is compared: one letter in one row of the target is found and named.
func TestComparisonNamesTheFirstRowThatDiffers(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		names := fill(t, from, 12)
		stopAfter := func(text string) error {
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			_, err := Copy(ctx, CopyOptions{From: from, To: to, Batch: 4, Progress: func(p CopyProgress) {
				if p.Step == "indexed" {
					stop()
				}
			}})
			if err == nil {
				t.Fatal("the copy was to be stopped")
			}
			administerSide(t, to, text)
			_, err = Copy(t.Context(), CopyOptions{From: from, To: to, Batch: 4})
			return err
		}
		err := stopAfter("UPDATE petitions SET doc = doc || ' ' WHERE name = '" + names[7] + "'")
		if want := "in the table petitions the row with seq 8 differs in the column doc"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
		if err := closed(Open(t.Context(), Options{URL: to, Conns: 2})); err == nil || !strings.Contains(err.Error(), "has not finished filling") {
			t.Errorf("a server on a target that is not whole: %v", err)
		}
		administerSide(t, to, "DELETE FROM votes")
		if _, err = Copy(t.Context(), CopyOptions{From: from, To: to, Restart: true}); err != nil {
			t.Fatal(err)
		}
		see(t, to, 12)
		proveSameSchema(t, to)
	})
}

// A source that was used between two runs is not mixed with what was copied before.
func TestCopyOfASourceThatChanged(t *testing.T) {
	t.Parallel()
	eachDirection(t, func(t *testing.T, from, to string) {
		fill(t, from, 9)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		if _, err := Copy(ctx, CopyOptions{From: from, To: to, Batch: 2, Progress: func(CopyProgress) { stop() }}); err == nil {
			t.Fatal("the copy was to be stopped")
		}
		s, err := Open(t.Context(), Options{URL: from, Conns: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))), s.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := Copy(t.Context(), CopyOptions{From: from, To: to}); err == nil || !strings.Contains(err.Error(), "--restart") {
			t.Errorf("got %v", err)
		}
		copyAll(t, CopyOptions{From: from, To: to, Restart: true})
		see(t, to, 10)
	})
}

// A table that somebody adds to the schema is copied, or is named as made from others.
func TestEveryTableOfTheSchemaIsCopied(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		if err := closed(Open(t.Context(), Options{URL: url, Conns: 2})); err != nil {
			t.Fatal(err)
		}
		s := openSide(t, url)
		query := "SELECT name, name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual') AND name NOT LIKE 'sqlite_%'"
		if s.engine == migrations.Postgres {
			query = "SELECT relname, relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
		}
		have, err := s.texts(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"goose_db_version": "goose_db_version"}
		if s.engine == migrations.SQLite {
			want["petition_search_end"] = "petition_search_end" // how far petition_search has come
		}
		for _, name := range append(keys(derivedTables), copiedTables...) {
			want[name] = name
		}
		if !maps.Equal(have, want) {
			t.Errorf("the schema has the tables\n%v and copy.go knows\n%v: put what is missing into copiedTables or derivedTables", keys(have), keys(want))
		}
	})
}
