package store

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/indent-approvals/indent/internal/approval"
)

const leaseColumns = `petition, place, person, kind, resource, start_time, end_time`

var (
	insertLease = sqlText(`
		INSERT INTO leases (space, ` + leaseColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	// One statement for all pairs of a petition: $5 has a place, a person, a kind and a resource for each.
	insertLeases = &text{
		sqlite: "INSERT INTO leases (space, " + leaseColumns + ") SELECT $1, $2, value ->> '$[0]', value ->> '$[1]', value ->> '$[2]', value ->> '$[3]', $3, $4 " +
			"FROM json_each($5)",
		postgres: "INSERT INTO leases (space, " + leaseColumns + ") SELECT $1, $2, CAST(value ->> 0 AS bigint), value ->> 1, value ->> 2, value ->> 3, CAST($3 AS bigint), CAST($4 AS bigint) " +
			"FROM jsonb_array_elements(CAST($5 AS jsonb))",
	}
	// The person leads to the leases that have not ended at that time, of which there are few.
	endLease = sqlText(`UPDATE leases SET end_time = $4 WHERE space = $1 AND petition = $2 AND person = $3 AND end_time > $4`)
)

func (p *plan) putLeases(leases []approval.Lease) {
	if len(leases) == 0 {
		return
	}
	l := &leases[0]
	if len(leases) == 1 { // nearly always: such a statement is committed with those of others
		p.add(insertLease, p.space, l.Petition, int64(l.Place), l.Person, l.Kind, l.Resource, micros(l.StartTime), l.Ends())
		return
	}
	pairs := make([][4]any, len(leases))
	for i := range leases {
		pairs[i] = [4]any{leases[i].Place, leases[i].Person, leases[i].Kind, leases[i].Resource}
	}
	text, err := json.Marshal(pairs)
	if err != nil {
		p.fail(approval.Wrap(approval.Internal, err, "leases cannot be written as JSON"))
	}
	p.add(insertLeases, p.space, l.Petition, micros(l.StartTime), l.Ends(), string(text))
}

func (p *plan) endLeases(w approval.EndLeases) {
	for _, person := range w.Persons {
		p.add(endLease, p.space, w.Petition, person, micros(w.At))
	}
}

// Leases implements [approval.Store]. Each list is read by an index that begins behind what has ended by then and is in the
// order of ends.
func (s *Store) Leases(ctx context.Context, q approval.LeaseQuery) (page approval.Page[approval.Lease], err error) {
	request, err := q.Page.Check()
	if err != nil {
		return page, err
	}
	c, err := leasesText(q, request)
	if err != nil {
		return page, err
	}
	rows, err := list(ctx, s, c.String(), c.args, scanLease)
	if err != nil {
		return page, err
	}
	rows, last := cut(rows, request.Size)
	page.Items = rows
	if last != nil {
		page.Next = last.PageToken()
	}
	return page, nil
}

func leasesText(q approval.LeaseQuery, r approval.PageRequest) (c *clause, err error) {
	last, given, err := approval.ParseLeaseToken(r.Token)
	if err != nil {
		return nil, err
	}
	c = &clause{}
	at := micros(q.At)
	c.add("SELECT ", leaseColumns, " FROM leases WHERE space = ", c.arg(q.Space), " AND end_time > ", c.arg(at))
	if !q.Coming {
		c.add(" AND start_time <= ", c.arg(at))
	}
	if q.Persons != nil {
		c.add(" AND person IN ", c.in(q.Persons))
	}
	if q.Resources != nil {
		c.add(" AND resource IN ", c.in(q.Resources))
	}
	if q.Kinds != nil {
		c.add(" AND kind IN ", c.in(q.Kinds))
	}
	beyond, order := ">", ""
	if q.Longest {
		beyond, order = "<", " DESC"
	}
	if given {
		end := c.arg(last.Ends())
		c.add(" AND end_time ", beyond, "= ", end, " AND (end_time, petition, place) ", beyond, " (", end, ", ", c.arg(last.Petition), ", ", c.arg(int64(last.Place)), ")")
	}
	if !q.AnyOrder {
		c.add(" ORDER BY end_time", order, ", petition", order, ", place", order)
	}
	c.limit(r.Size + 1)
	return c, nil
}

func scanLease(rows *sql.Rows) (l approval.Lease, err error) {
	var place, begins, ends int64
	err = rows.Scan(&l.Petition, &place, &l.Person, &l.Kind, &l.Resource, &begins, &ends)
	l.Place, l.StartTime = int(place), timeOf(begins)
	if ends != (approval.Lease{}).Ends() {
		l.EndTime = timeOf(ends)
	}
	return l, err
}
