package store

import (
	"context"
	"math"
	"slices"
	"strconv"

	"github.com/indent-approvals/indent/internal/approval"
)

// A search can go two ways, and which is the shorter one depends on how frequent its words are, of which a sample of the
// petitions tells enough (petition_sample.go):
//
//   - walk: the petitions are looked at one by one in the list's order until a page is full. That is soon where much is found.
//   - index: the index of words is asked. It gathers whatever begins with a word before it answers the first, so it is
//     asked for what is rare, and the rest of the conditions is looked up in each row that it finds.
//
// So every search ends after some thousand rows, except for words that are each in very many petitions and together in
// almost none.

// walks bounds them.
type walks struct {
	// all is how many petitions a walk looks at, and notClosed how many of those that are not closed, which are usually few
	// among many and which the index of words does not know apart.
	all, notClosed int
	// gather is how many rows the index may gather for the rarest of the conditions without a walk before, and price what
	// gathering one takes, in petitions of a walk: PostgreSQL reads each from its table.
	gather, price float64
}

var (
	usualWalks    = walks{all: 5000, notClosed: 10_000, gather: 20_000, price: 0.25}
	postgresWalks = walks{all: 5000, notClosed: 5000, gather: 1000, price: 4}
)

// approach is how a search goes about it: first a walk over so many petitions, unless it is 0, then the index with these
// conditions, unless there are none.
type approach struct {
	walk int
	ask  []condition
}

func (l petitionLister) search(ctx context.Context) ([]petitionRow, error) {
	sample, err := l.sample(ctx)
	if err != nil {
		return nil, err
	}
	a := l.approach(sample)
	if len(a.ask) == 0 {
		return l.rows(ctx, l.list())
	}
	if a.walk > 0 {
		if rows, done, err := l.walkOver(ctx, a.walk); err != nil || done {
			return rows, err
		}
	}
	return l.searched(ctx, a.ask)
}

// approach chooses the way.
func (l petitionLister) approach(s *sample) approach {
	terms := append(searchable(l.conditions), inSpace(l.query.Space))
	if len(terms) == 1 && !l.dialect.inOrder {
		return approach{} // of what is not there such an index knows nothing
	}
	counts, together := s.counts(append(terms, refusing(l.conditions)...))
	rarest := 0
	for i := range terms {
		if counts[i] < counts[rarest] {
			rarest = i
		}
	}
	heavy := counts[rarest] > 0 && s.share(counts[rarest]) > l.walks.gather
	var a approach
	for i, c := range terms {
		if i == rarest || l.helps(s, c, counts[i], heavy) {
			a.ask = append(a.ask, c)
		}
	}
	if l.dialect.inOrder && (heavy || len(terms) == 1) {
		a.ask = append(a.ask, refusing(l.conditions)...)
	}
	length := float64((l.query.Page.Size+1)*len(s.words)) / max(float64(together), 0.01)
	switch share := s.share(counts[rarest]); {
	case l.onlyNotClosed() && share > float64(l.walks.notClosed)/20:
		a.walk = l.walks.notClosed
	case len(terms) > 1 && !slices.ContainsFunc(a.ask, l.gathers):
	case length <= float64(l.walks.all) && length <= share*l.walks.price, heavy:
		a.walk = l.walks.all
	}
	return a
}

// helps answers whether the index is asked for a condition beside the rarest one.
func (l petitionLister) helps(s *sample, c condition, count int, heavy bool) bool {
	switch {
	case heavy: // what is frequent, but not everywhere, may be rare together
		return count < len(s.words)
	case 2*count > len(s.words):
		return false
	}
	// To know more words spares PostgreSQL rows; SQLite gathers what begins with them for nothing.
	return count == 0 || !c.prefix || !l.dialect.inOrder || s.share(count) <= l.walks.gather
}

// gathers answers whether the index gathers all rows of a condition before it answers the first.
func (l petitionLister) gathers(c condition) bool { return c.prefix || !l.dialect.inOrder }

func (l petitionLister) onlyNotClosed() bool {
	return len(l.query.Phases) > 0 && !slices.Contains(l.query.Phases, approval.Closed)
}

// walkOver looks at the first petitions in the list's order. It is done when they make a page or are all that there are.
func (l petitionLister) walkOver(ctx context.Context, most int) (rows []petitionRow, done bool, err error) {
	rows, err = l.rows(ctx, l.walk(most))
	if err != nil || len(rows) > l.query.Page.Size {
		return rows, true, err
	}
	more := l.beyond(most)
	beyond, err := list(ctx, l.Store, more.String(), more.args, scanNumber)
	return rows, len(beyond) == 0, err
}

// walk looks at the first petitions in the list's order, at most so many.
func (l petitionLister) walk(most int) *petitionText {
	t := l.begin()
	t.add(petitionColumns, "FROM (")
	t.newest(most, nil)
	t.add(") d CROSS JOIN petitions p WHERE p.seq = d.seq")
	t.satisfies(l.conditions, "p")
	t.limit(l.query.Page.Size + 1)
	return t
}

// beyond answers a row if there are more petitions than a walk looks at.
func (l petitionLister) beyond(most int) *petitionText {
	t := l.begin()
	t.add("SELECT d.seq FROM (")
	t.newest(most+1, nil)
	t.add(") d LIMIT 1 OFFSET ", strconv.Itoa(most))
	return t
}

// searched answers what the index of words has and, in its place before or after that, what waits to be taken in.
func (l petitionLister) searched(ctx context.Context, ask []condition) ([]petitionRow, error) {
	if l.late == nil {
		return l.rows(ctx, l.indexed(ask, math.MaxInt64))
	}
	end := l.late.end.Load()
	parts := []*petitionText{l.notIndexed(end), l.indexed(ask, end)}
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

// indexed reads by the index of words, and looks up in each row what the index was not asked for.
func (l petitionLister) indexed(ask []condition, end int64) *petitionText {
	t := l.begin()
	found, condition := l.dialect.found("petition_search", t.arg(l.dialect.search(ask)), t.direction())
	t.add(petitionColumns, "FROM ", found, " ", l.dialect.lookUp, " AND ", condition, " AND p.space = ", t.space)
	if l.late != nil {
		t.add(" AND d.rowid <= ", t.arg(end))
	}
	t.after("d.rowid")
	t.inPhases()
	t.satisfies(l.conditions, "p")
	t.order("d.rowid", l.query.Page.Size+1)
	return t
}
