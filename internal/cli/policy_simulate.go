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
			"(which takes the right to read members), --at another time.",
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
	s.flags(cmd, "(required)")
	return cmd
}

func (t *terminal) policyExplainCommand() *cobra.Command {
	var s simulation
	cmd := &cobra.Command{
		Use: "explain [PETITION]", Short: "Show each rule that is tried on a petition, and what its condition comes to", Args: atMost(1, "one PETITION, or the flags of a new one"),
		Long: "Show each rule that is tried on a petition, in order, with the value of each part of its condition. With a PETITION that was made it\n" +
			"is asked as it was then: by the same member, at the same time, under the same version; what the directory says is of now.\n" +
			"What was answered when it was made, which holds for it, stands beside that.\n" +
			"Without one the flags say what would be asked, as for `indent policy simulate`.",
		Example: `indent policy explain aec1b116-42b3-41ee-824e-42010aac000d
indent policy explain --reason "to debug" --resource environment:production --file policy.yaml`,
	}
	shows(t, cmd, describeExplanation, func(ctx context.Context, c *indent.Client, args []string) (x explained, err error) {
		var asked indent.SimulatedPetition
		if len(args) == 0 {
			asked, err = s.asked(cmd, t)
		} else {
			asked, x.Made, err = s.again(ctx, cmd, t, c, args[0])
		}
		if err == nil {
			x.PolicySimulation, err = c.SimulatePolicy(ctx, asked)
		}
		return x, err
	})
	s.flags(cmd, "(required without PETITION)")
	return cmd
}

// explained is what the rules say, beside what they said when the petition was made.
type explained struct {
	indent.PolicySimulation
	Made *indent.Verdict `json:"made,omitempty"` // of a petition that was made: what holds for it
}

func (s *simulation) flags(cmd *cobra.Command, required string) {
	f := cmd.Flags()
	f.StringVar(&s.reason, "reason", "", "why it is asked "+required)
	f.StringArrayVar(&s.resources, "resource", nil, "what for: kind:id, kind:id=Display Name, or a resource as JSON; may be repeated "+required)
	f.StringVar(&s.params, "params", "", "what the action will be done with: a JSON object, @file, or @- for stdin")
	f.Var(spanFlag{&s.duration}, "duration", "how long the grant shall last, such as 1h (default: as policy says)")
	f.StringArrayVar(&s.beneficiaries, "for", nil, "address of who shall be allowed, when it is not who asks; may be repeated")
	f.StringToStringVar(&s.labels, "label", nil, "label, such as team=core; may be repeated")
	f.StringVar(&s.as, "as", "", "member that would ask (default: you)")
	f.StringVar(&s.file, "file", "", "document to try, or - for stdin (default: the one that holds)")
	f.StringVar(&s.start, "start", "", "when the grant shall begin, such as 2030-01-02T15:04:05Z (default: at once)")
	f.StringVar(&s.at, "at", "", "when it would be asked, such as 2026-03-01T03:00:00Z (default: now)")
	inFlags(cmd, "petition.reason", "--reason", "petition.resources", "--resource", "petition.params", "--params", "petition.petitioners", "--for",
		"petition.meta.labels", "--label", "petition.defaultDuration", "--duration", "petition.startTime", "--start", "as", "--as", "text", "--file", "time", "--at")
}

func (s *simulation) asked(cmd *cobra.Command, t *terminal) (out indent.SimulatedPetition, err error) {
	r, err := s.request(cmd, t.in)
	if err != nil {
		return out, err
	}
	out.NewPetition = indent.NewPetition{Reason: r.Reason, Resources: r.Resources, Petitioners: r.Petitioners, Params: r.Params, Duration: r.Duration, StartTime: r.StartTime, Labels: r.Labels}
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

// again answers a petition that was made, as it was asked, and what was answered then.
func (s *simulation) again(ctx context.Context, cmd *cobra.Command, t *terminal, c *indent.Client, name string) (out indent.SimulatedPetition, made *indent.Verdict, err error) {
	if name, err = petitionName(ctx, c, name, ""); err != nil {
		return out, nil, err
	}
	p, err := c.Petition(ctx, name)
	if err != nil {
		return out, nil, err
	}
	out.NewPetition = indent.NewPetition{Reason: p.Reason, Resources: p.Resources, Petitioners: p.Petitioners, Labels: map[string]string{}, DisplayName: p.Meta.DisplayName}
	out.StartTime = p.StartTime
	if len(p.Params) > 0 {
		out.Params = p.Params
	}
	for key, value := range p.Meta.Labels {
		if setByPetitioner(key) || key == "indent.com/petition/duration" {
			out.Labels[key] = value
		}
	}
	out.As, out.Time = p.CreatedBy.ID, p.Meta.CreateTime
	if version := p.State.Verdict.PolicyVersion; version > 0 && s.file == "" {
		d, err := c.PolicyVersion(ctx, version)
		if err != nil {
			return out, nil, err
		}
		out.Text = d.Text
	}
	return out, p.State.Verdict, s.around(cmd, t, &out)
}

// describeSimulation answers in a few lines what policy would say.
func describeSimulation(s indent.PolicySimulation) string {
	text := spellVerdict(s.Verdict, s.PolicyVersion)
	if s.Warning != "" {
		text += "\n  warning: " + plain(s.Warning)
	}
	return text
}

// answerOf names what a verdict says as tests of a document do: breakGlass, too, is one that approves.
func answerOf(v indent.Verdict) string {
	if v.BreakGlass != nil {
		return "breakGlass"
	}
	return v.Decision
}

func spellVerdict(v indent.Verdict, version int64) string {
	lines := []string{fmt.Sprintf("%s by rule %q%s", plain(answerOf(v)), plain(v.Rule), ofVersion(version))}
	if v.Explanation != "" {
		lines = append(lines, "  "+plain(v.Explanation))
	}
	asked := v.Requirements
	if v.BreakGlass != nil {
		asked = v.BreakGlass.Requirements
		lines = append(lines, "  granted at once, and people answer for it afterwards:")
	}
	for _, r := range asked {
		lines = append(lines, fmt.Sprintf("  stage %d: %s by %s", r.Stage+1, counted(int64(r.Count), "approval"), plain(describeReviewers(r.Reviewers))))
	}
	return strings.Join(lines, "\n")
}

// describeMade answers what was answered when the petition was made beside what is answered now. Where they are not the same the
// reader is told so, and which of them holds.
func describeMade(made indent.Verdict, now indent.PolicySimulation) string {
	then, today := spellVerdict(made, made.PolicyVersion), spellVerdict(now.Verdict, made.PolicyVersion)
	text := "When it was made, and this holds for it: " + then + "\nAsked again, with the directory and the members of now: " + describeSimulation(now)
	if then != today {
		text += "\nThese differ: the directory, the members or the document are not those of then. What was answered when it was made does not change."
	}
	return text
}

func ofVersion(version int64) string {
	if version == 0 {
		return ""
	}
	return fmt.Sprintf(" of version %d", version)
}

// describeExplanation answers each rule that was tried, with the tree of its condition, and then the verdict, beside that of a
// petition that was made.
func describeExplanation(s explained) string {
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
	if s.Made != nil {
		return strings.Join(append(lines, "", describeMade(*s.Made, s.PolicySimulation)), "\n")
	}
	return strings.Join(append(lines, "", describeSimulation(s.PolicySimulation)), "\n")
}

func conditionLines(lines []string, p indent.ConditionPart, indented string) []string {
	lines = append(lines, indented+plain(p.Text)+" = "+plain(p.Value))
	for _, part := range p.Parts {
		lines = conditionLines(lines, part, indented+"  ")
	}
	return lines
}
