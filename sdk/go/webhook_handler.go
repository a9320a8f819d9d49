package indent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxWebhookBody is the most that a call may send: a petition's events are far below it.
const maxWebhookBody = 8 << 20

// Codes of google.rpc that a webhook answers with, in [WebhookStatus]. Those that may pass are tried again, the others are not.
const (
	CodeUnknown            = 2 // tried again
	CodeInvalidArgument    = 3
	CodeNotFound           = 5
	CodePermissionDenied   = 7
	CodeResourceExhausted  = 8 // tried again
	CodeFailedPrecondition = 9
	CodeUnimplemented      = 12
	CodeUnavailable        = 14 // tried again
	CodeUnauthenticated    = 16
)

// WebhookStatus is an error of a webhook's function whose code and message the server reads and shows. Any other error is
// answered as CodeUnknown without its text, which may be nobody's business, and the call is made again.
type WebhookStatus struct {
	Code    int
	Message string
}

// Error answers the message and the code.
func (s *WebhookStatus) Error() string { return fmt.Sprintf("%s (%d)", s.Message, s.Code) }

// WebhookUpdate is what the server asks a webhook to do.
type WebhookUpdate struct {
	ID string // the same each time that the call is made; "" of a server that does not send it
	// Grant: the user gets the target. Otherwise it is taken away.
	Grant        bool
	User, Target Resource
	// Expires is when access is to end by itself; zero when it does not.
	Expires time.Time
	Command Event   // access/grant or access/revoke; its actor is who approved or revoked
	Events  []Event // all of the petition so far, the command last
}

// WebhookAccess is whether somebody has access in the real system, and when it ends there by itself: zero when it does not, or
// when nobody knows.
type WebhookAccess struct {
	Access  bool
	Expires time.Time
}

// WebhookHandler answers the calls of the server to a webhook: it verifies them, tells them apart and writes the answers. A
// function that is missing is answered as not implemented. It is an [http.Handler].
//
// A call can come twice and late: Apply must make things so, and not add to them. It answers nil only when they are so.
type WebhookHandler struct {
	Verifier WebhookVerifier
	// Apply grants or revokes access in the real system.
	Apply func(ctx context.Context, u WebhookUpdate) error
	// Pull lists the resources of the kinds.
	Pull func(ctx context.Context, kinds []string, flags map[string]string) ([]Resource, error)
	// Decide answers claims (their Event is access/approve or access/deny) on the petition that the events tell of; none leaves
	// it to people. A claim counts only if the webhook's bot may review the petition.
	Decide func(ctx context.Context, events []Event) ([]Event, error)
	// State tells whether the user has the target now (GetState): read from the real system, not from memory.
	State func(ctx context.Context, user, target Resource) (WebhookAccess, error)
	// Name is what GetInfo says that the endpoint is called.
	Name string
	// Failed is told of errors that are answered without their text, and of calls that were refused; nil: nobody is.
	Failed func(error)
}

type webhookAnswer struct {
	Status    webhookAnswerStatus `json:"status"`
	Resources []Resource          `json:"resources,omitempty"`
	Claims    []Event             `json:"claims,omitempty"`
	// Access is nil in an answer to another call.
	Access     *bool      `json:"access,omitempty"`
	ExpireTime *time.Time `json:"expireTime,omitempty"`
}

type webhookAnswerStatus struct {
	Code    int    `json:"code"`
	Message string `json:"message,omitempty"`
	Details []any  `json:"details,omitempty"`
}

// ServeHTTP answers one call: 200 with the code 0, 401 for a call that is not the server's, and 500 with the code of what
// went wrong.
func (h *WebhookHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWebhookBody))
	if err != nil {
		h.answer(w, http.StatusInternalServerError, webhookAnswer{}, &WebhookStatus{CodeInvalidArgument, "the call's body cannot be read"})
		return
	}
	if err := h.Verifier.Verify(r.Header, body); err != nil {
		h.tell(err)
		h.answer(w, http.StatusUnauthorized, webhookAnswer{}, &WebhookStatus{CodeUnauthenticated, err.Error()})
		return
	}
	out, err := h.serve(r.Context(), r.Header.Get("Webhook-Id"), body)
	h.answer(w, http.StatusInternalServerError, out, err)
}

func (h *WebhookHandler) serve(ctx context.Context, id string, body []byte) (out webhookAnswer, err error) {
	var call struct {
		Info   bool              `json:"info"`
		Kinds  *[]string         `json:"kinds"`
		Flags  map[string]string `json:"flags"`
		Events []Event           `json:"events"`
		State  *struct {
			Resources []Resource `json:"resources"`
		} `json:"state"`
	}
	if err := json.Unmarshal(body, &call); err != nil {
		return out, &WebhookStatus{CodeInvalidArgument, "the call's body is not one that this version knows"}
	}
	switch {
	case call.Info:
		out.Status.Details = []any{map[string]any{"name": h.Name, "capabilities": h.capabilities()}}
	case call.Kinds != nil && h.Pull != nil:
		out.Resources, err = h.Pull(ctx, *call.Kinds, call.Flags)
	case call.State != nil && h.State != nil:
		out.Access, out.ExpireTime, err = h.state(ctx, call.State.Resources)
	case len(call.Events) > 0 && hasCommand(call.Events) && h.Apply != nil:
		var u WebhookUpdate
		if u, err = updateOf(id, call.Events); err == nil {
			err = h.Apply(ctx, u)
		}
	case len(call.Events) > 0 && !hasCommand(call.Events) && h.Decide != nil:
		out.Claims, err = h.Decide(ctx, call.Events)
	default:
		err = &WebhookStatus{CodeUnimplemented, "this endpoint does not answer calls of this kind"}
	}
	return out, err
}

func (h *WebhookHandler) state(ctx context.Context, of []Resource) (*bool, *time.Time, error) {
	if len(of) != 2 {
		return nil, nil, &WebhookStatus{CodeInvalidArgument, "state must have the user and the target as its resources"}
	}
	has, err := h.State(ctx, of[0], of[1])
	switch {
	case err != nil:
		return nil, nil, err
	case has.Expires.IsZero():
		return &has.Access, nil, nil
	}
	ends := has.Expires.UTC()
	return &has.Access, &ends, nil
}

func (h *WebhookHandler) capabilities() []string {
	can := []string{"GetInfo"}
	for _, c := range []struct {
		name string
		has  bool
	}{{"PullUpdate", h.Pull != nil}, {"GetDecision", h.Decide != nil}, {"ApplyUpdate", h.Apply != nil}, {"GetState", h.State != nil}} {
		if c.has {
			can = append(can, c.name)
		}
	}
	return can
}

func hasCommand(events []Event) bool {
	for _, e := range events {
		if e.Event == EventGrant || e.Event == EventRevoke {
			return true
		}
	}
	return false
}

func updateOf(id string, events []Event) (WebhookUpdate, error) {
	u := WebhookUpdate{ID: id, Command: events[len(events)-1], Events: events}
	u.Grant = u.Command.Event == EventGrant
	if !u.Grant && u.Command.Event != EventRevoke || len(u.Command.Resources) != 2 {
		return u, &WebhookStatus{CodeInvalidArgument, "the last event must be access/grant or access/revoke with the user and the target as its resources"}
	}
	u.User, u.Target = u.Command.Resources[0], u.Command.Resources[1]
	if text := u.Command.Meta.Labels[LabelExpires]; u.Grant && text != "" {
		var err error
		if u.Expires, err = time.Parse(time.RFC3339, text); err != nil {
			// To grant for ever what was to end would be worse than not to grant.
			return u, &WebhookStatus{CodeInvalidArgument, "the label " + LabelExpires + " is not a time of RFC 3339"}
		}
	}
	return u, nil
}

func (h *WebhookHandler) answer(w http.ResponseWriter, failed int, out webhookAnswer, err error) {
	code := http.StatusOK
	if err != nil {
		code = failed
		out = webhookAnswer{Status: webhookAnswerStatus{Code: CodeUnknown, Message: "the endpoint failed: its own log may say why"}}
		var said *WebhookStatus
		if errors.As(err, &said) && said.Code > 0 {
			out.Status.Code, out.Status.Message = said.Code, said.Message
		} else {
			h.tell(err)
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		h.tell(err)
		code, text = http.StatusInternalServerError, []byte(`{"status":{"code":2}}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(text)
}

func (h *WebhookHandler) tell(err error) {
	if h.Failed != nil {
		h.Failed(err)
	}
}
