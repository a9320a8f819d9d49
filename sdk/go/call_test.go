package indent

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPassingFailuresAreRetriedTwice(t *testing.T) {
	t.Parallel()
	space := answer(200, `{"name":"acmecorp"}`)
	ok := answer(200, `{}`)
	cases := []struct {
		name  string
		fault step
		read  int // attempts of a call that may be repeated
		write int // attempts of one that may not: it could have happened
	}{
		{"408", problem(408, "", "slow"), 3, 3},
		{"429", problem(429, "too_many", "slow down"), 3, 3},
		{"500", problem(500, "internal", "broken"), 3, 1},
		{"502", answer(502, "<html>bad gateway</html>"), 3, 1},
		{"503", problem(503, "unavailable", "restarting"), 3, 3},
		{"dropped connection", drop, 3, 1},
		{"dropped in the answer", dropHalfway, 3, 1},
		{"400", problem(400, "invalid", "wrong"), 1, 1},
		{"401", problem(401, "unauthenticated", "who?"), 1, 1},
		{"404", problem(404, "not_found", "gone"), 1, 1},
		{"409 is an answer", problem(409, "conflict", "already denied", "Retry-After", "1"), 1, 1},
		{"409 of something else that says when", answer(409, "locked", "Retry-After", "1"), 3, 3},
		{"409 of something else", answer(409, "locked"), 1, 1},
		{"a redirect", answer(302, "", "Location", "https://elsewhere.example"), 1, 1},
		{"no JSON", answer(200, "<html>hello</html>"), 1, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := startDouble(t, c.fault)
			client, _ := d.client(t)
			if _, err := client.Space(t.Context()); err == nil || len(d.calls()) != c.read {
				t.Errorf("reading: %d attempts and %v, want %d", len(d.calls()), err, c.read)
			}
			d = startDouble(t, c.fault)
			client, _ = d.client(t)
			if _, err := client.CreateToken(t.Context(), NewToken{}); err == nil || len(d.calls()) != c.write {
				t.Errorf("writing: %d attempts and %v, want %d", len(d.calls()), err, c.write)
			}
			if c.read == 1 {
				return
			}
			d = startDouble(t, c.fault, c.fault, space, ok)
			client, _ = d.client(t)
			if _, err := client.Space(t.Context()); err != nil {
				t.Errorf("the third attempt would have succeeded: %v", err)
			}
		})
	}
}

func TestPausesGrowAndObeyTheServer(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	cases := []struct {
		name, header string
		want         []time.Duration
	}{
		{"without a word", "", []time.Duration{500 * ms, 1000 * ms}},
		{"seconds", "3", []time.Duration{3500 * ms, 3500 * ms}},
		{"nonsense", "soon", []time.Duration{500 * ms, 1000 * ms}},
		{"longer than a call should take", "3600", nil},
	}
	for n := range 2 * len(cases) {
		c, refusal, kind := cases[n/2], problem(503, "unavailable", "restarting", "Retry-After", cases[n/2].header), ErrUnavailable
		if n%2 == 1 {
			refusal, kind = problem(429, "too_many", "slow down", "Retry-After", c.header), ErrTooMany
		}
		client, pauses := startDouble(t, refusal).client(t)
		_, err := client.Space(t.Context())
		if !errors.Is(err, kind) || len(*pauses) != len(c.want) {
			t.Errorf("%s: paused %v, %v", c.name, *pauses, err)
			continue
		}
		for i, want := range c.want {
			if (*pauses)[i] != want {
				t.Errorf("%s: pause %d was %s, want %s", c.name, i, (*pauses)[i], want)
			}
		}
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		if got := retryAfter(time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)); got != 5*time.Second {
			t.Errorf("got %s", got)
		}
		if got := retryAfter("Fri, 01 Jan 1999 15:04:05 GMT"); got != 0 {
			t.Errorf("in the past: got %s", got)
		}
	})
}

func TestAPetitionIsNeverDoubled(t *testing.T) {
	t.Parallel()
	d := startDouble(t, drop, problem(500, "internal", "broken"), is())
	client, _ := d.client(t)
	if _, err := client.CreatePetition(t.Context(), NewPetition{Reason: "x"}); err != nil {
		t.Fatal(err)
	}
	sameKeyThrice(t, d)
	d = startDouble(t, drop, problem(502, "", ""), answer(200, `{"event":"access/approve"}`))
	client, _ = d.client(t)
	p := petitionIn()
	if _, err := client.Approve(t.Context(), &p, ClaimOptions{}); err != nil {
		t.Fatal(err)
	}
	sameKeyThrice(t, d)
	if body := d.calls()[0].body; !strings.Contains(body, p.Digest) {
		t.Errorf("the claim does not bind to what was shown: %s", body)
	}
}

func sameKeyThrice(t *testing.T, d *double) {
	t.Helper()
	calls := d.calls()
	if len(calls) != 3 || calls[0].key == "" || calls[1].key != calls[0].key || calls[2].key != calls[0].key {
		t.Errorf("want three attempts with one key, got %+v", calls)
	}
}

func TestTheTokenStaysWithTheServer(t *testing.T) {
	t.Parallel()
	elsewhere := startDouble(t, answer(200, `{"name":"acmecorp"}`))
	d := startDouble(t, answer(307, "", "Location", elsewhere.URL))
	client, _ := d.client(t)
	_, err := client.Space(t.Context())
	var response *ResponseError
	if !errors.As(err, &response) || len(elsewhere.calls()) != 0 {
		t.Errorf("a redirect was followed (%d calls), or is no ResponseError: %v", len(elsewhere.calls()), err)
	}
	d = startDouble(t, answer(200, `{"accessToken":"x"}`))
	client, _ = d.client(t)
	if _, err := client.ExchangeToken(t.Context(), "ind_other"); err != nil || d.calls()[0].token != "" {
		t.Errorf("the exchange of another token carried ours, or failed: %v", err)
	}
	for name, echo := range map[string]step{
		"refusal":  problem(400, "invalid", "you sent Bearer "+testToken),
		"page":     answer(502, "request was: Bearer "+testToken),
		"redirect": answer(302, "", "Location", "https://x/?t="+testToken),
	} {
		client, _ := startDouble(t, echo).client(t)
		if _, err := client.Space(t.Context()); strings.Contains(err.Error(), testToken) {
			t.Errorf("%s: the error has the token: %v", name, err)
		}
	}
}

func TestAnswersThatAreNoAnswersAreRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"empty":             "",
		"a page":            "<html>welcome</html>",
		"half":              `{"name":"acme`,
		"two":               `{"name":"acmecorp"}{"name":"other"}`,
		"another type":      `{"name":["acmecorp"]}`,
		"a key twice":       `{"name":"acmecorp","name":"other"}`,
		"a key twice below": `{"name":"acmecorp","x":[{"a":1,"b":{"c":1,"c":2}}]}`,
		"without a name":    `{"displayName":"Acme"}`,
		"null":              `null`,
	} {
		client, _ := startDouble(t, answer(200, body)).client(t)
		_, err := client.Space(t.Context())
		var response *ResponseError
		if !errors.As(err, &response) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAHugeAnswerIsNotKept(t *testing.T) {
	t.Parallel()
	_, err := readLimited(strings.NewReader(strings.Repeat("x", 1001)), 1000)
	var response *ResponseError
	if !errors.As(err, &response) {
		t.Errorf("got %v", err)
	}
	if body, err := readLimited(strings.NewReader(strings.Repeat("x", 1000)), 1000); err != nil || len(body) != 1000 {
		t.Errorf("an answer of the largest size: %d bytes, %v", len(body), err)
	}
}

func TestAnAnswerWithoutAnEndIsRefused(t *testing.T) {
	t.Parallel()
	client := virtualClient(t, func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(endless{})}, nil
	})
	_, err := client.Space(t.Context())
	var response *ResponseError
	if !errors.As(err, &response) || !strings.Contains(err.Error(), "over 64 MiB") {
		t.Errorf("got %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestAServerThatIsAwayIsAConnectionError(t *testing.T) {
	t.Parallel()
	d := startDouble(t, is())
	client, _ := d.client(t)
	d.Close()
	_, err := client.Space(t.Context())
	var away *ConnectionError
	if !errors.As(err, &away) || away.Sent || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("got %v", err)
	}
	if _, err := client.CreateToken(t.Context(), NewToken{}); !errors.As(err, &away) || away.Sent {
		t.Errorf("got %v", err)
	}
}

func TestAServerThatIsSilentIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		began := time.Now()
		_, err := client.Space(t.Context())
		var away *ConnectionError
		if !errors.As(err, &away) || time.Since(began) != 3*30*time.Second+1500*time.Millisecond {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestTextThatIsNoUTF8IsNotSent(t *testing.T) {
	t.Parallel()
	d := startDouble(t, is())
	client, _ := d.client(t)
	for name, n := range map[string]NewPetition{
		"reason": {Reason: "a\xffb"},
		"params": {Reason: "x", Params: map[string]any{"a": "\xc3"}},
	} {
		if _, err := client.CreatePetition(t.Context(), n); !errors.Is(err, ErrInvalid) || len(d.calls()) != 0 {
			t.Errorf("%s: %v after %d calls", name, err, len(d.calls()))
		}
	}
	if _, err := client.CreatePetition(t.Context(), NewPetition{Reason: `a \ufffd b`}); err != nil {
		t.Errorf("text about an escape is text: %v", err)
	}
}

func TestANameReachesNoOtherRoute(t *testing.T) {
	t.Parallel()
	d := startDouble(t, answer(200, `{"id":"x"}`))
	client, _ := d.client(t)
	for _, name := range []string{"", ".", "..", strings.Repeat("x", 1025)} {
		if _, err := client.Resource(t.Context(), name); !errors.Is(err, ErrInvalid) {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if _, err := client.Resource(t.Context(), "../tokens?x=1#y"); err != nil || d.calls()[0].path != "/v1/spaces/acmecorp/resources/..%2Ftokens%3Fx=1%23y" {
		t.Errorf("asked for %s, %v", d.calls()[0].path, err)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	cases := []struct {
		status int
		code   string
		want   error
	}{
		{400, "invalid", ErrInvalid}, {413, "invalid", ErrInvalid}, {422, "", ErrInvalid}, {401, "", ErrUnauthenticated},
		{403, "forbidden", ErrForbidden}, {404, "not_found", ErrNotFound}, {404, "", ErrNotFound}, {409, "conflict", ErrConflict},
		{410, "expired", ErrGone}, {429, "too_many", ErrTooMany}, {500, "internal", ErrInternal}, {503, "unavailable", ErrUnavailable},
		{502, "", ErrUnavailable},
	}
	for _, c := range cases {
		err := error(&Error{Status: c.status, Code: c.code, Message: "m"})
		if !errors.Is(err, c.want) {
			t.Errorf("%d %q is not %v", c.status, c.code, c.want)
		}
		for _, other := range cases {
			if other.want != c.want && errors.Is(err, other.want) {
				t.Errorf("%d %q is %v, too", c.status, c.code, other.want)
			}
		}
	}
}

func TestARefusalSaysFieldMessageAndStatus(t *testing.T) {
	t.Parallel()
	d := startDouble(t, answer(400, `{"code":"invalid","message":"is required\u001b[2J","field":"petition.reason"}`))
	client, _ := d.client(t)
	_, err := client.CreatePetition(t.Context(), NewPetition{})
	var refused *Error
	if !errors.As(err, &refused) || refused.Field != "petition.reason" || err.Error() != `petition.reason: is required\u001b[2J (400 invalid)` {
		t.Errorf("got %v", err)
	}
}

func TestEveryCallSaysWhoAndWhere(t *testing.T) {
	t.Parallel()
	d := startDouble(t, answer(200, `{"name":"acmecorp"}`))
	client, _ := d.client(t)
	if _, err := client.Space(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := d.calls()[0]
	if got.token != "Bearer "+testToken || got.header.Get("Indent-Space") != testSpace || !strings.HasPrefix(got.header.Get("User-Agent"), "indent-go/") {
		t.Errorf("got %+v", got.header)
	}
}
