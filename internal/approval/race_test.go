package approval_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const racers = 64

// race runs f for each racer at once and answers what each got.
func race[T any](f func(i int) T) []T {
	got := make([]T, racers)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			<-start
			got[i] = f(i)
		})
	}
	close(start)
	group.Wait()
	return got
}

// 64 people decide at once, half of them yes and half no: one wins, 63 get a conflict that says who, and the log has all.
func TestManyDecideAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	reviewers := make([]approval.Actor, racers)
	for i := range reviewers {
		id := fmt.Sprintf("r%d@acme.example", i)
		h.put(approval.Member{ID: id, Kind: approval.KindUser, Email: id, Person: id, Role: approval.Editor})
		reviewers[i] = h.actor(id)
	}
	p := h.ask(vic)
	errs := race(func(i int) error {
		_, _, err := h.Decide(t.Context(), reviewers[i], p.Name, claim([]string{approve, deny}[i%2]), "")
		return err
	})
	won := ""
	for i, err := range errs {
		if err == nil {
			won += reviewers[i].ID
		}
	}
	got := h.now(p)
	same(t, "the one that won", won, got.Decision.Actor.ID)
	for i, err := range errs {
		if err != nil && (approval.CodeOf(err) != approval.Conflict || !contains(err.Error(), got.Decision.Actor.ID+" at ")) {
			t.Errorf("%s: %v", reviewers[i].ID, err)
		}
	}
	same(t, "claims", len(got.Claims), 1)
	refusals := map[string]int{}
	for _, e := range h.refusals() {
		refusals[e.Actor.ID]++
	}
	same(t, "who was refused", len(refusals), racers-1)
	same(t, "refusals", len(h.refusals()), racers-1)
	h.conserves(p)
}

// 64 approvals of which 5 are needed: five distinct persons count, nobody twice, and one grant.
func TestManyApproveAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(5)
	actors := make([]approval.Actor, racers)
	for i := range actors {
		id := fmt.Sprintf("r%d@acme.example", i%16) // each person four times: once in person, thrice by service accounts
		h.put(approval.Member{ID: id, Kind: approval.KindUser, Email: id, Person: id, Role: approval.Editor})
		if i >= 16 {
			bot := fmt.Sprint("bot-", i)
			h.put(approval.Member{ID: bot, Kind: approval.KindServiceAccount, Person: id, Role: approval.Editor})
			id = bot
		}
		actors[i] = h.actor(id)
	}
	p := h.ask(vic)
	race(func(i int) error {
		_, _, err := h.Decide(t.Context(), actors[i], p.Name, claim(approve), "")
		if code := approval.CodeOf(err); code != "" && code != approval.Conflict {
			t.Errorf("%s: %v", actors[i].ID, err)
		}
		return err
	})
	got := h.now(p)
	persons := map[string]bool{}
	for _, c := range got.Claims {
		persons[c.Label(approval.LabelPerson)] = true
	}
	same(t, "phase", got.Phase, approval.Granted)
	same(t, "persons", len(persons), 5)
	same(t, "claims", len(got.Claims), 5)
	h.conserves(p)
}

// 64 requests with one key are one petition.
func TestManyCreateWithOneKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.actor(vic)
	type answer struct {
		name     string
		replayed bool
	}
	first := 0
	name := ""
	for _, got := range race(func(int) answer {
		p, replayed, err := h.CreatePetition(t.Context(), a, reset(), "k")
		if err != nil {
			t.Error(err)
		}
		return answer{p.Name, replayed}
	}) {
		if !got.replayed {
			first++
			name = got.name
		}
	}
	same(t, "made", first, 1)
	page, err := h.Petitions(t.Context(), a, approval.PetitionQuery{}, false)
	if err != nil || len(page.Items) != 1 || page.Items[0].Name != name {
		t.Errorf("%d petitions, %v", len(page.Items), err)
	}
}

// A petition is decided, withdrawn, replaced and expired at once: one of them happened, and the log says which.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for round := range 20 {
		h := newHouse(t)
		p := h.ask(vic)
		b, v := h.actor(bob), h.actor(vic)
		h.clock.Advance(24*time.Hour - time.Duration(round%2))
		job := approval.Job{Kind: approval.JobExpire, Space: "acme", Petition: p.Name}
		race(func(i int) error {
			switch i % 5 {
			case 0:
				_, _, err := h.Decide(t.Context(), b, p.Name, claim(approve), "")
				return err
			case 1:
				_, err := h.WithdrawPetition(t.Context(), v, p.Name)
				return err
			case 2:
				_, err := h.ReplacePetition(t.Context(), v, p.Name, reset())
				return err
			case 3:
				_, err := h.Petition(t.Context(), v, p.Name)
				return err
			}
			return h.RunJob(t.Context(), job)
		})
		h.conserves(p)
		page, err := h.Petitions(t.Context(), v, approval.PetitionQuery{}, false)
		if err != nil || len(page.Items) > 2 {
			t.Errorf("%d petitions, %v", len(page.Items), err)
		}
	}
}

// A store that answers a conflict for ever: the use case ends, with the conflict.
func TestConflictsThatDoNotEndEndTheUseCase(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(vic)
	tries := 0
	h.store.BeforeCommit = func(c approval.Change) error {
		if c.Events[0].Event == approval.EventRefused {
			return nil
		}
		tries++
		return approval.Errorf(approval.Conflict, "bob@acme.example has already decided")
	}
	_, err := h.try(bob, p, claim(approve))
	h.refused(0, err, approval.Conflict, "has already decided", bob, p.Name)
	same(t, "tries", tries, 10)
	job := approval.Job{Kind: approval.JobExpire, Space: "acme", Petition: p.Name}
	h.clock.Advance(24 * time.Hour)
	same(t, "a timer", approval.CodeOf(h.RunJob(t.Context(), job)), approval.Conflict)
	_, err = h.ReplacePetition(t.Context(), h.actor(vic), p.Name, reset())
	same(t, "a replacement", approval.CodeOf(err), approval.Conflict)
}
