package torture

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// book keeps what the server has answered: what it acknowledged must be true for ever, what it refused never happens, and
// what it left in doubt is asked again.
type book struct {
	tokens map[string]string // by member

	mu      sync.Mutex
	entries map[string]*entry // by petition
	recent  []string          // petitions that are worked on
	touched map[string]bool   // petitions to look at after the next crash
	doubts  []request

	created, claimed, refused, doubted, told int
}

// entry is what was answered about one petition.
type entry struct {
	claims  map[string]string // id -> event, acknowledged
	refused map[string]bool   // keys of claims that were refused
	told    []approval.Petition
}

const mostRecent = 48

func newBook(tokens map[string]string) *book {
	return &book{tokens: tokens, entries: map[string]*entry{}, touched: map[string]bool{}}
}

func (b *book) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("acknowledged %d petitions and %d claims, refused %d claims, %d outcomes in doubt and asked again, %d waiters answered",
		b.created, b.claimed, b.refused, b.doubted, b.told)
}

// pick answers a petition to work on.
func (b *book) pick(lots *rand.Rand) (name string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.recent) == 0 {
		return "", false
	}
	return b.recent[lots.IntN(len(b.recent))], true
}

// note writes down what a request was answered. It answers an error when the answer cannot be true.
func (b *book) note(r request, a answer) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	name, claim := r.claimOn()
	if e := b.entries[name]; e != nil {
		b.touched[name] = true
	}
	switch {
	case !a.known():
		b.doubted++
		b.doubts = append(b.doubts, r)
	case !claim && a.status == http.StatusOK:
		p, err := a.petition()
		if err != nil {
			return err
		}
		return b.noteCreated(p)
	case claim && a.status == http.StatusOK:
		var made approval.Event
		if err := json.Unmarshal(a.body, &made); err != nil || made.ID == "" {
			return fmt.Errorf("want a claim, got %s (%w)", a, err)
		}
		b.claimed++
		b.entries[name].claims[made.ID] = made.Event
	case claim && (a.status == http.StatusConflict || a.status == http.StatusForbidden):
		b.refused++
		b.entries[name].refused[r.key] = true
	default:
		return fmt.Errorf("%s %s %s was answered with %s", r.method, r.path, r.body, a)
	}
	return nil
}

func (b *book) noteCreated(p petition) error {
	if b.entries[p.Name] != nil {
		return fmt.Errorf("petition %s was made twice", p.Name)
	}
	b.created++
	b.entries[p.Name] = &entry{claims: map[string]string{}, refused: map[string]bool{}, told: []approval.Petition{told(p)}}
	b.touched[p.Name] = true
	b.recent = append(b.recent, p.Name)
	if len(b.recent) > mostRecent {
		b.recent = b.recent[1:]
	}
	return nil
}

// noteTold writes down what somebody who waits or reads was told.
func (b *book) noteTold(p petition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told++
	b.touched[p.Name] = true
	b.entries[p.Name].told = append(b.entries[p.Name].told, told(p))
}

func told(p petition) approval.Petition {
	return approval.Petition{Phase: p.State.Status.Phase, Outcome: p.State.Status.Outcome}
}

// take answers what is in doubt and which petitions are to be looked at, and forgets both.
func (b *book) take() (doubts []request, touched []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	doubts, touched = b.doubts, slices.Sorted(maps.Keys(b.touched))
	b.doubts, b.touched = nil, map[string]bool{}
	return doubts, touched
}

// all answers every petition that was acknowledged, in order.
func (b *book) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Sorted(maps.Keys(b.entries))
}

// agrees answers what was answered about a petition and is not true of it now.
func (b *book) agrees(p petition) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	e := b.entries[p.Name]
	events, keys := map[string]string{}, map[string]bool{}
	for _, made := range p.State.EventHistory {
		events[made.ID] = made.Event
		switch {
		case made.ExternalID == "":
		case keys[made.ExternalID]:
			return fmt.Errorf("petition %s has two claims with the key %s", p.Name, made.ExternalID)
		case e.refused[made.ExternalID]:
			return fmt.Errorf("petition %s has the claim %s, which was refused", p.Name, made.ExternalID)
		default:
			keys[made.ExternalID] = true
		}
	}
	for id, event := range e.claims {
		if events[id] != event {
			return fmt.Errorf("petition %s has lost the acknowledged %s %s", p.Name, event, id)
		}
	}
	for _, told := range e.told {
		if events := proofsOf(told); !p.has(events...) {
			return fmt.Errorf("petition %s was said to be %s %s, and its log has none of %v", p.Name, told.Phase, told.Outcome, events)
		}
	}
	return nil
}

// proofsOf answers the events without one of which a petition cannot be where it is.
func proofsOf(p approval.Petition) []string {
	switch p.Phase {
	case approval.Open:
		return []string{approval.EventRequest}
	case approval.Granted:
		return []string{approval.EventGrant}
	case approval.Revoked:
		return []string{approval.EventRevoke, approval.EventEnd}
	}
	return map[approval.Outcome][]string{
		approval.OutcomeDenied: {approval.EventDeny}, approval.OutcomeWithdrawn: {approval.EventDeny}, approval.OutcomeExpired: {approval.EventExpire},
		approval.OutcomeRevoked: {approval.EventRevoke}, approval.OutcomeEnded: {approval.EventEnd},
	}[p.Outcome]
}
