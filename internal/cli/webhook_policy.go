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

func (t *terminal) webhookPolicyCommand() *cobra.Command {
	return group("policy", "Which calls a webhook gets, and for which resources", t.webhookPolicyListCommand(), t.webhookPolicyShowCommand(), t.webhookPolicyCreateCommand(),
		t.webhookPolicyChangeCommand(), t.webhookPolicyDeleteCommand(), t.webhookPolicyTestCommand())
}

func (t *terminal) webhookPolicyListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List webhook policies", Args: noArguments, Example: "indent webhook policy list",
	}, []string{"NAME", "WEBHOOK", "CALLS", "ABOUT"}, func(p indent.WebhookPolicy) []string {
		return []string{p.Name, p.Webhook, strings.Join(p.Calls, ", "), short(strings.Join(aboutLines(p.Base), "; "), 80)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.WebhookPolicy, error] {
		return c.WebhookPolicies(ctx)
	})
}

// aboutLines answers what a base is about, a line for each part that must hold.
func aboutLines(b indent.PolicyBase) (lines []string) {
	for _, key := range sortedNames(b.Selector.MatchLabels) {
		lines = append(lines, key+"="+b.Selector.MatchLabels[key])
	}
	for _, e := range b.Selector.MatchExpressions {
		lines = append(lines, strings.TrimSpace(e.Key+" "+e.Operator+" "+strings.Join(e.Values, ",")))
	}
	lines = append(lines, b.Conditions...)
	if len(lines) == 0 {
		lines = []string{"everything"}
	}
	return lines
}

func (t *terminal) webhookPolicyShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show NAME", Aliases: []string{"get"}, Short: "Show a webhook policy", Args: exactly(1, "the NAME of the policy"), Example: "indent webhook policy show production-databases",
	}, describeWebhookPolicy, func(ctx context.Context, c *indent.Client, args []string) (indent.WebhookPolicy, error) {
		return c.WebhookPolicy(ctx, args[0])
	})
}

func describeWebhookPolicy(p indent.WebhookPolicy) string {
	lines := []string{p.Name, "  webhook: " + p.Webhook, "  calls: " + strings.Join(p.Calls, ", ")}
	for _, line := range aboutLines(p.Base) {
		lines = append(lines, "  about: "+line)
	}
	if p.ServiceAccount != "" {
		lines = append(lines, "  decides as: "+p.ServiceAccount+", within "+span(time.Duration(p.DecideWithin)))
	}
	if p.DisplayName != "" {
		lines = append(lines, "  display name: "+p.DisplayName)
	}
	for _, name := range sortedNames(p.Labels) {
		lines = append(lines, "  label "+name+": "+p.Labels[name])
	}
	lines = append(lines, "  made by: "+p.CreatedBy.ID+", "+moment(p.Meta.CreateTime))
	for i := range lines {
		lines[i] = plain(lines[i])
	}
	return strings.Join(lines, "\n")
}

// webhookPolicyInput are the flags of create, change and test.
type webhookPolicyInput struct {
	displayName, webhook, account          string
	labels, match, expressions, conditions []string
	calls                                  []string
	within                                 time.Duration
}

func (in *webhookPolicyInput) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&in.webhook, "webhook", "", "the name of the webhook that gets the calls")
	f.StringArrayVar(&in.calls, "call", nil, "ApplyUpdate (the default), GetDecision or GetState; may be given several times")
	f.StringArrayVar(&in.match, "match", nil, "LABEL=VALUE that the resource must have in the directory; may be given several times")
	f.StringArrayVar(&in.expressions, "expression", nil, `"LABEL In a,b", "LABEL NotIn a,b", "LABEL Exists" or "LABEL DoesNotExist"; may be given several times`)
	f.StringArrayVar(&in.conditions, "condition", nil, "CEL over petition, resource and petitioner that must hold; may be given several times")
	f.StringVar(&in.account, "service-account", "", "for GetDecision: whose claims count that the webhook answers")
	f.Var(spanFlag{&in.within}, "decide-within", "for GetDecision: how long the webhook has to decide, 1s to 60s (default 10s)")
	f.StringVar(&in.displayName, "display-name", "", "what people read")
	f.StringArrayVar(&in.labels, "label", nil, "name=value; may be given several times")
	inFlags(cmd, "webhookPolicy.name", "NAME", "webhookPolicy.webhook", "--webhook", "webhookPolicy.calls", "--call", "webhookPolicy.base.selector.matchLabels", "--match",
		"webhookPolicy.base.selector.matchExpressions", "--expression", "webhookPolicy.base.conditions", "--condition", "webhookPolicy.serviceAccount", "--service-account",
		"webhookPolicy.decideWithin", "--decide-within", "webhookPolicy.displayName", "--display-name", "webhookPolicy.labels", "--label", "petition", "--petition", "resources", "--resource",
		"petitioners", "--for", "params", "--params", "defaultDuration", "--duration", "policy", "NAME")
}

// base answers what the flags say that it is about.
func (in *webhookPolicyInput) base(cmd *cobra.Command) (b indent.PolicyBase, err error) {
	if len(in.match) > 0 {
		if b.Selector.MatchLabels, err = pairs(cmd, "match", in.match); err != nil {
			return b, err
		}
	}
	for _, text := range in.expressions {
		parts := strings.Fields(text)
		if len(parts) < 2 {
			return b, usageError(cmd, `--expression must be such as "env In production,staging" or "legacy DoesNotExist", not %q`, text)
		}
		e := indent.LabelExpression{Key: parts[0], Operator: parts[1]}
		if list := strings.TrimSpace(strings.Join(parts[2:], " ")); list != "" {
			for value := range strings.SplitSeq(list, ",") {
				e.Values = append(e.Values, strings.TrimSpace(value))
			}
		}
		b.Selector.MatchExpressions = append(b.Selector.MatchExpressions, e)
	}
	b.Conditions = in.conditions
	return b, nil
}

func (in *webhookPolicyInput) policy(cmd *cobra.Command) (n indent.NewWebhookPolicy, err error) {
	n = indent.NewWebhookPolicy{DisplayName: in.displayName, Webhook: in.webhook, Calls: in.calls, ServiceAccount: in.account, DecideWithin: indent.Seconds(in.within)}
	if n.Labels, err = pairs(cmd, "label", in.labels); err != nil {
		return n, err
	}
	n.Base, err = in.base(cmd)
	return n, err
}

func (t *terminal) webhookPolicyCreateCommand() *cobra.Command {
	var in webhookPolicyInput
	var n indent.NewWebhookPolicy
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Say which calls a webhook gets, and for which resources", Args: exactly(1, "the NAME of the policy"),
		Long: "Say which calls a webhook gets, and for which resources: those that have every --match and --expression in the directory and of which\n" +
			"every --condition holds; all where none is given. A resource that the directory does not have has the labels indent.com/resource/kind\n" +
			"and indent.com/resource/id only.\n\n" +
			"With --call GetDecision the webhook decides petitions as a service account. Only who may make tokens of that account names it.",
		Example: "indent webhook policy create production-databases --webhook postgres-roles --match env=production --condition 'resource.kind == \"db\"'\n" +
			"indent webhook policy create on-call --webhook on-call --call GetDecision --service-account on-call-bot --decide-within 5s",
	}
	shows(t, cmd, func(p indent.WebhookPolicy) string {
		t.say("Webhook policy %s is made. Try it with `indent webhook policy test %s --resource kind:id`.", plain(p.Name), plain(p.Name))
		return describeWebhookPolicy(p)
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.WebhookPolicy, error) {
		n.Name = args[0]
		return c.CreateWebhookPolicy(ctx, n)
	})
	in.flags(cmd)
	first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		n, err = in.policy(cmd)
		return err
	})
	return required(cmd, "webhook")
}

func (t *terminal) webhookPolicyChangeCommand() *cobra.Command {
	var in webhookPolicyInput
	var change indent.WebhookPolicyChange
	var everything bool
	cmd := &cobra.Command{
		Use: "change NAME", Aliases: []string{"set"}, Short: "Change a webhook policy", Args: exactly(1, "the NAME of the policy"),
		Long: "Change a webhook policy; what is not given stays. What it is about (--match, --expression, --condition), its calls and its labels are\n" +
			"each changed as a whole.",
		Example: "indent webhook policy change production-databases --match env=production --match tier=1\nindent webhook policy change production-databases --everything",
	}
	shows(t, cmd, describeWebhookPolicy, func(ctx context.Context, c *indent.Client, args []string) (indent.WebhookPolicy, error) {
		return c.UpdateWebhookPolicy(ctx, args[0], change)
	})
	cmd.Flags().BoolVar(&everything, "everything", false, "let it be about every resource")
	in.flags(cmd)
	cmd.MarkFlagsMutuallyExclusive("everything", "match")
	cmd.MarkFlagsMutuallyExclusive("everything", "expression")
	cmd.MarkFlagsMutuallyExclusive("everything", "condition")
	return first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		change, err = in.change(cmd, everything)
		return err
	})
}

// change answers what the flags that were given change.
func (in *webhookPolicyInput) change(cmd *cobra.Command, everything bool) (c indent.WebhookPolicyChange, err error) {
	given := func(flags ...string) (any bool) {
		for _, flag := range flags {
			any = any || cmd.Flags().Changed(flag)
		}
		return any
	}
	within := indent.Seconds(in.within)
	for flag, set := range map[string]func(){"display-name": func() { c.DisplayName = &in.displayName }, "webhook": func() { c.Webhook = &in.webhook }, "call": func() { c.Calls = in.calls },
		"service-account": func() { c.ServiceAccount = &in.account }, "decide-within": func() { c.DecideWithin = &within }} {
		if given(flag) {
			set()
		}
	}
	if given("label") {
		if c.Labels, err = pairs(cmd, "label", in.labels); err != nil {
			return c, err
		}
	}
	if everything || given("match", "expression", "condition") {
		b, err := in.base(cmd)
		if err != nil {
			return c, err
		}
		c.Base = &b
	}
	if c.Base == nil && !given("display-name", "webhook", "call", "service-account", "decide-within", "label") {
		return c, usageError(cmd, "say what to change: --webhook, --call, --match, --expression, --condition, --everything, --service-account, --decide-within, --display-name or --label")
	}
	return c, nil
}

func (t *terminal) webhookPolicyDeleteCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "delete NAME", Short: "Delete a webhook policy", Args: exactly(1, "the NAME of the policy"), Example: "indent webhook policy delete production-databases",
	}, func(args []string) string { return "Webhook policy " + args[0] + " is deleted." },
		func(ctx context.Context, c *indent.Client, args []string) error {
			return c.DeleteWebhookPolicy(ctx, args[0])
		})
}

// policyTrial are the flags of test.
type policyTrial struct {
	webhookPolicyInput
	petition, params         string
	resources, beneficiaries []string
	lasts                    time.Duration
}

func (t *terminal) webhookPolicyTestCommand() *cobra.Command {
	var in policyTrial
	var test indent.WebhookPolicyTest
	cmd := &cobra.Command{
		Use: "test [NAME]", Short: "Ask which calls a webhook policy would let its webhook have", Args: atMost(1, "one NAME, or the flags of a policy to try"),
		Long: "Ask which calls a webhook policy would let its webhook have, for a petition that was made or for what somebody would ask for. Nothing is\n" +
			"written or sent. Without a NAME the flags say what policy is tried. The exit code is 1 when nobody can tell, such as of a condition that\n" +
			"cannot be evaluated.",
		Example: "indent webhook policy test production-databases --resource db:orders --for ada@acmecorp.example\n" +
			"indent webhook policy test --condition 'petition.params.rows < 100.0' --resource db:orders --params '{\"rows\": 5}'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			if in.petition != "" {
				if test.Petition, err = petitionName(cmd.Context(), c, in.petition, ""); err != nil {
					return err
				}
			}
			out, err := c.TestWebhookPolicy(cmd.Context(), test)
			if err != nil {
				return err
			}
			return t.printPolicyTrial(out)
		},
	}
	in.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&in.petition, "petition", "", "a petition that was made")
	f.StringArrayVar(&in.resources, "resource", nil, "what somebody would ask for: kind:id, or a resource as JSON; may be repeated")
	f.StringArrayVar(&in.beneficiaries, "for", nil, "address of who would ask, when it is not you; may be repeated")
	f.StringVar(&in.params, "params", "", "what the action would be done with: a JSON object, @file, or @- for stdin")
	f.Var(spanFlag{&in.lasts}, "duration", "how long the grant would be asked to last, such as 1h")
	cmd.MarkFlagsOneRequired("petition", "resource")
	cmd.MarkFlagsMutuallyExclusive("petition", "resource")
	return first(saysSomething(cmd, "petition"), func(cmd *cobra.Command, args []string) (err error) {
		test, err = in.test(cmd, t, args)
		return err
	})
}

// test answers what the flags ask, but for the petition, which has to be looked up.
func (in *policyTrial) test(cmd *cobra.Command, t *terminal, args []string) (test indent.WebhookPolicyTest, err error) {
	test.Duration = indent.Seconds(in.lasts)
	if len(args) > 0 {
		test.Policy = args[0]
	} else {
		n, err := in.policy(cmd)
		if err != nil {
			return test, err
		}
		test.WebhookPolicy = &n
	}
	if test.Resources, test.Petitioners, err = askedFor(cmd, in.resources, in.beneficiaries); err != nil {
		return test, err
	}
	if in.params != "" {
		test.Params, err = readParams(in.params, t.in)
	}
	return test, err
}

func (t *terminal) printPolicyTrial(out indent.WebhookPolicyTrial) error {
	unclear := 0
	for _, r := range out.Resources {
		if r.Problem != "" {
			unclear++
		}
	}
	if t.json {
		if err := t.printJSON(out); err != nil {
			return err
		}
	} else {
		for _, r := range out.Resources {
			fmt.Fprintln(t.out, plain(trialLine(r)))
			for _, seen := range r.Seen {
				for _, key := range sortedNames(seen.Labels) {
					fmt.Fprintf(t.out, "    %s=%s\n", plain(key), plain(seen.Labels[key]))
				}
			}
		}
	}
	if unclear > 0 {
		return fmt.Errorf("of %s of %d nobody can tell", counted(int64(unclear), "resource"), len(out.Resources))
	}
	return nil
}

func trialLine(r indent.ResourceTrial) string {
	what := r.Resource.Kind + ":" + r.Resource.ID
	switch {
	case r.Problem != "":
		return "✗ " + what + ": " + r.Problem
	case !r.Matches:
		return "- " + what + ": it is not about this"
	case len(r.Calls) == 0:
		return "- " + what + ": no call, as a decision is on all that is asked for, and it is not about all of that"
	}
	return "✓ " + what + ": " + strings.Join(r.Calls, ", ")
}
