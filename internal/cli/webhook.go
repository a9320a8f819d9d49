package cli

import (
	"context"
	"fmt"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// webhookSecret is the variable that a secret to test with is taken from.
const webhookSecret = "INDENT_WEBHOOK_SECRET"

func (t *terminal) webhookCommand() *cobra.Command {
	return t.clientFlags(group("webhook", "Endpoints of yours that grant and revoke access, list resources or decide", t.webhookListCommand(), t.webhookCreateCommand(),
		t.webhookShowCommand(), t.webhookSetCommand(), t.webhookDeleteCommand(), t.webhookRotateCommand(), t.webhookTestCommand(), t.webhookPolicyCommand(),
		t.deliveryListCommand(), t.deliveryShowCommand(), t.deliveryReplayCommand(), t.webhookResumeCommand(), t.webhookSettleCommand()))
}

func (t *terminal) webhookListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List webhooks, without their secrets", Args: noArguments, Example: "indent webhook list",
	}, []string{"NAME", "METHOD", "URL", "DISPLAY NAME", "STATE"}, func(w indent.Webhook) []string {
		return []string{w.Name, w.Method, short(w.URL, 80), short(w.DisplayName, 40), webhookState(w)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Webhook, error] {
		return c.Webhooks(ctx)
	})
}

func webhookState(w indent.Webhook) string {
	switch c := w.Condition; {
	case w.DryRun:
		return "dry run"
	case c != nil && c.State != "working":
		return c.State
	case c != nil && c.Overdue > 0:
		return counted(int64(c.Overdue), "revocation") + " overdue"
	case !w.RotationEndTime.IsZero():
		return "two secrets until " + moment(w.RotationEndTime)
	}
	return "on"
}

// webhookInput are the flags of create and set.
type webhookInput struct {
	displayName, url, method     string
	labels, headers, credentials []string
	dryRun                       bool
}

func (in *webhookInput) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&in.displayName, "display-name", "", "what people read")
	f.StringVar(&in.url, "url", "", "the https address of the endpoint")
	f.StringVar(&in.method, "method", "", "POST, PUT or PATCH (default POST)")
	f.StringArrayVar(&in.labels, "label", nil, "name=value; may be given several times")
	f.StringArrayVar(&in.headers, "header", nil, "NAME=VALUE that goes with every call, and that everybody may read; may be given several times")
	f.StringArrayVar(&in.credentials, "credential", nil, "NAME=FILE: a header whose value is in FILE (- for stdin) and is never shown again; may be given several times")
	f.BoolVar(&in.dryRun, "dry-run", false, "send no call")
	inFlags(cmd, "webhook.name", "NAME", "webhook.displayName", "--display-name", "webhook.url", "--url", "webhook.method", "--method", "webhook.labels", "--label",
		"webhook.headers", "--header or --credential", "webhook.secret", "--secret-file")
}

// pairs reads name=value texts, each name once.
func pairs(cmd *cobra.Command, flag string, list []string) (map[string]string, error) {
	out := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := out[name]; !ok || name == "" || twice {
			return nil, usageError(cmd, "write each --%s once, as name=value", flag)
		}
		out[name] = value
	}
	return out, nil
}

// allHeaders answers the headers of the flags, nil when there are none.
func (in *webhookInput) allHeaders(t *terminal, cmd *cobra.Command) (map[string]indent.WebhookHeader, error) {
	plainOnes, err := pairs(cmd, "header", in.headers)
	if err != nil {
		return nil, err
	}
	files, err := pairs(cmd, "credential", in.credentials)
	if err != nil || len(plainOnes)+len(files) == 0 {
		return nil, err
	}
	all := map[string]indent.WebhookHeader{}
	for name, value := range plainOnes {
		all[name] = indent.WebhookHeader{Value: value}
	}
	for name, file := range files {
		if _, twice := all[name]; twice {
			return nil, usageError(cmd, "give the header %s once, by --header or by --credential", name)
		}
		text, err := t.secretIn(file)
		if err != nil {
			return nil, err
		}
		all[name] = indent.WebhookHeader{Credential: text}
	}
	return all, nil
}

// secretIn reads a secret from a file, without the newline at its end.
func (t *terminal) secretIn(file string) (string, error) {
	raw, err := readInput(file, t.in)
	text := strings.TrimRight(string(raw), "\r\n")
	if err == nil && text == "" {
		err = fmt.Errorf("%s is empty: it must hold the secret", file)
	}
	return text, err
}

func (t *terminal) webhookCreateCommand() *cobra.Command {
	var in webhookInput
	var n indent.NewWebhook
	var secretFile string
	cmd := &cobra.Command{
		Use: "create NAME", Short: "Add a webhook", Args: exactly(1, "the NAME of the webhook"),
		Long: "Add a webhook. Its secret is printed on stdout, once; nobody can show it again. The endpoint verifies the calls with it.",
		Example: "indent webhook create postgres-roles --url https://hooks.example.com/indent\n" +
			"indent webhook create postgres-roles --url https://hooks.example.com/indent --credential Authorization=token.txt --secret-file secret.txt",
	}
	shows(t, cmd, func(made indent.Webhook) string { return plain(made.Secret) }, func(ctx context.Context, c *indent.Client, args []string) (indent.Webhook, error) {
		n.Name = args[0]
		made, err := c.CreateWebhook(ctx, n)
		if err == nil {
			t.say("Webhook %s is made. Its secret is shown this one time: give it to the endpoint, then try it with `indent webhook test %s`.", plain(made.Name), plain(made.Name))
		}
		return made, err
	})
	cmd.Flags().StringVar(&secretFile, "secret-file", "", "file with a secret that the endpoint has already (- for stdin; default: the server makes one)")
	in.flags(cmd)
	first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		n = indent.NewWebhook{DisplayName: in.displayName, URL: in.url, Method: in.method, DryRun: in.dryRun}
		if n.Labels, err = pairs(cmd, "label", in.labels); err != nil {
			return err
		}
		if n.Headers, err = in.allHeaders(t, cmd); err == nil && secretFile != "" {
			n.Secret, err = t.secretIn(secretFile)
		}
		return err
	})
	return required(cmd, "url")
}

func (t *terminal) webhookShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show NAME", Aliases: []string{"get"}, Short: "Show a webhook, without its secret", Args: exactly(1, "the NAME of the webhook"), Example: "indent webhook show postgres-roles",
	}, describeWebhook, func(ctx context.Context, c *indent.Client, args []string) (indent.Webhook, error) {
		return c.Webhook(ctx, args[0])
	})
}

func describeWebhook(w indent.Webhook) string {
	lines := []string{plain(w.Name), "  " + plain(w.Method) + " " + plain(w.URL), "  state: " + plain(webhookState(w))}
	add := func(what, text string) {
		if text != "" {
			lines = append(lines, "  "+what+": "+plain(text))
		}
	}
	add("display name", w.DisplayName)
	for _, name := range sortedNames(w.Labels) {
		add("label "+plain(name), w.Labels[name])
	}
	for _, name := range sortedNames(w.Headers) {
		h := w.Headers[name]
		add("header "+plain(name), h.Value+h.Credential)
	}
	for _, key := range w.PublicKeys {
		add("public key", key)
	}
	describeCondition(w.Condition, add)
	add("made by", w.CreatedBy.ID+", "+moment(w.Meta.CreateTime))
	return strings.Join(lines, "\n")
}

func sortedNames[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (t *terminal) webhookSetCommand() *cobra.Command {
	var in webhookInput
	var change indent.WebhookChange
	var noHeaders, noLabels bool
	cmd := &cobra.Command{
		Use: "set NAME", Short: "Change a webhook", Args: exactly(1, "the NAME of the webhook"),
		Long: "Change a webhook; what is not given stays. Labels and headers are changed as a whole. A credential does not move to another\n" +
			"host: give it again, or --no-headers.",
		Example: "indent webhook set postgres-roles --dry-run\nindent webhook set postgres-roles --dry-run=false\nindent webhook set postgres-roles --url https://new.example.com/indent --credential Authorization=token.txt",
	}
	shows(t, cmd, describeWebhook, func(ctx context.Context, c *indent.Client, args []string) (indent.Webhook, error) {
		return c.UpdateWebhook(ctx, args[0], change)
	})
	cmd.Flags().BoolVar(&noHeaders, "no-headers", false, "take all headers away")
	cmd.Flags().BoolVar(&noLabels, "no-labels", false, "take all labels away")
	in.flags(cmd)
	return first(cmd, func(cmd *cobra.Command, _ []string) (err error) {
		f := cmd.Flags()
		for flag, set := range map[string]func(){"display-name": func() { change.DisplayName = &in.displayName }, "url": func() { change.URL = &in.url },
			"method": func() { change.Method = &in.method }, "dry-run": func() { change.DryRun = &in.dryRun }} {
			if f.Changed(flag) {
				set()
			}
		}
		if noLabels || f.Changed("label") {
			if change.Labels, err = pairs(cmd, "label", in.labels); err != nil {
				return err
			}
		}
		if change.Headers, err = in.allHeaders(t, cmd); err != nil {
			return err
		}
		if noHeaders && change.Headers == nil {
			change.Headers = map[string]indent.WebhookHeader{}
		}
		if change.DisplayName == nil && change.URL == nil && change.Method == nil && change.DryRun == nil && change.Labels == nil && change.Headers == nil {
			return usageError(cmd, "say what to change: --url, --method, --display-name, --label, --header, --credential or --dry-run")
		}
		return nil
	})
}

func (t *terminal) webhookDeleteCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "delete NAME", Short: "Delete a webhook with its secrets", Args: exactly(1, "the NAME of the webhook"), Example: "indent webhook delete postgres-roles",
	}, func(args []string) string { return "Webhook " + args[0] + " is deleted." },
		func(ctx context.Context, c *indent.Client, args []string) error { return c.DeleteWebhook(ctx, args[0]) })
}

func (t *terminal) webhookRotateCommand() *cobra.Command {
	grace := 24 * time.Hour
	var finish bool
	cmd := &cobra.Command{
		Use: "rotate-secret NAME", Short: "Give a webhook another secret", Args: exactly(1, "the NAME of the webhook"),
		Long: "Give a webhook another secret, which is printed on stdout, once. For the grace both sign, so that the endpoint can change over: let it\n" +
			"take both, then --finish. X-Indent-Signature is made with the older one until then.",
		Example: "indent webhook rotate-secret postgres-roles --grace 1h\nindent webhook rotate-secret postgres-roles --finish",
	}
	shows(t, cmd, func(w indent.Webhook) string {
		if finish {
			return describeWebhook(w)
		}
		return plain(w.Secret)
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.Webhook, error) {
		if finish {
			return c.FinishWebhookRotation(ctx, args[0])
		}
		w, err := c.RotateWebhookSecret(ctx, args[0], grace)
		if err == nil {
			t.say("The secret of webhook %s is shown this one time. The one before %s.", plain(w.Name), map[bool]string{true: "has ended", false: "signs, too, until " + moment(w.RotationEndTime)}[w.RotationEndTime.IsZero()])
		}
		return w, err
	})
	cmd.Flags().Var(spanFlag{&grace}, "grace", "for how long the secret before signs, too, up to 720h; 0 ends it now")
	cmd.Flags().BoolVar(&finish, "finish", false, "make no secret, and end the older of two now")
	inFlags(cmd, "graceSeconds", "--grace")
	return first(cmd, func(cmd *cobra.Command, _ []string) error {
		if finish && cmd.Flags().Changed("grace") {
			return usageError(cmd, "give --grace or --finish")
		}
		if grace != grace.Truncate(time.Second) {
			return usageError(cmd, "--grace must be whole seconds")
		}
		return nil
	})
}

func (t *terminal) webhookTestCommand() *cobra.Command {
	var secretFile string
	cmd := &cobra.Command{
		Use: "test NAME|URL", Short: "Send each call to a webhook, and explain what came back", Args: exactly(1, "the NAME of a webhook, or the URL of an endpoint"),
		Long: "Send each call (GetInfo, PullUpdate, GetDecision, ApplyUpdate for a grant and its revoke, GetState) and explain what came back. They are\n" +
			"about somebody and something that do not exist. With the NAME of a webhook the server calls; with a URL this machine does, without a\n" +
			"server, and signs with the secret in --secret-file or " + webhookSecret + ". The exit code is 1 when the endpoint does not answer as it must.",
		Example: "indent webhook test postgres-roles\nindent webhook test http://localhost:9000/indent --secret-file secret.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			trials, err := t.tryWebhook(cmd, args[0], secretFile)
			if err != nil {
				return err
			}
			return t.printTrials(trials)
		},
	}
	cmd.Flags().StringVar(&secretFile, "secret-file", "", "file with the secret of the endpoint (- for stdin), for a URL")
	return cmd
}

func (t *terminal) tryWebhook(cmd *cobra.Command, of, secretFile string) ([]indent.WebhookTrial, error) {
	if !strings.Contains(of, "://") {
		if secretFile != "" {
			return nil, usageError(cmd, "--secret-file is for a URL: the server has the secret of the webhook %s", plain(of))
		}
		c, err := t.client()
		if err != nil {
			return nil, err
		}
		return c.TestWebhook(cmd.Context(), of)
	}
	secret := os.Getenv(webhookSecret)
	if secretFile != "" {
		var err error
		if secret, err = t.secretIn(secretFile); err != nil {
			return nil, err
		}
	}
	if secret == "" {
		return nil, usageError(cmd, "give the secret of the endpoint in --secret-file, or in %s", webhookSecret)
	}
	return app.TestEndpoint(cmd.Context(), of, secret, t.version)
}

func (t *terminal) printTrials(trials []indent.WebhookTrial) error {
	failed := 0
	for _, trial := range trials {
		if !trial.Works {
			failed++
		}
	}
	if t.json {
		if err := t.printJSON(trials); err != nil {
			return err
		}
	} else {
		for _, trial := range trials {
			mark := "✓"
			if !trial.Works {
				mark = "✗"
			}
			fmt.Fprintf(t.out, "%s %s: %s\n", mark, plain(trial.Title), plain(trial.Explanation))
			if !trial.Works && trial.Attempt.Answer != "" {
				fmt.Fprintf(t.out, "    it answered %d %s\n", trial.Attempt.Status, plain(short(trial.Attempt.Answer, 500)))
			}
		}
	}
	if failed > 0 {
		return fmt.Errorf("%s of %d did not go as they must", counted(int64(failed), "call"), len(trials))
	}
	return nil
}
