package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) serviceAccountCommand() *cobra.Command {
	return t.clientFlags(group("service-account", "Make non-human members", t.serviceAccountCreateCommand(), t.serviceAccountListCommand()))
}

func (t *terminal) serviceAccountCreateCommand() *cobra.Command {
	var n indent.NewServiceAccount
	cmd := &cobra.Command{
		Use: "create ID", Short: "Make a service account", Args: exactly(1, "the ID of the service account"),
		Long:    "Make a service account, owned by you. `indent token create --service-account ID` makes its tokens.",
		Example: "indent service-account create nightly --display-name \"Nightly job\" --role Viewer",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			n.ID = args[0]
			made, err := c.CreateServiceAccount(cmd.Context(), n)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(made)
			}
			_, err = fmt.Fprintln(t.out, plain(made.ServiceAccountID))
			return err
		},
	}
	cmd.Flags().StringVar(&n.DisplayName, "display-name", "", "what people read")
	cmd.Flags().StringVar(&n.Role, "role", "", "Viewer, Petition Admin, Editor or Owner, at most your own (default Petition Admin)")
	return cmd
}

func (t *terminal) serviceAccountListCommand() *cobra.Command {
	var l limited
	cmd := &cobra.Command{
		Use: "list", Short: "List service accounts", Args: noArguments,
		Example: "indent service-account list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(cmd); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			return printList(t, l, c.ServiceAccounts(cmd.Context()), []string{"ID", "ROLE", "DISPLAY NAME", "BY", "CREATED"}, func(a indent.ServiceAccount) []string {
				return []string{a.ServiceAccountID, a.Role, short(a.Meta.DisplayName, 40), short(a.CreatedBy.Title(), 40), moment(a.Meta.CreateTime)}
			})
		},
	}
	l.flag(cmd)
	return cmd
}
