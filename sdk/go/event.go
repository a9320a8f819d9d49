package indent

import (
	"context"
	"iter"
	"time"
)

// Meta is what every object carries. Times that do not apply are zero.
type Meta struct {
	Name        string            `json:"name,omitempty"`
	Space       string            `json:"space,omitempty"`
	DisplayName string            `json:"displayName,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	CreateTime  time.Time         `json:"createTime,omitzero"`
	UpdateTime  time.Time         `json:"updateTime,omitzero"`
	DeleteTime  time.Time         `json:"deleteTime,omitzero"`
	ExpireTime  time.Time         `json:"expireTime,omitzero"` // when a petition expires if nobody decides, or a token ends
	StartTime   time.Time         `json:"startTime,omitzero"`  // of a grant
	EndTime     time.Time         `json:"endTime,omitzero"`    // of a grant
}

// Names of the events that a petition's life is made of.
const (
	EventRequest = "access/request"
	EventApprove = "access/approve" // a claim
	EventDeny    = "access/deny"    // a claim
	EventRevoke  = "access/revoke"  // a claim
	EventGrant   = "access/grant"
	EventEnd     = "access/end"
	EventExpire  = "access/expire"
	EventStart   = "access/start"  // a grant begins, later than it was given
	EventWarn    = "access/warn"   // a grant ends soon
	EventExtend  = "access/extend" // another petition goes on with it
	EventClose   = "access/close"
	EventRefused = "access/refused"
)

// Event is an entry of the audit log: who did what to which resources, when and why. A claim is one, too.
type Event struct {
	Event      string     `json:"event"`
	Meta       Meta       `json:"meta,omitzero"`
	Reason     string     `json:"reason,omitempty"`
	Timestamp  time.Time  `json:"timestamp,omitzero"`
	ID         string     `json:"id,omitempty"`
	ExternalID string     `json:"externalId,omitempty"`
	SessionID  string     `json:"sessionId,omitempty"`
	Actor      Resource   `json:"actor,omitzero"`
	Resources  []Resource `json:"resources,omitempty"`
}

// Petition answers the name of the petition that the event belongs to, "" when it belongs to none.
func (e Event) Petition() string { return e.Meta.Labels[LabelPetition] }

func (e *Event) check() error {
	if e.Event == "" {
		return malformed("an event has no name")
	}
	return nil
}

// EventQuery selects events; the zero value selects all, newest first.
type EventQuery struct {
	Petition  string    // name of the petition that they belong to
	Actor     string    // id of who did it
	Event     string    // name, such as "access/approve"
	Since     time.Time // not before
	Until     time.Time // before
	Ascending bool      // oldest first
	PageSize  int       // 1 to 200 per call, 0 means 50
}

// Events lists the space's audit log; it needs the role Petition Admin.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return listed[Event](ctx, c, c.inSpace("/events"), "events", parameters(map[string]string{
		"petition": q.Petition, "actor": q.Actor, "event": q.Event, "since": instant(q.Since), "until": instant(q.Until),
		"ascending": whenTrue(q.Ascending), "pageSize": whenPositive(q.PageSize)}))
}

// instant writes a time as the API has it, "" for none.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
