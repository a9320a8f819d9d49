package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// heldGrant is one person's permission to use one resource, on the wire.
type heldGrant struct {
	Person        approval.Resource  `json:"person" doc:"Who may use it: a petitioner."`
	Resource      approval.Resource  `json:"resource" doc:"What may be used."`
	StartTime     time.Time          `json:"startTime" doc:"When it begins."`
	EndTime       time.Time          `json:"endTime,omitzero" doc:"When it ends; absent: when it is revoked."`
	AccessEndTime time.Time          `json:"accessEndTime,omitzero" doc:"When the person's access to the resource ends: when the last of their grants ends that follow this one without a gap (of more than 20 that follow one another it may be an earlier one's end); absent: never by itself."`
	Petition      string             `json:"petition" doc:"Name of the petition that gave it." format:"uuid"`
	Phase         approval.Phase     `json:"phase" enum:"granted,revoked,closed" doc:"The petition's phase now."`
	Reason        string             `json:"reason" doc:"Why, in the petitioner's words."`
	Rule          string             `json:"rule" doc:"The rule that the petition came under."`
	Decision      *approval.Decision `json:"decision,omitempty" doc:"The claim that decided; absent when a rule granted it or its time is up."`
	Webhooks      []application      `json:"webhooks,omitempty" doc:"What webhooks were told of it: what is pending or failed is granted, and the system that has it has not given it. Absent where no webhook applies it, and in a list of another time."`
}

func grantOf(a *approval.Access) heldGrant {
	out := heldGrant{Person: a.Person, Resource: a.Resource, StartTime: a.Lease.StartTime, EndTime: a.Lease.EndTime, AccessEndTime: a.Until,
		Petition: a.Petition.Name, Phase: a.Petition.Phase, Reason: a.Petition.Reason, Rule: a.Petition.Verdict.Rule, Decision: a.Petition.Decision}
	for i := range a.Told {
		out.Webhooks = append(out.Webhooks, applicationOf(&a.Told[i]))
	}
	return out
}

type listGrantsIn struct {
	PageSize  int       `query:"pageSize" minimum:"1" maximum:"200" doc:"How many at most; the default is 50. A page may be shorter."`
	PageToken string    `query:"pageToken" maxLength:"3000" doc:"nextPageToken of the answer before; the other parameters must be the same."`
	Person    string    `query:"person" maxLength:"1024" doc:"Only what this person has, by whatever address or id the space knows it; me is the caller." example:"ada@acmecorp.example"`
	Resource  string    `query:"resource" maxLength:"1024" doc:"Only who has this: any of its ids, in whatever case, or its name in the directory." example:"production"`
	At        time.Time `query:"at" doc:"What held, or will hold, at this time (RFC 3339); the default is now. The pages of one list need the same time: give it, or take what has ended meanwhile as it is."`
	Upcoming  bool      `query:"upcoming" doc:"Also what begins later."`
}

type grantList struct {
	Grants []heldGrant `json:"grants"`
	NextPage
}

func (a *API) listGrants(ctx context.Context, actor approval.Actor, in listGrantsIn) (*grantList, error) {
	q := approval.AccessQuery{Person: in.Person, Resource: in.Resource, At: in.At, Coming: in.Upcoming,
		Page: approval.PageRequest{Size: in.PageSize, Token: in.PageToken}}
	if in.Person == "me" {
		q.Person = actor.ID
	}
	page, err := a.Service.Grants(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	out := &grantList{Grants: make([]heldGrant, len(page.Items)), NextPage: NextPage{page.Next}}
	for i := range page.Items {
		out.Grants[i] = grantOf(&page.Items[i])
	}
	return out, nil
}

type revokeGrantsIn struct{ Body revokeGrantsBody }

type revokeGrantsBody struct {
	Person    string `json:"person,omitempty" maxLength:"1024" doc:"Revoke what this person has, by whatever address or id the space knows it." example:"ada@acmecorp.example"`
	Resource  string `json:"resource,omitempty" maxLength:"1024" doc:"Revoke what anybody has of this: any of its ids, in whatever case, or its name in the directory. With person: what that person has of it." example:"production"`
	Reason    string `json:"reason,omitempty" maxLength:"4000" doc:"Why, for the log." example:"Ada has left"`
	Preview   bool   `json:"preview,omitempty" doc:"Answer what would be revoked, and change nothing."`
	PageSize  int    `json:"pageSize,omitempty" minimum:"0" maximum:"200" doc:"How many grants to look at in this call; the default is 50."`
	PageToken string `json:"pageToken,omitempty" maxLength:"3000" doc:"nextPageToken of the answer before."`
}

// revokedGrant is one petition that was revoked as a whole, or would be.
type revokedGrant struct {
	Petition    string              `json:"petition" doc:"Name of the petition." format:"uuid"`
	Petitioners []approval.Resource `json:"petitioners" doc:"Who loses what it gave: all of them."`
	Resources   []approval.Resource `json:"resources" doc:"What they lose, unless another grant keeps it."`
	EndTime     time.Time           `json:"endTime,omitzero" doc:"When the grant ends, or would have ended in a preview; absent: never by itself."`
	Refused     string              `json:"refused,omitempty" doc:"Why it was not revoked, or would not be; absent when it was, or would be."`
	Failed      bool                `json:"failed,omitzero" doc:"It could not be revoked now, for what refused says, and is no question of rights: the same call again may. Absent otherwise."`
}

type revokedGrantList struct {
	Preview   bool           `json:"preview" doc:"Nothing was changed."`
	Petitions []revokedGrant `json:"petitions"`
	NextPage
}

func (a *API) revokeGrants(ctx context.Context, actor approval.Actor, in revokeGrantsIn) (*revokedGrantList, error) {
	b := in.Body
	page, err := a.Service.RevokeGrants(ctx, actor, approval.RevokeGrants{Person: b.Person, Resource: b.Resource, Reason: b.Reason, Preview: b.Preview,
		Page: approval.PageRequest{Size: b.PageSize, Token: b.PageToken}})
	if err != nil {
		return nil, err
	}
	out := &revokedGrantList{Preview: b.Preview, Petitions: make([]revokedGrant, len(page.Items)), NextPage: NextPage{page.Next}}
	for i, r := range page.Items {
		out.Petitions[i] = revokedGrant{Petition: r.Petition.Name, Petitioners: r.Petition.Petitioners, Resources: r.Petition.Resources, Refused: r.Refused, Failed: r.Failed}
		if r.Petition.Grant != nil {
			out.Petitions[i].EndTime = r.Petition.Grant.EndTime
		}
	}
	return out, nil
}
