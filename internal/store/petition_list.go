package store

import (
	"context"
	"math"
	"slices"
	"strconv"

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

// walks says how many petitions are looked at before the index of words is asked: of all, and of those that are not
// closed, which are usually few among many and which that index does not know apart.
type walks struct{ all, notClosed int }

var usualWalks = walks{all: 500, notClosed: 10_000}

// page reads the rows of a page and one more.
//
// An index of words is slow where a word is in very many petitions: to find what begins with a word, it gathers all that
// do. But then a page of them stands among the newest. So these are looked at first, and the index is asked when they do
// not make a page.
func (l petitionLister) page(ctx context.Context) ([]petitionRow, error) {
	positive := searchable(l.conditions)
	if len(positive) == 0 {
		return l.rows(ctx, l.list())
	}
	most := l.walks.all
	if len(l.query.Phases) > 0 && !slices.Contains(l.query.Phases, approval.Closed) {
		most = l.walks.notClosed
	} else if l.dialect.inOrder && !slices.ContainsFunc(positive, func(c condition) bool { return c.prefix }) {
		return l.searched(ctx, positive)
	}
	rows, err := l.rows(ctx, l.walk(most))
	if err != nil || len(rows) > l.query.Page.Size {
		return rows, err
	}
	more := l.beyond(most)
	beyond, err := list(ctx, l.Store, more.String(), more.args, scanNumber)
	if err != nil || len(beyond) == 0 {
		return rows, err
	}
	return l.searched(ctx, positive)
}

// searched answers what the index of words has and, in its place before or after that, what waits to be taken in.
func (l petitionLister) searched(ctx context.Context, positive []condition) ([]petitionRow, error) {
	if l.late == nil {
		return l.rows(ctx, l.indexed(positive, math.MaxInt64))
	}
	end := l.late.end.Load()
	parts := []*petitionText{l.notIndexed(end), l.indexed(positive, end)}
	if l.query.Page.Ascending {
		slices.Reverse(parts)
	}
	rows, err := l.rows(ctx, parts[0])
	if err != nil || len(rows) > l.query.Page.Size {
		return rows, err
	}
	more, err := l.rows(ctx, parts[1])
	rows = append(rows, more...)
	return rows[:min(len(rows), l.query.Page.Size+1)], err
}

func (l petitionLister) rows(ctx context.Context, t *petitionText) ([]petitionRow, error) {
	return list(ctx, l.Store, t.String(), t.args, scanPetition)
}

// list reads by phase.
func (l petitionLister) list() *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM (")
	t.phases(l.query.Page.Size+1, l.conditions)
	t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	t.order("d.seq", l.query.Page.Size+1)
	return t
}

// walk looks at the newest petitions, at most so many.
func (l petitionLister) walk(most int) *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM (")
	t.newest(most)
	t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	t.satisfies(l.conditions, "p")
	t.order("d.seq", l.query.Page.Size+1)
	return t
}

// beyond answers a row if there are more petitions than a walk looks at.
func (l petitionLister) beyond(most int) *petitionText {
	t := l.begin()
	t.add("SELECT d.seq FROM (")
	t.newest(most + 1)
	t.add(") d ORDER BY d.seq LIMIT 1 OFFSET ", strconv.Itoa(most))
	return t
}

// notIndexed reads what the index of words does not have yet.
func (l petitionLister) notIndexed(end int64) *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM petitions p WHERE p.seq > ", t.arg(end), " AND +p.space = ", t.space)
	t.after("p.seq")
	t.inPhases()
	t.satisfies(l.conditions, "p")
	t.order("p.seq", l.query.Page.Size+1)
	return t
}

// indexed reads by the index of words, which knows all conditions but phases and what must not be.
func (l petitionLister) indexed(positive []condition, end int64) *petitionText {
	t := l.begin()
	found, condition := l.dialect.found("petition_search", t.arg(l.dialect.search(l.query.Space, positive)), t.direction())
	t.add(petitionColumns, "FROM ", found, " CROSS JOIN petitions p WHERE p.seq = d.rowid AND ", condition, " AND p.space = ", t.space)
	if l.late != nil {
		t.add(" AND d.rowid <= ", t.arg(end))
	}
	t.after("d.rowid")
	t.inPhases()
	t.satisfies(l.conditions, "p")
	t.order("d.rowid", l.query.Page.Size+1)
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

// newest answers the seq of petitions in the list's order.
func (t *petitionText) newest(most int) {
	t.add("SELECT w.seq FROM (")
	t.phases(most, nil)
	t.add(") w")
	t.order("w.seq", most)
}

// phases reads the newest of each phase from one index. Merged, they are the newest of all of these phases.
func (t *petitionText) phases(most int, conditions []condition) {
	phases := t.lister.query.Phases
	if len(phases) == 0 {
		phases = approval.Phases
	}
	for i, phase := range phases {
		if i > 0 {
			t.add(" UNION ALL ")
		}
		t.add("SELECT seq FROM (SELECT q.seq FROM petitions q WHERE q.space = ", t.space, " AND q.phase = ", t.arg(string(phase)))
		t.after("q.seq + 0")
		t.satisfies(conditions, "q")
		t.order("q.seq + 0", most)
		t.add(") phase", strconv.Itoa(i))
	}
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
