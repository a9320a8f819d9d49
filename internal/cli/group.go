package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) groupCommand() *cobra.Command {
	return t.clientFlags(group("group", "Groups of the directory and who is in them",
		t.groupListCommand(), t.groupMembersCommand(), t.groupAddCommand(), t.groupRemoveCommand()))
}

func (t *terminal) groupListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List groups", Args: noArguments,
		Long:    "List the resources of the kind group. `indent resource apply` makes them.",
		Example: "indent group list",
	}, []string{"NAME", "KIND", "DISPLAY NAME"}, func(r indent.Resource) []string {
		return []string{r.Name(), r.Kind, short(r.DisplayName, 60)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Resource, error] {
		return groups(c.Resources(ctx, indent.ResourceQuery{View: indent.ViewRecipients, PageSize: 200}))
	})
}

// groups leaves out what is no group.
func groups(resources iter.Seq2[indent.Resource, error]) iter.Seq2[indent.Resource, error] {
	return func(yield func(indent.Resource, error) bool) {
		for r, err := range resources {
			if err == nil && !isGroup(r.Kind) {
				continue
			}
			if !yield(r, err) {
				return
			}
		}
	}
}

// isGroup answers whether a kind is that of groups, as the server knows them: "okta/group" is a group.
func isGroup(kind string) bool {
	for i := len(kind) - 1; i >= 0; i-- {
		if c := kind[i]; c == '/' || c == ':' || c == '.' {
			kind = kind[i+1:]
			break
		}
	}
	return kind == "group"
}

func (t *terminal) groupMembersCommand() *cobra.Command {
	var effective bool
	cmd := lists(t, &cobra.Command{
		Use: "members GROUP", Short: "List who is in a group", Args: exactly(1, "the name of a GROUP"),
		Example: "indent group members on-call\nindent group members engineering --effective",
	}, []string{"ID", "KIND", "DISPLAY NAME"}, func(r indent.Resource) []string {
		return []string{short(r.ID, 60), r.Kind, short(r.DisplayName, 60)}
	}, func(ctx context.Context, c *indent.Client, args []string, _ int) iter.Seq2[indent.Resource, error] {
		return c.GroupMembers(ctx, args[0], effective)
	})
	cmd.Flags().BoolVar(&effective, "effective", false, "every person who is in it through whatever nesting")
	return cmd
}

func (t *terminal) groupAddCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "add GROUP MEMBER...", Short: "Put members into a group", Args: groupAndMembers,
		Long:    "Put members into a group, all or none: persons by address, service accounts by id, groups by name.",
		Example: "indent group add on-call ada@example.com bob@example.com",
	}, func(args []string) string { return fmt.Sprintf("In %s: %s.", args[0], strings.Join(args[1:], ", ")) }, func(ctx context.Context, c *indent.Client, args []string) error {
		var members []indent.Resource
		for _, id := range args[1:] {
			members = append(members, indent.Resource{ID: id})
		}
		return whichMember(c.AddGroupMembers(ctx, args[0], members), args[1:])
	})
}

// whichMember names the argument that members[2].id of the API was.
func whichMember(err error, members []string) error {
	refused, ok := err.(*indent.Error)
	var n int
	if !ok || refused.Field == "" {
		return err
	}
	if _, err := fmt.Sscanf(refused.Field, "members[%d]", &n); err != nil || n < 0 || n >= len(members) {
		return refused
	}
	return renamed(refused, "MEMBER "+members[n])
}

func groupAndMembers(cmd *cobra.Command, args []string) error {
	if len(args) < 2 {
		return usageError(cmd, "give the name of a GROUP and at least one MEMBER")
	}
	return nil
}

func (t *terminal) groupRemoveCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "remove GROUP MEMBER", Short: "Take a member out of a group", Args: exactly(2, "the name of a GROUP and a MEMBER"),
		Long:    "Take a member out of a group, by the ID that `indent group members` shows.",
		Example: "indent group remove on-call ada@example.com",
	}, func(args []string) string { return args[1] + " is not in " + args[0] + " any more." }, func(ctx context.Context, c *indent.Client, args []string) error {
		return c.RemoveGroupMember(ctx, args[0], args[1])
	})
}
