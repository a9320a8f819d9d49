package approval_test

import (
	"math/rand/v2"
	"testing"
	"time"

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

// A time is written as the library writes it, wherever in its ranges it lies and whatever it is that ours are not.
func TestInstantIsWhatTheLibraryWrites(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	zone := time.FixedZone("", -90*60)
	for _, unit := range []time.Duration{1, time.Microsecond, 100 * time.Microsecond, time.Millisecond, time.Second} {
		for range 20_000 {
			at := time.Unix(rng.Int64N(12_000*365*86_400)-2500*365*86_400, rng.Int64N(1e9)).Truncate(unit)
			for _, at := range []time.Time{at, at.UTC(), at.In(zone)} {
				want := `"` + at.Format(time.RFC3339Nano) + `"`
				if got := approval.JSON(nil).Instant(at); string(got) != want {
					t.Fatalf("got %s, want %s", got, want)
				}
			}
		}
	}
}
