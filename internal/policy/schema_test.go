package policy

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the generated file anew")

const schemaFile = "../../spec/policy.schema.json"

func TestTheSchemaIsFresh(t *testing.T) {
	t.Parallel()
	want := Schema()
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(schemaFile); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not what the types say (%v): run make generate", schemaFile, err)
	}
}

func schema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.schema.json", value); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// validate answers what the schema says of a document.
func validate(t testing.TB, s *jsonschema.Schema, text string) error {
	t.Helper()
	var parsed any
	if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	written, err := json.Marshal(parsed)
	if err != nil {
		t.Fatal(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(written))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(value)
}

func TestTheSchemaTakesWhatTheCompilerTakes(t *testing.T) {
	t.Parallel()
	s := schema(t)
	documents := map[string]string{"dev": Dev(), "default": Default(), "stages": everyStage,
		"tests": tested + "- {name: it, petition: {resources: [{id: db}], params: {a: [1, {b: x}]}, labels: {a: b}}, groups: {sre: [eng]}, labels: {a@x.example: {a: b}}, onCall: {pager: []}, expect: {verdict: review}}\n"}
	for _, seed := range seeds {
		documents[seed] = seed
	}
	taken := 0
	for name, text := range documents {
		if _, err := Compile(text); err != nil {
			continue
		}
		taken++
		if err := validate(t, s, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if taken < 10 {
		t.Errorf("only %d documents compile: the test proves nothing", taken)
	}
}

// What an editor can see is wrong, both see.
func TestTheSchemaRefusesWhatIsBroken(t *testing.T) {
	t.Parallel()
	s := schema(t)
	const rule = "version: 1\nrules:\n- name: r\n  "
	const owner = "reviewers: {roles: [Owner]}"
	const deny = "version: 1\nrules: [{name: r, deny: {reason: x}}]\n"
	for name, text := range map[string]string{
		"no version":               "rules: [{name: r, deny: {reason: x}}]",
		"another version":          "version: 2\nrules: [{name: r, deny: {reason: x}}]",
		"no rules":                 "version: 1",
		"an empty list of rules":   "version: 1\nrules: []",
		"an unknown key":           rule + "deny: {reason: x}\n  wen: 'true'",
		"an unknown key, deeper":   rule + "require: {reviewers: {role: [Owner]}}",
		"no name":                  "version: 1\nrules: [{deny: {reason: x}}]",
		"no answer":                rule + "when: 'true'",
		"two answers":              rule + "deny: {reason: x}\n  approve: {duration: 1h}",
		"no reason":                rule + "deny: {}",
		"no duration":              rule + "approve: {}",
		"a duration in seconds":    rule + "approve: {duration: 3600}",
		"a duration in words":      rule + "approve: {duration: one hour}",
		"a condition that is none": rule + "when: true\n  deny: {reason: x}",
		"an unknown role":          rule + "require: {reviewers: {roles: [owner]}}",
		"nobody":                   rule + "require: {reviewers: {}}",
		"no reviewers":             rule + "require: {count: 1}",
		"no stages":                rule + "require: []",
		"all and reviewers":        rule + "require: {all: [{" + owner + "}], " + owner + "}",
		"all and count":            rule + "require: {all: [{" + owner + "}], count: 2}",
		"a name within all":        rule + "require: {all: [{name: x, " + owner + "}]}",
		"half a person":            rule + "require: {" + owner + ", count: 1.5}",
		"another confirmation":     rule + "require: {" + owner + ", confirm: password}",
		"an escalation to nobody":  rule + "require: {" + owner + ", escalate: [{after: 1h}]}",
		"the glass without review": rule + "breakGlass: {who: {roles: [Owner]}, duration: 1h}",
		"an input without a type":  rule + "require: {" + owner + "}\n  inputs: [{label: a}]",
		"an input of a date":       rule + "require: {" + owner + "}\n  inputs: [{label: a, type: date}]",
		"a shift in months":        deny + "schedules: [{name: s, rotations: [{every: 1m, start: 2026-01-01, persons: [a@x.example]}]}]",
		"a start in a zone":        deny + "schedules: [{name: s, rotations: [{every: 1d, start: '2026-01-01T09:00Z', persons: [a@x.example]}]}]",
		"a source alone":           deny + "schedules: [{name: s, source: {url: 'https://x.example'}}]",
		"an unknown day":           deny + "schedules: [{name: s, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{days: [monday]}]}]}]",
		"an hour that is none":     deny + "schedules: [{name: s, rotations: [{every: 1d, start: 2026-01-01, persons: [a@x.example], restrict: [{from: '25:00'}]}]}]",
		"a test of nothing":        deny + "tests: [{name: t, petition: {resources: [{id: a}]}, expect: {}}]",
		"a test for nothing":       deny + "tests: [{name: t, petition: {resources: []}, expect: {verdict: deny}}]",
		"a test of another answer": deny + "tests: [{name: t, petition: {resources: [{id: a}]}, expect: {verdict: allow}}]",
		"a label that is a number": deny + "tests: [{name: t, petition: {resources: [{id: a}], labels: {a: 1}}, expect: {verdict: deny}}]",
	} {
		if err := validate(t, s, text); err == nil {
			t.Errorf("the schema takes %s", name)
		}
		if _, err := Compile(text); err == nil {
			t.Errorf("the compiler takes %s", name)
		}
	}
}

// Whoever writes a document reads in the editor what each key means.
func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	var root map[string]any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	objects := map[string]any{"document": root}
	for name, o := range root["$defs"].(map[string]any) {
		objects[name] = o
	}
	for name, o := range objects {
		for key, p := range o.(map[string]any)["properties"].(map[string]any) {
			if d, _ := p.(map[string]any)["description"].(string); !strings.HasSuffix(d, ".") {
				t.Errorf("%s.%s is described by %q", name, key, d)
			}
		}
	}
}
