package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/bench"
	"github.com/indent-approvals/indent/internal/policy"
)

// What `indent bench prepare` makes.
const (
	BenchSpace    = "bench"
	benchOwner    = "owner@bench.example"
	benchReviewer = "reviewer@bench.example"
	benchAsker    = "asker"
)

// historyPolicy closes what stands for the past, so that a petition of it is made by one commit and leaves no timer, and
// grants leases. What else is asked while somebody measures, a person decides, as in a space that is new.
const historyPolicy = `version: 1
name: bench
rules:
  - name: history
    when: resources.all(r, r.kind == 'history')
    deny: {reason: "it stands for the past, to measure among many"}
  - name: lease
    when: resources.all(r, r.kind == 'lease')
    approve: {duration: 8h}
  - name: review
    require:
      reviewers: {roles: [Editor, Owner]}
    decideWithin: 168h
    defaultDuration: 1h
`

// Bench is a space to measure in, with the tokens of two members: one asks, the other decides.
type Bench struct {
	Asker, Reviewer string
}

// BenchHistory is what a space to measure in has before anybody measures.
type BenchHistory struct {
	Petitions int // closed ones
	People    int // members, see [bench.PersonID]
}

// EnvLines answers what a client needs to be one of the two.
func (a *App) EnvLines(space, token string) string {
	return fmt.Sprintf("INDENT_API_URL=%s\nINDENT_SPACE=%s\nINDENT_API_TOKEN=%s\n", a.URL(), space, token)
}

// PrepareBench makes the space, unless it is there, adds its history, and answers new tokens. Every thousandth petition has
// a word that no other has, see [RareWord]. told hears now and then how many are made.
func (a *App) PrepareBench(ctx context.Context, h BenchHistory, told func(made int)) (Bench, error) {
	if a.URL() == "" {
		return Bench{}, errors.New("the tokens are for one address: give --base-url, or --addr with the port that the server will listen on")
	}
	owner, err := a.benchSpace(ctx, h != BenchHistory{})
	if err != nil {
		return Bench{}, err
	}
	asker, err := a.identity.CreateServiceToken(ctx, owner, benchAsker, "indent bench", nil, time.Time{})
	if err != nil {
		return Bench{}, err
	}
	reviewer, err := a.store.Member(ctx, BenchSpace, benchReviewer)
	if err != nil {
		return Bench{}, err
	}
	decides, err := a.identity.CreateUserToken(ctx, reviewer.Actor("", nil), "indent bench", nil)
	if err != nil {
		return Bench{}, err
	}
	if err := a.benchPeople(ctx, h.People); err != nil {
		return Bench{}, err
	}
	return Bench{Asker: asker.Secret, Reviewer: decides.Secret}, a.benchHistory(ctx, h.Petitions, told)
}

// benchSpace answers the owner. A space of that name that somebody else made is left alone.
func (a *App) benchSpace(ctx context.Context, history bool) (approval.Actor, error) {
	document := policy.Default()
	if history {
		document = historyPolicy
	}
	_, err := a.service.CreateSpace(ctx, approval.NewSpace{Name: BenchSpace, DisplayName: "Measurements", Owner: benchOwner, Policy: document})
	if err != nil && approval.CodeOf(err) != approval.Conflict {
		return approval.Actor{}, err
	}
	member, err := a.store.Member(ctx, BenchSpace, benchOwner)
	if err != nil {
		return approval.Actor{}, fmt.Errorf("the database has a space %s that was not made to measure in: use another database (%w)", BenchSpace, err)
	}
	owner := member.Actor("", nil)
	if _, err := a.service.PutMember(ctx, approval.System(BenchSpace, "admin"), approval.Member{Email: benchReviewer, Role: approval.Editor}); err != nil {
		return owner, err
	}
	if err := missing(a.store.Member(ctx, BenchSpace, benchAsker)); err != nil {
		_, err := a.service.CreateServiceAccount(ctx, owner, approval.Member{ID: benchAsker, Role: approval.PetitionAdmin})
		return owner, err
	}
	return owner, nil
}

const (
	// historians write at once: one batch of the writer.
	historians = 256
	// rareEvery is how many petitions share no rare word.
	rareEvery = 1000
)

// RareWord answers the word that only the n-th petition of a history has; n is a multiple of 1,000.
func RareWord(n int) string { return fmt.Sprint("rare", n) }

func (a *App) benchHistory(ctx context.Context, petitions int, told func(made int)) error {
	member, err := a.store.Member(ctx, BenchSpace, benchAsker)
	if err != nil {
		return err
	}
	actor := member.Actor("", nil)
	return atOnce(petitions, func(n int) error {
		_, _, err := a.service.CreatePetition(ctx, actor, pastPetition(n), "")
		if n%10_000 == 9_999 {
			told(n + 1)
		}
		return err
	})
}

func (a *App) benchPeople(ctx context.Context, people int) error {
	return atOnce(people, func(n int) error {
		_, err := a.service.PutMember(ctx, approval.System(BenchSpace, "admin"), approval.Member{Email: bench.PersonID(n), Role: approval.Viewer})
		return err
	})
}

// atOnce makes what is numbered from 0 to n, many at once, and answers an error of one of them.
func atOnce(n int, make func(int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var all sync.WaitGroup
	for range min(historians, n) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := make(i); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// pastPetition varies as petitions do: every word but the usual ones is that of one in a thousand.
func pastPetition(n int) approval.NewPetition {
	some := n % rareEvery
	reason := fmt.Sprintf("ticket %d: look into what customer c%d has written to support", n, some)
	if some == 0 {
		reason += " " + RareWord(n)
	}
	return approval.NewPetition{
		Reason:    reason,
		Resources: []approval.Resource{{Kind: "history", ID: fmt.Sprintf("record-%d", some), DisplayName: "Customer Record"}},
		Labels:    map[string]string{"team": fmt.Sprint("t", some%50)},
	}
}
