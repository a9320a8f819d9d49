package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/bench"
	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) benchPrepareCommand() *cobra.Command {
	var s settingFlags
	var folder string
	var h app.BenchHistory
	cmd := &cobra.Command{
		Use: "prepare", Short: "Make a space to measure in, on the server's machine", Args: noArguments,
		Long: "Make the space bench in a database, with a service account that asks and a person that decides, and write DIR/asker.env\n" +
			"and DIR/reviewer.env with their tokens. The tokens are for the address that --addr or --base-url names. --petitions adds\n" +
			"petitions that are closed already: what others have asked before. --people adds members for whom a rule grants leases.",
		Example: "indent bench prepare --database bench/indent.db --addr 127.0.0.1:8080 --dir bench --petitions 10000\n" +
			"indent serve --database bench/indent.db --addr 127.0.0.1:8080",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if h.Petitions < 0 || h.People < 0 {
				return usageError(cmd, "--petitions and --people must be 0 or more")
			}
			if s.file == "" && *s.values["database"] == "" && os.Getenv("INDENT_SERVER_DATABASE") == "" {
				return usageError(cmd, "say which database, with --database or --config")
			}
			return t.prepare(cmd, &s, folder, h)
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&folder, "dir", ".", "folder for the two .env files")
	cmd.Flags().IntVar(&h.Petitions, "petitions", 0, "how many closed petitions to add")
	cmd.Flags().IntVar(&h.People, "people", 0, "how many members to add for --mode ending")
	return cmd
}

func (t *terminal) prepare(cmd *cobra.Command, s *settingFlags, folder string, h app.BenchHistory) (err error) {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	cfg.RatePetitions = 0 // one member asks for all of them
	a, err := app.Build(cmd.Context(), cfg, app.Options{Logger: logger(t.err, "text", "warn"), Version: t.version})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(cmd.Context(), a.Stop)) }()
	made, err := a.PrepareBench(cmd.Context(), h, func(n int) {
		if n%100_000 == 0 {
			t.say("%d petitions are made.", n)
		}
	})
	if err != nil {
		return err
	}
	for name, token := range map[string]string{"asker.env": made.Asker, "reviewer.env": made.Reviewer} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(a.EnvLines(app.BenchSpace, token)), 0o600); err != nil {
			return err
		}
	}
	t.say("The space %s of %s is ready to be measured in.", app.BenchSpace, plain(a.URL()))
	return nil
}

func (t *terminal) benchStartCommand() *cobra.Command {
	var o bench.StartOptions
	cmd := &cobra.Command{
		Use: "start -- COMMAND...", Short: "Measure how soon a server is ready, and its memory when idle",
		Long: "Run the command that starts a server, again and again: from starting the process to the first 200 at /readyz, and, after\n" +
			"--idle, its proportional set size (PSS). It is ended with SIGTERM.",
		Example: "indent bench start --url http://127.0.0.1:8080 -- indent serve --config indent.yaml",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "give the command that starts the server, behind --")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Times < 1 {
				return usageError(cmd, "--times must be 1 or more")
			}
			o.Command, o.Log = args, t.err
			r, err := bench.Start(cmd.Context(), o)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(r)
			}
			_, err = fmt.Fprintf(t.out, "ready after %s ms (p50 of %d; at most %s ms), idle %s MiB PSS\n",
				figure(r.Ready.P50), o.Times, figure(r.Ready.Max), figure(r.IdleMiB))
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.URL, "url", indent.DefaultURL, "address of the server")
	f.IntVar(&o.Times, "times", 5, "how often to start it")
	f.DurationVar(&o.Idle, "idle", defaultIdle, "how long it is left alone before its memory is read")
	t.jsonFlag(f)
	return cmd
}

const defaultIdle = 2 * time.Second
