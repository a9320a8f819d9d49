package app_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
)

// A whole server, moved from SQLite to PostgreSQL and back: what it answers is the same, who waits can still be answered,
// tokens work, timers fire.
func TestAServerMovesToAnotherEngineAndBack(t *testing.T) {
	t.Parallel()
	first, second, third := filepath.Join(t.TempDir(), "a.db"), postgresDatabase(t), filepath.Join(t.TempDir(), "b.db")
	if second == "" {
		return
	}
	clock := approvaltest.NewClock()
	tokens := map[string]string{}
	h := &moved{clock: clock, tokens: tokens}
	s := apptest.Start(t, h.options(first))
	tokens["bot"] = s.ServiceToken(t, "bot", approval.PetitionAdmin)
	tokens["reviewer"] = s.Token(t, apptest.Editor)
	h.populate(t, s)
	before := h.answers(t, s)
	kept := []string{h.sealed(t, s)}
	for _, move := range [][2]string{{first, second}, {second, third}} {
		if err := s.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := app.Migrate(t.Context(), app.MigrateOptions{From: move[0], To: move[1]}); err != nil {
			t.Fatal(err)
		}
		s = apptest.Start(t, h.options(move[1]))
		// a token of a user, made before the move, is good after it, as its key has moved along
		if after := h.answers(t, s); after != before {
			t.Errorf("on %s the server answers\n%s\nwant\n%s", move[1][:4], after, before)
		}
		if _, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Kept: kept}); err != nil {
			t.Errorf("on %s the log is not what it was: %v", move[1][:4], err)
		}
		h.goesOn(t, s)
		kept = append(kept, h.sealed(t, s))
		if _, err := s.VerifyLog(t.Context(), apptest.Space, app.LogTrust{Kept: kept}); err != nil {
			t.Errorf("on %s the log does not go on from what it was: %v", move[1][:4], err)
		}
		tokens["reviewer"] = s.Token(t, apptest.Editor) // the hour of the one before is over
		before = h.answers(t, s)
	}
}

// sealed answers the log's checkpoint. On PostgreSQL what was committed last may take a moment to be settled.
func (h *moved) sealed(t *testing.T, s *apptest.Server) string {
	t.Helper()
	checkpoint, err := s.SealLog(t.Context(), apptest.Space)
	if err != nil {
		t.Fatal(err)
	}
	return checkpoint
}

// options keep the address that people use, which is the issuer of their tokens, while the one listened on changes.
func (h *moved) options(database string) apptest.Options {
	return apptest.Options{Database: database, Clock: h.clock, Config: func(c *config.Config) { c.BaseURL = "https://indent.example.com" }}
}

// postgresDatabase makes an empty database and answers its address, or "" where there is no server to test against and
// none is required.
func postgresDatabase(t *testing.T) string {
	t.Helper()
	server := os.Getenv("INDENT_TEST_POSTGRES")
	if server == "" {
		if os.Getenv("CI") == "true" || os.Getenv("INDENT_TEST_REQUIRE_POSTGRES") == "1" {
			t.Fatal("PostgreSQL is required here: run scripts/postgres.py go test ./internal/app/")
		}
		t.Log("NOT PROVED: this test needs PostgreSQL: run scripts/postgres.py go test ./internal/app/")
		return ""
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	var random [6]byte
	_, _ = rand.Read(random[:])
	name := "indent_move_" + hex.EncodeToString(random[:])
	if _, err := db.ExecContext(t.Context(), "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		_ = db.Close()
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

// moved is a server on its way, and who speaks with it.
type moved struct {
	clock  *approvaltest.Clock
	tokens map[string]string
	open   []string // petitions that wait
}

func (h *moved) populate(t *testing.T, s *apptest.Server) {
	t.Helper()
	for i := range 12 {
		name := h.create(t, s)
		if i%3 == 0 {
			h.decide(t, s, name)
		} else {
			h.open = append(h.open, name)
		}
	}
}

func (h *moved) create(t *testing.T, s *apptest.Server) string {
	t.Helper()
	var made struct{ Name string }
	h.call(t, s, "bot", "POST", "/petitions", `{"petition":{"reason":"to recover the account of käthe",
		"resources":[{"id":"reset-password:123","kind":"action"}],"defaultDuration":"3600s","params":{"a":[1,{"b":"☂"}]}}}`, &made)
	return made.Name
}

func (h *moved) decide(t *testing.T, s *apptest.Server, name string) {
	t.Helper()
	h.call(t, s, "reviewer", "POST", "/petitions/"+name+"/claims", `{"claim":{"event":"access/approve","reason":"ok"}}`, nil)
}

// answers is what clients see: lists, a search, every page of the log, members' tokens.
func (h *moved) answers(t *testing.T, s *apptest.Server) string {
	t.Helper()
	var all strings.Builder
	for _, path := range []string{"/petitions?full=true&pageSize=200", "/petitions?search=k%C3%A4the&pageSize=200", "/petitions?phase=open&pageSize=200",
		"/petitions?search=nothing-of-the-kind", "/events?pageSize=200&ascending=true", "/events?pageSize=200", "/serviceAccounts"} {
		var body json.RawMessage
		h.call(t, s, "reviewer", "GET", path, "", &body)
		all.WriteString(path + "\n" + string(body) + "\n")
	}
	return all.String()
}

// goesOn proves that a server that was moved does all that it did.
func (h *moved) goesOn(t *testing.T, s *apptest.Server) {
	t.Helper()
	name := h.open[0]
	h.open = h.open[1:]
	h.decide(t, s, name)
	later := h.create(t, s)
	var list struct{ Petitions []struct{ Name string } }
	h.call(t, s, "bot", "GET", "/petitions?search=recover&pageSize=200", "", &list)
	if len(list.Petitions) < 12 || list.Petitions[0].Name != later {
		t.Errorf("the new petition is not the first of %d that are found", len(list.Petitions))
	}
	var log struct {
		Events []struct {
			Event string
			Meta  struct{ Labels map[string]string }
		}
	}
	h.call(t, s, "bot", "GET", "/events?pageSize=1", "", &log)
	if log.Events[0].Meta.Labels["petition"] != later {
		t.Errorf("the newest event is %+v, want the new petition's", log.Events[0])
	}
	h.open = append(h.open, later)
	// the grants, made before the move and after it, end when their time is over
	h.clock.Advance(time.Hour + time.Minute)
	deadline := time.Now().Add(30 * time.Second)
	for {
		p, err := s.Service().Petition(t.Context(), s.Actor(t, apptest.Owner), name)
		if err != nil {
			t.Fatal(err)
		}
		granted, err := s.Service().Store.Petitions(t.Context(), approval.PetitionQuery{Space: apptest.Space, Phases: []approval.Phase{approval.Granted, approval.Revoked}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Phase == approval.Closed && len(granted.Items) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the petition is %s and %d others have not ended: timers do not fire", p.Phase, len(granted.Items))
		}
		h.clock.Advance(time.Second)
	}
}

func (h *moved) call(t *testing.T, s *apptest.Server, who, method, path, body string, to any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/v1/spaces/"+apptest.Space+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+h.tokens[who])
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || !slices.Contains([]int{200, 201}, response.StatusCode) {
		t.Fatalf("%s %s answers %d: %s %v", method, path, response.StatusCode, raw, err)
	}
	if to != nil {
		if err := json.Unmarshal(raw, to); err != nil {
			t.Fatal(err)
		}
	}
}
