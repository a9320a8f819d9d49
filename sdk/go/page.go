package indent

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
)

// listed reads a list page after page, as far as it is looked at. An error is yielded once and ends it.
func listed[T any](ctx context.Context, c *Client, path, key string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := cloneQuery(query)
		for {
			items, next, err := page[T](ctx, c, path, key, query)
			if err == nil && next != "" && next == query.Get("pageToken") {
				err = malformed("the same page comes again and again")
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if err != nil {
				var none T
				yield(none, err)
			}
			if err != nil || next == "" {
				return
			}
			query.Set("pageToken", next)
		}
	}
}

func page[T any](ctx context.Context, c *Client, path, key string, query url.Values) (items []T, next string, err error) {
	fields, err := answered[map[string]json.RawMessage](ctx, c, call{method: "GET", path: path, query: query, repeatable: true})
	if err != nil {
		return nil, "", err
	}
	for name, into := range map[string]any{key: &items, "nextPageToken": &next} {
		if raw := fields[name]; raw != nil {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, "", malformed("%s: %s", name, printable(err.Error()))
			}
		}
	}
	for i := range items {
		if c, ok := any(&items[i]).(checked); ok {
			if err := c.check(); err != nil {
				return nil, "", err
			}
		}
	}
	return items, next, nil
}

func cloneQuery(query url.Values) url.Values {
	clone := url.Values{}
	for name, values := range query {
		clone[name] = values
	}
	return clone
}

// parameters makes a query of those that have a value.
func parameters(pairs map[string]string) url.Values {
	query := url.Values{}
	for name, value := range pairs {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

func whenTrue(b bool) string {
	if b {
		return "true"
	}
	return ""
}

func whenPositive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
