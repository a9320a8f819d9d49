package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) adminKeysCommand() *cobra.Command {
	var s settingFlags
	var atOnce bool
	rotate := &cobra.Command{
		Use: "rotate", Short: "Make another key that user tokens are signed with", Args: noArguments,
		Long: "Make another key that user tokens are signed with. It is published at once and signs ten minutes later, when everybody who keeps\n" +
			"the list of keys knows it; the old key verifies until its last token has ended. Servers do the same by themselves every\n" +
			"signing_key_max_age.\n\n" +
			"With --compromised the new key signs now, and the old ones are gone: every user token ends, on a running server within a second.",
		Example: "indent admin keys rotate --config indent.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
				id, signs, err := a.RotateKeys(ctx, atOnce)
				if err != nil {
					return err
				}
				if t.json {
					return t.printJSON(map[string]string{"kid": id, "signTime": moment(signs)})
				}
				t.say("Key %s is published. It signs from %s.", plain(id), moment(signs))
				_, err = fmt.Fprintln(t.out, plain(id))
				return err
			})
		},
	}
	s.add(rotate)
	rotate.Flags().BoolVar(&atOnce, "compromised", false, "let the old keys, and every user token, end now")
	return group("keys", "Keys that user tokens are signed with", rotate)
}
