package app_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

func dev(t *testing.T, dir string) *app.DevServer {
	t.Helper()
	d, err := app.Dev(t.Context(), app.DevOptions{Addr: "127.0.0.1:0", DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Stop(context.Background()) })
	return d
}

func TestDevMakesEverythingOnceAndFindsItAgain(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first := dev(t, dir)
	token := first.AccountToken
	ada := createPetition(t, first.App)
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}

	second := dev(t, dir)
	if second.AccountToken != token {
		t.Error("the service account's token changed although it is valid")
	}
	p, err := second.Service().Petition(t.Context(), owner(t, second.App), ada.Name)
	if err != nil || p.Phase != approval.Open || !p.Verdict.Dev {
		t.Errorf("the petition of the first start is %+v, %v; want open and marked as the dev policy's", p, err)
	}
	for _, file := range []string{second.DevEnv, second.ReviewerEnv} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", file, info.Mode(), err)
		}
		raw, _ := os.ReadFile(file)
		if !strings.Contains(string(raw), "INDENT_API_URL="+second.URL()+"\nINDENT_SPACE=acmecorp\nINDENT_API_TOKEN=") {
			t.Errorf("%s does not name this start's address", filepath.Base(file))
		}
	}
	info, err := os.Stat(filepath.Join(dir, "indent.db"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the database: %v, %v; want mode 0600", info, err)
	}
}

func TestDevListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	_, err := app.Dev(t.Context(), app.DevOptions{Addr: "0.0.0.0:0", DataDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v; a server whose policy lets one person play both parts must stay on this machine", err)
	}
}

func owner(t *testing.T, a *app.App) approval.Actor {
	t.Helper()
	m, err := a.Service().Store.Member(t.Context(), app.DevSpace, app.DevOwner)
	if err != nil {
		t.Fatal(err)
	}
	return m.Actor("", nil)
}

func createPetition(t *testing.T, a *app.App) approval.Petition {
	t.Helper()
	p, _, err := a.Service().CreatePetition(t.Context(), owner(t, a),
		approval.NewPetition{Reason: "to recover account", Resources: []approval.Resource{{Kind: "action", ID: "reset-password:123"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestStopAnswersWaiters(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	viewer := s.Actor(t, apptest.Viewer)
	p, _, err := s.Service().CreatePetition(t.Context(), viewer, approval.NewPetition{Reason: "because", Resources: []approval.Resource{{ID: "x"}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), "GET", s.URL()+"/v1/spaces/acmecorp/petitions/"+p.Name+"?wait=60s", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+s.Token(t, apptest.Viewer))
	answered := make(chan string, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answered <- string(body)
	}()
	waitUntilParked(t, s)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; !strings.Contains(got, `"phase":"open"`) {
		t.Errorf("the waiter was answered %s; want the petition as it is, open", got)
	}
}

// waitUntilParked asks the server's own metric until somebody waits.
func waitUntilParked(t *testing.T, s *apptest.Server) {
	t.Helper()
	for t.Context().Err() == nil {
		response, err := http.Get(s.URL() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if strings.Contains(string(body), "indent_api_waiters 1") {
			return
		}
	}
}

func TestAGrantEndsByItselfAndIsClosed(t *testing.T) {
	t.Parallel()
	clock := approvaltest.NewClock()
	s := apptest.Start(t, apptest.Options{Clock: clock})
	viewer := s.Actor(t, apptest.Viewer)
	p, _, err := s.Service().CreatePetition(t.Context(), viewer,
		approval.NewPetition{Reason: "on call", Resources: []approval.Resource{{ID: "production"}}, Duration: time.Hour}, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = s.Service().Decide(t.Context(), s.Actor(t, apptest.Editor), p.Name, approval.NewClaim{Event: approval.EventApprove}, ""); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Hour)
	// The timers run in their own time; what follows is bounded by the test's deadline, not by a sleep.
	for p.Phase != approval.Closed {
		clock.Advance(time.Second)
		if p, err = s.Service().Petition(t.Context(), viewer, p.Name); err != nil {
			t.Fatal(err)
		}
	}
	if p.Outcome != approval.OutcomeEnded {
		t.Errorf("outcome %s, want ended", p.Outcome)
	}
	history, err := s.Service().History(t.Context(), viewer, p.Name)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range history {
		names = append(names, e.Event)
	}
	if got, want := strings.Join(names, " "), "access/request access/approve access/grant access/end access/close"; got != want {
		t.Errorf("the log says %s, want %s", got, want)
	}
}
