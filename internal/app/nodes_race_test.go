package app_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// One idempotency key on two nodes at once is one petition, and all who sent it are answered with it (I16).
func TestOneKeyOnTwoNodesIsOnePetition(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	nodes := []*peer{c.join(), c.join()}
	viewer := nodes[0].Token(t, apptest.Viewer)
	const rounds, senders = 10, 8
	for round := range rounds {
		answers, begin := make([]result, senders), make(chan struct{})
		var group sync.WaitGroup
		for i := range senders {
			group.Go(func() {
				<-begin
				answers[i] = nodes[i%2].call(viewer, "POST", "/petitions", asked, "Idempotency-Key", fmt.Sprint("round-", round))
			})
		}
		close(begin)
		group.Wait()
		name, made := c.petition(answers[0]).Name, 0
		for _, r := range answers {
			if got := c.petition(r).Name; got != name {
				t.Errorf("one key made %s and %s", name, got)
			}
			if r.header.Get("Idempotency-Replayed") == "" {
				made++
			}
		}
		if made != 1 {
			t.Errorf("%d of %d were told that they made it", made, senders)
		}
		if got := nodes[round%2].log(name); got != "access/request" {
			t.Errorf("the log says %s", got)
		}
	}
	if n := c.count("SELECT count(*) FROM petitions"); n != rounds {
		t.Errorf("%d petitions, want %d", n, rounds)
	}
}

// Sixty-four people decide at once on two nodes, half of them for and half against: one decides, the others are told who
// did, and the log and the votes know of one (I5, I9).
func TestManyDecidersOnTwoNodesAreOneDecision(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	nodes := []*peer{c.join(), c.join()}
	const deciders = 64
	tokens := make([]string, deciders)
	for i := range tokens {
		email := fmt.Sprintf("decider-%d@acmecorp.example", i)
		if _, err := nodes[0].Service().PutMember(t.Context(), approval.System(apptest.Space, "admin"), approval.Member{Email: email, Role: approval.Editor}); err != nil {
			t.Fatal(err)
		}
		tokens[i] = nodes[0].Token(t, email)
	}
	for range 3 {
		name := nodes[0].ask()
		answers, begin := make([]result, deciders), make(chan struct{})
		var group sync.WaitGroup
		for i := range deciders {
			group.Go(func() {
				<-begin
				answers[i] = nodes[i%2].decide(tokens[i], name, []string{approval.EventApprove, approval.EventDeny}[i/2%2])
			})
		}
		close(begin)
		group.Wait()
		decided := 0
		for _, r := range answers {
			switch r.status {
			case http.StatusOK:
				decided++
			case http.StatusConflict:
			default:
				t.Errorf("%d %s", r.status, r.body)
			}
		}
		log, votes := "access/request access/approve access/grant", 1
		if p := nodes[1].stored(name); p.Phase != approval.Granted {
			log, votes = "access/request access/deny", 0
			if p.Outcome != approval.OutcomeDenied {
				t.Errorf("it is %s %s", p.Phase, p.Outcome)
			}
		}
		for _, n := range nodes {
			if got := n.log(name); got != log {
				t.Errorf("the log says %s, want %s", got, log)
			}
			if p := n.stored(name); decided != 1 || len(p.Claims) != 1 {
				t.Errorf("%d were told that they decided, the petition has %d claims", decided, len(p.Claims))
			}
		}
		if n := c.count("SELECT count(*) FROM votes WHERE petition = $1", name); n != votes {
			t.Errorf("%d votes were counted, want %d", n, votes)
		}
	}
}
