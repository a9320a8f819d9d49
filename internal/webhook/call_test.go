package webhook

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

const (
	secret     = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	credential = "Bearer pagerkey-1234"
)

// endpoint is a customer's, which answers what it is told to.
type endpoint struct {
	*httptest.Server
	clock  *approvaltest.Clock
	asked  atomic.Int32
	header http.Header
	body   string
}

func newEndpoint(t *testing.T, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{clock: approvaltest.NewClock()}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		e.header, e.body = r.Header, string(text)
		e.asked.Add(1)
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func answers(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func (e *endpoint) target() approval.WebhookTarget {
	return approval.WebhookTarget{URL: e.URL + "/hook?key=s3cr3tquery", Keys: []approval.WebhookKey{{Secret: secret}},
		Headers: []approval.WebhookHeader{{Name: "authorization", Value: credential, Secret: true}, {Name: "X-Team", Value: "platform"}}}
}

func (e *endpoint) call(t *testing.T, target approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
	t.Helper()
	answer, err := NewCaller(NewGuard(nil, true), e.clock, "indent/test").Call(t.Context(), target, c)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func calls(now time.Time) map[approval.WebhookKind]approval.WebhookCall {
	ada, db := approval.Resource{ID: "ada@example.com", Kind: "user"}, approval.Resource{ID: "db", Kind: "database"}
	request := approval.Event{Event: approval.EventRequest, Timestamp: now, ID: "1", Actor: ada, Resources: []approval.Resource{ada, db}, Reason: "to debug"}
	grant := approval.Event{Event: approval.EventGrant, Timestamp: now, ID: "2", Actor: approval.Resource{ID: "bob@example.com"}, Resources: []approval.Resource{ada, db},
		Meta: approval.Meta{Labels: map[string]string{approval.LabelTimeExpires: "2026-01-01T00:00:00Z"}}}
	return map[approval.WebhookKind]approval.WebhookCall{
		approval.WebhookInfo:   {ID: "msg_1", Kind: approval.WebhookInfo},
		approval.WebhookPull:   {ID: "msg_2", Kind: approval.WebhookPull, Kinds: []string{"role"}, Flags: map[string]string{"b": "2", "a": "1"}},
		approval.WebhookDecide: {ID: "msg_3", Kind: approval.WebhookDecide, Events: []approval.Event{request}},
		approval.WebhookApply:  {ID: "msg_4", Kind: approval.WebhookApply, Events: []approval.Event{request, grant}},
	}
}

// The bodies are those that endpoints of the original product read.
func TestBodiesOfTheCalls(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{"code":0}}`))
	at := e.clock.Now().UTC().Format(time.RFC3339Nano)
	user, db := `{"id":"ada@example.com","kind":"user"}`, `{"id":"db","kind":"database"}`
	request := `{"event":"access/request","reason":"to debug","timestamp":"` + at + `","id":"1","actor":` + user + `,"resources":[` + user + `,` + db + `]}`
	grant := `{"event":"access/grant","meta":{"labels":{"indent.com/time/expires":"2026-01-01T00:00:00Z"}},"timestamp":"` + at + `","id":"2","actor":{"id":"bob@example.com"},"resources":[` + user + `,` + db + `]}`
	for kind, want := range map[approval.WebhookKind]string{
		approval.WebhookInfo:   `{"info":true}`,
		approval.WebhookPull:   `{"kinds":["role"],"flags":{"a":"1","b":"2"}}`,
		approval.WebhookDecide: `{"events":[` + request + `]}`,
		approval.WebhookApply:  `{"events":[` + request + `,` + grant + `]}`,
	} {
		c := calls(e.clock.Now())[kind]
		if a := e.call(t, e.target(), c); a.Outcome != approval.WebhookDone || e.body != want {
			t.Errorf("%s: %+v\ngot  %s\nwant %s", kind, a, e.body, want)
		}
		signed := Sign(c.ID, e.clock.Now(), []byte(want), e.target().Keys)
		for name := range signed {
			if e.header.Get(name) != signed.Get(name) {
				t.Errorf("%s: %s is %q, want %q", kind, name, e.header.Get(name), signed.Get(name))
			}
		}
		if e.header.Get("Authorization") != credential || e.header.Get("X-Team") != "platform" || e.header.Get("Content-Type") != "application/json" || e.header.Get("User-Agent") != "indent/test" {
			t.Errorf("%s: sent %v", kind, e.header)
		}
	}
	empty := approval.WebhookCall{ID: "msg_5", Kind: approval.WebhookPull}
	if e.call(t, e.target(), empty); e.body != `{"kinds":[],"flags":{}}` {
		t.Errorf("sent %s", e.body)
	}
}

// A call that an endpoint would take for another is not made.
func TestCallsThatWouldBeTakenForOthers(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{}}`))
	all := calls(e.clock.Now())
	decide, apply := all[approval.WebhookDecide], all[approval.WebhookApply]
	decide.Events, apply.Events = apply.Events, decide.Events
	turned := all[approval.WebhookApply]
	turned.Events = []approval.Event{turned.Events[1], turned.Events[0]}
	for _, c := range []approval.WebhookCall{decide, apply, turned, {Kind: approval.WebhookApply}, {Kind: "Other"}} {
		if a, err := NewCaller(NewGuard(nil, true), e.clock, "x").Call(t.Context(), e.target(), c); err == nil || e.asked.Load() > 0 {
			t.Errorf("%s: %+v", c.Kind, a)
		}
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	resource, claim := `{"id":"db","kind":"role"}`, `{"event":"access/approve","reason":"on call"}`
	for name, c := range map[string]struct {
		kind   approval.WebhookKind
		status int
		body   string
		want   approval.WebhookOutcome
		code   int
		says   string
	}{
		"done":                       {approval.WebhookApply, 200, `{"status":{"code":0}}`, approval.WebhookDone, 0, ""},
		"done, and more":             {approval.WebhookApply, 200, `{"status":{"code":0,"message":"ok","more":1},"other":[]}`, approval.WebhookDone, 0, ""},
		"no code is 0":               {approval.WebhookApply, 200, `{"status":{}}`, approval.WebhookDone, 0, ""},
		"refused":                    {approval.WebhookApply, 500, `{"status":{"code":5,"message":"no such role"}}`, approval.WebhookRefused, 5, "NOT_FOUND (5): no such role"},
		"refused with 200":           {approval.WebhookApply, 200, `{"status":{"code":9}}`, approval.WebhookRefused, 9, "FAILED_PRECONDITION"},
		"refused with 401":           {approval.WebhookApply, 401, `{"status":{"code":16}}`, approval.WebhookRefused, 16, "UNAUTHENTICATED"},
		"passing":                    {approval.WebhookApply, 500, `{"status":{"code":14}}`, approval.WebhookAgain, 14, "UNAVAILABLE"},
		"unknown":                    {approval.WebhookApply, 500, `{"status":{"code":2}}`, approval.WebhookAgain, 2, "UNKNOWN"},
		"busy":                       {approval.WebhookApply, 503, `{"status":{"code":9}}`, approval.WebhookAgain, 9, ""},
		"gone":                       {approval.WebhookApply, 410, ``, approval.WebhookGone, 0, "410"},
		"contradicts itself":         {approval.WebhookApply, 500, `{"status":{"code":0}}`, approval.WebhookAgain, 0, "contradict"},
		"created":                    {approval.WebhookApply, 201, `{"status":{"code":0}}`, approval.WebhookAgain, 0, "contradict"},
		"no such code":               {approval.WebhookApply, 500, `{"status":{"code":17}}`, approval.WebhookAgain, 0, "17"},
		"below all codes":            {approval.WebhookApply, 500, `{"status":{"code":-1}}`, approval.WebhookAgain, 0, "-1"},
		"nothing":                    {approval.WebhookApply, 200, ``, approval.WebhookAgain, 0, "JSON"},
		"text":                       {approval.WebhookApply, 200, `ok`, approval.WebhookAgain, 0, `not JSON at byte 0; it must answer such as {"status": {"code": 0}}`},
		"a page of a proxy":          {approval.WebhookApply, 502, `<html>`, approval.WebhookAgain, 0, "502 with what is not an answer to ApplyUpdate; is what stands before it up, and the endpoint behind that?"},
		"no such place":              {approval.WebhookApply, 404, `not found`, approval.WebhookAgain, 0, "404 with what is not an answer to ApplyUpdate; does the URL lead to the endpoint, with the whole path?"},
		"no such method":             {approval.WebhookApply, 405, ``, approval.WebhookAgain, 0, "does that take the method of the webhook?"},
		"locked":                     {approval.WebhookApply, 403, `<html>`, approval.WebhookAgain, 0, "a header of the webhook can carry a credential"},
		"no status":                  {approval.WebhookApply, 200, `{}`, approval.WebhookAgain, 0, "without a status"},
		"null":                       {approval.WebhookApply, 200, `null`, approval.WebhookAgain, 0, "without a status"},
		"a list":                     {approval.WebhookApply, 200, `[]`, approval.WebhookAgain, 0, "type"},
		"half":                       {approval.WebhookApply, 200, `{"status":{"code":0}`, approval.WebhookAgain, 0, "JSON"},
		"two":                        {approval.WebhookApply, 200, `{"status":{"code":0}} {}`, approval.WebhookAgain, 0, "JSON"},
		"a name twice":               {approval.WebhookApply, 200, `{"status":{"code":5,"code":0}}`, approval.WebhookAgain, 0, "JSON"},
		"another spelling":           {approval.WebhookApply, 200, `{"Status":{"code":0}}`, approval.WebhookAgain, 0, "without a status"},
		"a code that is text":        {approval.WebhookApply, 200, `{"status":{"code":"0"}}`, approval.WebhookAgain, 0, "/status/code"},
		"no UTF-8":                   {approval.WebhookApply, 200, "{\"status\":{\"message\":\"\xff\"}}", approval.WebhookAgain, 0, "JSON"},
		"too long":                   {approval.WebhookApply, 200, `{"status":{"message":"` + strings.Repeat("x", maxAnswer) + `"}}`, approval.WebhookAgain, 0, "more than"},
		"resources":                  {approval.WebhookPull, 200, `{"status":{},"resources":[` + resource + `]}`, approval.WebhookDone, 0, ""},
		"a resource that is none":    {approval.WebhookPull, 200, `{"status":{},"resources":[` + resource + `,{}]}`, approval.WebhookAgain, 0, "resources[1]"},
		"claims":                     {approval.WebhookDecide, 200, `{"status":{},"claims":[` + claim + `]}`, approval.WebhookDone, 0, ""},
		"no claim":                   {approval.WebhookDecide, 200, `{"status":{}}`, approval.WebhookDone, 0, ""},
		"a claim that is none":       {approval.WebhookDecide, 200, `{"status":{},"claims":[{"event":"access/grant"}]}`, approval.WebhookAgain, 0, "claims[0]"},
		"a claim that revokes":       {approval.WebhookDecide, 200, `{"status":{},"claims":[{"event":"access/revoke"}]}`, approval.WebhookAgain, 0, "claims[0]"},
		"more claims than are taken": {approval.WebhookDecide, 200, `{"status":{},"claims":[` + strings.Repeat(claim+",", 10) + claim + `]}`, approval.WebhookAgain, 0, "11 claims"},
		"elsewhere":                  {approval.WebhookApply, 307, `{"status":{"code":0}}`, approval.WebhookAgain, 0, "sends elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEndpoint(t, answers(c.status, c.body))
			a := e.call(t, e.target(), calls(e.clock.Now())[c.kind])
			if a.Outcome != c.want || a.Code != c.code || !strings.Contains(a.Problem, c.says) || (a.Problem == "") != (c.want == approval.WebhookDone) {
				t.Errorf("got %s %d %q", a.Outcome, a.Code, a.Problem)
			}
			if a.Outcome != approval.WebhookDone && (a.Claims != nil || a.Resources != nil) {
				t.Errorf("took %v %v", a.Claims, a.Resources)
			}
			if a.Attempt.Status != c.status {
				t.Errorf("the record has the status %d", a.Attempt.Status)
			}
		})
	}
}

func TestWhatAnswersBring(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{"code":0,"details":[{"capabilities":["ApplyUpdate"]}]},"resources":[{"id":"db","kind":"role"}],"claims":[{"event":"access/approve"}]}`))
	all := calls(e.clock.Now())
	info, pull, decide := e.call(t, e.target(), all[approval.WebhookInfo]), e.call(t, e.target(), all[approval.WebhookPull]), e.call(t, e.target(), all[approval.WebhookDecide])
	if info.Details != `[{"capabilities":["ApplyUpdate"]}]` || info.Resources != nil || info.Claims != nil {
		t.Errorf("info: %+v", info)
	}
	if !cmp.Equal(pull.Resources, []approval.Resource{{ID: "db", Kind: "role"}}) || pull.Claims != nil {
		t.Errorf("pull: %+v", pull)
	}
	if len(decide.Claims) != 1 || decide.Claims[0].Event != approval.EventApprove || decide.Resources != nil {
		t.Errorf("decide: %+v", decide)
	}
}

func TestWhenToComeBack(t *testing.T) {
	t.Parallel()
	now := approvaltest.NewClock().Now()
	for text, want := range map[string]time.Duration{
		"": 0, "30": 30 * time.Second, "0": 0, "-5": 0, "soon": 0, "1.5": 0, "99999999999999": 0, "1000000": maxRetryAfter,
		now.Add(time.Minute).UTC().Format(http.TimeFormat): now.Add(time.Minute).Truncate(time.Second).Sub(now),
		now.Add(-time.Hour).UTC().Format(http.TimeFormat):  0, now.Add(100 * 24 * time.Hour).UTC().Format(http.TimeFormat): maxRetryAfter,
	} {
		for _, status := range []int{429, 503, 500} {
			if got := readAnswer(approval.WebhookApply, status, http.Header{"Retry-After": {text}}, nil, now); got.Outcome != approval.WebhookAgain || got.RetryAfter != want {
				t.Errorf("%d %q: %s after %s, want %s", status, text, got.Outcome, got.RetryAfter, want)
			}
		}
	}
}

func TestEndpointsThatDoNotAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	slow := newEndpoint(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	a, err := NewCaller(NewGuard(nil, true), slow.clock, "x").Call(ctx, slow.target(), calls(slow.clock.Now())[approval.WebhookInfo])
	if err != nil || a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, "in time") {
		t.Errorf("slow: %+v, %v", a, err)
	}
	half := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		fmt.Fprint(w, `{"status":{"code":0}}`)
	})
	if a := half.call(t, half.target(), calls(half.clock.Now())[approval.WebhookApply]); a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, "breaks off") {
		t.Errorf("half: %+v", a)
	}
	half.Close()
	nameless := NewGuard(nil, true)
	nameless.lookup = func(context.Context, string) ([]netip.Addr, error) {
		return nil, &net.DNSError{Err: "no such host", Name: "x"}
	}
	plain := newEndpoint(t, func(http.ResponseWriter, *http.Request) {})
	for address, says := range map[string]string{half.URL: "is it running, and is the port in the URL right?", strings.Replace(plain.URL, "http:", "https:", 1): "speaks no TLS: check the port in the URL", "https://hooks.example.com/": "looked up: no such host"} {
		target := half.target()
		target.URL = address + "?key=s3cr3tquery"
		a, err := NewCaller(nameless, half.clock, "x").Call(t.Context(), target, calls(half.clock.Now())[approval.WebhookInfo])
		if err != nil || a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, says) || strings.Contains(a.Problem, "s3cr3t") || a.Attempt.Status != 0 {
			t.Errorf("%s: %+v, %v", address, a, err)
		}
	}
	inside, err := NewCaller(NewGuard(nil, false), slow.clock, "x").Call(t.Context(), slow.target(), calls(slow.clock.Now())[approval.WebhookInfo])
	if err != nil || inside.Outcome != approval.WebhookAgain || !strings.Contains(inside.Problem, "private_networks") || slow.asked.Load() > 1 {
		t.Errorf("inside: %+v, %v", inside, err)
	}
}

// The record of an attempt is read by people who may not know the secrets, also when the endpoint says them back.
func TestNoRecordHasASecret(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "session=abcdef")
		w.Header().Set("X-Echo", r.Header.Get("Authorization"))
		w.WriteHeader(500)
		fmt.Fprintf(w, `{"status":{"code":7,"message":"bad credential %s or pagerkey-1234 or %s at %s"}}`, r.Header.Get("Authorization"), secret, strings.TrimPrefix(secret, "whsec_"))
	})
	a := e.call(t, e.target(), calls(e.clock.Now())[approval.WebhookApply])
	all := fmt.Sprintf("%+v %s", a, a.Problem)
	for _, text := range []string{"pagerkey", secret, strings.TrimPrefix(secret, "whsec_"), "s3cr3tquery", "abcdef", e.header.Get(HeaderIndentSignature), e.header.Get(HeaderSignature)} {
		if text == "" || strings.Contains(all, text) {
			t.Errorf("the record has %q: %s", text, all)
		}
	}
	r := a.Attempt
	if r.Headers["Authorization"] != redacted || r.Headers["X-Team"] != "platform" || r.Headers[HeaderSignature] != redacted || r.Headers[HeaderID] != "msg_4" ||
		r.URL != e.URL+"/hook?key=…" || r.Method != "POST" || r.AnswerHeaders["X-Echo"] != redacted || r.Status != 500 || !strings.Contains(r.Body, "access/grant") ||
		!strings.Contains(r.Answer, "bad credential") || !r.Time.Equal(e.clock.Now()) {
		t.Errorf("the record is %+v", r)
	}
	if !strings.Contains(a.Problem, "PERMISSION_DENIED") {
		t.Errorf("says %q", a.Problem)
	}
}

// An endpoint that says back what it was sent, as those do that help to find mistakes, writes JSON in its own way.
func TestNoAnswerBringsASecret(t *testing.T) {
	t.Parallel()
	const begin, middle, end = "pager", "key", "rest" // of the credential, between what is escaped
	for _, written := range []string{`pager/key\"rest`, `pager\/key\"rest`, `pager/key\"rest&`, `pager\/key\"rest\u0026`, `pager/key\"rest\u0026`} {
		target := approval.WebhookTarget{Headers: []approval.WebhookHeader{{Name: "Authorization", Value: `Bearer pager/key"rest`, Secret: true}}}
		if strings.HasSuffix(written, "&") || strings.HasSuffix(written, "0026") {
			target.Headers[0].Value += "&"
		}
		e := newEndpoint(t, answers(200, `{"status":{"code":0,"details":[{"authorization":"Bearer `+written+`"}]},"claims":[{"event":"access/approve","reason":"sent `+written+` with it"}]}`))
		target.URL = e.URL
		for kind, call := range calls(e.clock.Now()) {
			a := e.call(t, target, call)
			if said := fmt.Sprintf("%+v", a); strings.Contains(said, begin) || strings.Contains(said, middle) || strings.Contains(said, end) || a.Details == "" {
				t.Errorf("%s of %s brings %s", kind, written, said)
			}
		}
	}
}

func TestARecordIsBounded(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, strings.Repeat("é", 100_000)+"\xff"))
	a := e.call(t, e.target(), calls(e.clock.Now())[approval.WebhookInfo])
	if len(a.Attempt.Answer) > kept+len("…") || !strings.HasSuffix(a.Attempt.Answer, "é…") {
		t.Errorf("kept %d bytes, ending in %q", len(a.Attempt.Answer), a.Attempt.Answer[len(a.Attempt.Answer)-8:])
	}
}

func TestADryRunSendsNothing(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{}}`))
	target := e.target()
	target.DryRun, target.Method = true, "PUT"
	a := e.call(t, target, calls(e.clock.Now())[approval.WebhookApply])
	if a.Outcome != approval.WebhookNotSent || e.asked.Load() > 0 || a.Attempt.Method != "PUT" || !strings.Contains(a.Attempt.Body, "access/grant") {
		t.Errorf("asked %d times: %+v", e.asked.Load(), a)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{`{"status":{"code":0}}`, `{"status":{"code":5,"message":"x","details":[{}]}}`, `{"status":{},"claims":[{"event":"access/deny"}],"resources":[{"id":"a"}]}`, `{`, `null`, "\xff"} {
		f.Add(200, []byte(seed))
	}
	now := approvaltest.NewClock().Now()
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, kind := range approval.WebhookKinds {
			a := readAnswer(kind, status, http.Header{}, body, now)
			switch a.Outcome {
			case approval.WebhookDone:
				if status != 200 || a.Code != 0 || a.Problem != "" || !strings.Contains(string(body), "status") {
					t.Errorf("%d %q is taken for done: %+v", status, body, a)
				}
			case approval.WebhookRefused:
				if a.Code < 1 || a.Code > 16 || a.Problem == "" {
					t.Errorf("%d %q is taken for refused: %+v", status, body, a)
				}
			case approval.WebhookAgain, approval.WebhookGone:
				if a.Problem == "" || a.Claims != nil || a.Resources != nil {
					t.Errorf("%d %q: %+v", status, body, a)
				}
			default:
				t.Errorf("%d %q: %+v", status, body, a)
			}
			for _, r := range a.Resources {
				if r.Check() != nil {
					t.Errorf("%q: took %+v", body, r)
				}
			}
		}
	})
}

// A call that is not for a whole list, such as one of a test, takes a short answer only.
func TestACallTakesAShortAnswer(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{"code":0},"resources":[]}`+strings.Repeat(" ", maxAnswer)))
	c := calls(e.clock.Now())[approval.WebhookPull]
	if a := e.call(t, e.target(), c); a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, "more than 1048576 bytes") {
		t.Errorf("a test: %s %s", a.Outcome, a.Problem)
	}
}

// Of a long text only what is kept is cleaned, and a secret that lies across its end, or over another one, is not left in part.
func TestABeginningHasNoPartOfASecret(t *testing.T) {
	t.Parallel()
	long, short := strings.Repeat("s3cret-", 10), "ret-s3c"
	secrets := []string{long, short}
	for before := range 100 {
		text := strings.Repeat("x", before) + long + "y" + short + strings.Repeat("z", 500)
		want := strings.Repeat("x", before) + redacted + "y" + redacted + strings.Repeat("z", 500)
		for most := 1; most < 200; most += 7 {
			if begin, whole := withoutSecrets(text, secrets, most); whole || len(begin) < most || len(begin) > most+len(redacted) || !strings.HasPrefix(want, begin) {
				t.Fatalf("%d before, %d kept: %q", before, most, begin)
			}
		}
	}
	for text, want := range map[string]string{
		"": "", "plain": "plain", "a" + short + short + "b": "a[redacted][redacted]b",
		"tail-of-itail-of-it": "[redacted]", // two that overlap: neither leaves a part
	} {
		secrets := []string{short, "tail-of-it", "itail"}
		if got, whole := withoutSecrets(text, secrets, 1000); got != want || !whole {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := clean(strings.Repeat(long, 3000), secrets, kept); len(got) > kept+len("…") || strings.Contains(got, "s3c") || strings.Trim(got, "[redact]…") != "" {
		t.Errorf("%d bytes: %.200q", len(got), got)
	}
}
