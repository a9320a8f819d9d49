package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// decider is one of Client.Approve, Deny and Revoke.
type decider func(*indent.Client, context.Context, *indent.Petition, indent.ClaimOptions) (indent.Event, error)

func (t *terminal) petitionApproveCommand() *cobra.Command {
	var o indent.ClaimOptions
	var until string
	cmd := &cobra.Command{
		Use: "approve NAME", Short: "Agree to a petition", Args: exactly(1, "the NAME of a petition"),
		Long: "Show a petition on stderr and agree to exactly that: the approval carries the digest of what was shown, and the\n" +
			"server refuses it if the petition is another one. What must be confirmed with a passkey is approved on the petition's page.\n\n" + petitionNameHelp,
		Example: "indent petition approve aec1b116-42b3-11ee-824e-42010aac000d\nindent petition approve aec1b116 --duration 1h --reason \"for the incident\"",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if until != "" {
				if o.Expires, err = time.Parse(time.RFC3339, until); err != nil {
					return usageError(cmd, "--until must be a time such as 2030-01-02T15:04:05Z, not %q", until)
				}
			}
			if o.Duration < 0 {
				return usageError(cmd, "--duration must be more than zero")
			}
			return t.decide(cmd, args[0], indent.PhaseOpen, approve, o)
		},
	}
	f := cmd.Flags()
	f.Var(spanFlag{&o.Duration}, "duration", "how long the grant lasts, such as 1h (default: as was asked, else as policy says)")
	f.StringVar(&until, "until", "", "when the grant ends, such as 2030-01-02T15:04:05Z")
	f.BoolVar(&o.Indefinite, "indefinite", false, "the grant lasts until it is revoked")
	cmd.MarkFlagsMutuallyExclusive("duration", "until", "indefinite")
	return decision(cmd, &o)
}

func (t *terminal) petitionDenyCommand() *cobra.Command {
	var o indent.ClaimOptions
	cmd := &cobra.Command{
		Use: "deny NAME", Short: "Refuse a petition, or withdraw your own", Args: exactly(1, "the NAME of a petition"),
		Long:    "Show a petition on stderr and refuse it. Who asked withdraws it.\n\n" + petitionNameHelp,
		Example: "indent petition deny aec1b116 --reason \"not on a Friday\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.decide(cmd, args[0], indent.PhaseOpen, (*indent.Client).Deny, o)
		},
	}
	return decision(cmd, &o)
}

func (t *terminal) petitionRevokeCommand() *cobra.Command {
	var o indent.ClaimOptions
	cmd := &cobra.Command{
		Use: "revoke NAME", Short: "Take a grant away before its time", Args: exactly(1, "the NAME of a petition"),
		Long:    "Show a granted petition on stderr and take its grant away.\n\n" + petitionNameHelp,
		Example: "indent petition revoke aec1b116 --reason \"the incident is over\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.decide(cmd, args[0], indent.PhaseGranted, (*indent.Client).Revoke, o)
		},
	}
	return decision(cmd, &o)
}

// approve approves where a command line can: a passkey signs on the petition's page.
func approve(c *indent.Client, ctx context.Context, p *indent.Petition, o indent.ClaimOptions) (indent.Event, error) {
	confirmed := func(r indent.Requirement) bool { return r.Confirm != "" }
	v := p.State.Verdict
	if p.Phase() != indent.PhaseOpen || v == nil || !slices.ContainsFunc(v.Requirements, confirmed) {
		return c.Approve(ctx, p, o)
	}
	byPasskey := fmt.Sprintf("%s is approved with a passkey, which a command line has not: approve it on its page, %s", p.Ref(), c.PetitionURL(p.Name))
	if !slices.ContainsFunc(v.Requirements, func(r indent.Requirement) bool { return !confirmed(r) }) {
		return indent.Event{}, errors.New(byPasskey)
	}
	claim, err := c.Approve(ctx, p, o) // which of the requirements it counts for is the server's to say
	if errors.Is(err, indent.ErrForbidden) && !strings.Contains(err.Error(), c.PetitionURL(p.Name)) {
		err = fmt.Errorf("%w; its page is %s", err, c.PetitionURL(p.Name))
	}
	return claim, err
}

// decision gives a command the flags that all decisions have.
func decision(cmd *cobra.Command, o *indent.ClaimOptions) *cobra.Command {
	cmd.Flags().StringVar(&o.Reason, "reason", "", "why, for the petitioner and the log")
	cmd.Flags().StringVar(&o.IdempotencyKey, "idempotency-key", "", "the same key makes the same decision, however often it is sent")
	return cmd
}

func (t *terminal) decide(cmd *cobra.Command, given string, phase indent.Phase, decide decider, o indent.ClaimOptions) error {
	c, err := t.client()
	if err != nil {
		return err
	}
	name, err := petitionName(cmd.Context(), c, given, phase)
	if err != nil {
		return err
	}
	p, err := c.Petition(cmd.Context(), name)
	if err != nil {
		return err
	}
	t.say("%s", describe(c, p))
	claim, err := decide(c, cmd.Context(), p, o)
	if err != nil {
		return err
	}
	if away := onBehalfOf(claim); away != "" {
		t.say("You have decided for %s.", plain(away))
	}
	after, err := c.Petition(cmd.Context(), name)
	if err != nil {
		return errors.Join(fmt.Errorf("the decision was recorded (%s), but the petition cannot be shown", plain(claim.ID)), err)
	}
	if t.json {
		return t.printJSON(after)
	}
	_, err = fmt.Fprintln(t.out, plain(after.State.Status.Message))
	return err
}
