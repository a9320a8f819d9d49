package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Members of acmecorp that only the matrix needs.
const (
	theAuditor  = "auditor@acmecorp.example"
	theReviewer = "reviewer@acmecorp.example" // a Viewer whom some petitions name as their reviewer
	theOperator = "operator@acmecorp.example" // a Viewer who operates the server
)

// An Auditor reads everything and changes nothing: whatever is asked for by GET, and these.
var auditorMay = []string{"waitPetitions", "createToken", "deleteToken", "getSpacePolicy", "testPolicy", "replayPolicy", "checkPolicy", "simulatePolicy", "testWebhookPolicy"}

// What is only for whom it belongs to: another Viewer is refused it, and what it is answered.
var onlyOnes = map[string]int{"replacePetition": 403, "withdrawPetition": 403, "deleteToken": 404, "getMember": 403, "listIdentities": 403,
	"getDelegation": 404, "endDelegation": 404}

// another is a column whose expectation depends on the route.
type another struct {
	name, token string
	// prepared answers whom the call is prepared for.
	prepared func(rt route) approval.Actor
	want     func(rt route, e expectation) int
	// reason is why the petition is asked for.
	reason string
}

// checkMore walks the columns beside those of [house.callers]: the same route table, the same rows.
func (h *house) checkMore(t *testing.T) {
	h.identity.Operators = []string{theOperator}
	for _, id := range []string{theAuditor, theReviewer, theOperator} {
		role := approval.Viewer
		if id == theAuditor {
			role = approval.Auditor
		}
		_, err := h.service.PutMember(h.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: id, Role: role})
		h.must(err)
	}
	for _, rt := range routes() {
		row, listed := expectations[rt.id]
		if rt.permission == public || !listed {
			continue
		}
		t.Run(rt.id+" for more", func(t *testing.T) {
			for _, c := range h.others() {
				h.reason = c.reason
				call := row.prepare(h, c.prepared(rt))
				h.reason = ""
				h.checkCell(t, rt, caller{name: c.name, token: c.token}, call, c.want(rt, row))
			}
		})
	}
	h.checkNobodies(t)
}

func (h *house) others() []another {
	auditor := func(rt route) bool { return rt.method == get || slices.Contains(auditorMay, rt.id) }
	viewer := func(_ route, row expectation) int {
		if strings.Contains(row.roles, string(approval.Viewer)) {
			return 200
		}
		return 403
	}
	stranger := func(rt route, row expectation) int {
		if status, has := onlyOnes[rt.id]; has {
			return status
		}
		return viewer(rt, row)
	}
	byViewer := func(route) approval.Actor { return h.actor(theViewer) }
	own := func(route) approval.Actor { return h.actor(theReviewer) }
	return []another{
		{name: "an operator who is a Viewer", token: h.token(theOperator), prepared: func(route) approval.Actor { return h.actor(theOperator) },
			want: func(rt route, row expectation) int {
				if rt.id == "createSpace" {
					return 200
				}
				return viewer(rt, row)
			}},
		{name: "Auditor", token: h.token(theAuditor), prepared: func(rt route) approval.Actor {
			if auditor(rt) {
				return h.actor(theAuditor)
			}
			return h.actor(theOwner)
		}, want: func(rt route, _ expectation) int {
			if auditor(rt) {
				return 200
			}
			return 403
		}},
		{name: "a Viewer, on what is another one's", token: h.token(theReviewer), prepared: byViewer, want: stranger},
		{name: "the reviewer of this petition", token: h.token(theReviewer), prepared: own, reason: "reviewed by " + theReviewer,
			want: func(rt route, row expectation) int {
				if rt.id == "createClaim" || rt.id == "revokeGrants" {
					return 200
				}
				return viewer(rt, row)
			}},
		{name: "the reviewer of another petition", token: h.token(theReviewer), prepared: byViewer, reason: "reviewed by " + theEditor, want: stranger},
		{name: "an Owner, where another one reviews", token: h.token(theOwner), prepared: func(route) approval.Actor { return h.actor(theOwner) }, reason: "reviewed by " + theReviewer,
			want: func(rt route, row expectation) int {
				if rt.id == "createClaim" || !strings.Contains(row.roles, string(approval.Owner)) {
					return 403
				}
				return 200
			}},
	}
}

// checkNobodies drives every route with what stands for nobody, or not for the bearer of a token: 401, whatever is asked.
func (h *house) checkNobodies(t *testing.T) {
	nobodies := h.nobodies()
	for _, rt := range routes() {
		row, listed := expectations[rt.id]
		if rt.permission == public || !listed {
			continue
		}
		t.Run(rt.id+" for nobody", func(t *testing.T) {
			call := row.prepare(h, h.actor(theOwner))
			for name, token := range nobodies {
				h.checkCell(t, rt, caller{name: name, token: token}, call, 401)
			}
		})
	}
}

func (h *house) nobodies() map[string]string {
	h.Helper()
	admin := approval.System("acmecorp", "admin")
	out := map[string]string{"an owner of a deleted space": h.ofADeletedSpace()}
	short, err := h.identity.CreateUserToken(h.Context(), h.actor(theOwner), "short", nil)
	h.must(err)
	h.clock.Advance(time.Hour)
	h.tokens = map[string]string{}
	out["an expired user token"] = short.Secret

	const leaver = "leaver@acmecorp.example"
	_, err = h.service.PutMember(h.Context(), admin, approval.Member{Email: leaver, Role: approval.Owner})
	h.must(err)
	_, err = h.service.CreateServiceAccount(h.Context(), h.actor(leaver), approval.Member{ID: "orphan", Role: approval.Owner})
	h.must(err)
	orphan, err := h.identity.CreateServiceToken(h.Context(), h.actor(leaver), "orphan", "", nil, time.Time{})
	h.must(err)
	exchanged, err := h.identity.Exchange(h.Context(), orphan.Secret)
	h.must(err)
	out["a member who was removed"] = h.token(leaver)
	out["a service token whose owner is gone"], out["and what it was exchanged for"] = orphan.Secret, exchanged.Secret
	h.must(h.service.RemoveMember(h.Context(), h.actor(theOwner), leaver))

	link, err := h.identity.Sessions().CreateLink(h.Context(), admin, theOwner, time.Hour)
	h.must(err)
	session, _, err := h.identity.Sessions().SignIn(h.Context(), link, "test")
	h.must(err)
	h.service.Deps.Passkeys.Roles = []approval.Role{approval.Owner}
	second, err := h.identity.Sessions().CreateLink(h.Context(), admin, theOwner, time.Hour)
	h.must(err)
	half, _, err := h.identity.Sessions().SignIn(h.Context(), second, "test")
	h.must(err)
	h.service.Deps.Passkeys.Roles = nil
	unused, err := h.identity.Sessions().CreateLink(h.Context(), admin, theOwner, time.Hour)
	h.must(err)
	out["a session as a bearer"], out["a sign-in link as a bearer"] = session, unused
	out["a session that still owes its passkey as a bearer"] = half
	out["a token's name as a bearer"] = orphan.Token.Name
	out["a token's hash as a bearer"] = orphan.Token.Hash
	h.clock.Advance(time.Second) // what had ended a moment ago is refused everywhere after a second
	return out
}

func (h *house) ofADeletedSpace() string {
	h.Helper()
	const space, owner = "gonecorp", "owner@gonecorp.example"
	_, err := h.service.CreateSpace(h.Context(), approval.NewSpace{Name: space, Owner: owner, Policy: "for testPolicy"})
	h.must(err)
	m, err := h.service.Store.Member(h.Context(), space, owner)
	h.must(err)
	made, err := h.identity.CreateUserToken(h.Context(), m.Actor("", nil), "", nil)
	h.must(err)
	s, err := h.service.Store.Space(h.Context(), space)
	h.must(err)
	s.DeleteTime = h.clock.Now()
	h.must(h.service.Store.Commit(h.Context(), approval.Change{Space: space, Writes: []approval.Write{approval.PutSpace{Space: s, Expect: s.Version}},
		Events: []approval.Event{{Event: approval.EventSpaceCreate, ID: h.service.IDs.UUID()}}}))
	return made.Secret
}

// onDelegation prepares a delegation whose deputy the actor is.
func onDelegation(h *house, a approval.Actor) cell {
	h.Helper()
	d := approval.Delegation{Space: "acmecorp", Name: h.service.IDs.UUID(), From: h.hired(), To: a.ID, StartTime: h.clock.Now(), EndTime: h.clock.Now().Add(time.Hour)}
	h.must(h.store.Commit(h.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutDelegation{Delegation: d}},
		Events: []approval.Event{{Event: "test/setup", ID: h.service.IDs.UUID()}}}))
	return cell{inSpace + "/delegations/" + d.Name, nil}
}

// policyTag answers the ETag of the policy that holds.
func (h *house) policyTag() string {
	h.Helper()
	d, err := h.service.Store.Policy(h.Context(), "acmecorp")
	h.must(err)
	return etag(d.Version)
}

// proposed makes a petition for another policy, and leaves a policy behind that anybody with the right changes at once.
func (h *house) proposed(space, owner, mark string) string {
	h.Helper()
	var petition string
	for _, text := range []string{"PETITION " + mark, "another " + mark} {
		d, err := h.service.Store.Policy(h.Context(), space)
		h.must(err)
		c, err := h.service.ApplyPolicy(h.Context(), h.actor(owner), approval.NewPolicy{Text: text, Reason: mark, Expect: d.Version})
		h.must(err)
		if c.Petition != nil {
			petition = c.Petition.Name
		}
	}
	d, err := h.service.Store.Policy(h.Context(), space)
	h.must(err)
	d.Version, d.Text = d.Version+1, "for testPolicy "+mark
	h.must(h.service.Store.Commit(h.Context(), approval.Change{Space: space, Writes: []approval.Write{approval.PutPolicy{Document: d}},
		Events: []approval.Event{{Event: "test/setup", ID: h.service.IDs.UUID()}}}))
	return petition
}

// onTrust prepares a trust of a service account of the actor's own.
func onTrust(h *house, a approval.Actor) cell {
	account, maker := h.ownAccount(a)
	trust, err := h.service.CreateTrust(h.Context(), maker, approval.Trust{Account: account, Issuer: "https://ci.example", Audience: "indent", Claims: map[string]string{"sub": "x"}})
	h.must(err)
	return cell{inSpace + "/serviceAccounts/" + account + "/trusts/" + trust.Name, nil}
}

// ownAccount makes a service account of the actor, or of the owner for who may have none, and answers its maker.
func (h *house) ownAccount(a approval.Actor) (id string, maker approval.Actor) {
	h.Helper()
	a.Scopes = nil
	if !a.Can(approval.ManageAccounts) {
		a = h.actor(theOwner)
	}
	m, err := h.service.CreateServiceAccount(h.Context(), a, approval.Member{ID: "bot-" + h.service.IDs.UUID(), Role: approval.Editor})
	h.must(err)
	return m.ID, a
}
