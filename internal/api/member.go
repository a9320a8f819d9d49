package api

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// member is a member of a space on the wire.
type member struct {
	ID          string            `json:"id" doc:"Address of a person, id of a service account." example:"ada@acmecorp.example"`
	Kind        string            `json:"kind" enum:"user,serviceAccount"`
	Email       string            `json:"email,omitzero"`
	DisplayName string            `json:"displayName,omitzero"`
	Role        approval.Role     `json:"role" enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Suspended   bool              `json:"suspended" doc:"Gets in nowhere and counts nowhere."`
	Owner       string            `json:"owner,omitzero" doc:"Who a service account belongs to."`
	Meta        approval.Meta     `json:"meta"`
	CreatedBy   approval.Resource `json:"createdBy"`
}

func memberOf(m approval.Member) *member {
	out := &member{ID: m.ID, Kind: m.Kind, Email: m.Email, DisplayName: m.DisplayName, Role: m.Role, Suspended: m.Suspended,
		CreatedBy: approval.Resource{ID: m.CreatedBy}, Meta: approval.Meta{Name: m.ID, Space: m.Space, DisplayName: m.DisplayName, CreateTime: m.CreateTime}}
	if m.Kind == approval.KindServiceAccount {
		out.Owner = m.Person
	}
	return out
}

type listMembersIn struct {
	wholeIn
	Kind string `query:"kind" enum:"user,serviceAccount" doc:"Only members of this kind."`
}

type memberList struct {
	Members []member `json:"members"`
	NextPage
}

func (a *API) listMembers(ctx context.Context, actor approval.Actor, in listMembersIn) (*memberList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Members(ctx, actor, in.Kind)
	if err != nil {
		return nil, err
	}
	out := &memberList{Members: []member{}}
	for _, m := range found {
		out.Members = append(out.Members, *memberOf(m))
	}
	return out, nil
}

type memberIn struct {
	Member string `path:"member" doc:"Address of a person, or id of a service account."`
}

func (a *API) getMember(ctx context.Context, actor approval.Actor, in memberIn) (*member, error) {
	m, err := a.Service.Member(ctx, actor, in.Member)
	if err != nil {
		return nil, err
	}
	return memberOf(m), nil
}

type putMemberIn struct {
	Member string `path:"member" doc:"Address of a person."`
	Body   putMemberBody
}

type putMemberBody struct {
	Member memberChange `json:"member"`
}

// memberChange says what changes; what is left out stays.
type memberChange struct {
	Role        *approval.Role `json:"role,omitzero" enum:"Viewer,Auditor,Petition Admin,Editor,Owner" doc:"At most what the caller's own credential covers. A new member is a Viewer unless it says otherwise."`
	DisplayName *string        `json:"displayName,omitzero" maxLength:"500"`
	Suspended   *bool          `json:"suspended,omitzero" doc:"true ends every token, session and link of the member at once."`

	ID        ignored `json:"id,omitzero"`
	Kind      ignored `json:"kind,omitzero"`
	Email     ignored `json:"email,omitzero"`
	Owner     ignored `json:"owner,omitzero"`
	Meta      ignored `json:"meta,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
}

func (a *API) putMember(ctx context.Context, actor approval.Actor, in putMemberIn) (*member, error) {
	asked := in.Body.Member
	m, err := a.Service.ChangeMember(ctx, actor, in.Member, approval.MemberChange{Role: asked.Role, DisplayName: asked.DisplayName, Suspended: asked.Suspended})
	if err != nil {
		return nil, inFields(err, map[string]string{"role": "member.role", "displayName": "member.displayName", "email": "member"})
	}
	return memberOf(m), nil
}

func (a *API) deleteMember(ctx context.Context, actor approval.Actor, in memberIn) (empty, error) {
	return empty{}, a.Service.RemoveMember(ctx, actor, in.Member)
}

func (a *API) liftBreakGlass(ctx context.Context, actor approval.Actor, in memberIn) (empty, error) {
	return empty{}, a.Service.RestoreBreakGlass(ctx, actor, in.Member, "")
}

// identityJSON is an identity of a member on the wire.
type identityJSON struct {
	Identity  string            `json:"identity" example:"slack:T01/U024BE7LH"`
	Member    string            `json:"member" example:"ada@acmecorp.example"`
	Meta      approval.Meta     `json:"meta"`
	CreatedBy approval.Resource `json:"createdBy"`
}

func identityOf(i approval.Identity) *identityJSON {
	return &identityJSON{i.Identity, i.Member, approval.Meta{Space: i.Space, CreateTime: i.CreateTime}, approval.Resource{ID: i.CreatedBy}}
}

type listIdentitiesIn struct {
	wholeIn
	Member string `path:"member" doc:"Address of a person."`
}

type identityList struct {
	Identities []identityJSON `json:"identities"`
	NextPage
}

func (a *API) listIdentities(ctx context.Context, actor approval.Actor, in listIdentitiesIn) (*identityList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, err := a.Service.Identities(ctx, actor, in.Member)
	if err != nil {
		return nil, err
	}
	out := &identityList{Identities: []identityJSON{}}
	for _, i := range found {
		out.Identities = append(out.Identities, *identityOf(i))
	}
	return out, nil
}

type createIdentityIn struct {
	Member string `path:"member" doc:"Address of a person."`
	Body   identityBody
}

type identityBody struct {
	Identity string `json:"identity" maxLength:"1024" doc:"An address, or a system's name, a colon and the id there." example:"slack:T01/U024BE7LH"`
}

func (a *API) createIdentity(ctx context.Context, actor approval.Actor, in createIdentityIn) (*identityJSON, error) {
	i, err := a.Service.LinkIdentity(ctx, actor, in.Member, in.Body.Identity)
	if err != nil {
		return nil, err
	}
	return identityOf(i), nil
}

type identityIn struct {
	Member   string `path:"member" doc:"Address of a person."`
	Identity string `path:"identity" doc:"The identity, percent-encoded as one segment."`
}

func (a *API) deleteIdentity(ctx context.Context, actor approval.Actor, in identityIn) (empty, error) {
	return empty{}, a.Service.UnlinkIdentity(ctx, actor, in.Member, in.Identity)
}
