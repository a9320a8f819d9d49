package web

import (
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionView is everything about one petition: what is asked, what policy says, what happened, what one may do.
type petitionView struct {
	approval.Petition
	State state
	// Key changes when anything does that others could have caused.
	Key     string
	After   string
	Notice  *notice
	Decide  *decideForm // nil when the visitor may not decide
	Bystand string      // why the visitor may not, while the petition is open
	End     *endForm    // nil when there is nothing to withdraw, give back or take away

	ParamRows  []paramRow
	ParamsFit  bool
	ParamsJSON template.HTML
	Policy     policyView
	History    []historyEntry
	Told       []pairTold // what webhooks were told; nil where none applies it
	ToldKey    string     // changes when that does
	// HistoryFull says that there are more events than the page shows.
	HistoryFull bool
}

// notice is what a refused press of a button says, above the petition as it is now.
type notice struct{ Heading, Text string }

// decideForm is Approve and Deny. Deny by one of those who ask is a withdrawal, and its button says so.
type decideForm struct {
	Digest    string
	Key       string // of the claim: pressing twice is one claim
	Choices   []choice
	Reason    string
	Self      bool
	For       *approval.Away // whom a deputy decides for; nil: the own right is enough
	Withdraws bool
	Ratifies  bool // it is granted already, in an emergency: people answer for it
	// Confirm says that an approval must be confirmed with a passkey; Options are what the browser is asked for, empty
	// where the visitor has no passkey, and Unusable why browsers have none for this server.
	Confirm  bool
	Options  string
	Unusable string
}

// endForm is the button of those who may end a petition without being asked to decide it.
type endForm struct {
	Digest string
	Key    string
	Claim  string // access/deny or access/revoke
	Verb   string
	Means  string
	Reason string
}

// typed is what a refused form had in its fields.
type typed struct{ reason, duration string }

// LongTitle answers whether the heading needs a smaller letter; it is never cut.
func (v petitionView) LongTitle() bool {
	n := 0
	for _, r := range v.Resources {
		n += utf8.RuneCountInString(r.Title())
	}
	return n > 100
}

// showPetition is the page of one petition.
// OnBehalf answers whether somebody asked for others: both are then named wherever who asks is.
func (v petitionView) OnBehalf() bool {
	return !slices.ContainsFunc(v.Petitioners, v.CreatedBy.Same)
}

func (w *Web) showPetition(r *http.Request, v visitor) (answer, error) {
	return w.petitionPage(r, v, nil, typed{})
}

func (w *Web) petitionPage(r *http.Request, v visitor, n *notice, t typed) (answer, error) {
	// The place in the log is read before the petition: the stream tells what comes after it, and nothing may fall between.
	after, err := w.Service.LogEnd(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	p, err := w.petition(r, v)
	if err != nil {
		return answer{}, err
	}
	events, err := w.Service.History(r.Context(), v.Actor, p.Name)
	if err != nil {
		return answer{}, err
	}
	who, err := w.Service.Eligibility(r.Context(), v.Actor, p)
	if err != nil {
		who = approval.Eligibility{Why: err.Error()} // the page says so, and offers nothing
	}
	deputies, err := w.Service.Deputies(r.Context(), v.Actor, p)
	if err != nil {
		return answer{}, err
	}
	view := petitionView{Petition: p, State: stateOf(p), Key: liveKey(p, who), After: after.String(), Notice: n,
		Policy: policyOf(p).with(deputies), History: historyOf(p, events), HistoryFull: len(events) >= approval.MaxPageSize}
	if len(p.Params) > 0 {
		view.ParamRows, view.ParamsFit = paramTable(p.Params)
		view.ParamsJSON = exactJSON(p.Params)
		showDiff(p, view.ParamRows)
	}
	if err := w.addTold(r.Context(), v, &view); err != nil {
		return answer{}, err
	}
	w.addForms(&view, v, who, t)
	if err := w.addConfirm(r, &view, v, who); err != nil {
		return answer{}, err
	}
	return answer{page: "petition", title: p.Title(), data: view}, nil
}

func ofPolicy(p approval.Petition) bool {
	return slices.ContainsFunc(p.Resources, func(r approval.Resource) bool { return r.Kind == approval.KindPolicy })
}

// showDiff makes the diff of a change of the policy stand as what it is. Only the server makes such a petition.
func showDiff(p approval.Petition, rows []paramRow) {
	if !ofPolicy(p) {
		return
	}
	for i, row := range rows {
		if row.Path == "diff" {
			rows[i].Diff = diffOf(row.Value)
		}
	}
}

// NotDone answers why people agreed and nothing came of it, "" for any other end.
func (v petitionView) NotDone() string {
	if v.Outcome != approval.OutcomeDenied || v.Decision != nil || !ofPolicy(v.Petition) || len(v.Claims) == 0 {
		return ""
	}
	return v.Claims[len(v.Claims)-1].Reason
}

// petition loads what the address names. Another space's petition is missing here, in the same words.
func (w *Web) petition(r *http.Request, v visitor) (approval.Petition, error) {
	if r.PathValue("space") != v.Space {
		return approval.Petition{}, approval.Errorf(approval.NotFound, "there is no such petition")
	}
	return w.Service.Petition(r.Context(), v.Actor, r.PathValue("petition"))
}

// addForms offers what the visitor may do. It is an offer only: the use case asks the same questions again.
func (w *Web) addForms(view *petitionView, v visitor, who approval.Eligibility, t typed) {
	p := view.Petition
	mine := p.AskedBy(v.Resource())
	may := who.May() && v.Can(approval.CreateClaims)
	reviews := who.Reviews && v.Can(approval.CreateClaims)
	key := w.Service.IDs.UUID()
	switch {
	case (p.Phase == approval.Open || p.Reviewing()) && may && !p.HasDecidedAs(v.Actor, who):
		view.Decide = &decideForm{Digest: p.Digest, Key: key, Choices: durationChoices(p, t.duration), Reason: t.reason, Self: who.Self, For: who.For(approval.EventApprove), Withdraws: mine, Ratifies: p.Reviewing()}
	case p.Phase == approval.Open:
		view.Bystand = who.Why
		if may {
			view.Bystand = "you have decided; somebody else must decide as well"
		}
		if away := who.For(approval.EventApprove); may && away != nil && !p.HasDecided(v.Actor) {
			view.Bystand = away.Member.ID + ", whose deputy you are, has decided; somebody else must decide as well"
		}
		if reviews && !may && !p.HasDecided(v.Actor) {
			view.End = &endForm{Digest: p.Digest, Key: key, Claim: approval.EventDeny, Verb: "Deny", Means: "A reviewer of a stage that is met may still refuse." + onBehalf(who, approval.EventDeny), Reason: t.reason}
		}
		if mine {
			view.End = &endForm{Digest: p.Digest, Key: key, Claim: approval.EventDeny, Verb: "Withdraw", Means: "The petition closes and nobody can approve it any more.", Reason: t.reason}
		}
	case p.Phase == approval.Granted && (reviews || mine || v.Role.Covers(approval.Editor)) && v.Can(approval.CreateClaims):
		view.End = &endForm{Digest: p.Digest, Key: key, Claim: approval.EventRevoke, Verb: "Revoke", Means: "The grant ends at once." + onBehalf(who, approval.EventRevoke), Reason: t.reason}
		if mine {
			view.End.Verb, view.End.Means = "Give back", "The grant ends at once."
		}
	}
}

// addConfirm adds what the browser is asked for where an approval must be confirmed.
func (w *Web) addConfirm(r *http.Request, view *petitionView, v visitor, who approval.Eligibility) error {
	d := view.Decide
	if d == nil || view.Verdict.ConfirmWith(who.Requirements) == "" {
		return nil
	}
	d.Confirm = true
	if err := w.Passkeys.Usable(); err != nil {
		d.Unusable = err.Error()
		return nil
	}
	options, err := w.Passkeys.Confirming(r.Context(), v.Actor, view.Petition)
	d.Options = string(options)
	return err
}

// liveKey changes whenever the petition, or what the visitor may do with it, does.
func liveKey(p approval.Petition, who approval.Eligibility) string {
	key := fmt.Sprintf("%d-%s-%t", p.Version, p.Phase, who.May())
	if away := who.For(approval.EventApprove); away != nil {
		key += "-" + away.Delegation
	}
	return key
}

// onBehalf says for whom a deputy would make a claim, "" for nobody.
func onBehalf(who approval.Eligibility, event string) string {
	if away := who.For(event); away != nil {
		return " You do so on behalf of " + away.Member.ID + ", who is away."
	}
	return ""
}

// state is where a petition stands, in a word and a colour.
type state struct{ Kind, Word string }

func stateOf(p approval.Petition) state {
	switch {
	case p.Phase == approval.Open:
		return state{"open", "Open"}
	case p.Phase == approval.Granted:
		return state{"granted", "Granted"}
	case p.Outcome == approval.OutcomeDenied:
		return state{"denied", "Denied"}
	case p.Phase == approval.Revoked && p.Grant != nil && p.Grant.Webhooks:
		return state{"open", "Over, not yet taken away"}
	}
	word := string(p.Outcome)
	if word == "" {
		word = string(p.Phase)
	}
	return state{"over", strings.ToUpper(word[:1]) + word[1:]}
}
