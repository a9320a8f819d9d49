package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	// maxEntry bounds one resource of an answer, and anything else in it that is one value.
	maxEntry = 1 << 20
	// keptHead is how much of a long answer is looked at for the record: what is kept, and behind it the longest secret.
	keptHead = kept + room + 8<<10
)

// Pull makes one attempt of a call PullUpdate and hands over the resources as they come, so that the longest answer takes no more memory
// than one of them. None of them counts unless the outcome is done: the status may stand behind them, and the answer may break off.
func (c *Caller) Pull(ctx context.Context, t approval.WebhookTarget, call approval.WebhookCall, take func(approval.Resource) error) (approval.WebhookAnswer, error) {
	return c.attempt(ctx, t, call, func(request *http.Request, call approval.WebhookCall, record *approval.WebhookAttempt, secrets []string) (approval.WebhookAnswer, error) {
		response, err := c.lists.Do(request)
		if err != nil {
			return approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: reason(err)}, nil
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return c.read(response, call, record, secrets), nil
		}
		return c.stream(response, call, record, secrets, take)
	})
}

func (c *Caller) stream(response *http.Response, call approval.WebhookCall, record *approval.WebhookAttempt, secrets []string, take func(approval.Resource) error) (approval.WebhookAnswer, error) {
	most := call.MaxBytes
	if most <= 0 {
		most = maxAnswer
	}
	m := &meter{from: response.Body, left: most}
	said, err := readPage(m, take)
	record.Status, record.AnswerHeaders = response.StatusCode, headersOf(response.Header, nil, secrets)
	record.Answer = clean(string(m.head), secrets, kept)
	now, header := c.clock.Now(), response.Header
	var refused *notTaken
	var answer approval.WebhookAnswer
	switch {
	case errors.As(err, &refused):
		return approval.WebhookAnswer{Outcome: approval.WebhookAgain, Bytes: m.total}, refused.error
	case errors.Is(m.err, errTooLong):
		answer = again(header, now, "the endpoint answers more than %d bytes: let it answer page by page, and several pull policies list a part each", most)
	case errors.Is(m.err, errTooLarge):
		answer = again(header, now, "the endpoint answers one resource, or another value, of more than %d bytes", maxEntry)
	case m.err != nil:
		answer = again(header, now, "the endpoint answers %d and breaks off: %s", response.StatusCode, reason(m.err))
	case err != nil:
		answer = unreadable(call.Kind, response.StatusCode, header, now, err)
	default:
		answer = meaning(call.Kind, response.StatusCode, header, said, now)
	}
	answer.Bytes = m.total
	return answer, nil
}

// notTaken is what whoever takes the resources has against one.
type notTaken struct{ error }

// readPage reads an answer member by member, in whatever order they stand.
func readPage(m *meter, take func(approval.Resource) error) (s said, err error) {
	d := jsontext.NewDecoder(m)
	if d.PeekKind() != '{' {
		if _, err := d.ReadToken(); err != nil {
			return s, err
		}
		return s, errors.New("no object")
	}
	if _, err := d.ReadToken(); err != nil {
		return s, err
	}
	for d.PeekKind() == '"' {
		m.mark()
		name, err := d.ReadToken()
		if err != nil {
			return s, err
		}
		switch name.String() {
		case "status":
			err = json.UnmarshalDecode(d, &s.Status)
		case "nextPageToken":
			err = json.UnmarshalDecode(d, &s.NextPageToken)
		case "resources":
			err = readResources(d, m, take)
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return s, err
		}
	}
	if _, err := d.ReadToken(); err != nil { // the end of the object
		return s, err
	}
	if _, err := d.ReadToken(); err == nil {
		return s, errors.New("more than one value")
	} else if !errors.Is(err, io.EOF) {
		return s, err
	}
	return s, nil
}

func readResources(d *jsontext.Decoder, m *meter, take func(approval.Resource) error) error {
	if d.PeekKind() != '[' {
		var none []approval.Resource // null is none; anything else is refused
		return json.UnmarshalDecode(d, &none)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for kind := d.PeekKind(); kind != ']' && kind != 0; kind = d.PeekKind() {
		m.mark()
		var r approval.Resource
		if err := json.UnmarshalDecode(d, &r); err != nil {
			return err
		}
		if err := take(r); err != nil {
			return &notTaken{err}
		}
	}
	_, err := d.ReadToken()
	return err
}

var (
	errTooLong  = errors.New("the answer is too long")
	errTooLarge = errors.New("a value is too large")
)

// meter reads an answer and knows how long it is, how much was read since the last mark, and why it ended.
type meter struct {
	from  io.Reader
	left  int64
	total int64
	since int64
	head  []byte
	err   error // other than the end
}

func (m *meter) mark() { m.since = 0 }

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	n, err := m.from.Read(p)
	m.total, m.since = m.total+int64(n), m.since+int64(n)
	if more := keptHead - len(m.head); more > 0 {
		m.head = append(m.head, p[:min(n, more)]...)
	}
	switch {
	case m.total > m.left:
		m.err = errTooLong
	case m.since > maxEntry:
		m.err = errTooLarge
	case err != nil && !errors.Is(err, io.EOF):
		m.err = err
	}
	if m.err != nil {
		return 0, m.err
	}
	return n, err
}

// checkPageToken refuses what cannot be sent back as it came.
func checkPageToken(token string) error {
	if len(token) > approval.MaxPageToken || !utf8.ValidString(token) || strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return errors.New("the endpoint answers a nextPageToken that is longer than 4,000 bytes, or has control characters")
	}
	return nil
}
