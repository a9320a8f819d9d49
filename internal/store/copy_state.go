package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// stateTable is in the target while it is being filled: what the source was, how to make the indexes that are left out
// meanwhile, and how far each table has come. It is written in the transaction of each batch.
const stateTable = "migration_state"

// copyState is what that table says.
type copyState struct {
	source  string
	indexes map[string]string // text by name
	tables  map[string]tableState
}

// tableState is how far a table has come.
type tableState struct {
	After []any `json:"after"` // key of the last row, as the source has it
	Last  int64 `json:"last"`  // number of the last event, as the target has it
	Rows  int64 `json:"rows"`
	Done  bool  `json:"done"`
}

// begin marks the target as being filled, and takes its indexes away: they are made faster at the end.
func (c *copyState) begin(ctx context.Context, target *side, source string) (err error) {
	c.source, c.tables = source, map[string]tableState{}
	if c.indexes, err = target.indexes(ctx); err != nil {
		return err
	}
	return target.transaction(ctx, func() error {
		applied := map[string]string{migrations.SQLite: "1", migrations.Postgres: "true"}[target.engine]
		statements := []string{
			"CREATE TABLE " + stateTable + " (kind text NOT NULL, name text NOT NULL, value text NOT NULL, PRIMARY KEY (kind, name))",
			fmt.Sprintf("INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, %s)", int64(unfinishedCopy), applied),
		}
		for name := range c.indexes {
			statements = append(statements, "DROP INDEX "+name)
		}
		for _, statement := range statements {
			if _, err := target.conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		for name, text := range c.indexes {
			if err := target.remember(ctx, "index", name, text); err != nil {
				return err
			}
		}
		return target.remember(ctx, "source", "", source)
	})
}

// beginAgain empties a target that a copy has half filled.
func (c *copyState) beginAgain(ctx context.Context, target *side, source string) error {
	if err := c.load(ctx, target); err != nil {
		return err
	}
	c.source, c.tables = source, map[string]tableState{}
	return target.transaction(ctx, func() error {
		statements, err := target.emptying(ctx)
		if err != nil {
			return err
		}
		statements = append(statements, "DELETE FROM "+stateTable+" WHERE kind = 'table'")
		for _, statement := range statements {
			if _, err := target.conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return target.remember(ctx, "source", "", source)
	})
}

// emptying answers statements that empty the copied tables. The log refuses to be emptied, so that what guards it is
// taken away and put back in the same transaction.
func (s *side) emptying(ctx context.Context) (statements []string, err error) {
	if s.engine == migrations.Postgres {
		for _, name := range append(keys(derivedTables), copiedTables...) {
			statements = append(statements, "ALTER TABLE "+name+" DISABLE TRIGGER USER", "TRUNCATE "+name, "ALTER TABLE "+name+" ENABLE TRIGGER USER")
		}
		return statements, nil
	}
	guards, err := s.texts(ctx, "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
	for _, name := range keys(guards) {
		statements = append(statements, "DROP TRIGGER "+name)
	}
	for _, name := range copiedTables {
		statements = append(statements, "DELETE FROM "+name)
	}
	for _, name := range keys(derivedTables) {
		statements = append(statements, "INSERT INTO "+name+" ("+name+") VALUES ('delete-all')")
	}
	statements = append(statements, "UPDATE petition_search_end SET seq = 0")
	for _, name := range keys(guards) {
		statements = append(statements, guards[name])
	}
	return statements, err
}

func (c *copyState) load(ctx context.Context, target *side) error {
	c.tables = map[string]tableState{}
	rows, err := target.texts(ctx, "SELECT name, value FROM "+stateTable+" WHERE kind = 'table'")
	if err != nil {
		return err
	}
	for name, text := range rows {
		var t tableState
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(&t); err != nil {
			return err
		}
		for i, v := range t.After {
			if n, ok := v.(json.Number); ok {
				if t.After[i], err = n.Int64(); err != nil {
					return err
				}
			}
		}
		c.tables[name] = t
	}
	if c.indexes, err = target.texts(ctx, "SELECT name, value FROM "+stateTable+" WHERE kind = 'index'"); err != nil {
		return err
	}
	sources, err := target.texts(ctx, "SELECT name, value FROM "+stateTable+" WHERE kind = 'source'")
	c.source = sources[""]
	return err
}

// keep writes how far a table has come; to be called within the batch's transaction.
func (c *copyState) keep(ctx context.Context, target *side, name string, t tableState) error {
	text, err := document(t)
	if err != nil {
		return err
	}
	c.tables[name] = t
	return target.remember(ctx, "table", name, text)
}

func (s *side) remember(ctx context.Context, kind, name, value string) error {
	_, err := s.conn.ExecContext(ctx, "INSERT INTO "+stateTable+" (kind, name, value) VALUES ($1, $2, $3) "+
		"ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value", kind, name, value)
	return err
}

// indexes answers the texts of all indexes that are no keys.
func (s *side) indexes(ctx context.Context) (map[string]string, error) {
	if s.engine == migrations.SQLite {
		return s.texts(ctx, "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL")
	}
	all, err := s.texts(ctx, `SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text FROM pg_index i
		WHERE NOT i.indisprimary AND i.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = current_schema()::regnamespace)`)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for name, table := range all {
		if _, derived := derivedTables[table]; derived || copied(table) {
			if err := s.conn.QueryRowContext(ctx, "SELECT pg_get_indexdef(CAST($1 AS regclass))", name).Scan(&table); err != nil {
				return nil, err
			}
			found[name] = table
		}
	}
	return found, nil
}

// restoreIndexes makes what begin has taken away, unless a run before has made it.
func (c *copier) restoreIndexes(ctx context.Context) error {
	have, err := c.target.indexes(ctx)
	if err != nil {
		return err
	}
	made := int64(len(have))
	for _, name := range keys(c.state.indexes) {
		if have[name] != "" {
			continue
		}
		if _, err := c.target.conn.ExecContext(ctx, c.state.indexes[name]); err != nil {
			return fmt.Errorf("the index %s cannot be made: %w", name, err)
		}
		made++
		c.Progress(CopyProgress{"indexed", name, made, int64(len(c.state.indexes))})
	}
	return nil
}

// texts answers a list of two texts as a map.
func (s *side) texts(ctx context.Context, query string) (map[string]string, error) {
	rows, err := s.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	list := map[string]string{}
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		list[name] = text
	}
	return list, rows.Err()
}
