package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) migrateCommand() *cobra.Command {
	var o app.MigrateOptions
	cmd := &cobra.Command{
		Use: "migrate", Short: "Move everything from SQLite to PostgreSQL, or back", Args: noArguments,
		Long: "Copy a database to an empty one of the other engine and compare every row. Stop the server first: nothing can be written\n" +
			"to the source until the command has ended. It may be stopped or killed at any point; the same command then goes on where it\n" +
			"stopped, and no server starts on the target before it is whole. The source stays as it is.",
		Example: "indent migrate --from indent.db --to 'postgres://indent:secret@db.internal:5432/indent?sslmode=verify-full'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Progress, o.Logger = t.migrateProgress(time.Now), logger(t.err, "text", "warn")
			report, err := app.Migrate(cmd.Context(), o)
			if err != nil {
				return err
			}
			return t.printMigration(report)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.From, "from", "", "the database as it is: its file, or postgres://… (required)")
	f.StringVar(&o.To, "to", "", "an empty database of the other engine, or one that this command has begun to fill (required)")
	f.BoolVar(&o.Restart, "restart", false, "empty the target of what an unfinished migration has left there, and begin anew")
	t.jsonFlag(f)
	return required(cmd, "from", "to")
}

// migrateProgress says now and then, and at the end of each table, how far a step has come and how fast.
func (t *terminal) migrateProgress(now func() time.Time) func(app.MigrateProgress) {
	var last app.MigrateProgress
	var began, said time.Time
	var before int64
	return func(p app.MigrateProgress) {
		at := now()
		if p.Step != last.Step || p.Table != last.Table {
			began, before = at, p.Rows
		}
		last = p
		if p.Rows < p.Total && at.Sub(said) < time.Second {
			return
		}
		said = at
		rate := ""
		if spent := at.Sub(began).Seconds(); spent > 1 {
			rate = fmt.Sprintf(", %.0f a second", float64(p.Rows-before)/spent)
		}
		t.say("%-8s %-24s %d of %d%s", p.Step, p.Table, p.Rows, p.Total, rate)
	}
}

func (t *terminal) printMigration(report app.MigrateReport) error {
	if t.json {
		return t.printJSON(map[string]any{"resumed": report.Resumed, "tables": report.Tables})
	}
	for _, table := range report.Tables {
		if _, err := fmt.Fprintf(t.out, "%-14s %9d rows  %s\n", table.Name, table.Rows, table.Digest); err != nil {
			return err
		}
	}
	t.say("Every row of the target is the source's. Start the servers with the new database, and keep the old one until they have run for a while;\n" +
		"do not start a server on it again: the two would go different ways.")
	return nil
}
