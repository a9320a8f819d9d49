package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) policyCommand() *cobra.Command {
	return t.clientFlags(group("policy", "The rules of the space: test, try, change and roll them back",
		t.policyShowCommand(), t.policyHistoryCommand(), t.policyDiffCommand(), t.policyApplyCommand(), t.policyRollbackCommand(),
		t.policyTestCommand(), t.policyCheckCommand(), t.policyStuckCommand(), t.policySimulateCommand(), t.policyExplainCommand(), t.policyReplayCommand()))
}

func (t *terminal) policyShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [VERSION]", Short: "Print the rule document, byte for byte", Args: atMost(1, "one VERSION, or none for the one that holds"),
		Long: "Print the rule document that holds now, or an old version. What goes into a file is byte for byte what was applied.",
		Example: `indent policy show > policy.yaml
indent policy show 6`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			d, err := policyAt(cmd, c, args)
			if err != nil {
				return err
			}
			if t.json {
				return t.printJSON(d)
			}
			text := d.Text
			if f, ok := t.out.(*os.File); ok && isTerminal(f) {
				text = escape(strings.ReplaceAll(text, "\t", "    "), true)
			}
			_, err = io.WriteString(t.out, text)
			return err
		},
	}
}

// policyAt answers the version that the first argument says, or the one that holds.
func policyAt(cmd *cobra.Command, c *indent.Client, args []string) (indent.PolicyDocument, error) {
	if len(args) == 0 {
		return c.Policy(cmd.Context())
	}
	version, err := policyVersion(cmd, args[0])
	if err != nil {
		return indent.PolicyDocument{}, err
	}
	return c.PolicyVersion(cmd.Context(), version)
}

func policyVersion(cmd *cobra.Command, text string) (int64, error) {
	version, err := strconv.ParseInt(text, 10, 64)
	if err != nil || version < 1 {
		return 0, usageError(cmd, "VERSION must be a number from 1, as `indent policy history` lists them, not %q", text)
	}
	return version, nil
}

// atMost takes up to n arguments.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return usageError(cmd, "give %s, not %d arguments", what, len(args))
		}
		return nil
	}
}

func (t *terminal) policyHistoryCommand() *cobra.Command {
	return lists(t, &cobra.Command{
		Use: "history", Short: "List who changed the rules, when and why, newest first", Args: noArguments, Example: "indent policy history --limit 5",
	}, []string{"VERSION", "WHEN", "WHO", "PETITION", "DIGEST", "WHY"}, func(v indent.PolicyVersion) []string {
		petition := v.Petition
		if petition == "" {
			petition = "-"
		}
		return []string{strconv.FormatInt(v.Version, 10), moment(v.Meta.CreateTime), v.CreatedBy.ID, petition, short(v.Digest, 15), short(v.Reason, 60)}
	}, func(ctx context.Context, c *indent.Client, _ []string, _ int) iter.Seq2[indent.PolicyVersion, error] {
		return c.PolicyVersions(ctx)
	})
}

func (t *terminal) policyDiffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "diff [VERSION] [VERSION]", Short: "Compare two versions of the rules", Args: atMost(2, "no VERSION, one or two"),
		Long: "Compare the version that holds with the one before; with one VERSION that one with the one before it; with two the first with the second.",
		Example: `indent policy diff
indent policy diff 4 7`,
	}
	return shows(t, cmd, func(d indent.PolicyDiff) string {
		if d.Diff == "" {
			return fmt.Sprintf("Versions %d and %d have the same text.", d.From, d.To)
		}
		return t.colouredDiff(d.Diff)
	}, func(ctx context.Context, c *indent.Client, args []string) (indent.PolicyDiff, error) {
		var versions []int64
		for _, arg := range args {
			version, err := policyVersion(cmd, arg)
			if err != nil {
				return indent.PolicyDiff{}, err
			}
			versions = append(versions, version)
		}
		switch len(versions) {
		case 2:
			return c.DiffPolicy(ctx, versions[0], versions[1])
		case 1:
			if versions[0] == 1 {
				return indent.PolicyDiff{}, errors.New("version 1 is the first, and has none before it: give two versions")
			}
			return c.DiffPolicy(ctx, 0, versions[0])
		}
		now, err := c.Policy(ctx)
		if err != nil {
			return indent.PolicyDiff{}, err
		}
		if now.Version == 1 {
			return indent.PolicyDiff{}, errors.New("there is only version 1, and nothing to compare it with")
		}
		return c.DiffPolicy(ctx, 0, now.Version)
	})
}

// colouredDiff answers a diff that is safe on a terminal, what goes in red and what comes in green.
func (t *terminal) colouredDiff(diff string) string {
	lines := strings.Split(strings.TrimRight(diff, "\n"), "\n")
	for i, line := range lines {
		line = escape(strings.ReplaceAll(line, "\t", "    "), false)
		if t.colours && line != "" {
			if colour := map[byte]string{'-': "31", '+': "32", '@': "36"}[line[0]]; colour != "" {
				line = "\x1b[" + colour + "m" + line + "\x1b[0m"
			}
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

func (t *terminal) policyApplyCommand() *cobra.Command {
	var reason string
	var yes, strict bool
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Make a file the rules of the space", Args: exactly(1, "the FILE, or - for stdin"),
		Long: "Make a file the next version of the rule document. It shows what changes, and on a terminal it asks first. When somebody else\n" +
			"has changed the rules in between it is refused. A document that does not compile, or whose own tests fail, is not taken.\n" +
			"A document may say in its section changes who must agree to the next change of it, such as changes: {require: {reviewers: {roles: [Owner]}, count: 2}}:\n" +
			"then an apply is a petition, and the rules change when that is granted. Its name is printed.",
		Example: `indent policy apply policy.yaml --reason "two people for payments"
indent policy apply - --reason "from the pipeline" --yes < policy.yaml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readInput(args[0], t.in)
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			if err := t.sound(cmd, c, args[0], string(text), strict); err != nil {
				return err
			}
			now, err := c.Policy(cmd.Context())
			if err != nil && !errors.Is(err, indent.ErrNotFound) {
				return err
			}
			if err := t.sure(app.DiffPolicy(now.Version, now.Text, string(text)), yes || args[0] == "-"); err != nil {
				return err
			}
			change, err := c.ApplyPolicy(cmd.Context(), string(text), reason, now.Version)
			return t.changed(c, args[0], change, err)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; auditors read it (required)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&strict, "strict", false, "refuse a document with warnings, too")
	return required(inFlags(cmd, "reason", "--reason"), "reason")
}

func (t *terminal) policyRollbackCommand() *cobra.Command {
	var reason string
	var yes bool
	cmd := &cobra.Command{
		Use: "rollback VERSION", Short: "Make an old version of the rules hold again", Args: exactly(1, "the VERSION to go back to"),
		Long:    "Make the text of an old version the next version of the rule document. In all else it is `indent policy apply`.",
		Example: `indent policy rollback 6 --reason "version 7 locked the night shift out"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			version, err := policyVersion(cmd, args[0])
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			now, err := c.Policy(cmd.Context())
			if err != nil {
				return err
			}
			diff, err := c.DiffPolicy(cmd.Context(), now.Version, version)
			if err != nil {
				return err
			}
			if err := t.sure(diff.Diff, yes); err != nil {
				return err
			}
			change, err := c.RollBackPolicy(cmd.Context(), version, reason, now.Version)
			return t.changed(c, "version "+args[0], change, err)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; auditors read it (required)")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return required(inFlags(cmd, "reason", "--reason"), "reason")
}

// sure shows what changes, and asks on a terminal.
func (t *terminal) sure(diff string, yes bool) error {
	if diff != "" {
		t.say("%s", t.colouredDiff(diff))
	}
	if diff == "" || yes || !t.asks {
		return nil
	}
	fmt.Fprint(t.err, "Change the rules of the space so? [y/N] ")
	line, err := bufio.NewReader(io.LimitReader(t.in, 4096)).ReadString('\n')
	if err != nil && err != io.EOF {
		return err
	}
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}

// sound refuses a document that the server would not take, before anybody is asked about it; with strict one that has warnings.
func (t *terminal) sound(cmd *cobra.Command, c *indent.Client, file, text string, strict bool) error {
	report, err := c.TestPolicy(cmd.Context(), text)
	switch {
	case err != nil && strict:
		return err
	case err != nil:
		return nil // trying is for everybody, and so may be full; the server looks again when it is applied
	}
	findings := report.Problems
	for _, test := range report.Tests {
		for _, failure := range test.Failures {
			findings = append(findings, indent.Finding{Line: test.Line, Test: test.Name, Message: failure})
		}
	}
	if len(findings) > 0 {
		t.sayFindings(file, findings)
		return fmt.Errorf("%w, and the rules are as they were", errNotTaken)
	}
	if !strict {
		return nil
	}
	found, err := c.CheckPolicy(cmd.Context(), text)
	if err != nil {
		return err
	}
	warnings := report.Warnings
	for _, f := range found.Findings {
		warnings = append(warnings, indent.Finding{Line: f.Line, Column: f.Column, Rule: f.Rule, Message: f.Kind + ": " + f.Message})
	}
	if len(warnings) == 0 {
		return nil
	}
	t.sayWarnings(file, warnings)
	return fmt.Errorf("the document has %s, and --strict takes none", counted(int64(len(warnings)), "warning"))
}

// changed says what came of a change, or where in the file it is wrong.
func (t *terminal) changed(c *indent.Client, file string, change indent.PolicyChange, err error) error {
	if told, err := t.refusedDocument(file, err); told {
		return fmt.Errorf("%w, and the rules are as they were", err)
	} else if err != nil {
		return err
	}
	t.sayWarnings(file, change.Warnings)
	switch {
	case change.Petition != nil:
		t.say("The rules demand that this is granted first: petition %s", plain(change.Petition.Ref()))
		t.say("  %s", plain(c.PetitionURL(change.Petition.Name)))
	case change.Unchanged:
		t.say("The rules are these already: version %d holds.", change.Policy.Version)
	default:
		t.say("Version %d holds now.", change.Policy.Version)
	}
	if t.json {
		return t.printJSON(change)
	}
	if change.Petition != nil {
		_, err = fmt.Fprintln(t.out, plain(change.Petition.Name))
	} else {
		_, err = fmt.Fprintln(t.out, change.Policy.Version)
	}
	return err
}

var errNotTaken = errors.New("the document was not taken")

// refusedDocument says where in the file it is wrong, if that is why it was refused.
func (t *terminal) refusedDocument(file string, err error) (told bool, why error) {
	var refused *indent.Error
	if !errors.As(err, &refused) || len(refused.Findings) == 0 {
		return false, err
	}
	t.sayFindings(file, refused.Findings)
	return true, errNotTaken
}

// sayFindings says each finding as compilers do, so that editors find the place.
func (t *terminal) sayFindings(file string, findings []indent.Finding) {
	for _, f := range findings {
		t.say("%s", plain(findingLine(file, "", f)))
	}
}

func (t *terminal) sayWarnings(file string, findings []indent.Finding) {
	for _, f := range findings {
		t.say("%s", plain(findingLine(file, "warning: ", f)))
	}
}

func findingLine(file, what string, f indent.Finding) string {
	line := file
	if f.Line > 0 {
		line += ":" + strconv.Itoa(f.Line)
	}
	if f.Line > 0 && f.Column > 0 {
		line += ":" + strconv.Itoa(f.Column)
	}
	line += ": " + what
	if f.Rule != "" {
		line += fmt.Sprintf("rule %q: ", f.Rule)
	}
	if f.Test != "" {
		line += fmt.Sprintf("test %q: ", f.Test)
	}
	return line + f.Message
}
