package api

import (
	"context"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// eventFilter selects events.
type eventFilter struct {
	Petition string    `query:"petition" maxLength:"128" doc:"Only events of this petition."`
	Actor    string    `query:"actor" maxLength:"1024" doc:"Only events by the actor of this id."`
	Event    string    `query:"event" maxLength:"128" doc:"Only events of this name." example:"access/approve"`
	Since    time.Time `query:"since" doc:"Only events at or after this time (RFC 3339)."`
	Until    time.Time `query:"until" doc:"Only events before this time (RFC 3339)."`
}

func (f eventFilter) query() approval.EventQuery {
	return approval.EventQuery{Petition: f.Petition, Actor: f.Actor, Event: f.Event, Since: f.Since, Until: f.Until}
}

type listEventsIn struct {
	pageIn
	eventFilter
}

type eventList struct {
	Events []approval.Event `json:"events"`
	NextPage
}

func (a *API) listEvents(ctx context.Context, actor approval.Actor, in listEventsIn) (*eventList, error) {
	q := in.query()
	q.Page = in.request()
	page, err := a.Service.Events(ctx, actor, q)
	if err != nil {
		return nil, err
	}
	return &eventList{page.Items, NextPage{page.Next}}, nil
}

type streamEventsIn struct {
	eventFilter
	Last   string `header:"Last-Event-ID" maxLength:"64" doc:"The last id that the client has seen: the stream goes on behind it. Without it the stream starts now."`
	LastID string `query:"lastEventId" maxLength:"64" doc:"The same, for clients that cannot set headers."`
}

// streamEvents follows the log until the client leaves, its token ends or the server stops.
func (a *API) streamEvents(ctx context.Context, actor approval.Actor, in streamEventsIn, out *eventStream) error {
	var after *approval.Cursor
	field, last := "Last-Event-ID", in.Last
	if last == "" {
		field, last = "lastEventId", in.LastID
	}
	if last != "" {
		cursor, err := approval.ParseCursor(field, last)
		if err != nil {
			return err
		}
		after = &cursor
	}
	return a.Service.StreamEvents(ctx, actor, in.query(), after, func(e approval.Event) error {
		return out.send(e.Cursor.String(), e)
	}, out.alive)
}
