package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) tokenRotateCommand() *cobra.Command {
	var grace time.Duration
	cmd := &cobra.Command{
		Use: "rotate NAME", Short: "Make a token in the place of one", Args: exactly(1, "the NAME of a token, as `indent token list` shows it"),
		Long: "Make a token with the scope and the length of life of a service account's token. The old one ends, with all that was made\n" +
			"with it, after --grace. The new token is printed on stdout, once.",
		Example: "indent token rotate 0199c1e2-1c9e-7b55-b1ff-0ea4f1d2a5c3 --grace 1h",
	}
	shows(t, cmd, secretOf, func(ctx context.Context, c *indent.Client, args []string) (indent.Token, error) {
		made, err := c.RotateToken(ctx, args[0], grace)
		if err == nil {
			t.say("Token %s is shown this one time. It ends: %s. The old one ends after %s.", plain(made.Meta.Name), moment(made.Meta.ExpireTime), grace)
		}
		return made, err
	})
	cmd.Flags().Var(spanFlag{&grace}, "grace", "how long the old token goes on: 0s to 24h")
	return first(cmd, func(cmd *cobra.Command, _ []string) error {
		if grace < 0 || grace > 24*time.Hour || grace%time.Second != 0 {
			return usageError(cmd, "--grace is 0s to 24h, in whole seconds")
		}
		return nil
	})
}

// tokenCheckCommand asks no server: it is for whoever found a token.
func (t *terminal) tokenCheckCommand() *cobra.Command {
	return offline(&cobra.Command{
		Use: "check [TOKEN]", Short: "Say what kind of token a text is, offline", Args: atMostOne("a token"),
		Long: "Say what kind of token a text is: a service account's, with a checksum that fits, or a user token, with what it claims. No server\n" +
			"is asked, so whether it still works is not known, and nobody has checked what a user token claims. The token is not printed.\n" +
			"Without an argument, or with -, the token is read from standard input, where other programs cannot see it.\n\n" +
			"Exit codes: 0 it has the form of a token, 1 it has not, 11 it is a user token whose time is up.",
		Example: "indent token check < found.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			text := "-"
			if len(args) == 1 {
				text = args[0]
			}
			if text == "-" {
				line, err := bufio.NewReader(io.LimitReader(t.in, 64<<10)).ReadString('\n')
				if err != nil && err != io.EOF {
					return err
				}
				text = line
			}
			d, err := app.DescribeToken(strings.TrimSpace(text))
			if err != nil {
				return err
			}
			return t.showDescription(d)
		},
	})
}

// offline hides the flags that say which server to ask.
func offline(cmd *cobra.Command) *cobra.Command {
	for _, name := range []string{"url", "space", "profile"} {
		cmd.Flags().String(name, "", "")
		_ = cmd.Flags().MarkHidden(name) // it is there
	}
	return cmd
}

func (t *terminal) showDescription(d app.TokenDescription) error {
	expired := !d.Expire.IsZero() && d.Expire.Before(app.Now())
	if t.json {
		if err := t.printJSON(map[string]any{"kind": d.Kind, "member": d.Member, "space": d.Space, "scope": d.Scope, "name": d.Name, "issuer": d.Issuer,
			"expireTime": moment(d.Expire), "expired": expired, "verified": false}); err != nil {
			return err
		}
	} else if d.Kind == app.ServiceToken {
		fmt.Fprintln(t.out, "A token of a service account; its checksum fits. The server knows whose it is and whether it still works: indent token list, indent token revoke.")
	} else {
		fmt.Fprintf(t.out, "A user token. It claims, and nobody has checked: %s in %s, of %s, until %s, called %s.\n", plain(d.Member), plain(d.Space), plain(d.Issuer), moment(d.Expire), plain(d.Name))
	}
	if expired {
		t.say("Its time is up.")
		return said(errTokenExpired)
	}
	return nil
}

func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) <= 1 {
			return nil
		}
		return usageError(cmd, "give %s, not %d arguments", what, len(args))
	}
}
