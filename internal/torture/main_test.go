package torture

import (
	"os"
	"testing"

	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

func TestMain(m *testing.M) {
	faulttest.RunNode()
	os.Exit(m.Run())
}
