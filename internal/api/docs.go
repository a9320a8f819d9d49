package api

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs
var docsFiles embed.FS

var docsTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{"prose": prose}).ParseFS(docsFiles, "docs/page.html"))

// docsPolicy lets the page load its own style sheet and nothing else, run nothing and be framed by nobody.
const docsPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// sendDocs answers the description as a page.
func (a *API) sendDocs(x *exchange) error {
	page, err := theDocs.get(docsPage) // it depends on nothing but the table
	if err != nil {
		return err
	}
	header := x.w.Header()
	header.Set("Content-Security-Policy", docsPolicy)
	header.Set("Cache-Control", "public, max-age=300")
	x.sendBytes(http.StatusOK, "text/html; charset=utf-8", page)
	return nil
}

func (a *API) sendDocsStyle(x *exchange) error {
	style, err := docsFiles.ReadFile("docs/style.css")
	if err != nil {
		return err
	}
	x.w.Header().Set("Cache-Control", "public, max-age=300")
	x.sendBytes(http.StatusOK, "text/css; charset=utf-8", style)
	return nil
}

var theDocs made[[]byte]

func docsPage() ([]byte, error) {
	d, err := description()
	if err != nil {
		return nil, err
	}
	view, err := docsOf(d)
	if err != nil {
		return nil, err
	}
	var page bytes.Buffer
	err = docsTemplate.Execute(&page, view)
	return page.Bytes(), err
}

// docsView is what the page shows.
type docsView struct {
	Introduction string
	Groups       []docsGroup
	Schemas      []docsSchema
	Errors       []docsField
}

type docsGroup struct {
	Name, Text string
	Operations []docsOperation
}

type docsOperation struct {
	*huma.Operation
	Params          []docsField
	Request, Answer docsBody
	Errors          []string
}

type docsBody struct {
	Type    docsType
	Example string
	Media   string
}

type docsSchema struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, In, Text string
	Type           docsType
	Required       bool
	Limits         []string
	Example        string
}

// docsType is a type in words, with the schema that it leads to.
type docsType struct{ Before, Ref string }

func docsOf(d described) (docsView, error) {
	view := docsView{Introduction: introduction}
	for _, tag := range d.model.Tags {
		group := docsGroup{Name: tag.Name, Text: tag.Description}
		for _, rt := range d.table {
			op := operationAt(d.model, rt)
			if !slices.Contains(op.Tags, tag.Name) {
				continue
			}
			shown, err := docsOperationOf(op)
			if err != nil {
				return view, err
			}
			group.Operations = append(group.Operations, shown)
		}
		view.Groups = append(view.Groups, group)
	}
	for _, code := range slices.Sorted(maps.Keys(d.model.Components.Responses)) {
		view.Errors = append(view.Errors, docsField{Name: code, Text: d.model.Components.Responses[code].Description})
	}
	schemas := d.model.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		view.Schemas = append(view.Schemas, docsSchema{name, docsFields(schemas[name])})
	}
	return view, nil
}

func operationAt(model *huma.OpenAPI, rt route) *huma.Operation {
	item := model.Paths[rt.path]
	return map[string]*huma.Operation{get: item.Get, post: item.Post, put: item.Put, patch: item.Patch, del: item.Delete}[rt.method]
}

func docsOperationOf(op *huma.Operation) (out docsOperation, err error) {
	out.Operation = op
	for _, p := range op.Parameters {
		f := docsFieldOf(p.Name, p.Schema)
		f.In, f.Text, f.Required = p.In, p.Description, p.Required
		if p.Example != nil {
			f.Example = fmt.Sprint(p.Example)
		}
		out.Params = append(out.Params, f)
	}
	if op.RequestBody != nil {
		if out.Request, err = docsBodyOf(op.RequestBody.Content); err != nil {
			return out, err
		}
	}
	out.Answer, err = docsBodyOf(op.Responses["200"].Content)
	for _, code := range slices.Sorted(maps.Keys(op.Responses)) {
		if code != "200" {
			out.Errors = append(out.Errors, code)
		}
	}
	return out, err
}

func docsBodyOf(content map[string]*huma.MediaType) (docsBody, error) {
	for media, c := range content {
		body := docsBody{Type: docsTypeOf(c.Schema), Media: media}
		if c.Example == nil {
			return body, nil
		}
		text, err := json.MarshalIndent(c.Example, "", "  ")
		body.Example = string(text)
		return body, err
	}
	return docsBody{}, nil
}

func docsFields(s *huma.Schema) []docsField {
	var fields []docsField
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if p := s.Properties[name]; !p.ReadOnly {
			f := docsFieldOf(name, p)
			f.Required = slices.Contains(s.Required, name)
			fields = append(fields, f)
		}
	}
	return fields
}

func docsFieldOf(name string, s *huma.Schema) docsField {
	f := docsField{Name: name, Text: s.Description, Type: docsTypeOf(s)}
	limit := func(format string, v any) { f.Limits = append(f.Limits, fmt.Sprintf(format, v)) }
	if s.MaxLength != nil {
		limit("at most %v characters", *s.MaxLength)
	}
	if s.MaxItems != nil {
		limit("at most %v entries", *s.MaxItems)
	}
	if s.MaxProperties != nil {
		limit("at most %v entries", *s.MaxProperties)
	}
	if s.Minimum != nil {
		limit("from %v", *s.Minimum)
	}
	if s.Maximum != nil {
		limit("to %v", *s.Maximum)
	}
	if s.Pattern != "" {
		limit("matches %v", s.Pattern)
	}
	if s.Enum != nil {
		var values []string
		for _, v := range s.Enum {
			values = append(values, fmt.Sprint(v))
		}
		if len(values) == 1 {
			limit("only %v", values[0])
		} else {
			limit("one of %v", strings.Join(values, ", "))
		}
	}
	if len(s.Examples) > 0 {
		f.Example = fmt.Sprint(s.Examples[0])
	}
	return f
}

func docsTypeOf(s *huma.Schema) docsType {
	switch {
	case s == nil:
		return docsType{}
	case s.Ref != "":
		return docsType{Ref: strings.TrimPrefix(s.Ref, schemaPrefix)}
	case s.Type == huma.TypeArray:
		inner := docsTypeOf(s.Items)
		inner.Before = "array of " + inner.Before
		return inner
	case s.Type == huma.TypeObject:
		return docsType{Before: "object"}
	case s.Format == "date-time":
		return docsType{Before: "time"}
	}
	return docsType{Before: s.Type}
}

var (
	proseCode   = regexp.MustCompile("`([^`]+)`")
	proseStrong = regexp.MustCompile(`\*\*([^*]+)\*\*`)
)

// prose turns the little Markdown that descriptions use into HTML: paragraphs, code and strong.
func prose(text string) template.HTML {
	var out strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		escaped := html.EscapeString(paragraph)
		escaped = proseCode.ReplaceAllString(escaped, "<code>$1</code>")
		escaped = proseStrong.ReplaceAllString(escaped, "<strong>$1</strong>")
		out.WriteString("<p>" + escaped + "</p>\n")
	}
	return template.HTML(out.String())
}
