package cli

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) policyReplayCommand() *cobra.Command {
	var since string
	var markdown bool
	cmd := &cobra.Command{
		Use: "replay FILE", Short: "Ask what a file would have said to the petitions of the past", Args: exactly(1, "the FILE, or - for stdin"),
		Long: "Put the petitions of the past to a document: which would be approved by a rule where people were asked, and the other way round, which\n" +
			"denials would be approved, who would have how much to review, and how long people took for what each rule would answer.\n" +
			"Each petition is asked as it was and at its time; the directory and the members are those of now. Nothing is changed.",
		Example: `indent policy replay policy.yaml --since 30d
indent policy replay policy.yaml --markdown > comment.md`,
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := pastTime(cmd, since, time.Now())
			if err != nil {
				return err
			}
			text, err := readInput(args[0], t.in)
			if err != nil {
				return err
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			r, err := c.ReplayPolicy(cmd.Context(), string(text), from)
			switch {
			case err != nil:
				_, err = t.refusedDocument(args[0], err)
				return err
			case t.json:
				return t.printJSON(r)
			case markdown:
				_, err = io.WriteString(t.out, replayMarkdown(args[0], r))
				return err
			}
			t.printReplay(r)
			return nil
		},
	}
	cmd.Flags().StringVar(&since, "since", "30d", "how far back: days such as 30d, a duration such as 12h, or a time such as 2026-02-01T00:00:00Z")
	cmd.Flags().BoolVar(&markdown, "markdown", false, "print Markdown, for a comment on a pull request")
	return cmd
}

// pastTime reads a time in the past: so many days or hours ago, or the time itself.
func pastTime(cmd *cobra.Command, text string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n <= 36_500 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usageError(cmd, "--since must be days such as 30d, a duration such as 12h, or a time such as 2026-02-01T00:00:00Z, not %q", text)
	}
	return at, nil
}

func replayTitle(r indent.PolicyReplay) string {
	title := fmt.Sprintf("%s since %s, against version %d, the directory as of now", counted(int64(r.Petitions), "petition"), moment(r.Since), r.BaseVersion)
	if r.More {
		title += "; there are more: these are the newest"
	}
	if r.Gone > 0 {
		title += fmt.Sprintf("; %d of those who are no members any more", r.Gone)
	}
	return title
}

// answersTable is how the answers change.
func answersTable(r indent.PolicyReplay) (rows [][]string) {
	rows = append(rows, []string{"same answer", strconv.Itoa(r.Same)})
	for _, how := range slices.Sorted(maps.Keys(r.Flipped)) {
		rows = append(rows, []string{how, strconv.Itoa(r.Flipped[how])})
	}
	return append(rows, []string{"were denied, and would be approved by a rule", strconv.Itoa(r.Regranted)})
}

func rulesTable(r indent.PolicyReplay) (rows [][]string) {
	for _, rule := range r.Rules {
		wait := "-"
		if rule.Decided > 0 {
			wait = span(rule.MedianWait.Round(time.Second))
		}
		rows = append(rows, []string{rule.Rule, strconv.Itoa(rule.Before), strconv.Itoa(rule.After), strconv.Itoa(rule.Decided), wait})
	}
	return rows
}

func loadTable(r indent.PolicyReplay) (rows [][]string) {
	for _, l := range r.Load {
		rows = append(rows, []string{l.Person, strconv.Itoa(l.Before), strconv.Itoa(l.After)})
	}
	return rows
}

func flipsTable(r indent.PolicyReplay) (rows [][]string) {
	for _, f := range r.Flips {
		how := f.How
		if f.Regranted {
			how += " (it was denied)"
		}
		rows = append(rows, []string{f.Petition, moment(f.CreateTime), f.CreatedBy, short(f.Title, 40), how, f.RuleBefore, f.RuleAfter})
	}
	return rows
}

var (
	answersHead = []string{"ANSWER", "PETITIONS"}
	rulesHead   = []string{"RULE", "BEFORE", "AFTER", "DECIDED BY PEOPLE", "MEDIAN WAIT"}
	loadHead    = []string{"REVIEWER", "BEFORE", "AFTER"}
	flipsHead   = []string{"PETITION", "WHEN", "WHO", "WHAT", "HOW", "RULE BEFORE", "RULE AFTER"}
)

func (t *terminal) printReplay(r indent.PolicyReplay) {
	fmt.Fprintln(t.out, plain(replayTitle(r)))
	for _, part := range []struct {
		head []string
		rows [][]string
	}{{answersHead, answersTable(r)}, {rulesHead, rulesTable(r)}, {loadHead, loadTable(r)}, {flipsHead, flipsTable(r)}} {
		if len(part.rows) == 0 {
			continue
		}
		fmt.Fprintln(t.out)
		b := table{head: part.head}
		for _, row := range part.rows {
			b.add(row...)
		}
		t.printTable(b)
	}
}

// mostCommented is how many petitions a comment lists: a pull request is not the place for hundreds.
const mostCommented = 20

// replayMarkdown answers the replay as a comment. What people wrote cannot be markup in it.
func replayMarkdown(file string, r indent.PolicyReplay) string {
	var b strings.Builder
	fmt.Fprintf(&b, "### What %s would have said\n\n%s.\n", inMarkdown(file), inMarkdown(replayTitle(r)))
	part := func(head []string, rows [][]string) {
		if len(rows) == 0 {
			return
		}
		fmt.Fprintf(&b, "\n| %s |\n|%s\n", strings.ToLower(strings.Join(head, " | ")), strings.Repeat(" --- |", len(head)))
		for _, row := range rows {
			cells := make([]string, len(row))
			for i, cell := range row {
				cells[i] = inMarkdown(cell)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	part(answersHead, answersTable(r))
	part(rulesHead, rulesTable(r))
	part(loadHead, loadTable(r))
	flips := flipsTable(r)
	if len(flips) > 0 {
		fmt.Fprintf(&b, "\n<details><summary>%d of those that change</summary>\n", min(len(flips), mostCommented))
		part(flipsHead, flips[:min(len(flips), mostCommented)])
		b.WriteString("\n</details>\n")
	}
	return b.String()
}

// inMarkdown answers text that is text in a table of Markdown, and mentions nobody.
func inMarkdown(text string) string {
	var b strings.Builder
	last := ' '
	for _, r := range plain(text) {
		switch {
		case strings.ContainsRune("\\`*_{}[]()<>#+!|~$&", r):
			b.WriteString("\\" + string(r))
		case r == '@' && !unicode.IsLetter(last) && !unicode.IsDigit(last):
			b.WriteString("@<!-- -->") // an address tells nobody, but what begins with @ would
		default:
			b.WriteRune(r)
		}
		last = r
	}
	return b.String()
}
