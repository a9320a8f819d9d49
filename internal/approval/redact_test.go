package approval_test

import (
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestWhatLooksLikeACredentialIsTakenOut(t *testing.T) {
	t.Parallel()
	const token, session = "ind_0aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eFxyzABC", "0aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0e"
	const jwt = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJleHAiOjE3MDB9.c2lnbmF0dXJl-_x9kLm3nO5pQ7rS9tU1vW3xY5zA7bC9dE1f"
	for text, want := range map[string]string{
		token:                                "ind_…",
		"there is no \"" + token + `": look`: `there is no "ind_…": look`,
		"token=" + token + "&x=" + session:   "token=ind_…&x=0aB3…",
		jwt:                                  "eyJh….eyJl….c2ln…",
		jwt[:51]:                             "eyJh….eyJl…",
		"Bearer " + jwt + ", " + session:     "Bearer eyJh….eyJl….c2ln…, 0aB3…",
		token[:20]:                           "ind_…",
		"/access/acmecorp/" + session:        "/access/acmecorp/0aB3…",
		"petition." + token:                  "petition.ind_…",
		"petition.params." + jwt:             "petition.params.eyJh….eyJl….c2ln…",
	} {
		if got := approval.Redact(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "x", "reset-password:123", "there is no petition \"00000000-0000-7000-8000-00000000000f\" in acmecorp",
		"ada.lovelace@acmecorp.example", "ind_nothing", "indent.com/petition/duration", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"PATCH /v1/spaces/{space}/serviceAccounts/{id}", "petition.resources[2].displayName: is too long", "2026-11-30T14:48:56.123456Z", "sha256:abc", "INDENT_SERVER_DATABASE_TIMEOUT"} {
		if got := approval.Redact(text); got != text {
			t.Errorf("%q became %q", text, got)
		}
	}
	if err := approval.FieldError("petition."+token, "there is no %q", token); strings.Contains(err.Error(), token[8:]) {
		t.Errorf("an error has the token: %v", err)
	}
}

func BenchmarkRedact(b *testing.B) {
	text := strings.Repeat("there is no petition \"00000000-0000-7000-8000-00000000000f\" in acmecorp ", 2)
	b.ReportAllocs()
	for b.Loop() {
		approval.Redact(text)
	}
}

// What everybody in the space reads, and the log keeps for ever, is no place for a token, where agents paste them.
func TestATokenIsRefusedInAnyText(t *testing.T) {
	t.Parallel()
	const random = "R33SYvfJYYRaTy6WrpP8w4on8KLVF7ki09oQeS"
	h := newHouse(t)
	for name, n := range map[string]approval.NewPetition{
		"a reason":           {Reason: "with ind_" + random + ", please"},
		"a refresh token":    {Reason: "x_indr_" + random},
		"params":             {Params: []byte(`{"env":["A=1","TOKEN=ind_` + random + `"]}`)},
		"the name of params": {Params: []byte(`{"ind_` + random + `":1}`)},
		"a label":            {Labels: map[string]string{"team": "ind_" + random}},
		"a resource":         {Resources: []approval.Resource{{Kind: "action", ID: "ind_" + random}}},
	} {
		if n.Reason == "" {
			n.Reason = "to test"
		}
		if n.Resources == nil {
			n.Resources = []approval.Resource{{Kind: "action", ID: "x"}}
		}
		_, _, err := h.CreatePetition(t.Context(), h.actor(vic), n, "")
		if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), "token") || strings.Contains(err.Error(), random) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, text := range []string{"ind_", "ind_" + random[:30], "ind_" + strings.Repeat("a", 40), "find_" + random, "https://indent.example/" + random} {
		h.ask(vic, func(n *approval.NewPetition) { n.Reason = text })
	}
	p := h.ask(vic)
	c := claim(approve)
	c.Reason = "use ind_" + random
	if _, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, c, ""); approval.CodeOf(err) != approval.Invalid {
		t.Error("of a claim:", err)
	}
}
