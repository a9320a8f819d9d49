package approval_test

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestIdentifiersThatLookAlikeAreRefused(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"production ", " production", "prod\u00a0uction", "prod\u2003uction", "prod\u2800uction"} {
		if err := (approval.Resource{ID: id}).Check(); approval.CodeOf(err) != approval.Invalid {
			t.Errorf("%q is taken for another identifier than its look: %v", id, err)
		}
	}
	if err := (approval.Resource{ID: "two words"}).Check(); err != nil {
		t.Errorf("a plain space inside: %v", err)
	}
}

func TestReplacingIsAlsoAClaim(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	a := h.actor(vic)
	a.Scopes = []approval.Permission{approval.CreatePetitions, approval.ReadPetitions}
	before := len(h.refusals())
	_, err := h.ReplacePetition(t.Context(), a, p.Name, reset())
	h.refused(before, err, approval.Forbidden, "claims:create", vic, "")
}
