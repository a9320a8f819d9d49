package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) spaceCommand() *cobra.Command {
	return t.clientFlags(group("space", "Spaces: tenants with their own people, resources and log",
		t.spaceListCommand(), t.spaceShowCommand(), t.spaceCreateCommand(), t.spaceRenameCommand(), t.spaceDeleteCommand()))
}

func (t *terminal) spaceListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List the spaces that the token reaches", Args: noArguments,
		Long:    "List the spaces that the token reaches: a token belongs to one. `indent admin space list` lists all of a server.",
		Example: "indent space list",
	}, []string{"NAME", "DISPLAY NAME"}, func(s indent.Space) []string {
		return []string{s.Name, short(s.DisplayName, 60)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Space, error] {
		return c.Spaces(ctx)
	})
}

func (t *terminal) spaceShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{Use: "show", Short: "Show the space that commands act in", Args: noArguments, Example: "indent space show"}, describeSpace,
		func(ctx context.Context, c *indent.Client, _ []string) (indent.Space, error) { return c.Space(ctx) })
}

func (t *terminal) spaceCreateCommand() *cobra.Command {
	var n indent.NewSpace
	cmd := shows(t, &cobra.Command{
		Use: "create NAME", Short: "Make a space", Args: exactly(1, "the NAME of the space"),
		Long:    "Make a space. It is for those whom the server's setting `operators` names; you are its first owner.",
		Example: "indent space create acmelabs --display-name \"Acme Labs\"",
	}, describeSpace, func(ctx context.Context, c *indent.Client, args []string) (indent.Space, error) {
		n.Name = args[0]
		return c.CreateSpace(ctx, n)
	})
	cmd.Flags().StringVar(&n.DisplayName, "display-name", "", "what people read")
	cmd.Flags().StringVar(&n.Owner, "owner", "", "address of the first owner (default: yours)")
	return inFlags(cmd, "space.name", "NAME", "space.displayName", "--display-name", "space.owner", "--owner")
}

func (t *terminal) spaceRenameCommand() *cobra.Command {
	cmd := shows(t, &cobra.Command{
		Use: "rename DISPLAY-NAME", Short: "Change what people call the space", Args: exactly(1, "the DISPLAY-NAME"),
		Long: "Change what people call the space. Its name, which links and the log have, stays.", Example: "indent space rename \"Acme Corporation\"",
	}, describeSpace, func(ctx context.Context, c *indent.Client, args []string) (indent.Space, error) {
		return c.RenameSpace(ctx, args[0])
	})
	return first(inFlags(cmd, "space.displayName", "DISPLAY-NAME"), func(cmd *cobra.Command, args []string) error {
		if strings.TrimSpace(args[0]) == "" {
			return usageError(cmd, "DISPLAY-NAME is empty: say what people shall call the space")
		}
		return nil
	})
}

func describeSpace(s indent.Space) string {
	return strings.TrimRight(plain(s.Name)+"  "+plain(s.DisplayName), " ")
}

func (t *terminal) spaceDeleteCommand() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "delete NAME", Short: "Delete the space: nobody gets in any more", Args: exactly(1, "the NAME of the space, to be sure"),
		Long: "Delete the space of your token: nobody gets in any more, with whatever token. Its log and its name are kept, and the\n" +
			"server's operator can bring it back: `indent admin space restore`. NAME must be the space's name, so that no other is meant.\n" +
			"On a terminal it asks for the name once more, unless --yes is given.",
		Example: "indent space delete acmelabs",
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return t.does(cmd, func(args []string) string {
		return fmt.Sprintf("The space %s is deleted: nobody gets in any more. Its log and its name are kept, and the server's operator brings it back with `indent admin space restore --space %s`.", args[0], args[0])
	}, func(ctx context.Context, c *indent.Client, args []string) error {
		if args[0] != c.SpaceName() {
			return usageError(cmd, "the token is for the space %s, not for %s: give --space and its token", plain(c.SpaceName()), plain(args[0]))
		}
		if t.asks && !yes {
			if err := t.typedAgain(args[0]); err != nil {
				return err
			}
		}
		return c.DeleteSpace(ctx)
	})
}

// typedAgain asks for the name of what is to be deleted once more, and refuses another answer.
func (t *terminal) typedAgain(name string) error {
	fmt.Fprintf(t.err, "Everybody in %s is shut out. To delete it type its name again: ", plain(name))
	line, err := bufio.NewReader(io.LimitReader(t.in, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if strings.TrimSpace(line) != name {
		return fmt.Errorf("that is not %s: nothing was done", plain(name))
	}
	return nil
}
