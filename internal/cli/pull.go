package cli

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) pullCommand() *cobra.Command {
	return t.clientFlags(group("pull", "Webhooks that list resources for the directory", t.pullListCommand(), t.pullShowCommand(), t.pullSetCommand(), t.pullDeleteCommand(), t.pullRunCommand()))
}

func (t *terminal) pullListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List pull policies and how they stand", Args: noArguments, Example: "indent pull list",
	}, []string{"NAME", "WEBHOOK", "KINDS", "SCHEDULE", "STATE", "LAST GOOD", "NEXT"}, func(p indent.PullPolicy) []string {
		good := time.Time{}
		if p.Status.Good != nil {
			good = p.Status.Good.EndTime
		}
		return []string{p.Name, p.Webhook, short(strings.Join(p.Kinds, ", "), 40), p.Schedule, p.Status.State, moment(good), moment(p.Status.NextTime)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.PullPolicy, error] {
		return c.PullPolicies(ctx)
	})
}

func (t *terminal) pullShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show NAME", Aliases: []string{"get"}, Short: "Show a pull policy, and what came of its pulls", Args: exactly(1, "the NAME of the policy"), Example: "indent pull show roles",
	}, describePullPolicy, func(ctx context.Context, c *indent.Client, args []string) (indent.PullPolicy, error) {
		return c.PullPolicy(ctx, args[0])
	})
}

func describePullPolicy(p indent.PullPolicy) string {
	lines := []string{p.Name}
	add := func(what, text string) {
		if text != "" {
			lines = append(lines, "  "+what+": "+text)
		}
	}
	add("webhook", p.Webhook)
	add("kinds", strings.Join(p.Kinds, ", "))
	for _, name := range sortedNames(p.Flags) {
		add("flag "+name, p.Flags[name])
	}
	add("schedule", p.Schedule)
	for _, line := range aboutLines(p.Base) {
		add("takes", line)
	}
	for _, name := range sortedNames(p.Labels) {
		add("gives the label "+name, p.Labels[name])
	}
	add("takes labels", strings.Join(p.TakeLabels, ", "))
	if p.TakeIdentities {
		add("takes identities", "email and altIds")
	}
	add("display name", p.DisplayName)
	add("state", p.Status.State)
	if p.Status.Failures > 0 {
		add("failing since", moment(p.Status.FailingSince)+", "+counted(int64(p.Status.Failures), "time"))
	}
	add("problem", p.Status.Problem)
	if !p.Status.NextTime.IsZero() {
		add("next", moment(p.Status.NextTime))
	}
	add("made by", p.CreatedBy.ID+", "+moment(p.Meta.CreateTime))
	if p.Status.Last != nil {
		lines = append(append(lines, "", "last, "+moment(p.Status.Last.EndTime)), describePull(*p.Status.Last)...)
	}
	if good := p.Status.Good; good != nil && good.ID != p.Status.Last.ID {
		lines = append(append(lines, "", "last that worked, "+moment(good.EndTime)), describePull(*good)...)
	}
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// describePull answers what came of a pull, in lines that are not yet safe to show.
func describePull(r indent.PullResult) []string {
	lines := []string{"  " + r.State}
	if r.Partial {
		lines[0] += ", a part of the kinds or with other flags"
	}
	if r.Problem != "" {
		lines = append(lines, "  problem: "+r.Problem)
	}
	if r.State == "running" {
		return lines
	}
	lines = append(lines, fmt.Sprintf("  %d listed, %d taken: %d new, %d changed, %d gone, %d left alone", r.Listed, r.Taken, r.Created, r.Changed, r.Gone, r.Conflicts))
	for _, example := range r.Examples {
		lines = append(lines, "  left alone: "+example)
	}
	if len(r.Dropped) > 0 {
		lines = append(lines, "  not taken: "+strings.Join(r.Dropped, ", "))
	}
	return lines
}

func (t *terminal) pullSetCommand() *cobra.Command {
	var in webhookPolicyInput
	var n indent.NewPullPolicy
	var flags []string
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Let a webhook fill the directory: add or replace a pull policy", Args: exactly(1, "the NAME of the policy"),
		Long: "Add a pull policy, or replace the one of that name as a whole: what is not given is as it is by default. The webhook is asked by the\n" +
			"schedule, and by `indent pull run`. Of what it lists, the id, the kind, the display name and that it is out of use are taken.\n" +
			"Labels are taken only if they are named: rules may grant by any of them. --take-identities takes email and altIds, which say who and what is\n" +
			"the same: only for an endpoint that may say who is who.\n\n" +
			"What is not listed any more is marked as out of use, and stays. What people made or changed in the directory is left alone.",
		Example: "indent pull set roles --webhook postgres-roles --kind role --schedule '0 3 * * *' --label indent.com/requestable=true\n" +
			"indent pull set people --webhook hr --kind user --schedule 'CRON_TZ=Europe/Berlin 30 7 * * MON-FRI' --take-identities --take-label managerId",
	}
	shows(t, cmd, func(p indent.PullPolicy) string {
		t.say("Pull policy %s is set. Try it with `indent pull run %s`.", plain(p.Name), plain(p.Name))
		return describePullPolicy(p)
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.PullPolicy, error) {
		return c.PutPullPolicy(ctx, args[0], n)
	})
	f := cmd.Flags()
	f.StringVar(&n.Webhook, "webhook", "", "the name of the webhook that lists the resources")
	f.StringArrayVar(&n.Kinds, "kind", nil, "the kind of resources to ask for; may be given several times")
	f.StringVar(&n.Schedule, "schedule", "", "five fields of cron, at least 5 minutes apart, in UTC or behind CRON_TZ=Zone (default: only when somebody asks)")
	f.StringArrayVar(&flags, "flag", nil, "name=value that is sent beside the kinds; may be given several times")
	f.StringArrayVar(&in.labels, "label", nil, "name=value that every resource gets which the policy brings; may be given several times")
	f.StringArrayVar(&n.TakeLabels, "take-label", nil, "the key of a label that is taken from the endpoint, or * for all but those below indent.com/; may be given several times")
	f.BoolVar(&n.TakeIdentities, "take-identities", false, "take email and altIds from the endpoint")
	f.StringArrayVar(&in.match, "match", nil, "LABEL=VALUE that a listed resource must have; may be given several times")
	f.StringArrayVar(&in.expressions, "expression", nil, `"LABEL In a,b", "LABEL NotIn a,b", "LABEL Exists" or "LABEL DoesNotExist"; may be given several times`)
	f.StringArrayVar(&in.conditions, "condition", nil, "CEL over resource that must hold; may be given several times")
	f.StringVar(&n.DisplayName, "display-name", "", "what people read")
	inFlags(cmd, "pullPolicy.webhook", "--webhook", "pullPolicy.kinds", "--kind", "pullPolicy.schedule", "--schedule", "pullPolicy.flags", "--flag", "pullPolicy.labels", "--label",
		"pullPolicy.takeLabels", "--take-label", "pullPolicy.base.selector.matchLabels", "--match", "pullPolicy.base.selector.matchExpressions", "--expression", "pullPolicy.base.conditions", "--condition",
		"pullPolicy.displayName", "--display-name", "pullPolicy.name", "NAME")
	first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		if len(n.Kinds) == 0 {
			return usageError(cmd, "give --kind")
		}
		if n.Flags, err = pairs(cmd, "flag", flags); err != nil {
			return err
		}
		if n.Labels, err = pairs(cmd, "label", in.labels); err != nil {
			return err
		}
		n.Base, err = in.base(cmd)
		return err
	})
	return required(cmd, "webhook")
}

func (t *terminal) pullDeleteCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "delete NAME", Short: "Delete a pull policy", Args: exactly(1, "the NAME of the policy"), Example: "indent pull delete roles",
		Long: "Delete a pull policy. What it brought stays in the directory as it is; a policy of the same name takes it up again.",
	}, func(args []string) string { return "Pull policy " + args[0] + " is deleted. What it brought stays." },
		func(ctx context.Context, c *indent.Client, args []string) error {
			return c.DeletePullPolicy(ctx, args[0])
		})
}

func (t *terminal) pullRunCommand() *cobra.Command {
	var r indent.PullRequest
	var flags []string
	cmd := &cobra.Command{
		Use: "run [NAME]", Short: "Have webhooks list their resources now", Args: atMost(1, "one NAME, or none for all policies"),
		Long: "Pull now, by one policy or by all, and wait up to 20 seconds for what comes of it. The exit code is 1 when a pull failed or was refused: then\n" +
			"the directory is as it was. A pull that would mark more than 20 entries, and more than half of what the policy brought, as gone is\n" +
			"refused; --force takes it.",
		Example: "indent pull run roles\nindent pull run --kind role\nindent pull run roles --force",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if len(args) > 0 {
				r.Policy = args[0]
			}
			out, err := c.PullUpdate(cmd.Context(), r)
			if err != nil {
				return err
			}
			return t.printPulls(out)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&r.Kinds, "kind", nil, "only this kind of resources; may be given several times")
	f.StringArrayVar(&flags, "flag", nil, "name=value that is sent beside those of the policies; then nothing is marked as gone; may be given several times")
	f.BoolVar(&r.Force, "force", false, "mark as gone what is not listed any more, however much it is")
	f.BoolVar(&r.AtOnce, "no-wait", false, "do not wait for what comes of it")
	inFlags(cmd, "kinds", "--kind", "flags", "--flag", "policy", "NAME")
	return first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		r.Flags, err = pairs(cmd, "flag", flags)
		return err
	})
}

func (t *terminal) printPulls(list []indent.PullOutcome) error {
	bad := 0
	for _, o := range list {
		if o.State == "failed" || o.State == "refused" {
			bad++
		}
	}
	if t.json {
		if err := t.printJSON(list); err != nil {
			return err
		}
	} else {
		for _, o := range list {
			for _, line := range append([]string{o.Policy}, describePull(o.PullResult)...) {
				fmt.Fprintln(t.out, plain(line))
			}
			if o.State == "running" {
				t.say("`indent pull show %s` tells how it ends.", plain(o.Policy))
			}
		}
	}
	if bad > 0 {
		return fmt.Errorf("%s of %d did not work", counted(int64(bad), "pull"), len(list))
	}
	return nil
}
