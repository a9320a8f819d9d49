package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"html/template"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// paramRow is one value of an action's parameters, with the path that leads to it.
type paramRow struct {
	Path  string
	Kind  string // text, number, yes/no, null, empty list, empty object
	Value string
	Diff  []diffLine // of a change of the policy: the value as lines of code
}

// maxParamRows bounds the table; more than that is shown as JSON only, and the page says so (nothing is ever cut).
const maxParamRows = 500

// paramTable answers the parameters as rows in the order of the JSON, and whether all of them fit.
func paramTable(params []byte) (rows []paramRow, ok bool) {
	d := json.NewDecoder(bytes.NewReader(params))
	d.UseNumber()
	t := tabulator{decoder: d}
	if err := t.value(""); err != nil || len(t.rows) > maxParamRows {
		return nil, false
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, false
	}
	return t.rows, true
}

var errTooManyRows = errors.New("the table would be too long")

type tabulator struct {
	decoder *json.Decoder
	rows    []paramRow
}

func (t *tabulator) value(path string) error {
	if len(t.rows) > maxParamRows {
		return errTooManyRows
	}
	token, err := t.decoder.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '[' {
			return t.list(path)
		}
		return t.object(path)
	case string:
		t.add(path, "text", v)
	case json.Number:
		t.add(path, "number", v.String())
	case bool:
		t.add(path, "yes/no", strconv.FormatBool(v))
	case nil:
		t.add(path, "null", "null")
	}
	return nil
}

func (t *tabulator) object(path string) error {
	before := len(t.rows)
	for t.decoder.More() {
		key, err := t.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := key.(string)
		if err := t.value(join(path, name)); err != nil {
			return err
		}
	}
	if len(t.rows) == before && path != "" {
		t.add(path, "empty object", "{}")
	}
	_, err := t.decoder.Token()
	return err
}

func (t *tabulator) list(path string) error {
	before := len(t.rows)
	for n := 0; t.decoder.More(); n++ {
		if err := t.value(path + "[" + strconv.Itoa(n) + "]"); err != nil {
			return err
		}
	}
	if len(t.rows) == before {
		t.add(path, "empty list", "[]")
	}
	_, err := t.decoder.Token()
	return err
}

func (t *tabulator) add(path, kind, value string) {
	t.rows = append(t.rows, paramRow{Path: path, Kind: kind, Value: value})
}

var plainKey = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// join writes a key as people do, and one that could be misread ("a.b") as its JSON text.
func join(path, key string) string {
	switch {
	case !plainKey.MatchString(key):
		return path + "[" + quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// quote answers the key as JSON text without the escapes that only HTML needs.
func quote(key string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(key); err != nil {
		return strconv.Quote(key)
	}
	return strings.TrimSuffix(out.String(), "\n")
}

var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// exactJSON answers the JSON text that the digest covers. Each string is isolated from its neighbours, so that
// right-to-left text cannot change the order in which a reader sees them.
func exactJSON(text []byte) template.HTML {
	var out strings.Builder
	last := 0
	for _, place := range jsonString.FindAllIndex(text, -1) {
		out.WriteString(visible(string(text[last:place[0]])))
		class := "string"
		if place[1] < len(text) && text[place[1]] == ':' {
			class = "key"
		}
		out.WriteString(`<bdi class="` + class + `">` + visible(string(text[place[0]:place[1]])) + "</bdi>")
		last = place[1]
	}
	out.WriteString(visible(string(text[last:])))
	return template.HTML(out.String())
}
