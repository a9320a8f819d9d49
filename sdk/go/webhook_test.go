package indent_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// signedCall is a case of spec/webhook/vectors.json.
type signedCall struct {
	Name       string
	Secrets    []string
	PublicKeys []string
	// AcceptOriginal is what the receiver is told.
	AcceptOriginal bool
	Now            time.Time
	Headers        map[string]string
	Body           string
	OK             bool
}

func signedCalls(t *testing.T) []signedCall {
	t.Helper()
	var v struct{ Verify []signedCall }
	text, err := os.ReadFile("../../spec/webhook/vectors.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil || len(v.Verify) < 30 {
		t.Fatalf("%d cases: %v", len(v.Verify), err)
	}
	return v.Verify
}

func (c signedCall) verifier() indent.WebhookVerifier {
	return indent.WebhookVerifier{Secrets: c.Secrets, PublicKeys: c.PublicKeys, AcceptOriginal: c.AcceptOriginal, Now: func() time.Time { return c.Now }}
}

func (c signedCall) header() http.Header {
	h := http.Header{}
	for name, value := range c.Headers {
		h.Set(name, value)
	}
	return h
}

func TestSignaturesOfWebhooks(t *testing.T) {
	t.Parallel()
	for _, c := range signedCalls(t) {
		err := c.verifier().Verify(c.header(), []byte(c.Body))
		if (err == nil) != c.OK || err != nil && !errors.Is(err, indent.ErrWebhookSignature) {
			t.Errorf("%s: %v", c.Name, err)
		}
		for _, secret := range c.Secrets {
			if err != nil && len(secret) > 6 && strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error has the secret", c.Name)
			}
		}
	}
}

// A receiver without a clock of its own takes the machine's: what was signed years ago is refused.
func TestAnOldCallIsRefusedByTheMachinesClock(t *testing.T) {
	t.Parallel()
	c := signedCalls(t)[0]
	if err := (indent.WebhookVerifier{Secrets: c.Secrets}).Verify(c.header(), []byte(c.Body)); !errors.Is(err, indent.ErrWebhookSignature) || !strings.Contains(err.Error(), "5 minutes") {
		t.Errorf("got %v", err)
	}
}

const (
	ada   = `{"id":"ada@example.com","kind":"user"}`
	db    = `{"id":"db","kind":"database"}`
	asked = `{"event":"access/request","resources":[` + ada + `,` + db + `]}`
	give  = `{"event":"access/grant","meta":{"labels":{"indent.com/time/expires":"2030-01-02T03:04:05Z"}},"actor":{"id":"bob@example.com"},"resources":[` + ada + `,` + db + `]}`
	take  = `{"event":"access/revoke","resources":[` + ada + `,` + db + `]}`
)

// called answers what the handler says to a call that the server has signed.
func called(t *testing.T, h *indent.WebhookHandler, body string) (int, string) {
	t.Helper()
	h.Verifier = indent.WebhookVerifier{Secrets: []string{"secret"}, Now: func() time.Time { return time.Unix(1614265330, 0) }}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Webhook-Id", "msg_1")
	r.Header.Set("Webhook-Timestamp", "1614265330")
	r.Header.Set("Webhook-Signature", "v1,"+hmacOf("secret", "msg_1.1614265330."+body))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAWebhookAnswersTheCalls(t *testing.T) {
	t.Parallel()
	var updates []indent.WebhookUpdate
	h := &indent.WebhookHandler{
		Name:  "postgres",
		Apply: func(_ context.Context, u indent.WebhookUpdate) error { updates = append(updates, u); return nil },
		Pull: func(_ context.Context, kinds []string, flags map[string]string) ([]indent.Resource, error) {
			return []indent.Resource{{ID: kinds[0] + flags["a"], Kind: "role"}}, nil
		},
		Decide: func(_ context.Context, events []indent.Event) ([]indent.Event, error) {
			return []indent.Event{{Event: indent.EventApprove, Reason: fmt.Sprint(len(events))}}, nil
		},
	}
	for body, want := range map[string]string{
		`{"info":true}`:                           `{"status":{"code":0,"details":[{"capabilities":["GetInfo","PullUpdate","GetDecision","ApplyUpdate"],"name":"postgres"}]}}`,
		`{"kinds":["x"],"flags":{"a":"1"}}`:       `{"status":{"code":0},"resources":[{"id":"x1","kind":"role"}]}`,
		`{"events":[` + asked + `]}`:              `{"status":{"code":0},"claims":[{"event":"access/approve","reason":"1"}]}`,
		`{"events":[` + asked + `,` + give + `]}`: `{"status":{"code":0}}`,
	} {
		if code, got := called(t, h, body); code != 200 || !sameJSON(t, got, want) {
			t.Errorf("%s\nanswers %d %s\nwant        %s", body, code, got, want)
		}
	}
	called(t, h, `{"events":[`+asked+`,`+give+`,`+take+`]}`)
	if len(updates) != 2 {
		t.Fatalf("%d updates", len(updates))
	}
	granted, revoked := updates[0], updates[1]
	if !granted.Grant || granted.ID != "msg_1" || granted.User.ID != "ada@example.com" || granted.Target.ID != "db" || granted.Command.Actor.ID != "bob@example.com" ||
		!granted.Expires.Equal(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)) || len(granted.Events) != 2 {
		t.Errorf("granted %+v", granted)
	}
	if revoked.Grant || !revoked.Expires.IsZero() || len(revoked.Events) != 3 {
		t.Errorf("revoked %+v", revoked)
	}
}

func TestAWebhookTellsWhoHasAccess(t *testing.T) {
	t.Parallel()
	ends := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	h := &indent.WebhookHandler{State: func(_ context.Context, user, target indent.Resource) (indent.WebhookAccess, error) {
		switch user.ID + target.ID {
		case "ada@example.comdb":
			return indent.WebhookAccess{Access: true, Expires: ends}, nil
		case "bobdb":
			return indent.WebhookAccess{}, nil
		}
		return indent.WebhookAccess{}, &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "no such role"}
	}}
	for _, c := range []struct {
		body   string
		status int
		want   string
	}{
		{`{"state":{"resources":[` + ada + `,` + db + `]}}`, 200, `{"status":{"code":0},"access":true,"expireTime":"2030-01-02T02:04:05Z"}`},
		{`{"state":{"resources":[{"id":"bob"},` + db + `]}}`, 200, `{"status":{"code":0},"access":false}`},
		{`{"state":{"resources":[{"id":"eve"},` + db + `]}}`, 500, `{"status":{"code":5,"message":"no such role"}}`},
		{`{"state":{"resources":[` + ada + `]}}`, 500, `{"status":{"code":3,"message":"state must have the user and the target as its resources"}}`},
		{`{"state":true}`, 500, `{"status":{"code":3,"message":"the call's body is not one that this version knows"}}`},
		{`{"info":true}`, 200, `{"status":{"code":0,"details":[{"capabilities":["GetInfo","GetState"],"name":""}]}}`},
	} {
		if code, got := called(t, h, c.body); code != c.status || !sameJSON(t, got, c.want) {
			t.Errorf("%s\nanswers %d %s\nwant        %s", c.body, code, got, c.want)
		}
	}
	if code, got := called(t, &indent.WebhookHandler{}, `{"state":{"resources":[]}}`); code != 500 || !strings.Contains(got, `"code":12`) {
		t.Errorf("without State: %d %s", code, got)
	}
}

func TestWhatAWebhookCannotDoIsSaid(t *testing.T) {
	t.Parallel()
	var told []error
	fails := &indent.WebhookHandler{
		Apply: func(context.Context, indent.WebhookUpdate) error {
			return fmt.Errorf("wrapped: %w", &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "no such role"})
		},
		Decide: func(context.Context, []indent.Event) ([]indent.Event, error) {
			return []indent.Event{{Event: indent.EventApprove}}, errors.New("password of the database")
		},
		Failed: func(err error) { told = append(told, err) },
	}
	grant := `{"events":[` + give + `]}`
	for _, c := range []struct{ body, want string }{
		{grant, `{"status":{"code":5,"message":"no such role"}}`},
		{`{"events":[` + asked + `]}`, `{"status":{"code":2,"message":"the endpoint failed: its own log may say why"}}`},
		{`{"kinds":[]}`, `{"status":{"code":12,"message":"this endpoint does not answer calls of this kind"}}`},
		{`{}`, `{"status":{"code":12,"message":"this endpoint does not answer calls of this kind"}}`},
		{`{"events":[]}`, `{"status":{"code":12,"message":"this endpoint does not answer calls of this kind"}}`},
		{`[`, `{"status":{"code":3,"message":"the call's body is not one that this version knows"}}`},
	} {
		if code, got := called(t, fails, c.body); code != 500 || !sameJSON(t, got, c.want) {
			t.Errorf("%s\nanswers %d %s\nwant        %s", c.body, code, got, c.want)
		}
	}
	if len(told) != 1 || told[0].Error() != "password of the database" {
		t.Errorf("told %v", told)
	}
	// A grant whose end cannot be read is not made without one, and a command must be the last event.
	for _, body := range []string{strings.ReplaceAll(grant, "2030-01-02T03:04:05Z", "tomorrow"), `{"events":[` + give + `,` + asked + `]}`, strings.ReplaceAll(grant, ","+db, "")} {
		if code, got := called(t, fails, body); code != 500 || !strings.Contains(got, `"code":3`) {
			t.Errorf("%s\nanswers %d %s", body, code, got)
		}
	}
}

func TestACallOfSomebodyElseDoesNothing(t *testing.T) {
	t.Parallel()
	h := &indent.WebhookHandler{Apply: func(context.Context, indent.WebhookUpdate) error { t.Error("it was done"); return nil }}
	for _, header := range []http.Header{{}, {"Webhook-Signature": {"v1,AAAA"}}, {"X-Indent-Signature": {"00"}}} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader([]byte(`{"events":[`+give+`]}`)))
		r.Header = header
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 401 || !strings.Contains(w.Body.String(), `"code":16`) {
			t.Errorf("%v: %d %s", header, w.Code, w.Body)
		}
	}
	large := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(strings.Repeat(" ", 8<<20+1)))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, large); w.Code != 500 || !strings.Contains(w.Body.String(), `"code":3`) {
		t.Errorf("a large body: %d %s", w.Code, w.Body)
	}
}

func hmacOf(secret, text string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	var a, b any
	if err := errors.Join(json.Unmarshal([]byte(got), &a), json.Unmarshal([]byte(want), &b)); err != nil {
		t.Errorf("%s: %v", got, err)
	}
	return cmp.Equal(a, b)
}
