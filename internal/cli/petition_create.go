package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// creation is what the flags of `petition create` say.
type creation struct {
	reason, params, wait, key string
	extends, start            string
	resources, beneficiaries  []string
	labels                    map[string]string
	duration                  time.Duration
}

func (t *terminal) petitionCreateCommand() *cobra.Command {
	var n creation
	cmd := &cobra.Command{
		Use: "create", Short: "Ask for approval", Args: noArguments,
		Long: "Ask for approval, and with --wait wait for the decision. Prints the petition's name; with --json the petition.\n" +
			"Without --wait the exit code is 0 also when nobody has decided yet.",
		Example: `indent petition create --reason "to recover account" --resource "action:reset-password:123=Reset Password (user:123)" --wait 30s
indent petition create --reason "to debug" --resource environment:production=Production --duration 1h
indent petition create --reason "it takes longer" --extends aec1b116 --duration 1h
indent petition create --reason "refund" --resource action:refund --params '{"order":"A-1","amount":5}' --wait forever --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := n.request(cmd, t.in)
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := n.extend(cmd.Context(), c, &r); err != nil {
				return err
			}
			if n.wait == "" {
				return t.create(cmd, c, r)
			}
			r.OnProgress = t.progress(c)
			p, err := c.Await(cmd.Context(), r)
			return t.settled(c, p, err, true)
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.reason, "reason", "", "why; reviewers read it (required)")
	f.StringArrayVar(&n.resources, "resource", nil, "what for: kind:id, kind:id=Display Name, or a resource as JSON; may be repeated (required)")
	f.StringVar(&n.params, "params", "", "what the action will be done with: a JSON object, @file, or @- for stdin")
	f.Var(spanFlag{&n.duration}, "duration", "how long the grant shall last, such as 1h (default: as policy says)")
	f.StringArrayVar(&n.beneficiaries, "for", nil, "address of who shall be allowed, when it is not you; may be repeated")
	f.StringToStringVar(&n.labels, "label", nil, "label, such as team=core; may be repeated")
	f.StringVar(&n.start, "start", "", "when the grant shall begin, such as 2030-01-02T15:04:05Z (default: at once)")
	f.StringVar(&n.extends, "extends", "", "name of a granted petition to go on with: ask for the same again, without a gap")
	f.StringVar(&n.key, "idempotency-key", "", "the same key makes the same petition, however often it is sent")
	f.StringVar(&n.wait, "wait", "", "how long to wait for the decision, such as 30s or forever (default: not at all)")
	return inFlags(cmd, "petition.reason", "--reason", "petition.resources", "--resource", "petition.params", "--params", "petition.petitioners", "--for",
		"petition.meta.labels.PetitionReplaces", "--extends", "petition.meta.labels", "--label", "petition.defaultDuration", "--duration", "petition.startTime", "--start")
}

func (n *creation) request(cmd *cobra.Command, in io.Reader) (r indent.Request, err error) {
	r = indent.Request{Reason: n.reason, Duration: n.duration, Labels: n.labels, IdempotencyKey: n.key}
	switch {
	case n.reason == "":
		return r, usageError(cmd, "say why, with --reason: reviewers read it")
	case len(n.resources) == 0 && n.extends == "":
		return r, usageError(cmd, "say what for, with --resource kind:id")
	case n.duration < 0 || n.duration == 0 && cmd.Flags().Changed("duration"):
		return r, usageError(cmd, "--duration must be more than zero")
	}
	if r.Resources, r.Petitioners, err = askedFor(cmd, n.resources, n.beneficiaries); err != nil {
		return r, err
	}
	if n.wait != "" {
		if r.Timeout, err = duration(cmd, "wait", n.wait); err != nil {
			return r, err
		}
	}
	if n.start != "" {
		if r.StartTime, err = time.Parse(time.RFC3339, n.start); err != nil {
			return r, usageError(cmd, "--start must be a time such as 2030-01-02T15:04:05Z, not %q", n.start)
		}
	}
	if n.params != "" {
		params, err := readParams(n.params, in)
		if err != nil {
			return r, err
		}
		r.Params = params
	}
	return r, nil
}

// extend lets the request go on with a granted petition: for the same persons and resources, with the same params.
func (n *creation) extend(ctx context.Context, c *indent.Client, r *indent.Request) error {
	if n.extends == "" {
		return nil
	}
	name, err := petitionName(ctx, c, n.extends, indent.PhaseGranted)
	if err != nil {
		return err
	}
	old, err := c.Petition(ctx, name)
	if err != nil {
		return err
	}
	if len(r.Resources) == 0 {
		r.Resources = old.Resources
	}
	if len(r.Petitioners) == 0 {
		r.Petitioners = old.Petitioners
	}
	if r.Params == nil && len(old.Params) > 0 {
		r.Params = old.Params
	}
	r.Labels = maps.Clone(r.Labels)
	if r.Labels == nil {
		r.Labels = map[string]string{}
	}
	r.Labels[indent.LabelReplaces] = name
	return nil
}

// askedFor reads what is asked for, as --resource has it, and for whom, as --for has it.
func askedFor(cmd *cobra.Command, texts, emails []string) (resources, petitioners []indent.Resource, err error) {
	for _, text := range texts {
		resource, err := parseResource(cmd, text)
		if err != nil {
			return nil, nil, err
		}
		resources = append(resources, resource)
	}
	for _, email := range emails {
		petitioners = append(petitioners, indent.Resource{ID: email, Email: email, Kind: "user"})
	}
	return resources, petitioners, nil
}

// parseResource reads kind:id, kind:id=Display Name, or a JSON object. The kind ends at the first colon, the id at the
// first equals sign.
func parseResource(cmd *cobra.Command, text string) (indent.Resource, error) {
	var r indent.Resource
	if strings.HasPrefix(text, "{") {
		d := json.NewDecoder(strings.NewReader(text))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil || d.More() {
			return r, usageError(cmd, "--resource %s is no resource as JSON, such as {\"kind\":\"action\",\"id\":\"x\"}", text)
		}
		return r, nil
	}
	kind, rest, ok := strings.Cut(text, ":")
	id, title, _ := strings.Cut(rest, "=")
	if !ok || kind == "" || id == "" {
		return r, usageError(cmd, "--resource must be kind:id or kind:id=Display Name, not %q", text)
	}
	return indent.Resource{Kind: kind, ID: id, DisplayName: title}, nil
}

// mostInput is how large a file or stdin may be; it is the API's limit for a body.
const mostInput = 1 << 20

func readParams(text string, in io.Reader) (json.RawMessage, error) {
	raw := []byte(text)
	if path, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if raw, err = readInput(path, in); err != nil {
			return nil, err
		}
	}
	raw = bytes.TrimSpace(raw)
	if !json.Valid(raw) || raw[0] != '{' {
		return nil, errors.New("--params must be a JSON object, such as '{\"amount\": 5}', or @file that has one")
	}
	return raw, nil
}

// readInput reads a file, or stdin when the path is "-".
func readInput(path string, in io.Reader) ([]byte, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := io.ReadAll(io.LimitReader(in, mostInput+1))
	if err == nil && len(raw) > mostInput {
		err = fmt.Errorf("%s has more than %d bytes: send less at once", path, mostInput)
	}
	return raw, err
}

// create asks without waiting.
func (t *terminal) create(cmd *cobra.Command, c *indent.Client, r indent.Request) error {
	p, err := c.CreatePetition(cmd.Context(), indent.NewPetition{Reason: r.Reason, Resources: r.Resources, Petitioners: r.Petitioners,
		Params: r.Params, Duration: r.Duration, StartTime: r.StartTime, Labels: r.Labels, IdempotencyKey: r.IdempotencyKey})
	if err != nil {
		return err
	}
	t.say("⏵ Requested approval %s", plain(p.Ref()))
	t.say("  %s", plain(c.PetitionURL(p.Name)))
	for _, m := range p.State.Messages {
		t.say("⚠ %s", plain(m.Message))
	}
	t.sayVerdict(p)
	if t.json {
		err = t.printJSON(p)
	} else {
		_, err = fmt.Fprintln(t.out, plain(p.Name))
	}
	if err != nil || p.Phase() == indent.PhaseOpen {
		return err
	}
	t.say("%s", plain(p.State.Status.Message))
	return indent.Judge(p)
}
