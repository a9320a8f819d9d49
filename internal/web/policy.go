package web

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// mostVersionsShown is how many versions the page lists; the others are behind a link.
const mostVersionsShown = 20

// rulesView is the rule document that holds, and its history.
type rulesView struct {
	Document ruleText // version 0: the space has none
	History  []approval.PolicyDocument
	More     string // the address of older ones
	// Open are petitions for another policy that wait.
	Open     []approval.Petition
	Stuck    approval.StuckNow
	MayWrite bool
	Try      tryView
	Entry    entry // of a rollback that was refused
}

// ruleText is a version with its lines.
type ruleText struct {
	approval.PolicyDocument
	Lines []ruleLine
}

// ruleLine is one line of a document, and what is wrong in it.
type ruleLine struct {
	Number   int
	Text     string
	Findings []approval.Finding
}

// linesOf answers the lines of a text, each with what was found in it. What is about the whole stands at none.
func linesOf(text string, findings []approval.Finding) []ruleLine {
	at := map[int][]approval.Finding{}
	for _, f := range findings {
		at[f.Line] = append(at[f.Line], f)
	}
	var lines []ruleLine
	for i, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n") {
		lines = append(lines, ruleLine{i + 1, line, at[i+1]})
	}
	return lines
}

// diffLine is one line of a diff.
type diffLine struct {
	Kind string // "add", "del", "at" or ""
	Text string
}

func diffOf(diff string) (lines []diffLine) {
	if diff == "" {
		return nil
	}
	kinds := map[byte]string{'+': "add", '-': "del", '@': "at"}
	for line := range strings.SplitSeq(strings.TrimSuffix(diff, "\n"), "\n") {
		d := diffLine{Text: line}
		if line != "" {
			d.Kind = kinds[line[0]]
		}
		lines = append(lines, d)
	}
	return lines
}

func (w *Web) showPolicy(r *http.Request, v visitor) (answer, error) {
	return w.policyPage(r, v, http.StatusOK, func(*rulesView) {})
}

func (w *Web) policyPage(r *http.Request, v visitor, status int, fill func(*rulesView)) (answer, error) {
	view := rulesView{MayWrite: v.Can(approval.WritePolicy)}
	d, err := w.policyNow(r, v)
	if err != nil {
		return answer{}, err
	}
	view.Document = ruleText{d, linesOf(d.Text, nil)}
	history, err := w.Service.PolicyVersions(r.Context(), v.Actor, approval.PageRequest{Size: mostVersionsShown, Token: r.URL.Query().Get("page")})
	if err != nil {
		return answer{}, err
	}
	if view.History = history.Items; history.Next != "" {
		view.More = "/policy?page=" + url.QueryEscape(history.Next) + "#history"
	}
	if view.Open, err = w.openProposals(r, v); err != nil {
		return answer{}, err
	}
	if view.Stuck, err = w.stuckNow(r.Context(), v); err != nil {
		return answer{}, err
	}
	view.Try.MayAs = v.Can(approval.ReadMembers)
	fill(&view)
	return answer{status: status, page: "policy", title: "Policy", data: view}, nil
}

// policyNow answers the document that holds, version 0 for none.
func (w *Web) policyNow(r *http.Request, v visitor) (approval.PolicyDocument, error) {
	d, err := w.Service.CurrentPolicy(r.Context(), v.Actor)
	if approval.CodeOf(err) == approval.NotFound {
		return approval.PolicyDocument{Space: v.Space}, nil
	}
	return d, err
}

// openProposals answers the petitions for another policy that wait.
func (w *Web) openProposals(r *http.Request, v visitor) ([]approval.Petition, error) {
	if !v.Can(approval.ReadPetitions) {
		return nil, nil
	}
	q := approval.PetitionQuery{Phases: []approval.Phase{approval.Open}, Selector: approval.Selector{{Key: approval.LabelPolicyBase, Operator: approval.Exists}}}
	page, err := w.Service.Petitions(r.Context(), v.Actor, q, false)
	return page.Items, err
}

// policyVersionView is an old version beside another one, or what a petition asks for.
type policyVersionView struct {
	Document ruleText
	Petition string // of a proposal: the petition for it
	From     int64
	Diff     []diffLine
	Newest   int64
	MayWrite bool
}

func (w *Web) showPolicyVersion(r *http.Request, v visitor) (answer, error) {
	version, err := strconv.ParseInt(r.PathValue("version"), 10, 64)
	if err != nil {
		return answer{}, approval.Errorf(approval.NotFound, "there is no such version")
	}
	d, err := w.Service.PolicyVersion(r.Context(), v.Actor, version)
	if err != nil {
		return answer{}, err
	}
	from := max(version-1, 1)
	if with := r.URL.Query().Get("with"); with != "" {
		if from, err = strconv.ParseInt(with, 10, 64); err != nil {
			return answer{}, approval.FieldError("with", "must be the number of a version")
		}
	}
	diff, err := w.Service.DiffPolicy(r.Context(), v.Actor, from, version)
	if err != nil {
		return answer{}, err
	}
	now, err := w.policyNow(r, v)
	if err != nil {
		return answer{}, err
	}
	view := policyVersionView{Document: ruleText{d, linesOf(d.Text, nil)}, From: from, Diff: diffOf(diff), Newest: now.Version, MayWrite: v.Can(approval.WritePolicy)}
	return answer{page: "policyversion", title: "Policy, version " + strconv.FormatInt(version, 10), data: view}, nil
}

func (w *Web) showProposal(r *http.Request, v visitor) (answer, error) {
	p, diff, err := w.Service.Proposal(r.Context(), v.Actor, r.PathValue("petition"))
	if err != nil {
		return answer{}, err
	}
	d := approval.PolicyDocument{Space: p.Space, Version: p.Base + 1, Text: p.Text, Digest: p.Digest, CreateTime: p.CreateTime}
	view := policyVersionView{Document: ruleText{d, linesOf(d.Text, nil)}, Petition: p.Petition, From: p.Base, Diff: diffOf(diff)}
	return answer{page: "policyversion", title: "Another policy", data: view}, nil
}

// rollBackPolicy makes an old version hold again.
func (w *Web) rollBackPolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	version, err1 := strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	base, err2 := strconv.ParseInt(r.PostForm.Get("base"), 10, 64)
	if errors.Join(err1, err2) != nil {
		return answer{}, notAButton()
	}
	c, err := w.Service.RollBackPolicy(r.Context(), v.Actor, version, approval.NewPolicy{Reason: r.PostForm.Get("reason"), Expect: base})
	if err == nil {
		return w.policyChanged(c), nil
	}
	status, here := shownOnPage(err)
	if !here {
		return answer{}, err
	}
	return w.policyPage(r, v, status, func(view *rulesView) {
		view.Entry = refusedEntry("rollback-"+r.PostForm.Get("version"), r.PostForm, err, "reason")
	})
}

// policyChanged leads to where the change is to be seen.
func (w *Web) policyChanged(c approval.PolicyChange) answer {
	switch {
	case c.Petition != nil:
		return answer{location: "/access/" + c.Petition.Space + "/" + c.Petition.Name}
	case c.Unchanged:
		return w.done("/policy", "policy-same")
	}
	return w.done("/policy", "policy-applied")
}

// tryView is the form for a petition to try, and what policy says to it.
type tryView struct {
	MayAs  bool
	Entry  entry
	Result *approval.Simulation
	Rules  []triedRule
}

// triedRule is a rule with the parts of its condition as lines.
type triedRule struct {
	approval.RuleTried
	Parts []triedPart
}

type triedPart struct {
	Depth int
	approval.ConditionPart
}

func partsOf(p *approval.ConditionPart, depth int) []triedPart {
	if p == nil {
		return nil
	}
	parts := []triedPart{{min(depth, 6), *p}}
	for i := range p.Parts {
		parts = append(parts, partsOf(&p.Parts[i], depth+1)...)
	}
	return parts
}

var tryFields = []string{"reason", "kind", "id", "more", "params", "labels", "duration", "for", "as", "time"}

// tried reads the form of a petition to try.
func tried(field func(string) string) (q approval.Simulated, err error) {
	n := approval.NewPetition{Reason: field("reason"), Resources: []approval.Resource{{Kind: field("kind"), ID: field("id")}}}
	for _, line := range filled(field("more")) {
		kind, id, ok := strings.Cut(line, ":")
		if !ok || kind == "" || id == "" {
			return q, approval.FieldError("more", "write kind:id on each line, such as database:prod-db, not %q", line)
		}
		n.Resources = append(n.Resources, approval.Resource{Kind: kind, ID: id})
	}
	if n.Labels, err = typedPairs("labels", "ticket=T-1", field("labels")); err != nil {
		return q, err
	}
	for _, email := range filled(strings.ReplaceAll(field("for"), ",", "\n")) {
		n.Petitioners = append(n.Petitioners, approval.Resource{ID: email, Email: email, Kind: approval.KindUser})
	}
	if params := field("params"); params != "" {
		n.Params = approval.RawJSON(params)
	}
	if text := field("duration"); text != "" {
		if n.Duration, err = time.ParseDuration(text); err != nil || n.Duration <= 0 {
			return q, approval.FieldError("duration", "must be a time in hours (h), minutes (m) and seconds (s), such as 48h for two days, 1h30m or 45s")
		}
	}
	q = approval.Simulated{Petition: n, As: field("as")}
	if text := field("time"); text != "" {
		if q.Time, err = time.Parse(time.RFC3339, text); err != nil {
			return q, approval.FieldError("time", "must be a moment such as 2030-01-02T15:04:05Z")
		}
	}
	return q, nil
}

// filled answers the lines of a text that have something.
func filled(text string) (lines []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// typedPairs reads names and values as they are typed: one pair a line, nil when there is none.
func typedPairs(field, such, text string) (pairs map[string]string, err error) {
	for _, line := range filled(text) {
		name, value, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		switch _, twice := pairs[name]; {
		case !ok || name == "":
			return nil, approval.FieldError(field, "must be name=value, one in a line, such as %s; %.100q is not", such, line)
		case twice:
			return nil, approval.FieldError(field, "name %.100q twice", name)
		case pairs == nil:
			pairs = map[string]string{}
		}
		pairs[name] = strings.TrimSpace(value)
	}
	return pairs, nil
}

// pairLines writes names and values as they are typed, one pair a line.
func pairLines(pairs map[string]string) (lines []string) {
	for _, name := range slices.Sorted(maps.Keys(pairs)) {
		lines = append(lines, name+"="+pairs[name])
	}
	return lines
}

// placeInWords writes the end of a path: "[1].id" is line 1's id, ".ticket" the label ticket.
func placeInWords(path string) string {
	if strings.HasPrefix(path, "[") {
		return strings.NewReplacer("[", "line ", "].", ": ", "]", "").Replace(path)
	}
	return strings.TrimPrefix(path, ".")
}

// askedOtherwise moves what is wrong with a petition to the field of the form that it came from, in the words of the form.
func askedOtherwise(err error) error {
	var known *approval.Error
	if !errors.As(err, &known) {
		return err
	}
	moved := *known
	rest := func(prefix string) bool {
		after, ok := strings.CutPrefix(known.Field, prefix)
		if ok && after != "" {
			moved.Message = placeInWords(after) + " " + known.Message
		}
		return ok
	}
	switch {
	case known.Field == "petition.resources[0].kind":
		moved.Field = "kind"
	case strings.HasPrefix(known.Field, "petition.resources[0]"):
		moved.Field = "id"
	case rest("petition.resources"):
		moved.Field = "more"
	case rest("petition.meta.labels"):
		moved.Field = "labels"
	case rest("petition.params"):
		moved.Field = "params"
	case rest("petition.petitioners"):
		moved.Field = "for"
	case known.Field == "petition.defaultDuration":
		moved.Field = "duration"
	default:
		moved.Field = strings.TrimPrefix(known.Field, "petition.")
	}
	return &moved
}

// simulatePolicy shows what policy says to a petition. Nothing is made.
func (w *Web) simulatePolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	f := r.PostForm
	q, err := tried(func(name string) string { return strings.TrimSpace(f.Get(name)) })
	var s approval.Simulation
	if err == nil {
		s, err = w.Service.SimulatePetition(r.Context(), v.Actor, q)
		err = askedOtherwise(err)
	}
	if err != nil {
		status, here := shownOnPage(err)
		if !here {
			return answer{}, err
		}
		return w.policyPage(r, v, status, func(view *rulesView) { view.Try.Entry = refusedEntry("try", f, err, tryFields...) })
	}
	return w.policyPage(r, v, http.StatusOK, func(view *rulesView) {
		view.Try.Entry, view.Try.Result = entry{form: "try", values: f}, &s
		for _, rule := range s.Explanation.Rules {
			view.Try.Rules = append(view.Try.Rules, triedRule{rule, partsOf(rule.Condition, 0)})
		}
	})
}
