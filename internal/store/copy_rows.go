package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

func copied(table string) bool { return slices.Contains(copiedTables, table) }

func (c *copier) copyTables(ctx context.Context) error {
	for _, t := range c.tables {
		if c.state.tables[t.name].Done {
			continue
		}
		if err := c.copyTable(ctx, t); err != nil {
			return fmt.Errorf("the table %s cannot be copied: %w: run the same command again, and it goes on where it stopped", t.name, err)
		}
	}
	return nil
}

// copyTable reads the source on while the target takes the batch before.
func (c *copier) copyTable(ctx context.Context, t table) error {
	state := c.state.tables[t.name]
	stream := c.source.stream(ctx, t.selecting(t.order, state.After), state.After, c.Batch)
	defer stream.stop()
	numbers := t.renumbering(state.Last)
	for batch := range stream.batches {
		last := batch[len(batch)-1]
		state.After = nil
		for _, column := range t.order {
			state.After = append(state.After, last[column])
		}
		if numbers != nil {
			for _, row := range batch {
				numbers.row(row)
			}
			state.Last = numbers.last
		}
		state.Rows += int64(len(batch))
		err := c.target.transaction(ctx, func() error {
			if err := c.target.insert(ctx, t, batch); err != nil {
				return err
			}
			return c.state.keep(ctx, c.target, t.name, state)
		})
		if err != nil {
			return err
		}
		c.Progress(CopyProgress{"copied", t.name, state.Rows, c.totals[t.name]})
	}
	if err := stream.err(); err != nil {
		return err
	}
	state.Done = true
	return c.state.keep(ctx, c.target, t.name, state)
}

func (t table) renumbering(last int64) *renumber {
	if !t.renumbered {
		return nil
	}
	return &renumber{tx: slices.Index(t.columns, "tx"), seq: slices.Index(t.columns, "seq"), last: last}
}

// insert writes rows in the fastest way that the engine has.
func (s *side) insert(ctx context.Context, t table, rows [][]any) error {
	if s.engine == migrations.Postgres {
		return s.conn.Raw(func(driverConn any) error {
			_, err := driverConn.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromRows(rows))
			return err
		})
	}
	statement, err := s.conn.PrepareContext(ctx, t.inserting())
	if err != nil {
		return err
	}
	defer statement.Close()
	for _, row := range rows {
		if _, err := statement.ExecContext(ctx, row...); err != nil {
			return err
		}
	}
	return nil
}

// index fills the indexes of words from the words that stand in the rows.
func (c *copier) index(ctx context.Context) error {
	for _, name := range keys(derivedTables) {
		if err := c.indexTable(ctx, name, derivedTables[name]); err != nil {
			return fmt.Errorf("the index %s cannot be filled: %w", name, err)
		}
	}
	return nil
}

func (c *copier) indexTable(ctx context.Context, name, from string) error {
	state := c.state.tables[name]
	words := "words"
	if c.target.engine == migrations.Postgres {
		words = "array_to_tsvector(string_to_array(words, ' '))"
	}
	next := fmt.Sprintf("SELECT coalesce(max(seq), 0), count(*) FROM (SELECT seq FROM %s WHERE seq > $1 ORDER BY seq LIMIT %d) few", from, c.Batch)
	fill := "INSERT INTO " + name + " (rowid, words) SELECT seq, " + words + " FROM " + from + " WHERE seq > $1 AND seq <= $2"
	for !state.Done {
		var to, rows int64
		if err := c.target.conn.QueryRowContext(ctx, next, state.Last).Scan(&to, &rows); err != nil {
			return err
		}
		if state.Done = rows == 0; state.Done {
			break
		}
		err := c.target.transaction(ctx, func() error {
			if _, err := c.target.conn.ExecContext(ctx, fill, state.Last, to); err != nil {
				return err
			}
			if name == "petition_search" && c.target.engine == migrations.SQLite {
				if _, err := c.target.conn.ExecContext(ctx, "UPDATE petition_search_end SET seq = $1", to); err != nil {
					return err
				}
			}
			state.Last, state.Rows = to, state.Rows+rows
			return c.state.keep(ctx, c.target, name, state)
		})
		if err != nil {
			return err
		}
		c.Progress(CopyProgress{"indexed", name, state.Rows, c.totals[from]})
	}
	return c.state.keep(ctx, c.target, name, state)
}

// setSequences makes PostgreSQL number new rows after those that were copied. SQLite does so by itself.
func (c *copier) setSequences(ctx context.Context) error {
	if c.target.engine != migrations.Postgres {
		return nil
	}
	for _, t := range c.tables {
		if !t.identity {
			continue
		}
		const set = "SELECT setval(pg_get_serial_sequence('%[1]s', 'seq'), coalesce(max(seq), 0) + 1, false) FROM %[1]s"
		if _, err := c.target.conn.ExecContext(ctx, fmt.Sprintf(set, t.name)); err != nil {
			return fmt.Errorf("the numbers of %s cannot be set: %w", t.name, err)
		}
	}
	return nil
}

// stream is a list of rows that is read ahead, in batches.
type stream struct {
	batches chan [][]any
	failed  error // to be read when batches is closed
	cancel  context.CancelFunc
	ended   chan struct{}
}

// mostBytes bounds a batch of large rows.
const mostBytes = 8 << 20

func (s *side) stream(ctx context.Context, text string, args []any, size int) *stream {
	ctx, cancel := context.WithCancel(ctx)
	out := &stream{batches: make(chan [][]any, 1), cancel: cancel, ended: make(chan struct{})}
	go func() {
		defer close(out.ended)
		defer close(out.batches)
		out.failed = s.read(ctx, text, args, size, out.batches)
	}()
	return out
}

func (s *stream) err() error {
	<-s.ended
	return s.failed
}

// stop ends a stream that may not have been read to its end.
func (s *stream) stop() {
	s.cancel()
	<-s.ended
}

func (s *side) read(ctx context.Context, text string, args []any, size int, to chan<- [][]any) error {
	rows, err := s.conn.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	batch, bytes := [][]any(nil), 0
	send := func() error {
		select {
		case to <- batch:
			batch, bytes = nil, 0
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	into := make([]any, len(columns))
	for rows.Next() {
		row := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		batch, bytes = append(batch, row), bytes+weight(row)
		if len(batch) == size || bytes >= mostBytes {
			if err := send(); err != nil {
				return err
			}
		}
	}
	if err := rows.Err(); err != nil || len(batch) == 0 {
		return err
	}
	return send()
}

func weight(row []any) (bytes int) {
	for _, v := range row {
		if text, ok := v.(string); ok {
			bytes += len(text)
		}
	}
	return bytes + 16*len(row)
}
