package api

import (
	"context"
	"net/http"
	"reflect"

	"github.com/indent-approvals/indent/internal/approval"
)

// endpoint is what a route does, with the types that it takes and answers; OpenAPI is made of them.
type endpoint struct {
	in, out reflect.Type // nil of a raw endpoint
	plan    *plan
	events  bool // it answers server-sent events of type out
	call    func(x *exchange) (any, error)
}

// handle makes an endpoint of a function from input to output. The input's fields say by their tags where they come
// from: path, query, header, or Body. The output is the body, or has its body in Body beside fields tagged header.
func handle[In, Out any](do func(a *API, ctx context.Context, actor approval.Actor, in In) (Out, error)) endpoint {
	e := endpoint{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	e.plan = planOf(e.in)
	e.call = func(x *exchange) (any, error) {
		in := new(In)
		if err := x.decode(e.plan, in); err != nil {
			return nil, err
		}
		out, err := do(x.API, x.r.Context(), x.actor, *in)
		if err != nil {
			return nil, err
		}
		return out, nil
	}
	return e
}

// raw makes an endpoint of a function that answers by itself.
func raw(do func(a *API, x *exchange) error) endpoint {
	return endpoint{call: func(x *exchange) (any, error) { return nil, do(x.API, x) }}
}

// send answers 200 and the output.
func (x *exchange) send(out any) {
	body := out
	if v := reflect.Indirect(reflect.ValueOf(out)); v.Kind() == reflect.Struct {
		body = x.sendHeaders(v, body)
	}
	x.sendJSON(http.StatusOK, "application/json", body)
	x.done(http.StatusOK, nil)
}

// sendHeaders sets the headers of an output that has a Body and answers that.
func (x *exchange) sendHeaders(v reflect.Value, whole any) any {
	inner := v.FieldByName("Body")
	if !inner.IsValid() {
		return whole
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("header")
		if name != "" && v.Field(i).String() != "" {
			x.w.Header().Set(name, v.Field(i).String())
		}
	}
	return inner.Interface()
}
