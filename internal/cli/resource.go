package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) resourceCommand() *cobra.Command {
	return t.clientFlags(group("resource", "Read and change the directory of what can be asked for",
		t.resourceListCommand(), t.resourceShowCommand(), t.resourceApplyCommand(), t.resourceDeleteCommand()))
}

func (t *terminal) resourceListCommand() *cobra.Command {
	var q indent.ResourceQuery
	cmd := lists(t, &cobra.Command{
		Use: "list", Short: "List resources", Args: noArguments,
		Example: "indent resource list --view requestable\nindent resource list --selector team=core --json",
	}, []string{"NAME", "KIND", "ID", "DISPLAY NAME"}, func(r indent.Resource) []string {
		return []string{r.Name(), r.Kind, short(r.ID, 60), short(r.DisplayName, 60)}
	}, func(ctx context.Context, c *indent.Client, _ []string, pageSize int) iter.Seq2[indent.Resource, error] {
		q.PageSize = pageSize
		return c.Resources(ctx, q)
	})
	f := cmd.Flags()
	f.StringVar(&q.View, "view", "", "only these: requestable, requestable:modal, recipients, people, email")
	f.StringVar(&q.Selector, "selector", "", "only those whose labels match, such as team=core (Kubernetes syntax)")
	f.StringVar(&q.Search, "search", "", "only those that have all these words")
	return cmd
}

func (t *terminal) resourceShowCommand() *cobra.Command {
	return shows(t, &cobra.Command{
		Use: "show NAME", Short: "Show a resource", Args: exactly(1, "the NAME of a resource"),
		Long:    "Show a resource by its name, which is its label indent.com/block.",
		Example: "indent resource show production",
	}, describeResource, func(ctx context.Context, c *indent.Client, args []string) (indent.Resource, error) {
		return c.Resource(ctx, args[0])
	})
}

func (t *terminal) resourceApplyCommand() *cobra.Command {
	var list []indent.Resource
	cmd := shows(t, &cobra.Command{
		Use: "apply FILE", Short: "Add or replace the resources of a file", Args: exactly(1, "a FILE, or - for stdin"),
		Long: "Add or replace the resources of a JSON file (- for stdin): one resource, a list, or {\"resources\": […]}, as `resource list --json`\n" +
			"prints it. All of them are changed, or none. Each needs its name, the label indent.com/block, so that\n" +
			"applying the file again changes nothing.",
		Example: "indent resource apply resources.json\n" +
			`echo '{"kind":"environment","id":"prod","displayName":"Production","labels":{"indent.com/block":"production","indent.com/requestable":"true"}}' | indent resource apply -`,
	}, func(made []indent.Resource) string {
		var names []string
		for _, r := range made {
			names = append(names, plain(r.Name()))
		}
		return strings.Join(names, "\n")
	}, func(ctx context.Context, c *indent.Client, args []string) ([]indent.Resource, error) {
		return c.PutResources(ctx, list)
	})
	return first(cmd, func(_ *cobra.Command, args []string) error {
		raw, err := readInput(args[0], t.in)
		if err != nil {
			return err
		}
		if list, err = parseResources(raw); err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return nil
	})
}

func parseResources(raw []byte) ([]indent.Resource, error) {
	raw = bytes.TrimSpace(raw)
	var list []indent.Resource
	var object struct {
		indent.Resource
		Resources []indent.Resource `json:"resources"`
	}
	into := any(&object)
	if bytes.HasPrefix(raw, []byte("[")) {
		into = &list
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return nil, fmt.Errorf("is not JSON of resources: %w", err)
	}
	if d.More() {
		return nil, fmt.Errorf("has more than one JSON value: put the resources into a list")
	}
	switch {
	case object.Resources != nil:
		list = object.Resources
	case list == nil:
		list = []indent.Resource{object.Resource}
	}
	for i, r := range list {
		if r.Name() == "" {
			return nil, fmt.Errorf("resource %d (%s) has no name: give it the label %s", i+1, plain(r.Title()), indent.LabelBlock)
		}
	}
	return list, nil
}

func (t *terminal) resourceDeleteCommand() *cobra.Command {
	return t.does(&cobra.Command{
		Use: "delete NAME...", Short: "Take resources out of the directory", Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError(cmd, "give the NAME of at least one resource")
			}
			return nil
		},
		Example: "indent resource delete staging",
	}, func(args []string) string { return fmt.Sprintf("Deleted %q.", args) }, func(ctx context.Context, c *indent.Client, args []string) error {
		if len(args) == 1 {
			return c.DeleteResource(ctx, args[0])
		}
		return c.DeleteResources(ctx, args)
	})
}
