package indent_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The format of spec/cases, as spec/README.md describes it: variables, repetition, matching.

type object = map[string]any

type specCase struct {
	Name  string
	Why   string
	Steps []object
}

func readCases(t *testing.T) []specCase {
	t.Helper()
	files, err := filepath.Glob("../../spec/cases/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no cases in spec/cases: %v", err)
	}
	var cases []specCase
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c specCase
		if err := decodeNumbers(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		cases = append(cases, c)
	}
	return cases
}

// decodeNumbers keeps numbers as they are written.
func decodeNumbers(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}

// generic answers v as JSON has it: objects, lists, text and numbers.
func generic(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var out any
	if err := decodeNumbers(text, &out); err != nil {
		return err.Error()
	}
	return out
}

// variables are what ${…} stands for.
type variables object

var (
	variable = regexp.MustCompile(`\$\{([^}]+)\}`)
)

// fill puts the variables in and writes repetitions out.
func (v variables) fill(value any) any {
	switch value := value.(type) {
	case string:
		if at := variable.FindStringIndex(value); at != nil && at[0] == 0 && at[1] == len(value) {
			return v.value(value[2 : len(value)-1])
		}
		return variable.ReplaceAllStringFunc(value, func(m string) string { return fmt.Sprint(v.value(m[2 : len(m)-1])) })
	case []any:
		filled := make([]any, len(value))
		for i, item := range value {
			filled[i] = v.fill(item)
		}
		return filled
	case object:
		if times, ok := value["<times>"]; ok {
			return v.repeat(value, times.(json.Number))
		}
		filled := object{}
		for key, item := range value {
			filled[fmt.Sprint(v.fill(key))] = v.fill(item)
		}
		return filled
	}
	return value
}

func (v variables) repeat(value object, times json.Number) any {
	n, _ := times.Int64()
	if text, ok := value["<text>"].(string); ok {
		return strings.Repeat(text, int(n))
	}
	list := make([]any, n)
	for i := range list {
		list[i] = v.fill(value["<list>"])
	}
	return list
}

func (v variables) value(path string) any {
	var at any = object(v)
	for part := range strings.SplitSeq(path, ".") {
		there, ok := at.(object)[part]
		if !ok {
			panic("${" + path + "} is not known")
		}
		at = there
	}
	return at
}

func (v variables) object(step object, key string) object {
	filled, _ := v.fill(step[key]).(object)
	return filled
}

var words = map[string]*regexp.Regexp{
	"<uuid>":   regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	"<time>":   regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$`),
	"<digest>": regexp.MustCompile(`^sha256:[0-9a-f]{64}$`),
	"<token>":  regexp.MustCompile(`^ind_[0-9A-Za-z]{38}$`),
	"<jwt>":    regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]+$`),
}

func isEmpty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case object:
		return len(v) == 0
	case json.Number:
		f, err := v.Float64()
		return err == nil && f == 0
	case bool:
		return !v
	}
	return false
}

// differences says where got is not as want says; nothing when it matches.
func differences(want, got any, at string) []string {
	switch want := want.(type) {
	case object:
		return inObject(want, got, at)
	case []any:
		return inList(want, got, at)
	case string:
		return inText(want, got, at)
	case json.Number:
		if there, ok := got.(json.Number); ok && sameNumber(want, there) {
			return nil
		}
	default:
		if want == got {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s: %s, not %s", at, brief(got), brief(want))}
}

func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	x, err1 := strconv.ParseFloat(a.String(), 64)
	y, err2 := strconv.ParseFloat(b.String(), 64)
	return err1 == nil && err2 == nil && x == y
}

func inText(want string, got any, at string) []string {
	there, isText := got.(string)
	has, isHas := strings.CutPrefix(want, "<has ")
	matches := false
	switch {
	case want == "<absent>":
		matches = isEmpty(got)
	case want == "<any>":
		matches = !isEmpty(got)
	case words[want] != nil:
		matches = isText && words[want].MatchString(there)
	case isHas:
		matches = isText && strings.Contains(strings.ToLower(there), strings.ToLower(strings.TrimSuffix(has, ">")))
	default:
		matches = isText && want == there
	}
	if matches {
		return nil
	}
	return []string{fmt.Sprintf("%s: %s, not %s", at, brief(got), brief(want))}
}

func inObject(want object, got any, at string) (found []string) {
	for word, there := range map[string]bool{"<some>": true, "<none>": false} {
		items, ok := want[word].([]any)
		if !ok {
			continue
		}
		for _, item := range items {
			if contains(got, item) != there {
				found = append(found, fmt.Sprintf("%s: %s %s is not so in %s", at, word, brief(item), brief(got)))
			}
		}
		return found
	}
	there, ok := got.(object)
	if !ok {
		return []string{fmt.Sprintf("%s: %s is no object", at, brief(got))}
	}
	for key, value := range want {
		found = append(found, differences(value, there[key], at+"."+key)...)
	}
	return found
}

func contains(list, want any) bool {
	items, _ := list.([]any)
	for _, item := range items {
		if len(differences(want, item, "")) == 0 {
			return true
		}
	}
	return false
}

func inList(want []any, got any, at string) (found []string) {
	there, ok := got.([]any)
	if !ok || len(there) != len(want) {
		return []string{fmt.Sprintf("%s: %s, not a list of %d items", at, brief(got), len(want))}
	}
	for i, item := range want {
		found = append(found, differences(item, there[i], fmt.Sprintf("%s[%d]", at, i))...)
	}
	return found
}

func brief(v any) string {
	text, _ := json.Marshal(v)
	return string(text[:min(len(text), 300)])
}

// eventsOf answers the server-sent events of a stream that has ended.
func eventsOf(stream []byte) any {
	events := []any{}
	for text := range strings.SplitSeq(string(stream), "\n\n") {
		event := object{}
		for line := range strings.Lines(text) {
			switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
			case "event", "id":
				event[field] = value
			case "data":
				var data any
				if err := decodeNumbers([]byte(value), &data); err != nil {
					data = err.Error()
				}
				event[field] = data
			}
		}
		if len(event) > 0 {
			events = append(events, event)
		}
	}
	return events
}

// message is a request, as a step writes it or as the client has sent it.
type message struct {
	method, path string
	query        url.Values
	headers      object
	body         any
}

// messageOf takes "GET /path?query" apart.
func messageOf(request string, headers object, body any) message {
	method, target, _ := strings.Cut(request, " ")
	path, query, _ := strings.Cut(target, "?")
	values, _ := url.ParseQuery(query)
	lower := object{}
	for name, value := range headers {
		lower[strings.ToLower(name)] = value
	}
	return message{method, path, values, lower, body}
}

func (m message) differences(got message) (found []string) {
	if m.method != got.method || m.path != got.path {
		found = append(found, fmt.Sprintf("the request is %s %s, not %s %s", got.method, got.path, m.method, m.path))
	}
	if m.query.Encode() != got.query.Encode() {
		found = append(found, fmt.Sprintf("the query is %s, not %s", got.query.Encode(), m.query.Encode()))
	}
	if a, b := brief(m.body), brief(got.body); !bytes.Equal(exact(m.body), exact(got.body)) {
		found = append(found, fmt.Sprintf("the body is %s, not %s", b, a))
	}
	return append(found, differences(m.headers, got.headers, "the request's headers")...)
}

// exact answers v as JSON with sorted keys.
func exact(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}
