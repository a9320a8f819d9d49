package indent

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Phase is where a petition stands: open -> granted -> revoked -> closed, or open -> closed.
type Phase string

// The phases. Only PhaseGranted permits anything.
const (
	PhaseOpen    Phase = "open"
	PhaseGranted Phase = "granted"
	PhaseRevoked Phase = "revoked"
	PhaseClosed  Phase = "closed"
)

// Outcome says why a petition is closed.
type Outcome string

// The outcomes.
const (
	OutcomeDenied    Outcome = "denied"
	OutcomeWithdrawn Outcome = "withdrawn"
	OutcomeExpired   Outcome = "expired" // nobody decided in time
	OutcomeRevoked   Outcome = "revoked"
	OutcomeEnded     Outcome = "ended" // its time was up
)

// Petition is a request that petitioners be allowed resources for a reason.
type Petition struct {
	Name        string     `json:"name"` // UUID
	SpaceName   string     `json:"spaceName"`
	Meta        Meta       `json:"meta"`
	Petitioners []Resource `json:"petitioners"`
	Resources   []Resource `json:"resources"`
	// DefaultDuration is how long was asked for, 0 when policy's default was.
	DefaultDuration time.Duration   `json:"-"`
	StartTime       time.Time       `json:"startTime,omitzero"` // when the grant was asked to begin; zero: at once
	Reason          string          `json:"reason"`
	Params          json.RawMessage `json:"params,omitempty"` // what the action is done with, a JSON object; nil when none were sent
	// Digest is "sha256:" and 64 hex digits over all that is asked; a claim binds to it.
	Digest    string   `json:"digest"`
	CreatedBy Resource `json:"createdBy"`
	State     State    `json:"state"`
}

// State is where a petition stands and how it came there.
type State struct {
	Status   Status    `json:"status"`
	Verdict  *Verdict  `json:"verdict,omitempty"`
	Decision *Decision `json:"decision,omitempty"` // nil while it is open, and when time or a rule decided
	Grant    *Grant    `json:"grant,omitempty"`    // once it was granted
	// Progress is the stage that decides now; nil where there is one stage that time does not change.
	Progress *StageProgress `json:"progress,omitempty"`
	Review   *Review        `json:"review,omitempty"` // what follows a grant that broke the glass
	Claims   []Event        `json:"claims"`
	// EventHistory is complete in the answer to one petition; a list has it when asked in full.
	EventHistory []Event `json:"eventHistory"`
	// Deputies may approve it now on behalf of somebody who is away: only in the answer of [Client.Petition] and its like.
	Deputies []Deputy  `json:"deputies,omitempty"`
	Messages []Message `json:"messages"` // what who asks should know; nearly always none
}

// Status is the short form of a petition's state.
type Status struct {
	Phase   Phase   `json:"phase"`
	Outcome Outcome `json:"outcome,omitempty"` // of a closed petition
	Message string  `json:"message,omitempty"` // one sentence for people
	// Webhooks is what webhooks were told of the grant: only in the answer of [Client.Petition] and its like, and empty where none
	// applies it. A petition that is revoked is not closed before all have taken access away.
	Webhooks []Application `json:"webhooks,omitempty"`
}

// Decision is the claim that decided.
type Decision struct {
	Claim     string    `json:"claim"` // access/approve, access/deny or access/revoke
	Actor     Resource  `json:"actor"`
	Reason    string    `json:"reason,omitempty"`
	Timestamp time.Time `json:"timestamp"`
	// OnBehalfOf is who was away, where their deputy has decided for them; else "".
	OnBehalfOf string `json:"onBehalfOf,omitempty"`
}

// Grant is the time-bound permission that a granted petition gives.
type Grant struct {
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime,omitzero"`  // zero: until it is revoked
	Warned    bool      `json:"warned,omitempty"`  // the log has told that it ends soon
	Pending   bool      `json:"pending,omitempty"` // it has not begun
}

// Ref answers the petition as people see it, "#space/name".
func (p *Petition) Ref() string { return "#" + p.SpaceName + "/" + p.Name }

// Phase answers where the petition stands.
func (p *Petition) Phase() Phase { return p.State.Status.Phase }

// MarshalJSON answers the petition as the API has it.
func (p Petition) MarshalJSON() ([]byte, error) {
	type plain Petition
	return json.Marshal(struct {
		plain
		DefaultDuration string `json:"defaultDuration,omitempty"`
	}{plain(p), writeDuration(p.DefaultDuration)})
}

// UnmarshalJSON reads the petition as the API has it.
func (p *Petition) UnmarshalJSON(b []byte) error {
	type plain Petition
	read := struct {
		*plain
		DefaultDuration string `json:"defaultDuration"`
	}{plain: (*plain)(p)}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	var err error
	p.DefaultDuration, err = readDuration(read.DefaultDuration)
	return err
}

func (p *Petition) check() error {
	switch {
	case p.Name == "" || p.SpaceName == "":
		return malformed("a petition has no name")
	case p.Phase() == "":
		return malformed("petition %s has no phase", snippet(p.Name))
	}
	return nil
}

// NewPetition is what is asked for.
type NewPetition struct {
	Reason      string     // why; reviewers read it; 1 to 4,000 characters
	Resources   []Resource // what for; 1 to 100
	Petitioners []Resource // for whom; default: the caller. For others it needs the role Petition Admin
	// Params is what the action will be done with: anything that is written as a JSON object of at most 64 KiB. Integers
	// beyond 2^53-1 are refused: send them as text.
	Params      any
	Duration    time.Duration     // how long; 0: as policy says
	StartTime   time.Time         // when the grant begins, at most 90 days away; zero: at once
	Labels      map[string]string // at most 64
	DisplayName string
	// IdempotencyKey makes a petition that is sent again the same petition, also from another process; 1 to 200 visible
	// ASCII characters, made when absent. The same key with another petition is ErrConflict.
	IdempotencyKey string
}

// CreatePetition asks, and answers the petition as policy left it: open, granted or closed. What is out of its limits
// is [ErrInvalid], naming the field.
func (c *Client) CreatePetition(ctx context.Context, n NewPetition) (*Petition, error) {
	key, err := checkKey(n.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	body, err := n.body()
	if err != nil {
		return nil, err
	}
	return c.petitionAnswer(ctx, call{method: "POST", path: c.inSpace("/petitions"), body: body, key: key, repeatable: true}, "")
}

// petitionBody is a petition as it is sent.
type petitionBody struct {
	Petition struct {
		Petitioners     []Resource      `json:"petitioners,omitempty"`
		Resources       []Resource      `json:"resources"`
		Reason          string          `json:"reason"`
		DefaultDuration string          `json:"defaultDuration,omitempty"`
		StartTime       time.Time       `json:"startTime,omitzero"`
		Params          json.RawMessage `json:"params,omitempty"`
		Meta            Meta            `json:"meta,omitzero"`
	} `json:"petition"`
}

func (n NewPetition) body() (b petitionBody, err error) {
	if n.Params != nil {
		params, err := encode(n.Params)
		if err != nil {
			return b, under("petition.params", err)
		}
		if text := string(params); text != "null\n" {
			b.Petition.Params = params
		}
	}
	b.Petition.Petitioners, b.Petition.Resources, b.Petition.Reason = n.Petitioners, append([]Resource{}, n.Resources...), n.Reason
	b.Petition.DefaultDuration = writeDuration(n.Duration)
	b.Petition.StartTime = n.StartTime
	b.Petition.Meta = Meta{Labels: n.Labels, DisplayName: n.DisplayName}
	return b, nil
}

func under(field string, err error) error {
	if e, ok := err.(*Error); ok && e.Field == "" {
		e.Field = field
	}
	return err
}

// Petition answers the petition of that name with its history, or [ErrNotFound].
func (c *Client) Petition(ctx context.Context, name string) (*Petition, error) {
	return c.onPetition(ctx, call{method: "GET", repeatable: true}, name)
}

// ReplacePetition withdraws an open petition and asks anew, in one step; it answers the new one. A petition is never
// edited. Only who asked may replace it; one that was decided is [ErrConflict].
func (c *Client) ReplacePetition(ctx context.Context, name string, n NewPetition) (*Petition, error) {
	path, err := c.petitionPath(name)
	if err != nil {
		return nil, err
	}
	body, err := n.body()
	if err != nil {
		return nil, err
	}
	return c.petitionAnswer(ctx, call{method: "PUT", path: path, body: body}, "")
}

// WithdrawPetition closes an open petition on behalf of who asked. One that was decided is [ErrConflict].
func (c *Client) WithdrawPetition(ctx context.Context, name string) (*Petition, error) {
	return c.onPetition(ctx, call{method: "DELETE"}, name)
}

// PetitionQuery selects petitions; the zero value selects all, newest first.
type PetitionQuery struct {
	Phases   []Phase
	Search   string // words that must be in it
	Selector string // of labels, in Kubernetes syntax
	ForMe    bool   // only those that wait for the caller's own decision
	// Petitioner is the id of who asked; "me" is the caller.
	Petitioner string
	Full       bool // with their event history
	Ascending  bool // oldest first
	PageSize   int  // 1 to 200 per call, 0 means 50
}

// Petitions lists the space's petitions.
func (c *Client) Petitions(ctx context.Context, q PetitionQuery) iter.Seq2[*Petition, error] {
	var phases []string
	for _, phase := range q.Phases {
		phases = append(phases, string(phase))
	}
	query := parameters(map[string]string{"phase": strings.Join(phases, ","), "petitioner": q.Petitioner, "search": q.Search, "labelSelector": q.Selector,
		"full": whenTrue(q.Full), "ascending": whenTrue(q.Ascending), "pageSize": whenPositive(q.PageSize)})
	if q.ForMe {
		query.Set("reviewer", "me")
	}
	return func(yield func(*Petition, error) bool) {
		for p, err := range listed[Petition](ctx, c, c.inSpace("/petitions"), "petitions", query) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&p, nil) {
				return
			}
		}
	}
}

func (c *Client) onPetition(ctx context.Context, one call, name string) (*Petition, error) {
	path, err := c.petitionPath(name)
	if err != nil {
		return nil, err
	}
	one.path = path
	return c.petitionAnswer(ctx, one, name)
}

// petitionAnswer sends the call and answers the petition, which must be the one asked for unless name is empty.
func (c *Client) petitionAnswer(ctx context.Context, one call, name string) (*Petition, error) {
	p, err := answered[Petition](ctx, c, one)
	if err == nil {
		err = c.isAskedFor(&p, name)
	}
	if err != nil {
		return nil, err
	}
	return &p, nil
}

func (c *Client) isAskedFor(p *Petition, name string) error {
	if p.SpaceName == c.settings.space && (p.Name == name || name == "") {
		return nil
	}
	return &ResponseError{wrong: true, Message: fmt.Sprintf("the server answered petition %s instead of #%s/%s: something between here and there mixes up answers",
		snippet(p.Ref()), c.settings.space, snippet(name))}
}

func (c *Client) petitionPath(name string) (string, error) {
	name, err := segment("petition", name)
	return c.inSpace("/petitions/" + name), err
}
