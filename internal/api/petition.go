package api

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// petition is a petition on the wire.
type petition struct {
	Name            string              `json:"name" doc:"UUID, made by the server." format:"uuid"`
	SpaceName       string              `json:"spaceName" doc:"The space that it belongs to." example:"acmecorp"`
	Meta            approval.Meta       `json:"meta" doc:"expireTime is when it expires undecided; startTime and endTime are the grant's."`
	Petitioners     []approval.Resource `json:"petitioners" doc:"Who will be allowed."`
	Resources       []approval.Resource `json:"resources" doc:"What they will be allowed."`
	DefaultDuration string              `json:"defaultDuration,omitempty" doc:"How long was asked for, a protobuf-JSON duration; absent when policy's default was." example:"3600s"`
	StartTime       time.Time           `json:"startTime,omitzero" doc:"When the grant was asked to begin; absent when at once."`
	Reason          string              `json:"reason" doc:"Why, in the petitioner's words."`
	Params          jsontext.Value      `json:"params,omitempty" doc:"What the action will be done with, as canonical JSON (RFC 8785); only when it was sent."`
	Digest          string              `json:"digest" doc:"SHA-256 over all that is asked; a claim may name it and is refused if it differs." pattern:"^sha256:[0-9a-f]{64}$"`
	CreatedBy       approval.Resource   `json:"createdBy" doc:"The caller that made it."`
	State           petitionState       `json:"state"`
}

type petitionState struct {
	Status       petitionStatus     `json:"status"`
	Verdict      petitionVerdict    `json:"verdict"`
	Decision     *approval.Decision `json:"decision,omitempty" doc:"The claim that decided; absent while open and when time or a rule decided."`
	Grant        *approval.Grant    `json:"grant,omitempty" doc:"The time-bound permission, once granted; without endTime it lasts until it is revoked."`
	Progress     *approval.Progress `json:"progress,omitempty" doc:"The stage that the petition is in; absent where there is one stage that time does not change."`
	Review       *approval.Review   `json:"review,omitempty" doc:"What follows a grant that broke the glass; absent everywhere else."`
	Claims       []approval.Event   `json:"claims" doc:"All claims, oldest first."`
	EventHistory []approval.Event   `json:"eventHistory" doc:"All events of the petition, oldest first; filled with full=true."`
	Deputies     []petitionDeputy   `json:"deputies,omitempty" doc:"Who may approve it now on behalf of somebody who is away; filled with full=true in the answer to one petition, and absent where nobody may."`
	Messages     []petitionMessage  `json:"messages" doc:"What who asks should know; nearly always empty."`
}

type petitionStatus struct {
	Phase   approval.Phase   `json:"phase" enum:"open,granted,revoked,closed"`
	Outcome approval.Outcome `json:"outcome,omitempty" enum:"denied,withdrawn,expired,revoked,ended" doc:"Why it is closed; absent otherwise."`
	Message string           `json:"message" doc:"One sentence for people."`
	// Webhooks is filled where one petition is asked for.
	Webhooks []application `json:"webhooks,omitempty" doc:"What webhooks were told of the grant, one for each webhook, person and resource; only in the answer to GET of the petition, and absent where no webhook applies it."`
}

func petitionOf(p *approval.Petition, history []approval.Event) *petition {
	out := &petition{Name: p.Name, SpaceName: p.Space, Petitioners: p.Petitioners, Resources: p.Resources, Reason: p.Reason,
		Params: jsontext.Value(p.Params), Digest: p.Digest, CreatedBy: p.CreatedBy, StartTime: p.StartTime}
	out.Meta = approval.Meta{Name: p.Name, Space: p.Space, DisplayName: p.DisplayName, Labels: p.Labels,
		CreateTime: p.CreateTime, UpdateTime: p.UpdateTime, ExpireTime: p.ExpireTime}
	if p.Duration > 0 {
		out.DefaultDuration = durationText(p.Duration)
	}
	if p.Grant != nil {
		out.Meta.StartTime, out.Meta.EndTime = p.Grant.StartTime, p.Grant.EndTime
	}
	out.State = petitionState{
		Status: petitionStatus{Phase: p.Phase, Message: sentence(p)}, Verdict: verdictOf(&p.Verdict),
		Decision: p.Decision, Grant: p.Grant, Progress: p.Progress, Review: p.Review, Claims: p.Claims, EventHistory: history,
	}
	if stuck := p.StuckNow(); stuck != "" {
		out.State.Messages = []petitionMessage{{Code: "unsatisfiable", Message: stuck}}
	}
	if p.Phase == approval.Closed {
		out.State.Status.Outcome = p.Outcome
	}
	return out
}

// sentence answers where the petition stands, for people.
func sentence(p *approval.Petition) string {
	text := "The petition " + strings.Replace(p.Status(), "was already ", "was ", 1)
	if p.Phase == approval.Open {
		text += ": " + strings.Join(p.Waits(), "; ")
		if stuck := p.StuckNow(); stuck != "" {
			text += "; it cannot be approved as things stand: " + stuck
		}
	}
	if p.Phase == approval.Revoked && p.Grant != nil && p.Grant.Webhooks {
		text += ", and a webhook has not yet taken the access away"
	}
	return text + "."
}

type listPetitionsIn struct {
	pageIn
	Phase         string `query:"phase" doc:"Only petitions in these phases, separated by commas." example:"open"`
	Search        string `query:"search" maxLength:"200" doc:"Only petitions that have all these words."`
	LabelSelector string `query:"labelSelector" maxLength:"2000" doc:"Only petitions whose labels match (Kubernetes syntax)." example:"team=payments"`
	Reviewer      string `query:"reviewer" enum:"me" doc:"me: only petitions that wait for the caller's own decision. A page may then be shorter than asked."`
	Petitioner    string `query:"petitioner" doc:"Only petitions that this id asked for or made; me is the caller."`
	Full          bool   `query:"full" doc:"Fill state.eventHistory."`
}

type petitionList struct {
	Petitions []*petition `json:"petitions"`
	NextPage
}

func (a *API) listPetitions(ctx context.Context, actor approval.Actor, in listPetitionsIn) (*petitionList, error) {
	q := approval.PetitionQuery{Petitioner: in.Petitioner, Page: in.request()}
	if in.Petitioner == "me" {
		q.Petitioner = actor.ID
	}
	if in.Phase != "" {
		for phase := range strings.SplitSeq(in.Phase, ",") {
			q.Phases = append(q.Phases, approval.Phase(strings.TrimSpace(phase)))
		}
	}
	var err error
	if q.Words, err = searchWords(in.Search); err != nil {
		return nil, err
	}
	if q.Selector, err = approval.ParseSelector("labelSelector", in.LabelSelector); err != nil {
		return nil, err
	}
	page, err := a.Service.Petitions(ctx, actor, q, in.Reviewer == "me")
	if err != nil {
		return nil, err
	}
	out := &petitionList{Petitions: make([]*petition, len(page.Items)), NextPage: NextPage{page.Next}}
	for i, p := range page.Items {
		if out.Petitions[i], err = a.withHistory(ctx, actor, &p, in.Full); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// withHistory is not inlined: it must not lie on the stack of who is parked.
//
//go:noinline
func (a *API) withHistory(ctx context.Context, actor approval.Actor, p *approval.Petition, full bool) (*petition, error) {
	if !full {
		return petitionOf(p, nil), nil
	}
	history, err := a.Service.History(ctx, actor, p.Name)
	if err != nil {
		return nil, err
	}
	return petitionOf(p, history), nil
}

type createPetitionIn struct {
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"1 to 200 visible ASCII characters: the same key and body answer the same petition."`
	Body createPetitionBody
}

type createPetitionBody struct {
	Petition          petitionInput `json:"petition"`
	WaitForReviewable bool          `json:"waitForReviewable,omitempty" doc:"Accepted for existing clients: the answer is always reviewable."`
}

type createdPetition struct {
	Body     *petition
	Replayed string `header:"Idempotency-Replayed" enum:"true" doc:"true when the key had made this petition before."`
}

func (a *API) createPetition(ctx context.Context, actor approval.Actor, in createPetitionIn) (*createdPetition, error) {
	asked, err := in.Body.Petition.asked()
	if err != nil {
		return nil, err
	}
	p, replayed, err := a.Service.CreatePetition(ctx, actor, asked, in.Key)
	if err != nil {
		return nil, err
	}
	out := &createdPetition{Body: petitionOf(&p, nil)}
	if replayed {
		out.Replayed = "true"
		return out, nil
	}
	a.metrics.created.WithLabelValues(string(p.Phase)).Inc()
	return out, nil
}

type getPetitionIn struct {
	Name string        `path:"name" doc:"The petition's name, a UUID."`
	Wait time.Duration `query:"wait" example:"30s" doc:"Wait at most this long, a Go duration up to 60s, while the petition is open; the answer comes the moment it is decided."`
	Full *bool         `query:"full" doc:"Fill state.eventHistory; the default is true, with wait false."`
}

// parks answers whether the request may be held, see [exchange.hold].
func (in *getPetitionIn) parks() bool { return in.Wait > 0 && in.Wait <= approval.MaxWait }

// full answers whether the answer has the petition's history.
func (in *getPetitionIn) full() bool {
	if in.Full != nil {
		return *in.Full
	}
	return in.Wait == 0
}

// getPetition is the endpoint that can be waited at.
func getPetition() endpoint {
	e := endpoint{in: reflect.TypeFor[getPetitionIn](), out: reflect.TypeFor[*petition]()}
	e.plan = planOf(e.in)
	e.call = func(x *exchange) (any, error) {
		in := new(getPetitionIn)
		if err := x.decode(e.plan, in); err != nil {
			return nil, err
		}
		return x.awaitPetition(in)
	}
	return e
}

// answerOf answers an error without an output, whose type would not be nil.
func (x *exchange) answerOf(p *approval.Petition, in *getPetitionIn) (any, error) {
	out, err := x.withHistory(x.r.Context(), x.actor, p, in.full())
	if err != nil {
		return nil, err
	}
	if err := x.withApplications(x.r.Context(), x.actor, p, out); err != nil {
		return nil, err
	}
	if in.full() {
		out.State.Deputies, err = x.deputies(x.r.Context(), x.actor, p)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

type replacePetitionIn struct {
	Name string `path:"name" doc:"The name of the petition to replace."`
	Body replacePetitionBody
}

type replacePetitionBody struct {
	Petition petitionInput `json:"petition"`
}

func (a *API) replacePetition(ctx context.Context, actor approval.Actor, in replacePetitionIn) (*petition, error) {
	asked, err := in.Body.Petition.asked()
	if err != nil {
		return nil, err
	}
	for _, key := range []string{approval.LabelReplaces, approval.LabelReplacedBy} {
		delete(asked.Labels, key) // a copy of the old one has them; they are the server's to set
	}
	p, err := a.Service.ReplacePetition(ctx, actor, in.Name, asked)
	if err != nil {
		return nil, err
	}
	return petitionOf(&p, nil), nil
}

type petitionNameIn struct {
	Name string `path:"name" doc:"The petition's name, a UUID."`
}

func (a *API) withdrawPetition(ctx context.Context, actor approval.Actor, in petitionNameIn) (*petition, error) {
	p, err := a.Service.WithdrawPetition(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	return petitionOf(&p, nil), nil
}

// searchWords answers the words to search for. Text without a single word would find everything, so it is refused.
func searchWords(text string) ([]string, error) {
	words := approval.SearchWords(text)
	if text != "" && len(words) == 0 {
		return nil, approval.FieldError("search", "has no letter or digit: search for words")
	}
	return slices.Clip(words), nil
}
