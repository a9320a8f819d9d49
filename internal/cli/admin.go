package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/config"
)

// adminCommand works on the database itself, for whoever has it: that is how the first owner comes in without a
// default password.
func (t *terminal) adminCommand() *cobra.Command {
	cmd := group("admin", "Make spaces and members, on the server's machine",
		t.adminInitCommand(), t.adminLinkCommand(), group("member", "People of a space", t.adminMemberAddCommand()), t.adminLiftCommand(),
		group("passkey", "Passkeys of members", t.adminPasskeyRemoveCommand()), t.adminKeysCommand(),
		group("space", "Every space of the server", t.adminSpaceListCommand(), t.adminSpaceRestoreCommand()))
	t.jsonFlag(cmd.PersistentFlags())
	return cmd
}

// invitation says whom a one-time sign-in link is for.
type invitation struct {
	space, email, role, displayName string
}

func (t *terminal) adminInitCommand() *cobra.Command {
	var s settingFlags
	var i invitation
	cmd := &cobra.Command{
		Use: "init", Short: "Make a space with its first owner", Args: noArguments,
		Long:    "Make a space with its first owner, and print the one-time link with which the owner signs in.",
		Example: "indent admin init --config indent.yaml --space acmecorp --owner ada@example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.invite(cmd, &s, i, func(ctx context.Context, a *app.App) (string, error) {
				return a.InitSpace(ctx, i.space, i.displayName, i.email)
			})
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&i.space, "space", "", "name of the space: lower-case letters, digits and hyphens (required)")
	cmd.Flags().StringVar(&i.email, "owner", "", "address of its owner (required)")
	cmd.Flags().StringVar(&i.displayName, "display-name", "", "what people read")
	return required(cmd, "space", "owner")
}

func (t *terminal) adminLinkCommand() *cobra.Command {
	var s settingFlags
	var i invitation
	cmd := &cobra.Command{
		Use: "link", Short: "Print a one-time sign-in link for a member", Args: noArguments,
		Example: "indent admin link --config indent.yaml --space acmecorp --email ada@example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.invite(cmd, &s, i, func(ctx context.Context, a *app.App) (string, error) { return a.Link(ctx, i.space, i.email) })
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&i.space, "space", "", "name of the space (required)")
	cmd.Flags().StringVar(&i.email, "email", "", "address of the member (required)")
	return required(cmd, "space", "email")
}

func (t *terminal) adminMemberAddCommand() *cobra.Command {
	var s settingFlags
	var i invitation
	cmd := &cobra.Command{
		Use: "add", Short: "Add a person, or change a person's role", Args: noArguments,
		Long:    "Add a person to a space, or change a person's role, and print a one-time link with which the person signs in.",
		Example: "indent admin member add --config indent.yaml --space acmecorp --email bob@example.com --role Editor",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.invite(cmd, &s, i, func(ctx context.Context, a *app.App) (string, error) {
				return a.AddMember(ctx, i.space, i.email, i.role)
			})
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&i.space, "space", "", "name of the space (required)")
	cmd.Flags().StringVar(&i.email, "email", "", "address of the person (required)")
	cmd.Flags().StringVar(&i.role, "role", "", rolesText+" (required)")
	return required(cmd, "space", "email", "role")
}

func (t *terminal) adminLiftCommand() *cobra.Command {
	var s settingFlags
	var i invitation
	var reason string
	cmd := &cobra.Command{
		Use: "lift-break-glass", Short: "Let a person break the glass again, where no other owner can", Args: noArguments,
		Long: "Let a person break the glass again who did not answer for it. An owner does that for others (indent member lift-break-glass), and nobody\n" +
			"for themselves: this is for the owner of a space that has no other. It stands in the log, with the reason.",
		Example: `indent admin lift-break-glass --config indent.yaml --space acmecorp --email ada@example.com --reason "she is the only owner, we spoke"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
				if err := a.LiftBreakGlass(ctx, i.space, i.email, reason); err != nil {
					return err
				}
				if t.json {
					return t.printJSON(map[string]string{"space": i.space, "email": i.email})
				}
				t.say("%s may break the glass in %s again.", plain(i.email), plain(i.space))
				return nil
			})
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&i.space, "space", "", "name of the space (required)")
	cmd.Flags().StringVar(&i.email, "email", "", "address of the member (required)")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for the log (required)")
	return required(cmd, "space", "email", "reason")
}

// invite does the work on the database and prints the link that it answers.
func (t *terminal) invite(cmd *cobra.Command, s *settingFlags, i invitation, work func(context.Context, *app.App) (string, error)) error {
	return t.operate(cmd, s, func(ctx context.Context, a *app.App) error {
		link, err := work(ctx, a)
		if err != nil {
			return err
		}
		if t.json {
			return t.printJSON(map[string]string{"space": i.space, "email": i.email, "signInLink": link})
		}
		t.say("%s signs in to %s, once and within 24 hours, with this link:", plain(i.email), plain(i.space))
		_, err = fmt.Fprintln(t.out, link)
		return err
	})
}

// operate does the work on the database of the settings.
func (t *terminal) operate(cmd *cobra.Command, s *settingFlags, work func(context.Context, *app.App) error) (err error) {
	cfg, err := s.load()
	if err != nil {
		return err
	}
	if err := mustExist(cmd, cfg); err != nil {
		return err
	}
	a, err := app.Build(cmd.Context(), cfg, app.Options{Logger: logger(t.err, "text", "warn"), Version: t.version, Beside: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop(cmd.Context(), a.Stop)) }()
	return work(cmd.Context(), a)
}

// mustExist refuses to look for members in a file that is not there: opening it would make an empty database, which is
// what a forgotten --config looks like. Only init makes one.
func mustExist(cmd *cobra.Command, cfg config.Config) error {
	if cfg.Shared() || cmd.Name() == "init" {
		return nil
	}
	file := strings.TrimPrefix(cfg.Database, "sqlite:")
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database %s: give the server's --config or --database, or make its first space with indent admin init", plain(file))
	}
	return nil
}
