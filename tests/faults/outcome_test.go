package faults

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// doubtful answers the reason of a claim of that kind whose commit is in doubt: the message with the change has it, and no other. What
// was revoked is closed later by a change that has its reason, too: the next claim must have one of its own.
func doubtful(event string) string { return "doubtful to " + event }

// outcomes are the two things that can have become of a change whose answer never came.
var outcomes = map[string]func(p *faulttest.Proxy, text string){
	"it was made":     (*faulttest.Proxy).LoseAnswerTo,
	"it was not made": (*faulttest.Proxy).LoseRequest,
}

// inDoubt runs a test for both outcomes.
func inDoubt(t *testing.T, test func(w *ward, lose func(text string), made bool)) {
	t.Helper()
	if !faulttest.HavePostgres(t) {
		return
	}
	for name, lose := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWard(t, faulttest.Database(t))
			test(w, func(text string) { lose(w.proxy, text) }, name == "it was made")
			if w.proxy.Sprung() == 0 {
				t.Error("nothing was lost: the test proves nothing")
			}
		})
	}
}

// A petition whose commit is in doubt: 503, and the same key makes it once.
func TestAPetitionInDoubtIsMadeOnce(t *testing.T) {
	t.Parallel()
	inDoubt(t, func(w *ward, lose func(string), made bool) {
		const reason = "a reason like no other"
		lose(reason)
		w.create("key", reason).later(w.T)
		again := w.create("key", reason)
		p := again.petition(w.T)
		if replayed := again.header.Get("Idempotency-Replayed") == "true"; replayed != made {
			w.Errorf("replayed %t, but the lost one was made: %t", replayed, made)
		}
		if third := w.create("key", reason).petition(w.T); third.Name != p.Name {
			w.Errorf("one key made %s and %s", p.Name, third.Name)
		}
	})
}

// A decision whose commit is in doubt and that its maker sends again, with a key: it is one claim, whatever became of it.
func TestAClaimInDoubtWithAKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	inDoubt(t, func(w *ward, lose func(string), _ bool) {
		for _, event := range []string{"approve", "deny"} {
			p := w.create("with-a-key-"+event, "to recover account").petition(w.T)
			reason := doubtful(event)
			lose(reason)
			w.claim(w.reviewer, p.Name, event, reason, "Idempotency-Key", "k").later(w.T)
			if again := w.claim(w.reviewer, p.Name, event, reason, "Idempotency-Key", "k"); again.status != http.StatusOK {
				w.Errorf("%s sent again: %s", event, again)
			}
			w.decidedOnce(p.Name, "access/"+event, reason)
		}
	})
}

// The same without a key: sent again it is made, or the conflict says that this very person has decided so.
func TestAClaimInDoubtWithoutAKeyCanBeTold(t *testing.T) {
	t.Parallel()
	words := map[string]string{"approve": "was already approved by", "deny": "was already denied by", "revoke": "was already revoked by"}
	inDoubt(t, func(w *ward, lose func(string), made bool) {
		for event, sentence := range words {
			p := w.create("without-a-key-"+event, "to recover account").petition(w.T)
			if event == "revoke" {
				if a := w.claim(w.other, p.Name, "approve", "at first"); a.status != http.StatusOK {
					w.Fatal(a)
				}
			}
			reason := doubtful(event)
			lose(reason)
			w.claim(w.reviewer, p.Name, event, reason).later(w.T)
			again := w.claim(w.reviewer, p.Name, event, reason)
			switch {
			case made && again.status == http.StatusConflict && strings.Contains(string(again.body), sentence+" "+apptest.Editor+" at "):
			case !made && again.status == http.StatusOK:
			default:
				w.Errorf("%s sent again (the lost one was made: %t): %s", event, made, again)
			}
			w.decidedOnce(p.Name, "access/"+event, reason)
		}
	})
}

// Who waits hears of a decision although nobody knows yet that it was made.
func TestAWaiterHearsOfADecisionInDoubt(t *testing.T) {
	t.Parallel()
	inDoubt(t, func(w *ward, lose func(string), made bool) {
		p := w.create("somebody-waits", "to recover account").petition(w.T)
		parked := w.park(p.Name)
		reason := doubtful("approve")
		lose(reason)
		w.claim(w.reviewer, p.Name, "approve", reason, "Idempotency-Key", "k").later(w.T)
		if !made {
			if got := w.read(p.Name, "").petition(w.T).State.Status.Phase; got != "open" {
				w.Errorf("what was not made is %s", got)
			}
			if a := w.claim(w.reviewer, p.Name, "approve", reason, "Idempotency-Key", "k"); a.status != http.StatusOK {
				w.Error(a)
			}
		}
		w.hears(parked, "granted")
	})
}

// decidedOnce fails the test unless one claim of that kind is in the petition, by the reviewer, and one in the log.
func (w *ward) decidedOnce(name, event, reason string) {
	w.Helper()
	p := w.read(name, "").petition(w.T)
	if d := p.State.Decision; d == nil || d.Claim != event || d.Reason != reason || d.Actor.ID != apptest.Editor {
		w.Errorf("%s was decided by %+v", event, d)
	}
	claims, logged := 0, 0
	for _, c := range p.State.Claims {
		if c.Event == event && c.Reason == reason {
			claims++
		}
	}
	for _, e := range p.State.EventHistory {
		if e.Event == event {
			logged++
		}
	}
	if claims != 1 || logged != 1 {
		w.Errorf("%s: %d claims, %d in the log", event, claims, logged)
	}
}

// A connection that breaks anywhere in an answer or a request leaves nothing half done.
func TestAConnectionThatBreaksAnywhere(t *testing.T) {
	t.Parallel()
	if !faulttest.HavePostgres(t) {
		return
	}
	w := newWard(t, faulttest.Database(t))
	// A story of two calls is some 15 KiB one way and 5 KiB the other: the cut walks through both.
	for n := range faulttest.Count(300) {
		way, at := faulttest.Direction(n%2), 1+n*97%9000
		w.proxy.CutAfter(way, at)
		w.story(fmt.Sprint("breaks-", n))
	}
	w.proxy.Heal()
	w.recovers()
}
