package app_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// object is JSON as it is written: the order of its members is kept, and a name may be there twice.
type object struct {
	names  []string
	values []any
}

func (o *object) add(name string, value any) {
	o.names, o.values = append(o.names, name), append(o.values, value)
}

// literal is text that stands in the JSON as it is, whether that is JSON or not.
type literal string

// described is one operation of spec/openapi.json.
type described struct {
	id, method, path string
	params           []describedParam
	body             map[string]any // its schema; nil without a body
	documented       []int
	media            string             // of a success
	success          *jsonschema.Schema // nil when a success is not JSON
}

// share answers how many of so many calls the operation gets: there is little to send to what takes nothing.
func (op described) share(calls int) int {
	if op.body == nil && len(op.params) == 0 {
		return calls / 5
	}
	return calls
}

type describedParam struct {
	Name, In string
	Schema   map[string]any
}

// description is spec/openapi.json as clients read it.
type description struct {
	operations []described
	problem    *jsonschema.Schema
	schemas    map[string]any
}

const (
	specFile   = "../../spec/openapi.json"
	schemasAt  = "#/components/schemas/"
	jsonMedia  = "application/json"
	eventMedia = "text/event-stream"
)

func readDescription(t *testing.T) description {
	t.Helper()
	text, err := os.ReadFile(specFile)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource(specFile, whole); err != nil {
		t.Fatal(err)
	}
	compile := func(pointer string) *jsonschema.Schema {
		schema, err := compiler.Compile(specFile + pointer)
		if err != nil {
			t.Fatal(err)
		}
		return schema
	}
	var spec struct {
		Components struct{ Schemas map[string]any }
		Paths      map[string]map[string]struct {
			OperationID string
			Parameters  []describedParam
			RequestBody struct {
				Content map[string]struct{ Schema map[string]any }
			}
			Responses map[string]struct{ Content map[string]any }
		}
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	d := description{problem: compile(schemasAt + "Error"), schemas: spec.Components.Schemas}
	for path, item := range spec.Paths {
		for method, o := range item {
			op := described{id: o.OperationID, method: strings.ToUpper(method), path: path, params: o.Parameters, body: o.RequestBody.Content[jsonMedia].Schema}
			for status := range o.Responses {
				op.documented = append(op.documented, number(t, status))
			}
			for media := range o.Responses["200"].Content {
				if op.media = media; media == jsonMedia {
					pointer := strings.NewReplacer("~", "~0", "/", "~1").Replace(path)
					op.success = compile("#/paths/" + pointer + "/" + method + "/responses/200/content/application~1json/schema")
				}
			}
			d.operations = append(d.operations, op)
		}
	}
	slices.SortFunc(d.operations, func(a, b described) int { return strings.Compare(a.id, b.id) })
	return d
}

func number(t *testing.T, text string) int {
	t.Helper()
	var n int
	if err := json.Unmarshal([]byte(text), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// resolve follows a reference to a schema.
func (d description) resolve(schema map[string]any) map[string]any {
	if ref, ok := schema["$ref"].(string); ok {
		named, _ := d.schemas[strings.TrimPrefix(ref, schemasAt)].(map[string]any)
		return named
	}
	return schema
}
