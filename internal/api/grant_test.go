package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// onGrant prepares a grant of the Petition Admin's, who may give it back, the only one that there is.
func onGrant(body any) func(*house, approval.Actor) cell {
	return func(h *house, _ approval.Actor) cell {
		page, err := h.service.Petitions(h.Context(), h.actor(theOwner), approval.PetitionQuery{Phases: []approval.Phase{approval.Granted}}, false)
		h.must(err)
		for _, p := range page.Items {
			_, _, err := h.service.Decide(h.Context(), h.actor(theOwner), p.Name, approval.NewClaim{Event: approval.EventRevoke}, "")
			h.must(err)
		}
		name := h.asked(h.actor(theAdmin))
		reviewer := theOwner
		if strings.Contains(h.reason, "reviewed by ") {
			reviewer = strings.TrimPrefix(h.reason, "reviewed by ")
		}
		_, _, err = h.service.Decide(h.Context(), h.actor(reviewer), name, approval.NewClaim{Event: approval.EventApprove}, "")
		h.must(err)
		return cell{inSpace + "/grants:revoke", body}
	}
}

// One person, one resource, one line; what is asked for twice ends when the last of it does, and a press takes all of it away.
func TestWhoHasWhat(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	onGrant("")(h, h.actor(theOwner))
	longer := h.asked(h.actor(theAdmin))
	_, _, err := h.service.Decide(h.Context(), h.actor(theOwner), longer, approval.NewClaim{Event: approval.EventApprove, Labels: map[string]string{approval.LabelTimeIndefinite: "true"}}, "")
	h.must(err)
	list := func(query string) (out grantList) {
		h.do(theViewer, get, inSpace+"/grants"+query, nil).ok(&out)
		return out
	}
	all := list("")
	if len(all.Grants) != 2 || all.Grants[0].EndTime.IsZero() || !all.Grants[1].EndTime.IsZero() || !all.Grants[0].AccessEndTime.IsZero() {
		t.Errorf("%+v", all)
	}
	first := list("?pageSize=1&person=" + theAdmin)
	if next := list("?pageSize=1&person=" + theAdmin + "&pageToken=" + first.NextPageToken); len(next.Grants) != 1 || next.Grants[0].Petition != longer || next.NextPageToken != "" {
		t.Errorf("%+v, then %+v", first, next)
	}
	if others := list("?person=me"); len(others.Grants) != 0 {
		t.Errorf("the viewer has %+v", others)
	}
	var preview, done revokedGrantList
	h.do(theEditor, post, inSpace+"/grants:revoke", `{"resource":"x","preview":true}`).ok(&preview)
	h.do(theEditor, post, inSpace+"/grants:revoke", `{"resource":"x","reason":"enough"}`).ok(&done)
	if !preview.Preview || done.Preview || len(preview.Petitions) != 2 || len(done.Petitions) != 2 || done.Petitions[1].EndTime.IsZero() || !preview.Petitions[1].EndTime.IsZero() {
		t.Errorf("%+v, then %+v", preview, done)
	}
	if left := list(""); len(left.Grants) != 0 {
		t.Errorf("left are %+v", left)
	}
	later := h.clock.Now().Add(time.Hour)
	var asked petition
	h.do(theAdmin, post, inSpace+"/petitions", map[string]any{"petition": map[string]any{"reason": "r", "resources": []any{map[string]any{"id": "x"}}, "startTime": later}}).ok(&asked)
	if !asked.StartTime.Equal(later) {
		t.Errorf("it begins at %v", asked.StartTime)
	}
	h.do(theOwner, post, inSpace+"/petitions/"+asked.Name+"/claims", `{"claim":{"event":"access/approve"}}`).ok(nil)
	h.do(theAdmin, get, inSpace+"/petitions/"+asked.Name, nil).ok(&asked)
	if soon := list("?upcoming=true"); len(list("").Grants) != 0 || len(soon.Grants) != 1 || !soon.Grants[0].StartTime.Equal(later) || !asked.State.Grant.Pending || !asked.Meta.StartTime.Equal(later) {
		t.Errorf("%+v, %+v", soon, asked.State.Grant)
	}
	h.do(theAdmin, post, inSpace+"/petitions", `{"petition":{"reason":"r","resources":[{"id":"x"}],"startTime":"2000-01-01T00:00:00Z"}}`).refused(400, approval.Invalid, "petition.startTime")
	for _, query := range []string{"?at=yesterday", "?pageSize=201", "?pageToken=x", "?ascending=true"} {
		if a := h.do(theViewer, get, inSpace+"/grants"+query, nil); a.status != 400 {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
	if a := h.do(theOwner, post, inSpace+"/grants:revoke", `{"reason":"everything"}`); a.status != 400 || !strings.Contains(a.body, "name a person or a resource") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// One that fails keeps none of the others, and is marked.
func TestWhatCouldNotBeRevokedIsMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	onGrant("")(h, h.actor(theOwner))
	failing := h.asked(h.actor(theAdmin))
	_, _, err := h.service.Decide(h.Context(), h.actor(theOwner), failing, approval.NewClaim{Event: approval.EventApprove}, "")
	h.must(err)
	h.store.BeforeCommit = func(c approval.Change) error {
		if slices.ContainsFunc(c.Events, func(e approval.Event) bool { return e.Petition() == failing }) {
			return down()
		}
		return nil
	}
	var done revokedGrantList
	h.do(theEditor, post, inSpace+"/grants:revoke", `{"resource":"x","reason":"enough"}`).ok(&done)
	if len(done.Petitions) != 2 {
		t.Fatalf("%+v", done)
	}
	for _, p := range done.Petitions {
		if failed := p.Petition == failing; p.Failed != failed || (p.Refused != "") != failed {
			t.Errorf("%+v", p)
		}
	}
}
