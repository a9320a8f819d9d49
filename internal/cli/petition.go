package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) petitionCommand() *cobra.Command {
	return t.clientFlags(group("petition", "Ask, look, decide and wait",
		t.petitionCreateCommand(), t.petitionListCommand(), t.petitionShowCommand(), t.petitionApproveCommand(),
		t.petitionDenyCommand(), t.petitionRevokeCommand(), t.petitionWaitCommand()))
}

func (t *terminal) petitionListCommand() *cobra.Command {
	var q indent.PetitionQuery
	var phases []string
	var mine bool
	cmd := lists(t, &cobra.Command{
		Use: "list", Short: "List petitions, newest first", Args: noArguments,
		Example: "indent petition list --phase open\nindent petition list --for-me\nindent petition list --search production --json",
	}, []string{"NAME", "STATE", "BY", "FOR", "REASON", "CREATED"}, petitionCells,
		func(ctx context.Context, c *indent.Client, _ []string, pageSize int) iter.Seq2[*indent.Petition, error] {
			for _, phase := range phases {
				q.Phases = append(q.Phases, indent.Phase(phase))
			}
			if mine {
				q.Petitioner = "me"
			}
			q.PageSize = pageSize
			return c.Petitions(ctx, q)
		})
	f := cmd.Flags()
	f.StringSliceVar(&phases, "phase", nil, "only these: open, granted, revoked, closed")
	f.BoolVar(&q.ForMe, "for-me", false, "only those that wait for your own decision")
	f.BoolVar(&mine, "mine", false, "only those that you asked for")
	f.StringVar(&q.Search, "search", "", "only those that have all these words")
	f.StringVar(&q.Selector, "selector", "", "only those whose labels match, such as team=core (Kubernetes syntax)")
	f.BoolVar(&q.Ascending, "ascending", false, "oldest first")
	f.BoolVar(&q.Full, "full", false, "with their event history (in JSON)")
	return cmd
}

func petitionCells(p *indent.Petition) []string {
	return []string{p.Name, stateOf(p), short(titles(p.Petitioners), 30), short(titles(p.Resources), 40), short(p.Reason, 40), moment(p.Meta.CreateTime)}
}

// stateOf answers the phase, or why the petition is closed.
func stateOf(p *indent.Petition) string {
	if o := p.State.Status.Outcome; o != "" {
		return string(o)
	}
	return string(p.Phase())
}

func titles(list []indent.Resource) string {
	var all []string
	for _, r := range list {
		all = append(all, r.Title())
	}
	return strings.Join(all, ", ")
}

func (t *terminal) petitionShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show all of a petition", Args: exactly(1, "the NAME of a petition"),
		Long:    "Show all of a petition: what is asked, by whom, why, with what, its digest, what policy says, and its history.\n\n" + petitionNameHelp,
		Example: "indent petition show aec1b116-42b3-11ee-824e-42010aac000d",
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := t.client()
			if err != nil {
				return err
			}
			name, err := petitionName(cmd.Context(), c, args[0], indent.PhaseOpen)
			if err != nil {
				return err
			}
			p, err := c.Petition(cmd.Context(), name)
			if err != nil {
				return err
			}
			return t.printPetition(c, p)
		},
	}
}

func (t *terminal) printPetition(c *indent.Client, p *indent.Petition) error {
	if t.json {
		return t.printJSON(p)
	}
	_, err := fmt.Fprint(t.out, describe(c, p))
	return err
}

// describe answers all that is asked and how it stands. Nothing is cut: who reads it may decide on it.
func describe(c *indent.Client, p *indent.Petition) string {
	var b strings.Builder
	line := func(label, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-12s %s\n", label, text)
		}
	}
	line("Petition", plain(p.Ref()))
	line("Page", plain(c.PetitionURL(p.Name)))
	line("State", plain(strings.TrimSpace(stateOf(p)+": "+p.State.Status.Message)))
	for i, r := range p.Petitioners {
		line(label(i, "Petitioner"), describeResource(r))
	}
	if !slices.ContainsFunc(p.Petitioners, func(r indent.Resource) bool { return r.ID == p.CreatedBy.ID && r.Kind == p.CreatedBy.Kind }) {
		line("Asked by", describeResource(p.CreatedBy))
	}
	for i, r := range p.Resources {
		line(label(i, "Resource"), describeResource(r))
	}
	line("Reason", prose(p.Reason, strings.Repeat(" ", 13)))
	if !p.StartTime.IsZero() {
		line("Starts", moment(p.StartTime)+" or when it is granted, if that is later")
	}
	if p.DefaultDuration > 0 {
		line("Duration", span(p.DefaultDuration))
	}
	describeParams(p, line)
	describeLabels(p, line)
	line("Digest", plain(p.Digest))
	describeState(p, line)
	for i, e := range p.State.EventHistory {
		line(label(i, "History"), describeEvent(e))
	}
	return b.String()
}

// describeParams shows the parameters; of a change of the policy the diff stands as lines, as it is read.
func describeParams(p *indent.Petition, line func(label, text string)) {
	if p.Params == nil {
		return
	}
	var change map[string]json.RawMessage
	var diff string
	ofPolicy := slices.ContainsFunc(p.Resources, func(r indent.Resource) bool { return r.Kind == "indent/policy" })
	if !ofPolicy || json.Unmarshal(p.Params, &change) != nil || json.Unmarshal(change["diff"], &diff) != nil {
		line("Params", plain(string(p.Params)))
		return
	}
	delete(change, "diff")
	for i, key := range slices.Sorted(maps.Keys(change)) {
		line(label(i, "Params"), plain(key+": "+string(change[key])))
	}
	for i, text := range strings.Split(strings.TrimSuffix(diff, "\n"), "\n") {
		line(label(i, "Diff"), plain(strings.ReplaceAll(text, "\t", "    ")))
	}
}

// describeLabels shows what the rule asked for and what was answered, and what else the petitioner noted.
func describeLabels(p *indent.Petition, line func(label, text string)) {
	asked := map[string]bool{}
	if v := p.State.Verdict; v != nil {
		for i, in := range v.Inputs {
			asked[in.Label] = true
			answer, given := p.Meta.Labels[in.Label]
			if !given || answer == "" {
				answer = "(not given)"
			}
			line(label(i, "Answers"), plain(in.Label+": "+answer))
		}
	}
	first := "Labels"
	for _, key := range sortedKeys(p.Meta.Labels) {
		if !asked[key] && setByPetitioner(key) {
			line(first, plain(key+": "+p.Meta.Labels[key]))
			first = ""
		}
	}
}

// setByPetitioner answers whether a petition's label is the petitioner's to set; the others are the server's.
func setByPetitioner(key string) bool {
	return !strings.HasPrefix(key, "indent.com/") && !strings.HasPrefix(key, "Petition") || key == "indent.com/breakGlass"
}

func describeState(p *indent.Petition, line func(label, text string)) {
	if p.State.Verdict != nil {
		describeVerdict(p, line)
	}
	for i, m := range p.State.Messages {
		line(label(i, "Note"), plain(m.Message))
	}
	if g := p.State.Grant; g != nil {
		end := "until it is revoked"
		if !g.EndTime.IsZero() {
			end = "to " + moment(g.EndTime)
		}
		line("Grant", "from "+moment(g.StartTime)+" "+end)
	}
	for i, a := range p.State.Status.Webhooks {
		line(label(i, "Webhooks"), describeApplication(p, a))
	}
	if p.Phase() == indent.PhaseOpen && !p.Meta.ExpireTime.IsZero() {
		line("Expires", moment(p.Meta.ExpireTime)+" unless it is decided before")
	}
}

// label names the first of several lines.
func label(i int, text string) string {
	if i > 0 {
		return ""
	}
	return text
}

func describeResource(r indent.Resource) string {
	var id []string
	for _, part := range []string{r.Kind, r.ID} {
		if part != "" {
			id = append(id, part)
		}
	}
	text := strings.Join(id, ":")
	// What decides comes first; the name is the petitioner's word and is quoted, so that it cannot pass for the id.
	if r.DisplayName != "" {
		text += " " + strconv.Quote(r.DisplayName)
	}
	if r.Email != "" && r.Email != r.ID {
		text += " <" + r.Email + ">"
	}
	if len(r.AltIDs) > 0 {
		text += " also " + strings.Join(r.AltIDs, ", ")
	}
	for _, key := range sortedKeys(r.Labels) {
		text += " " + key + "=" + r.Labels[key]
	}
	return plain(text)
}

func describeEvent(e indent.Event) string {
	text := moment(e.Timestamp) + " " + e.Event
	if title := e.Actor.Title(); title != "" {
		text += " by " + title
	}
	if away := onBehalfOf(e); away != "" {
		text += " for " + away
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return plain(text)
}

// onBehalfOf answers for whom a deputy made a claim, "" for nobody.
func onBehalfOf(e indent.Event) string { return e.Meta.Labels["indent.com/claim/onBehalfOf"] }

func sortedKeys(m map[string]string) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// duration reads a flag such as 30s or forever.
func duration(cmd *cobra.Command, flag, text string) (time.Duration, error) {
	if text == "forever" {
		return indent.Forever, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return 0, usageError(cmd, "--%s must be a time such as 30s or 1h30m, or forever, not %q: %s", flag, text, spanUnits)
	}
	return d, nil
}
