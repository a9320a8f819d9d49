package api

import (
	"math/rand/v2"
	"testing"

	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

func TestAnswersAreWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for round := range 500 {
		zero := float64(round%10) / 10
		var list petitionList
		approvaltest.Fill(&list, rng, zero)
		for i, p := range list.Petitions {
			if p == nil {
				p = &petition{}
				list.Petitions[i] = p
			}
		}
		approvaltest.SameJSON(t, &list, list.appendJSON(nil))
		var log eventList
		approvaltest.Fill(&log, rng, zero)
		approvaltest.SameJSON(t, &log, log.appendJSON(nil))
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
}
