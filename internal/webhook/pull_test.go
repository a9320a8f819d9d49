package webhook

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// pull asks an endpoint for a page and answers what it was given.
func (e *endpoint) pull(t *testing.T, c approval.WebhookCall) (approval.WebhookAnswer, []approval.Resource, error) {
	t.Helper()
	c.ID, c.Kind = "msg_1", approval.WebhookPull
	var taken []approval.Resource
	answer, err := NewCaller(NewGuard(nil, true), e.clock, "indent/test").Pull(t.Context(), e.target(), c, func(r approval.Resource) error {
		taken = append(taken, r)
		return nil
	})
	return answer, taken, err
}

func TestAPageIsReadAsItComes(t *testing.T) {
	t.Parallel()
	reader := approval.Resource{ID: "reader", Kind: "role", Labels: map[string]string{"a": "b"}}
	for body, want := range map[string][]approval.Resource{
		`{"status":{"code":0},"resources":[{"id":"reader","kind":"role","labels":{"a":"b"},"other":[1,{"x":null}]}],"nextPageToken":"b"}`:                                  {reader},
		`{"nextPageToken":"b","resources":[{"id":"reader","kind":"role","labels":{"a":"b"}},{"id":"x","kind":"y"}],"more":{"a":[1]},"status":{"code":0,"message":"fine"}}`: {reader, {ID: "x", Kind: "y"}},
		`{"status":{"code":0},"resources":[],"nextPageToken":"b"}`:                                                                                                         nil,
		`{"status":{"code":0},"resources":null,"nextPageToken":"b"}`:                                                                                                       nil,
		" {\"status\":{\"code\":0},\"nextPageToken\":\"b\"}\n\t ":                                                                                                          nil,
		`{"status":{"code":0,"details":[{}]},"nextPageToken":"\u0062"}`:                                                                                                    nil,
	} {
		e := newEndpoint(t, answers(200, body))
		a, taken, err := e.pull(t, approval.WebhookCall{Kinds: []string{"role"}, Flags: map[string]string{"x": "y"}, PageToken: "t", MaxBytes: 1 << 20})
		if err != nil || a.Outcome != approval.WebhookDone || a.NextPage != "b" || a.Bytes != int64(len(body)) || a.Attempt.Status != 200 || a.Attempt.Answer != body {
			t.Errorf("%s: %+v, %v", body, a, err)
		}
		if !cmp.Equal(taken, want) {
			t.Errorf("%s: took %+v", body, taken)
		}
		if e.body != `{"kinds":["role"],"flags":{"x":"y"},"pageToken":"t"}` {
			t.Errorf("it was asked %s", e.body)
		}
	}
	e := newEndpoint(t, answers(200, `{"status":{"code":0}}`))
	if _, _, err := e.pull(t, approval.WebhookCall{Kinds: []string{"role"}, MaxBytes: 1 << 20}); err != nil || e.body != `{"kinds":["role"],"flags":{}}` {
		t.Errorf("the first page is asked for by %s, %v", e.body, err)
	}
}

// What is not a whole answer is none, whatever of it was good.
func TestHalfAPageIsNone(t *testing.T) {
	t.Parallel()
	good := `{"status":{"code":0},"resources":[{"id":"a","kind":"role"}`
	for body, says := range map[string]string{
		good:                                    "not JSON",
		good + `]`:                              "not JSON",
		good + `,]}`:                            "not JSON",
		good + `]}x`:                            "not JSON",
		good + `]}{}`:                           "cannot be read",
		good + `,7]}`:                           `"/resources/1"`,
		good + `],"status":{"code":0}}`:         "not JSON", // twice
		good + `,{"id":"a","id":"b"}]}`:         "not JSON",
		good + `,{"id":"` + "\xff" + `"}]}`:     "not JSON",
		`[]`:                                    "cannot be read",
		`"x"`:                                   "cannot be read",
		``:                                      "cannot be read",
		`<html>`:                                "not JSON",
		`{"status":{"code":0},"resources":{}}`:  "of another type",
		`{"status":{"code":0},"resources":"x"}`: "of another type",
		`{"status":{"code":"0"}}`:               "of another type",
		`{"resources":[]}`:                      "without a status",
		`{"status":null,"resources":[]}`:        "without a status",
		`{"status":{"code":0},"nextPageToken":7}`:                                   "of another type",
		`{"status":{"code":0},"nextPageToken":"a\nb"}`:                              "nextPageToken",
		`{"status":{"code":0},"nextPageToken":"` + strings.Repeat("x", 4001) + `"}`: "nextPageToken",
		`{"status":{"code":14,"message":"not now"}}`:                                "UNAVAILABLE",
		`{"status":{"code":99}}`:                                                    "google.rpc does not have",
		good + `],"x":"` + strings.Repeat("x", 3<<20) + `"}`:                        "more than 1048576 bytes",
		good + `,{"id":"` + strings.Repeat("x", 3<<20) + `"}]}`:                     "more than 1048576 bytes",
		good + `],"x":` + strings.Repeat("[", 20_000):                               "not JSON",
	} {
		e := newEndpoint(t, answers(200, body))
		a, _, err := e.pull(t, approval.WebhookCall{MaxBytes: 32 << 20})
		if err != nil || a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, says) || a.NextPage != "" {
			t.Errorf("%.100s: %s %s, %v", body, a.Outcome, a.Problem, err)
		}
	}
	e := newEndpoint(t, answers(200, good+`]}`+strings.Repeat(" ", 1000)))
	if a, _, _ := e.pull(t, approval.WebhookCall{MaxBytes: 1000}); a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, "more than 1000 bytes") {
		t.Errorf("too long: %+v", a)
	}
	broken := newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		fmt.Fprint(w, good)
	})
	if a, _, _ := broken.pull(t, approval.WebhookCall{MaxBytes: 1 << 20}); a.Outcome != approval.WebhookAgain || !strings.Contains(a.Problem, "breaks off") {
		t.Errorf("it breaks off: %+v", a)
	}
	for status, body := range map[int]string{500: `{"status":{"code":9,"message":"no"}}`, 410: "", 302: "", 204: ""} {
		e := newEndpoint(t, answers(status, body))
		if a, _, err := e.pull(t, approval.WebhookCall{MaxBytes: 1 << 20}); err != nil || a.Outcome == approval.WebhookDone || a.Problem == "" || a.Attempt.Status != status {
			t.Errorf("%d: %+v, %v", status, a, err)
		}
	}
}

func TestWhoTakesMayEndTheReading(t *testing.T) {
	t.Parallel()
	e := newEndpoint(t, answers(200, `{"status":{"code":0},"resources":[{"id":"a"},{"id":"b"}]}`))
	enough, many := errors.New("enough"), 0
	_, err := NewCaller(NewGuard(nil, true), e.clock, "indent/test").Pull(t.Context(), e.target(), approval.WebhookCall{ID: "1", Kind: approval.WebhookPull, MaxBytes: 1000}, func(approval.Resource) error {
		many++
		return enough
	})
	if !errors.Is(err, enough) || many != 1 {
		t.Errorf("%d taken, %v", many, err)
	}
	target := e.target()
	target.DryRun = true
	a, err := NewCaller(NewGuard(nil, true), e.clock, "indent/test").Pull(t.Context(), target, approval.WebhookCall{ID: "1", Kind: approval.WebhookPull}, nil)
	if err != nil || a.Outcome != approval.WebhookNotSent || e.asked.Load() != 1 {
		t.Errorf("a dry run: %+v, %v", a, err)
	}
}

// However much an endpoint lists, reading it takes no more memory than a part of it, and the record keeps its beginning without secrets.
func TestALongAnswerTakesLittleMemory(t *testing.T) {
	t.Parallel()
	const many = 100_000
	e := &endpoint{clock: approvaltest.NewClock()}
	entry := `{"id":"%d","kind":"role","displayName":"` + strings.Repeat("x", 200) + `"}`
	var sent atomic.Int64
	e.Server = newEndpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		out := &counted{w, &sent}
		fmt.Fprintf(out, `{"echo":%q,"resources":[`, credential)
		for i := range many {
			if i > 0 {
				io.WriteString(out, ",")
			}
			fmt.Fprintf(out, entry, i)
		}
		io.WriteString(out, `],"status":{"code":0}}`)
	}).Server
	var before, during runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	most, taken := uint64(0), 0
	a, err := NewCaller(NewGuard(nil, true), e.clock, "indent/test").Pull(t.Context(), e.target(), approval.WebhookCall{ID: "1", Kind: approval.WebhookPull, MaxBytes: 64 << 20}, func(r approval.Resource) error {
		if taken++; taken%20_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&during)
			most = max(most, during.HeapAlloc)
		}
		return nil
	})
	if err != nil || a.Outcome != approval.WebhookDone || taken != many || a.Bytes != sent.Load() || a.Bytes < 20<<20 {
		t.Fatalf("%d taken of %d bytes: %+v, %v", taken, a.Bytes, a.Problem, err)
	}
	// Other tests run beside this one: the answer alone has more than twenty times as much.
	if most > before.HeapAlloc+16<<20 {
		t.Errorf("reading %d bytes took %d of memory", a.Bytes, most-before.HeapAlloc)
	}
	if len(a.Attempt.Answer) > kept+8 || strings.Contains(a.Attempt.Answer, "pagerkey") || !strings.HasPrefix(a.Attempt.Answer, `{"echo":"[redacted]"`) || !strings.HasSuffix(a.Attempt.Answer, "…") {
		t.Errorf("the record has %d bytes: %.100s", len(a.Attempt.Answer), a.Attempt.Answer)
	}
}

type counted struct {
	io.Writer
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.n.Add(int64(n))
	return n, err
}

func FuzzPage(f *testing.F) {
	for _, body := range []string{`{"status":{"code":0},"resources":[{"id":"a","kind":"b"}],"nextPageToken":"c"}`, `{"resources":[{}],"status":{"code":14}}`, `{"status":{"code":0},"resources":[{"id":"a"`, `[`, `{"a":{"b":[1,2]},"status":{"code":0}}`} {
		f.Add([]byte(body))
	}
	now := time.Unix(1, 0)
	f.Fuzz(func(t *testing.T, body []byte) {
		var taken []approval.Resource
		s, err := readPage(&meter{from: strings.NewReader(string(body)), left: 1 << 20}, func(r approval.Resource) error {
			taken = append(taken, r)
			return nil
		})
		if err != nil {
			return
		}
		page := meaning(approval.WebhookPull, 200, http.Header{}, s, now)
		// Read at once or as it comes, it means the same.
		whole := readAnswer(approval.WebhookPull, 200, http.Header{}, body, now)
		for _, r := range taken {
			if page.Outcome == approval.WebhookDone && r.Check() != nil {
				return // whoever takes it refuses it
			}
		}
		if page.Outcome != whole.Outcome || page.NextPage != whole.NextPage || page.Outcome == approval.WebhookDone && len(taken) != len(whole.Resources) {
			t.Errorf("%q: %+v with %d resources, at once %+v", body, page, len(taken), whole)
		}
	})
}
