package indent

import (
	"context"
	"iter"
	"time"
)

// Delegation lets a deputy decide, for a time, what somebody who is away may decide.
type Delegation struct {
	From         string    `json:"from"` // the address of who is away
	To           string    `json:"to"`   // the address of the deputy
	StartTime    time.Time `json:"startTime"`
	EndTime      time.Time `json:"endTime"`
	State        string    `json:"state"` // coming, active, over (its time was up) or ended (by somebody, before)
	Reason       string    `json:"reason,omitempty"`
	EndedTime    time.Time `json:"endedTime,omitzero"` // when somebody has ended it before its time
	EndedBy      string    `json:"endedBy,omitempty"`
	LastUsedTime time.Time `json:"lastUsedTime,omitzero"` // when the deputy last decided by it
	Meta         Meta      `json:"meta,omitzero"`         // Name is what EndDelegation takes
	CreatedBy    Resource  `json:"createdBy,omitzero"`
}

// Deputy may approve a petition now on behalf of somebody who is away. The two give one vote together.
type Deputy struct {
	Member       Resource  `json:"member"`
	Away         Resource  `json:"away"`         // for whom
	EndTime      time.Time `json:"endTime"`      // of the delegation
	Requirements []int     `json:"requirements"` // the places of those that an approval counts for
}

func (d *Delegation) check() error {
	if d.From == "" || d.To == "" {
		return malformed("a delegation does not say who decides for whom")
	}
	return nil
}

// NewDelegation names a deputy.
type NewDelegation struct {
	To        string    `json:"to"`                 // the address of the deputy
	From      string    `json:"from,omitempty"`     // who is away; "": the caller. Another takes an owner
	StartTime time.Time `json:"startTime,omitzero"` // zero: now
	EndTime   time.Time `json:"endTime,omitzero"`   // at most 90 days behind the start
	Reason    string    `json:"reason,omitempty"`
}

// Delegations lists those that are not over, by start; without the permission members:read only the caller's own, as the person
// who is away and as the deputy.
func (c *Client) Delegations(ctx context.Context) iter.Seq2[Delegation, error] {
	return listed[Delegation](ctx, c, c.inSpace("/delegations"), "delegations", nil)
}

// Delegation gets one, also when it is over.
func (c *Client) Delegation(ctx context.Context, name string) (Delegation, error) {
	name, err := segment("delegation", name)
	if err != nil {
		return Delegation{}, err
	}
	return answered[Delegation](ctx, c, call{method: "GET", path: c.inSpace("/delegations/" + name), repeatable: true})
}

// CreateDelegation names a deputy for a time: the two give one vote together, and claims by the deputy are marked
// indent.com/claim/onBehalfOf. It takes the token of a login whose person signed in less than 15 minutes ago ([ErrForbidden] with
// another one, and for who has a passkey: they name the deputy on the page of their account).
func (c *Client) CreateDelegation(ctx context.Context, n NewDelegation) (Delegation, error) {
	return answered[Delegation](ctx, c, call{method: "POST", path: c.inSpace("/delegations"), body: n})
}

// EndDelegation ends one before its time, at once: what the deputy has approved by it counts no more where a petition still
// waits. One that is over is [ErrConflict].
func (c *Client) EndDelegation(ctx context.Context, name string) error {
	name, err := segment("delegation", name)
	if err != nil {
		return err
	}
	return c.do(ctx, call{method: "DELETE", path: c.inSpace("/delegations/" + name)})
}
