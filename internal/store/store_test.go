package store_test

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/store"
)

// postgresVariable names the URL of a superuser on a scratch PostgreSQL server.
const postgresVariable = "INDENT_TEST_POSTGRES"

func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), o)
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
