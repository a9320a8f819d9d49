package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/indent-approvals/indent/internal/store/migrations"
)

// CopyOptions say what [Copy] copies where.
type CopyOptions struct {
	From, To string // as [Options].URL; one is SQLite, the other PostgreSQL
	// Restart throws away what an unfinished copy has left in the target.
	Restart bool
	// Batch is how many rows the target takes in one transaction. 0: 10,000.
	Batch    int
	Progress func(CopyProgress) // may be nil
	Logger   *slog.Logger
}

// CopyProgress is how far a step has come. Its Step is one of "copied", "indexed" and "compared".
type CopyProgress struct {
	Step, Table string
	Rows, Total int64
}

// CopyReport is what the target holds after a copy.
type CopyReport struct {
	Resumed bool // an earlier copy that was stopped was finished
	Tables  []CopiedTable
}

// CopiedTable is a table of which every row was compared.
type CopiedTable struct {
	Name   string `json:"name"`
	Rows   int64  `json:"rows"`
	Digest string `json:"digest"` // of all rows as they stand in the target, in their order
}

// defaultBatch rows make a transaction of a few megabytes.
const defaultBatch = 10_000

// Copy moves all that one database holds to an empty one of the other engine and compares every row. Nobody can write
// to the source meanwhile: a server that runs on it is refused (ErrInUse), and its tables stay locked until the end.
//
// It may be stopped at any point, by whatever means. No server starts on the target before it is whole; the next Copy
// of the same source goes on after the last batch.
//
// What clients keep stays good: the order of lists and of the log is the source's, what comes later sorts after it,
// and so do page tokens and cursors go on, except for cursors of a log that came from PostgreSQL, which SQLite refuses
// (see renumber).
func Copy(ctx context.Context, o CopyOptions) (report CopyReport, err error) {
	if isPostgres(o.From) == isPostgres(o.To) {
		return report, sameEngine(o)
	}
	if o.Batch == 0 {
		o.Batch = defaultBatch
	}
	if o.Progress == nil {
		o.Progress = func(CopyProgress) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	source, err := openSource(ctx, o.From)
	if err != nil {
		return report, fmt.Errorf("--from: %w", err)
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openTarget(ctx, o)
	if err != nil {
		return report, fmt.Errorf("--to: %w", err)
	}
	defer func() { err = errors.Join(err, target.close()) }()
	c := &copier{CopyOptions: o, source: source, target: target}
	err = c.run(ctx)
	return c.report, err
}

func sameEngine(o CopyOptions) error {
	if isPostgres(o.From) {
		return fmt.Errorf("--from and --to are both PostgreSQL: use its own tools, pg_dump and pg_restore")
	}
	return fmt.Errorf("--from and --to are both SQLite files: use `indent backup` and `indent restore`")
}

// copier is a copy under way.
type copier struct {
	CopyOptions
	source, target *side
	tables         []table
	totals         map[string]int64
	state          copyState
	report         CopyReport
}

func (c *copier) run(ctx context.Context) error {
	steps := []func(context.Context) error{c.prepare, c.copyTables, c.index, c.restoreIndexes, c.setSequences, c.compare, c.finish}
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// prepare begins a copy, or finds where one has stopped.
func (c *copier) prepare(ctx context.Context) (err error) {
	if c.tables, err = readTables(ctx, c.source, c.target); err != nil {
		return err
	}
	mark, err := c.fingerprint(ctx)
	if err != nil {
		return err
	}
	if !c.target.unfinished {
		if err := c.target.mustBeEmpty(ctx, c.tables); err != nil {
			return err
		}
		return c.state.begin(ctx, c.target, mark)
	}
	if c.Restart {
		return c.state.beginAgain(ctx, c.target, mark)
	}
	if err := c.state.load(ctx, c.target); err != nil {
		return err
	}
	if c.state.source != mark {
		return errors.New("the source is not as it was when this migration began: it was used in between, or it is another database: " +
			"run the same command with --restart, which empties the target and begins anew")
	}
	c.report.Resumed = true
	return nil
}

// fingerprint tells whether the source has changed between two runs: every change of what people see leaves an event.
// What changes without one is found by the comparison.
func (c *copier) fingerprint(ctx context.Context) (string, error) {
	c.totals = map[string]int64{}
	text := fmt.Sprintf("%s schema %d", c.source.engine, migrations.Latest())
	for _, t := range c.tables {
		var rows int64
		if err := c.source.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+t.name).Scan(&rows); err != nil {
			return "", err
		}
		c.totals[t.name] = rows
		if t.name != "jobs" && t.name != "readiness" {
			text += fmt.Sprintf(", %s %d", t.name, rows)
		}
	}
	var last string
	err := c.source.conn.QueryRowContext(ctx, "SELECT coalesce((SELECT id FROM events ORDER BY seq DESC LIMIT 1), '')").Scan(&last)
	return text + ", last event " + last, err
}

// finish makes the target a database like any other.
func (c *copier) finish(ctx context.Context) error {
	err := c.target.transaction(ctx, func() error {
		for _, statement := range []string{
			"DROP TABLE " + stateTable,
			fmt.Sprint("DELETE FROM goose_db_version WHERE version_id = ", int64(unfinishedCopy)),
		} {
			if _, err := c.target.conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}, c.target.durably())
	if err != nil {
		return fmt.Errorf("the migration is whole but could not be ended: %w: run it again", err)
	}
	return c.target.settle(ctx)
}
