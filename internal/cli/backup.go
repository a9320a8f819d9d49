package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) backupCommand() *cobra.Command {
	var s settingFlags
	cmd := &cobra.Command{
		Use: "backup FILE", Short: "Write a backup of the SQLite database, while the server runs", Args: exactly(1, "the FILE to write"),
		Long: "Write everything that the database holds at this moment into one new file, readable by its owner only. The server goes on\n" +
			"meanwhile. The file is checked and on the disk when the command ends; an existing file is never overwritten.\n" +
			"It holds the key that signs user tokens: keep it like the database. For PostgreSQL the command says what to use.",
		Example: "indent backup --config indent.yaml /var/backups/indent-monday.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			c, err := app.Backup(cmd.Context(), cfg.Database, args[0], t.bytesProgress("copied", time.Now))
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(c)
			}
			t.say("%s is whole and checked. It holds %s.", plain(args[0]), holds(c))
			return nil
		},
	}
	s.add(cmd)
	t.jsonFlag(cmd.Flags())
	return cmd
}

func (t *terminal) restoreCommand() *cobra.Command {
	var s settingFlags
	var force bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Make the SQLite database anew from a backup", Args: exactly(1, "the FILE of the backup"),
		Long: "Make the database that the settings name of a backup. The server must be stopped. The backup is checked first, page by page;\n" +
			"a database that exists is replaced with --force only, and kept aside under another name.",
		Example: "indent restore --config indent.yaml --force /var/backups/indent-monday.backup",
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			r, err := app.Restore(cmd.Context(), cfg.Database, args[0], force, t.bytesProgress("restored", time.Now))
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(r)
			}
			if r.Aside != "" {
				t.say("What was there before is now %s.", plain(r.Aside))
			}
			t.say("The database %s is whole and checked. It holds %s.\n"+
				"What came later is not in it: a token that was revoked later is valid again, a member who was removed later is back.",
				plain(cfg.Database), holds(r.Contents))
			return nil
		},
	}
	s.add(cmd)
	cmd.Flags().BoolVar(&force, "force", false, "replace a database that exists, and keep it aside")
	t.jsonFlag(cmd.Flags())
	return cmd
}

func holds(c app.Contents) string {
	last := "no events"
	if !c.LastEvent.IsZero() {
		last = counted(c.Events, "event") + ", the last of " + c.LastEvent.Format(time.RFC3339)
	}
	return counted(c.Petitions, "petition") + " and " + counted(c.Members, "member") + " of " + counted(c.Spaces, "space") + ", " + last
}

func counted(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// bytesProgress says once a second how far a long copy has come.
func (t *terminal) bytesProgress(what string, now func() time.Time) func(done, total int64) {
	said := now()
	return func(done, total int64) {
		if at := now(); at.Sub(said) >= time.Second {
			said = at
			t.say("%s %d of %d MiB", what, done>>20, total>>20)
		}
	}
}
