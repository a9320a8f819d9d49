package cli

import (
	"context"
	"iter"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) tokenCommand() *cobra.Command {
	return t.clientFlags(group("token", "Make, list, rotate, check and end tokens", t.tokenCreateCommand(), t.tokenListCommand(), t.tokenRotateCommand(), t.tokenRevokeCommand(), t.tokenCheckCommand()))
}

func (t *terminal) tokenCreateCommand() *cobra.Command {
	var n indent.NewToken
	cmd := &cobra.Command{
		Use: "create", Short: "Make a token", Args: noArguments,
		Long: "Make a long-lived token of a service account, or without --service-account a short-lived one that acts as you.\n" +
			"The token is printed on stdout, once; nobody can show it again.",
		Example: "indent token create --service-account quickstart --display-name \"nightly job\"\nindent token create --service-account reader --scope \"petitions:read resources:read\" --expiry-days 30",
	}
	shows(t, cmd, secretOf, func(ctx context.Context, c *indent.Client, _ []string) (indent.Token, error) {
		made, err := c.CreateToken(ctx, n)
		if err == nil {
			t.say("Token %s is shown this one time. It ends: %s", plain(made.Meta.Name), moment(made.Meta.ExpireTime))
		}
		return made, err
	})
	f := cmd.Flags()
	f.StringVar(&n.ServiceAccountID, "service-account", "", "id of the service account that the token is for")
	f.StringVar(&n.DisplayName, "display-name", "", "what it is for")
	f.StringVar(&n.Scope, "scope", "", "permissions, separated by blanks, of those that 'indent whoami' lists; petitions:* and admin stand for what they mean now (default: all that the role may)")
	f.IntVar(&n.ExpiryDays, "expiry-days", 0, "after how many days it ends (default: never for a service account, else in an hour)")
	first(cmd, func(cmd *cobra.Command, _ []string) error {
		if cmd.Flags().Changed("expiry-days") && n.ExpiryDays < 1 {
			return usageError(cmd, "--expiry-days must be 1 or more: leave it out for a token without an end")
		}
		return nil
	})
	inFlags(cmd, "serviceAccountId", "--service-account", "displayName", "--display-name", "scope", "--scope", "expiryDays", "--expiry-days")
	return saysSomething(cmd, "scope")
}

func secretOf(made indent.Token) string {
	if made.RefreshToken != "" {
		return plain(made.RefreshToken)
	}
	return plain(made.AccessToken)
}

func (t *terminal) tokenListCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "list", Short: "List tokens, without their secrets", Args: noArguments,
		Long:    "List tokens, without their secrets, newest first: all of the space for those who may read them, else your own.",
		Example: "indent token list",
	}, []string{"NAME", "FOR", "DISPLAY NAME", "SCOPE", "BY", "CREATED", "LAST USED", "ENDS", "STATE"}, func(token indent.Token) []string {
		holder := token.ServiceAccountID
		if holder == "" {
			holder = token.CreatedBy.Title()
		}
		return []string{token.Meta.Name, holder, short(token.Meta.DisplayName, 40), short(token.Scope, 40), short(token.CreatedBy.Title(), 40),
			moment(token.Meta.CreateTime), moment(token.LastUseTime), moment(token.Meta.ExpireTime), tokenState(token)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.Token, error] {
		return c.Tokens(ctx)
	})
}

func tokenState(token indent.Token) string {
	if token.Ended {
		return "ended"
	}
	return "valid"
}

func (t *terminal) tokenRevokeCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "revoke NAME", Short: "End a token at once", Args: exactly(1, "the NAME of a token, as `indent token list` shows it"),
		Example: "indent token revoke 0199c1e2-1c9e-7b55-b1ff-0ea4f1d2a5c3",
	}, func(args []string) string { return "Token " + args[0] + " has ended." },
		func(ctx context.Context, c *indent.Client, args []string) error { return c.RevokeToken(ctx, args[0]) })
}
