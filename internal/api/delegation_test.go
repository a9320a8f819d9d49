package api

import (
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A deputy stays for weeks, so no token names one: the program of somebody who has signed in does, for themselves or, an owner's,
// for another. What the deputy may do with it, and when it ends, is proved in the centre.
func TestDeputiesAreNamedByWhoHasSignedIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := map[string]any{"to": theViewer, "endTime": h.clock.Now().Add(time.Hour), "reason": "on leave"}
	for name, token := range map[string]string{"a user token": h.token(theEditor), "a login of no session": h.letInToken(theEditor)} {
		h.with(token, post, inSpace+"/delegations", body).refused(403, approval.Forbidden, "")
		if found := h.delegations(); len(found) != 0 {
			t.Fatalf("%s has made %+v", name, found)
		}
	}
	var made delegation
	h.with(h.signedIn(theEditor), post, inSpace+"/delegations", body).ok(&made)
	if made.From != theEditor || made.To != theViewer || made.State != approval.DelegationActive || made.Reason != "on leave" {
		t.Errorf("made %+v", made)
	}
	body["from"] = theAdmin
	h.with(h.signedIn(theOwner), post, inSpace+"/delegations", body).ok(&made)
	if made.From != theAdmin || made.CreatedBy.ID != theOwner || len(h.delegations()) != 2 {
		t.Errorf("made %+v", made)
	}
}

// Whoever reads a petition that waits reads who may decide it for whom until when, and of one that a deputy has decided, for whom.
func TestAPetitionSaysWhichDeputiesMayDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theAdmin)
	until := h.clock.Now().Add(time.Hour)
	h.with(h.signedIn(theEditor), post, inSpace+"/delegations", map[string]any{"to": theViewer, "endTime": until}).ok(nil)
	at := inSpace + "/petitions/" + p.Name
	var got petition
	read := func(address string) petitionState {
		t.Helper()
		got = petition{}
		h.do(theAdmin, get, address, nil).ok(&got)
		return got.State
	}
	if d := read(at).Deputies; len(d) != 1 || d[0].Member.ID != theViewer || d[0].Away.ID != theEditor || !d[0].EndTime.Equal(until) || !slices.Equal(d[0].Requirements, []int{0}) {
		t.Errorf("who reads it reads %+v", d)
	}
	if d := read(at + "?full=false").Deputies; len(d) != 0 {
		t.Errorf("who asks for no more than it reads %+v", d)
	}
	h.claim(theViewer, p.Name, approval.EventApprove).ok(nil)
	if s := read(at); s.Decision == nil || s.Decision.OnBehalfOf != theEditor || len(s.Deputies) != 0 {
		t.Errorf("decided, it reads %+v %+v", s.Decision, s.Deputies)
	}
}

func (h *house) delegations() []approval.Delegation {
	h.Helper()
	found, err := h.service.Delegations(h.Context(), h.actor(theOwner))
	h.must(err)
	return found
}

// letInToken answers the token of a program that was let in by who had no session.
func (h *house) letInToken(id string) string {
	h.Helper()
	made, err := h.identity.Logins().RefreshTokens(h.Context(), h.letIn(id))
	h.must(err)
	return made.Secret
}
