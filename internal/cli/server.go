package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/config"
)

// stopTime bounds how long a server that is told to stop may take for the requests that run.
const stopTime = 30 * time.Second

// settingFlags are the flags of commands that work on a server's settings. All other settings are in the file or the
// environment.
type settingFlags struct {
	file   string
	values map[string]*string
}

func (s *settingFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.file, "config", "", "file of settings; the command indent config sample prints one")
	s.values = map[string]*string{
		"addr":       f.String("addr", "", "address to listen on, host:port"),
		"base_url":   f.String("base-url", "", "address that people and clients use"),
		"database":   f.String("database", "", "file of the embedded database, or postgres://…"),
		"log_format": f.String("log-format", "", "json or text"),
		"log_level":  f.String("log-level", "", "debug, info, warn or error"),
	}
}

func (s *settingFlags) load() (config.Config, error) { return config.Load(s.source()) }

// source is where the settings come from.
func (s *settingFlags) source() config.Source {
	given := map[string]string{}
	for key, value := range s.values {
		if *value != "" {
			given[key] = *value
		}
	}
	return config.Source{File: s.file, Environ: os.Environ(), Flags: given}
}

func logger(w io.Writer, format, level string) *slog.Logger {
	o := &slog.HandlerOptions{}
	var parsed slog.Level
	if parsed.UnmarshalText([]byte(level)) == nil {
		o.Level = parsed
	}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

func (t *terminal) serveCommand() *cobra.Command {
	var s settingFlags
	cmd := &cobra.Command{
		Use: "serve", Short: "Run a server for production", Args: noArguments,
		Long: "Run a server on a data folder (SQLite) or on PostgreSQL. Settings come from the file, then from INDENT_SERVER_… variables,\n" +
			"then from flags; `indent config` lists all of them. SIGTERM and Ctrl-C stop it without losing anything.",
		Example: "indent serve --config indent.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := s.load()
			if err != nil {
				return err
			}
			if err := cfg.ReadSecrets(os.Environ()); err != nil {
				return err
			}
			a, err := app.Build(cmd.Context(), cfg, app.Options{Logger: logger(t.err, cfg.LogFormat, cfg.LogLevel), Version: t.version, Serves: true})
			if err != nil {
				return err
			}
			if err := a.Start(cmd.Context()); err != nil {
				return errors.Join(err, stop(cmd.Context(), a.Stop))
			}
			return untilStopped(cmd.Context(), a.Done(), a.Stop)
		},
	}
	s.add(cmd)
	return cmd
}

// untilStopped waits for the user, or for serving to fail, and stops the server.
func untilStopped(ctx context.Context, failed <-chan error, end func(context.Context) error) error {
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	return errors.Join(err, stop(ctx, end))
}

func stop(ctx context.Context, end func(context.Context) error) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	return end(limited)
}

func (t *terminal) devCommand() *cobra.Command {
	var o app.DevOptions
	var level string
	cmd := &cobra.Command{
		Use: "dev", Short: "Run a server to play with", Args: noArguments,
		Long: "Run a server to play with: it makes, once, a space, you as its owner, a second reviewer, a service account and some resources.\n" +
			"It listens on this machine only, because its policy lets one person play both parts. DIR/dev.env has the settings of\n" +
			"the service account, which asks, and DIR/reviewer.env yours, who decides.",
		Example: "indent dev\nindent dev --addr 127.0.0.1:0 --data-dir /tmp/play --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Logger, o.Version = logger(t.err, "text", level), t.version
			d, err := app.Dev(cmd.Context(), o)
			if err != nil {
				return err
			}
			if err := t.announce(d, o.DataDir); err != nil {
				return errors.Join(err, stop(cmd.Context(), d.Stop))
			}
			return untilStopped(cmd.Context(), d.Done(), d.Stop)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Addr, "addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	f.StringVar(&o.DataDir, "data-dir", ".indent-dev", "folder of the database and the two .env files")
	f.StringVar(&level, "log-level", "warn", "debug, info, warn or error")
	f.BoolVar(&t.json, "json", false, "print one line of JSON when it is ready, for programs")
	return cmd
}

// announce says that the server is ready, and what one needs to use it.
func (t *terminal) announce(d *app.DevServer, folder string) error {
	var paths [3]string
	for i, path := range []string{d.DevEnv, d.ReviewerEnv, folder} {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		paths[i] = absolute
	}
	if t.json {
		return t.printLine(struct {
			URL         string `json:"url"`
			Space       string `json:"space"`
			SignInLink  string `json:"signInLink"`
			DevEnv      string `json:"devEnv"`
			ReviewerEnv string `json:"reviewerEnv"`
			DataDir     string `json:"dataDir"`
			Version     string `json:"version"`
		}{d.URL(), app.DevSpace, d.SignInLink, paths[0], paths[1], paths[2], t.version})
	}
	_, err := fmt.Fprintf(t.out, "Indent is ready at %s\n\nSign in, once, with this link:\n  %s\n\nClients need these lines in a .env file (they are in %s):\n%s\n"+
		"To decide in the shell, use those of %s. Ctrl-C stops the server.\n",
		d.URL(), d.SignInLink, d.DevEnv, indented(d.EnvLines(d.AccountToken)), d.ReviewerEnv)
	return err
}

func indented(lines string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n  ") + "\n"
}
