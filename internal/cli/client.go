package cli

import (
	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// clientFlags gives a group of client commands the flags that they all have. The token is not one of them: what stands
// on a command line can be read by every process of the machine.
func (t *terminal) clientFlags(cmd *cobra.Command) *cobra.Command {
	f := cmd.PersistentFlags()
	f.StringVar(&t.url, "url", "", "address of the server (default INDENT_API_URL)")
	f.StringVar(&t.space, "space", "", "space (default INDENT_SPACE)")
	f.BoolVar(&t.json, "json", false, "print JSON, for programs")
	return cmd
}

func (t *terminal) client() (*indent.Client, error) {
	c, err := indent.New(indent.Options{URL: t.url, Space: t.space, UserAgent: "indent-cli/" + t.version})
	if err == nil {
		t.server = plain(c.URL())
	}
	return c, err
}
