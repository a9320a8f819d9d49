package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// glass is a verdict that grants at once, for an hour, and asks people within a day.
func glass(requirements ...approval.Requirement) approval.Verdict {
	v := verdict(approval.VerdictApprove)
	v.MaxDuration = time.Hour
	v.BreakGlass = &approval.BreakGlass{Requirements: requirements, Within: 24 * time.Hour}
	return v
}

// What breaks the glass is granted at once; people answer for it afterwards, also when its time is up, and then it closes.
func TestWhatBreaksTheGlassIsRatified(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob, vic), named(1, 1, olga))
	p := h.ask(vic, func(n *approval.NewPetition) { n.Labels = map[string]string{approval.LabelBreakGlass: "true"} })
	waiting, err := h.Petitions(t.Context(), h.actor(bob), approval.PetitionQuery{}, true)
	if err != nil || len(waiting.Items) != 1 || waiting.Items[0].Name != p.Name {
		t.Error(waiting, err)
	}
	same(t, "phase", p.Phase, approval.Granted)
	same(t, "by when", p.Review.ExpireTime, h.clock.Now().Add(24*time.Hour))
	sameList(t, "unmet", p.Unmet(), "stage 1: 0 of 1 approvals by "+bob+" or "+vic, "stage 2: 0 of 1 approvals by "+olga)
	history := h.history(p)
	same(t, "who is told", p.Audience(history[len(history)-1])[0].Persons[0], bob)
	for _, id := range []string{vic, olga, eve} {
		_, err := h.try(id, p, claim(approve))
		same(t, "who may not: "+id, approval.CodeOf(err), approval.Forbidden)
	}
	p = h.decide(bob, p, claim(approve))
	same(t, "phase", p.Phase, approval.Granted)
	h.clock.Advance(time.Hour)
	for h.run() > 0 {
	}
	same(t, "phase after its time", h.now(p).Phase, approval.Revoked)
	p = h.decide(olga, p, claim(approve))
	same(t, "review", p.Review.Outcome, approval.ReviewRatified)
	for h.run() > 0 {
	}
	p = h.now(p)
	same(t, "phase", p.Phase, approval.Closed)
	same(t, "outcome", p.Outcome, approval.OutcomeEnded)
	_, err = h.try(bob, p, claim(deny))
	same(t, "too late", approval.CodeOf(err), approval.Conflict)
	h.conserves(p)
	same(t, "phase of the next", h.ask(vic).Phase, approval.Granted)
}

// Whoever breaks the glass for others answers for it alone: else one could take it from a colleague by breaking it for both.
func TestTheGlassIsNotTakenFromWhoDidNotBreakIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob))
	p := h.ask(pat, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{{ID: pat}, {ID: vic}} })
	same(t, "phase", p.Phase, approval.Granted)
	h.decide(bob, p, claim(deny))
	same(t, "the next of who was named", h.ask(vic).Phase, approval.Granted)
	same(t, "the next of who broke it", h.ask(pat).Phase, approval.Open)
	same(t, "of somebody else for who broke it", h.ask(quickstart, func(n *approval.NewPetition) { n.Petitioners = []approval.Resource{{ID: pat}} }).Phase, approval.Open)
}

// What is refused, or what nobody ratifies in time, ends; whoever broke the glass does not break it again until an owner,
// who is somebody else, lets them.
func TestWhatBreaksTheGlassUnratified(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob))
	h.rule.verdict.DefaultDuration, h.rule.verdict.MaxDuration = 72*time.Hour, 72*time.Hour
	p := h.ask(vic)
	h.clock.Advance(24*time.Hour - time.Microsecond)
	same(t, "jobs before", h.run(), 0)
	h.clock.Advance(time.Microsecond)
	p, err := h.Petition(t.Context(), h.actor(olga), p.Name)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "phase", p.Phase, approval.Revoked)
	same(t, "review", p.Review.Outcome, approval.ReviewExpired)
	same(t, "end", p.Grant.EndTime, h.clock.Now())
	for h.run() > 0 {
	}
	same(t, "phase", h.now(p).Phase, approval.Closed)
	h.conserves(p)

	second := h.ask(vic)
	same(t, "the next", second.Phase, approval.Open)
	if !strings.Contains(second.Verdict.Explanation, vic+" did so before and nobody ratified it") {
		t.Error(second.Verdict.Explanation)
	}
	same(t, "somebody else", h.ask(eve).Phase, approval.Granted)
	h.clock.Advance(time.Second)
	same(t, "for an editor", approval.CodeOf(h.RestoreBreakGlass(t.Context(), h.actor(eve), vic, "")), approval.Forbidden)
	if err := h.RestoreBreakGlass(t.Context(), h.actor(olga), vic, "we talked"); err != nil {
		t.Fatal(err)
	}
	same(t, "twice", approval.CodeOf(h.RestoreBreakGlass(t.Context(), h.actor(olga), vic, "")), approval.Conflict)
	p = h.ask(vic)
	same(t, "after an owner lifted it", p.Phase, approval.Granted)

	p = h.decide(bob, p, claim(deny))
	same(t, "phase after a refusal", p.Phase, approval.Revoked)
	same(t, "review", p.Review.Outcome, approval.ReviewRefused)
	same(t, "who", p.Decision.Actor.ID, bob)
	sameList(t, "log", h.log(p), "access/request", "access/grant", "access/deny", "access/unratified")
	h.conserves(p)
	same(t, "the next", h.ask(vic).Phase, approval.Open)
}

// A name that is linked since does not give the glass back, whichever of the two comes to stand for the person; nor does parting them.
func TestAnotherNameDoesNotBreakTheGlassAgain(t *testing.T) {
	t.Parallel()
	const first = "aaa@acme.example" // stands for whoever is linked with it
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob))
	h.put(approval.Member{ID: first, Kind: approval.KindUser, Email: first, Role: approval.Editor, Person: first})
	h.decide(bob, h.ask(vic), claim(deny))
	same(t, "somebody else", h.ask(first).Phase, approval.Granted)
	must(h.LinkIdentity(t.Context(), h.actor(olga), vic, first))
	same(t, "linked since", h.asks(vic).Phase, approval.Open)
	same(t, "by the other name", h.asks(first).Phase, approval.Open)
	if err := h.UnlinkIdentity(t.Context(), h.actor(olga), vic, first); err != nil {
		t.Fatal(err)
	}
	same(t, "parted", h.asks(vic).Phase, approval.Open)
	same(t, "somebody else again", h.asks(first).Phase, approval.Granted)
}

// asks makes a petition as the member is now, with the names that it has.
func (h *house) asks(id string) approval.Petition {
	h.t.Helper()
	p, _, err := h.CreatePetition(h.t.Context(), h.whoIs(id), reset(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// Nobody lifts it for themselves: the refusal says who can, and where a space has no other owner the operator does, and says why.
func TestTheOnlyOwnerBreaksTheGlassAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob))
	h.decide(bob, h.ask(olga), claim(deny))
	same(t, "frozen", h.ask(olga).Phase, approval.Open)
	before := len(h.refusals())
	err := h.RestoreBreakGlass(t.Context(), h.actor(olga), olga, "")
	h.refused(before, err, approval.Forbidden, "acme has no other owner: make somebody else an owner, who lifts it, or the server's operator can, with `indent admin lift-break-glass`", olga, "")
	h.put(approval.Member{ID: "ann@acme.example", Kind: approval.KindUser, Email: "ann@acme.example", Role: approval.Owner, Person: "ann@acme.example"})
	err = h.RestoreBreakGlass(t.Context(), h.actor(olga), olga, "")
	h.refused(before+1, err, approval.Forbidden, "another owner must, or the server's operator can", olga, "")

	// The operator does it where the space has nobody else, and says why.
	operator := approval.System("acme", "admin")
	same(t, "without a reason", approval.CodeOf(h.LiftBreakGlass(t.Context(), operator, olga, " ")), approval.Invalid)
	same(t, "in a space that there is not", approval.CodeOf(h.LiftBreakGlass(t.Context(), approval.System("none", "admin"), olga, "why")), approval.NotFound)
	h.clock.Advance(time.Second)
	if err := h.LiftBreakGlass(t.Context(), operator, olga, "the only owner, on the phone"); err != nil {
		t.Fatal(err)
	}
	page, err := h.store.Events(t.Context(), approval.EventQuery{Space: "acme", Event: approval.EventGlassRestore, Page: approval.PageRequest{Size: 1}})
	if err != nil || page.Items[0].Actor.ID != "indent/admin" || page.Items[0].Reason != "the only owner, on the phone" {
		t.Error(page.Items, err)
	}
	same(t, "after the operator lifted it", h.ask(olga).Phase, approval.Granted)
	same(t, "twice by the operator", approval.CodeOf(h.LiftBreakGlass(t.Context(), operator, olga, "why")), approval.Conflict)
}

// Whoever broke the glass gives back early, and still has to answer.
func TestGivingBackWhatBrokeTheGlass(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, bob))
	p := h.decide(vic, h.ask(vic), claim(revoke))
	same(t, "phase", p.Phase, approval.Revoked)
	_, err := h.try(vic, p, claim(deny))
	same(t, "a withdrawal", approval.CodeOf(err), approval.Forbidden)
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobReview)
	same(t, "when", at, p.Review.ExpireTime)
	h.clock.Advance(24 * time.Hour)
	for h.run() > 0 {
	}
	p = h.now(p)
	same(t, "phase", p.Phase, approval.Closed)
	same(t, "review", p.Review.Outcome, approval.ReviewExpired)
	h.conserves(p)
}

// Whoever breaks the glass where nobody could ratify it is told at once, and so is the log; it is granted all the same.
func TestAGlassThatNobodyCanRatify(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = glass(named(0, 1, vic))
	p := h.ask(vic)
	same(t, "phase", p.Phase, approval.Granted)
	same(t, "stuck", p.Stuck, `rule "two eyes" asks for 1 approval by `+vic+`, and only 0 may give one as things are: nobody can ratify this until an owner of the space changes that`)
	sameList(t, "log", h.log(p), "access/request", "access/unsatisfiable", "access/grant")
	h.conserves(p)
	h.rule.verdict = glass(named(0, 1, bob))
	same(t, "stuck with somebody", h.ask(vic).Stuck, "")
}

// A review whose time was up while the server was down ends badly before anybody is heard, also where the grant had ended before.
func TestAReviewThatEndedWhileTheServerWasDown(t *testing.T) {
	t.Parallel()
	for name, within := range map[string]time.Duration{"before the grant's end": 30 * time.Minute, "with it": time.Hour, "after it": 2 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = glass(named(0, 1, bob))
			h.rule.verdict.BreakGlass.Within = within
			p := h.ask(vic)
			h.clock.Advance(3 * time.Hour)
			_, err := h.try(bob, p, claim(approve))
			same(t, "too late", approval.CodeOf(err), approval.Conflict)
			p, err = h.Petition(t.Context(), h.actor(bob), p.Name)
			if err != nil || p.Review.Outcome != approval.ReviewExpired || p.Phase != approval.Revoked {
				t.Errorf("%s, %+v, %v", p.Phase, p.Review, err)
			}
			same(t, "the next", h.ask(vic).Phase, approval.Open)
			h.conserves(p)
		})
	}
}

// Whoever asks and may review refuses the review once, as everybody does.
func TestWhoAsksRefusesAReviewOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	own := named(0, 1, vic, bob)
	own.SelfApproval = true
	h.rule.verdict = glass(own)
	h.rule.verdict.Denials = 2
	p := h.decide(vic, h.ask(vic), claim(deny))
	_, err := h.try(vic, p, claim(deny))
	same(t, "again", approval.CodeOf(err), approval.Conflict)
	_, err = h.WithdrawPetition(t.Context(), h.actor(vic), p.Name)
	same(t, "as a withdrawal", approval.CodeOf(err), approval.Conflict)
	p = h.now(p)
	same(t, "claims", len(p.Claims), 1)
	same(t, "phase", p.Phase, approval.Granted)
	same(t, "phase with another's", h.decide(bob, p, claim(deny)).Phase, approval.Revoked)
}
