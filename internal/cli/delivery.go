package cli

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) deliveryListCommand() *cobra.Command {
	var q indent.DeliveryQuery
	cmd := lists(t, &cobra.Command{
		Use: "deliveries NAME", Short: "List the attempts of calls to a webhook, newest first", Args: exactly(1, "the NAME of the webhook"),
		Long: "List the attempts of calls to a webhook, newest first. They are kept for 30 days, and at most 10,000 of a webhook.",
		Example: "indent webhook deliveries postgres-roles --outcome again\n" +
			"indent webhook deliveries postgres-roles --petition aec1b116-42b3-11ee-824e-42010aac000d",
	}, []string{"ID", "TIME", "CALL", "PETITION", "OUTCOME", "PROBLEM"}, func(d indent.Delivery) []string {
		return []string{d.Name, moment(d.Time), callOf(d), d.Petition, outcomeOf(d), short(d.Problem, 60)}
	}, func(ctx context.Context, c *indent.Client, args []string, pageSize int) iter.Seq2[indent.Delivery, error] {
		q.PageSize = pageSize
		return c.Deliveries(ctx, args[0], q)
	})
	cmd.Flags().StringVar(&q.Petition, "petition", "", "only those of the petition of this name")
	cmd.Flags().StringVar(&q.Outcome, "outcome", "", "only those of which this came: ok, refused, again, gone or notSent")
	return inFlags(saysSomething(cmd, "petition", "outcome"), "petition", "--petition", "outcome", "--outcome")
}

// callOf answers which call it was, as the log has it.
func callOf(d indent.Delivery) string {
	if d.Command != "" {
		return d.Command
	}
	return d.Kind
}

func outcomeOf(d indent.Delivery) string {
	text := d.Outcome
	if d.Code != 0 {
		text += " " + strconv.Itoa(d.Code)
	}
	return text
}

func (t *terminal) deliveryShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "delivery NAME ID", Short: "Show an attempt of a call, with what was sent and answered", Args: exactly(2, "the NAME of the webhook and the ID of the attempt"),
		Long:    "Show an attempt of a call to a webhook, with what was sent and answered. Credentials and signatures are taken out.",
		Example: "indent webhook delivery postgres-roles 0198c0de-aaaa-7c3e-8a21-1b2c3d4e5f60",
	}, describeDelivery, func(ctx context.Context, c *indent.Client, args []string) (indent.Delivery, error) {
		return c.Delivery(ctx, args[0], args[1])
	})
}

func describeDelivery(d indent.Delivery) string {
	lines := []string{plain(d.Name), "  " + plain(d.Kind+" "+d.Command)}
	add := func(what, text string) {
		if text != "" {
			lines = append(lines, "  "+what+": "+plain(text))
		}
	}
	add("webhook", d.Webhook)
	add("petition", d.Petition)
	add("time", moment(d.Time)+", attempt "+strconv.Itoa(max(d.Attempts, 1)))
	add("outcome", outcomeOf(d))
	add("problem", d.Problem)
	at := d.Attempt
	if at == nil {
		return strings.Join(lines, "\n")
	}
	add("webhook-id", at.ID)
	add("took", strconv.FormatInt(at.Milliseconds, 10)+" ms")
	lines = append(lines, "", plain(at.Method+" "+at.URL))
	for _, name := range sortedNames(at.Headers) {
		lines = append(lines, plain(name+": "+at.Headers[name]))
	}
	lines = append(lines, "", plain(at.Body), "")
	if at.Status == 0 {
		return strings.Join(append(lines, "There was no answer."), "\n")
	}
	lines = append(lines, "It answered "+strconv.Itoa(at.Status))
	for _, name := range sortedNames(at.AnswerHeaders) {
		lines = append(lines, plain(name+": "+at.AnswerHeaders[name]))
	}
	return strings.Join(append(lines, "", plain(at.Answer)), "\n")
}

func (t *terminal) deliveryReplayCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "replay NAME ID", Short: "Make a call to a webhook again", Args: exactly(2, "the NAME of the webhook and the ID of the attempt"),
		Long: "Have the server make the call of an attempt again, at once, as things stand now. A grant that has ended, and an end that another\n" +
			"petition has gone on with, are not told again. What comes of it stands in `indent webhook deliveries`.",
		Example: "indent webhook replay postgres-roles 0198c0de-aaaa-7c3e-8a21-1b2c3d4e5f60",
	}, func(a indent.Application) string { return plain(a.Webhook + ": " + a.State) },
		func(ctx context.Context, c *indent.Client, args []string) (indent.Application, error) {
			a, err := c.ReplayDelivery(ctx, args[0], args[1])
			if err == nil {
				t.say("The call is made again: `indent webhook deliveries %s` shows what comes of it.", plain(args[0]))
			}
			return a, err
		})
}

func (t *terminal) webhookResumeCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "resume NAME", Short: "Call a webhook again that is paused or disabled", Args: exactly(1, "the NAME of the webhook"),
		Long: "Call a webhook again, at once, that is paused because it failed many times, or disabled because its endpoint answered 410. A paused one\n" +
			"is called again by itself as soon as it answers.",
		Example: "indent webhook resume postgres-roles",
	}, func(args []string) string { return "Webhook " + args[0] + " is called again." },
		func(ctx context.Context, c *indent.Client, args []string) error {
			_, err := c.ResumeWebhook(ctx, args[0])
			return err
		})
}

// settledWebhook is what settle prints.
type settledWebhook struct {
	Settled int `json:"settled"`
}

func (t *terminal) webhookSettleCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "settle NAME", Short: "Say that access was taken away by hand that a webhook could not take away", Args: exactly(1, "the NAME of the webhook"),
		Long: "Say that all access was taken away by hand that a webhook could not take away, for an endpoint that does not come back. The grants that\n" +
			"wait for it end, and the log says who said so and why. Take the access away first: nobody looks. The number of grants that ended is printed.",
		Example: "indent webhook settle postgres-roles --reason \"Ada dropped the roles in the database\"",
	}
	shows(t, cmd, func(s settledWebhook) string { return strconv.Itoa(s.Settled) }, func(ctx context.Context, c *indent.Client, args []string) (settledWebhook, error) {
		n, err := c.SettleWebhook(ctx, args[0], reason)
		if err == nil {
			t.say("%s of webhook %s counted as not taken away until now.", counted(int64(n), "grant"), plain(args[0]))
		}
		return settledWebhook{n}, err
	})
	cmd.Flags().StringVar(&reason, "reason", "", "who has taken the access away, and where")
	return inFlags(required(cmd, "reason"), "reason", "--reason")
}

// describeCondition adds how a webhook stands.
func describeCondition(c *indent.WebhookCondition, add func(what, text string)) {
	if c == nil {
		return
	}
	text := c.State
	switch {
	case !c.DisabledSince.IsZero():
		text += " since " + moment(c.DisabledSince) + ": its endpoint has answered 410; `indent webhook resume` has it called again"
	case !c.PausedSince.IsZero():
		text += " since " + moment(c.PausedSince) + ": tried next " + moment(c.NextTime)
	case c.Failures > 0:
		text += " since " + moment(c.FailingSince) + ": " + counted(int64(c.Failures), "failure") + " in a row"
	}
	add("endpoint", text)
	add("problem", c.Problem)
	add("holds", counted(int64(c.Holding), "grant"))
	if c.Overdue > 0 {
		add("not taken away", counted(int64(c.Overdue), "grant")+", the oldest since "+moment(c.OverdueSince))
	}
	if c.Drifts > 0 {
		add("not as it should be", counted(int64(c.Drifts), "grant"))
	}
	for _, d := range c.Drifted {
		add("drift", d.Resource.Title()+" for "+d.Person.Title()+": "+driftWord(d.Drift)+" since "+moment(d.Since)+", petition "+d.Petition)
	}
}

func driftWord(drift string) string {
	if drift == indent.DriftAccess {
		return "access that nothing gives"
	}
	return "no access, and it is granted"
}

// describeApplication answers where one pair of a petition stands at a webhook.
func describeApplication(p *indent.Petition, a indent.Application) string {
	var text string
	switch a.State {
	case indent.ApplicationPending:
		text = "granted, not yet applied by " + a.Webhook
	case indent.ApplicationApplied, indent.ApplicationKept:
		text = "applied by " + a.Webhook
	case indent.ApplicationFailed:
		text = "granted, but not applied by " + a.Webhook
	case indent.ApplicationEnding:
		text = "revoked, not yet taken away by " + a.Webhook
	case indent.ApplicationEnded:
		text = "ended at " + a.Webhook
	default:
		text = a.State + " at " + a.Webhook
	}
	if a.DryRun {
		text += " (dry run: nothing was sent)"
	}
	if a.KeptBy != "" {
		text += ", petition " + a.KeptBy + " goes on with it"
	}
	if !a.ConfirmTime.IsZero() {
		text += ", confirmed " + moment(a.ConfirmTime)
	}
	if a.Drift != "" {
		text += ", but it says " + driftWord(a.Drift)
	}
	if a.Problem != "" {
		text += ": " + a.Problem
	}
	if !a.NextTime.IsZero() {
		text += ", next try " + moment(a.NextTime)
	}
	if len(p.Petitioners)*len(p.Resources) > 1 {
		text = fmt.Sprintf("%s for %s: %s", a.Resource.Title(), a.Person.Title(), text)
	}
	return plain(text)
}
