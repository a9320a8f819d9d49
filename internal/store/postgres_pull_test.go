package store

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// A pull looks up what it needs, also while the planner has no statistics of the tables that the pull fills: no statement of it may read
// the directory, or a pull of many takes as many times as long.
func TestPostgresAPullReadsWhatItLooksForWithoutStatistics(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	const many = 1500
	url := postgresURL(t)
	s := openStore(t, Options{URL: url, Conns: 4})
	for _, table := range []string{"resources", "resource_search", "aliases", "pulled", "pulls", "events", "jobs", "group_members"} {
		administer(t, url, "ALTER TABLE "+table+" SET (autovacuum_enabled = off)")
	}
	p := newPuller(t, s)
	p.pull(many, "Role")
	p.pull(many, "Role")
	p.pull(many, "The role")
	p.pull(0, "")
	if err := s.Close(); err != nil { // what a session has counted is certain to be seen when it has ended
		t.Fatal(err)
	}
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes
		UNION ALL SELECT relname, seq_tup_read FROM pg_stat_user_tables ORDER BY 2 DESC`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	const each = 25 // for each resource, in four pulls
	for rows.Next() {
		var name string
		var read int64
		if err := rows.Scan(&name, &read); err != nil {
			t.Fatal(err)
		}
		if read > each*many {
			t.Errorf("%s: %d rows were read for %d resources", name, read, many)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
}
