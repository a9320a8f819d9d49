package store

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/approval"
)

// A search asks the index of words and looks up what it finds, also where the planner has no statistics yet and takes the
// words to be in one petition: it must not read all of the space's for that one.
func TestPostgresASearchLooksUpWhatItFindsWithoutStatistics(t *testing.T) {
	t.Parallel()
	if !havePostgres(t) {
		return
	}
	url := postgresURL(t)
	// The costs are those of a table that is large: there a planner likes to start more processes, and to walk.
	s := openStore(t, Options{URL: url + "&parallel_setup_cost=0&parallel_tuple_cost=0&min_parallel_table_scan_size=0&seq_page_cost=0.1", Conns: 4})
	administer(t, url, `ALTER TABLE petitions SET (autovacuum_enabled = off)`)
	administer(t, url, `ALTER TABLE petition_search SET (autovacuum_enabled = off)`)
	// As many rows as a planner would rather walk than look up; the documents do not matter.
	administer(t, url, `INSERT INTO petitions (space, name, version, phase, create_time, words, doc)
		SELECT 'acmecorp', 'p' || n, 1, 'closed', n, ' #acmecorp recover rare' || n, repeat('x', 1200) FROM generate_series(1, 20000) n`)
	administer(t, url, `INSERT INTO petition_search (rowid, words)
		SELECT seq, array_to_tsvector(string_to_array(substr(words, 2), ' ')) FROM petitions`)
	q := approval.PetitionQuery{Space: "acmecorp", Words: []string{"rare777"}, Page: approval.PageRequest{Size: 50}}
	conditions, _ := conditionsOf(q.Words, "", nil)
	text := petitionLister{Store: s, query: q, conditions: conditions}.indexed(searchable(conditions), 0)
	var plan []string
	err := s.engine.(*postgresEngine).withConn(t.Context(), func(ctx context.Context, conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, "EXPLAIN "+text.String(), text.args...)
		if err != nil {
			return err
		}
		plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	whole := strings.Join(plan, "\n")
	if !strings.Contains(whole, "petition_search_by_words") || !strings.Contains(whole, "Index Cond: (seq = ((petition_search.rowid + 0)))") ||
		strings.Contains(whole, "petitions_by_") || strings.Contains(whole, "petition_search_pkey") || strings.Contains(whole, "Gather") {
		t.Errorf("the search goes another way:\n%s", whole)
	}
}
