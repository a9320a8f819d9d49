package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

func TestMain(m *testing.M) {
	faulttest.RunNode()
	// Most of these tests wait most of the time, for limits to pass.
	if err := flag.Set("test.parallel", "4"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// inSpace is where all calls go.
const inSpace = "/v1/spaces/" + apptest.Space

// credentials are the tokens of a database's members: one asks, the other decides, and so does the third.
type credentials struct{ asker, reviewer, other string }

// furnish makes the space and the tokens in an empty database, which nodes are then started on.
func furnish(t *testing.T, database string) credentials {
	t.Helper()
	s := apptest.Start(t, apptest.Options{Database: database, Config: func(c *config.Config) { c.BaseURL = faulttest.BaseURL }})
	made := tokens(t, s)
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return made
}

func tokens(t *testing.T, s *apptest.Server) credentials {
	t.Helper()
	return credentials{s.Token(t, apptest.Viewer), s.Token(t, apptest.Editor), s.Token(t, apptest.Owner)}
}

// client is somebody who calls a server, with a limit on each call.
type client struct {
	http  *http.Client
	limit time.Duration
}

// newClient answers a client; connections are not kept longer than the test.
func newClient(t *testing.T, limit time.Duration) *client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport}, limit}
}

// answer is what came back; status is 0 when nothing did, and err says why.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// call sends one request, once.
func (c *client) call(ctx context.Context, token, method, address string, body any, headers ...string) answer {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	var content io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return answer{err: err}
		}
		content = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, address, content)
	if err != nil {
		return answer{err: err}
	}
	request.GetBody = nil // the transport never sends a request twice
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{err: err}
	}
	return answer{response.StatusCode, response.Header, text, nil}
}

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %.400s", a.status, a.body)
}

// petition is as much of a petition as these tests look at.
type petition struct {
	Name  string
	Meta  struct{ EndTime time.Time }
	State struct {
		Status   struct{ Phase, Outcome string }
		Decision *struct {
			Claim, Reason string
			Actor         struct{ ID string }
		}
		Claims       []struct{ ID, Event, Reason string }
		EventHistory []struct{ Event, ID string }
	}
}

// petition reads an answer that must be one.
func (a answer) petition(t *testing.T) petition {
	t.Helper()
	var p petition
	if a.status != http.StatusOK {
		t.Fatalf("want a petition, got %s", a)
	}
	if err := json.Unmarshal(a.body, &p); err != nil || p.Name == "" {
		t.Fatalf("no petition: %v in %s", err, a)
	}
	return p
}

// later fails the test unless the answer tells a client to come back: 503 and when.
func (a answer) later(t *testing.T) {
	t.Helper()
	var problem struct{ Code string }
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" ||
		json.Unmarshal(a.body, &problem) != nil || problem.Code != "unavailable" {
		t.Errorf("want 503 with Retry-After, got %s (%v)", a, a.header)
	}
}

// figure answers a number of a server's /metrics, -1 when it says none.
func (c *client) figure(t *testing.T, server, name string) int {
	t.Helper()
	a := c.call(t.Context(), "", http.MethodGet, server+"/metrics", nil)
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindSubmatch(a.body)
	if found == nil {
		return -1
	}
	n, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		t.Error(err)
	}
	return int(n)
}

type object = map[string]any

// asking is the body of a petition with a reason.
func asking(reason string) object {
	return object{"petition": object{"reason": reason, "resources": []object{{"kind": "action", "id": "reset-password"}}}}
}

// deciding is the body of a claim with a reason.
func deciding(event, reason string) object {
	return object{"claim": object{"event": "access/" + event, "reason": reason}}
}
