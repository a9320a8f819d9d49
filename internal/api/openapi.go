package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// OpenAPI answers the description of the API (OpenAPI 3.1), which spec/openapi.json holds: the same bytes every time.
func OpenAPI() ([]byte, error) {
	d, err := description()
	return d.text, err
}

// described is the description as text and as the model that the page shows.
type described struct {
	text  []byte
	model *huma.OpenAPI
	table []route
}

// made is a value that is made on first use: a server that nobody asks for its description has nothing to pay.
type made[T any] struct {
	once sync.Once
	v    T
	err  error
}

func (m *made[T]) get(make func() (T, error)) (T, error) {
	m.once.Do(func() { m.v, m.err = make() })
	return m.v, m.err
}

var theDescription made[described]

func description() (described, error) { return theDescription.get(describe) }

func describe() (described, error) {
	table := routes()
	model, err := modelOf(table)
	if err != nil {
		return described{}, err
	}
	raw, err := json.Marshal(model)
	if err != nil {
		return described{}, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, raw, "", "  "); err != nil {
		return described{}, err
	}
	text.WriteByte('\n')
	return described{text.Bytes(), model, table}, nil
}

const schemaPrefix = "#/components/schemas/"

// schemaName names a type in the description; the shape of errors is called what people look for.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[problem]() {
		return "Error"
	}
	return huma.DefaultSchemaNamer(t, hint)
}

func modelOf(table []route) (*huma.OpenAPI, error) {
	registry := huma.NewMapRegistry(schemaPrefix, schemaName)
	registry.RegisterTypeAlias(reflect.TypeFor[jsontext.Value](), reflect.TypeFor[map[string]any]())
	registry.Schema(reflect.TypeFor[problem](), true, "")
	model := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: "Indent API", Version: "1", Description: introduction, License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}},
		Components: &huma.Components{
			Schemas:         registry,
			Responses:       responses(),
			SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", Description: "A service token (ind_…) or a user token (JWT)."}},
		},
		Security: []map[string][]string{{"bearer": {}}},
		Tags:     tags(),
	}
	for i := range table {
		op, err := operationOf(&table[i], registry)
		if err != nil {
			return nil, err
		}
		model.AddOperation(op)
	}
	tidy(registry, table)
	return model, nil
}

func operationOf(rt *route, registry huma.Registry) (*huma.Operation, error) {
	said, ok := operations[rt.id]
	if !ok {
		return nil, fmt.Errorf("operation %s is not described: add it to operations.go", rt.id)
	}
	op := &huma.Operation{OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.summary, Description: said.text,
		Tags: []string{said.tag}, Responses: map[string]*huma.Response{}}
	switch rt.permission {
	case public:
		op.Security = []map[string][]string{{}}
	case anybody:
		op.Description += "\n\nPermission: none; any valid token."
	default:
		op.Description += "\n\nPermission: " + quotedPermission(rt.permission) + "."
		op.Extensions = map[string]any{"x-permission": rt.permission}
	}
	if strings.Contains(rt.path, "{space}") {
		op.Parameters = append(op.Parameters, &huma.Param{Name: "space", In: "path", Required: true, Description: "The space of the token.",
			Schema: &huma.Schema{Type: huma.TypeString}, Example: "acmecorp"})
	}
	if rt.endpoint.plan != nil {
		for _, d := range rt.endpoint.plan.params {
			op.Parameters = append(op.Parameters, paramSchema(d, registry))
		}
	}
	if err := describeBodies(op, rt, said, registry); err != nil {
		return nil, err
	}
	for _, code := range codesOf(rt, said) {
		op.Responses[code] = &huma.Response{Ref: "#/components/responses/" + code}
	}
	return op, nil
}

func describeBodies(op *huma.Operation, rt *route, said operation, registry huma.Registry) error {
	if f, ok := bodyField(rt.endpoint.in); ok {
		example, err := exampleOf(rt, said.request)
		if err != nil {
			return err
		}
		op.RequestBody = &huma.RequestBody{Required: !rt.endpoint.plan.optional, Content: map[string]*huma.MediaType{
			"application/json": {Schema: registry.Schema(f.Type, true, ""), Example: example}}}
	}
	ok := &huma.Response{Description: "Done."}
	op.Responses["200"] = ok
	if rt.endpoint.out == nil {
		ok.Content = map[string]*huma.MediaType{said.media: {Schema: &huma.Schema{}}}
		return nil
	}
	example, err := exampleOf(rt, said.answer)
	if err != nil {
		return err
	}
	out := rt.endpoint.out
	if f, has := bodyField(out); has {
		ok.Headers = headersOf(out, registry)
		out = f.Type
	}
	media := &huma.MediaType{Schema: registry.Schema(out, true, ""), Example: example}
	ok.Content = map[string]*huma.MediaType{"application/json": media}
	if rt.endpoint.events {
		ok.Description = "Server-sent events: `data:` is of this schema, `id:` says where the stream stands. A comment every 15 seconds is a sign of life."
		ok.Content = map[string]*huma.MediaType{"text/event-stream": media}
	}
	return nil
}

// exampleOf answers an example as it is written, its members in the order in which people read them.
func exampleOf(rt *route, text string) (any, error) {
	if !json.Valid([]byte(text)) {
		return nil, fmt.Errorf("an example of operation %s is not JSON", rt.id)
	}
	return json.RawMessage(text), nil
}

func bodyField(t reflect.Type) (reflect.StructField, bool) {
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct {
		return reflect.StructField{}, false
	}
	return t.FieldByName("Body")
}

func headersOf(out reflect.Type, registry huma.Registry) map[string]*huma.Param {
	headers := map[string]*huma.Param{}
	for _, f := range reflect.VisibleFields(out.Elem()) {
		if name := f.Tag.Get("header"); name != "" {
			schema := huma.SchemaFromField(registry, f, "")
			headers[name] = &huma.Param{Description: schema.Description, Schema: schema}
		}
	}
	return headers
}

func paramSchema(d param, registry huma.Registry) *huma.Param {
	f := d.field
	if f.Type == reflect.TypeFor[time.Duration]() {
		f.Type = reflect.TypeFor[string]()
	}
	schema := huma.SchemaFromField(registry, f, "")
	p := &huma.Param{Name: d.name, In: d.in, Required: d.in == "path", Description: schema.Description, Schema: schema}
	schema.Description, schema.Nullable, schema.Format = "", false, strings.Replace(schema.Format, "date-time-http", "date-time", 1)
	if schema.Examples != nil {
		p.Example, schema.Examples = schema.Examples[0], nil
	}
	if schema.Type == huma.TypeString && schema.Format == "" && schema.MaxLength == nil && len(schema.Enum) == 0 && d.in != "path" {
		schema.MaxLength = &d.length
	}
	return p
}

// quotedPermission answers the name of a permission as code, or the names of those of which one is enough.
func quotedPermission(p approval.Permission) string {
	text := string(p)
	for _, one := range either(p) {
		text = strings.Replace(text, string(one), "`"+string(one)+"`", 1)
	}
	if text == string(p) {
		text = "`" + text + "`"
	}
	return text
}

// codesOf answers the statuses other than 200 that a route can answer.
func codesOf(rt *route, said operation) []string {
	codes := []int{http.StatusInternalServerError, http.StatusServiceUnavailable}
	if rt.permission != public {
		codes = append(codes, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests)
	}
	if rt.endpoint.in != nil && rt.endpoint.in.Implements(reflect.TypeFor[credentialed]()) {
		codes = append(codes, http.StatusTooManyRequests)
	}
	if _, has := bodyField(rt.endpoint.in); has {
		codes = append(codes, http.StatusBadRequest, http.StatusRequestEntityTooLarge)
	}
	if said.conditional {
		codes = append(codes, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	for _, code := range said.codes {
		codes = append(codes, statuses[code])
	}
	slices.Sort(codes)
	var out []string
	for _, code := range slices.Compact(codes) {
		out = append(out, strconv.Itoa(code))
	}
	return out
}

// responses are the error answers that operations refer to.
func responses() map[string]*huma.Response {
	texts := map[int]string{
		400: "Something in the call is not as it must be: `field` names it.",
		401: "The token is missing, malformed, expired or revoked.",
		403: "The role or the token's scope does not allow it. The attempt is in the audit log.",
		404: "It does not exist, or not for this token.",
		409: "It cannot be done as things stand: `detail` says who decided what and when.",
		410: "It has expired.",
		412: "Another version holds than `If-Match` says: read it, and make the change of that.",
		413: "The body is larger than 1 MiB.",
		428: "`If-Match` is missing: it says which version the change was made of.",
		429: "Too many calls: come back after `Retry-After` seconds.",
		500: "Something failed inside the server; its log has the answer's `X-Request-Id`.",
		503: "The server cannot answer now: come back after `Retry-After` seconds.",
	}
	out := map[string]*huma.Response{}
	for status, text := range texts {
		out[strconv.Itoa(status)] = &huma.Response{Description: text, Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: schemaPrefix + "Error"}, Example: problemExample(status)}}}
	}
	return out
}

func problemExample(status int) any {
	example := map[string]any{"type": "about:blank", "title": http.StatusText(status), "status": status}
	for code, s := range statuses {
		if s == status {
			example["code"] = code
		}
	}
	switch status {
	case http.StatusRequestEntityTooLarge, http.StatusPreconditionRequired:
		example["code"] = approval.Invalid
	case http.StatusPreconditionFailed:
		example["code"] = approval.Conflict
	}
	return example
}

// tidy makes the schemas say what the server does: an array is never null, and only what clients send is closed to
// unknown members, so that an answer may grow.
func tidy(registry huma.Registry, table []route) {
	sent := map[string]bool{}
	for i := range table {
		if f, ok := bodyField(table[i].endpoint.in); ok && table[i].endpoint.plan != nil {
			mark(registry, registry.Schema(f.Type, true, ""), sent)
		}
	}
	for name, s := range registry.Map() {
		if !sent[name] {
			s.AdditionalProperties = nil
		}
		for _, p := range s.Properties {
			p.Nullable = false
		}
	}
}

// mark notes the names of all schemas below s.
func mark(registry huma.Registry, s *huma.Schema, seen map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, schemaPrefix)
		if seen[name] {
			return
		}
		seen[name] = true
		s = registry.Map()[name]
	}
	for _, p := range s.Properties {
		mark(registry, p, seen)
	}
	mark(registry, s.Items, seen)
}
