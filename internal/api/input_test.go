package api

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// withBody answers the routes that take a body, each with a valid one and where to send it.
func (h *house) withBody() map[string]func(body any, headers ...string) answer {
	h.identity.Operators = []string{theOwner} // whose bodies are read wherever they go
	out := map[string]func(any, ...string) answer{}
	for _, rt := range routes() {
		if _, has := bodyField(rt.endpoint.in); !has {
			continue
		}
		call := cell{path: rt.path}
		if e, listed := expectations[rt.id]; listed {
			call = e.prepare(h, h.actor(theOwner))
		}
		_, own := call.split()
		out[rt.id] = func(body any, headers ...string) answer {
			return h.do(theOwner, rt.method, call.path, body, append(slices.Clone(own), headers...)...)
		}
	}
	return out
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for id, send := range h.withBody() {
		valid := operations[id].request
		first := firstName(t, valid)
		cases := []struct {
			name, body string
			status     int
			field      string
		}{
			{"not JSON", "reason=x", 400, "body"},
			{"an array", "[]", 400, "body"},
			{"text", `"x"`, 400, "body"},
			{"two values", valid + valid, 400, "body"},
			{"an unknown member", `{"surprise":1,` + valid[1:], 400, "surprise"},
			{"an unknown member with a hostile name", "{\"a\u202eb\u0001c\":1," + valid[1:], 400, ""},
			{"a member in other case", strings.Replace(valid, first, strings.ToUpper(first), 1), 400, strings.ToUpper(first)},
			{"a member twice", `{"` + first + `":null,` + valid[1:], 400, first},
			{"a member twice, escaped", fmt.Sprintf(`{"\u%04x%s":null,`, first[0], first[1:]) + valid[1:], 400, first},
			{"33 deep", `{"` + first + `":` + deep(32) + `}`, 400, ""},
			{"10,000 deep", `{"` + first + `":` + deep(10_000) + `}`, 400, ""},
			{"10,000 deep and never closed", `{"` + first + `":` + strings.Repeat(`{"a":`, 10_000), 400, ""},
			{"1 MiB and one byte", valid + strings.Repeat(" ", approval.MaxBodyBytes+1-len(valid)), 413, "body"},
			{"a raw NUL", "{\"" + first + "\x00\":1}", 400, ""},
			{"a lone surrogate", `{"` + first + `\ud800":1}`, 400, ""},
			{"invalid UTF-8", "{\"" + first + "\xff\":1}", 400, ""},
			{"an overlong encoding", "{\"" + first + "\xc0\x80\":1}", 400, ""},
		}
		for _, c := range cases {
			t.Run(id+"/"+c.name, func(t *testing.T) {
				a := send(c.body)
				a.TB = t
				p := a.refused(c.status, approval.Invalid, fieldOr(a, c.field))
				if p.Field == "" || strings.ContainsAny(p.Field+p.Detail, "\u202e\u0001") {
					t.Errorf("the field must be named, and harmlessly: %q: %q", p.Field, p.Detail)
				}
			})
		}
		for _, header := range [][]string{{"Content-Type", "text/plain"}, {"Content-Type", "application/x-www-form-urlencoded"},
			{"Content-Type", "application/json; charset=utf-16"}, {"Content-Type", ";;"}, {"Content-Encoding", "gzip"}} {
			send(valid, header...).refused(400, approval.Invalid, header[0])
		}
	}
}

// fieldOr answers the field that is wanted, or the one that the answer has when any will do.
func fieldOr(a answer, want string) string {
	if want != "" {
		return want
	}
	var p problem
	_ = json.Unmarshal([]byte(a.body), &p)
	return p.Field
}

func firstName(t *testing.T, body string) string {
	t.Helper()
	_, rest, _ := strings.Cut(body, `"`)
	name, _, found := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("%s has no member", body)
	}
	return name
}

// Whatever is cut off, and whatever stands where another type is expected, is refused and never a failure inside.
func TestMangledBodiesNeverFailInside(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.broker.Close() // nobody waits for a pull that nothing does here
	for id, send := range h.withBody() {
		valid := operations[id].request
		for n := range len(valid) {
			if a := send(valid[:n]); a.status >= 500 || a.status == 200 && !(n == 0 && strings.HasSuffix(id, "Token")) {
				t.Errorf("%s: the first %d bytes: %d %s", id, n, a.status, a.body)
			}
		}
		for _, other := range []string{`null`, `{}`, `[]`, `[null]`, `true`, `-1.5e300`, `""`, `{"a":{"b":[]}}`} {
			for body := range leavesReplaced(t, valid, func(any) any { return json.RawMessage(other) }) {
				if a := send(body); a.status >= 500 {
					t.Errorf("%s: %s: %d %s", id, body, a.status, a.body)
				}
			}
		}
	}
}

// leavesReplaced answers one body for each leaf of a JSON text, with that leaf replaced, and whether that changed it.
func leavesReplaced(t *testing.T, text string, replace func(any) any) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for n := 0; ; n++ {
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			t.Fatal(err)
		}
		before, _ := json.Marshal(value)
		left := n
		value = replaceLeaf(value, &left, replace)
		if left >= 0 {
			return out
		}
		after, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out[string(after)] = string(before) != string(after)
	}
}

func replaceLeaf(v any, left *int, replace func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sortedNames(v) {
			v[k] = replaceLeaf(v[k], left, replace)
		}
		return v
	case []any:
		for i := range v {
			v[i] = replaceLeaf(v[i], left, replace)
		}
		return v
	}
	*left--
	if *left == -1 {
		return replace(v)
	}
	return v
}

func sortedNames(m map[string]any) []string {
	names := make([]string, 0, len(m))
	for k := range m {
		names = append(names, k)
	}
	slices.Sort(names)
	return names
}

// Each documented limit, at it and beyond it.
func TestLimitsOfAPetition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := func(n int) string { return strings.Repeat("ö", n) }
	many := func(n int, one string) string { return "[" + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + "]" }
	labels := func(n int) string {
		var out []string
		for i := range n {
			out = append(out, fmt.Sprintf(`"k%d":"v"`, i))
		}
		return "{" + strings.Join(out, ",") + "}"
	}
	cases := []struct {
		field, fits, tooMuch string
	}{
		{"petition.reason", `"reason":"` + long(4000) + `"`, `"reason":"` + long(4001) + `"`},
		{"petition.resources", `"resources":` + many(100, `{"id":"x"}`), `"resources":` + many(101, `{"id":"x"}`)},
		{"petition.petitioners", `"petitioners":` + many(20, `{"id":"x"}`), `"petitioners":` + many(21, `{"id":"x"}`)},
		{"petition.resources[0].id", `"resources":[{"id":"` + long(1024) + `"}]`, `"resources":[{"id":"` + long(1025) + `"}]`},
		{"petition.resources[0].displayName", `"resources":[{"displayName":"` + long(500) + `"}]`, `"resources":[{"displayName":"` + long(501) + `"}]`},
		{"petition.resources[0].kind", `"resources":[{"id":"x","kind":"` + long(200) + `"}]`, `"resources":[{"id":"x","kind":"` + long(201) + `"}]`},
		{"petition.resources[0].email", `"resources":[{"email":"` + long(320) + `"}]`, `"resources":[{"email":"` + long(321) + `"}]`},
		{"petition.resources[0].altIds", `"resources":[{"id":"x","altIds":` + many(32, `"a"`) + `}]`, `"resources":[{"id":"x","altIds":` + many(33, `"a"`) + `}]`},
		{"petition.resources[0].labels", `"resources":[{"id":"x","labels":` + labels(64) + `}]`, `"resources":[{"id":"x","labels":` + labels(65) + `}]`},
		{"petition.meta.labels", `"meta":{"labels":` + labels(64) + `}`, `"meta":{"labels":` + labels(65) + `}`},
		{"petition.meta.labels.k", `"meta":{"labels":{"k":"` + long(1000) + `"}}`, `"meta":{"labels":{"k":"` + long(1001) + `"}}`},
		{"petition.meta.labels (a key)", `"meta":{"labels":{"` + long(200) + `":""}}`, `"meta":{"labels":{"` + long(201) + `":""}}`},
		{"petition.meta.displayName", `"meta":{"displayName":"` + long(500) + `"}`, `"meta":{"displayName":"` + long(501) + `"}`},
		{"petition.params", `"params":{"a":"` + strings.Repeat("x", 65528) + `"}`, `"params":{"a":"` + strings.Repeat("x", 65529) + `"}`},
		{"petition.params/n", `"params":{"n":9007199254740991}`, `"params":{"n":9007199254740992}`},
		{"petition.params", `"params":{}`, `"params":[]`},
		{"petition.defaultDuration", `"defaultDuration":"315360000s"`, `"defaultDuration":"315360001s"`},
		{"petition.defaultDuration", `"defaultDuration":"0.5s"`, `"defaultDuration":"0s"`},
		{"petition.defaultDuration", `"defaultDuration":"1.000001s"`, `"defaultDuration":"1.0000001s"`},
		{"petition.defaultDuration", `"defaultDuration":"60s"`, `"defaultDuration":"1m"`},
		{"petition.meta.labels.indent.com/petition/duration", `"meta":{"labels":{"indent.com/petition/duration":"1h"}}`, `"meta":{"labels":{"indent.com/petition/duration":"1"}}`},
		{"petition.meta.labels.indent.com/petition/duration", `"defaultDuration":"3600s","meta":{"labels":{"indent.com/petition/duration":"1h"}}`,
			`"defaultDuration":"60s","meta":{"labels":{"indent.com/petition/duration":"1h"}}`},
	}
	defaults := []string{`"reason":"why"`, `"resources":[{"id":"x"}]`}
	body := func(part string) string {
		for _, d := range defaults {
			if name, _, _ := strings.Cut(d, ":"); !strings.Contains(part, name+`:`) {
				part += "," + d
			}
		}
		return `{"petition":{` + part + `}}`
	}
	for _, c := range cases {
		if a := h.do(theOwner, post, inSpace+"/petitions", body(c.fits)); a.status != 200 {
			t.Errorf("%.80s: %d %s", c.fits, a.status, a.body)
		}
		h.do(theOwner, post, inSpace+"/petitions", body(c.tooMuch)).refused(400, approval.Invalid, c.field)
	}
}

func TestBadQueries(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cases := map[string]string{ // query -> field
		"petitions?phases=open":                        "phases",
		"petitions?Phase=open":                         "Phase",
		"petitions?phase=opened":                       "phase",
		"petitions?phase=open&phase=closed":            "phase",
		"petitions?pageSize=0":                         "pageSize",
		"petitions?pageSize=201":                       "pageSize",
		"petitions?pageSize=ten":                       "pageSize",
		"petitions?pageSize=9999999999999999":          "pageSize",
		"petitions?pageToken=!":                        "pageToken",
		"petitions?pageToken=AAAA":                     "pageToken",
		"petitions?full=yes":                           "full",
		"petitions?ascending=1":                        "ascending",
		"petitions?reviewer=you":                       "reviewer",
		"petitions?labelSelector=a+b+c":                "labelSelector",
		"petitions?labelSelector=%00":                  "labelSelector",
		"petitions?search=" + strings.Repeat("x", 201): "search",
		"petitions?search=%E2%80%AE":                   "search",
		"petitions?search=%FF":                         "search",
		"petitions?search=!!":                          "search",
		"petitions?%E2%80%AE=1":                        `\u202e`,
		"petitions?a;b":                                "query",
		"petitions?a=%zz":                              "query",
		"resources?view=all":                           "view",
		"events?since=yesterday":                       "since",
		"events?until=2030-01-01":                      "until",
		"events?actor=%00":                             "actor",
		"events?since=2030-01-02T00:00:00Z&until=2030-01-02T00:00:00Z": "until",
		"tokens?pageToken=x":             "pageToken",
		"tokens?view=x":                  "view",
		"serviceAccounts?pageToken=x":    "pageToken",
		"petitions/x/claims?pageToken=x": "pageToken",
		"petitions/x?wait=61s":           "wait",
	}
	for query, field := range cases {
		h.do(theOwner, get, inSpace+"/"+query, nil).refused(400, approval.Invalid, field)
	}
	for _, fine := range []string{"petitions?phase=&search=&labelSelector=&full=&ascending=false&pageSize=&pageToken=", "tokens?pageSize=50&pageToken=",
		"resources?labelSelector=&view=requestable%3Amodal&pageSize=200&pageToken=", "petitions?phase=open,%20closed"} {
		h.do(theOwner, get, inSpace+"/"+fine, nil).ok(nil)
	}
}

func TestBadCallers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token(theViewer)
	for _, header := range []string{"", "Basic eDp5", "Bearer", "Bearer ", token, "Token " + token, "Bearer " + strings.Repeat("x", 5000), "Bearer a b", "Bearer \xff"} {
		a := h.with("", get, inSpace, nil, "Authorization", header)
		a.refused(401, approval.Unauthenticated, "")
		if got := a.header.Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") || strings.Contains(got, "error") != (header != "") {
			t.Errorf("%.20q: WWW-Authenticate %q", header, got)
		}
	}
	h.with(token, get, inSpace, nil, "Authorization", "Bearer "+token).refused(401, approval.Unauthenticated, "")
	h.with("", get, inSpace, nil, "Authorization", "bearer  "+token).ok(nil)

	h.with(token, get, inSpace, nil, "Indent-Space", "acmecorp").ok(nil)
	h.with(token, get, "/v1/spaces", nil, "Indent-Space", "acmecorp").ok(nil)
	h.with(token, get, inSpace, nil, "Indent-Space", "other").refused(400, approval.Invalid, "Indent-Space")
	h.with(token, get, "/v1/spaces", nil, "Indent-Space", "other").refused(400, approval.Invalid, "Indent-Space")
	h.with(token, get, inSpace, nil, "Indent-Space", "acmecorp", "Indent-Space", "b").refused(400, approval.Invalid, "Indent-Space")
	for _, elsewhere := range []string{"/v1/spaces/othercorp", "/v1/spaces/none", "/v1/spaces/ACMECORP", "/v1/spaces/a%00b", "/v1/spaces/a%2Fb/petitions"} {
		h.with(token, get, elsewhere, nil).refused(404, approval.NotFound, "")
	}
	if refused := h.events(approval.EventRefused); len(refused) != 5 || refused[0].Actor.ID != theViewer || !strings.Contains(refused[0].Reason, "othercorp") {
		t.Errorf("the attempts are not in the log of the caller's own space: %+v", refused)
	}
}

// spaces is white space without end.
type spaces struct{}

func (spaces) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// A body that stops half-way, or never does, is the client's to mend.
func TestABodyThatEndsEarlyOrNever(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	half, full := io.Pipe()
	r := h.request(t.Context(), h.token(theViewer), post, inSpace+"/petitions", half)
	go func() {
		_, _ = io.WriteString(full, `{"petition":`)
		full.Close()
	}()
	h.send(r).refused(400, approval.Invalid, "petition")
	endless := io.LimitReader(spaces{}, 4<<20) // its length is not announced
	h.do(theViewer, post, inSpace+"/petitions", endless).refused(413, approval.Invalid, "body")
	h.do(theViewer, post, inSpace+"/petitions", nil).refused(400, approval.Invalid, "body")
	h.do(theViewer, post, inSpace+"/petitions", " \n ").refused(400, approval.Invalid, "body")
}
