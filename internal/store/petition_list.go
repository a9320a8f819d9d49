package store

import (
	"context"
	"slices"
	"strconv"

	"github.com/indent-approvals/indent/internal/approval"
)

// Petitions implements [approval.Store].
//
// A list is read by one index that is in its order already (the driver), newest first by seq; everything else that is
// asked for is a condition on each row that the driver finds. So a page costs what its rows cost, however many
// petitions there are; only a driver that finds many and conditions that refuse nearly all of them make a long walk.
// CROSS JOIN is how SQLite is told to begin with the driver, and PostgreSQL by the settings of our sessions.
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
	words, hopeless := queryWords(q.Words)
	if hopeless {
		return none, nil
	}
	q.Page, q.Words = page, words
	l := petitionLister{s, q, key.Number, given}
	var rows []petitionRow
	if len(words) > 0 {
		rows, err = l.search(ctx)
	} else {
		rows, err = l.rows(ctx, l.list())
	}
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
	query approval.PetitionQuery // its page is checked, its words are cut
	after int64
	given bool // after is: the page is not the first
}

func (l petitionLister) rows(ctx context.Context, t *petitionText) ([]petitionRow, error) {
	return list(ctx, l.Store, t.String(), t.args, scanPetition)
}

// walks says how many petitions are looked at before the search index is asked: of all, and of those that are not
// closed, which are usually few among many and which no search index knows apart.
type walks struct{ all, notClosed int }

var usualWalks = walks{all: 500, notClosed: 10_000}

// search finds petitions by words. To find what begins with a word, a full-text index gathers all that do, which is
// slow for a word that is in very many petitions; but then a page of them stands among the newest. So these are looked
// at first, and the index is asked when they do not make a page.
func (l petitionLister) search(ctx context.Context) ([]petitionRow, error) {
	most := l.walks.all
	if len(l.query.Phases) > 0 && !slices.Contains(l.query.Phases, approval.Closed) {
		most = l.walks.notClosed
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
	return l.rows(ctx, l.indexed())
}

// list is a page without words: a driver and conditions.
func (l petitionLister) list() *petitionText {
	t := l.begin()
	rest, seq := l.query.Selector, "d.petition"
	switch label, found := l.label(); {
	case l.query.Petitioner != "":
		t.from("petition_people d", "d.petition", t.asks("d", l.query.Petitioner))
	case found:
		rest, seq = without(rest, label), "d.petition + 0"
		t.from("petition_labels d", "d.petition", t.labelled("d", l.query.Selector[label]))
	default:
		t.add(petitionColumns, "FROM (")
		t.phases(l.query.Page.Size+1, rest)
		t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
		t.order("d.seq", l.query.Page.Size+1)
		return t
	}
	t.after(seq)
	t.inPhases()
	t.satisfies(rest, "p")
	t.order(seq, l.query.Page.Size+1)
	return t
}

// walk looks at the newest petitions, at most so many.
func (l petitionLister) walk(most int) *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM (")
	t.newest(most)
	t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	for _, w := range l.query.Words {
		t.add(" AND p.words LIKE ", t.arg("% "+w+"%"))
	}
	t.conditions()
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

// indexed is a page by the search index.
func (l petitionLister) indexed() *petitionText {
	t := l.begin()
	found, condition := l.dialect.found("petition_search", t.arg(l.dialect.search(l.query.Space, l.query.Words)), t.direction())
	t.from(found, "d.rowid", condition)
	t.after("d.rowid")
	t.conditions()
	t.order("d.rowid", l.query.Page.Size+1)
	return t
}

// label answers the place of the first term of the selector that demands one value of a label.
func (l petitionLister) label() (int, bool) {
	for i, t := range l.query.Selector {
		if t.Operator == approval.In && len(t.Values) == 1 {
			return i, true
		}
	}
	return 0, false
}

func without(s approval.Selector, place int) approval.Selector {
	return append(append(approval.Selector{}, s[:place]...), s[place+1:]...)
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

// from begins the text with a driver.
func (t *petitionText) from(table, seq, condition string) {
	t.add(petitionColumns, "FROM ", table, " CROSS JOIN petitions p WHERE p.seq = ", seq, " AND ", condition, " AND p.space = ", t.space)
}

// newest answers the seq of petitions in the list's order, by phase or by who asks.
func (t *petitionText) newest(most int) {
	if who := t.lister.query.Petitioner; who != "" {
		t.add("SELECT o.petition AS seq FROM petition_people o WHERE ", t.asks("o", who))
		t.after("o.petition")
		t.order("o.petition", most)
		return
	}
	t.add("SELECT w.seq FROM (")
	t.phases(most, nil)
	t.add(") w")
	t.order("w.seq", most)
}

// phases reads the newest of each phase from one index. Merged, they are the newest of all of these phases.
func (t *petitionText) phases(most int, s approval.Selector) {
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
		t.satisfies(s, "q")
		t.order("q.seq + 0", most)
		t.add(") phase", strconv.Itoa(i))
	}
}

// conditions are those on each row that a search has found.
func (t *petitionText) conditions() {
	t.inPhases()
	if who := t.lister.query.Petitioner; who != "" {
		t.add(" AND EXISTS (SELECT 1 FROM petition_people o WHERE ", t.asks("o", who), " AND o.petition = p.seq)")
	}
	t.satisfies(t.lister.query.Selector, "p")
}

func (t *petitionText) asks(row, id string) string {
	return row + ".space = " + t.space + " AND " + row + ".id = " + t.arg(id)
}

func (t *petitionText) labelled(row string, term approval.SelectorTerm) string {
	return row + ".space = " + t.space + " AND " + row + ".key = " + t.arg(term.Key) + " AND " + row + ".value = " + t.arg(term.Values[0])
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

func (t *petitionText) satisfies(s approval.Selector, row string) {
	for _, term := range s {
		t.add(" AND ")
		t.term(term, "petition_labels", "petition", row)
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
