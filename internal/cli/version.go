package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
)

func (t *terminal) versionCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version", Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if t.json {
				return t.printJSON(map[string]string{"version": t.version, "go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
			}
			_, err := fmt.Fprintf(t.out, "indent %s (%s, %s/%s)\n", t.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	t.jsonFlag(cmd.Flags())
	return cmd
}

// openAPICommand is for `make generate`; people read /docs of a server.
func (t *terminal) openAPICommand() *cobra.Command {
	return &cobra.Command{
		Use: "openapi", Short: "Print the description of the API (OpenAPI 3.1)", Args: noArguments, Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			text, err := app.OpenAPI()
			if err == nil {
				_, err = t.out.Write(text)
			}
			return err
		},
	}
}
