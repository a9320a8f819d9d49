package store

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/migrations"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

func TestOpenAgainFindsEverything(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		p := storetest.NewPetition("acmecorp")
		first, err := Open(t.Context(), Options{URL: url, Conns: 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := first.Commit(t.Context(), storetest.Create(p)); err != nil {
			t.Fatal(err)
		}
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		second := openStore(t, Options{URL: url, Conns: 2})
		if _, err := second.Petition(t.Context(), "acmecorp", p.Name); err != nil {
			t.Error(err)
		}
	})
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		s := openStore(t, Options{URL: url, Conns: 2})
		version := migrations.Latest() + 1
		applied := map[string]string{migrations.SQLite: "1", migrations.Postgres: "true"}[s.dialect.name]
		newer := []statement{{dynamic: "INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, " + applied + ")", args: []any{version}}}
		if err := s.write(t.Context(), newer); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), Options{URL: url, Conns: 2})
		if err == nil || !strings.Contains(err.Error(), "newer version of Indent") {
			t.Errorf("got %v, want it refused", err)
		}
	})
}

func TestNodesThatStartAtOnce(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		stores := make(chan *Store, 12)
		for range cap(stores) {
			go func() {
				s, err := Open(t.Context(), Options{URL: url, Conns: 2})
				if err != nil {
					t.Error(err)
				}
				stores <- s
			}()
		}
		for range cap(stores) {
			if s := <-stores; s != nil {
				if err := s.Ping(t.Context()); err != nil {
					t.Error(err)
				}
				_ = s.Close()
			}
		}
	})
}

// The log refuses whoever tries to change or remove an event, whatever way they came in.
func TestLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, s *Store) {
		if err := s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))); err != nil {
			t.Fatal(err)
		}
		attempts := []string{"UPDATE events SET doc = '{}'", "UPDATE events SET seq = seq + 1", "DELETE FROM events"}
		if s.dialect == postgresDialect {
			attempts = append(attempts, "TRUNCATE events")
		}
		for _, attempt := range attempts {
			err := s.engine.commit(t.Context(), []statement{{dynamic: attempt}})
			if err == nil || !strings.Contains(err.Error(), "append-only") {
				t.Errorf("%s: got %v, want it refused", attempt, err)
			}
		}
		page, err := s.Events(t.Context(), approval.EventQuery{Space: "acmecorp"})
		if err != nil || len(page.Items) != 1 || page.Items[0].ID == "" {
			t.Errorf("the event is %v (%v)", page.Items, err)
		}
	})
}

func TestClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		s, err := Open(t.Context(), Options{URL: url, Conns: 2})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
		<-s.Broker().Done()
		wantUnavailable(t, s.Commit(t.Context(), storetest.Create(storetest.NewPetition("acmecorp"))))
		_, err = s.Petition(t.Context(), "acmecorp", "a")
		wantUnavailable(t, err)
		wantUnavailable(t, s.Ping(t.Context()))
	})
}

// A directory that an older version has written is found by its names in any case: a confirmation that one of its entries
// demands must not be escaped until somebody writes the entry again.
func TestNamesOfAnOlderDirectoryAreFound(t *testing.T) {
	t.Parallel()
	eachURL(t, func(t *testing.T, url string) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		engine, dialect := migrations.SQLite, goose.DialectSQLite3
		open := func() (*sql.DB, error) { return openPool(dsn(url), 1) }
		if strings.HasPrefix(url, "postgres") {
			engine, dialect = migrations.Postgres, goose.DialectPostgres
			open = func() (*sql.DB, error) { return sql.Open("pgx", url) }
		}
		db, err := open()
		must(err)
		older, err := goose.NewProvider(dialect, db, migrations.For(engine), goose.WithDisableGlobalRegistry(true))
		must(err)
		_, err = older.UpTo(t.Context(), 9)
		must(err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO resources (space, name, id, views, words, doc) VALUES ('acmecorp', 'db', 'Prod-DB', 0, '', '{"id":"Prod-DB"}')`)
		must(err)
		must(db.Close())
		s := openStore(t, Options{URL: url, Conns: 2})
		found, err := s.ResourcesNamed(t.Context(), "acmecorp", []string{"prod-db"})
		if err != nil || len(found) != 1 || found[0].ID != "Prod-DB" {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

// A driver that binds placeholders by their order in the text swaps values without a word.
func TestPlaceholdersBindByNumber(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, s *Store) {
		const text = "SELECT CAST($2 AS text), CAST($1 AS text), CAST($3 AS text), CAST($1 AS text)"
		rows, err := s.engine.query(t.Context(), text, false, []any{"one", "two", "three"})
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var a, b, c, d string
		if !rows.Next() || rows.Scan(&a, &b, &c, &d) != nil || a != "two" || b != "one" || c != "three" || d != "one" {
			t.Errorf("got %q %q %q %q", a, b, c, d)
		}
		if err := rows.Err(); err != nil {
			t.Error(err)
		}
	})
}

func TestStepsInEachEnginesWords(t *testing.T) {
	t.Parallel()
	const step = `-- text and integer in a comment stay
CREATE TABLE a (
    seq  integer PRIMARY KEY,
    name text    NOT NULL,
    at   integer NOT NULL
) STRICT, WITHOUT ROWID;
-- +engine sqlite
CREATE text;
-- +engine postgres
CREATE integer;
-- +engine both
CREATE INDEX b ON a (name);
`
	for engine, want := range map[string]string{
		migrations.SQLite: "-- text and integer in a comment stay\nCREATE TABLE a (\n    seq  integer PRIMARY KEY,\n    name text    NOT NULL,\n" +
			"    at   integer NOT NULL\n) STRICT, WITHOUT ROWID;\nCREATE text;\nCREATE INDEX b ON a (name);\n",
		migrations.Postgres: "-- text and integer in a comment stay\nCREATE TABLE a (\n    seq  bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,\n" +
			"    name text COLLATE \"C\"    NOT NULL,\n    at   bigint NOT NULL\n);\nCREATE integer;\nCREATE INDEX b ON a (name);\n",
	} {
		if got := migrations.Translate(step, engine); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", engine, got, want)
		}
	}
}
