package approval_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	approve = approval.EventApprove
	deny    = approval.EventDeny
	revoke  = approval.EventRevoke
)

func TestApproveGrants(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	h.clock.Advance(time.Minute)
	got := h.decide(bob, p, claim(approve, approval.LabelDigest, p.Digest, "team", "dropped"))
	same(t, "phase", got.Phase, approval.Granted)
	same(t, "start", got.Grant.StartTime, h.clock.Now())
	same(t, "end", got.Grant.EndTime, h.clock.Now().Add(time.Hour))
	same(t, "decided by", got.Decision.Actor.ID, bob)
	same(t, "stored", asText(t, h.now(p)), asText(t, got))
	same(t, "version", got.Version, h.now(p).Version)
	sameList(t, "log", h.log(p), "access/request", "access/approve", "access/grant")
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobWarn)
	same(t, "timer at", at, got.Grant.EndTime.Add(-10*time.Minute))
	c := got.Claims[0]
	same(t, "person", c.Label(approval.LabelPerson), bob)
	same(t, "token", c.Label(approval.LabelToken), "token-of-bob")
	same(t, "digest", c.Label(approval.LabelDigest), p.Digest)
	same(t, "what the claimant may not say", c.Label("team"), "")
	same(t, "self-approval", c.Label(approval.LabelSelfApproval), "")
	same(t, "resources of the claim", len(c.Resources), 2)
	h.conserves(p)
}

// Each way in which a claim is refused: one typed answer, one entry in the log, no change.
func TestClaimsThatAreRefused(t *testing.T) {
	t.Parallel()
	narrow := func(a approval.Actor) approval.Actor {
		a.Scopes = []approval.Permission{approval.ReadPetitions}
		return a
	}
	for _, c := range []struct {
		name  string
		by    string
		as    func(approval.Actor) approval.Actor
		begin func(h *house, p approval.Petition)
		claim approval.NewClaim
		code  approval.Code
		text  string
	}{
		{"a viewer", pat, nil, nil, claim(approve), approval.Forbidden, `pat@acme.example may not approve petition #acme/`},
		{"a viewer denies", pat, nil, nil, claim(deny), approval.Forbidden, "may not deny"},
		{"who asks", vic, nil, nil, claim(approve), approval.Forbidden, "asks for Editor or Owner"},
		{"a token without the scope", bob, narrow, nil, claim(approve), approval.Forbidden, "this token's scope does not include claims:create"},
		{"a member who was removed", bob, func(a approval.Actor) approval.Actor { a.Role = ""; return a }, nil, claim(approve), approval.Forbidden, "has the role"},
		{"another digest", bob, nil, nil, claim(approve, approval.LabelDigest, "sha256:00"), approval.Conflict, "the claim was made for sha256:00 but"},
		{"an empty digest", bob, nil, nil, claim(approve, approval.LabelDigest, ""), approval.Conflict, "the claim was made for"},
		{"another digest of a denial", bob, nil, nil, claim(deny, approval.LabelDigest, "sha256:00"), approval.Conflict, "the claim was made for"},
		{"revoking what is open", bob, nil, nil, claim(revoke), approval.Conflict, "is still open"},
		{"after a denial", bob, nil, func(h *house, p approval.Petition) { h.decide(eve, p, claim(deny)) }, claim(approve), approval.Conflict,
			"was already denied by eve@acme.example at 2030-01-02T03:04:05Z: access/approve is too late"},
		{"after an approval", bob, nil, func(h *house, p approval.Petition) { h.decide(eve, p, claim(approve)) }, claim(deny), approval.Conflict,
			"was already approved by eve@acme.example at"},
		{"after a withdrawal", bob, nil, func(h *house, p approval.Petition) { h.decide(vic, p, claim(deny)) }, claim(approve), approval.Conflict, "was already withdrawn by vic"},
		{"revoking by a stranger", pat, nil, func(h *house, p approval.Petition) { h.decide(eve, p, claim(approve)) }, claim(revoke), approval.Forbidden, "may not revoke"},
		{"after it has expired", bob, nil, func(h *house, p approval.Petition) { h.clock.Advance(24 * time.Hour); h.run() }, claim(approve), approval.Conflict, "because nobody decided in time"},
		{"after it has expired, its timer late", bob, nil, func(h *house, p approval.Petition) { h.clock.Advance(24 * time.Hour) }, claim(approve), approval.Conflict, "because nobody decided in time"},
		{"revoking what has ended, its timer late", bob, nil, func(h *house, p approval.Petition) { h.decide(eve, p, claim(approve)); h.clock.Advance(time.Hour) },
			claim(revoke), approval.Conflict, "because its time was up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			p := h.ask(vic)
			if c.begin != nil {
				c.begin(h, p)
			}
			before, a := h.now(p), h.actor(c.by)
			if c.as != nil {
				a = c.as(a)
			}
			_, _, err := h.Decide(t.Context(), a, p.Name, c.claim, "")
			h.refused(0, err, c.code, c.text, c.by, p.Name)
			if after := h.now(p); !strings.Contains(c.name, "its timer late") && asText(t, after) != asText(t, before) {
				t.Errorf("it was changed: %s", asText(t, after))
			}
			h.conserves(p)
		})
	}
}

// What is wrong with a claim's own fields is told to the claimant and is no attempt at anything.
func TestClaimsThatAreInvalid(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict.MaxDuration = 4 * time.Hour
	p := h.ask(vic)
	for _, c := range []struct {
		claim approval.NewClaim
		key   string
		text  string
	}{
		{claim("access/grant"), "", "claim.event: must be"},
		{claim(approve, approval.LabelTimeDuration, "0s"), "", "claim.meta.labels.indent.com/time/duration: must be"},
		{claim(approve, approval.LabelTimeDuration, "5h"), "", `claim.meta.labels.indent.com/time/duration: rule "two eyes" allows at most 4h`},
		{claim(approve, approval.LabelTimeIndefinite, "true"), "", "claim.meta.labels.indent.com/time/indefinite: rule"},
		{claim(approve, approval.LabelTimeExpires, "2030-01-02T03:04:05Z"), "", "claim.meta.labels.indent.com/time/expires: must lie in the future"},
		{claim(deny, approval.LabelTimeDuration, "x"), "", "claim.meta.labels.indent.com/time/duration: must be"},
		{claim(approve), "with space", "Idempotency-Key: must be"},
		{claim(approve), strings.Repeat("k", 201), "Idempotency-Key: must be"},
		{claim(approve), "é", "Idempotency-Key: must be"},
	} {
		_, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, c.claim, c.key)
		if approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), c.text) {
			t.Errorf("got %v, want %s", err, c.text)
		}
	}
	same(t, "refusals in the log", len(h.refusals()), 0)
	sameList(t, "log", h.log(p), "access/request")
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, name := range []string{"", "x", "../x", "00000000-0000-7000-8000-999999999999", "x\x00", strings.Repeat("x", 1000), "' OR 1=1 --"} {
		_, _, err := h.Decide(t.Context(), h.actor(bob), name, claim(approve), "")
		same(t, fmt.Sprintf("%.20q", name), approval.CodeOf(err), approval.NotFound)
	}
	p := h.ask(vic)
	other := h.actor(bob)
	other.Space = "other"
	if _, _, err := h.Decide(t.Context(), other, p.Name, claim(approve), ""); approval.CodeOf(err) != approval.NotFound {
		t.Errorf("another space's petition: %v", err)
	}
	if _, err := h.Claim(t.Context(), h.actor(vic), p.Name, "x"); approval.CodeOf(err) != approval.NotFound {
		t.Error(err)
	}
	got := h.decide(bob, p, claim(approve))
	if c, err := h.Claim(t.Context(), h.actor(vic), p.Name, got.Claims[0].ID); err != nil || c.Actor.ID != bob {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestSelfApprovalOnlyWhenARuleSaysSoAndMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(bob)
	_, err := h.try(bob, p, claim(approve))
	h.refused(0, err, approval.Forbidden, "whoever asks does not decide", bob, p.Name)
	_, err = h.try(bobsBot, p, claim(approve))
	h.refused(1, err, approval.Forbidden, "whoever asks does not decide", bobsBot, p.Name)
	same(t, "phase", h.decide(eve, p, claim(approve)).Phase, approval.Granted)

	h.rule.verdict.Requirements[0].SelfApproval, h.rule.verdict.Dev = true, true
	p = h.ask(bob)
	got := h.decide(bob, p, claim(approve))
	same(t, "phase", got.Phase, approval.Granted)
	same(t, "mark", got.Claims[0].Label(approval.LabelSelfApproval), "true")
	same(t, "dev mark", got.Claims[0].Label(approval.LabelPolicyDev), "true")
	for _, e := range h.history(p) {
		same(t, "dev mark of "+e.Event, e.Label(approval.LabelPolicyDev), "true")
	}
	p = h.ask(quickstart)
	got = h.decide(olga, p, claim(approve))
	same(t, "mark of the owner of the service account that asks", got.Claims[0].Label(approval.LabelSelfApproval), "true")
	got = h.decide(bob, h.ask(bob), claim(deny))
	same(t, "a withdrawal is none", got.Claims[0].Label(approval.LabelSelfApproval), "")
	same(t, "outcome", got.Outcome, approval.OutcomeWithdrawn)
	got = h.decide(olga, h.ask(quickstart), claim(deny))
	same(t, "the owner of the service account denies", got.Outcome, approval.OutcomeDenied)
}

// Whoever asks may take it back, and give back what was granted; so may for whom it was asked.
func TestWithdrawAndGiveBack(t *testing.T) {
	t.Parallel()
	for _, by := range []string{pat, vic} {
		h := newHouse(t)
		forVic := func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{{Email: "VIC@acme.example"}} }
		p := h.ask(pat, forVic)
		got := h.decide(by, p, claim(deny))
		same(t, by+" withdraws", got.Outcome, approval.OutcomeWithdrawn)
		p = h.ask(pat, forVic)
		h.decide(bob, p, claim(approve))
		got = h.decide(by, p, claim(revoke))
		same(t, by+" gives back", got.Outcome, approval.OutcomeRevoked)
		h.conserves(p)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	for by, as := range map[string]string{bob: "who approved", eve: "another reviewer", olga: "an owner", vic: "the holder"} {
		h := newHouse(t)
		p := h.ask(vic)
		h.decide(bob, p, claim(approve))
		h.clock.Advance(time.Minute)
		got := h.decide(by, p, approval.NewClaim{Event: revoke, Reason: "done"})
		same(t, as, got.Phase, approval.Revoked)
		same(t, "end", got.Grant.EndTime, h.clock.Now())
		same(t, "by", got.Decision.Actor.ID, by)
		kind, at := h.timer(p)
		same(t, "timer", kind, approval.JobClose)
		same(t, "timer at", at, h.clock.Now())
		same(t, "jobs done", h.run(), 1)
		got = h.now(p)
		same(t, "phase", got.Phase, approval.Closed)
		same(t, "outcome", got.Outcome, approval.OutcomeRevoked)
		kind, _ = h.timer(p)
		same(t, "timer", kind, "")
		_, err := h.try(bob, p, claim(revoke))
		h.refused(0, err, approval.Conflict, "was already revoked by "+by, bob, p.Name)
		h.conserves(p)
	}
	h := newHouse(t)
	h.rule.verdict = verdict(approval.VerdictApprove)
	p := h.ask(vic)
	same(t, "an editor takes away what a rule gave", h.decide(eve, p, claim(revoke)).Phase, approval.Revoked)
}

func TestQuorumIsOfPersons(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.ask(vic)
	first := h.decide(bob, p, claim(approve))
	same(t, "phase", first.Phase, approval.Open)
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobExpire)
	same(t, "timer at", at, p.ExpireTime)
	for i, id := range []string{bob, bobsBot} {
		_, err := h.try(id, p, claim(approve))
		h.refused(i, err, approval.Conflict, "bob@acme.example has already approved", id, p.Name)
	}
	second := h.decide(eve, p, claim(approve))
	same(t, "phase", second.Phase, approval.Granted)
	for _, id := range []string{bob, eve} { // the store keeps it too, whatever the use case believes
		vote := approval.Change{Space: "acme", Writes: []approval.Write{approval.PutVote{Petition: p.Name, Person: id}}, Events: second.Claims[:1]}
		same(t, "a second vote of "+id, approval.CodeOf(h.store.Commit(t.Context(), vote)), approval.Conflict)
	}
	sameList(t, "log", slices.DeleteFunc(h.log(p), func(s string) bool { return s == approval.EventRefused }),
		"access/request", "access/approve", "access/approve", "access/grant")
	h.conserves(p)

	p = h.ask(vic)
	h.decide(bob, p, claim(approve))
	same(t, "who has agreed may still refuse", h.decide(bob, p, claim(deny)).Outcome, approval.OutcomeDenied)
}

// An approval counts as its person stands when the last one comes (I14): removing a reviewer acts at once.
func TestApprovalsAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	member := func(change func(*approval.Member)) func(*house) {
		return func(h *house) {
			m, err := h.store.Member(h.t.Context(), "acme", bob)
			if err != nil {
				h.t.Fatal(err)
			}
			change(&m)
			h.put(m)
		}
	}
	for name, c := range map[string]struct {
		meanwhile func(*house)
		want      approval.Phase
	}{
		"nothing":              {func(*house) {}, approval.Granted},
		"suspended":            {member(func(m *approval.Member) { m.Suspended = true }), approval.Open},
		"lost the role":        {member(func(m *approval.Member) { m.Role = approval.Viewer }), approval.Open},
		"got a higher role":    {member(func(m *approval.Member) { m.Role = approval.Owner }), approval.Granted},
		"lost every role":      {member(func(m *approval.Member) { m.Role = "" }), approval.Open},
		"linked to who asked":  {member(func(m *approval.Member) { m.Person = vic }), approval.Open},
		"the end has come":     {func(h *house) { h.clock.Advance(10 * time.Minute) }, approval.Open},
		"the end has not come": {func(h *house) { h.clock.Advance(10*time.Minute - time.Microsecond) }, approval.Granted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = review(2)
			p := h.ask(vic)
			end := h.clock.Now().Add(10 * time.Minute)
			h.decide(bob, p, claim(approve, approval.LabelTimeExpires, end.Format(time.RFC3339Nano)))
			c.meanwhile(h)
			got := h.decide(eve, p, claim(approve))
			same(t, "phase", got.Phase, c.want)
			if c.want == approval.Open {
				got = h.decide(olga, p, claim(approve))
				same(t, "after a third", got.Phase, approval.Granted)
				same(t, "the end that nobody of those set", got.Grant.EndTime, h.clock.Now().Add(time.Hour))
			} else {
				same(t, "end", got.Grant.EndTime, end)
			}
			h.conserves(p)
		})
	}
}

// Who moves from one group of reviewers to another counts for the one that they are in, not for the one that they were in.
func TestApprovalsCountForThePresentRole(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	by := func(r approval.Role) approval.Requirement {
		return approval.Requirement{Reviewers: approval.Reviewers{Roles: []approval.Role{r}}, Count: 1}
	}
	h.rule.verdict.Requirements = []approval.Requirement{by(approval.Editor), by(approval.Owner)}
	p := h.ask(vic)
	h.decide(bob, p, claim(approve))
	h.put(approval.Member{ID: bob, Kind: approval.KindUser, Email: bob, Person: bob, Role: approval.Owner})
	same(t, "phase", h.decide(olga, p, claim(approve)).Phase, approval.Open)
	same(t, "phase", h.decide(eve, p, claim(approve)).Phase, approval.Granted)
}

// A retry of a client that did not hear the answer gets the first claim; what is not the same claim is a new one.
func TestClaimsWithAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(2)
	p := h.ask(vic)
	decide := func(id, event, key string) (approval.Event, error) {
		_, c, err := h.Decide(t.Context(), h.actor(id), p.Name, claim(event), key)
		return c, err
	}
	first, err := decide(bob, approve, "k")
	same(t, "first", err, nil)
	again, err := decide(bob, approve, "k")
	same(t, "again", err, nil)
	same(t, "claim", again.ID, first.ID)
	_, err = decide(bob, approve, "other")
	h.refused(0, err, approval.Conflict, "has already approved", bob, p.Name)
	hers, err := decide(eve, approve, "k")
	if err != nil || hers.ID == first.ID {
		t.Fatalf("another's claim with the same key: %v, %v", hers.ID, err)
	}
	again, err = decide(bob, approve, "k")
	if err != nil || again.ID != first.ID {
		t.Fatalf("after the decision: %v, %v", again.ID, err)
	}
	_, err = decide(bob, deny, "k")
	h.refused(1, err, approval.Conflict, "was already approved by eve", bob, p.Name)
	h.conserves(p)
}

// The same key is the same claim: with another reason, term or digest it is another one, and refused.
func TestAKeyIsForOneClaim(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	first := claim(approve, approval.LabelTimeDuration, "30m", approval.LabelDigest, p.Digest)
	decide := func(p approval.Petition, c approval.NewClaim) error {
		_, _, err := h.Decide(t.Context(), h.actor(bob), p.Name, c, "k")
		return err
	}
	same(t, "first", decide(p, first), nil)
	same(t, "again", decide(p, first), nil)
	for i, c := range []approval.NewClaim{claim(approve), claim(approve, approval.LabelTimeDuration, "8h"),
		{Event: approve, Reason: "other", Labels: first.Labels}} {
		h.refused(i, decide(p, c), approval.Conflict, "the idempotency key was used for another claim", bob, p.Name)
	}
	h.refused(3, decide(p, claim(approve, approval.LabelTimeDuration, "30m", approval.LabelDigest, "sha256:0")), approval.Conflict, "the claim was made for", bob, p.Name)
	p = h.ask(vic)
	same(t, "a denial with a term that means nothing", decide(p, claim(deny, approval.LabelTimeDuration, "30m")), nil)
	same(t, "again", decide(p, claim(deny, approval.LabelTimeDuration, "30m")), nil)
	h.conserves(p)
}
