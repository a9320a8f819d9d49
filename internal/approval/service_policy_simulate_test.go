package approval_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A simulation answers what a petition would get, also where that is decided after the rules: what must be confirmed, who did
// not answer for what broke the glass, and whom the space does not know.
func TestASimulationAnswersWhatAPetitionGets(t *testing.T) {
	t.Parallel()
	approves := verdict(approval.VerdictApprove)
	for name, c := range map[string]struct {
		verdict approval.Verdict
		asks    string
		set     func(h *house, n *approval.NewPetition)
		answer  string
		says    string
	}{
		"approved":     {approves, vic, func(*house, *approval.NewPetition) {}, approval.VerdictApprove, ""},
		"broken glass": {glass(named(0, 1, bob)), vic, func(*house, *approval.NewPetition) {}, approval.AnswerBreakGlass, ""},
		"what must be confirmed": {approves, vic, func(h *house, _ *approval.NewPetition) {
			h.directory(entry("action", "reset", "reset-password:123", approval.LabelConfirm, "passkey"))
		}, approval.VerdictReview, "must be confirmed with a passkey"},
		"asked of people, and must be confirmed": {review(1), vic, func(h *house, _ *approval.NewPetition) {
			h.directory(entry("action", "reset", "reset-password:123", approval.LabelConfirm, "passkey"))
		}, approval.VerdictReview, ""},
		"who did not answer for it": {glass(named(0, 1, bob)), vic, func(h *house, _ *approval.NewPetition) {
			h.decide(bob, h.ask(vic), claim(deny))
		}, approval.VerdictReview, vic + " did so before and nobody ratified it"},
		"what begins later": {approves, vic, func(h *house, n *approval.NewPetition) {
			n.StartTime = h.clock.Now().Add(time.Hour)
		}, approval.VerdictReview, "approves what begins at once"},
		"a stranger": {approves, quickstart, func(_ *house, n *approval.NewPetition) {
			n.Petitioners = []approval.Resource{{ID: "U99", Email: "stranger@other.example"}}
		}, approval.VerdictReview, "the space does not know"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = c.verdict
			n := reset()
			c.set(h, &n)
			h.clock.Advance(2 * time.Second)
			got, err := h.SimulatePetition(t.Context(), h.actor(olga), approval.Simulated{Petition: n, As: c.asks})
			if err != nil {
				t.Fatal(err)
			}
			p, _, err := h.CreatePetition(t.Context(), h.actor(c.asks), n, "")
			if err != nil {
				t.Fatal(err)
			}
			same(t, "answer", got.Petition.Verdict.Answer(), c.answer)
			same(t, "answer of the explanation", got.Explanation.Verdict.Answer(), c.answer)
			if !reflect.DeepEqual(got.Petition.Verdict, p.Verdict) {
				t.Errorf("simulated was %+v, and made %+v", got.Petition.Verdict, p.Verdict)
			}
			if !strings.Contains(got.Petition.Verdict.Explanation, c.says) {
				t.Errorf("got %q, want %q", got.Petition.Verdict.Explanation, c.says)
			}
		})
	}
}
