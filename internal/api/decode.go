package api

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// decode fills an input: parameters first, then the body.
func (x *exchange) decode(p *plan, in any) error {
	v := reflect.ValueOf(in).Elem()
	if err := p.fill(v, x.r); err != nil {
		return err
	}
	if p.body == nil {
		return nil
	}
	if err := checkContent(x.r.Header); err != nil {
		return err
	}
	if x.r.ContentLength > approval.MaxBodyBytes {
		return tooLarge(&http.MaxBytesError{Limit: approval.MaxBodyBytes})
	}
	buffer := buffers.take()
	defer buffers.give(buffer)
	if _, err := buffer.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, approval.MaxBodyBytes)); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return tooLarge(large)
		}
		return badBody(err, "ended too early or came too slowly: send it again")
	}
	body := bytes.Trim(buffer.Bytes(), " \t\r\n")
	if len(body) == 0 && p.optional {
		return nil
	}
	return unmarshal(body, v.FieldByIndex(p.body).Addr().Interface())
}

func tooLarge(cause *http.MaxBytesError) error {
	return badBody(cause, fmt.Sprintf("is larger than %d bytes: send less at once", approval.MaxBodyBytes))
}

func badBody(cause error, message string) error {
	e := approval.Wrap(approval.Invalid, cause, "%s", message)
	e.Field = "body"
	return e
}

// checkContent refuses a body that is not said to be JSON in UTF-8 as it is.
func checkContent(header http.Header) error {
	if text := header.Get("Content-Type"); text != "" && text != "application/json" {
		media, params, err := mime.ParseMediaType(text)
		charset := strings.ToLower(params["charset"])
		if err != nil || media != "application/json" || charset != "" && charset != "utf-8" {
			return approval.FieldError("Content-Type", "must be application/json: send the header Content-Type: application/json")
		}
	}
	if text := header.Get("Content-Encoding"); text != "" && !strings.EqualFold(text, "identity") {
		return approval.FieldError("Content-Encoding", "must not be set: send the JSON as it is")
	}
	return nil
}

// unmarshal decodes a body strictly: unknown, doubled and differently-cased names, invalid UTF-8, lone surrogates and
// more than MaxJSONDepth levels are refused, naming the field.
func unmarshal(body []byte, out any) error {
	if len(body) == 0 {
		return approval.FieldError("body", "is required: send a JSON object")
	}
	if tooDeep(body) {
		return approval.FieldError(deepest(body), "is nested more than %d deep", approval.MaxJSONDepth)
	}
	err := json.Unmarshal(body, out, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return syntaxProblem(syntax)
	}
	var meaning *json.SemanticError
	if errors.As(err, &meaning) {
		return meaningProblem(meaning)
	}
	return badBody(err, "is not valid JSON")
}

// tooDeep scans brackets only, so that a hostile body costs one pass and no memory.
func tooDeep(body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > approval.MaxJSONDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}

// deepest answers the path of the first value that is too deep, or of what is not JSON before it.
func deepest(body []byte) string {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	for {
		if _, err := dec.ReadToken(); err != nil || dec.StackDepth() > approval.MaxJSONDepth {
			return fieldOf(dec.StackPointer())
		}
	}
}

func syntaxProblem(e *jsontext.SyntacticError) error {
	field := fieldOf(e.JSONPointer)
	switch {
	case errors.Is(e.Err, jsontext.ErrDuplicateName):
		return approval.FieldError(field, "is there twice: send it once")
	case errors.Is(e.Err, io.ErrUnexpectedEOF):
		return approval.FieldError(field, "ends in the middle of a value")
	}
	return approval.FieldError(field, "is not valid JSON at byte %d: %s", e.ByteOffset, printable(fmt.Sprint(e.Err)))
}

func meaningProblem(e *json.SemanticError) error {
	field := fieldOf(e.JSONPointer)
	if errors.Is(e.Err, json.ErrUnknownName) {
		if around := wrapperOf(e.GoType, e.JSONPointer.LastToken()); around != "" {
			return approval.FieldError(field, "belongs into %s: send {%q:{…}}", around, around)
		}
		return approval.FieldError(field, "is not a known field: check its spelling at /docs")
	}
	var own *approval.Error
	if errors.As(e.Err, &own) {
		return approval.FieldError(field, "%s", own.Message)
	}
	return approval.FieldError(field, "must be %s", wanted(e.GoType))
}

// wrapperOf answers the member of a body around which a client has left the wrapper out, the one that knows the name.
func wrapperOf(body reflect.Type, name string) string {
	if body == nil || body.Kind() != reflect.Struct {
		return ""
	}
	for f := range body.Fields() {
		if around, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.Type.Kind() == reflect.Struct && !strings.Contains(f.Tag.Get("json"), "omit") && knows(f.Type, name) {
			return around
		}
	}
	return ""
}

func knows(t reflect.Type, name string) bool {
	for _, f := range reflect.VisibleFields(t) {
		if known, _, _ := strings.Cut(f.Tag.Get("json"), ","); known == name {
			return true
		}
	}
	return false
}

// wanted says in words what a type takes.
func wanted(t reflect.Type) string {
	if t == nil {
		return "another value"
	}
	if t == reflect.TypeFor[time.Time]() {
		return "an RFC 3339 time such as 2030-01-02T15:04:05Z"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	case reflect.Slice:
		return "an array"
	}
	return "an object"
}

// fieldOf writes a JSON pointer as clients see a path: petition.resources[2].id.
func fieldOf(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		if path.Len() > 200 {
			path.WriteString("…")
			break
		}
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(printable(token))
	}
	if path.Len() == 0 {
		return "body"
	}
	return path.String()
}

// printable answers at most 100 characters of s without any that could hide or reverse text: it is shown to people.
func printable(s string) string {
	const most = 100
	var out strings.Builder
	n := 0
	for _, r := range s {
		if n++; n > most {
			out.WriteString("…")
			break
		}
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
