package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/config"
)

func (t *terminal) configCommand() *cobra.Command {
	var s settingFlags
	sample := &cobra.Command{
		Use: "sample", Short: "Print a file of settings with every default", Args: noArguments,
		Example: "indent config sample > indent.yaml",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(t.out, config.Sample())
			return err
		},
	}
	check := &cobra.Command{
		Use: "check", Short: "Check settings without running a server", Args: noArguments,
		Long: "Check settings as the server does when it starts: what is refused here, it refuses there. Secrets in files and variables are read,\n" +
			"the database is not: whether the spaces of sign-in providers exist, the server says in its log when it starts.",
		Example: "indent config check --config indent.yaml",
		RunE: func(*cobra.Command, []string) error {
			cfg, err := s.load()
			if err == nil {
				err = cfg.ReadSecrets(os.Environ())
			}
			if err != nil {
				return err
			}
			t.say("The settings are good. Looked at: %s. All else is as `indent config sample` shows it.", plain(s.source().String()))
			if cfg.SignIn != nil {
				t.say("Whether the spaces of the sign-in providers exist, only the database knows: indent serve says it in its log when it starts.")
			}
			return nil
		},
	}
	s.add(check)
	cmd := group("config", "Print and check the server's settings", sample, check)
	cmd.Long = "Without a command, print the reference of all settings."
	cmd.RunE = func(*cobra.Command, []string) error {
		_, err := fmt.Fprint(t.out, config.Markdown())
		return err
	}
	return cmd
}
