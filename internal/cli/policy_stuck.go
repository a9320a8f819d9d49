package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (t *terminal) policyStuckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "stuck", Short: "List what nobody could approve as things stand", Args: noArguments,
		Long: "List what became stuck: kinds of petitions that nobody, or too few, could approve under the rules that hold, since when, and petitions that\n" +
			"wait. The server looks within ten seconds of every change of members, roles, groups and resources. The exit code is 1 when there is anything.",
		Example: "indent policy stuck --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			now, err := c.Stuck(cmd.Context())
			if err != nil {
				return err
			}
			if t.json {
				err = t.printJSON(now)
			}
			for _, f := range now.Findings {
				if !t.json {
					fmt.Fprintln(t.out, plain("policy, since "+moment(f.Since)+": "+f.Message))
				}
			}
			for _, p := range now.Petitions {
				if !t.json {
					fmt.Fprintln(t.out, plain(p.Name+": "+p.Message))
				}
			}
			if now.More {
				t.say("More petitions are stuck: `indent petition list --selector indent.com/petition/stuck=true` lists all.")
			}
			if err == nil && len(now.Findings)+len(now.Petitions) > 0 {
				err = errors.New("something waits that nobody could approve")
			}
			return err
		},
	}
}
