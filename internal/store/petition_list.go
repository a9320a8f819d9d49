package store

import (
	"context"
	"fmt"

	"github.com/indent-approvals/indent/internal/approval"
)

// Petitions implements [approval.Store].
//
// A list is read by one index that is in its order already (the driver), newest first by seq; everything else that is
// asked for is a condition on each row that the driver finds. So a page costs what its rows cost, however many
// petitions there are; only a driver that finds many and a condition that refuses nearly all of them make a long walk.
// CROSS JOIN is how SQLite is told to begin with the driver; PostgreSQL plans as it sees fit.
func (s *Store) Petitions(ctx context.Context, q approval.PetitionQuery) (approval.Page[approval.Petition], error) {
	var hopeless bool
	q.Words, hopeless = queryWords(q.Words)
	l, err := newPetitionList(s.dialect, q)
	if err != nil || hopeless {
		return approval.Page[approval.Petition]{}, err
	}
	rows, err := list(ctx, s, l.text(), l.args, scanPetition)
	if err != nil {
		return approval.Page[approval.Petition]{}, err
	}
	page, last := cut(rows, l.size)
	result := approval.Page[approval.Petition]{Items: make([]approval.Petition, len(page))}
	for i := range page {
		result.Items[i] = page[i].Petition
	}
	if last != nil {
		result.Next = approval.PageKey{Number: last.seq}.Token()
	}
	return result, nil
}

// cut answers the rows of a page of which one more was read, and the last of them if there are more.
func cut[T any](rows []T, size int) (page []T, last *T) {
	if len(rows) <= size {
		return rows, nil
	}
	return rows[:size], &rows[size-1]
}

type petitionList struct {
	clause
	dialect *dialect
	query   approval.PetitionQuery
	size    int
	after   string // placeholder of the page's key, "" on the first page
	limit   string // placeholder of the number of rows to read
	space   string // placeholder of the space
}

func newPetitionList(d *dialect, q approval.PetitionQuery) (*petitionList, error) {
	page, err := q.Page.Check()
	if err != nil {
		return nil, err
	}
	key, given, err := approval.ParsePageToken(page.Token)
	if err != nil {
		return nil, err
	}
	l := &petitionList{dialect: d, query: q, size: page.Size}
	if given {
		l.after = l.arg(key.Number)
	}
	l.space, l.limit = l.arg(q.Space), l.arg(int64(page.Size+1))
	return l, nil
}

func (l *petitionList) text() string {
	switch {
	case len(l.query.Words) > 0:
		l.drivenBy("petition_search d", "d.rowid",
			l.dialect.match("petition_search", l.arg(l.dialect.search(l.query.Space, l.query.Words))))
	case l.query.Petitioner != "":
		l.drivenBy("petition_people d", "d.petition", "d.space = "+l.space+" AND d.id = "+l.arg(l.query.Petitioner))
	case l.labelled():
	default:
		l.drivenByPhases()
	}
	return l.String()
}

// drivenBy begins the text with a table whose index is in the list's order.
func (l *petitionList) drivenBy(table, seq, condition string) {
	l.add("SELECT p.space, p.name, p.version, p.doc, p.seq FROM ", table, " CROSS JOIN petitions p WHERE p.seq = ", seq,
		" AND ", condition, " AND p.space = ", l.space)
	l.from(seq)
	l.phases("p")
	l.petitioner("p")
	l.labels(l.query.Selector, "p")
	l.order(seq)
}

// drivenByPhases reads the newest of each phase and merges them, which is the same as reading the newest of all of
// these phases, from one index.
func (l *petitionList) drivenByPhases() {
	phases := l.query.Phases
	if len(phases) == 0 {
		phases = approval.Phases
	}
	l.add("SELECT p.space, p.name, p.version, p.doc, p.seq FROM (")
	for i, phase := range phases {
		if i > 0 {
			l.add(" UNION ALL ")
		}
		l.add("SELECT seq FROM (SELECT q.seq FROM petitions q WHERE q.space = ", l.space, " AND q.phase = ", l.arg(string(phase)))
		l.from("q.seq")
		l.labels(l.query.Selector, "q")
		l.order("q.seq")
		l.add(") phase")
		l.WriteString(fmt.Sprint(i))
	}
	l.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	l.order("d.seq")
}

// labelled reads by the index of labels if the selector demands one value of a label, and answers whether it does.
func (l *petitionList) labelled() bool {
	for i, t := range l.query.Selector {
		if t.Operator == approval.In && len(t.Values) == 1 {
			rest := append(append(approval.Selector{}, l.query.Selector[:i]...), l.query.Selector[i+1:]...)
			l.query.Selector = rest
			l.drivenBy("petition_labels d", "d.petition",
				"d.space = "+l.space+" AND d.key = "+l.arg(t.Key)+" AND d.value = "+l.arg(t.Values[0]))
			return true
		}
	}
	return false
}

// from begins after the last row of the page before.
func (l *petitionList) from(seq string) {
	if l.after == "" {
		return
	}
	if l.query.Page.Ascending {
		l.add(" AND ", seq, " > ", l.after)
	} else {
		l.add(" AND ", seq, " < ", l.after)
	}
}

func (l *petitionList) order(seq string) {
	l.add(" ORDER BY ", seq)
	if !l.query.Page.Ascending {
		l.add(" DESC")
	}
	l.add(" LIMIT ", l.limit)
}

func (l *petitionList) phases(row string) {
	if len(l.query.Phases) == 0 {
		return
	}
	names := make([]string, len(l.query.Phases))
	for i, phase := range l.query.Phases {
		names[i] = string(phase)
	}
	l.add(" AND ", row, ".phase IN ", l.in(names))
}

func (l *petitionList) petitioner(row string) {
	if l.query.Petitioner != "" {
		l.add(" AND EXISTS (SELECT 1 FROM petition_people o WHERE o.space = ", l.space,
			" AND o.id = ", l.arg(l.query.Petitioner), " AND o.petition = ", row, ".seq)")
	}
}

func (l *petitionList) labels(s approval.Selector, row string) {
	for _, t := range s {
		l.add(" AND ")
		l.term(t, "petition_labels", "petition", row)
	}
}

// term adds the condition that a row's labels satisfy one term of a selector.
func (c *clause) term(t approval.SelectorTerm, table, owner, row string) {
	if t.Operator == approval.NotIn || t.Operator == approval.DoesNotExist {
		c.add("NOT ")
	}
	c.add("EXISTS (SELECT 1 FROM ", table, " l WHERE l.", owner, " = ", row, ".seq AND l.key = ", c.arg(t.Key))
	if t.Operator == approval.In || t.Operator == approval.NotIn {
		c.add(" AND l.value IN ", c.in(t.Values))
	}
	c.add(")")
}
