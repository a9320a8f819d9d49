package approval_test

import (
	"strings"
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
	for identity, example := range map[string]string{"": "an address", "vic": "slack:T01ACME/U024BE7LH", "slack:": "such as slack:T01ACME/U024BE7LH", "Slack:T1/U1": "in small letters",
		"slack:T01": "such as slack:T01ACME/U024BE7LH", "slack:U1/T1": "such as slack:", "slack:t1/u1": "such as slack:", "slack:T1/U1/U2": "such as slack:",
		"oidc:nope": "such as oidc:https://login.example.com|248289761001", "oidc:https://login.example.com": "such as oidc:", "oidc:https://login.example.com|": "such as oidc:",
		"oidc:http://login.example.com|1": "such as oidc:", "oidc:https://login.example.com|a b": "such as oidc:", "oidc:|1": "such as oidc:",
		"github:": "github:ada-l", "github:a b": "github:ada-l", "github:<b>": "github:ada-l", "github:ä": "github:ada-l", "git hub:a": "github:ada-l",
		"x y": "an address", "a@b@c": "an address", vic: "own address already", "slack:\u202ex": ""} {
		_, err := h.LinkIdentity(ctx, owner, vic, identity)
		if approval.CodeOf(err) != approval.Invalid || !strings.Contains(err.Error(), example) {
			t.Errorf("%q: %v, want %q", identity, err, example)
		}
	}
	for _, identity := range []string{"oidc:https://login.example.com/realms/a|auth0|5f7c8ec7", "slack:E0ENT/W024BE7LH", "github:ada-l", "teams:29:1bSnHZ7Js2_STW-rgk6", "matrix:@ada:example.com", "ada+x@example.com"} {
		must(h.LinkIdentity(ctx, owner, pat, identity))
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

// Two members who are linked see it both, and can be parted from either side; the log has both times who was parted from whom.
func TestALinkOfTwoMembersIsBoths(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, owner := t.Context(), h.actor(olga)
	sees := func(member string, want ...string) {
		t.Helper()
		var seen []string
		for _, i := range must(h.Identities(ctx, h.actor(member), member)) {
			same(t, "whose", i.Member, member)
			seen = append(seen, i.Identity)
		}
		sameList(t, member, seen, want...)
	}
	must(h.LinkIdentity(ctx, owner, bob, "github:bob"))
	for _, from := range []string{bob, eve} {
		other := map[string]string{bob: eve, eve: bob}[from]
		must(h.LinkIdentity(ctx, owner, bob, "EVE@acme.example"))
		sees(bob, eve, "github:bob")
		sees(eve, bob)
		_, err := h.LinkIdentity(ctx, owner, eve, bob)
		same(t, "the other way round", approval.CodeOf(err), approval.Conflict)
		same(t, "of a third", approval.CodeOf(h.UnlinkIdentity(ctx, owner, pat, bob)), approval.NotFound)
		same(t, from, h.UnlinkIdentity(ctx, owner, from, other), nil)
		sees(bob, "github:bob")
		sees(eve)
		e := h.last(approval.EventIdentityUnlink)
		same(t, "whose link it was", e.Resources[0].ID, bob)
		same(t, "which", e.Resources[1].ID, eve)
		same(t, "again", approval.CodeOf(h.UnlinkIdentity(ctx, owner, from, other)), approval.NotFound)
	}
	// Rows of both directions, as an older server has written them, are one link.
	h.link(bob, eve)
	h.link(eve, bob)
	sees(bob, eve, "github:bob")
	same(t, "both", h.UnlinkIdentity(ctx, owner, bob, eve), nil)
	sees(bob, "github:bob")
	sees(eve)
	p := h.ask(bob)
	h.approveAs(h.as(eve), p, "") // they are two again

	// Who may not change one of the two does not part them.
	must(h.LinkIdentity(ctx, owner, vic, olga))
	bound := h.actor(olga)
	bound.Scopes = []approval.Permission{approval.WriteMembers, approval.ReadSpaces, approval.ReadResources, approval.ReadPetitions, approval.ManageOwnTokens, approval.CreatePetitions, approval.CreateClaims}
	same(t, "an owner by who covers a Viewer only", approval.CodeOf(h.UnlinkIdentity(ctx, bound, olga, vic)), approval.Forbidden)
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
