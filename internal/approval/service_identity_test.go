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

func TestIdentitiesAreLinked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, owner := t.Context(), h.actor(olga)
	i := must(h.LinkIdentity(ctx, owner, "VIC@acme.example", "V.ic@Other.example"))
	same(t, "an address in lower case", i.Identity, "v.ic@other.example")
	must(h.LinkIdentity(ctx, owner, vic, "slack:T01/U02"))
	same(t, "one's own", len(must(h.Identities(ctx, h.actor(vic), vic))), 2)
	same(t, "by who reads members", len(must(h.Identities(ctx, h.actor(pat), vic))), 2)
	same(t, "in the log", h.last(approval.EventIdentityLink).Resources[1].ID, "slack:T01/U02")
	_, err := h.Identities(ctx, h.actor(vic), bob)
	h.refused(0, err, approval.Forbidden, "members:read", vic, "")
	for _, identity := range []string{"", "vic", "slack:", "Slack:T1", "x y", "a@b@c", vic, "slack:\u202ex"} {
		_, err := h.LinkIdentity(ctx, owner, vic, identity)
		same(t, identity, approval.CodeOf(err), approval.Invalid)
	}
	_, err = h.LinkIdentity(ctx, owner, bob, "slack:T01/U02")
	same(t, "somebody's", approval.CodeOf(err), approval.Conflict)
	_, err = h.LinkIdentity(ctx, owner, quickstart, "slack:T01/U03")
	same(t, "a service account", approval.CodeOf(err), approval.Invalid)
	_, err = h.LinkIdentity(ctx, owner, "x@y.example", "slack:T01/U03")
	same(t, "nobody", approval.CodeOf(err), approval.NotFound)
	_, err = h.LinkIdentity(ctx, h.actor(bob), vic, "slack:T01/U03")
	h.refused(1, err, approval.Forbidden, "members:write", bob, "")
	h.refused(2, h.UnlinkIdentity(ctx, h.actor(bob), vic, "slack:T01/U02"), approval.Forbidden, "members:write", bob, "")
	same(t, "another's", approval.CodeOf(h.UnlinkIdentity(ctx, owner, bob, "slack:T01/U02")), approval.NotFound)
	same(t, "unlink", h.UnlinkIdentity(ctx, owner, vic, "V.ic@other.example"), nil)
	same(t, "again", approval.CodeOf(h.UnlinkIdentity(ctx, owner, vic, "v.ic@other.example")), approval.NotFound)
	same(t, "left", len(must(h.Identities(ctx, h.actor(vic), vic))), 1)
}

// Two members who are linked are one person: neither decides what the other asks for (I6), and both count once (I5).
func TestLinkedMembersAreOnePerson(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	must(h.LinkIdentity(t.Context(), h.actor(olga), bob, eve))
	h.approveAs(h.as(eve), h.ask(bob), approval.Forbidden)
	h.approveAs(h.as(bob), h.ask(eve), approval.Forbidden)
	p := h.ask(vic)
	h.approveAs(h.as(bob), p, "")
	h.approveAs(h.as(eve), p, approval.Conflict)
	same(t, "one of two", h.now(p).Phase, approval.Open)
	h.approveAs(h.as(olga), p, "")
	same(t, "two", h.now(p).Phase, approval.Granted)
}
