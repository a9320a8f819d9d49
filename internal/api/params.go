package api

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// plan is how an input is filled from a request; it is read from the type's tags once.
type plan struct {
	params []param
	body   []int // index of the field Body, nil when the route has none
	// optional bodies may be left out.
	optional bool
}

// param is one field that comes from the path, the query or a header. Its tags maxLength, minimum, maximum and enum are
// both documented and enforced.
type param struct {
	in, name string
	index    []int
	kind     reflect.Type
	field    reflect.StructField
	length   int
	enum     []string
	min, max int
}

// defaultLength bounds a parameter whose tag says nothing.
const defaultLength = approval.MaxID

func planOf(t reflect.Type) *plan {
	p := &plan{}
	for _, f := range reflect.VisibleFields(t) {
		if f.Anonymous {
			continue
		}
		if f.Name == "Body" {
			p.body, p.optional = f.Index, f.Tag.Get("required") == "false"
			continue
		}
		for _, in := range []string{"path", "query", "header"} {
			if name := f.Tag.Get(in); name != "" {
				p.params = append(p.params, paramOf(in, name, f))
			}
		}
	}
	return p
}

func paramOf(in, name string, f reflect.StructField) param {
	number := func(tag string, otherwise int) int {
		if text := f.Tag.Get(tag); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil {
				panic(fmt.Sprintf("api: tag %s of parameter %s is no number", tag, name))
			}
			return n
		}
		return otherwise
	}
	p := param{in: in, name: name, index: f.Index, kind: f.Type, field: f,
		length: number("maxLength", defaultLength), min: number("minimum", 0), max: number("maximum", 1<<31-1)}
	if list := f.Tag.Get("enum"); list != "" {
		p.enum = strings.Split(list, ",")
	}
	return p
}

// fill sets the parameters of in. A query parameter that the route does not know, or that is there twice, is refused:
// a misspelled filter must not answer more than was asked for.
func (p *plan) fill(in reflect.Value, r *http.Request) error {
	query, err := p.query(r.URL.RawQuery)
	if err != nil {
		return err
	}
	for i := range p.params {
		d := &p.params[i]
		var text string
		switch d.in {
		case "path":
			in.FieldByIndex(d.index).SetString(r.PathValue(d.name)) // what no name can be is not found
			continue
		case "query":
			text = query.Get(d.name)
		case "header":
			values := r.Header.Values(d.name)
			if len(values) > 1 {
				return approval.FieldError(d.name, "is there %d times: send it once", len(values))
			}
			if len(values) == 1 {
				text = values[0]
			}
		}
		if text == "" {
			continue
		}
		if err := d.set(in.FieldByIndex(d.index), text); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) query(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, approval.FieldError("query", "is not well-formed: percent-encode the values")
	}
	names := make([]string, 0, len(query))
	for name := range query {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if !slices.ContainsFunc(p.params, func(d param) bool { return d.in == "query" && d.name == name }) {
			field := printable(name)
			if field == "" {
				field = "query"
			}
			return nil, approval.FieldError(field, "is not a query parameter of this route%s", p.known())
		}
		if len(query[name]) > 1 {
			return nil, approval.FieldError(name, "is there %d times: send it once", len(query[name]))
		}
	}
	return query, nil
}

// known tells which query parameters there are.
func (p *plan) known() string {
	var names []string
	for _, d := range p.params {
		if d.in == "query" {
			names = append(names, d.name)
		}
	}
	if names == nil {
		return ": it has none"
	}
	return ": it has " + strings.Join(names, ", ")
}

func (d *param) set(v reflect.Value, text string) error {
	if err := approval.CheckLine(d.name, text, d.length); err != nil {
		return err
	}
	if d.enum != nil && !slices.Contains(d.enum, text) {
		return approval.FieldError(d.name, "must be one of %s", strings.Join(d.enum, ", "))
	}
	switch v.Interface().(type) {
	case bool, *bool:
		b := text == "true"
		if !b && text != "false" {
			return approval.FieldError(d.name, "must be true or false")
		}
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.ValueOf(&b))
		} else {
			v.SetBool(b)
		}
	case int:
		n, err := strconv.Atoi(text)
		if err != nil || n < d.min || n > d.max {
			return approval.FieldError(d.name, "must be between %d and %d", d.min, d.max)
		}
		v.SetInt(int64(n))
	case time.Duration:
		n, err := time.ParseDuration(text)
		if err != nil {
			return approval.FieldError(d.name, "must be a duration such as 30s")
		}
		v.SetInt(int64(n))
	case time.Time:
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return approval.FieldError(d.name, "must be an RFC 3339 time such as 2030-01-02T15:04:05Z")
		}
		v.Set(reflect.ValueOf(t.UTC()))
	default:
		v.SetString(text)
	}
	return nil
}
