package policy

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/indent-approvals/indent/internal/approval"
)

// whole is a whole number of the document that knows where it stands.
type whole struct {
	place
	value int
}

// UnmarshalYAML takes whole numbers only; the YAML library would cut 1.9 to 1.
func (w *whole) UnmarshalYAML(node ast.Node) error {
	w.place = placeOf(node)
	n, ok := node.(*ast.IntegerNode)
	if !ok {
		return w.wrong("this must be a whole number")
	}
	v, err := strconv.Atoi(fmt.Sprint(n.Value))
	if err != nil {
		return w.wrong("this number is out of range")
	}
	w.value = v
	return nil
}

// decimal is a number of the document that knows where it stands.
type decimal struct {
	place
	value float64
}

// UnmarshalYAML takes finite numbers only.
func (d *decimal) UnmarshalYAML(node ast.Node) error {
	d.place = placeOf(node)
	switch n := node.(type) {
	case *ast.IntegerNode:
		d.value, _ = strconv.ParseFloat(fmt.Sprint(n.Value), 64)
	case *ast.FloatNode:
		d.value = n.Value
	default:
		return d.wrong("this must be a number")
	}
	if math.IsNaN(d.value) || math.IsInf(d.value, 0) {
		return d.wrong("this number is out of range")
	}
	return nil
}

// freeValue is a mapping of anything, which a test hands to the rules as a petition's params.
type freeValue struct {
	place
	json approval.RawJSON // canonical
}

// UnmarshalYAML takes what JSON could say, as the API would.
func (f *freeValue) UnmarshalYAML(node ast.Node) error {
	f.place = placeOf(node)
	value, err := plainValue(node)
	if err != nil {
		return err
	}
	written, err := json.Marshal(value)
	if err == nil {
		f.json, err = approval.CanonicalParams("params", written)
	}
	if err != nil {
		return f.wrong("%v", err)
	}
	return nil
}

// plainValue answers a node as what encoding/json writes.
func plainValue(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		all := make(map[string]any, len(n.Values))
		for _, entry := range n.Values {
			value, err := plainValue(entry.Value)
			if err != nil {
				return nil, err
			}
			all[keyOf(entry)] = value
		}
		return all, nil
	case *ast.MappingValueNode:
		value, err := plainValue(n.Value)
		return map[string]any{keyOf(n): value}, err
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, v := range n.Values {
			value, err := plainValue(v)
			if err != nil {
				return nil, err
			}
			list[i] = value
		}
		return list, nil
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.BoolNode:
		return n.Value, nil
	case *ast.IntegerNode, *ast.FloatNode:
		var d decimal
		err := d.UnmarshalYAML(node)
		return d.value, err
	}
	return nil, placeOf(node).wrong("this is nothing that JSON could say")
}

func keyOf(entry *ast.MappingValueNode) string {
	if s, ok := entry.Key.(*ast.StringNode); ok {
		return s.Value
	}
	return entry.Key.String()
}

// instant reads a moment such as 2026-01-05T12:00:00Z.
func (t text) instant() (time.Time, error) {
	at, err := time.Parse(time.RFC3339, t.value)
	if err != nil || at.Year() < 1970 || at.Year() > 2200 {
		return at, t.wrong("%q must be a moment such as 2026-01-05T12:00:00Z", t.value)
	}
	return at.UTC(), nil
}

// wallFormats are the ways to write what a clock on the wall shows.
var wallFormats = []string{"2006-01-02T15:04", "2006-01-02"}

// wall reads what a clock on the wall shows, such as 2026-01-05T09:00, as if in UTC.
func (t text) wall() (time.Time, error) {
	for _, format := range wallFormats {
		if at, err := time.Parse(format, t.value); err == nil && at.Year() >= 1970 && at.Year() <= 2200 {
			return at, nil
		}
	}
	return time.Time{}, t.wrong("%q must be a time on the wall, such as 2026-01-05T09:00, without a zone", t.value)
}
