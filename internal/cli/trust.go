package cli

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) trustCommand() *cobra.Command {
	return group("trust", "Let programs elsewhere act as a service account, without a stored secret", t.trustAddCommand(), t.trustListCommand(), t.trustRemoveCommand())
}

func (t *terminal) trustAddCommand() *cobra.Command {
	var trust indent.Trust
	var claims []string
	cmd := &cobra.Command{
		Use: "add ID", Short: "Trust the tokens of an outside issuer", Args: exactly(1, "the ID of the service account"),
		Long: "Let whoever shows a token of the issuer, for the audience and with the claims, get a short-lived token of the service account.\n" +
			"At least one claim must be demanded. A star at the end of a value, behind a slash or a colon, stands for any ending.",
		Example: "indent service-account trust add deploy --issuer https://token.actions.githubusercontent.com --audience https://indent.example.com --claim sub=repo:acme/app:ref:refs/heads/main",
	}
	shows(t, cmd, func(made indent.Trust) string { return plain(made.Meta.Name) },
		func(ctx context.Context, c *indent.Client, args []string) (indent.Trust, error) {
			return c.CreateTrust(ctx, args[0], trust)
		})
	first(cmd, func(cmd *cobra.Command, _ []string) error {
		trust.Claims = map[string]string{}
		for _, claim := range claims {
			name, value, ok := strings.Cut(claim, "=")
			if !ok || trust.Claims[name] != "" {
				return usageError(cmd, "write each --claim once, as name=value")
			}
			trust.Claims[name] = value
		}
		return nil
	})
	f := cmd.Flags()
	f.StringVar(&trust.Issuer, "issuer", "", "the iss of its tokens, exactly (required)")
	f.StringVar(&trust.Audience, "audience", "", "the one aud of its tokens, such as this server's address (required)")
	f.StringArrayVar(&claims, "claim", nil, "name=value that a token must have; may be given several times (required)")
	f.StringVar(&trust.Scope, "scope", "", "permissions, separated by blanks, of those that 'indent whoami' lists (default: all that you may hand out)")
	inFlags(cmd, "issuer", "--issuer", "audience", "--audience", "claims", "--claim", "scope", "--scope")
	return saysSomething(required(cmd, "issuer", "audience"), "scope")
}

func (t *terminal) trustListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list ID", Short: "List whom a service account trusts", Args: exactly(1, "the ID of the service account"),
		Example: "indent service-account trust list deploy",
	}, []string{"NAME", "ISSUER", "AUDIENCE", "CLAIMS", "SCOPE"}, func(trust indent.Trust) []string {
		var claims []string
		for _, name := range slices.Sorted(maps.Keys(trust.Claims)) {
			claims = append(claims, name+"="+trust.Claims[name])
		}
		return []string{trust.Meta.Name, trust.Issuer, trust.Audience, strings.Join(claims, " "), trust.Scope}
	}, func(ctx context.Context, c *indent.Client, args []string, _ int) iter.Seq2[indent.Trust, error] {
		return c.Trusts(ctx, args[0])
	})
}

func (t *terminal) trustRemoveCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "remove ID NAME", Short: "End a trust, and the tokens that came of it", Args: exactly(2, "the ID of the service account and the NAME of the trust"),
		Example: "indent service-account trust remove deploy 0199c1e2-1c9e-7b55-b1ff-0ea4f1d2a5c3",
	}, func(args []string) string { return "Trust " + args[1] + " has ended." },
		func(ctx context.Context, c *indent.Client, args []string) error {
			return c.DeleteTrust(ctx, args[0], args[1])
		})
}
