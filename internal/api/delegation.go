package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// delegation is a delegation on the wire.
type delegation struct {
	From         string            `json:"from" doc:"Who is away." example:"ada@acmecorp.example"`
	To           string            `json:"to" doc:"The deputy." example:"bob@acmecorp.example"`
	StartTime    time.Time         `json:"startTime"`
	EndTime      time.Time         `json:"endTime" doc:"When it is over, if nobody ends it before."`
	State        string            `json:"state" enum:"coming,active,over,ended" doc:"over: its time was up. ended: somebody ended it before."`
	Reason       string            `json:"reason,omitzero"`
	EndedTime    time.Time         `json:"endedTime,omitzero" doc:"When somebody has ended it before its time."`
	EndedBy      string            `json:"endedBy,omitzero"`
	LastUsedTime time.Time         `json:"lastUsedTime,omitzero" doc:"When the deputy last decided by it."`
	Meta         approval.Meta     `json:"meta" doc:"name ends it."`
	CreatedBy    approval.Resource `json:"createdBy"`
}

func (a *API) delegationOf(d approval.Delegation) delegation {
	return delegation{From: d.From, To: d.To, StartTime: d.StartTime, EndTime: d.EndTime, State: d.State(a.Service.Clock.Now()), Reason: d.Reason,
		EndedTime: d.RevokeTime, EndedBy: d.RevokedBy, LastUsedTime: d.LastUseTime, CreatedBy: approval.Resource{ID: d.CreatedBy},
		Meta: approval.Meta{Name: d.Name, Space: d.Space, CreateTime: d.CreateTime}}
}

// petitionDeputy is somebody who may approve a petition now for somebody who is away.
type petitionDeputy struct {
	Member       approval.Resource `json:"member" doc:"The deputy."`
	Away         approval.Resource `json:"away" doc:"Who is away. The two give one vote together."`
	EndTime      time.Time         `json:"endTime" doc:"When the delegation is over."`
	Requirements []int             `json:"requirements" doc:"The places in verdict.requirements (of a broken glass, of its review) that an approval counts for."`
}

// deputies answers who may approve the petition for somebody else. It is not inlined: it must not lie on the stack of who is parked.
//
//go:noinline
func (a *API) deputies(ctx context.Context, actor approval.Actor, p *approval.Petition) (out []petitionDeputy, err error) {
	list, err := a.Service.Deputies(ctx, actor, *p)
	for _, d := range list {
		out = append(out, petitionDeputy{d.Member, d.For, d.Delegation.EndTime, d.Requirements})
	}
	return out, err
}

type delegationList struct {
	Delegations []delegation `json:"delegations"`
	NextPage
}

func (a *API) listDelegations(ctx context.Context, actor approval.Actor, in wholeIn) (*delegationList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Delegations(ctx, actor)
	if err != nil {
		return nil, err
	}
	out := &delegationList{Delegations: []delegation{}}
	for _, d := range found {
		out.Delegations = append(out.Delegations, a.delegationOf(d))
	}
	return out, nil
}

type createDelegationIn struct {
	Body createDelegationBody
}

type createDelegationBody struct {
	To        string    `json:"to" maxLength:"320" doc:"The deputy: the address of a person of the space." example:"bob@acmecorp.example"`
	From      string    `json:"from,omitempty" maxLength:"320" doc:"Who is away; the caller by default. Another takes an owner, who is not the deputy."`
	StartTime time.Time `json:"startTime,omitzero" doc:"When it begins; now by default. At most a year ahead."`
	EndTime   time.Time `json:"endTime" doc:"When it is over, at most 90 days behind the start."`
	Reason    string    `json:"reason,omitempty" maxLength:"4000"`
}

func (a *API) createDelegation(ctx context.Context, actor approval.Actor, in createDelegationIn) (*delegation, error) {
	b := in.Body
	d, err := a.Service.CreateDelegation(ctx, actor, approval.NewDelegation{From: b.From, To: b.To, StartTime: b.StartTime, EndTime: b.EndTime, Reason: b.Reason})
	if err != nil {
		return nil, err
	}
	out := a.delegationOf(d)
	return &out, nil
}

type delegationIn struct {
	Name string `path:"name" doc:"The delegation's meta.name, a UUID."`
}

func (a *API) getDelegation(ctx context.Context, actor approval.Actor, in delegationIn) (*delegation, error) {
	d, err := a.Service.Delegation(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	out := a.delegationOf(d)
	return &out, nil
}

func (a *API) endDelegation(ctx context.Context, actor approval.Actor, in delegationIn) (empty, error) {
	return empty{}, a.Service.EndDelegation(ctx, actor, in.Name)
}
