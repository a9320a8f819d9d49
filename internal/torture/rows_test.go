package torture

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // the driver

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store"
)

// openReader opens an SQLite file to look into it beside the store.
func openReader(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)")
	if err == nil {
		db.SetMaxOpenConns(1)
	}
	return db, err
}

// contents answers all rows of all tables as text, by the petition that they belong to, "" for the rest. What holds
// nothing of the product's is left out: the schema's version, the row of readiness, the insides of indexes.
func contents(ctx context.Context, db *sql.DB) (map[string]string, error) {
	all := map[string]*strings.Builder{}
	names, err := tables(ctx, db)
	if err != nil {
		return nil, err
	}
	for _, table := range names {
		rows, err := db.QueryContext(ctx, `SELECT * FROM "`+table+`"`)
		if err != nil {
			return nil, err
		}
		if err := each(rows, func(columns []string, values []any) {
			petition, text := "", table
			for i, column := range columns {
				text += fmt.Sprintf("|%v", values[i])
				if column == "petition" || column == "name" && table == "petitions" {
					petition = fmt.Sprint(values[i])
				}
			}
			if all[petition] == nil {
				all[petition] = &strings.Builder{}
			}
			all[petition].WriteString(text + "\n")
		}); err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
	}
	texts := map[string]string{}
	for petition, text := range all {
		texts[petition] = text.String()
	}
	return texts, nil
}

func tables(ctx context.Context, db *sql.DB) (names []string, err error) {
	rows, err := db.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
		AND name NOT LIKE '%search%' AND name NOT IN ('goose_db_version', 'readiness') ORDER BY name`)
	if err == nil {
		err = each(rows, func(_ []string, values []any) { names = append(names, fmt.Sprint(values[0])) })
	}
	return names, err
}

func each(rows *sql.Rows, do func(columns []string, values []any)) error {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values, to := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		to[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(to...); err != nil {
			return err
		}
		do(columns, values)
	}
	return rows.Err()
}

// proveWhole proves that a petition is what its events make it (I10).
func proveWhole(t *testing.T, s *store.Store, name string) {
	t.Helper()
	p, err := s.Petition(t.Context(), space, name)
	if err != nil {
		t.Fatal(err)
	}
	events, err := eventsOf(t.Context(), s, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := isWhole(p, events); err != nil {
		t.Fatal(err)
	}
}

func eventsOf(ctx context.Context, s *store.Store, petition string) (events []approval.Event, err error) {
	q := approval.EventQuery{Space: space, Petition: petition, Page: approval.PageRequest{Size: approval.MaxPageSize, Ascending: true}}
	for {
		page, err := s.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		events, q.Page.Token = append(events, page.Items...), page.Next
		if page.Next == "" {
			return events, nil
		}
	}
}

// isWhole answers how a petition differs from what its events make it.
func isWhole(p approval.Petition, events []approval.Event) error {
	q, err := rebuilt(p, events)
	if err != nil {
		return fmt.Errorf("the events of %s cannot have happened: %w", p.Ref(), err)
	}
	want, err := json.Marshal(q)
	if err != nil {
		return err
	}
	got, err := json.Marshal(p)
	if err == nil && string(got) != string(want) {
		err = fmt.Errorf("petition %s is\n%s\nand its events make it\n%s", p.Ref(), got, want)
	}
	return err
}

// rebuilt makes the petition anew: what was asked, and then what its events did.
func rebuilt(p approval.Petition, events []approval.Event) (approval.Petition, error) {
	q := p
	q.Phase, q.Outcome, q.Claims, q.Decision, q.Grant = "", "", nil, nil, nil
	q.Labels = map[string]string{}
	for k, v := range p.Labels {
		if k != approval.LabelReplacedBy {
			q.Labels[k] = v
		}
	}
	events = slices.DeleteFunc(slices.Clone(events), func(e approval.Event) bool { return e.Event == approval.EventRefused })
	var err error
	for _, e := range events {
		if q, err = q.Apply(e, e.Timestamp); err != nil {
			return q, err
		}
	}
	return q, nil
}
