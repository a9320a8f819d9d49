package webhook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits of a call.
const (
	// CallTimeout bounds a call from its first packet to the last byte of the answer; the context may be shorter.
	CallTimeout = 15 * time.Second
	// PullTimeout is the same of a page of what an endpoint lists.
	PullTimeout = time.Minute
	maxAnswer   = 1 << 20
)

// Caller makes calls to endpoints.
type Caller struct {
	client *http.Client
	lists  *http.Client // for what is listed, which takes longer
	clock  approval.Clock
	agent  string
}

// NewCaller answers a caller whose calls the guard lets through. agent is how it names itself, such as "indent/1.2".
func NewCaller(g *Guard, clock approval.Clock, agent string) *Caller {
	return &Caller{client: g.Client(CallTimeout), lists: g.Client(PullTimeout), clock: clock, agent: agent}
}

// PublicKey implements [approval.Endpoints].
func (c *Caller) PublicKey(k approval.WebhookKey) string { return PublicKey(k) }

// Call makes one attempt of a call. Whatever goes wrong is in the answer, which has the record of the attempt; an error is a
// mistake of the caller's. An endpoint's answer counts only when it is whole.
func (c *Caller) Call(ctx context.Context, t approval.WebhookTarget, call approval.WebhookCall) (approval.WebhookAnswer, error) {
	return c.attempt(ctx, t, call, c.send)
}

// attempt makes one attempt of a call, of which send gets the answer.
func (c *Caller) attempt(ctx context.Context, t approval.WebhookTarget, call approval.WebhookCall, send func(*http.Request, approval.WebhookCall, *approval.WebhookAttempt, []string) (approval.WebhookAnswer, error)) (approval.WebhookAnswer, error) {
	body, err := bodyOf(call)
	if err != nil {
		return approval.WebhookAnswer{}, err
	}
	began := c.clock.Now()
	request, err := c.request(ctx, t, call, body, began)
	if err != nil {
		return approval.WebhookAnswer{}, err
	}
	secrets := secretsOf(t)
	record := approval.WebhookAttempt{ID: call.ID, Kind: call.Kind, Time: began, Method: request.Method, URL: placeOf(t.URL, secrets),
		Headers: headersOf(request.Header, t.Headers, secrets), Body: clean(string(body), secrets, kept)}
	if t.DryRun {
		return approval.WebhookAnswer{Outcome: approval.WebhookNotSent, Problem: "the webhook is in a dry run: nothing was sent", Attempt: record}, nil
	}
	answer, err := send(request, call, &record, secrets)
	record.Took = max(0, c.clock.Now().Sub(began))
	answer.Problem, answer.Details, answer.Attempt = clean(answer.Problem, secrets, kept), clean(answer.Details, secrets, kept), record
	for i := range answer.Claims { // what is said of a petition stands in the log for ever
		answer.Claims[i].Reason = clean(answer.Claims[i].Reason, secrets, approval.MaxReason)
	}
	return answer, err
}

func (c *Caller) request(ctx context.Context, t approval.WebhookTarget, call approval.WebhookCall, body []byte, at time.Time) (*http.Request, error) {
	method := t.Method
	if method == "" {
		method = http.MethodPost
	}
	request, err := http.NewRequestWithContext(ctx, method, t.URL, bytes.NewReader(body))
	if err != nil {
		return nil, approval.FieldError("url", "is no address that can be called")
	}
	for _, h := range t.Headers {
		request.Header.Set(h.Name, h.Value)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.agent)
	for name, values := range Sign(call.ID, at, body, t.Keys) {
		request.Header[name] = values
	}
	return request, nil
}

func (c *Caller) send(request *http.Request, call approval.WebhookCall, record *approval.WebhookAttempt, secrets []string) (approval.WebhookAnswer, error) {
	response, err := c.client.Do(request)
	if err != nil {
		return approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: reason(err)}, nil
	}
	defer response.Body.Close()
	return c.read(response, call, record, secrets), nil
}

// read reads a whole answer, which is short.
func (c *Caller) read(response *http.Response, call approval.WebhookCall, record *approval.WebhookAttempt, secrets []string) approval.WebhookAnswer {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	record.Status, record.AnswerHeaders = response.StatusCode, headersOf(response.Header, nil, secrets)
	record.Answer = clean(string(body), secrets, kept)
	now := c.clock.Now()
	switch {
	case err != nil:
		return again(response.Header, now, "the endpoint answers %d and breaks off: %s", response.StatusCode, reason(err))
	case len(body) > maxAnswer:
		return again(response.Header, now, "the endpoint answers more than %d bytes", maxAnswer)
	}
	return readAnswer(call.Kind, response.StatusCode, response.Header, body, now)
}

// reason says why there is no answer, and what to do about it. The address is not repeated: it may have a secret in it, and the
// one that a name leads to is nobody's business who does not run the server.
func reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	var dns *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, ErrInside):
		return fmt.Sprintf("%v: calls go to public addresses, and to networks inside that the server's setting private_networks names; the server's log has the address", ErrInside)
	case errors.As(err, &dns):
		return fmt.Sprintf("the endpoint's name cannot be looked up: %s: check the host in the URL", dns.Err)
	case errors.Is(err, context.Canceled):
		return "the call was broken off by the server"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "the endpoint has not answered in time"
	}
	var dialled *net.OpError
	if errors.As(err, &dialled) {
		err = dialled.Err // without the address
	}
	return fmt.Sprintf("the endpoint cannot be reached: %v%s", err, lookAt(err))
}

// lookAt says what to look at where no connection comes about, "" where nobody can tell.
func lookAt(err error) string {
	var plain tls.RecordHeaderError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": is it running, and is the port in the URL right?"
	case errors.As(err, &plain), errors.Is(err, http.ErrSchemeMismatch):
		return ": it speaks no TLS: check the port in the URL"
	case errors.As(err, &untrusted):
		return ": give it a certificate for the host in the URL, of an authority that the server's machine trusts"
	}
	return ""
}
