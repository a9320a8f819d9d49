package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertResource = sqlText(`INSERT INTO resources (space, name, id, views, words, doc) VALUES ($1, $2, $3, $4, $5, $6)`)
	putResource    = sqlText(`
		INSERT INTO resources (space, name, id, views, words, doc) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (space, name) DO UPDATE SET doc = excluded.doc, words = excluded.words, views = excluded.views, id = excluded.id`)
	deleteResource = sqlText(`DELETE FROM resources WHERE space = $1 AND name = $2`)
	indexResource  = sqlText(`
		INSERT INTO resource_search (rowid, words)
		VALUES ((SELECT seq FROM resources WHERE space = $1 AND name = $2), {words})`)
	forgetResource = forgetText("resource_search", "resources")
	selectResource = sqlText(`SELECT name, doc FROM resources WHERE space = $1 AND name = $2`)
	// The owner is compared in a way that no index helps with: without statistics PostgreSQL takes all that belongs to entries for one row.
	selectResourcesNamed = sqlText(`
		SELECT name, doc FROM (
			SELECT name AS value FROM {each $2} {look up} resources WHERE space = $1 AND id = value {looked up}
			UNION SELECT substr(owner, 2) FROM {each $2} {look up} aliases WHERE space = $1 AND alias = value AND substr(owner, 1, 1) = 'r' {looked up}
		) named {look up} resources WHERE space = $1 AND name = value {looked up} ORDER BY name`)
)

// putResource writes an entry as people do: what a pull policy brought is theirs from now on.
func (p *plan) putResource(w approval.PutResource) {
	if !w.MustBeNew {
		p.add(takeOver, p.space, w.Resource.Name(), resourceDocument(&w.Resource))
	}
	p.putEntry(w)
}

func resourceDocument(r *approval.Resource) string {
	return documentOf(func(j approval.JSON) approval.JSON { return j.Resource(r) })
}

func (p *plan) putEntry(w approval.PutResource) {
	r, name := &w.Resource, w.Resource.Name()
	put, words := insertResource, resourceWords(p.space, r)
	if !w.MustBeNew {
		put = putResource
		p.add(forgetResource, p.space, name)
		p.add(deleteAliases, p.space, resourceOwner(name))
	}
	s := p.add(put, p.space, name, r.ID, viewsOf(r), words, resourceDocument(r))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "a resource with the name %q exists already in %s", args[1], args[0])
	}
	p.add(indexResource, p.space, name, words)
	p.putAliases(resourceOwner(name), append([]string{r.ID, r.Email}, r.AltIDs...)...)
	if !w.MustBeNew && !r.IsGroup() {
		p.forgetGroup(name)
	}
}

func (p *plan) deleteResource(name string) {
	p.add(forgetResource, p.space, name)
	p.add(deleteAliases, p.space, resourceOwner(name))
	p.add(deletePulled, p.space, name)
	p.forgetGroup(name)
	s := p.add(deleteResource, p.space, name)
	s.missing = func(args []any) error { return noResource(args[0], args[1]) }
}

func noResource(space, name any) error {
	return approval.Errorf(approval.NotFound, "there is no resource %.100q in %s", name, space)
}

// viewsOf answers one bit for each view that the resource is in, by the view's place in [approval.Views].
func viewsOf(r *approval.Resource) (bits int64) {
	for i, v := range approval.Views {
		if r.In(v) {
			bits |= 1 << i
		}
	}
	return bits
}

func viewBit(v approval.View) (bit int64) {
	for i, known := range approval.Views {
		if v == known {
			bit = 1 << i
		}
	}
	return bit
}

// Resource implements [approval.Store].
func (s *Store) Resource(ctx context.Context, space, name string) (approval.Resource, error) {
	row, found, err := one(ctx, s, selectResource, scanResource, space, name)
	if err == nil && !found {
		err = noResource(space, name)
	}
	return row.Resource, err
}

// resourceRow is a resource and its place in lists.
type resourceRow struct {
	approval.Resource
	name string
}

func scanResource(rows *sql.Rows) (row resourceRow, err error) {
	var document sql.RawBytes
	if err := rows.Scan(&row.name, &document); err != nil {
		return row, err
	}
	err = parse(document, &row.Resource)
	return row, err
}

// ResourcesByID implements [approval.Store].
func (s *Store) ResourcesByID(ctx context.Context, space string, ids []string) ([]approval.Resource, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var c clause
	c.add("SELECT name, doc FROM resources WHERE space = ", c.arg(space), " AND id IN ", c.in(ids))
	rows, err := list(ctx, s, c.String(), c.args, scanResource)
	return resourcesOf(rows), err
}

// ResourcesNamed implements [approval.Store].
func (s *Store) ResourcesNamed(ctx context.Context, space string, names []string) ([]approval.Resource, error) {
	if len(names) == 0 {
		return nil, nil
	}
	rows, err := byName(ctx, s, selectResourcesNamed, space, names, scanResource)
	return resourcesOf(rows), err
}

// Resources implements [approval.Store]. A directory is small beside the petitions: a search is sorted by name.
func (s *Store) Resources(ctx context.Context, q approval.ResourceQuery) (approval.Page[approval.Resource], error) {
	var result approval.Page[approval.Resource]
	page, err := q.Page.Check()
	if err != nil {
		return result, err
	}
	key, given, err := approval.ParsePageToken(page.Token)
	if err != nil {
		return result, err
	}
	conditions, hopeless := conditionsOf(q.Words, "", q.Selector)
	if hopeless {
		return result, nil
	}
	var c clause
	c.add("SELECT r.name, r.doc FROM ")
	if positive := searchable(conditions); len(positive) > 0 {
		found, condition := s.dialect.found("resource_search", c.arg(s.dialect.search(append(positive, inSpace(q.Space)))), "")
		c.add(found, " CROSS JOIN resources r WHERE r.seq = d.rowid AND ", condition, " AND ")
	} else {
		c.add("resources r WHERE ")
	}
	c.add("r.space = ", c.arg(q.Space))
	if q.View != "" {
		c.add(" AND (r.views & ", c.arg(viewBit(q.View)), ") <> 0")
	}
	c.satisfies(conditions, "r")
	if given {
		c.add(" AND r.name > ", c.arg(key.Text))
	}
	c.add(" ORDER BY r.name")
	c.limit(page.Size + 1)
	rows, err := list(ctx, s, c.String(), c.args, scanResource)
	if err != nil {
		return result, err
	}
	rows, last := cut(rows, page.Size)
	result.Items = resourcesOf(rows)
	if last != nil {
		result.Next = approval.PageKey{Text: last.name}.Token()
	}
	return result, nil
}

func resourcesOf(rows []resourceRow) []approval.Resource {
	list := make([]approval.Resource, len(rows))
	for i := range rows {
		list[i] = rows[i].Resource
	}
	return list
}
