// Package cli is the command line: the server's commands (serve, dev, admin) and a client for everything that the API
// does, which stands on sdk/go like any other client. Data goes to stdout, talk to stderr, exit codes are an API.
//
// A noun of the API is a file with its name. Each of its commands says its help, its table's columns and which method of the
// client it calls; lists, shows and does in command.go do the rest, and first, required and saysSomething look at what was
// given before a server is asked.
//
// It may import sdk/go, internal/config, internal/app and cobra.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// Main runs the command that the process was started with and answers its exit code.
func Main(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, colours: wantsColours(os.Stdout), asks: isTerminal(os.Stdin), version: version}
	return t.run(ctx, os.Args[1:])
}

// terminal is what a command talks through.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	colours  bool
	asks     bool // somebody sits there who can answer a question
	version  string
	json     bool // --json
	// url and space are the flags of client commands; empty: as the environment says.
	url, space string
	profile    string   // --profile
	session    *session // the login that a client command acts as; nil: the token of the environment
	server     string   // the address that a client command speaks with
}

func (t *terminal) run(ctx context.Context, args []string) int {
	root := t.rootCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if err != nil {
		t.complain(err)
	}
	return code
}

func (t *terminal) rootCommand() *cobra.Command {
	root := holder(&cobra.Command{
		Use:   "indent",
		Short: "Code awaits, a person decides, the code goes on",
		Long: "Indent lets software stop until the right person, or a rule, decides; then it goes on.\n\n" +
			"The client's commands take INDENT_API_URL, INDENT_SPACE and INDENT_API_TOKEN from the environment, or from the\n" +
			"nearest .env file in the working directory or above it. `indent dev` starts a server and prints them. Without a token\n" +
			"there they act as whoever has signed in with `indent login`. A token that the environment sets to nothing is an error,\n" +
			"not the token of a file or of a login.\n\n" + exitCodesText,
		SilenceErrors: true,
		SilenceUsage:  true,
	})
	// a command that holds others is called with one of them
	root.SetUsageTemplate(strings.Replace(root.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1))
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError(cmd, "%v", err)
	})
	root.AddGroup(&cobra.Group{ID: "client", Title: "Ask and decide:"}, &cobra.Group{ID: "server", Title: "Run a server:"})
	for _, cmd := range []*cobra.Command{t.loginCommand(), t.logoutCommand(), t.whoAmICommand(), t.profileCommand(), t.petitionCommand(), t.grantCommand(), t.resourceCommand(), t.eventCommand(), t.tokenCommand(), t.serviceAccountCommand(), t.spaceCommand(), t.memberCommand(), t.groupCommand(), t.delegationCommand(), t.policyCommand(), t.webhookCommand(), t.pullCommand()} {
		cmd.GroupID = "client"
		root.AddCommand(cmd)
	}
	for _, cmd := range []*cobra.Command{t.devCommand(), t.serveCommand(), t.adminCommand(), t.backupCommand(), t.restoreCommand(), t.migrateCommand(), t.auditCommand(), t.configCommand(), t.benchCommand()} {
		cmd.GroupID = "server"
		root.AddCommand(cmd)
	}
	root.AddCommand(t.claimCommand(), t.versionCommand(), t.openAPICommand())
	return root
}

// group is a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := holder(&cobra.Command{Use: use, Short: short})
	g.AddCommand(commands...)
	return g
}

// holder makes a command show its help when it is called alone, and refuse what it does not hold.
func holder(g *cobra.Command) *cobra.Command {
	g.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		meant := ""
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			meant = fmt.Sprintf(", did you mean %q?", near[0])
		}
		return usageError(cmd, "%q has no command %q%s", cmd.CommandPath(), args[0], meant)
	}
	g.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	g.SuggestionsMinimumDistance = 2
	return g
}

// usageError says what is wrong with the command line and where its help is.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	return fmt.Errorf("%s: see `%s --help`", fmt.Sprintf(format, args...), cmd.CommandPath())
}

// exactly takes n arguments, named for the error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usageError(cmd, "give %s, not %d arguments", what, len(args))
	}
}

func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(cmd, "there is no argument to give, but %q was", args[0])
	}
	return nil
}

// complain writes err to stderr, safe to show.
func (t *terminal) complain(err error) {
	if errors.Is(err, errSaid) {
		return
	}
	if told := (interrupted{}); exitCode(err) == exitInterrupted && !errors.As(err, &told) {
		err = interrupted{"stopped before it was done"}
	}
	t.say("indent: %s", plain(err.Error()))
	t.sayHowToSignIn(err)
}

// sayHowToSignIn adds the way in to an error of somebody who is not, unless the error tells it.
func (t *terminal) sayHowToSignIn(err error) {
	var told notSignedIn
	var config *indent.ConfigError
	switch {
	case exitCode(err) != exitNotSignedIn, errors.As(err, &told):
	case ofDeletedSpace(err): // no other token of it would do
	case t.session != nil:
		t.say("Sign in again: %s", plain(t.session.command()))
	case errors.As(err, &config) && config.Missing:
		t.say("Or sign in with `indent login`: commands then act as you, and need no INDENT_API_TOKEN.")
	case errors.As(err, &config):
		t.say("Without INDENT_API_TOKEN in the environment, commands act as whoever has signed in with `indent login`.")
	default:
		t.say("Open %s/api-keys for a new token and set INDENT_API_TOKEN, in the environment or in a .env file; or unset it and sign in with `indent login`.", t.server)
	}
}

// ofDeletedSpace answers whether the server refuses because the caller's space is gone.
func ofDeletedSpace(err error) bool {
	var refused *indent.Error
	return errors.As(err, &refused) && strings.HasPrefix(refused.Message, "the space ") && strings.Contains(refused.Message, " was deleted: ")
}

// say writes a line of talk.
func (t *terminal) say(format string, args ...any) {
	fmt.Fprintf(t.err, format+"\n", args...)
}
