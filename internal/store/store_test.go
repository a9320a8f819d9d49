package store

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// postgresVariable names the URL of a superuser on a scratch PostgreSQL server.
const postgresVariable = "INDENT_TEST_POSTGRES"

func TestMain(m *testing.M) {
	if url := os.Getenv(childVariable); url != "" {
		commitUntilKilled(url)
	}
	if job := os.Getenv(copierVariable); job != "" {
		copyUntilKilled(job)
	}
	goleak.VerifyTestMain(m)
}

func TestSQLiteKeepsThePort(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) approval.Store {
		return shortSighted(openStore(t, Options{URL: sqliteURL(t)}))
	})
}

// shortSighted makes the search ask its index among the suite's few petitions too, not only walk over them.
func shortSighted(s *Store) *Store {
	s.walks = walks{all: 5, notClosed: 2, gather: 3, price: 1}
	s.samples.size = 4
	s.times.block = 3
	if s.late != nil {
		s.late.most = 2
	}
	return s
}

func TestPostgresKeepsThePort(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	for name, serializable := range map[string]bool{"read committed": false, "serializable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, func(t *testing.T) approval.Store {
				return shortSighted(openStore(t, Options{URL: postgresURL(t), Serializable: serializable, Conns: 4}))
			})
		})
	}
}

// onEachEngine runs a test on a store of each engine.
func onEachEngine(t *testing.T, test func(*testing.T, *Store)) {
	t.Helper()
	eachURL(t, func(t *testing.T, url string) { test(t, openStore(t, Options{URL: url, Conns: 4})) })
}

// eachURL runs a test on an empty database of each engine.
func eachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, sqliteURL(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if havePostgres(t) {
			test(t, postgresURL(t))
		}
	})
}

// havePostgres answers whether there is a server to test against. A run that is asked for everything fails without one.
// Any other run goes on, as `go test ./...` proves almost everything with nothing installed; its test is not marked as
// one that was left out, which would look as if it had passed judgement on its subject.
func havePostgres(t testing.TB) bool {
	t.Helper()
	if os.Getenv(postgresVariable) != "" {
		return true
	}
	how := "set " + postgresVariable + " to the URL of a superuser on a scratch server, or run scripts/postgres.py go test ./internal/store/..."
	if os.Getenv("CI") == "true" || os.Getenv("INDENT_TEST_REQUIRE_POSTGRES") == "1" {
		t.Fatal("the PostgreSQL half of this test is required here: " + how)
	}
	t.Log("NOT PROVED: the PostgreSQL half of this test did not run: " + how)
	return false
}

func openStore(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func sqliteURL(t testing.TB) string { return t.TempDir() + "/indent.db" }

// postgresURL makes an empty database and answers its address; the test's end removes it.
func postgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv(postgresVariable)
	var random [6]byte
	_, _ = rand.Read(random[:])
	name := "indent_test_" + hex.EncodeToString(random[:])
	administer(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	t.Cleanup(func() { administer(t, server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func administer(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("PostgreSQL at $%s does not answer: %v", postgresVariable, err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
