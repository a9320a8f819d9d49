package approval_test

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestSignInAdmits(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const ada, subject = "ada@acme.example", "oidc:https://login.acme.example|Ada1"
	_, err := h.MemberForIdentity(t.Context(), "acme", subject)
	same(t, "before", approval.CodeOf(err), approval.NotFound)
	m := must(h.AdmitMember(t.Context(), "acme", approval.NewMember{Email: "Ada@ACME.example", DisplayName: "Ada", Identity: subject}))
	same(t, "id", m.ID, ada)
	same(t, "role", m.Role, approval.Viewer)
	same(t, "found", must(h.MemberForIdentity(t.Context(), "acme", subject)), m)
	same(t, "by address", must(h.MemberForIdentity(t.Context(), "acme", "ADA@acme.example")), m)
	same(t, "in the log", h.last(approval.EventMemberPut).Actor.ID, "indent/sign-in")

	for name, n := range map[string]approval.NewMember{
		"a member":            {Email: ada, Identity: "oidc:https://login.acme.example|2"},
		"somebody's identity": {Email: "other@acme.example", Identity: subject},
	} {
		_, err := h.AdmitMember(t.Context(), "acme", n)
		same(t, name, approval.CodeOf(err), approval.Conflict)
	}
	for name, n := range map[string]approval.NewMember{"no address": {}, "a text": {Email: "x@y", DisplayName: "\x1b"}, "a role": {Email: "x@y", Role: "Root"}, "an identity": {Email: "x@y", Identity: "\u202e"}} {
		_, err := h.AdmitMember(t.Context(), "acme", n)
		same(t, name, approval.CodeOf(err), approval.Invalid)
	}
	_, err = h.AdmitMember(t.Context(), "nowhere", approval.NewMember{Email: "x@y"})
	same(t, "no space", approval.CodeOf(err), approval.NotFound)
	_, err = h.MemberForIdentity(t.Context(), "acme", quickstart)
	same(t, "a service account signs in nowhere", approval.CodeOf(err), approval.NotFound)
	_, err = h.MemberForIdentity(t.Context(), "acme", "")
	same(t, "nothing", approval.CodeOf(err), approval.NotFound)
	h.link(bob, ada)
	same(t, "a member's address is the member's, whoever else has it", must(h.MemberForIdentity(t.Context(), "acme", bob)).ID, bob)
}
