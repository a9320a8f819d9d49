package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// generator makes what no client means to send, mostly close to what one might.
type generator struct {
	*rand.Rand
	description
	names []string // of what there is, for paths
	fresh string   // the name of an open petition
}

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// onceIn answers true once in n times.
func (g *generator) onceIn(n int) bool { return g.IntN(n) == 0 }

// strange is text that has broken parsers, terminals, file systems and databases.
var strange = []string{"", " ", "\x00", "a\x00b", "\u202e", "\u200b", "\ufeff", "\u2028", "\x1b[2J", "\r\n", "\r\n\r\nGET / HTTP/1.1", "..", "../../etc/passwd",
	"' OR 1=1 --", "\";DROP TABLE petitions", "<script>alert(1)</script>", "%s%n%x", "%00", "%2f", "null", "true", "NaN", "-0", "1e999", "0x10",
	"{{.}}", "${jndi:ldap://x}", "\xff\xfe", "\xed\xa0\x80", "\xc0\x80", "İ", "ﬀ", "👩🏽\u200d💻", "a\u0301\u0301\u0301", "\U0010ffff", "\ufffd",
	strings.Repeat("x", 201), strings.Repeat("ö", 1001), strings.Repeat("x", 5000), strings.Repeat("(", 300), "9223372036854775808", "-1", "1h", "61s",
	"2030-01-02T15:04:05Z", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "access/approve", "me", "indent.com/block", ":", "a:b", "*", "~", "\\"}

// ordinary is text that fields take.
var ordinary = []string{"x", "production", "because", "3600s", "1h", "ada@acmecorp.example", "action", "a b", "ö", apptest.Space, "env", "quickstart"}

var labelKeys = []string{approval.LabelBlock, approval.LabelRequestable, approval.LabelAskedDuration, approval.LabelDigest, approval.LabelTimeDuration,
	approval.LabelTimeExpires, approval.LabelTimeIndefinite, "env", "team"}

// value makes a value of the schema, as a client might send it.
func (g *generator) value(schema map[string]any, depth int) any {
	schema = g.resolve(schema)
	if options, ok := schema["enum"].([]any); ok {
		return pick(g, options)
	}
	switch schema["type"] {
	case "string":
		return g.text()
	case "boolean":
		return g.onceIn(2)
	case "integer":
		return g.IntN(400)
	case "array":
		list := []any{}
		items, _ := schema["items"].(map[string]any)
		for range g.IntN(3) + 1 {
			list = append(list, g.value(items, depth+1))
		}
		return list
	case "object":
		return g.members(schema, depth)
	}
	return g.anything(depth + 1)
}

func (g *generator) members(schema map[string]any, depth int) any {
	out := &object{}
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		property, _ := properties[name].(map[string]any)
		if slices.Contains(required, any(name)) || g.onceIn(3) {
			out.add(name, g.value(property, depth+1))
		}
	}
	if more, ok := schema["additionalProperties"].(map[string]any); ok {
		for i := range g.IntN(3) {
			out.add(pick(g, labelKeys)+strings.Repeat("_", i), g.value(more, depth+1))
		}
	}
	return out
}

func (g *generator) text() string {
	switch g.IntN(12) {
	case 0:
		return pick(g, strange)
	case 1, 2:
		return g.fresh
	case 3, 4, 5:
		return pick(g, g.names)
	}
	return pick(g, ordinary)
}

// anything makes any JSON, and some that is none.
func (g *generator) anything(depth int) any {
	switch g.IntN(12) {
	case 0:
		return nil
	case 1:
		return g.onceIn(2)
	case 2:
		return pick(g, []any{0, -1, 1.5, 201, literal("-0"), literal("1e400"), literal("9007199254740993"), literal("123456789012345678901234567890"), literal("1E-400")})
	case 3:
		return literal(pick(g, []string{`"\ud800"`, `"\u0000"`, `"\udc00\ud800"`, `"\u202e"`, "NaN", "'x'", "01", "+1", "1.", `"\x"`, "\"\x01\"", "\"\xff\"", "undefined", "//", "", "[1,]", `{"a":1,}`}))
	case 4:
		n := pick(g, []int{2, 31, 32, 33, 200, 10_000})
		return literal(strings.Repeat("[", n) + strings.Repeat("]", n))
	case 5:
		n := pick(g, []int{3, 33, 10_000})
		return literal(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n))
	case 6:
		return literal("[" + strings.TrimSuffix(strings.Repeat(pick(g, []string{`"x",`, `{"id":"x"},`, "0,", "null,"}), pick(g, []int{1, 21, 101, 1001, 20_000})), ",") + "]")
	case 7, 8:
		if depth < 6 {
			out := &object{}
			for range g.IntN(3) {
				out.add(g.text(), g.anything(depth+1))
			}
			return out
		}
		return "deep"
	default:
		return g.text()
	}
}

// spoil changes one place of the value.
func (g *generator) spoil(whole any) any {
	type place struct {
		put    func(any)
		parent *object
		at     int
	}
	places := []place{{put: func(v any) { whole = v }}}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case *object:
			for i := range v.values {
				places = append(places, place{func(n any) { v.values[i] = n }, v, i})
				walk(v.values[i])
			}
		case []any:
			for i := range v {
				places = append(places, place{put: func(n any) { v[i] = n }})
				walk(v[i])
			}
		}
	}
	walk(whole)
	p := pick(g, places)
	switch n := g.IntN(10); {
	case p.parent == nil || n < 5:
		p.put(g.anything(0))
	case n == 5:
		p.parent.names[p.at] = g.text()
	case n == 6:
		p.parent.names[p.at] = strings.ToUpper(p.parent.names[p.at])
	case n == 7:
		p.parent.add(p.parent.names[p.at], g.anything(0)) // twice
	case n == 8:
		p.parent.add(g.text(), g.anything(0))
	default:
		p.parent.names, p.parent.values = slices.Delete(p.parent.names, p.at, p.at+1), slices.Delete(p.parent.values, p.at, p.at+1)
	}
	return whole
}

// body makes a body for the schema: as it should be, spoilt, or mangled as text.
func (g *generator) body(schema map[string]any) []byte {
	v := g.value(schema, 0)
	for range g.IntN(3) {
		v = g.spoil(v)
	}
	text := write(nil, v)
	if !g.onceIn(6) {
		return text
	}
	switch g.IntN(8) {
	case 0:
		return text[:g.IntN(len(text)+1)]
	case 1:
		if len(text) > 0 {
			text[g.IntN(len(text))] = byte(g.IntN(256))
		}
		return text
	case 2:
		return append([]byte("\xef\xbb\xbf"), text...)
	case 3:
		return append(text, text...)
	case 4:
		at := g.IntN(len(text) + 1)
		return slices.Insert(text, at, []byte(pick(g, strange))...)
	case 5:
		return append(text, make([]byte, approval.MaxBodyBytes)...)
	case 6:
		return append(text, strings.Repeat(" ", pick(g, []int{1, 100_000}))...)
	default:
		return []byte(pick(g, strange))
	}
}

// write appends the value as JSON; literals and text that is not UTF-8 stand as they are.
func write(out []byte, v any) []byte {
	switch v := v.(type) {
	case literal:
		return append(out, v...)
	case *object:
		out = append(out, '{')
		for i, name := range v.names {
			if i > 0 {
				out = append(out, ',')
			}
			out = write(append(write(out, name), ':'), v.values[i])
		}
		return append(out, '}')
	case []any:
		out = append(out, '[')
		for i, item := range v {
			if i > 0 {
				out = append(out, ',')
			}
			out = write(out, item)
		}
		return append(out, ']')
	case string:
		if !json.Valid([]byte(`"` + v + `"`)) {
			break
		}
		return append(append(append(out, '"'), v...), '"')
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Append(out, v)
	}
	return append(out, text...)
}
