package api

import (
	"errors"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// pullsNow asks for pulls while the job of the policy runs, and answers what the caller is told.
func (h *house) pullsNow(token, body, policy string) (out pullUpdateOut) {
	h.Helper()
	answers := make(chan answer)
	go func() { answers <- h.with(token, put, inSpace+"/resources:pullUpdate", body) }()
	h.broker.WaitForSubscribers(1)
	err := h.service.RunJob(h.Context(), approval.Job{Kind: approval.JobPull, Space: "acmecorp", Key: "pull/acmecorp/" + policy})
	if later := (approval.Later{}); err != nil && !errors.As(err, &later) {
		h.Fatal(err)
	}
	a := <-answers
	a.ok(&out)
	return out
}

func TestAPullByTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.hooked()
	token, at := h.token(theEditor), inSpace+"/pullPolicies"
	ask := inSpace + "/resources:pullUpdate"
	h.with(token, put, ask, `{}`).refused(404, approval.NotFound, "")
	h.with(token, post, at, `{"pullPolicy":{"name":"roles","webhook":"hooked","kinds":["role"],"schedule":"0 3 * * *"}}`).ok(nil)
	endpoints := h.service.Endpoints.(*approvaltest.Endpoints)
	listed := []approval.Resource{{ID: "reader", Kind: "role", Labels: map[string]string{"team": "a"}}, {ID: "writer", Kind: "role"}}
	answer := func(a approval.WebhookAnswer) {
		endpoints.Answer = func(approval.WebhookTarget, approval.WebhookCall) approval.WebhookAnswer { return a }
	}
	answer(approval.WebhookAnswer{Outcome: approval.WebhookDone, Resources: listed, Bytes: 70})
	out := h.pullsNow(token, `{"kinds":["role","other"]}`, "roles")
	if len(out.Pulls) != 1 {
		t.Fatalf("answers %+v", out)
	}
	if p := out.Pulls[0]; p.Policy != "roles" || p.State != "done" || p.Listed != 2 || p.Created != 2 || p.Dropped[0] != "the label team" || p.Bytes != 70 || p.NextTime.IsZero() || p.EndTime.IsZero() {
		t.Errorf("answers %+v", p)
	}
	var found pullPolicy
	h.with(token, get, at+"/roles", nil).ok(&found)
	if s := found.Status; s.State != "working" || s.Last.ID != out.Pulls[0].ID || s.Good.Created != 2 || s.Problem != "" {
		t.Errorf("stands so: %+v", s)
	}

	answer(approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "the endpoint answers 503"})
	if p := h.pullsNow(token, `{"policy":"roles"}`, "roles").Pulls[0]; p.State != "failed" || p.Problem != "the endpoint answers 503" {
		t.Errorf("one that fails: %+v", p)
	}
	h.with(token, get, at+"/roles", nil).ok(&found)
	if s := found.Status; s.State != "failing" || s.Problem != "the endpoint answers 503" || s.Failures != 1 || s.FailingSince.IsZero() || s.Last.State != "failed" || s.Good.State != "done" {
		t.Errorf("stands so: %+v", s)
	}

	var now pullUpdateOut
	h.with(token, put, ask, `{"policy":"roles","wait":false}`).ok(&now)
	if now.Pulls[0].State != "running" || now.Pulls[0].ID == "" {
		t.Errorf("at once: %+v", now)
	}
	h.with(token, get, at+"/roles", nil).ok(&found)
	if found.Status.State != "running" {
		t.Errorf("stands so: %+v", found.Status)
	}
	h.with(token, put, ask, `{"policy":"other"}`).refused(404, approval.NotFound, "")
	h.with(token, put, ask, `{"kinds":["none"]}`).refused(404, approval.NotFound, "")
	h.with(token, put, ask, `{"kinds":[]}`).refused(400, approval.Invalid, "kinds")
	h.with(token, put, ask, `{"kinds":["indent/policy"]}`).refused(400, approval.Invalid, "kinds")
	h.with(token, put, ask, `{"flags":{"":"x"}}`).refused(400, approval.Invalid, "flags")
}
