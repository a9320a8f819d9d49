package policy

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// The YAML library says what it met. What to do about it is said here, by what stands on the line.

// keyAndValue are a line such as `  - when: "a" in actor.groups`.
var keyAndValue = regexp.MustCompile(`^[\s{-]*([A-Za-z]+): +(.*)$`)

// hinted adds to a mistake in the YAML of a document what to do about it.
func hinted(doc string, err error) error {
	p, ok := err.(*Problem)
	lines := strings.Split(doc, "\n")
	if !ok || p.Line < 1 || p.Line > len(lines) {
		return err
	}
	line := strings.TrimRight(lines[p.Line-1], "\r")
	if at := strings.IndexByte(line, '\t'); at >= 0 && strings.Trim(line[:at], " -\t") == "" {
		return place{p.Line, at + 1}.wrong("a tab: indent with blanks")
	}
	pair := keyAndValue.FindStringSubmatch(line)
	if pair == nil {
		return err
	}
	key, value := pair[1], strings.TrimSpace(pair[2])
	what := "text"
	if key == "when" || key == "where" {
		what = "condition"
	}
	switch {
	case value == "":
	case strings.ContainsRune(`"'`, rune(value[0])) && strings.IndexByte(value[1:], value[0]) < len(value)-2:
		p.Message += fmt.Sprintf(": a quote that ends before the %s does: put the whole %s in single quotes, such as %s: '%s'", what, what, key, singlyQuoted(value))
	case strings.ContainsRune("!&*@`%[{|>", rune(value[0])) && (what == "condition" || strings.ContainsRune("@`%", rune(value[0]))):
		p.Message += fmt.Sprintf(": a %s that begins with %c has to be in quotes, such as %s: '%s'", what, value[0], key, singlyQuoted(value))
	case strings.Contains(value, ": ") && !strings.ContainsRune("[{", rune(value[0])):
		p.Message += fmt.Sprintf(": a colon and a blank begin a value: put the %s in quotes, such as %s: '%s'", what, key, singlyQuoted(value))
	}
	p.Message = readable(p.Message)
	return p
}

func singlyQuoted(s string) string { return short(strings.ReplaceAll(s, "'", "''"), 100) }

// shapes are examples of the right shape, by key; "[]" stands behind a key whose value is a list where another of the same
// name is a mapping.
var shapes = map[string]string{
	"approve": "{duration: 1h}", "deny": "{reason: ask the data team first}", "require": "{reviewers: {roles: [Owner]}}",
	"breakGlass": "{who: {groups: [sre]}, duration: 1h, review: {within: 24h, require: {reviewers: {roles: [Owner]}}}}",
	"review":     "{within: 24h, require: {reviewers: {roles: [Owner]}}}", "changes": "{require: {reviewers: {roles: [Owner]}, count: 2}}",
	"reviewers": "{roles: [Owner]}", "who": "{groups: [sre]}", "notify": "{groups: [sre]}", "roles[]": "[Owner]", "persons[]": "[ada@example.com]",
	"groups[]": "[sre]", "groups": "{sre: [ada@example.com]}", "onCall[]": "[primary]", "onCall": "{primary: [ada@example.com]}",
	"managers": "managerId", "owners": "ownedBy", "where": "'reviewer.labels.site == \"berlin\"'", "when": "'actor.role == \"Owner\"'",
	"escalate[]": "[{after: 4h, reviewers: {roles: [Owner]}}]", "all[]": "[{reviewers: {groups: [payments]}}, {reviewers: {groups: [finance]}}]",
	"distinctFrom[]": "[team]", "inputs[]": "[{label: ticket, type: text}]", "choices[]": "[staging, production]",
	"rules[]": "[{name: all, require: {reviewers: {roles: [Owner]}}}]", "tests[]": "[{name: t, petition: {resources: [{id: prod}]}, expect: {verdict: review}}]",
	"as": "{id: ada@example.com, role: Viewer}", "petition": "{resources: [{kind: database, id: prod}]}", "resources[]": "[{kind: database, id: prod}]",
	"known[]": "[{kind: database, id: prod, labels: {env: prod}}]", "petitioners[]": "[{kind: user, id: ada@example.com}]", "labels": "{env: prod}",
	"altIds[]": "[prod-1]", "expect": "{verdict: review}", "schedules[]": "[{name: primary, rotations: [{every: 1w, start: 2026-01-05, persons: [ada@example.com]}]}]",
	"rotations[]": "[{every: 1w, start: 2026-01-05, persons: [ada@example.com]}]", "fallback": "{group: sre}", "source": "{url: 'https://duty.example.com/primary'}",
	"overrides[]": "[{from: 2026-12-24T09:00, to: 2026-12-27T09:00, person: ada@example.com}]", "restrict[]": "[{days: [mon], from: '08:00', to: '18:00'}]",
	"days[]": "[mon, tue]", "duration": "1h", "maxDuration": "8h", "defaultDuration": "1h", "decideWithin": "24h", "remindAfter": "4h", "after": "4h", "within": "24h",
}

// misshapen answers all that is not of the form of a type: keys that it does not have, lists where a text belongs, texts where a
// mapping does, and so on.
func misshapen(node ast.Node, of reflect.Type) error { return errors.Join(shapeOf(node, "", of)...) }

// leaves are what is read as one value, whatever its form.
var leaves = []reflect.Type{reflect.TypeFor[text](), reflect.TypeFor[whole](), reflect.TypeFor[decimal](), reflect.TypeFor[freeValue]()}

// shapeOf says what a value must be, and the values in it, if they are something else. "[]" stands behind the key of a list.
func shapeOf(node ast.Node, key string, t reflect.Type) []error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	list, isList := node.(*ast.SequenceNode)
	isMapping := isMappingNode(node)
	switch {
	case t == reflect.TypeFor[text]() && (isList || isMapping):
		return []error{misshape(node, key, "text")}
	case slices.Contains(leaves, t):
		err := reflect.New(t).Interface().(yaml.NodeUnmarshaler).UnmarshalYAML(node)
		switch {
		case err == nil:
			return nil
		case t == reflect.TypeFor[text]() && shapes[key] != "":
			return []error{misshape(node, key, "text, in quotes where it is a number")}
		}
		return []error{err}
	case t == reflect.TypeFor[sourceStages]() && isList:
		return elements(list, key, reflect.TypeFor[sourceStage]())
	case t == reflect.TypeFor[sourceStages]() && isMapping:
		return fields(node, reflect.TypeFor[sourceStage]())
	case t == reflect.TypeFor[sourceStages]():
		return []error{misshape(node, key, "a mapping, or a list of them")}
	case t.Kind() == reflect.Bool:
		if _, truth := node.(*ast.BoolNode); !truth {
			return []error{misshape(node, key, "true or false")}
		}
		return nil
	case t.Kind() == reflect.Slice && !isList:
		return []error{misshape(node, key+"[]", "a list")}
	case t.Kind() == reflect.Slice:
		return elements(list, key+"[]", t.Elem())
	case !isMapping:
		return []error{misshape(node, key, "a mapping")}
	case t.Kind() == reflect.Map:
		var wrong []error
		for _, e := range entriesOf(node) {
			wrong = append(wrong, shapeOf(e.Value, "", t.Elem())...)
		}
		return wrong
	}
	return fields(node, t)
}

// fields looks at the values of a mapping's keys. A part that keeps what is wrong with it tells that itself.
func fields(node ast.Node, of reflect.Type) (wrong []error) {
	types := map[string]reflect.Type{}
	for i := range of.NumField() {
		if key := of.Field(i).Tag.Get("yaml"); key != "" && key != "-" {
			types[key] = of.Field(i).Type
		}
	}
	for _, e := range entriesOf(node) {
		key := keyOf(e)
		t := types[key]
		switch {
		case t == nil:
			wrong = append(wrong, placeOf(e.Key).wrong("unknown field %q, misspelt or indented too little: %s", key, thereAre(key, slices.Sorted(maps.Keys(types)))))
		case t.Kind() == reflect.Slice && keepsMistakes(t.Elem()):
			if _, isList := e.Value.(*ast.SequenceNode); !isList {
				wrong = append(wrong, shapeOf(e.Value, key, t)...)
			}
		default:
			wrong = append(wrong, shapeOf(e.Value, key, t)...)
		}
	}
	return wrong
}

// keepsMistakes answers whether a part is read although it is not of its form, see [sourceRule.UnmarshalYAML].
func keepsMistakes(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	_, keeps := t.FieldByName("broken")
	return keeps
}

// elements looks at those of a list.
func elements(list *ast.SequenceNode, key string, of reflect.Type) (wrong []error) {
	for _, e := range list.Values {
		if of.Kind() == reflect.Struct && !slices.Contains(leaves, of) && !isMappingNode(e) {
			wrong = append(wrong, misshape(e, key, "a list of mappings"))
			continue
		}
		wrong = append(wrong, shapeOf(e, "", of)...)
	}
	return wrong
}

func entriesOf(node ast.Node) []*ast.MappingValueNode {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func isMappingNode(n ast.Node) bool {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return true
	}
	return false
}

func misshape(node ast.Node, key, what string) error {
	name := strings.TrimSuffix(key, "[]")
	example := shapes[key]
	switch {
	case name == "":
		return placeOf(node).wrong("this must be %s", what)
	case example == "":
		return placeOf(node).wrong("%s must be %s", name, what)
	}
	return placeOf(node).wrong("%s must be %s, such as %s: %s", name, what, name, example)
}
