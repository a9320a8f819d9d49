package api

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// Existing clients copy a petition's resources into their claim. Whoever was shown something else has not decided this.
func TestAClaimIsOnWhatThePetitionAsksFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var p petition
	h.do(theViewer, post, inSpace+"/petitions", `{"petition":{"reason":"why","resources":[`+wholeResource+`]}}`).ok(&p)
	claims := inSpace + "/petitions/" + p.Name + "/claims"
	for _, other := range []string{`{"id":"y"}`, `{"id":"x","kind":"other"}`, `{"id":"x","displayName":"D"}`, `{"id":"x","email":"f@x.example"}`,
		`{"id":"x","altIds":["a","b"]}`, `{"id":"x","labels":{"k":"w"}}`, `{"id":"x","labels":{"l":"v"}}`} {
		h.do(theOwner, post, claims, `{"claim":{"event":"access/approve","resources":[`+wholeResource+`,`+other+`]}}`).
			refused(409, approval.Conflict, "", "claim.resources[1]", "copy its resources or leave them out")
	}
	h.do(theOwner, post, claims, `{"claim":{"event":"access/approve","resources":[{"id":"x","surprise":1}]}}`).refused(400, approval.Invalid, "claim.resources[0].surprise")
	h.do(theOwner, post, claims, `{"claim":{"event":"access/approve","resources":[{}]}}`).refused(400, approval.Invalid, "claim.resources[0].id")
	if refused := h.events(approval.EventRefused); len(refused) != 7 {
		t.Errorf("%d refusals are in the log", len(refused))
	}
	h.do(theOwner, post, claims, map[string]any{"claim": map[string]any{"event": approval.EventApprove, "resources": append(p.Petitioners, p.Resources...)}}).ok(nil)
}

// What people get wrong most is answered with what to write instead.
func TestMistakesAreAnsweredWithWhatToWrite(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	for _, c := range []struct{ path, body, field, says string }{
		{"/resources", `{"id":"x"}`, "id", `belongs into resource: send {"resource":{…}}`},
		{"/petitions", `{"reason":"x"}`, "reason", `belongs into petition: send {"petition":{…}}`},
		{"/petitions/" + p.Name + "/claims", `{"event":"access/deny"}`, "event", `belongs into claim: send {"claim":{…}}`},
		{"/serviceAccounts", `{"serviceAccountId":"x"}`, "serviceAccountId", `belongs into serviceAccount: send {"serviceAccount":{…}}`},
		{"/resources", `{"resource":{"id":"x"},"surprise":1}`, "surprise", "is not a known field"},
		{"/serviceAccounts", `{"serviceAccount":{"serviceAccountId":"x","role":"editor"}}`, "serviceAccount.role", "must be one of Viewer, Auditor, Petition Admin, Editor, Owner, written so"},
		{"/tokens", `{"scope":"petitions"}`, "scope", "there are spaces:read, "},
	} {
		h.do(theOwner, post, inSpace+c.path, c.body).refused(400, approval.Invalid, c.field, c.says)
	}
}
