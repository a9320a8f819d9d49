package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) serviceAccountCommand() *cobra.Command {
	return t.clientFlags(group("service-account", "Members that are no people, and whom they trust", t.serviceAccountCreateCommand(), t.serviceAccountListCommand(),
		t.serviceAccountShowCommand(), t.serviceAccountUpdateCommand(), t.serviceAccountDeleteCommand(), t.trustCommand()))
}

func (t *terminal) serviceAccountCreateCommand() *cobra.Command {
	var n indent.NewServiceAccount
	cmd := shows(t, &cobra.Command{
		Use: "create ID", Short: "Make a service account", Args: exactly(1, "the ID of the service account"),
		Long:    "Make a service account, owned by you. `indent token create --service-account ID` makes its tokens.",
		Example: "indent service-account create nightly --display-name \"Nightly job\" --role Viewer",
	}, func(made indent.ServiceAccount) string { return plain(made.ServiceAccountID) },
		func(ctx context.Context, c *indent.Client, args []string) (indent.ServiceAccount, error) {
			n.ID = args[0]
			return c.CreateServiceAccount(ctx, n)
		})
	cmd.Flags().StringVar(&n.DisplayName, "display-name", "", "what people read")
	cmd.Flags().StringVar(&n.Role, "role", "", rolesText+", at most your own (default Petition Admin)")
	return accountInFlags(cmd)
}

func accountInFlags(cmd *cobra.Command) *cobra.Command {
	return inFlags(cmd, "serviceAccount.serviceAccountId", "ID", "serviceAccount.role", "--role", "serviceAccount.meta.displayName", "--display-name")
}

func (t *terminal) serviceAccountListCommand() *cobra.Command {
	out := map[string]bool{} // people who are suspended: an account of theirs gets in nowhere, either
	return lists(t, &cobra.Command{
		Use: "list", Short: "List service accounts", Args: noArguments,
		Example: "indent service-account list",
	}, []string{"ID", "ROLE", "DISPLAY NAME", "OWNER", "CREATED", "STATE"}, func(a indent.ServiceAccount) []string {
		return []string{a.ServiceAccountID, a.Role, short(a.Meta.DisplayName, 40), short(a.Owner.ID, 40), moment(a.Meta.CreateTime), standingOf(a, out)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.ServiceAccount, error] {
		if !may(ctx, c, "members:read") {
			return c.ServiceAccounts(ctx) // with their own state alone
		}
		for m, err := range c.Members(ctx, "user") {
			if err != nil {
				break
			}
			out[m.ID] = m.Suspended
		}
		return c.ServiceAccounts(ctx)
	})
}

// standingOf is the column STATE of a service account, which is never more than its owner.
func standingOf(a indent.ServiceAccount, out map[string]bool) string {
	if !a.Suspended && out[a.Owner.ID] {
		return "owner suspended"
	}
	return standing(a.Suspended)
}

func (t *terminal) serviceAccountShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show ID", Aliases: []string{"get"}, Short: "Show a service account", Args: exactly(1, "the ID of the service account"),
		Example: "indent service-account show nightly",
	}, t.describeAccount, func(ctx context.Context, c *indent.Client, args []string) (indent.ServiceAccount, error) {
		return c.ServiceAccount(ctx, args[0])
	})
}

func (t *terminal) describeAccount(a indent.ServiceAccount) string {
	b := table{head: []string{"ID", "ROLE", "DISPLAY NAME", "OWNER", "STATE"}}
	b.add(a.ServiceAccountID, a.Role, a.Meta.DisplayName, a.Owner.ID, standing(a.Suspended))
	return t.lines(b)
}

func (t *terminal) serviceAccountUpdateCommand() *cobra.Command {
	var change indent.ServiceAccountChange
	var role, name string
	var suspend, resume bool
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change a service account", Args: exactly(1, "the ID of the service account"),
		Long:    "Change a service account. One that is suspended stands for nobody, and its tokens have ended: it needs new ones when it is resumed.",
		Example: "indent service-account update nightly --role Viewer\nindent service-account update nightly --suspend",
	}
	shows(t, cmd, t.describeAccount, func(ctx context.Context, c *indent.Client, args []string) (indent.ServiceAccount, error) {
		return c.UpdateServiceAccount(ctx, args[0], change)
	})
	first(cmd, func(cmd *cobra.Command, _ []string) error {
		f := cmd.Flags()
		if f.Changed("role") {
			change.Role = &role
		}
		if f.Changed("display-name") {
			change.DisplayName = &name
		}
		if suspend && resume {
			return usageError(cmd, "give --suspend or --resume")
		}
		if suspend || resume {
			change.Suspended = &suspend
		}
		if change == (indent.ServiceAccountChange{}) {
			return usageError(cmd, "say what to change: --role, --display-name, --suspend or --resume")
		}
		return nil
	})
	f := cmd.Flags()
	f.StringVar(&name, "display-name", "", "what people read")
	f.StringVar(&role, "role", "", rolesText+", at most your own")
	f.BoolVar(&suspend, "suspend", false, "let it stand for nobody, and end its tokens")
	f.BoolVar(&resume, "resume", false, "let it be used again, with new tokens")
	return accountInFlags(cmd)
}

func (t *terminal) serviceAccountDeleteCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "delete ID", Short: "Delete a service account, and end its tokens", Args: exactly(1, "the ID of the service account"),
		Example: "indent service-account delete nightly",
	}, func(args []string) string {
		return "Service account " + args[0] + " is deleted, and its tokens have ended."
	},
		func(ctx context.Context, c *indent.Client, args []string) error {
			return c.DeleteServiceAccount(ctx, args[0])
		})
}
