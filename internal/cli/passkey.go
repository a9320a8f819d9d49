package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) adminPasskeyRemoveCommand() *cobra.Command {
	var s settingFlags
	var i invitation
	var id string
	cmd := &cobra.Command{
		Use: "remove", Short: "Remove a member's passkeys, when a device was lost", Args: noArguments,
		Long: "Remove a member's passkeys, when a device was lost, and end all of the member's sessions. The member signs in again by a\n" +
			"link (indent admin link) and adds a new one. Approvals that were confirmed with a removed passkey and have not been\n" +
			"counted yet count for nothing.",
		Example: "indent admin passkey remove --config indent.yaml --space acmecorp --email ada@example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
				n, err := a.RemovePasskeys(ctx, i.space, i.email, id)
				if err != nil {
					return err
				}
				if t.json {
					return t.printJSON(map[string]any{"space": i.space, "email": i.email, "removed": n})
				}
				t.say("Removed %d of %s in %s, and ended the sessions.", n, plain(i.email), plain(i.space))
				return nil
			})
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&i.space, "space", "", "name of the space (required)")
	cmd.Flags().StringVar(&i.email, "email", "", "address of the member (required)")
	cmd.Flags().StringVar(&id, "id", "", "only the passkey with this credential id, as the log shows it")
	return required(cmd, "space", "email")
}

// claimCommand is for who has a claim and no server.
func (t *terminal) claimCommand() *cobra.Command {
	cmd := group("claim", "Check what confirms a claim", t.claimVerifyCommand())
	t.jsonFlag(cmd.PersistentFlags())
	return cmd
}

// maxClaimFile bounds the file: a claim is a few kilobytes.
const maxClaimFile = 1 << 20

func (t *terminal) claimVerifyCommand() *cobra.Command {
	var file, digest, origin string
	cmd := &cobra.Command{
		Use: "verify", Short: "Check again, offline, that a passkey has confirmed a claim", Args: noArguments,
		Long: "Check again that the passkey whose public key a claim carries has signed the digest of the petition, with its owner\n" +
			"verified, on a page of the server. Nothing but the file is needed. Whose the passkey is, the log says: the event\n" +
			"passkey/register of that person has the same credential id and public key.",
		Example: "indent claim verify --file claim.json --origin https://indent.example.com",
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := t.readClaim(file)
			if err != nil {
				return err
			}
			said, err := app.RecheckClaim(text, digest, origin)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(said)
			}
			_, err = fmt.Fprintf(t.out, "confirmed: %s\nby: %s\non: %s\npasskey: %s\npublic key: %s\n",
				plain(said.Digest), plain(said.Person), plain(said.Origin), plain(said.Credential), plain(said.PublicKey))
			return err
		},
	}
	cmd.Flags().StringVar(&file, "file", "", "the claim as the API answers it, or an event of the log, as JSON; - is standard input (required)")
	cmd.Flags().StringVar(&digest, "digest", "", "what must have been confirmed (default: the claim's own label indent.com/petition/digest)")
	cmd.Flags().StringVar(&origin, "origin", "", "address of the server whose page it was (default: what the claim says)")
	return required(cmd, "file")
}

func (t *terminal) readClaim(file string) ([]byte, error) {
	in := t.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxClaimFile+1))
	if err == nil && len(text) > maxClaimFile {
		err = fmt.Errorf("--file: a claim has at most %d bytes", maxClaimFile)
	}
	return text, err
}
