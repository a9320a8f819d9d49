package approvaltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// enter refuses a cancelled call and what BeforeRead refuses; then the caller holds the lock.
func (s *Store) enter(ctx context.Context, what string) error {
	if err := ctx.Err(); err != nil {
		return approval.Wrap(approval.Unavailable, err, "the call was cancelled before it was done")
	}
	if s.BeforeRead != nil {
		if err := s.BeforeRead(what); err != nil {
			return err
		}
	}
	s.mu.Lock()
	return nil
}

func lookUp[K comparable, V any](s *Store, ctx context.Context, rows map[K]V, k K, method, what, space, name string) (V, error) {
	var none V
	if err := s.enter(ctx, method); err != nil {
		return none, err
	}
	defer s.mu.Unlock()
	if v, exists := rows[k]; exists {
		return v, nil
	}
	return none, missing(what, space, name)
}

// putVersion inserts a row (expect 0) or replaces one whose version is expect.
func putVersion[V any](tx *transaction, rows map[key]V, k key, row V, version, expect int64, what string) error {
	if expect == 0 {
		return insert(tx, rows, k, row)
	}
	if version != expect {
		return approval.Errorf(approval.Conflict, "%s %s changed in the meantime", what, k.name)
	}
	put(tx, rows, k, row)
	return nil
}

// listed answers the rows of a space, by name.
func listed[T any](s *Store, ctx context.Context, rows map[key]T, space, method string, name func(T) string) (list []T, err error) {
	if err := s.enter(ctx, method); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for k, v := range rows {
		if k.space == space {
			list = append(list, copied(v))
		}
	}
	slices.SortFunc(list, byName(name))
	return list, nil
}

// Space implements approval.Store.
func (s *Store) Space(ctx context.Context, name string) (approval.Space, error) {
	return lookUp(s, ctx, s.spaces, name, "Space", "space", "this server", name)
}

// Spaces implements approval.Store.
func (s *Store) Spaces(ctx context.Context) ([]approval.Space, error) {
	if err := s.enter(ctx, "Spaces"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	list := slices.Collect(maps.Values(s.spaces))
	slices.SortFunc(list, byName(func(v approval.Space) string { return v.Name }))
	return list, nil
}

// SpacesOf implements approval.Store.
func (s *Store) SpacesOf(ctx context.Context, id string) ([]approval.Space, error) {
	if err := s.enter(ctx, "SpacesOf"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var list []approval.Space
	for k, m := range s.members {
		if k.name == id && !m.Suspended && s.spaces[k.space].DeleteTime.IsZero() {
			list = append(list, s.spaces[k.space])
		}
	}
	slices.SortFunc(list, byName(func(v approval.Space) string { return v.Name }))
	return list, nil
}

// Member implements approval.Store.
func (s *Store) Member(ctx context.Context, space, id string) (approval.Member, error) {
	return lookUp(s, ctx, s.members, key{space, id}, "Member", "member", space, id)
}

// Members implements approval.Store.
func (s *Store) Members(ctx context.Context, space, kind string) ([]approval.Member, error) {
	if err := s.enter(ctx, "Members"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var list []approval.Member
	for k, m := range s.members {
		if k.space == space && (kind == "" || m.Kind == kind) {
			list = append(list, m)
		}
	}
	slices.SortFunc(list, byName(func(m approval.Member) string { return m.ID }))
	return list, nil
}

// Petition implements approval.Store.
func (s *Store) Petition(ctx context.Context, space, name string) (approval.Petition, error) {
	row, err := lookUp(s, ctx, s.petitions, key{space, name}, "Petition", "petition", space, name)
	if err != nil {
		return approval.Petition{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return row.read(), nil
}

// RecentPetition implements approval.Store.
func (s *Store) RecentPetition(space, name string) *approval.Petition {
	if s.Recent == nil {
		return nil
	}
	return s.Recent(space, name)
}

// Petitions implements approval.Store.
func (s *Store) Petitions(ctx context.Context, q approval.PetitionQuery) (page approval.Page[approval.Petition], err error) {
	after, size, err := start(q.Page)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Petitions"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	for _, row := range ordered(s.order, q.Page.Ascending) {
		if after != nil && !beyond(row.seq, after.Number, q.Page.Ascending) || !selects(q, row.petition) {
			continue
		}
		if len(page.Items) == size {
			page.Next = approval.PageKey{Number: s.petitions[key{q.Space, page.Items[size-1].Name}].seq}.Token()
			break
		}
		page.Items = append(page.Items, row.read())
	}
	return page, nil
}

func selects(q approval.PetitionQuery, p approval.Petition) bool {
	asked := q.Petitioner == "" || p.CreatedBy.ID == q.Petitioner ||
		slices.ContainsFunc(p.Petitioners, func(r approval.Resource) bool { return r.ID == q.Petitioner })
	return p.Space == q.Space && asked && (len(q.Phases) == 0 || slices.Contains(q.Phases, p.Phase)) &&
		q.Selector.Matches(p.Labels) && found(q.Words, petitionTexts(p)...)
}

func petitionTexts(p approval.Petition) []string {
	texts := append([]string{p.DisplayName, p.Reason}, textsIn(p.Params)...)
	for _, r := range slices.Concat(p.Resources, p.Petitioners, []approval.Resource{p.CreatedBy}) {
		texts = append(texts, r.DisplayName, r.Email, r.ID)
	}
	return texts
}

// textsIn answers the strings and numbers of a JSON text.
func textsIn(params []byte) (texts []string) {
	tokens := json.NewDecoder(bytes.NewReader(params))
	tokens.UseNumber()
	for {
		token, err := tokens.Token()
		if err != nil {
			return texts
		}
		texts = append(texts, fmt.Sprint(token))
	}
}

// found answers whether each wanted word begins a word of the texts.
func found(wanted []string, texts ...string) bool {
	if len(wanted) == 0 {
		return true
	}
	words := approval.SearchWords(texts...)
	return !slices.ContainsFunc(wanted, func(w string) bool {
		return !slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, w) })
	})
}

func start(r approval.PageRequest) (after *approval.PageKey, size int, err error) {
	r, err = r.Check()
	if err != nil {
		return nil, 0, err
	}
	k, given, err := approval.ParsePageToken(r.Token)
	if given {
		after = &k
	}
	return after, r.Size, err
}

func beyond(seq, after int64, ascending bool) bool {
	if ascending {
		return seq > after
	}
	return seq < after
}

func ordered[T any](rows []T, ascending bool) []T {
	if ascending {
		return rows
	}
	rows = slices.Clone(rows)
	slices.Reverse(rows)
	return rows
}

// Idempotency implements approval.Store.
func (s *Store) Idempotency(ctx context.Context, space, actor, k string) (approval.Idempotency, error) {
	return lookUp(s, ctx, s.keys, [3]string{space, actor, k}, "Idempotency", "idempotency key", space, k)
}

// Resource implements approval.Store.
func (s *Store) Resource(ctx context.Context, space, name string) (approval.Resource, error) {
	return lookUp(s, ctx, s.resources, key{space, name}, "Resource", "resource", space, name)
}

// Resources implements approval.Store.
func (s *Store) Resources(ctx context.Context, q approval.ResourceQuery) (page approval.Page[approval.Resource], err error) {
	after, size, err := start(q.Page)
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Resources"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	page.Items = s.directory(q.Space, func(r approval.Resource) bool {
		texts := append([]string{r.DisplayName, r.Email, r.ID, r.Name(), r.Kind}, r.AltIDs...)
		return (after == nil || r.Name() > after.Text) && (q.View == "" || r.In(q.View)) && q.Selector.Matches(r.Labels) && found(q.Words, texts...)
	})
	if len(page.Items) > size {
		page.Items = page.Items[:size]
		page.Next = approval.PageKey{Text: page.Items[size-1].Name()}.Token()
	}
	return page, nil
}

// directory answers what of a space's resources is wanted, by name; only these are put in order.
func (s *Store) directory(space string, wanted func(approval.Resource) bool) (list []approval.Resource) {
	for k, r := range s.resources {
		if k.space == space && wanted(r) {
			list = append(list, copied(r))
		}
	}
	slices.SortFunc(list, byName(approval.Resource.Name))
	return list
}

// ResourcesByID implements approval.Store.
func (s *Store) ResourcesByID(ctx context.Context, space string, ids []string) (list []approval.Resource, err error) {
	if err := s.enter(ctx, "ResourcesByID"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.directory(space, func(r approval.Resource) bool { return slices.Contains(ids, r.ID) }), nil
}

// ResourcesNamed implements approval.Store.
func (s *Store) ResourcesNamed(ctx context.Context, space string, names []string) (list []approval.Resource, err error) {
	if err := s.enter(ctx, "ResourcesNamed"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	goesBy := func(name string) bool { return name != "" && slices.Contains(names, strings.ToLower(name)) }
	return s.directory(space, func(r approval.Resource) bool {
		return slices.Contains(names, r.ID) || goesBy(r.ID) || goesBy(r.Email) || slices.ContainsFunc(r.AltIDs, goesBy)
	}), nil
}

// Events implements approval.Store.
func (s *Store) Events(ctx context.Context, q approval.EventQuery) (page approval.Page[approval.Event], err error) {
	after, size, err := start(q.Page)
	if err == nil && after != nil {
		if _, number := strconv.ParseInt(after.Text, 10, 64); number != nil {
			err = approval.FieldError("pageToken", "is not a page token of this list")
		}
	}
	if err != nil {
		return page, err
	}
	if err := s.enter(ctx, "Events"); err != nil {
		return page, err
	}
	defer s.mu.Unlock()
	for _, row := range ordered(s.events, q.Page.Ascending) {
		if after != nil && !beyond(row.event.Cursor.Seq, after.Number, q.Page.Ascending) || !row.selectedBy(q) {
			continue
		}
		if len(page.Items) == size {
			last := page.Items[size-1].Cursor
			page.Next = approval.PageKey{Number: last.Seq, Text: strconv.FormatInt(last.Tx, 10)}.Token()
			break
		}
		page.Items = append(page.Items, row.event)
	}
	return page, nil
}

func (r eventRow) selectedBy(q approval.EventQuery) bool {
	e := r.event
	is := func(wanted, has string) bool { return wanted == "" || wanted == has }
	return r.space == q.Space && is(q.Petition, e.Petition()) && is(q.Actor, e.Actor.ID) && is(q.Event, e.Event) &&
		(q.Since.IsZero() || !e.Timestamp.Before(q.Since)) && (q.Until.IsZero() || e.Timestamp.Before(q.Until))
}

// EventsAfter implements approval.Store.
func (s *Store) EventsAfter(ctx context.Context, q approval.EventQuery, after approval.Cursor, limit int) (list []approval.Event, err error) {
	if err := s.enter(ctx, "EventsAfter"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	for _, row := range s.events {
		if after.Before(row.event.Cursor) && row.selectedBy(q) && len(list) < limit {
			list = append(list, row.event)
		}
	}
	return list, nil
}

// LastCursor implements approval.Store.
func (s *Store) LastCursor(ctx context.Context, space string) (last approval.Cursor, err error) {
	if err := s.enter(ctx, "LastCursor"); err != nil {
		return last, err
	}
	defer s.mu.Unlock()
	for _, row := range s.events {
		if row.space == space {
			last = row.event.Cursor
		}
	}
	return last, nil
}

// Ping implements approval.Store.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.enter(ctx, "Ping"); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}
