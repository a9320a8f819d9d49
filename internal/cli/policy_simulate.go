package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// simulation is what the flags of `policy simulate` and `policy explain` say.
type simulation struct {
	creation
	as, file, at string
}

func (t *terminal) policySimulateCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use: "simulate", Short: "Ask what the rules would say to a petition, without making it", Args: noArguments,
		Long: "Ask what the rules would say to a petition. Nothing is made, and nobody is told. --file tries another document, --as another member\n" +
			"(which takes the right to change the rules), --at another time.",
		Example: `indent policy simulate --reason "to debug" --resource environment:production
indent policy simulate --reason "to debug" --resource environment:production --as ada@acmecorp.example --file policy.yaml --at 2026-03-01T03:00:00Z`,
	}
	shows(t, cmd, describeSimulation, func(ctx context.Context, c *indent.Client, _ []string) (indent.PolicySimulation, error) {
		asked, err := s.asked(cmd, t)
		if err != nil {
			return indent.PolicySimulation{}, err
		}
		return c.SimulatePolicy(ctx, asked)
	})
	s.flags(cmd)
	return cmd
}

func (t *terminal) policyExplainCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use: "explain [PETITION]", Short: "Show each rule that is tried on a petition, and what its condition comes to", Args: atMost(1, "one PETITION, or the flags of a new one"),
		Long: "Show each rule that is tried on a petition, in order, with the value of each part of its condition. With a PETITION that was made it\n" +
			"is asked as it was then: by the same member, at the same time, under the same version; what the directory says is of now.\n" +
			"Without one the flags say what would be asked, as for `indent policy simulate`.",
		Example: `indent policy explain aec1b116-42b3-41ee-824e-42010aac000d
indent policy explain --reason "to debug" --resource environment:production --file policy.yaml`,
	}
	shows(t, cmd, describeExplanation, func(ctx context.Context, c *indent.Client, args []string) (indent.PolicySimulation, error) {
		if len(args) == 0 {
			asked, err := s.asked(cmd, t)
			if err != nil {
				return indent.PolicySimulation{}, err
			}
			return c.SimulatePolicy(ctx, asked)
		}
		asked, err := s.again(ctx, cmd, t, c, args[0])
		if err != nil {
			return indent.PolicySimulation{}, err
		}
		return c.SimulatePolicy(ctx, asked)
	})
	s.flags(cmd)
	return cmd
}

func (s *simulation) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.reason, "reason", "", "why it is asked (required)")
	f.StringArrayVar(&s.resources, "resource", nil, "what for: kind:id, kind:id=Display Name, or a resource as JSON; may be repeated (required)")
	f.StringVar(&s.params, "params", "", "what the action will be done with: a JSON object, @file, or @- for stdin")
	f.DurationVar(&s.duration, "duration", 0, "how long the grant shall last, such as 1h (default: as policy says)")
	f.StringArrayVar(&s.beneficiaries, "for", nil, "address of who shall be allowed, when it is not who asks; may be repeated")
	f.StringToStringVar(&s.labels, "label", nil, "label, such as team=core; may be repeated")
	f.StringVar(&s.as, "as", "", "member that would ask (default: you)")
	f.StringVar(&s.file, "file", "", "document to try, or - for stdin (default: the one that holds)")
	f.StringVar(&s.at, "at", "", "when it would be asked, such as 2026-03-01T03:00:00Z (default: now)")
	inFlags(cmd, "petition.reason", "--reason", "petition.resources", "--resource", "petition.params", "--params", "petition.petitioners", "--for",
		"petition.meta.labels", "--label", "petition.defaultDuration", "--duration", "as", "--as", "text", "--file", "time", "--at")
}

func (s *simulation) asked(cmd *cobra.Command, t *terminal) (out indent.SimulatedPetition, err error) {
	r, err := s.request(cmd, t.in)
	if err != nil {
		return out, err
	}
	out.NewPetition = indent.NewPetition{Reason: r.Reason, Resources: r.Resources, Petitioners: r.Petitioners, Params: r.Params, Duration: r.Duration, Labels: r.Labels}
	return out, s.around(cmd, t, &out)
}

// around fills in who asks, when, and under which document.
func (s *simulation) around(cmd *cobra.Command, t *terminal, out *indent.SimulatedPetition) (err error) {
	if s.as != "" {
		out.As = s.as
	}
	if s.file != "" {
		text, err := readInput(s.file, t.in)
		if err != nil {
			return err
		}
		out.Text = string(text)
	}
	if s.at != "" {
		if out.Time, err = time.Parse(time.RFC3339, s.at); err != nil {
			return usageError(cmd, "--at must be a time such as 2026-03-01T03:00:00Z, not %q", s.at)
		}
	}
	return nil
}

// again answers a petition that was made, as it was asked.
func (s *simulation) again(ctx context.Context, cmd *cobra.Command, t *terminal, c *indent.Client, name string) (out indent.SimulatedPetition, err error) {
	if name, err = petitionName(ctx, c, name, ""); err != nil {
		return out, err
	}
	p, err := c.Petition(ctx, name)
	if err != nil {
		return out, err
	}
	out.NewPetition = indent.NewPetition{Reason: p.Reason, Resources: p.Resources, Petitioners: p.Petitioners, Labels: map[string]string{}, DisplayName: p.Meta.DisplayName}
	if len(p.Params) > 0 {
		out.Params = p.Params
	}
	for key, value := range p.Meta.Labels {
		if !strings.HasPrefix(key, "indent.com/") && !strings.HasPrefix(key, "Petition") || key == "indent.com/petition/duration" || strings.Contains(key, "breakGlass") {
			out.Labels[key] = value // the others are the server's to set
		}
	}
	out.As, out.Time = p.CreatedBy.ID, p.Meta.CreateTime
	if version := p.State.Verdict.PolicyVersion; version > 0 && s.file == "" {
		d, err := c.PolicyVersion(ctx, version)
		if err != nil {
			return out, err
		}
		out.Text = d.Text
	}
	return out, s.around(cmd, t, &out)
}

// describeSimulation answers in a few lines what policy would say.
func describeSimulation(s indent.PolicySimulation) string {
	v := s.Verdict
	lines := []string{fmt.Sprintf("%s by rule %q%s", plain(v.Decision), plain(v.Rule), ofVersion(s.PolicyVersion))}
	if v.Explanation != "" {
		lines = append(lines, "  "+plain(v.Explanation))
	}
	for _, r := range v.Requirements {
		lines = append(lines, fmt.Sprintf("  stage %d: %s by %s", r.Stage+1, counted(int64(r.Count), "approval"), plain(describeReviewers(r.Reviewers))))
	}
	return strings.Join(lines, "\n")
}

func ofVersion(version int64) string {
	if version == 0 {
		return ""
	}
	return fmt.Sprintf(" of version %d", version)
}

// describeExplanation answers each rule that was tried, with the tree of its condition, and then the verdict.
func describeExplanation(s indent.PolicySimulation) string {
	var lines []string
	for _, r := range s.Rules {
		mark := "·"
		if r.Matched {
			mark = "✓"
		}
		if r.Error != "" {
			mark = "!"
		}
		line := fmt.Sprintf("%s %s", mark, plain(r.Rule))
		if r.Line > 0 {
			line += fmt.Sprintf(" (line %d)", r.Line)
		}
		for _, why := range []string{r.Why, r.Error} {
			if why != "" {
				line += ": " + plain(why)
			}
		}
		lines = append(lines, line)
		if r.Condition != nil {
			lines = conditionLines(lines, *r.Condition, "    ")
		}
	}
	if s.Truncated {
		lines = append(lines, "There was too much to show: later rules come without the parts of their conditions.")
	}
	return strings.Join(append(lines, "", describeSimulation(s)), "\n")
}

func conditionLines(lines []string, p indent.ConditionPart, indented string) []string {
	lines = append(lines, indented+plain(p.Text)+" = "+plain(p.Value))
	for _, part := range p.Parts {
		lines = conditionLines(lines, part, indented+"  ")
	}
	return lines
}
