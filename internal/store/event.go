package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertEvent = sqlText(`
		INSERT INTO events (tx, space, id, event, petition, actor, time, doc) VALUES ({tx}, $1, $2, $3, $4, $5, $6, $7)`)
	selectLastCursor = sqlText(`
		SELECT tx, seq FROM events WHERE space = $1 AND {settled} ORDER BY tx DESC, seq DESC LIMIT 1`)
)

func (p *plan) event(e *approval.Event) {
	p.add(insertEvent, p.space, e.ID, e.Event, e.Petition(), e.Actor.ID, micros(e.Timestamp), documentOf(func(j approval.JSON) approval.JSON { return j.Event(e) }))
}

func scanEvent(rows *sql.Rows) (e approval.Event, err error) {
	var document string
	var at approval.Cursor
	if err := rows.Scan(&at.Tx, &at.Seq, &document); err != nil {
		return e, err
	}
	if !approval.ReadEvent(document, &e) {
		err = parse([]byte(document), &e)
	}
	e.Cursor = at
	return e, err
}

// Events implements [approval.Store].
func (s *Store) Events(ctx context.Context, q approval.EventQuery) (approval.Page[approval.Event], error) {
	var result approval.Page[approval.Event]
	page, err := q.Page.Check()
	if err != nil {
		return result, err
	}
	key, given, err := approval.ParsePageToken(page.Token)
	if err != nil {
		return result, err
	}
	part, err := s.within(ctx, q)
	if err != nil {
		return result, err
	}
	if given {
		tx, err := strconv.ParseInt(key.Text, 10, 64)
		if err != nil {
			return result, approval.FieldError("pageToken", "is not a page token of this list: use the nextPageToken of the answer before, unchanged")
		}
		if s.foreign(tx) {
			return result, approval.FieldError("pageToken", foreignText)
		}
		if at := (approval.Cursor{Tx: tx, Seq: key.Number}); page.Ascending {
			part.begin(at)
		} else {
			part.end(at)
		}
	}
	l := eventList{dialect: s.dialect}
	l.begin(q)
	l.within(part)
	l.order(page.Ascending, page.Size+1)
	events, err := list(ctx, s, l.String(), l.args, scanEvent)
	if err != nil {
		return result, err
	}
	rows, last := cut(events, page.Size)
	result.Items = rows
	if last != nil {
		result.Next = approval.PageKey{Number: last.Cursor.Seq, Text: strconv.FormatInt(last.Cursor.Tx, 10)}.Token()
	}
	return result, nil
}

// EventsAfter implements [approval.Store]. What is not settled yet is left for the next call: an event of a
// transaction that began before one that has already committed would otherwise appear behind the cursor.
func (s *Store) EventsAfter(ctx context.Context, q approval.EventQuery, after approval.Cursor, limit int) ([]approval.Event, error) {
	if s.foreign(after.Tx) {
		return nil, approval.FieldError("Last-Event-ID", foreignText)
	}
	l := eventList{dialect: s.dialect}
	l.begin(q)
	l.within(span{after: after})
	l.add(" AND ", s.dialect.words.Replace("{settled}"))
	l.order(true, limit)
	return list(ctx, s, l.String(), l.args, scanEvent)
}

// foreign answers whether a place in the log is of PostgreSQL, from which this SQLite database was copied: nothing would
// ever come after it here.
func (s *Store) foreign(tx int64) bool { return tx != 0 && s.dialect == sqliteDialect }

const foreignText = "is a place in a log that has moved to another database since: begin anew without it, or at a time with `since`"

// LastCursor implements [approval.Store]: the end of what is settled, so that reading on from it misses nothing.
func (s *Store) LastCursor(ctx context.Context, space string) (approval.Cursor, error) {
	last, _, err := one(ctx, s, selectLastCursor, func(rows *sql.Rows) (at approval.Cursor, err error) {
		err = rows.Scan(&at.Tx, &at.Seq)
		return at, err
	}, space)
	return last, err
}

// usualEvents are those that the index of events by name leaves out; its condition stands in a query to say that it may be
// used.
var usualEvents = []string{approval.EventRequest, approval.EventApprove, approval.EventGrant}

var notUsual = " AND event NOT IN ('" + strings.Join(usualEvents, "', '") + "')"

type eventList struct {
	clause
	dialect *dialect
}

// begin selects by what was asked for; each of petition, actor and event has an index in log order.
func (l *eventList) begin(q approval.EventQuery) {
	l.add("SELECT tx, seq, doc FROM events WHERE space = ", l.arg(q.Space))
	for _, c := range []struct{ column, value string }{{"petition", q.Petition}, {"actor", q.Actor}, {"event", q.Event}} {
		if c.value != "" {
			l.add(" AND ", c.column, " = ", l.arg(c.value))
		}
	}
	if q.Event != "" && !slices.Contains(usualEvents, q.Event) {
		l.add(notUsual)
	}
	if !q.Since.IsZero() {
		l.add(" AND time >= ", l.arg(micros(q.Since)))
	}
	if !q.Until.IsZero() {
		l.add(" AND time < ", l.arg(micros(q.Until)))
	}
}

// within keeps to a part of the log. In a log without transaction numbers they are left out of the comparison: SQLite uses
// an index for a pair of columns only if none of them is the row's own number.
func (l *eventList) within(part span) {
	if part.after != (approval.Cursor{}) {
		l.than(">", part.after)
	}
	if part.hasBefore {
		l.than("<", part.before)
	}
}

func (l *eventList) than(than string, c approval.Cursor) {
	if l.dialect == sqliteDialect {
		l.add(" AND tx = 0 AND seq ", than, " ", l.arg(c.Seq))
	} else {
		l.add(" AND (tx, seq) ", than, " (", l.arg(c.Tx), ", ", l.arg(c.Seq), ")")
	}
}

func (l *eventList) order(ascending bool, limit int) {
	direction := " DESC"
	if ascending {
		direction = ""
	}
	l.add(" ORDER BY tx", direction, ", seq", direction)
	l.limit(limit)
}
