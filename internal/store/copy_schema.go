package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// copiedTables are the tables of the schema that [Copy] copies row by row, and derivedTables those that it makes from
// them: an index of words each, by the table whose words it has. A test fails when the schema has a table that is in
// neither.
var (
	copiedTables = []string{"spaces", "members", "identities", "aliases", "group_members", "delegations", "policies", "policy_proposals", "policy_health", "signing_keys", "tokens", "trusts", "sessions", "mapped_roles",
		"passkeys", "passkey_challenges", "confirmations", "logins", "refresh_tokens", "resources", "petitions", "votes", "leases",
		"idempotency", "events", "jobs", "webhooks", "webhook_policies", "webhook_states", "applications", "deliveries", "pull_policies", "pulls", "pulled", "log_trees", "log_entries", "log_tiles", "log_keys", "readiness"}
	derivedTables = map[string]string{"petition_search": "petitions", "resource_search": "resources"}
)

// table is a table to copy. Its columns are the same on both engines, in the same order here.
type table struct {
	name    string
	columns []string
	// order is what the source is read by: a key, whose order is the same on both engines.
	order []int
	// targetOrder is the order in which the target then has the same rows.
	targetOrder []int
	identity    bool // the engine numbers new rows by seq
	// renumbered is the log on its way from PostgreSQL to SQLite (see renumber).
	renumbered bool
}

// readTables reads the columns and keys from the schema itself.
func readTables(ctx context.Context, source, target *side) ([]table, error) {
	lite, postgres := source, target
	if source.engine == migrations.Postgres {
		lite, postgres = target, source
	}
	var tables []table
	for _, name := range copiedTables {
		t, err := readTable(ctx, lite, name)
		if err != nil {
			return nil, err
		}
		if err := sameColumns(ctx, postgres, t); err != nil {
			return nil, err
		}
		t.identity = len(t.order) == 1 && t.columns[t.order[0]] == "seq"
		if name == "events" && target == lite {
			t.renumbered = true
			t.order = []int{slices.Index(t.columns, "tx"), slices.Index(t.columns, "seq")}
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func readTable(ctx context.Context, lite *side, name string) (t table, err error) {
	t.name = name
	rows, err := lite.conn.QueryContext(ctx, "SELECT name, pk FROM pragma_table_info($1) ORDER BY cid", name)
	if err != nil {
		return t, err
	}
	defer rows.Close()
	places := map[int]int{}
	for rows.Next() {
		var column string
		var place int
		if err := rows.Scan(&column, &place); err != nil {
			return t, err
		}
		if place > 0 {
			places[place] = len(t.columns)
		}
		t.columns = append(t.columns, column)
	}
	for i := 1; i <= len(places); i++ {
		t.order = append(t.order, places[i])
	}
	t.targetOrder = t.order
	if len(t.order) == 0 {
		return t, errors.Join(rows.Err(), fmt.Errorf("the table %s has no key to read it by", name))
	}
	return t, rows.Err()
}

func sameColumns(ctx context.Context, postgres *side, t table) error {
	rows, err := postgres.conn.QueryContext(ctx, `SELECT attname FROM pg_attribute
		WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`, t.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	var columns []string
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			return err
		}
		columns = append(columns, column)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	ours := slices.Clone(t.columns)
	slices.Sort(ours)
	slices.Sort(columns)
	if !slices.Equal(ours, columns) {
		return fmt.Errorf("the table %s has the columns %v on SQLite and %v on PostgreSQL: this is a mistake of ours", t.name, ours, columns)
	}
	return nil
}

// selecting answers the text that reads the table in an order, after a key if there is one.
func (t table) selecting(order []int, after []any) string {
	key := quoted(t.columns, order)
	var b strings.Builder
	b.WriteString("SELECT " + strings.Join(quoted(t.columns, nil), ", ") + " FROM " + t.name)
	if len(after) > 0 {
		b.WriteString(" WHERE (" + strings.Join(key, ", ") + ") > (" + places(len(after)) + ")")
	}
	b.WriteString(" ORDER BY " + strings.Join(key, ", "))
	return b.String()
}

func (t table) inserting() string {
	return "INSERT INTO " + t.name + " (" + strings.Join(quoted(t.columns, nil), ", ") + ") VALUES (" + places(len(t.columns)) + ")"
}

// quoted answers the columns that are chosen, or all.
func quoted(columns []string, chosen []int) []string {
	if chosen == nil {
		for i := range columns {
			chosen = append(chosen, i)
		}
	}
	list := make([]string, len(chosen))
	for i, c := range chosen {
		list[i] = `"` + columns[c] + `"`
	}
	return list
}

func places(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(list, ", ")
}

// mustBeEmpty refuses a target that holds something.
func (s *side) mustBeEmpty(ctx context.Context, tables []table) error {
	for _, t := range tables {
		var rows int64
		if err := s.conn.QueryRowContext(ctx, "SELECT count(*) FROM (SELECT 1 FROM "+t.name+" LIMIT 1000) few").Scan(&rows); err != nil {
			return err
		}
		if rows > 0 {
			return fmt.Errorf("--to: %s holds data already (in the table %s, and maybe others): give an empty database; nothing was changed", s.name, t.name)
		}
	}
	return nil
}

// renumber puts the log of PostgreSQL, whose order is (tx, seq), into SQLite's words, whose order is seq alone and whose tx
// is 0: an event keeps its number unless one before it in the log has a greater one.
//
// A cursor of PostgreSQL is then no place in this log. Its first number is not 0, by which SQLite knows it, and refuses it.
type renumber struct {
	tx, seq int
	last    int64
}

func (r *renumber) row(values []any) {
	seq := max(values[r.seq].(int64), r.last+1)
	values[r.tx], values[r.seq], r.last = int64(0), seq, seq
}
