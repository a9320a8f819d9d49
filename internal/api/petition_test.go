package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestAPetitionLooksAsDocumented(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made map[string]any
	h.do(theViewer, post, inSpace+"/petitions", `{"petition":{
		"reason":"to recover account","defaultDuration":"5400s","params":{"user":"123","n":1.0},
		"resources":[{"kind":"action","id":"reset-password:123","displayName":"Reset Password (user:123)"}],
		"meta":{"displayName":"A title","labels":{"team":"payments"}}},"waitForReviewable":true}`).ok(&made)
	name := made["name"].(string)
	viewer := map[string]any{"id": theViewer, "kind": "user", "email": theViewer}
	want := map[string]any{
		"name": name, "spaceName": "acmecorp", "reason": "to recover account", "defaultDuration": "5400s",
		"params": map[string]any{"n": 1.0, "user": "123"}, "digest": made["digest"],
		"meta": map[string]any{"name": name, "space": "acmecorp", "displayName": "A title",
			"labels":     map[string]any{"team": "payments", "indent.com/app/config/id": "space:acmecorp", "indent.com/petition/duration": "1h30m0s"},
			"createTime": "2030-01-02T03:04:05Z", "updateTime": "2030-01-02T03:04:05Z", "expireTime": "2030-01-09T03:04:05Z"},
		"petitioners": []any{viewer}, "createdBy": viewer,
		"resources": []any{map[string]any{"kind": "action", "id": "reset-password:123", "displayName": "Reset Password (user:123)"}},
		"state": map[string]any{
			"status": map[string]any{"phase": "open", "message": "The petition waits for a decision: 0 of 1 approvals by Editor or Owner."},
			"verdict": map[string]any{"decision": "review", "rule": "review", "policyVersion": 1.0,
				"explanation":  "An Editor or an Owner reviews.",
				"requirements": []any{map[string]any{"reviewers": map[string]any{"roles": []any{"Editor", "Owner"}}, "count": 1.0, "selfApproval": false}}},
			"claims": []any{}, "eventHistory": []any{}, "messages": []any{},
		},
	}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Errorf("the petition differs (-want +got):\n%s", diff)
	}
	if digest := made["digest"].(string); len(digest) != len("sha256:")+64 {
		t.Errorf("digest %q", digest)
	}
}

func TestAPetitionLivesThroughItsPhases(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.ask(theViewer)
	path := inSpace + "/petitions/" + made.Name
	h.clock.Advance(7 * time.Second)
	var claim approval.Event
	h.do(theEditor, post, path+"/claims", map[string]any{"claim": map[string]any{"event": "access/approve", "reason": "ticket 4711",
		"actor": map[string]any{"id": "mallory"}, "resources": []any{}, "timestamp": "1999-01-01T00:00:00Z", "id": "x",
		"meta": map[string]any{"name": "n", "labels": map[string]any{"indent.com/time/duration": "2h", "indent.com/petition/digest": made.Digest}}}}).ok(&claim)
	if claim.Actor.ID != theEditor || claim.Petition() != made.Name || !claim.Timestamp.Equal(h.clock.Now()) || len(claim.Resources) != 2 {
		t.Errorf("the server says who claims, when and on what: %+v", claim)
	}
	var granted petition
	h.do(theViewer, get, path, nil).ok(&granted)
	state := granted.State
	if state.Status.Phase != approval.Granted || state.Status.Outcome != "" || state.Decision.Actor.ID != theEditor || state.Decision.Reason != "ticket 4711" {
		t.Errorf("granted: %+v", state)
	}
	if !granted.Meta.StartTime.Equal(h.clock.Now()) || !granted.Meta.EndTime.Equal(h.clock.Now().Add(2*time.Hour)) || !state.Grant.EndTime.Equal(granted.Meta.EndTime) {
		t.Errorf("grant: %+v %+v", granted.Meta, state.Grant)
	}
	var names []string
	for _, e := range state.EventHistory {
		names = append(names, e.Event)
	}
	if want := []string{"access/request", "access/approve", "access/grant"}; !slices.Equal(names, want) {
		t.Errorf("history %v, want %v", names, want)
	}
	h.claim(theOwner, made.Name, "access/approve").refused(http.StatusConflict, approval.Conflict, "", "already approved by "+theEditor, "2030-01-02T03:04:12Z")
	h.claim(theEditor, made.Name, "access/revoke").ok(nil)
	var gone petition
	h.do(theViewer, get, path+"?full=false", nil).ok(&gone)
	if gone.State.Status.Phase != approval.Revoked || len(gone.State.EventHistory) != 0 {
		t.Errorf("revoked: %+v", gone.State)
	}
}

func TestADenialSaysWhoAndWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.ask(theViewer)
	h.claim(theEditor, made.Name, "access/deny").ok(nil)
	var p petition
	h.do(theViewer, get, inSpace+"/petitions/"+made.Name, nil).ok(&p)
	want := "The petition was denied by " + theEditor + " at 2030-01-02T03:04:05Z."
	if s := p.State.Status; s.Phase != approval.Closed || s.Outcome != approval.OutcomeDenied || s.Message != want {
		t.Errorf("%+v, want %q", s, want)
	}
	h.claim(theOwner, made.Name, "access/deny").refused(http.StatusConflict, approval.Conflict, "", "already denied by "+theEditor)
}

func TestAClaimForAnotherDigestIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.ask(theViewer)
	body := map[string]any{"claim": map[string]any{"event": "access/approve", "meta": map[string]any{"labels": map[string]any{"indent.com/petition/digest": "sha256:00"}}}}
	h.do(theEditor, post, inSpace+"/petitions/"+made.Name+"/claims", body).refused(http.StatusConflict, approval.Conflict, "", "read the petition again")
}

func TestWhoAsksDoesNotDecide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.ask(theEditor)
	h.claim(theEditor, made.Name, "access/approve").refused(http.StatusForbidden, approval.Forbidden, "", "whoever asks does not decide")
	h.claim(theViewer, made.Name, "access/approve").refused(http.StatusForbidden, approval.Forbidden, "")
	h.claim(theOwner, made.Name, "access/approve").ok(nil)
}

func TestAPetitionThatIsSentBackMakesTheSameRequest(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var first, second map[string]any
	h.do(theViewer, post, inSpace+"/petitions", `{"petition":{"reason":"again","defaultDuration":"60s","resources":[{"id":"x"}],"params":{"a":1}}}`).ok(&first)
	h.do(theViewer, post, inSpace+"/petitions", map[string]any{"petition": first}).ok(&second)
	if first["digest"] != second["digest"] || first["name"] == second["name"] {
		t.Errorf("a copy must be a new petition that asks the same: %v and %v", first, second)
	}
}

func TestReplacingWithdrawsTheOldOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var old, next, gone map[string]any
	h.do(theViewer, post, inSpace+"/petitions", `{"petition":{"reason":"first","resources":[{"id":"x"}]}}`).ok(&old)
	old["reason"] = "second"
	h.do(theViewer, put, inSpace+"/petitions/"+old["name"].(string), map[string]any{"petition": old}).ok(&next)
	h.do(theViewer, get, inSpace+"/petitions/"+old["name"].(string), nil).ok(&gone)
	labels := func(p map[string]any) map[string]any { return p["meta"].(map[string]any)["labels"].(map[string]any) }
	if labels(next)["PetitionReplaces"] != old["name"] || labels(gone)["PetitionReplacedBy"] != next["name"] || next["digest"] == old["digest"] {
		t.Errorf("the two must know each other: %v, %v", next, gone)
	}
	if status := gone["state"].(map[string]any)["status"].(map[string]any); status["outcome"] != "withdrawn" {
		t.Errorf("%v", status)
	}
	next["reason"] = "third"
	h.do(theViewer, put, inSpace+"/petitions/"+next["name"].(string), map[string]any{"petition": next}).ok(nil)
	h.do(theViewer, put, inSpace+"/petitions/"+next["name"].(string), map[string]any{"petition": next}).refused(http.StatusConflict, approval.Conflict, "")
	h.do(theEditor, put, inSpace+"/petitions/"+next["name"].(string), map[string]any{"petition": next}).refused(http.StatusForbidden, approval.Forbidden, "")
}

func TestWithdrawing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made := h.ask(theViewer)
	path := inSpace + "/petitions/" + made.Name
	h.do(theEditor, del, path, nil).refused(http.StatusForbidden, approval.Forbidden, "", "only who asked")
	var gone petition
	h.do(theViewer, del, path, nil).ok(&gone)
	if gone.State.Status.Outcome != approval.OutcomeWithdrawn {
		t.Errorf("%+v", gone.State.Status)
	}
	h.do(theViewer, del, path, nil).refused(http.StatusConflict, approval.Conflict, "")
}

func TestTheSameKeyIsTheSamePetition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := `{"petition":{"reason":"once","resources":[{"id":"x"}]}}`
	var first, again petition
	a := h.do(theViewer, post, inSpace+"/petitions", body, "Idempotency-Key", "k-1").ok(&first)
	b := h.do(theViewer, post, inSpace+"/petitions", body, "Idempotency-Key", "k-1").ok(&again)
	if first.Name != again.Name || a.header.Get("Idempotency-Replayed") != "" || b.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s and %s, replayed %q and %q", first.Name, again.Name, a.header.Get("Idempotency-Replayed"), b.header.Get("Idempotency-Replayed"))
	}
	other := strings.Replace(body, "once", "twice", 1)
	h.do(theViewer, post, inSpace+"/petitions", other, "Idempotency-Key", "k-1").refused(http.StatusConflict, approval.Conflict, "", "use a new key")
	h.do(theViewer, post, inSpace+"/petitions", body, "Idempotency-Key", "with blank").refused(http.StatusBadRequest, approval.Invalid, "Idempotency-Key")
	h.do(theViewer, post, inSpace+"/petitions", body, "Idempotency-Key", strings.Repeat("k", 201)).refused(http.StatusBadRequest, approval.Invalid, "Idempotency-Key")
	h.do(theViewer, post, inSpace+"/petitions", body, "Idempotency-Key", "a", "Idempotency-Key", "b").refused(http.StatusBadRequest, approval.Invalid, "Idempotency-Key", "send it once")
}

func TestAClaimSentTwiceWithOneKeyIsOneClaim(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := inSpace + "/petitions/" + h.ask(theViewer).Name + "/claims"
	var first, again approval.Event
	h.do(theEditor, post, path, `{"claim":{"event":"access/approve"}}`, "Idempotency-Key", "k").ok(&first)
	h.do(theEditor, post, path, `{"claim":{"event":"access/approve"}}`, "Idempotency-Key", "k").ok(&again)
	if first.ID != again.ID {
		t.Errorf("%s and %s", first.ID, again.ID)
	}
	h.do(theEditor, post, path, `{"claim":{"event":"access/approve"}}`, "Idempotency-Key", "k k").refused(http.StatusBadRequest, approval.Invalid, "Idempotency-Key")
	var list claimList
	h.do(theViewer, get, path, nil).ok(&list)
	if len(list.Claims) != 1 || list.Claims[0].ID != first.ID {
		t.Errorf("%+v", list)
	}
	h.do(theViewer, get, path+"/"+first.ID, nil).ok(&again)
	h.do(theViewer, get, path+"/nothing", nil).refused(http.StatusNotFound, approval.NotFound, "")
}

func TestListsOfPetitions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	byViewer, byEditor := h.ask(theViewer).Name, h.ask(theEditor).Name
	var special petition
	h.do(theViewer, post, inSpace+"/petitions", `{"petition":{"reason":"zebra crossing","resources":[{"id":"x"}],"meta":{"labels":{"team":"payments"}}}}`).ok(&special)
	h.claim(theOwner, byEditor, "access/deny").ok(nil)
	cases := map[string][]string{
		"":                                   {special.Name, byEditor, byViewer},
		"?ascending=true":                    {byViewer, byEditor, special.Name},
		"?phase=open":                        {special.Name, byViewer},
		"?phase=closed,granted":              {byEditor},
		"?search=zebra":                      {special.Name},
		"?labelSelector=team%3Dpayments":     {special.Name},
		"?labelSelector=team+notin+(a)":      {special.Name, byEditor, byViewer},
		"?petitioner=me":                     {byEditor},
		"?petitioner=" + theViewer:           {special.Name, byViewer},
		"?reviewer=me":                       {special.Name, byViewer},
		"?pageSize=1":                        {special.Name},
		"?pageSize=200&full=true&phase=open": {special.Name, byViewer},
	}
	for query, want := range cases {
		var list petitionList
		h.do(theEditor, get, inSpace+"/petitions"+query, nil).ok(&list)
		var got []string
		for _, p := range list.Petitions {
			got = append(got, p.Name)
			if full := strings.Contains(query, "full=true"); full != (len(p.State.EventHistory) > 0) {
				t.Errorf("%s: history %v", query, p.State.EventHistory)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	var walked []string
	for token, first := "", true; first || token != ""; first = false {
		var list petitionList
		h.do(theEditor, get, inSpace+"/petitions?pageSize=1&pageToken="+url.QueryEscape(token), nil).ok(&list)
		for _, p := range list.Petitions {
			walked = append(walked, p.Name)
		}
		token = list.NextPageToken
	}
	if want := []string{special.Name, byEditor, byViewer}; !slices.Equal(walked, want) {
		t.Errorf("pages: got %v, want %v", walked, want)
	}
}

func TestAskingForOthersNeedsMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := `{"petition":{"reason":"for a colleague","petitioners":[{"id":"` + theViewer + `"}],"resources":[{"id":"x"}]}}`
	h.do(theViewer, post, inSpace+"/petitions", strings.Replace(body, theViewer, theEditor, 1)).refused(http.StatusForbidden, approval.Forbidden, "")
	var p petition
	h.do(theAdmin, post, inSpace+"/petitions", body).ok(&p)
	if p.CreatedBy.ID != theAdmin || p.Petitioners[0].ID != theViewer || p.Petitioners[0].Email != theViewer {
		t.Errorf("caller and beneficiary: %+v", p)
	}
}

// A petition that nobody can approve any more says so where it is read, until it is healed.
func TestAPetitionThatGotStuckSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	stuck := func(event, reason string) {
		t.Helper()
		stored, err := h.store.Petition(t.Context(), "acmecorp", p.Name)
		h.must(err)
		next, err := stored.Apply(approval.Event{Event: event, Reason: reason, Timestamp: h.clock.Now()}, h.clock.Now())
		h.must(err)
		h.must(h.store.Commit(t.Context(), approval.Change{Space: "acmecorp", Writes: []approval.Write{approval.PutPetition{Petition: &next, Expect: stored.Version}},
			Events: []approval.Event{{Event: event, ID: event, Timestamp: h.clock.Now()}}}))
	}
	var got petition
	stuck(approval.EventUnsatisfiable, "only 0 may give one")
	h.do(theViewer, get, inSpace+"/petitions/"+p.Name, nil).ok(&got)
	if !strings.HasSuffix(got.State.Status.Message, "; it cannot be approved as things stand: only 0 may give one.") || len(got.State.Messages) != 1 || got.State.Messages[0].Code != "unsatisfiable" {
		t.Errorf("got %+v, %+v", got.State.Status, got.State.Messages)
	}
	var list petitionList
	h.do(theViewer, get, inSpace+"/petitions?phase=open&labelSelector="+url.QueryEscape(approval.LabelStuck+"=true"), nil).ok(&list)
	if len(list.Petitions) != 1 {
		t.Errorf("%d are found by the label", len(list.Petitions))
	}
	stuck(approval.EventSatisfiable, "enough")
	h.do(theViewer, get, inSpace+"/petitions/"+p.Name, nil).ok(&got)
	if strings.Contains(got.State.Status.Message, "as things stand") || len(got.State.Messages) != 0 {
		t.Errorf("healed: %+v, %+v", got.State.Status, got.State.Messages)
	}
}
