package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) memberCommand() *cobra.Command {
	return t.clientFlags(group("member", "People of a space: roles, suspension, identities", t.memberListCommand(), t.memberShowCommand(),
		t.memberAddCommand(), t.memberSetRoleCommand(), t.memberSuspendCommand(true), t.memberSuspendCommand(false), t.memberRemoveCommand(),
		t.memberLinkCommand(), t.memberUnlinkCommand()))
}

func (t *terminal) memberListCommand() *cobra.Command {
	var l limited
	var kind string
	cmd := &cobra.Command{
		Use: "list", Short: "List members", Args: noArguments,
		Example: "indent member list\nindent member list --kind serviceAccount --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(cmd); err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			return printList(t, l, c.Members(cmd.Context(), kind), []string{"ID", "ROLE", "STATE", "DISPLAY NAME"}, func(m indent.Member) []string {
				return []string{short(m.ID, 60), m.Role, standing(m.Suspended), short(m.DisplayName, 40)}
			})
		},
	}
	cmd.Flags().StringVar(&kind, "kind", "", "only these: user, serviceAccount")
	l.flag(cmd)
	return cmd
}

// standing is the column STATE of whoever may act: a person or a service account.
func standing(suspended bool) string {
	if suspended {
		return "suspended"
	}
	return "active"
}

func (t *terminal) memberShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show MEMBER", Short: "Show a member and the identities", Args: exactly(1, "the address of a MEMBER"),
		Example: "indent member show ada@example.com",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			m, err := c.Member(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			var identities []indent.Identity
			for i, err := range c.Identities(cmd.Context(), m.ID) {
				if err != nil {
					return err
				}
				identities = append(identities, i)
			}
			if t.json {
				return t.printJSON(struct {
					indent.Member
					Identities []indent.Identity `json:"identities"`
				}{m, identities})
			}
			fmt.Fprintf(t.out, "%s  %s  %s  %s\n", plain(m.ID), m.Role, standing(m.Suspended), plain(m.DisplayName))
			for _, i := range identities {
				fmt.Fprintf(t.out, "  also %s\n", plain(i.Identity))
			}
			return nil
		},
	}
}

// putMember is a command that changes a person.
func (t *terminal) putMember(cmd *cobra.Command, change func() indent.MemberChange) *cobra.Command {
	cmd.Args = exactly(1, "the address of a MEMBER")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		m, err := c.PutMember(cmd.Context(), args[0], change())
		if err != nil {
			return err
		}
		if t.json {
			return t.printJSON(m)
		}
		_, err = fmt.Fprintf(t.out, "%s  %s  %s\n", plain(m.ID), m.Role, standing(m.Suspended))
		return err
	}
	return cmd
}

func (t *terminal) memberAddCommand() *cobra.Command {
	var role, name string
	cmd := t.putMember(&cobra.Command{
		Use: "add MEMBER", Short: "Add a person",
		Long:    "Add a person by address. Somebody who is a member already gets the role. A sign-in link is made by `indent admin link`.",
		Example: "indent member add ada@example.com --role Editor --display-name Ada",
	}, func() indent.MemberChange {
		c := indent.MemberChange{Role: &role}
		if name != "" {
			c.DisplayName = &name
		}
		return c
	})
	cmd.Flags().StringVar(&role, "role", "Viewer", "Viewer, Auditor, Petition Admin, Editor or Owner")
	cmd.Flags().StringVar(&name, "display-name", "", "what people read")
	return cmd
}

func (t *terminal) memberSetRoleCommand() *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use: "set-role MEMBER", Short: "Change a person's role", Example: "indent member set-role ada@example.com --role Auditor",
	}
	cmd.Flags().StringVar(&role, "role", "", "Viewer, Auditor, Petition Admin, Editor or Owner (required)")
	return required(t.ofMember(t.putMember(cmd, func() indent.MemberChange { return indent.MemberChange{Role: &role} })), "role")
}

// ofMember refuses who is no member, whom the change would add.
func (t *terminal) ofMember(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		if _, err := c.Member(cmd.Context(), args[0]); err != nil {
			return err
		}
		return run(cmd, args)
	}
	return cmd
}

func (t *terminal) memberSuspendCommand(suspended bool) *cobra.Command {
	cmd := &cobra.Command{
		Use: "suspend MEMBER", Short: "Shut a person out, with every token and session", Example: "indent member suspend ada@example.com",
		Long: "Shut a person out: every token, session and link ends at once, and the person counts as a reviewer of nothing.",
	}
	if !suspended {
		cmd = &cobra.Command{Use: "resume MEMBER", Short: "Let a suspended person in again", Example: "indent member resume ada@example.com",
			Long: "Let a suspended person in again. Tokens and sessions do not come back."}
	}
	return t.ofMember(t.putMember(cmd, func() indent.MemberChange { return indent.MemberChange{Suspended: &suspended} }))
}

func (t *terminal) memberRemoveCommand() *cobra.Command {
	return t.quietly(&cobra.Command{
		Use: "remove MEMBER", Short: "Take a person out of the space", Args: exactly(1, "the address of a MEMBER"),
		Long:    "Take a person out of the space, with identities, memberships, tokens and sessions. The person's service accounts are suspended.",
		Example: "indent member remove ada@example.com",
	}, func(ctx context.Context, c *indent.Client, args []string) error { return c.RemoveMember(ctx, args[0]) })
}

func (t *terminal) memberLinkCommand() *cobra.Command {
	return t.quietly(&cobra.Command{
		Use: "link MEMBER IDENTITY", Short: "Link an identity to a person", Args: exactly(2, "the address of a MEMBER and an IDENTITY"),
		Long: "Link an identity to a person: another address, or an account elsewhere. The person counts once under all of them. Linking the\n" +
			"address of another member makes both one person.",
		Example: "indent member link ada@example.com slack:T01/U024BE7LH",
	}, func(ctx context.Context, c *indent.Client, args []string) error {
		_, err := c.LinkIdentity(ctx, args[0], args[1])
		return err
	})
}

func (t *terminal) memberUnlinkCommand() *cobra.Command {
	return t.quietly(&cobra.Command{
		Use: "unlink MEMBER IDENTITY", Short: "Unlink an identity", Args: exactly(2, "the address of a MEMBER and an IDENTITY"),
		Example: "indent member unlink ada@example.com slack:T01/U024BE7LH",
	}, func(ctx context.Context, c *indent.Client, args []string) error {
		return c.UnlinkIdentity(ctx, args[0], args[1])
	})
}

// quietly is a command that does one thing and prints nothing.
func (t *terminal) quietly(cmd *cobra.Command, do func(context.Context, *indent.Client, []string) error) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := t.client()
		if err != nil {
			return err
		}
		return do(cmd.Context(), c, args)
	}
	return cmd
}
