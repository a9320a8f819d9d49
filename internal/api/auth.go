package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// Authenticator answers who a bearer token belongs to (identity.Authenticator). A token that is malformed, expired,
// revoked or of a suspended member is Unauthenticated.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string) (approval.Actor, error)
}

// admit establishes who calls and answers nil if it may call the route. The space of the path must be the caller's own:
// any other answers as if it did not exist. Refusals of a known caller are written to the log.
func (x *exchange) admit() (err error) {
	if x.route.permission == public {
		return nil
	}
	if x.actor, err = x.identify(); err != nil {
		return err
	}
	if err := x.Limits.Call(x.actor); err != nil {
		return err
	}
	own := x.actor.Space
	space := x.r.PathValue("space")
	if space == "" {
		space = own
	}
	for _, named := range x.r.Header["Indent-Space"] {
		if named != space {
			return approval.FieldError("Indent-Space", "is %.63q but the call is for space %.63q: make them equal or leave the header out", named, space)
		}
	}
	if space != own {
		why := approval.Errorf(approval.NotFound, "there is no space %.63q for this token: it belongs to %s", space, own)
		return x.Service.Refuse(x.r.Context(), x.actor, x.action, why)
	}
	if x.route.permission == anybody {
		return nil
	}
	return x.Service.Authorize(x.r.Context(), x.actor, x.route.demand(&x.actor), x.action)
}

// maxBearer bounds a token; user tokens are the longest.
const maxBearer = 4096

// identify is authenticate for a request that comes in: what strangers may try is limited.
func (x *exchange) identify() (approval.Actor, error) {
	token, err := x.bearer()
	if err != nil {
		return approval.Actor{}, err
	}
	look, err := x.Limits.Admit(x.r, token)
	if err != nil {
		return approval.Actor{}, err
	}
	a, err := x.Auth.Authenticate(x.r.Context(), token)
	if err != nil || look != 0 {
		err = x.Limits.Judge(x.r, token, look, err)
	}
	return a, err
}

func (x *exchange) authenticate() (approval.Actor, error) {
	token, err := x.bearer()
	if err != nil {
		return approval.Actor{}, err
	}
	return x.Auth.Authenticate(x.r.Context(), token)
}

func (x *exchange) bearer() (string, error) {
	values := x.r.Header["Authorization"]
	if len(values) == 0 {
		return "", approval.Errorf(approval.Unauthenticated, "a token is required: send the header Authorization: Bearer <token>")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxBearer {
		return "", approval.Errorf(approval.Unauthenticated, "the Authorization header must be one: Bearer <token>")
	}
	return token, nil
}

// stillValid asks again who calls, and whether it may. It has no trust of its own: the authenticator believes what it has
// looked up for a second, and a second more would make two.
func (x *exchange) stillValid() error {
	err := x.readmit()
	if err == nil {
		x.checked = x.Service.Clock.Now()
	}
	return err
}

// readmit asks again who calls and whether it may: both may have changed since the request began.
func (x *exchange) readmit() error {
	a, err := x.authenticate()
	if err == nil && !a.Can(x.route.demand(&a)) {
		err = approval.Errorf(approval.Forbidden, "%s may not %s any more", a.ID, x.route.permission)
	}
	return err
}

// challenge is the WWW-Authenticate header of a 401 (RFC 6750, section 3): without a token there is no error to name.
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return `Bearer realm="indent"`
	}
	return `Bearer realm="indent", error="invalid_token"`
}
