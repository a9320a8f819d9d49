package indent_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// node is a server that can be stopped and started again on the same address and data.
type node struct {
	t        *testing.T
	database string
	addr     string
	*apptest.Server
}

func startNode(t *testing.T) *node {
	n := &node{t: t, database: filepath.Join(t.TempDir(), "indent.db"), addr: "127.0.0.1:0"}
	n.start()
	return n
}

func (n *node) start() {
	n.t.Helper()
	n.Server = apptest.Start(n.t, apptest.Options{Database: n.database, Addr: n.addr, Policy: policy.Dev()})
	n.addr = n.Addr()
}

func (n *node) stop() {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := n.Stop(ctx); err != nil {
		n.t.Fatal(err)
	}
}

func (n *node) client(token string) *indent.Client {
	n.t.Helper()
	c, err := indent.New(indent.Options{URL: n.URL(), Space: apptest.Space, Token: token})
	if err != nil {
		n.t.Fatal(err)
	}
	return c
}

func TestCodeThatWaitsSurvivesARestartOfTheServer(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	c := n.client(n.ServiceToken(t, "bot", approval.PetitionAdmin))
	requested, troubled, ended := make(chan *indent.Petition, 1), make(chan struct{}, 1), make(chan error, 1)
	go func() {
		_, err := c.Await(t.Context(), indent.Request{Reason: "to survive", Resources: []indent.Resource{{Kind: "action", ID: "x"}}, Timeout: indent.Forever,
			OnProgress: func(p indent.Progress) {
				switch p.Kind {
				case indent.ProgressRequested:
					requested <- p.Petition
				case indent.ProgressTrouble:
					troubled <- struct{}{}
				}
			}})
		ended <- err
	}()
	petition := <-requested
	n.stop()
	<-troubled
	n.start()
	if _, err := n.client(n.Token(t, apptest.Editor)).Approve(t.Context(), petition, indent.ClaimOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the approval was lost: %v", err)
	}
}

func TestWhoFollowsMissesNothingOverARestart(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	token := n.ServiceToken(t, "bot", approval.PetitionAdmin)
	ask := func(reason string) {
		t.Helper()
		if _, err := n.client(token).CreatePetition(t.Context(), indent.NewPetition{Reason: reason, Resources: []indent.Resource{{Kind: "action", ID: "x"}}}); err != nil {
			t.Fatal(err)
		}
	}
	ask("one")
	var seen string
	for e, err := range n.client(token).Follow(t.Context(), indent.FollowOptions{Event: indent.EventRequest, After: logStart}) {
		if err != nil {
			t.Fatal(err)
		}
		seen += e.Reason + " "
		switch e.Reason {
		case "one":
			n.stop()
			n.start()
			ask("two")
			ask("three")
		case "three":
			if seen != "one two three " {
				t.Errorf("followed %q", seen)
			}
			return
		}
	}
}

func TestADecisionOnAnotherPetitionThanWasShownIsRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t)
	reviewer := n.client(n.Token(t, apptest.Editor))
	p, err := reviewer.CreatePetition(t.Context(), indent.NewPetition{Reason: "x", Resources: []indent.Resource{{Kind: "action", ID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	shown := *p
	shown.Digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	if _, err := reviewer.Approve(t.Context(), &shown, indent.ClaimOptions{}); !errors.Is(err, indent.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if p, err := reviewer.Petition(t.Context(), p.Name); err != nil || p.Phase() != indent.PhaseOpen {
		t.Errorf("afterwards it is %v, %v", p, err)
	}
}
