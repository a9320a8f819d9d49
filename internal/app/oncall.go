package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
)

// Limits of what another system may say about who is on call.
const (
	maxOnCallAnswers = 10_000 // kept
	maxOnCallBody    = 64 << 10
	maxOnCallPersons = 100
	onCallTimeout    = 3 * time.Second
	onCallAskAgain   = 10 * time.Second // after it failed
)

// onCallSources asks other systems who is on call ([policy.Sources]). An answer holds for the time that the document says;
// what cannot be read is asked for again soon.
type onCallSources struct {
	client *http.Client
	clock  approval.Clock
	logger *slog.Logger

	mu    sync.Mutex
	heard map[onCallQuestion]*onCallAnswer
}

// onCallQuestion is an address, and the beginning of the time for which its answer holds.
type onCallQuestion struct {
	url  string
	from time.Time
}

// onCallAnswer is read by the first who needs it; the others wait for done.
type onCallAnswer struct {
	done    chan struct{}
	persons []string
	failed  error
	until   time.Time // of a failure: when to ask again
}

func newOnCallSources(client *http.Client, clock approval.Clock, logger *slog.Logger) *onCallSources {
	return &onCallSources{client: client, clock: clock, logger: logger, heard: map[onCallQuestion]*onCallAnswer{}}
}

// errNotYet: what a source says of the future can change until then, and many say who is on call now whatever they are asked.
var errNotYet = errors.New("nobody can tell who will be on call")

// OnCall answers the addresses of who was on call at that time. An error means that nobody can tell; the log says why. The
// future is not asked about: whoever tries a petition chooses the time, and an answer that is kept would hold when it comes.
func (s *onCallSources) OnCall(ctx context.Context, schedule string, from policy.Source, at time.Time) ([]string, error) {
	if at.After(s.clock.Now()) {
		return nil, errNotYet
	}
	q := onCallQuestion{from.URL, at.UTC().Truncate(from.Refresh)}
	answer, ours := s.answer(q)
	if ours {
		// Others may wait for it: who asked first must not take it away from them by leaving.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), onCallTimeout)
		defer cancel()
		answer.persons, answer.failed = s.ask(ctx, q)
		if answer.failed != nil {
			answer.until = s.clock.Now().Add(onCallAskAgain)
			s.logger.WarnContext(ctx, "who is on call cannot be read: the schedule's group stands in", "schedule", schedule, "error", answer.failed)
		}
		close(answer.done)
	}
	select {
	case <-answer.done:
		return answer.persons, answer.failed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// answer answers what is known, or is being asked for; ours says that the caller must ask.
func (s *onCallSources) answer(q onCallQuestion) (answer *onCallAnswer, ours bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer = s.heard[q]
	if answer != nil && !answer.over(s.clock.Now()) {
		return answer, false
	}
	if len(s.heard) >= maxOnCallAnswers {
		clear(s.heard)
	}
	answer = &onCallAnswer{done: make(chan struct{})}
	s.heard[q] = answer
	return answer, true
}

// over answers whether it failed long enough ago to ask again. A clock that was turned back asks, too.
func (a *onCallAnswer) over(now time.Time) bool {
	select {
	case <-a.done:
		return a.failed != nil && (!now.Before(a.until) || now.Before(a.until.Add(-onCallAskAgain)))
	default:
		return false
	}
}

func (s *onCallSources) ask(ctx context.Context, q onCallQuestion) ([]string, error) {
	u, err := url.Parse(q.url)
	if err != nil {
		return nil, err
	}
	query := u.Query()
	query.Set("at", q.from.Format(time.RFC3339))
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", u.Host, response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxOnCallBody+1))
	if err != nil {
		return nil, err
	}
	return onCallPersons(body)
}

// onCallPersons reads {"onCall": ["ada@example.com"]}. Half an answer is none: who is left out would be nobody.
func onCallPersons(body []byte) ([]string, error) {
	if len(body) > maxOnCallBody {
		return nil, fmt.Errorf("the answer is longer than %d bytes", maxOnCallBody)
	}
	var said struct {
		OnCall *[]string `json:"onCall"`
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return nil, fmt.Errorf("the answer is not {\"onCall\": [addresses]}: %w", err)
	}
	if said.OnCall == nil || len(*said.OnCall) > maxOnCallPersons {
		return nil, fmt.Errorf("the answer needs onCall with at most %d addresses", maxOnCallPersons)
	}
	persons := make([]string, 0, len(*said.OnCall))
	for _, name := range *said.OnCall {
		person := strings.ToLower(name)
		if err := approval.CheckEmail("onCall", person); err != nil {
			return nil, err
		}
		persons = append(persons, person)
	}
	return persons, nil
}
