package policy

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

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
	"days[]": "[mon, tue]",
}

// misshapen answers the first key of a mapping whose value is a list where a text belongs, a text where a mapping does, and
// so on; nil when there is none.
func misshapen(node ast.Node, of reflect.Type) error {
	if of.Kind() == reflect.Slice {
		return shapeOf(node, "", of)
	}
	var entries []*ast.MappingValueNode
	switch n := node.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	}
	if of.Kind() != reflect.Struct {
		return nil
	}
	fields := map[string]reflect.Type{}
	for i := range of.NumField() {
		fields[of.Field(i).Tag.Get("yaml")] = of.Field(i).Type
	}
	for _, e := range entries {
		if t := fields[keyOf(e)]; t != nil {
			if err := shapeOf(e.Value, keyOf(e), t); err != nil {
				return err
			}
		}
	}
	return nil
}

// shapeOf says what a value must be, if it is something else.
func shapeOf(node ast.Node, key string, t reflect.Type) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	_, isList := node.(*ast.SequenceNode)
	isMapping := isMappingNode(node)
	switch {
	case t == reflect.TypeFor[text]():
		if isList || isMapping {
			return misshape(node, key, "text", "")
		}
	case t == reflect.TypeFor[sourceStages]():
		if !isList && !isMapping {
			return misshape(node, key, "a mapping, or a list of them", "")
		}
		return elements(node, key, reflect.TypeFor[sourceStage]())
	case t.Kind() == reflect.Slice && !isList:
		return misshape(node, key, "a list", "[]")
	case t.Kind() == reflect.Slice:
		return elements(node, key+"[]", t.Elem())
	case t == reflect.TypeFor[whole](), t == reflect.TypeFor[decimal](), t == reflect.TypeFor[freeValue]():
	case (t.Kind() == reflect.Struct || t.Kind() == reflect.Map) && !isMapping:
		return misshape(node, key, "a mapping", "")
	}
	return nil
}

// elements looks at those of a list of mappings.
func elements(node ast.Node, key string, of reflect.Type) error {
	list, _ := node.(*ast.SequenceNode)
	if list == nil || of == reflect.TypeFor[text]() {
		return nil
	}
	for _, e := range list.Values {
		if !isMappingNode(e) {
			return misshape(e, key, "a list of mappings", "")
		}
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

func misshape(node ast.Node, key, what, kind string) error {
	name := strings.TrimSuffix(key, "[]")
	example := shapes[key+kind]
	switch {
	case name == "":
		return placeOf(node).wrong("this must be %s", what)
	case example == "":
		return placeOf(node).wrong("%s must be %s", name, what)
	}
	return placeOf(node).wrong("%s must be %s, such as %s: %s", name, what, name, example)
}
