package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// client sends requests, each once.
type client struct {
	url  string
	http *http.Client
}

func newClient(t *testing.T, url string) *client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{url + "/v1/spaces/" + space, &http.Client{Transport: transport, Timeout: 40 * time.Second}}
}

// request is a call that may have to be sent again.
type request struct {
	method, path, body, token, key string
}

// answer is what came back; status is 0 when nothing did.
type answer struct {
	status   int
	replayed bool
	body     []byte
	err      error
}

// known answers whether the server has said what became of the request.
func (a answer) known() bool { return a.status != 0 && a.status < http.StatusInternalServerError }

func (a answer) String() string { return fmt.Sprintf("%d %s (%v)", a.status, a.body, a.err) }

func (c *client) send(ctx context.Context, r request) answer {
	call, err := http.NewRequestWithContext(ctx, r.method, c.url+r.path, bytes.NewReader([]byte(r.body)))
	if err != nil {
		return answer{err: err}
	}
	call.GetBody = nil // the transport would send it again by itself
	call.Header.Set("Authorization", "Bearer "+r.token)
	if r.key != "" {
		call.Header.Set("Idempotency-Key", r.key)
	}
	response, err := c.http.Do(call)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{err: err}
	}
	return answer{response.StatusCode, response.Header.Get("Idempotency-Replayed") == "true", body, nil}
}

// petition is a petition as the API answers it.
type petition struct {
	Name        string
	Petitioners []approval.Resource
	CreatedBy   approval.Resource
	State       struct {
		Status struct {
			Phase   approval.Phase
			Outcome approval.Outcome
		}
		Verdict struct {
			Decision, Rule string
			Requirements   []approval.Requirement
		}
		Decision     *approval.Decision
		Grant        *approval.Grant
		Claims       []approval.Event
		EventHistory []approval.Event
	}
}

func (a answer) petition() (p petition, err error) {
	if a.status != http.StatusOK {
		return p, fmt.Errorf("want a petition, got %s", a)
	}
	if err = json.Unmarshal(a.body, &p); err == nil && p.Name == "" {
		err = fmt.Errorf("no petition: %s", a.body)
	}
	return p, err
}

// whole answers how the petition differs from what its history makes it.
func (p petition) whole() error {
	st := &p.State
	told := approval.Petition{Space: space, Name: p.Name, Phase: st.Status.Phase, Outcome: st.Status.Outcome, Petitioners: p.Petitioners,
		CreatedBy: p.CreatedBy, Decision: st.Decision, Grant: st.Grant, Claims: st.Claims, Verdict: approval.Verdict{
			Decision: st.Verdict.Decision, Rule: st.Verdict.Rule, Requirements: st.Verdict.Requirements}}
	made, err := rebuilt(told, st.EventHistory)
	if err != nil {
		return fmt.Errorf("the events of %s cannot have happened: %w", p.Name, err)
	}
	made.CreateTime, made.UpdateTime, made.Labels = told.CreateTime, told.UpdateTime, told.Labels
	if made.Phase == approval.Revoked {
		made.Outcome = "" // the API says it of closed ones
	}
	want, err := json.Marshal(made)
	if err != nil {
		return err
	}
	got, err := json.Marshal(told)
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("petition %s is\n%s\nand its events make it\n%s", p.Name, got, want)
	}
	return err
}

// has answers whether the history has one of the events.
func (p petition) has(events ...string) bool {
	return slices.ContainsFunc(p.State.EventHistory, func(e approval.Event) bool { return slices.Contains(events, e.Event) })
}
