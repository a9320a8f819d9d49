package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
)

const policyPath = inSpace + "/policy"

func policyText(text string) map[string]any { return map[string]any{"text": text, "reason": "because"} }

// change sends a change of the policy that was made of a version.
func (h *house) change(who, text, ifMatch string) answer {
	h.Helper()
	return h.do(who, put, policyPath, policyText(text), "If-Match", ifMatch)
}

func TestAPolicyIsChangedByWhoHasReadIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var first policyDocument
	tag := h.do(theViewer, get, policyPath, nil).ok(&first).header.Get("ETag")
	if tag != `"1"` || first.Version != 1 || first.Text != "for testPolicy" || first.Digest != approval.PolicyDigest(first.Text) {
		t.Fatalf("got %s %+v", tag, first)
	}
	var changed policyChange
	a := h.change(theOwner, "second ODD", tag).ok(&changed)
	if !changed.Applied || changed.Policy.Version != 2 || changed.Petition != nil || a.header.Get("ETag") != `"2"` || len(changed.Warnings) != 1 {
		t.Errorf("got %+v", changed)
	}
	h.change(theOwner, "third", tag).refused(412, approval.Conflict, "If-Match", "version 2 of the policy holds now", theOwner)
	h.do(theOwner, put, policyPath, policyText("third")).refused(428, approval.Invalid, "If-Match", "send its ETag back")
	for _, wrong := range []string{"2", `"two"`, `"-1"`, "*", `"1", "2"`} {
		h.change(theOwner, "third", wrong).refused(400, approval.Invalid, "If-Match", "in quotes")
	}
	changed = policyChange{}
	if h.change(theOwner, "second ODD", `W/"2"`).ok(&changed); changed.Applied || !changed.Unchanged || changed.Policy.Version != 2 {
		t.Errorf("the same text: %+v", changed)
	}
}

func TestARefusedDocumentSaysWhatIsWrongAndWhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.change(theOwner, "a\nb\n  BROKEN", `"1"`).refused(400, approval.Invalid, "text", "line 3, column 3")
	want := []approval.Finding{{Line: 3, Column: 3, Rule: "r1", Message: "the text is broken"}}
	if diff := cmp.Diff(want, p.Errors); diff != "" {
		t.Error(diff)
	}
	p = h.change(theOwner, "a\nFAILING", `"1"`).refused(400, approval.Invalid, "text", "its own tests fail")
	want = []approval.Finding{{Line: 2, Test: "fails", Message: "the rule is r1, not r2"}}
	if diff := cmp.Diff(want, p.Errors); diff != "" {
		t.Error(diff)
	}
	if refused := h.events(approval.EventRefused); len(refused) != 2 {
		t.Errorf("the log has %d refused attempts", len(refused))
	}
	h.change(theOwner, strings.Repeat("x", approval.MaxPolicyBytes+1), `"1"`).refused(400, approval.Invalid, "text", "262144")
}

func TestHistoryDiffAndRollback(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.change(theOwner, "second", `"1"`).ok(nil)
	h.do(theOwner, post, policyPath+":rollback", `{"version":1,"reason":"second was wrong"}`).refused(428, approval.Invalid, "If-Match")
	var changed policyChange
	h.do(theOwner, post, policyPath+":rollback", `{"version":1,"reason":"second was wrong"}`, "If-Match", `"2"`).ok(&changed)
	var list policyVersionList
	h.do(theViewer, get, policyPath+"/versions", nil).ok(&list)
	if len(list.Versions) != 3 || list.Versions[0].Version != 3 || list.Versions[0].Reason != "second was wrong" || list.Versions[0].CreatedBy.ID != theOwner ||
		list.Versions[0].Digest != list.Versions[2].Digest || changed.Policy.Version != 3 {
		t.Errorf("got %+v", list)
	}
	var page policyVersionList
	h.do(theViewer, get, policyPath+"/versions?pageSize=2", nil).ok(&page)
	h.do(theViewer, get, policyPath+"/versions?pageToken="+page.NextPageToken, nil).ok(&list)
	if len(page.Versions) != 2 || len(list.Versions) != 1 || list.Versions[0].Version != 1 {
		t.Errorf("got %+v and %+v", page, list)
	}
	for path, want := range map[string]policyDiff{
		"/versions/2:diff":        {1, 2, "-for testPolicy\n+second\n"},
		"/versions/2:diff?with=3": {3, 2, "-for testPolicy\n+second\n"},
		"/versions/3:diff?with=1": {1, 3, ""},
		"/versions/1:diff":        {1, 1, ""},
	} {
		var got policyDiff
		h.do(theViewer, get, policyPath+path, nil).ok(&got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	var second policyDocument
	if h.do(theViewer, get, policyPath+"/versions/2", nil).ok(&second); second.Text != "second" {
		t.Errorf("got %+v", second)
	}
	for _, missing := range []string{"4", "0", "-1", "01", "two", "2.0", "99999999999999999999"} {
		h.do(theViewer, get, policyPath+"/versions/"+missing, nil).refused(404, approval.NotFound, "")
		h.do(theViewer, get, policyPath+"/versions/"+missing+":diff", nil).refused(404, approval.NotFound, "")
	}
	h.do(theViewer, get, policyPath+"/versions/1:diff?with=9", nil).refused(404, approval.NotFound, "")
}

func TestAChangeThatMustBeGrantedIsAPetition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.change(theOwner, "PETITION", `"1"`).ok(nil)
	var changed policyChange
	a := h.change(theOwner, "third", `"2"`).ok(&changed)
	if changed.Applied || changed.Petition == nil || changed.Petition.State.Status.Phase != approval.Open || a.header.Get("ETag") != `"2"` {
		t.Fatalf("got %s", a.body)
	}
	var proposal policyProposal
	h.do(theViewer, get, policyPath+"/proposals/"+changed.Petition.Name, nil).ok(&proposal)
	var params struct{ TextDigest string }
	if err := json.Unmarshal(changed.Petition.Params, &params); err != nil || proposal.Text != "third" || proposal.BaseVersion != 2 ||
		proposal.Digest != params.TextDigest || proposal.Diff != "-PETITION\n+third\n" {
		t.Errorf("got %+v", proposal)
	}
	h.claim(theEditor, changed.Petition.Name, approval.EventApprove).ok(nil)
	var now policyDocument
	if h.do(theViewer, get, policyPath, nil).ok(&now); now.Version != 3 || now.Text != "third" || now.Petition != changed.Petition.Name {
		t.Errorf("got %+v", now)
	}
	other := h.ask(theViewer)
	h.do(theViewer, get, policyPath+"/proposals/"+other.Name, nil).refused(404, approval.NotFound, "")
}

func TestAPetitionIsSimulated(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.token(theViewer)
	h.token(theOwner) // which are in the log
	before := len(h.events(""))
	const asked = `{"petition":{"reason":"deny by rule","resources":[{"id":"x"}]}`
	var got simulation
	h.do(theViewer, post, policyPath+":simulate", asked+`}`).ok(&got)
	if got.PolicyVersion != 1 || got.Verdict.Decision != approval.VerdictDeny || len(got.Rules) != 1 || got.Rules[0].Condition.Value != `"deny by rule"` || got.Petitioners[0].ID != theViewer {
		t.Errorf("got %+v", got)
	}
	got = simulation{}
	h.do(theOwner, post, policyPath+":simulate", asked+`,"as":"`+theViewer+`","text":"FAILING","time":"2030-01-01T00:00:00Z"}`).ok(&got)
	if got.PolicyVersion != 0 || got.Petitioners[0].ID != theViewer {
		t.Errorf("got %+v", got)
	}
	if after := len(h.events("")); after != before {
		t.Errorf("%d events were written", after-before)
	}
	h.do(theViewer, post, policyPath+":simulate", asked+`,"as":"`+theOwner+`"}`).refused(403, approval.Forbidden, "")
	h.do(theEditor, post, policyPath+":simulate", asked+`,"text":"BROKEN"}`).refused(400, approval.Invalid, "text")
	var x examination
	h.do(theViewer, post, policyPath+":test", `{"text":"FAILING\nODD"}`).ok(&x)
	if x.Valid || len(x.Tests) != 2 || x.Tests[1].Passed || len(x.Warnings) != 1 {
		t.Errorf("got %+v", x)
	}
	x = examination{}
	h.do(theViewer, post, policyPath+":test", `{"text":"BROKEN"}`).ok(&x)
	if x.Valid || len(x.Problems) != 1 {
		t.Errorf("got %+v", x)
	}
}

func TestAPolicyIsReplayed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reviewed := h.ask(theViewer)
	h.claim(theEditor, reviewed.Name, approval.EventDeny).ok(nil)
	var got policyReplay
	h.do(theEditor, post, policyPath+":replay", policyReplayed).ok(&got)
	if got.Petitions != 1 || got.Same != 1 || got.Base != 1 || len(got.Rules) != 1 || got.Rules[0].Before != 1 || got.Rules[0].Decided != 1 || got.Rules[0].Wait != "0s" ||
		len(got.Load) == 0 || got.Weighed != 1 {
		t.Errorf("got %+v", got)
	}
	h.do(theViewer, post, policyPath+":replay", policyReplayed).refused(403, approval.Forbidden, "")
	h.do(theEditor, post, policyPath+":replay", `{"text":"t","since":"2099-01-01T00:00:00Z"}`).refused(400, approval.Invalid, "since")
	h.do(theEditor, post, policyPath+":replay", `{"text":"BROKEN"}`).refused(400, approval.Invalid, "text")
}

const policyReplayed = `{"text":"another"}`

func TestAPolicyIsChecked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var got policyCheck
	h.do(theAdmin, post, policyPath+":check", `{"text":"STUCK"}`).ok(&got)
	if !got.Stuck || got.Members < 5 || len(got.Findings) != 1 || got.Findings[0].Kind != approval.FindingStuck || got.Findings[0].Example == nil {
		t.Errorf("got %+v", got)
	}
	got = policyCheck{}
	if h.do(theAdmin, post, policyPath+":check", `{}`).ok(&got); got.Stuck || len(got.Findings) != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestWhatIsStuckIsListed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var got stuckNow
	if h.do(theAdmin, get, policyPath+"/stuck", nil).ok(&got); got.PolicyVersion != 0 || got.Findings == nil || got.Petitions == nil || len(got.Findings)+len(got.Petitions) > 0 {
		t.Errorf("got %+v", got)
	}
	h.do(theOwner, put, policyPath, `{"text":"NEEDS gone@acmecorp.example","reason":"r"}`, "If-Match", h.policyTag()).ok(nil)
	h.must(h.service.RunJob(h.Context(), approval.Job{Kind: approval.JobQuorum, Space: "acmecorp"}))
	if h.do(theAdmin, get, policyPath+"/stuck", nil).ok(&got); got.PolicyVersion != 2 || len(got.Findings) != 1 || got.Findings[0].Example == nil || !got.Findings[0].Since.Equal(h.clock.Now()) || !got.UpdateTime.Equal(h.clock.Now()) {
		t.Errorf("got %+v", got)
	}
	h.do(theViewer, get, policyPath+"/stuck", nil).refused(403, approval.Forbidden, "")
}
