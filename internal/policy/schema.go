package policy

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

//go:generate go test -count=1 -run ^TestTheSchemaIsFresh$ . -update

// Schema answers the JSON Schema (2020-12) of a rule document, for editors: what may stand where, and what it means. It is
// made of the types that the document is read into. It takes every document that [Compile] takes; what it cannot say, such
// as that a condition has no mistake, only Compile finds.
func Schema() []byte {
	m := &schemaMaker{defs: map[string]any{}}
	root := m.object(reflect.TypeFor[source]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Rule document of an Indent space"
	root["$defs"] = m.defs
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of texts can be written
	}
	return append(out, '\n')
}

type node = map[string]any

// schemaMaker makes schemas of types; each of ours is a definition of its own.
type schemaMaker struct{ defs map[string]any }

// formats are the texts that have a form.
var formats = map[string]string{
	"duration":  `^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$`,
	"wall":      `^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{1,2}:[0-9]{2})?$`,
	"date-time": `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{1,2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})$`,
}

// together is what a part demands of its keys together.
var together = map[string]node{
	"Rule": {"oneOf": []node{{"required": []string{"approve"}}, {"required": []string{"deny"}}, {"required": []string{"require"}}, {"required": []string{"breakGlass"}}}},
	"Stage": {"oneOf": []node{{"required": []string{"reviewers"}}, {"required": []string{"all"},
		"properties": node{"count": false, "confirm": false, "notify": false, "remindAfter": false}}}},
	"Reviewers": {"minProperties": 1},
	"Schedule":  {"oneOf": []node{{"required": []string{"rotations"}}, {"required": []string{"source", "fallback"}}}},
}

func (m *schemaMaker) object(t reflect.Type) node {
	properties, required := node{}, []string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		properties[name] = m.property(f)
		if f.Tag.Get("required") != "" {
			required = append(required, name)
		}
	}
	out := node{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	for key, value := range together[strings.TrimPrefix(t.Name(), "source")] {
		out[key] = value
	}
	return out
}

// property answers the schema of a field, with what its tags say.
func (m *schemaMaker) property(f reflect.StructField) node {
	out := m.typed(f.Type)
	out["description"] = f.Tag.Get("doc")
	inner := out
	if items, ok := out["items"].(node); ok {
		inner = items
	}
	if list := f.Tag.Get("enum"); list != "" {
		inner["enum"] = strings.Split(list, ",")
	}
	if format := f.Tag.Get("format"); format != "" {
		inner["pattern"] = formats[format]
	}
	if pattern := f.Tag.Get("pattern"); pattern != "" {
		inner["pattern"] = pattern
	}
	for _, limit := range []string{"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum", "const"} {
		if n, err := strconv.Atoi(f.Tag.Get(limit)); err == nil {
			out[limit] = n
		}
	}
	return out
}

func (m *schemaMaker) typed(t reflect.Type) node {
	switch t {
	case reflect.TypeFor[text]():
		return node{"type": "string"}
	case reflect.TypeFor[whole]():
		return node{"type": "integer"}
	case reflect.TypeFor[decimal]():
		return node{"type": "number"}
	case reflect.TypeFor[freeValue]():
		return node{"type": "object"}
	case reflect.TypeFor[bool]():
		return node{"type": "boolean"}
	case reflect.TypeFor[sourceStages]():
		stage := m.typed(reflect.TypeFor[sourceStage]())
		return node{"anyOf": []node{stage, {"type": "array", "items": stage, "minItems": 1, "maxItems": maxStages}}}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return m.typed(t.Elem())
	case reflect.Slice:
		return node{"type": "array", "items": m.typed(t.Elem())}
	case reflect.Map:
		return node{"type": "object", "additionalProperties": m.typed(t.Elem())}
	}
	name := strings.TrimPrefix(t.Name(), "source")
	name = strings.ToLower(name[:1]) + name[1:]
	if _, made := m.defs[name]; !made {
		m.defs[name] = nil // it may hold itself
		m.defs[name] = m.object(t)
	}
	return node{"$ref": "#/$defs/" + name}
}
