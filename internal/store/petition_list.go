package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// Petitions implements [approval.Store].
//
// A list is read by one index that is in its order already, newest first by seq; everything else that is asked for is a
// condition on each row that the index finds. So a page costs what its rows cost, however many petitions there are; only
// conditions that refuse nearly all of what an index finds make a long walk. CROSS JOIN is how SQLite is told to begin
// with what stands first, and PostgreSQL by the settings of our sessions.
func (s *Store) Petitions(ctx context.Context, q approval.PetitionQuery) (approval.Page[approval.Petition], error) {
	var none approval.Page[approval.Petition]
	page, err := q.Page.Check()
	if err != nil {
		return none, err
	}
	key, given, err := approval.ParsePageToken(page.Token)
	if err != nil {
		return none, err
	}
	conditions, hopeless := conditionsOf(q.Words, q.Petitioner, q.Selector)
	if hopeless {
		return none, nil
	}
	q.Page = page
	l := petitionLister{s, q, conditions, key.Number, given}
	rows, err := l.page(ctx)
	if err != nil {
		return none, err
	}
	return pageOf(rows, page.Size), nil
}

func pageOf(rows []petitionRow, size int) (page approval.Page[approval.Petition]) {
	rows, last := cut(rows, size)
	page.Items = make([]approval.Petition, len(rows))
	for i := range rows {
		page.Items[i] = rows[i].Petition
	}
	if last != nil {
		page.Next = approval.PageKey{Number: last.seq}.Token()
	}
	return page
}

// cut answers the rows of a page of which one more was read, and the last of them if there are more.
func cut[T any](rows []T, size int) (page []T, last *T) {
	if len(rows) <= size {
		return rows, nil
	}
	return rows[:size], &rows[size-1]
}

// petitionLister answers one page.
type petitionLister struct {
	*Store
	query      approval.PetitionQuery // its page is checked
	conditions []condition
	after      int64
	given      bool // after is: the page is not the first
}

// page reads the rows of a page and one more.
func (l petitionLister) page(ctx context.Context) ([]petitionRow, error) {
	if len(l.conditions) > 0 {
		return l.search(ctx)
	}
	t := l.list()
	rows, err := few(ctx, l.Store, query{t.String(), t.args, false}, scanPetition) // one plan is right for all values
	return l.inOrder(rows), err
}

func (l petitionLister) rows(ctx context.Context, t *petitionText) ([]petitionRow, error) {
	rows, err := list(ctx, l.Store, t.String(), t.args, scanPetition)
	return l.inOrder(rows), err
}

// inOrder sorts a page. The engines answer it in order already, though nothing but their plans says so; to have it said in
// the statement makes SQLite sort what is sorted, at half of a page's price.
func (l petitionLister) inOrder(rows []petitionRow) []petitionRow {
	order := func(a, b petitionRow) int {
		if l.query.Page.Ascending {
			return cmp.Compare(a.seq, b.seq)
		}
		return cmp.Compare(b.seq, a.seq)
	}
	if !slices.IsSortedFunc(rows, order) {
		slices.SortFunc(rows, order)
	}
	return rows
}

// list reads by phase.
func (l petitionLister) list() *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM (")
	t.newest(l.query.Page.Size+1, l.conditions)
	t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	return t
}

const petitionColumns = "SELECT p.space, p.name, p.version, p.doc, p.seq "

// petitionText is the text of a page in the making.
type petitionText struct {
	clause
	lister petitionLister
	space  string // placeholder
	key    string // placeholder of the row that the page begins after, "" on the first page
}

func (l petitionLister) begin() *petitionText {
	t := &petitionText{lister: l}
	t.space = t.arg(l.query.Space)
	if l.given {
		t.key = t.arg(l.after)
	}
	return t
}

// newest answers the seq of the first petitions in the list's order that satisfy the conditions. Each phase is read from
// one index, in its order; merged, they are all phases.
func (t *petitionText) newest(most int, conditions []condition) {
	phases := t.lister.query.Phases
	if len(phases) == 0 {
		phases = approval.Phases
	}
	each := t.lister.dialect.orderEach && len(phases) > 1
	for i, phase := range phases {
		if i > 0 {
			t.add(" UNION ALL ")
		}
		if each {
			t.add("(")
		}
		t.add("SELECT q.seq + 0 AS seq FROM petitions q WHERE q.space = ", t.space, " AND q.phase = ", t.arg(string(phase)))
		t.after("q.seq + 0")
		t.satisfies(conditions, "q")
		if each {
			t.order("q.seq + 0", most)
			t.add(")")
		}
	}
	t.order("1", most)
}

func (t *petitionText) inPhases() {
	if phases := t.lister.query.Phases; len(phases) > 0 {
		names := make([]string, len(phases))
		for i, phase := range phases {
			names[i] = string(phase)
		}
		t.add(" AND p.phase IN ", t.in(names))
	}
}

// after goes on behind the last row of the page before.
func (t *petitionText) after(seq string) {
	switch {
	case t.key == "":
	case t.lister.query.Page.Ascending:
		t.add(" AND ", seq, " > ", t.key)
	default:
		t.add(" AND ", seq, " < ", t.key)
	}
}

func (t *petitionText) order(seq string, most int) {
	t.add(" ORDER BY ", seq, t.direction())
	t.limit(most)
}

func (t *petitionText) direction() string {
	if t.lister.query.Page.Ascending {
		return ""
	}
	return " DESC"
}
