package approval_test

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// A rule that refuses by what the directory says is not escaped by another spelling: the entry is seen, and it is not the entry of
// what was asked for, so that no rule approves by it.
func TestPolicySeesAnEntryInWhateverSpelling(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.directory(approval.Resource{ID: "prod", Kind: "env", Labels: map[string]string{"tier": "1"}}, approval.Resource{ID: "prod", Kind: "other"})
	var known []approval.Resource
	h.rule.asked = func(in approval.PolicyInput) {
		known = must(in.Known(t.Context(), in.Space, in.Petition.Resources))
	}
	for _, asked := range []approval.Resource{{ID: "Prod", Kind: "env"}, {ID: "PROD", Kind: "Env"}, {ID: "prod", Kind: "ENV"}} {
		h.ask(vic, func(n *approval.NewPetition) { n.Resources = []approval.Resource{asked} })
		if len(known) != 1 || known[0].Labels["tier"] != "1" || known[0].Same(asked) {
			t.Errorf("asked for %s %s: %+v", asked.Kind, asked.ID, known)
		}
	}
}
