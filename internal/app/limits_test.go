package app_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/config"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// A whole server with its budgets, and our client against it: the client comes back when it is told to, and all that it
// does is done; what was refused on the way is counted in the metrics and is no entry of the log.
func TestAClientThatIsTooFastIsSlowedDownAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{Config: func(c *config.Config) {
		c.RateCalls, c.RatePetitions, c.RateRefusals, c.RateWrong, c.WaitsPerActor = 1, 1, 1, 1, 10
	}})
	client, err := indent.New(indent.Options{URL: s.URL(), Space: apptest.Space, Token: s.ServiceToken(t, "bot", approval.Editor)})
	if err != nil {
		t.Fatal(err)
	}
	for range 7 {
		if _, err := client.CreatePetition(t.Context(), indent.NewPetition{Reason: "why", Resources: []indent.Resource{{ID: "x"}}}); err != nil {
			t.Fatal(err)
		}
	}
	made, err := s.Service().Store.Petitions(t.Context(), approval.PetitionQuery{Space: apptest.Space, Page: approval.PageRequest{Size: approval.MaxPageSize}})
	if err != nil || len(made.Items) != 7 {
		t.Errorf("%d petitions, %v", len(made.Items), err)
	}
	if text := metricsOf(t, s); !strings.Contains(text, `indent_limited_total{limit="calls"}`) || strings.Contains(text, `indent_limited_total{limit="calls"} 0`) {
		t.Errorf("nobody was slowed down:\n%s", text)
	}
	refused, err := s.Service().Store.Events(t.Context(), approval.EventQuery{Space: apptest.Space, Event: approval.EventRefused})
	if err != nil || len(refused.Items) != 0 {
		t.Errorf("the log has %d refusals, %v", len(refused.Items), err)
	}
}

func metricsOf(t *testing.T, s *apptest.Server) string {
	t.Helper()
	res, err := http.Get(s.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
