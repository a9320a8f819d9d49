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
	reply   *reply
	events  bool // it answers server-sent events of type out
	call    func(x *exchange) (any, error)
}

// handle makes an endpoint of a function from input to output. The input's fields say by their tags where they come
// from: path, query, header, or Body. The output is the body, or has its body in Body beside fields tagged header.
func handle[In, Out any](do func(a *API, ctx context.Context, actor approval.Actor, in In) (Out, error)) endpoint {
	return handleCall(func(x *exchange, in In) (Out, error) { return do(x.API, x.r.Context(), x.actor, in) })
}

// handleCall is handle for a function that looks at the request itself, such as where it came from.
func handleCall[In, Out any](do func(x *exchange, in In) (Out, error)) endpoint {
	e := endpoint{in: reflect.TypeFor[In](), out: reflect.TypeFor[Out]()}
	e.plan, e.reply = planOf(e.in), replyOf(e.out)
	e.call = func(x *exchange) (any, error) {
		in := new(In)
		if err := x.decode(e.plan, in); err != nil {
			return nil, err
		}
		secret, look, err := x.admitSecret(in)
		if err != nil {
			return nil, err
		}
		out, err := do(x, *in)
		if secret != "" {
			err = x.Limits.Judge(x.r, secret, look, err)
		}
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
	if reply := x.route.endpoint.reply; reply != nil {
		out = reply.open(reflect.ValueOf(out).Elem(), x.w.Header())
	}
	x.sendJSON(http.StatusOK, "application/json", out)
	x.done(http.StatusOK, nil)
}

// reply is how an output that has a Body is sent; it is read from the type's tags once.
type reply struct {
	body    int
	headers map[int]string // by the places of their fields
}

// replyOf answers nil for an output that is the body itself.
func replyOf(out reflect.Type) *reply {
	if out.Kind() != reflect.Pointer || out.Elem().Kind() != reflect.Struct {
		return nil
	}
	body, has := out.Elem().FieldByName("Body")
	if !has {
		return nil
	}
	r := &reply{body: body.Index[0], headers: map[int]string{}}
	for i := range out.Elem().NumField() {
		if name := out.Elem().Field(i).Tag.Get("header"); name != "" {
			r.headers[i] = name
		}
	}
	return r
}

// open sets the output's headers that have a value and answers its body.
func (r *reply) open(out reflect.Value, header http.Header) any {
	for i, name := range r.headers {
		if value := out.Field(i).String(); value != "" {
			header.Set(name, value)
		}
	}
	return out.Field(r.body).Interface()
}
