package approval_test

import (
	"math/rand/v2"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// Every field set to something, then each left out by chance: what the values write of themselves is what the library
// writes of them, to the byte.
func TestJSONIsWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 2000 {
		zero := float64(round%10) / 10
		var e approval.Event
		approvaltest.Fill(&e, rng, zero)
		approvaltest.SameJSON(t, &e, approval.JSON(nil).Event(&e), approvaltest.Legacy)
		var p approval.Petition
		approvaltest.Fill(&p, rng, zero)
		approvaltest.SameJSON(t, &p, approval.JSON(nil).Petition(&p), approvaltest.Legacy)
		var r approval.Resource
		approvaltest.Fill(&r, rng, zero)
		approvaltest.SameJSON(t, &r, approval.JSON(nil).Resource(&r), approvaltest.Legacy)
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}
