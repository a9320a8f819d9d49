package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) petitionWaitCommand() *cobra.Command {
	var timeout string
	cmd := &cobra.Command{
		Use: "wait NAME", Short: "Wait until a petition is decided", Args: exactly(1, "the NAME of a petition"),
		Long: "Wait until a petition is decided. The exit code says how: 0 granted, 10 denied, withdrawn or revoked, 11 expired, 12 not\n" +
			"decided in time.\n" +
			"A server that restarts meanwhile is waited for.\n\n" + petitionNameHelp,
		Example: "indent petition wait aec1b116-42b3-11ee-824e-42010aac000d --timeout 10m && ./deploy",
		RunE: func(cmd *cobra.Command, args []string) error {
			limit, err := duration(cmd, "timeout", timeout)
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			name, err := petitionName(cmd.Context(), c, args[0], indent.PhaseOpen)
			if err != nil {
				return err
			}
			p, err := c.Resume(cmd.Context(), name, limit, t.progress(c))
			return t.settled(c, p, err, false)
		},
	}
	cmd.Flags().StringVar(&timeout, "timeout", "forever", "how long to wait, such as 30s or forever")
	return cmd
}

// settled prints the petition after the waiting, however it ended, and answers the error that sets the exit code.
func (t *terminal) settled(c *indent.Client, p *indent.Petition, err error, named bool) error {
	if p == nil {
		p = petitionOf(err)
	}
	switch {
	case p == nil:
	case t.json:
		if err := t.printJSON(p); err != nil {
			return err
		}
	case named:
		fmt.Fprintln(t.out, plain(p.Name))
	}
	switch exitCode(err) {
	case exitPending:
		t.say("It stays open: `indent petition wait %s` waits on, and its page is %s", plain(p.Name), plain(c.PetitionURL(p.Name)))
		return said(err)
	case exitDenied, exitExpired:
		return said(err) // the progress has told
	}
	return err
}

// progress tells what happens while a command waits.
func (t *terminal) progress(c *indent.Client) func(indent.Progress) {
	line := indent.PrintProgress(t.err)
	return func(p indent.Progress) {
		line(p)
		if p.Kind == indent.ProgressRequested {
			t.say("  %s", plain(c.PetitionURL(p.Petition.Name)))
			t.sayVerdict(p.Petition)
		}
	}
}

// petitionOf answers the petition that an error of waiting is about, nil when there is none.
func petitionOf(err error) *indent.Petition {
	var denied *indent.DeniedError
	var expired *indent.ExpiredError
	var withdrawn *indent.WithdrawnError
	var timeout *indent.TimeoutError
	var unavailable *indent.UnavailableError
	switch {
	case errors.As(err, &denied):
		return denied.Petition
	case errors.As(err, &expired):
		return expired.Petition
	case errors.As(err, &withdrawn):
		return withdrawn.Petition
	case errors.As(err, &timeout):
		return timeout.Petition
	case errors.As(err, &unavailable):
		return unavailable.Petition
	}
	return nil
}
