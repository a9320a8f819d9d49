package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) serviceAccountCommand() *cobra.Command {
	return t.clientFlags(group("service-account", "Make non-human members", t.serviceAccountCreateCommand(), t.serviceAccountListCommand(),
		t.serviceAccountGetCommand(), t.serviceAccountUpdateCommand(), t.serviceAccountDeleteCommand(), t.trustCommand()))
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
			return printList(t, l, c.ServiceAccounts(cmd.Context()), []string{"ID", "ROLE", "DISPLAY NAME", "OWNER", "CREATED", "STATE"}, func(a indent.ServiceAccount) []string {
				return []string{a.ServiceAccountID, a.Role, short(a.Meta.DisplayName, 40), short(a.Owner.ID, 40), moment(a.Meta.CreateTime), standing(a.Suspended)}
			})
		},
	}
	l.flag(cmd)
	return cmd
}

func (t *terminal) serviceAccountGetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "get ID", Short: "Show a service account", Args: exactly(1, "the ID of the service account"),
		Example: "indent service-account get nightly",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			a, err := c.ServiceAccount(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return t.showAccount(a)
		},
	}
}

func (t *terminal) showAccount(a indent.ServiceAccount) error {
	if t.json {
		return t.printJSON(a)
	}
	b := table{head: []string{"ID", "ROLE", "DISPLAY NAME", "OWNER", "STATE"}}
	b.add(a.ServiceAccountID, a.Role, a.Meta.DisplayName, a.Owner.ID, standing(a.Suspended))
	t.printTable(b)
	return nil
}

func (t *terminal) serviceAccountUpdateCommand() *cobra.Command {
	var role, name string
	var suspend, resume bool
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change a service account", Args: exactly(1, "the ID of the service account"),
		Long:    "Change a service account. One that is suspended stands for nobody, and its tokens have ended: it needs new ones when it is resumed.",
		Example: "indent service-account update nightly --role Viewer\nindent service-account update nightly --suspend",
		RunE: func(cmd *cobra.Command, args []string) error {
			var change indent.ServiceAccountChange
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
			c, err := t.client()
			if err != nil {
				return err
			}
			a, err := c.UpdateServiceAccount(cmd.Context(), args[0], change)
			if err != nil {
				return err
			}
			return t.showAccount(a)
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "display-name", "", "what people read")
	f.StringVar(&role, "role", "", "Viewer, Auditor, Petition Admin, Editor or Owner, at most your own")
	f.BoolVar(&suspend, "suspend", false, "let it stand for nobody, and end its tokens")
	f.BoolVar(&resume, "resume", false, "let it be used again, with new tokens")
	return cmd
}

func (t *terminal) serviceAccountDeleteCommand() *cobra.Command {
	return &cobra.Command{
		Use: "delete ID", Short: "Delete a service account, and end its tokens", Args: exactly(1, "the ID of the service account"),
		Example: "indent service-account delete nightly",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := c.DeleteServiceAccount(cmd.Context(), args[0]); err != nil {
				return err
			}
			t.say("Service account %s is deleted, and its tokens have ended.", plain(args[0]))
			if t.json {
				return t.printJSON(struct{}{})
			}
			return nil
		},
	}
}
