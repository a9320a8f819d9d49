package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) adminSpaceListCommand() *cobra.Command {
	var s settingFlags
	cmd := &cobra.Command{
		Use: "list", Short: "List every space of the server", Args: noArguments,
		Example: "indent admin space list --config indent.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
				spaces, err := a.Service().AllSpaces(ctx)
				if err != nil {
					return err
				}
				rows := table{head: []string{"NAME", "STATE", "DISPLAY NAME"}}
				for _, space := range spaces {
					state := "in use"
					if !space.DeleteTime.IsZero() {
						state = "deleted " + moment(space.DeleteTime)
					}
					rows.add(space.Name, state, short(space.DisplayName, 60))
				}
				if t.json {
					return t.printJSON(spaces)
				}
				t.printTable(rows)
				return nil
			})
		},
	}
	s.add(cmd)
	return cmd
}

func (t *terminal) adminSpaceRestoreCommand() *cobra.Command {
	var s settingFlags
	var space string
	cmd := &cobra.Command{
		Use: "restore", Short: "Bring a deleted space back", Args: noArguments,
		Long:    "Bring a deleted space back, with its members and their tokens.",
		Example: "indent admin space restore --config indent.yaml --space acmecorp",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.operate(cmd, &s, func(ctx context.Context, a *app.App) error {
				if err := a.RestoreSpace(ctx, space); err != nil {
					return err
				}
				if t.json {
					return t.printJSON(map[string]string{"space": space})
				}
				_, err := fmt.Fprintln(t.out, plain(space))
				return err
			})
		},
	}
	s.add(cmd)
	cmd.Flags().StringVar(&space, "space", "", "name of the space (required)")
	return required(cmd, "space")
}
