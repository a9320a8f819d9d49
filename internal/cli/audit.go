package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) auditCommand() *cobra.Command {
	cmd := group("audit", "Prove that the log is what was logged", t.auditVerifyCommand(), t.auditExportCommand(), t.auditSealCommand(), t.auditRotateCommand())
	t.jsonFlag(cmd.PersistentFlags())
	return cmd
}

func (t *terminal) auditSealCommand() *cobra.Command {
	return t.ofLog(&cobra.Command{
		Use: "seal", Short: "Take the log into its tree and print the signed checkpoint", Args: noArguments,
		Long: "Take every event of a space's log into its Merkle tree, and print the checkpoint: how many entries there are, the hash of all, and\n" +
			"the signature of the log's key, which is made the first time. It may be done while a server runs.\n\n" +
			"Keep the checkpoint where nobody who can write to the database can change it. Whatever is done to these entries later,\n" +
			"indent audit verify --checkpoint finds it out.",
		Example: "indent audit seal --config indent.yaml --space acmecorp > monday.checkpoint",
	}, func(ctx context.Context, a *app.App, space string, _ []string) error {
		checkpoint, err := a.SealLog(ctx, space)
		if err != nil {
			return err
		}
		if t.json {
			return t.printJSON(map[string]string{"space": space, "checkpoint": checkpoint})
		}
		_, err = io.WriteString(t.out, checkpoint)
		return err
	})
}

func (t *terminal) auditRotateCommand() *cobra.Command {
	return t.ofLog(&cobra.Command{
		Use: "rotate", Short: "Make another key that checkpoints are signed with", Args: noArguments,
		Long: "Make another key that the checkpoints of a space's log are signed with, and print what verifies it. The key before it goes on to sign\n" +
			"as well, until the next time, so that whoever knows it only can take up the new one; older keys sign no more.",
		Example: "indent audit rotate --config indent.yaml --space acmecorp",
	}, func(ctx context.Context, a *app.App, space string, _ []string) error {
		public, err := a.RotateLogKey(ctx, space)
		if err != nil {
			return err
		}
		if t.json {
			return t.printJSON(map[string]string{"space": space, "key": public})
		}
		_, err = fmt.Fprintln(t.out, plain(public))
		return err
	})
}

func (t *terminal) auditExportCommand() *cobra.Command {
	return t.ofLog(&cobra.Command{
		Use: "export FILE", Short: "Write the log with all that proves it into a file", Args: exactly(1, "the FILE to write"),
		Long: "Write a space's log, as far as its tree goes, into a new file: a line that names the log, its keys and its checkpoint, then a line for each\n" +
			"entry, with the event and what opens its commitments. indent audit verify needs nothing else, nor does anybody who wrote a verifier.",
		Example: "indent audit export --config indent.yaml --space acmecorp acmecorp.ndjson",
	}, func(ctx context.Context, a *app.App, space string, args []string) error {
		file, err := os.OpenFile(args[0], os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		entries, err := a.ExportLog(ctx, space, file)
		if err := errors.Join(err, file.Close()); err != nil {
			return errors.Join(err, os.Remove(args[0]))
		}
		if t.json {
			return t.printJSON(map[string]any{"space": space, "entries": entries})
		}
		t.say("%s has %d entries.", plain(args[0]), entries)
		return nil
	})
}

func (t *terminal) auditVerifyCommand() *cobra.Command {
	var s settingFlags
	var space string
	var kept, keys []string
	cmd := &cobra.Command{
		Use: "verify [FILE]", Short: "Prove that a log is what was logged, or name the first fault", Args: atMostOne("the FILE of one export"),
		Long: "Verify an exported log, or with --space the log of a space in the database of the settings. Every entry is made anew of its event, and\n" +
			"the tree of all entries: it must be the one that the log's key has signed. The first entry that was changed, removed, put in or moved\n" +
			"is named, and the command ends with 16.\n\n" +
			"Who can write to the database can also make the whole tree anew, and keys with it. What that cannot change is a checkpoint that\n" +
			"you have kept (--checkpoint, more than one may be given) and a key that you know (--key): with either, another history is found out.",
		Example: "indent audit verify acmecorp.ndjson --checkpoint monday.checkpoint\nindent audit verify --database indent.db --space acmecorp --checkpoint monday.checkpoint",
		RunE: func(cmd *cobra.Command, args []string) error {
			trust := app.LogTrust{Keys: keys}
			for _, name := range kept {
				text, err := readCheckpoint(name)
				if err != nil {
					return err
				}
				trust.Kept = append(trust.Kept, text)
			}
			switch {
			case len(args) == 1 && space == "":
				file, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer file.Close()
				report, err := app.VerifyLogExport(file, trust)
				return t.printProof(report, err, len(keys) > 0)
			case len(args) == 0 && space != "":
				return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
					report, err := a.VerifyLog(ctx, space, trust)
					return t.printProof(report, err, len(keys) > 0)
				})
			}
			return usageError(cmd, "give the FILE of an export, or --space and the database's --config or --database")
		},
	}
	s.add(cmd)
	f := cmd.Flags()
	f.StringVar(&space, "space", "", "name of the space whose log is verified in the database")
	f.StringArrayVar(&kept, "checkpoint", nil, "the file of a checkpoint that was kept")
	f.StringArrayVar(&keys, "key", nil, "a key of the log that you know, such as indent audit rotate prints; without it the log's own word is taken")
	return cmd
}

// ofLog makes cmd work on the log of a space in the database of the settings.
func (t *terminal) ofLog(cmd *cobra.Command, work func(ctx context.Context, a *app.App, space string, args []string) error) *cobra.Command {
	var s settingFlags
	var space string
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error { return work(ctx, a, space, args) })
	}
	s.add(cmd)
	cmd.Flags().StringVar(&space, "space", "", "name of the space (required)")
	return required(cmd, "space")
}

func readCheckpoint(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, app.MaxCheckpoint+1))
	return string(text), err
}

func (t *terminal) printProof(report app.LogReport, err error, knownKeys bool) error {
	if err != nil {
		return err
	}
	if t.json {
		return t.printJSON(report)
	}
	t.say("The log %s is whole: %d entries, each as it was logged, under the hash %s.", plain(report.Origin), report.Size, report.Root)
	if report.Kept > 0 {
		t.say("It goes on from %d checkpoints that were kept.", report.Kept)
	} else {
		t.say("No checkpoint was given: that its history is the one of before is not proved. Keep one: indent audit seal, then --checkpoint.")
	}
	if !knownKeys {
		for _, key := range report.Keys {
			t.say("Its own word is taken for its key %s: give it with --key next time.", plain(key))
		}
	}
	return nil
}
