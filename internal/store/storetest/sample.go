package storetest

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Start is when the suite's records begin.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

var made atomic.Int64

// UUID answers a name that no other call in this process answers.
func UUID() string { return fmt.Sprintf("aec1b116-42b3-41ee-824e-%012x", made.Add(1)) }

// NewPetition answers an open petition as a use case makes it.
func NewPetition(space string) approval.Petition {
	n := made.Load()
	bot := approval.Resource{ID: "quickstart", Kind: approval.KindServiceAccount, DisplayName: "Quickstart"}
	return approval.Petition{
		Space: space, Name: UUID(), Version: 1, Phase: approval.Open,
		Petitioners: []approval.Resource{bot}, CreatedBy: bot, Persons: []string{"you@acmecorp.example"},
		Resources: []approval.Resource{{ID: fmt.Sprintf("reset-password:%d", n), Kind: "action",
			DisplayName: fmt.Sprintf("Reset Password (user:%d)", n)}},
		Reason: "to recover the account of a customer who wrote to support",
		Labels: map[string]string{approval.LabelConfigID: "space:" + space},
		Digest: "sha256:0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0",
		Verdict: approval.Verdict{Decision: approval.VerdictReview, Rule: "dev", PolicyVersion: 1, Dev: true,
			Explanation: "any Editor or the owner may review", DecideWithin: 24 * time.Hour, DefaultDuration: time.Hour,
			Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Owner, approval.Editor}},
				Count: 1, SelfApproval: true}}},
		CreateTime: Start, UpdateTime: Start, ExpireTime: Start.Add(24 * time.Hour),
	}
}

// Event answers an event of a petition.
func Event(p approval.Petition, name string, actor approval.Resource) approval.Event {
	return approval.Event{Event: name, ID: UUID(), Timestamp: Start, Actor: actor, Reason: p.Reason,
		Resources: append(append([]approval.Resource{}, p.Petitioners...), p.Resources...),
		Meta: approval.Meta{Space: p.Space, CreateTime: Start, Labels: map[string]string{approval.LabelPetition: p.Name,
			approval.LabelDigest: p.Digest, approval.LabelToken: UUID(), approval.LabelPolicyDev: "true"}}}
}

// Create answers the change that makes the petition, as a use case commits it: idempotency key, petition, timer, event.
func Create(p approval.Petition) approval.Change {
	return approval.Change{Space: p.Space, Events: []approval.Event{Event(p, approval.EventRequest, p.CreatedBy)}, Writes: []approval.Write{
		approval.PutIdempotency{Idempotency: approval.Idempotency{Actor: p.CreatedBy.ID, Key: p.Name,
			Hash: "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0", Petition: p.Name, Time: p.CreateTime}},
		approval.PutPetition{Petition: &p},
		approval.PutJob{Job: approval.Job{Key: "petition/" + p.Space + "/" + p.Name, Kind: approval.JobExpire, Space: p.Space,
			Petition: p.Name, RunTime: p.ExpireTime}},
	}}
}

// Decide answers the petition as granted and the change that makes it so, as a use case commits it.
func Decide(p approval.Petition, reviewer approval.Resource) (approval.Petition, approval.Change) {
	claim := Event(p, approval.EventApprove, reviewer)
	grant := Event(p, approval.EventGrant, reviewer)
	next := p
	next.Version++
	next.Phase = approval.Granted
	next.Claims = []approval.Event{claim}
	next.Decision = &approval.Decision{Claim: claim.Event, Actor: reviewer, Reason: claim.Reason, Timestamp: claim.Timestamp}
	next.Grant = &approval.Grant{StartTime: Start, EndTime: Start.Add(time.Hour)}
	return next, approval.Change{Space: p.Space, Events: []approval.Event{claim, grant}, Writes: []approval.Write{
		approval.PutPetition{Petition: &next, Expect: p.Version, SameLabels: true},
		approval.PutVote{Petition: p.Name, Person: reviewer.ID},
		approval.PutJob{Job: approval.Job{Key: "petition/" + p.Space + "/" + p.Name, Kind: approval.JobEnd, Space: p.Space,
			Petition: p.Name, RunTime: next.Grant.EndTime}},
		approval.PutLeases{Leases: next.Leases()},
	}}
}
