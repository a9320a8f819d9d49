package approval

import (
	"context"
	"fmt"
	"slices"
)

// Resource answers one entry of the directory.
func (s *Service) Resource(ctx context.Context, a Actor, name string) (Resource, error) {
	if err := a.require(ReadResources); err != nil {
		return Resource{}, err
	}
	return s.entry(ctx, a.Space, name)
}

func (s *Service) entry(ctx context.Context, space, name string) (Resource, error) {
	if checkName("name", name) != nil {
		return Resource{}, Errorf(NotFound, "there is no resource %.100q in %s", name, space)
	}
	return s.Store.Resource(ctx, space, name)
}

// Resources answers a page of the directory, by name. A view wins over a label selector.
func (s *Service) Resources(ctx context.Context, a Actor, q ResourceQuery) (Page[Resource], error) {
	if err := a.require(ReadResources); err != nil {
		return Page[Resource]{}, err
	}
	page, err := q.Page.Check()
	if err != nil {
		return Page[Resource]{}, err
	}
	q.Space, q.Page = a.Space, page
	if q.View != "" {
		if !slices.Contains(Views, q.View) {
			return Page[Resource]{}, FieldError("view", "must be one of %s", Joined(Views))
		}
		q.Selector = nil
	}
	return s.Store.Resources(ctx, q)
}

// CreateResource adds one entry; a name that exists is a Conflict. Without a name the server makes one.
func (s *Service) CreateResource(ctx context.Context, a Actor, r Resource) (Resource, error) {
	out, err := s.putResources(ctx, a, "resource", []Resource{r}, true)
	if err != nil {
		return Resource{}, err
	}
	return out[0], nil
}

// PutResource adds or replaces the entry of that name.
func (s *Service) PutResource(ctx context.Context, a Actor, name string, r Resource) (Resource, error) {
	if err := r.Check(); err != nil {
		return Resource{}, under("resource", err)
	}
	if own := r.Name(); own != "" && own != name {
		return Resource{}, FieldError("resource.labels."+LabelBlock, "is %q but the path says %q: make them equal or leave the label out", own, name)
	}
	out, err := s.putResources(ctx, a, "resource", []Resource{r.withLabel(LabelBlock, name)}, false)
	if err != nil {
		return Resource{}, err
	}
	return out[0], nil
}

// PutResources adds or replaces many entries by name, all or nothing, at most [MaxBulk].
func (s *Service) PutResources(ctx context.Context, a Actor, list []Resource) ([]Resource, error) {
	if len(list) == 0 || len(list) > MaxBulk {
		return nil, FieldError("resources", "needs 1 to %d entries, it has %d", MaxBulk, len(list))
	}
	return s.putResources(ctx, a, "resources", list, false)
}

func (s *Service) putResources(ctx context.Context, a Actor, field string, list []Resource, mustBeNew bool) ([]Resource, error) {
	if err := s.Authorize(ctx, a, WriteResources, "write resources"); err != nil {
		return nil, err
	}
	out := make([]Resource, len(list))
	seen := map[string]bool{}
	change := Change{Space: a.Space}
	for i, r := range list {
		at := field
		if field == "resources" {
			at = fmt.Sprintf("resources[%d]", i)
		}
		if err := r.Check(); err != nil {
			return nil, under(at, err)
		}
		if v, has := r.Labels[LabelConfirm]; has && v != ConfirmPasskey {
			return nil, FieldError(at+".labels."+LabelConfirm, "must be %q, or left out", ConfirmPasskey)
		}
		if r.Name() == "" {
			r = r.withLabel(LabelBlock, s.IDs.UUID())
		}
		if seen[r.Name()] {
			return nil, FieldError(at, "has the same name %q as an entry before it", r.Name())
		}
		seen[r.Name()] = true
		out[i] = r
		change.Writes = append(change.Writes, PutResource{Resource: r, MustBeNew: mustBeNew})
	}
	change.Events = []Event{s.event(a, s.Clock.Now(), EventResourcePut, "", out, nil)}
	return out, s.commit(ctx, change)
}

// DeleteResources deletes entries by name, all or nothing; a name that does not exist is NotFound. Petitions that name
// them keep their own copy.
func (s *Service) DeleteResources(ctx context.Context, a Actor, names []string) error {
	if err := s.Authorize(ctx, a, WriteResources, "delete resources"); err != nil {
		return err
	}
	if len(names) == 0 || len(names) > MaxBulk {
		return FieldError("names", "needs 1 to %d entries, it has %d", MaxBulk, len(names))
	}
	change := Change{Space: a.Space}
	var gone []Resource
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		r, err := s.entry(ctx, a.Space, name)
		if err != nil {
			return err
		}
		gone = append(gone, r)
		change.Writes = append(change.Writes, DeleteResource{Name: name})
	}
	change.Events = []Event{s.event(a, s.Clock.Now(), EventResourceDelete, "", gone, nil)}
	return s.commit(ctx, change)
}
