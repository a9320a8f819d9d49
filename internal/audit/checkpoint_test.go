package audit_test

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/audit"
)

func FuzzCheckpoint(f *testing.F) {
	f.Add(audit.Checkpoint{Origin: "indent.test/acme", Size: 7}.Text())
	f.Add("a\n1\nAAAA\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := audit.ReadCheckpoint(text)
		if err == nil && !strings.HasPrefix(text, c.Text()) {
			t.Fatalf("%q is read as %q", text, c.Text())
		}
	})
}

// What is no checkpoint is not read as one.
func TestWhatIsNoCheckpoint(t *testing.T) {
	t.Parallel()
	const hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	for _, text := range []string{
		"", "\n1\n" + hash + "\n", "a\n1\n" + hash, "a\n-1\n" + hash + "\n", "a\n01\n" + hash + "\n", "a\n+1\n" + hash + "\n", "a\n9223372036854775807\n" + hash + "\n",
		"a\n1\n" + hash[:40] + "\n", "a\n1\n" + hash[:40] + "\r" + hash[40:] + "\n", "a\n1\n\n", "a\n\n" + hash + "\n",
	} {
		if c, err := audit.ReadCheckpoint(text); err == nil {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
	if c, err := audit.ReadCheckpoint("a\n0\n" + hash + "\nan extension\n"); err != nil || c.Size != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := audit.OpenCheckpoint(strings.Repeat("a", audit.MaxCheckpoint+1)); err == nil {
		t.Error("a checkpoint of any length is read")
	}
}
