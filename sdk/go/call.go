package indent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// call is one call of the API: what to send, and where its answer goes.
type call struct {
	method string
	path   string // below the server's address, escaped
	query  url.Values
	body   any // nil: none
	key    string
	header map[string]string // in addition to those that every call has
	// repeatable says that sending it twice has the effect, and the answer, of sending it once: reads, whole
	// replacements, and what carries an idempotency key.
	repeatable bool
	anonymous  bool          // sent without the token
	patience   time.Duration // how long the server may take on purpose (long-poll)
	within     time.Duration // bounds the attempt, where it is shorter than the client's timeout; 0: it is not
	answer     any           // decoded into, when not nil
}

// checked is an answer that can tell whether it is whole.
type checked interface{ check() error }

// do sends the call until it succeeds, must not be repeated, or was repeated often enough.
func (c *Client) do(ctx context.Context, one call) error {
	content, err := encode(one.body)
	if err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := c.once(ctx, one, content)
		if err == nil || attempt >= c.retries || !mayRepeat(one, err) {
			return err
		}
		pause, ok := c.backoff(attempt, err)
		if !ok || c.sleep(ctx, pause) != nil {
			return err
		}
	}
}

// answered sends the call and answers what the server did; a refusal answers the zero value.
func answered[T any](ctx context.Context, c *Client, one call) (T, error) {
	var answer, none T
	one.answer = &answer
	if err := c.do(ctx, one); err != nil {
		return none, err
	}
	return answer, nil
}

// patienceGrace is what a long-poll may take beyond the time that it asks the server to wait.
const patienceGrace = 5 * time.Second

// once sends the call one time. When the caller's context has ended, the answer is the context's error.
func (c *Client) once(ctx context.Context, one call, content []byte) error {
	limit := c.timeout
	if one.within > 0 {
		limit = min(limit, one.within)
	}
	if one.patience > 0 {
		limit = one.patience + patienceGrace
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	response, err := c.send(limited, one, content)
	if err != nil {
		return c.networkError(ctx, err)
	}
	defer response.Body.Close()
	body, err := readLimited(response.Body, mostBytes)
	if err != nil {
		return c.networkError(ctx, err)
	}
	if response.StatusCode/100 != 2 {
		return c.refusal(response, body)
	}
	if one.answer == nil {
		return nil
	}
	return decode(body, one.answer)
}

// send answers the response, its body not yet read.
func (c *Client) send(ctx context.Context, one call, content []byte) (*http.Response, error) {
	address := c.settings.url + one.path
	if len(one.query) > 0 {
		address += "?" + one.query.Encode()
	}
	var body io.Reader
	if content != nil {
		body = bytes.NewReader(content)
	}
	request, err := http.NewRequestWithContext(ctx, one.method, address, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", c.userAgent)
	if content != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if !one.anonymous {
		token, err := c.token(ctx)
		if err != nil {
			return nil, unsent{err}
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Indent-Space", c.settings.space)
	}
	if one.key != "" {
		request.Header.Set("Idempotency-Key", one.key)
	}
	for name, value := range one.header {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return c.http.Do(request)
}

// unsent is why a call was not sent, such as that there is no token for it.
type unsent struct{ error }

// networkError answers the caller's own cancellation as it is, everything else as what it means for the server.
func (c *Client) networkError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var response *ResponseError
	if errors.As(err, &response) {
		return response
	}
	if own, ok := err.(unsent); ok {
		return own.error
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // it repeats the method and the address
	}
	var dial *net.OpError
	// before the connection stands, nothing of the request can have left
	unsent := errors.As(err, &dial) && dial.Op == "dial"
	return &ConnectionError{URL: c.settings.url, Sent: !unsent, Err: c.redacted(err)}
}

// redacted answers err, or its text without the token if something has put it there.
func (c *Client) redacted(err error) error {
	if text := err.Error(); len(c.secret()) >= 8 && strings.Contains(text, c.secret()) {
		return errors.New(c.redact(text))
	}
	return err
}

// redact answers text without the token, should a server or a proxy have echoed it.
func (c *Client) redact(text string) string {
	if len(c.secret()) < 8 {
		return text // too short to be one, and to be replaced without harm
	}
	return strings.ReplaceAll(text, c.secret(), "[token]")
}

// refusal answers what a status other than 2xx means.
func (c *Client) refusal(response *http.Response, body []byte) error {
	if response.StatusCode/100 == 3 {
		where := snippet(c.redact(response.Header.Get("Location")))
		return &ResponseError{Message: fmt.Sprintf("the server answered with a redirect to %q, to which the token is not sent: set %s to the final address", where, envURL)}
	}
	e := c.problem(body)
	e.Status, e.RetryAfter = response.StatusCode, retryAfter(response.Header.Get("Retry-After"))
	return e
}

// problem answers the error that a problem document tells of (RFC 9457), with the status that it names.
func (c *Client) problem(body []byte) *Error {
	var problem struct {
		Code, Message, Detail, Title, Field, Error string
		Status                                     int
		Errors                                     []Finding
	}
	_ = json.Unmarshal(body, &problem) // a proxy's page has none of these
	e := &Error{Status: problem.Status, Code: printable(problem.Code), Field: printable(c.redact(problem.Field)), Grant: printable(problem.Error)}
	for _, f := range problem.Errors {
		f.Rule, f.Test, f.Message = printable(c.redact(f.Rule)), printable(c.redact(f.Test)), printable(c.redact(f.Message))
		e.Findings = append(e.Findings, f)
	}
	for _, text := range []string{problem.Message, problem.Detail, problem.Title} {
		if e.Message == "" {
			e.Message = printable(c.redact(text))
		}
	}
	if e.Message == "" {
		e.Message = snippet(c.redact(string(body[:min(len(body), 1000)])))
	}
	if e.Message == "" {
		e.Message = "the server refused and did not say why"
	}
	return e
}

// mostBytes is how large an answer may be.
const mostBytes = 64 << 20

func readLimited(r io.Reader, most int64) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(body)) > most {
		err = &ResponseError{Message: fmt.Sprintf("the server's answer is over %d MiB: ask for smaller pages", most>>20)}
	}
	return body, err
}

// encode writes a body as JSON. It refuses text that is not UTF-8, which would be sent, shown and approved as another text.
func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(body); err != nil {
		return nil, invalid("", "the request cannot be written as JSON: %s", printable(err.Error()))
	}
	if replaced(b.Bytes()) {
		return nil, invalid("", "the request has text that is not valid UTF-8: send bytes as base64 text")
	}
	return b.Bytes(), nil
}

// replaced answers whether the encoder put U+FFFD in place of bytes that are no text: it alone writes it as an escape.
func replaced(text []byte) bool {
	for {
		i := bytes.IndexByte(text, '\\')
		if i < 0 || i+1 >= len(text) {
			return false
		}
		if bytes.HasPrefix(text[i+1:], []byte("ufffd")) {
			return true
		}
		text = text[i+2:]
	}
}

// segment answers a name as one segment of a path, so that nothing that is sent as a name reaches another route.
func segment(field, name string) (string, error) {
	if name == "" || name == "." || name == ".." || len(name) > 1024 {
		return "", invalid(field, "%.80q cannot be a name", name)
	}
	return url.PathEscape(name), nil
}

// inSpace answers a path below the client's space.
func (c *Client) inSpace(rest string) string {
	return "/v1/spaces/" + url.PathEscape(c.settings.space) + rest
}
