package cli

import (
	"context"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) delegationCommand() *cobra.Command {
	return t.clientFlags(group("delegation", "Deputies: who decides for whom while somebody is away",
		t.delegationListCommand(), t.delegationCreateCommand(), t.delegationShowCommand(), t.delegationEndCommand()))
}

func (t *terminal) delegationListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List delegations that are not over", Args: noArguments,
		Long:    "List delegations that are not over: of the space for who may read members, else your own, away and as a deputy.",
		Example: "indent delegation list",
	}, []string{"NAME", "AWAY", "DEPUTY", "STATE", "FROM", "UNTIL"}, func(d indent.Delegation) []string {
		return []string{d.Meta.Name, short(d.From, 60), short(d.To, 60), d.State, moment(d.StartTime), moment(d.EndTime)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Delegation, error] {
		return c.Delegations(ctx)
	})
}

func (t *terminal) delegationCreateCommand() *cobra.Command {
	var n indent.NewDelegation
	var start, until, length string
	cmd := &cobra.Command{
		Use: "create DEPUTY", Short: "Name a deputy for a time", Args: exactly(1, "the address of the DEPUTY"),
		Long: "Let a deputy decide what you may decide, while you are away. The two of you give one vote together, and each decision\n" +
			"says for whom it was made. It begins now unless --start says later, and ends by itself, after 90 days at most.\n\n" +
			"It takes a login (indent login), not a token, which would have ended long before the deputy. The sign-in in\n" +
			"the browser that let this program in must be less than 15 minutes old. Whoever has a passkey names the deputy in the browser,\n" +
			"on the page of their account.",
		Example: "indent delegation create bob@example.com --for 7d --reason \"on leave\"\nindent delegation create bob@example.com --start 2030-01-02T00:00:00Z --until 2030-01-09T00:00:00Z",
	}
	shows(t, cmd, func(d indent.Delegation) string {
		t.say("%s decides for %s from %s until %s.", plain(d.To), plain(d.From), moment(d.StartTime), moment(d.EndTime))
		return plain(d.Meta.Name)
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.Delegation, error) {
		n.To = args[0]
		return c.CreateDelegation(ctx, n)
	})
	first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		if n.StartTime, err = timeFlag(cmd, "start", start); err != nil {
			return err
		}
		if length == "" {
			n.EndTime, err = timeFlag(cmd, "until", until)
			return err
		}
		begins := n.StartTime
		if begins.IsZero() {
			begins = time.Now()
		}
		lasts, err := days(cmd, "for", length)
		n.EndTime = begins.Add(lasts).UTC().Truncate(time.Microsecond)
		return err
	})
	f := cmd.Flags()
	f.StringVar(&length, "for", "", "how long, such as 7d or 12h")
	f.StringVar(&until, "until", "", "when it is over, such as 2030-01-09T00:00:00Z")
	f.StringVar(&start, "start", "", "when it begins, such as 2030-01-02T00:00:00Z (default: now)")
	f.StringVar(&n.Reason, "reason", "", "why, for the log")
	f.StringVar(&n.From, "away", "", "the address of who is away (default: you); another takes an owner, who is not the deputy")
	cmd.MarkFlagsMutuallyExclusive("for", "until")
	cmd.MarkFlagsOneRequired("for", "until")
	return inFlags(saysSomething(cmd, "for", "until", "start", "away"), "to", "DEPUTY", "from", "--away", "startTime", "--start", "endTime", "--for or --until", "reason", "--reason")
}

// timeFlag reads a flag that is a time, the zero time where it was not given.
func timeFlag(cmd *cobra.Command, flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, usageError(cmd, "--%s must be a time such as 2030-01-02T15:04:05Z, not %q", flag, text)
	}
	return at, nil
}

// days reads a flag that is a length of days, or a duration.
func days(cmd *cobra.Command, flag, text string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(n); err == nil && n > 0 && n <= 36_500 {
			return time.Duration(n) * 24 * time.Hour, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, usageError(cmd, "--%s must be days such as 7d, or a duration such as 12h, not %q", flag, text)
	}
	return d, nil
}

func describeDelegation(d indent.Delegation) string {
	lines := []string{d.Meta.Name + "  " + d.To + " decides for " + d.From, "  " + d.State + ", from " + moment(d.StartTime) + " until " + moment(d.EndTime)}
	if d.EndedBy != "" {
		lines = append(lines, "  ended by "+d.EndedBy+" at "+moment(d.EndedTime))
	}
	if d.Reason != "" {
		lines = append(lines, "  reason: "+d.Reason)
	}
	if d.CreatedBy.ID != d.From {
		lines = append(lines, "  made by "+d.CreatedBy.ID)
	}
	if !d.LastUsedTime.IsZero() {
		lines = append(lines, "  last used at "+moment(d.LastUsedTime))
	}
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

func (t *terminal) delegationShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show NAME", Short: "Show a delegation", Args: exactly(1, "the NAME of a delegation"),
		Example: "indent delegation show 0199c1e2-1c9e-7b55-b1ff-0ea4f1d2a5c3",
	}, describeDelegation, func(ctx context.Context, c *indent.Client, args []string) (indent.Delegation, error) {
		return c.Delegation(ctx, args[0])
	})
}

func (t *terminal) delegationEndCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "end NAME", Short: "End a delegation before its time", Args: exactly(1, "the NAME of a delegation"),
		Long:    "End a delegation before its time, at once. What the deputy has approved by it counts no more where a petition still waits.",
		Example: "indent delegation end 0199c1e2-1c9e-7b55-b1ff-0ea4f1d2a5c3",
	}, func(args []string) string { return "Delegation " + args[0] + " has ended." },
		func(ctx context.Context, c *indent.Client, args []string) error { return c.EndDelegation(ctx, args[0]) })
}
