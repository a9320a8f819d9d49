package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// compare reads every row of both sides.
func (c *copier) compare(ctx context.Context) error {
	for _, t := range c.tables {
		compared, err := c.compareTable(ctx, t)
		if err != nil {
			return err
		}
		c.report.Tables = append(c.report.Tables, compared)
	}
	return c.compareIndexes(ctx)
}

func (c *copier) compareTable(ctx context.Context, t table) (CopiedTable, error) {
	sum := sha256.New()
	compared := CopiedTable{Name: t.name}
	source := c.source.stream(ctx, t.selecting(t.order, nil), nil, c.Batch)
	defer source.stop()
	target := c.target.stream(ctx, t.selecting(t.targetOrder, nil), nil, c.Batch)
	defer target.stop()
	ours, theirs := readerOf(source), readerOf(target)
	numbers := t.renumbering(0)
	for {
		want, got := ours.next(), theirs.next()
		if want != nil && numbers != nil {
			numbers.row(want)
		}
		if want == nil || got == nil {
			if err := source.failure(want); err != nil {
				return compared, err
			}
			if err := target.failure(got); err != nil {
				return compared, err
			}
			if want != nil || got != nil {
				return compared, t.differs(want, got, "")
			}
			break
		}
		for i := range want {
			if want[i] != got[i] {
				return compared, t.differs(want, got, t.columns[i])
			}
		}
		digestRow(sum, got)
		if compared.Rows++; compared.Rows%int64(c.Batch) == 0 {
			c.Progress(CopyProgress{"compared", t.name, compared.Rows, c.totals[t.name]})
		}
	}
	compared.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	c.Progress(CopyProgress{"compared", t.name, compared.Rows, c.totals[t.name]})
	return compared, nil
}

// failure answers what ended a stream that has no row any more.
func (s *stream) failure(row []any) error {
	if row != nil {
		return nil
	}
	return s.err()
}

// rowReader hands out a stream row by row.
type rowReader struct {
	stream *stream
	batch  [][]any
}

func readerOf(s *stream) *rowReader { return &rowReader{stream: s} }

func (r *rowReader) next() []any {
	if len(r.batch) == 0 {
		r.batch = <-r.stream.batches
		if len(r.batch) == 0 {
			return nil
		}
	}
	row := r.batch[0]
	r.batch = r.batch[1:]
	return row
}

// differs names the first row that is not the same, by its key.
func (t table) differs(want, got []any, column string) error {
	row, what := want, "is not in the target"
	switch {
	case want == nil:
		row, what = got, "is not in the source"
	case column != "":
		what = fmt.Sprintf("differs in the column %s", column)
	}
	var key []string
	for _, i := range t.targetOrder {
		key = append(key, fmt.Sprintf("%s %v", t.columns[i], row[i]))
	}
	return fmt.Errorf("the target is not the same as the source: in the table %s the row with %s %s; "+
		"if the source was used since this migration began, run the same command with --restart", t.name, strings.Join(key, ", "), what)
}

// digestRow adds a row, so that no two lists of rows have the same bytes.
func digestRow(sum hash.Hash, row []any) {
	var head [9]byte
	for _, v := range row {
		switch v := v.(type) {
		case int64:
			head[0] = 1
			binary.BigEndian.PutUint64(head[1:], uint64(v))
			sum.Write(head[:])
		case string:
			head[0] = 2
			binary.BigEndian.PutUint64(head[1:], uint64(len(v)))
			sum.Write(head[:])
			sum.Write([]byte(v))
		}
	}
}

// compareIndexes asks each index of words for all that a space has.
func (c *copier) compareIndexes(ctx context.Context) error {
	spaces, err := c.target.texts(ctx, "SELECT name, name FROM spaces")
	if err != nil {
		return err
	}
	d := sqliteDialect
	if c.target.engine == migrations.Postgres {
		d = postgresDialect
	}
	for _, index := range keys(derivedTables) {
		for _, space := range keys(spaces) {
			from, matches := d.found(index, "$1", "")
			var found, want int64
			if err := c.target.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+from+" WHERE "+matches, d.search([]condition{inSpace(space)})).Scan(&found); err != nil {
				return fmt.Errorf("the index %s does not answer: %w", index, err)
			}
			if err := c.target.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+derivedTables[index]+" WHERE space = $1", space).Scan(&want); err != nil {
				return err
			}
			if found != want {
				return fmt.Errorf("the index %s finds %d rows of the space %s, and there are %d: run the same command with --restart", index, found, space, want)
			}
		}
	}
	return nil
}
