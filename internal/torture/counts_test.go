package torture

import (
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

// How much is done. INDENT_TORTURE=1 is the night's work, which `make torture` does; INDENT_TORTURE=0.1 a tenth of it,
// which `make test` does. Without it a test is a sample, for `go test ./...`.
const (
	shareVariable = "INDENT_TORTURE"
	// seedVariable repeats a run: every choice follows from the seed, which each test prints.
	seedVariable = "INDENT_SEED"
)

// count answers how often something is done: its share of the night's count, at least the sample.
func count(t *testing.T, night, sample int) int {
	t.Helper()
	text := os.Getenv(shareVariable)
	if text == "" {
		return sample
	}
	share, err := strconv.ParseFloat(text, 64)
	if err != nil || share <= 0 || share > 100 {
		t.Fatalf("%s=%q must be a share of the night's counts, such as 1 or 0.1", shareVariable, text)
	}
	return max(int(math.Ceil(float64(night)*share)), sample)
}

// seed answers the seed of this run.
func seed(t *testing.T) uint64 {
	t.Helper()
	n := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s=%q must be a number that an earlier run has printed", seedVariable, text)
		}
	}
	t.Logf("%s=%d repeats the choices of this run", seedVariable, n)
	return n
}

func lots(seed uint64, stream int) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(stream))) }

// evidenceFolder makes a folder for what a violation left. It stays.
func evidenceFolder() (string, error) {
	parent := os.Getenv("INDENT_TORTURE_EVIDENCE")
	if parent == "" {
		parent = os.TempDir()
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(parent, "indent-violation-")
}
