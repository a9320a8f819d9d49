package app

import (
	"bytes"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestTheVaultSealsForOnePlace(t *testing.T) {
	t.Parallel()
	one, other := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	open := func(keys ...[]byte) approval.Vault {
		v, err := newVault(keys)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	old := open(one)
	sealed, err := old.Seal("here", "the secret")
	if err != nil || strings.Contains(sealed, "secret") {
		t.Fatalf("%q, %v", sealed, err)
	}
	if again, _ := old.Seal("here", "the secret"); again == sealed {
		t.Error("the same text is sealed the same")
	}
	for name, v := range map[string]approval.Vault{"the key": old, "another one before it": open(other, one)} {
		if text, err := v.Open("here", sealed); err != nil || text != "the secret" {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if text, err := open(other).Open("here", sealed); approval.CodeOf(err) != approval.Unavailable || text != "" || !strings.Contains(err.Error(), "seal_keys") {
		t.Errorf("another key: %q, %v", text, err)
	}
	if fresh, _ := open(other, one).Seal("here", "x"); strings.Split(fresh, ".")[1] == strings.Split(sealed, ".")[1] {
		t.Error("it was not the first key that sealed")
	}
	for name, text := range map[string]string{"cut short": sealed[:len(sealed)-4], "nearly nothing": sealed[:12] + "AAAA", "nothing": "", "plain": "the secret", "another version": "g2" + sealed[2:], "changed": sealed[:len(sealed)-2] + "AA"} {
		if got, err := old.Open("here", text); err == nil || got != "" {
			t.Errorf("%s opens as %q", name, got)
		}
	}
	if got, err := old.Open("there", sealed); approval.CodeOf(err) != approval.Internal || got != "" {
		t.Errorf("at another place: %q, %v", got, err)
	}
	if v, err := newVault(nil); v != nil || err != nil {
		t.Errorf("without a key: %v, %v", v, err)
	}
	if _, err := newVault([][]byte{{1}}); err == nil {
		t.Error("a short key is taken")
	}
}
