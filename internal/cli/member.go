package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

const rolesText = "Viewer, Auditor, Petition Admin, Editor or Owner"

func (t *terminal) memberCommand() *cobra.Command {
	return t.clientFlags(group("member", "People of a space: roles, suspension, identities", t.memberListCommand(), t.memberShowCommand(),
		t.memberAddCommand(), t.memberSetRoleCommand(), t.memberSuspendCommand(true), t.memberSuspendCommand(false), t.memberRemoveCommand(),
		t.memberLinkCommand(), t.memberUnlinkCommand(), t.memberLiftCommand()))
}

func (t *terminal) memberListCommand() *cobra.Command {
	var kind string
	cmd := lists(t, &cobra.Command{
		Use: "list", Short: "List members", Args: noArguments,
		Example: "indent member list\nindent member list --kind serviceAccount --json",
	}, []string{"ID", "ROLE", "STATE", "DISPLAY NAME"}, func(m indent.Member) []string {
		return []string{short(m.ID, 60), m.Role, standing(m.Suspended), short(m.DisplayName, 40)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Member, error] {
		return c.Members(ctx, kind)
	})
	cmd.Flags().StringVar(&kind, "kind", "", "only these: user, serviceAccount")
	return cmd
}

// standing is the column STATE of whoever may act: a person or a service account.
func standing(suspended bool) string {
	if suspended {
		return "suspended"
	}
	return "active"
}

// person is a member with all that the member is known by.
type person struct {
	indent.Member
	Identities []indent.Identity `json:"identities"`
}

func (t *terminal) memberShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show MEMBER", Short: "Show a member: role, state and identities", Args: exactly(1, "the address of a MEMBER"),
		Example: "indent member show ada@example.com",
	}, func(p person) string {
		lines := []string{strings.TrimRight(fmt.Sprintf("%s  %s  %s  %s", plain(p.ID), plain(p.Role), standing(p.Suspended), plain(p.DisplayName)), " ")}
		for _, i := range p.Identities {
			lines = append(lines, "  also "+plain(i.Identity))
		}
		return strings.Join(lines, "\n")
	}, func(ctx context.Context, c *indent.Client, args []string) (p person, err error) {
		if p.Member, err = c.Member(ctx, args[0]); err != nil {
			return p, err
		}
		p.Identities = []indent.Identity{}
		for i, err := range c.Identities(ctx, p.ID) {
			if err != nil {
				return p, err
			}
			p.Identities = append(p.Identities, i)
		}
		return p, nil
	})
}

// putMember is a command that changes a person. With known it refuses who is no member, whom the change would add.
func (t *terminal) putMember(cmd *cobra.Command, known bool, change func() indent.MemberChange) *cobra.Command {
	cmd.Args = exactly(1, "the address of a MEMBER")
	return inFlags(shows(t, cmd, func(m indent.Member) string {
		return fmt.Sprintf("%s  %s  %s", plain(m.ID), plain(m.Role), standing(m.Suspended))
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.Member, error) {
		asked := change()
		needs := []string{"members:write"}
		switch {
		case asked.Role != nil:
			needs = append(needs, app.RolePermissions(*asked.Role)...)
		case !known:
			needs = append(needs, app.RolePermissions("Viewer")...) // which is what somebody new becomes
		}
		if known {
			needs = append([]string{"spaces:read", "members:read"}, needs...)
			m, err := c.Member(ctx, args[0])
			if err != nil {
				return m, lacking(ctx, c, err, needs)
			}
			needs = append(needs, app.RolePermissions(m.Role)...)
		} else if asked.Role == nil && may(ctx, c, "members:read") {
			if m, err := c.Member(ctx, args[0]); err == nil {
				t.say("%s is a member already, as %s.", plain(m.ID), plain(m.Role))
			}
		}
		m, err := c.PutMember(ctx, args[0], asked)
		return m, lacking(ctx, c, err, needs)
	}), "member.role", "--role", "member.displayName", "--display-name", "member", "MEMBER")
}

func (t *terminal) memberAddCommand() *cobra.Command {
	var role, name string
	cmd := &cobra.Command{
		Use: "add MEMBER", Short: "Add a person",
		Long: "Add a person by address. Somebody who is a member already keeps the role unless --role says another one. A sign-in link is\n" +
			"made by `indent admin link`.",
		Example: "indent member add ada@example.com --role Editor --display-name Ada",
	}
	t.putMember(cmd, false, func() indent.MemberChange {
		var c indent.MemberChange
		if cmd.Flag("role").Changed {
			c.Role = &role
		}
		if name != "" {
			c.DisplayName = &name
		}
		return c
	})
	cmd.Flags().StringVar(&role, "role", "", rolesText+" (default: Viewer; a member's own)")
	cmd.Flags().StringVar(&name, "display-name", "", "what people read")
	return cmd
}

func (t *terminal) memberSetRoleCommand() *cobra.Command {
	var role string
	cmd := &cobra.Command{
		Use: "set-role MEMBER", Short: "Change a person's role", Example: "indent member set-role ada@example.com --role Auditor",
	}
	cmd.Flags().StringVar(&role, "role", "", rolesText+" (required)")
	return required(t.putMember(cmd, true, func() indent.MemberChange { return indent.MemberChange{Role: &role} }), "role")
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
	return t.putMember(cmd, true, func() indent.MemberChange { return indent.MemberChange{Suspended: &suspended} })
}

func (t *terminal) memberRemoveCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "remove MEMBER", Short: "Take a person out of the space", Args: exactly(1, "the address of a MEMBER"),
		Long:    "Take a person out of the space, with identities, memberships, tokens and sessions. The person's service accounts are suspended.",
		Example: "indent member remove ada@example.com",
	}, func(args []string) string {
		return args[0] + " is no member any more, and every token and session of theirs has ended."
	}, func(ctx context.Context, c *indent.Client, args []string) error { return c.RemoveMember(ctx, args[0]) })
}

func (t *terminal) memberLiftCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "lift-break-glass MEMBER", Short: "Let a person break the glass again", Args: exactly(1, "the address of a MEMBER"),
		Long: "Let a person break the glass again who did not answer for it: a review that was refused, or that nobody made in time. Only an\n" +
			"owner does, and nobody for themselves; where there is no other owner the server's operator can (indent admin lift-break-glass).",
		Example: "indent member lift-break-glass ada@example.com",
	}, func(args []string) string {
		return args[0] + " may break the glass again."
	}, func(ctx context.Context, c *indent.Client, args []string) error {
		return c.LiftBreakGlass(ctx, args[0])
	})
}

func (t *terminal) memberLinkCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "link MEMBER IDENTITY", Short: "Link an identity to a person", Args: exactly(2, "the address of a MEMBER and an IDENTITY"),
		Long: "Link an identity to a person: another address, or an account elsewhere. The person counts once under all of them. Linking the\n" +
			"address of another member makes both one person.",
		Example: "indent member link ada@example.com slack:T01/U024BE7LH",
	}, func(i indent.Identity) string { return plain(i.Member) + "  also " + plain(i.Identity) },
		func(ctx context.Context, c *indent.Client, args []string) (indent.Identity, error) {
			return c.LinkIdentity(ctx, args[0], args[1])
		})
}

func (t *terminal) memberUnlinkCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "unlink MEMBER IDENTITY", Short: "Unlink an identity", Args: exactly(2, "the address of a MEMBER and an IDENTITY"),
		Long:    "Unlink an identity: the person is not known by it any more. `indent member show` lists those that there are.",
		Example: "indent member unlink ada@example.com slack:T01/U024BE7LH",
	}, func(args []string) string { return args[1] + " is not " + args[0] + " any more." }, func(ctx context.Context, c *indent.Client, args []string) error {
		return c.UnlinkIdentity(ctx, args[0], args[1])
	})
}
