package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const applicationColumns = `space, petition, webhook, name, version, pair, state, holds, ending, check_time, drift, doc`

// A webhook that holds access is not deleted, and none that was deleted comes to hold any: whoever notes that it is about to
// has its row, and whoever deletes it has it first.
const unlessDeleted = `($7 = 0 OR EXISTS (SELECT 1 FROM webhooks WHERE space = $1 AND name = $3 {for share}))`

var (
	insertApplication = sqlText(`
		INSERT INTO applications (space, petition, webhook, name, version, pair, state, holds, ending, doc, check_time, drift)
		SELECT $1, $2, $3, $4, 1, $5, $6, CAST($7 AS bigint), CAST($8 AS bigint), $9, CAST($10 AS bigint), $11 WHERE ` + unlessDeleted)
	updateApplication = sqlText(`
		UPDATE applications SET version = version + 1, pair = $5, state = $6, holds = $7, ending = $8, doc = $9, check_time = $10, drift = $11
		WHERE space = $1 AND petition = $2 AND webhook = $3 AND name = $4 AND version = $12 AND ` + unlessDeleted)
	selectChecks = sqlText(`
		SELECT ` + applicationColumns + ` FROM applications WHERE space = $1 AND webhook = $2 AND check_time > 0 ORDER BY check_time LIMIT $3`)
	selectDrifts = sqlText(`
		SELECT ` + applicationColumns + ` FROM applications WHERE space = $1 AND webhook = $2 AND drift <> '' ORDER BY petition, name LIMIT $3`)
	countDrifts       = sqlText(`SELECT count(*) FROM applications WHERE drift <> ''`)
	countDriftsOfEach = sqlText(`SELECT webhook, count(*) FROM applications WHERE space = $1 AND drift <> '' GROUP BY webhook`)
	countDriftsOf     = sqlText(`SELECT count(*) FROM applications WHERE space = $1 AND webhook = $2 AND drift <> ''`)
	countHolding      = sqlText(`
		SELECT count(*) FROM applications WHERE space = $1 AND webhook = $2 AND state <> 'ended' AND holds = 1`)
	selectHeld = sqlText(`
		SELECT webhook, CAST(sum(holds) AS bigint), count(CASE WHEN ending > 0 AND ending < $2 THEN 1 END),
			coalesce(min(CASE WHEN ending > 0 AND ending < $2 THEN ending END), 0)
		FROM applications WHERE space = $1 AND state <> 'ended' GROUP BY webhook`)
	selectOverdue = sqlText(`
		SELECT count(*), coalesce(min(ending), 0) FROM applications WHERE ending > 0 AND ending < $1`)
	selectOverdueOf = sqlText(`
		SELECT count(*), coalesce(min(ending), 0) FROM applications WHERE space = $2 AND webhook = $3 AND ending > 0 AND ending < $1`)
)

func (p *plan) putApplication(w approval.PutApplication) {
	a := w.Application
	p.inSpace(a.Space)
	args := []any{a.Space, a.Petition, a.Webhook, a.Name, a.Pair, string(a.State), number(a.Holds), micros(a.EndingSince), p.document(a), micros(a.CheckTime), string(a.Drift)}
	t := insertApplication
	if w.Expect > 0 {
		t, args = updateApplication, append(args, w.Expect)
	}
	s := p.add(t, args...)
	s.taken = applicationChanged
	s.missing = applicationChanged
}

func applicationChanged(args []any) error {
	return approval.Errorf(approval.Conflict, "what webhook %s was told of petition %s changed in the meantime", args[2], args[1])
}

// Note implements [approval.ApplicationStore].
func (s *Store) Note(ctx context.Context, space string, writes ...approval.Write) error {
	p := plan{space: space, writes: writes}
	for _, w := range writes {
		if !approval.IsNote(w) {
			return approval.Wrap(approval.Internal, errNoEvent, "%T is no bookkeeping: it changes with an audit record", w)
		}
		p.write(w)
	}
	if p.err != nil {
		return p.err
	}
	return s.write(ctx, p.statements)
}

// Applications implements [approval.ApplicationStore].
func (s *Store) Applications(ctx context.Context, q approval.ApplicationQuery) (page approval.Page[approval.Application], err error) {
	request, err := q.Page.Check()
	if err != nil {
		return page, err
	}
	last, given, err := approval.ParseApplicationToken(request.Token)
	if err != nil {
		return page, err
	}
	c := &clause{}
	c.add("SELECT ", applicationColumns, " FROM applications WHERE space = ", c.arg(q.Space))
	if len(q.Petitions) > 0 {
		c.add(" AND petition IN ", c.in(q.Petitions))
	}
	if q.Webhook != "" {
		c.add(" AND webhook = ", c.arg(q.Webhook))
	}
	if q.Pair != "" {
		c.add(" AND pair = ", c.arg(q.Pair))
	}
	if q.Open {
		c.add(" AND state <> 'ended'")
	}
	if given {
		c.add(" AND (petition, webhook, name) > (", c.arg(last.Petition), ", ", c.arg(last.Webhook), ", ", c.arg(last.Name), ")")
	}
	c.add(" ORDER BY petition, webhook, name")
	c.limit(request.Size + 1)
	rows, err := list(ctx, s, c.String(), c.args, scanApplication)
	if err != nil {
		return page, err
	}
	rows, end := cut(rows, request.Size)
	page.Items = rows
	if end != nil {
		page.Next = end.PageToken()
	}
	return page, nil
}

func scanApplication(rows *sql.Rows) (a approval.Application, err error) {
	var space, petition, webhook, name, pair, state, drift string
	var version, holds, ending, check int64
	var doc []byte
	if err = rows.Scan(&space, &petition, &webhook, &name, &version, &pair, &state, &holds, &ending, &check, &drift, &doc); err == nil {
		err = parse(doc, &a)
	}
	a.Space, a.Petition, a.Webhook, a.Name, a.Version, a.Pair = space, petition, webhook, name, version, pair
	a.State, a.Holds, a.EndingSince = approval.ApplicationState(state), holds == 1, timeOf(ending)
	a.CheckTime, a.Drift = timeOf(check), approval.StateDrift(drift)
	return a, err
}

// Holding implements [approval.ApplicationStore].
func (s *Store) Holding(ctx context.Context, space, webhook string) (int, error) {
	n, _, err := one(ctx, s, countHolding, scanNumber, space, webhook)
	return int(n), err
}

// HeldByEach implements [approval.ApplicationStore].
func (s *Store) HeldByEach(ctx context.Context, space string, before time.Time) (map[string]approval.Held, error) {
	held := map[string]approval.Held{}
	_, err := list(ctx, s, selectHeld.in(s.dialect), []any{space, micros(before)}, func(rows *sql.Rows) (struct{}, error) {
		var webhook string
		var holding, count, since int64
		err := rows.Scan(&webhook, &holding, &count, &since)
		held[webhook] = approval.Held{Holding: int(holding), Overdue: approval.Overdue{Count: int(count), Since: timeOf(since)}}
		return struct{}{}, err
	})
	return held, err
}

// Checks implements [approval.ApplicationStore].
func (s *Store) Checks(ctx context.Context, space, webhook string, most int) ([]approval.Application, error) {
	return list(ctx, s, selectChecks.in(s.dialect), []any{space, webhook, int64(most)}, scanApplication)
}

// Drifts implements [approval.ApplicationStore].
func (s *Store) Drifts(ctx context.Context, space, webhook string, most int) (found []approval.Application, count int, err error) {
	t, args := countDrifts, []any{}
	if webhook != "" {
		t, args = countDriftsOf, []any{space, webhook}
	}
	n, _, err := one(ctx, s, t, scanNumber, args...)
	if err != nil || n == 0 || webhook == "" {
		return nil, int(n), err
	}
	found, err = list(ctx, s, selectDrifts.in(s.dialect), []any{space, webhook, int64(most)}, scanApplication)
	return found, int(n), err
}

// DriftsByEach implements [approval.ApplicationStore].
func (s *Store) DriftsByEach(ctx context.Context, space string) (map[string]int, error) {
	drifts := map[string]int{}
	_, err := list(ctx, s, countDriftsOfEach.in(s.dialect), []any{space}, func(rows *sql.Rows) (struct{}, error) {
		var webhook string
		var count int
		err := rows.Scan(&webhook, &count)
		drifts[webhook] = count
		return struct{}{}, err
	})
	return drifts, err
}

// Overdue implements [approval.ApplicationStore].
func (s *Store) Overdue(ctx context.Context, space, webhook string, before time.Time) (approval.Overdue, error) {
	scan := func(rows *sql.Rows) (o approval.Overdue, err error) {
		var count, since int64
		err = rows.Scan(&count, &since)
		return approval.Overdue{Count: int(count), Since: timeOf(since)}, err
	}
	var o approval.Overdue
	var err error
	if webhook == "" {
		o, _, err = one(ctx, s, selectOverdue, scan, micros(before))
	} else {
		o, _, err = one(ctx, s, selectOverdueOf, scan, micros(before), space, webhook)
	}
	return o, err
}
