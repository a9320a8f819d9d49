package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/indent-approvals/indent/internal/approval"
)

// harmless fails unless err is nil or a refusal that can be shown to people.
func harmless(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	p := problemOf(err, "id")
	if p.Status < 400 || p.Status >= 500 || !utf8.ValidString(p.Detail) || len(p.Detail) > 2000 || p.Code != approval.Invalid || p.Field == "" {
		t.Errorf("%+v", p)
	}
	for _, r := range p.Detail + p.Field {
		if !unicode.IsPrint(r) {
			t.Errorf("%q has %U", p.Detail, r)
		}
	}
}

func FuzzBody(f *testing.F) {
	var bodies []reflect.Type
	for _, rt := range routes() {
		if field, ok := bodyField(rt.endpoint.in); ok {
			bodies = append(bodies, field.Type)
			f.Add([]byte(operations[rt.id].request))
		}
	}
	for _, s := range []string{`{"petition":{"params":{"a":1,"a":2}}}`, `{"\ud800":1}`, "{\"a\xff\":1}", strings.Repeat(`[`, 40), `{"claim":{"meta":{"labels":{"a":"b","A":"c"}}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, typ := range bodies {
			read := reflect.New(typ)
			err := unmarshal(body, read.Interface())
			harmless(t, err)
			if err != nil {
				continue
			}
			if !jsontext.Value(body).IsValid() {
				t.Errorf("%q was taken for JSON as %s", body, typ)
			}
			written, err := json.Marshal(read.Interface())
			again := reflect.New(typ)
			if err == nil {
				err = unmarshal(written, again.Interface())
			}
			if err != nil || !cmp.Equal(again.Interface(), read.Interface(), sameBody) {
				t.Errorf("%q as %s is written as %q and read again as another (%v)", body, typ, written, err)
			}
		}
	})
}

// sameBody compares bodies by what they mean: an empty list is none, and JSON is compared in its canonical form.
var sameBody = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() != reflect.TypeFor[jsontext.Value]() }, cmpopts.EquateEmpty()),
	cmp.Comparer(func(a, b jsontext.Value) bool { return canonical(a) == canonical(b) }),
}

func canonical(v jsontext.Value) string {
	v = v.Clone()
	if v.Canonicalize() != nil || v.Kind() == 'n' {
		return ""
	}
	return string(v)
}

func FuzzDepth(f *testing.F) {
	f.Add([]byte(`{"a":["\"[[[",{}]}`))
	f.Add([]byte(strings.Repeat("[", 33)))
	f.Fuzz(func(t *testing.T, body []byte) {
		if !jsontext.Value(body).IsValid() {
			return
		}
		dec := jsontext.NewDecoder(strings.NewReader(string(body)))
		deep := false
		for {
			if _, err := dec.ReadToken(); err != nil {
				break
			}
			deep = deep || dec.StackDepth() > approval.MaxJSONDepth
		}
		if got := tooDeep(body); got != deep {
			t.Errorf("%q: too deep %v, want %v", body, got, deep)
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"wait=30s", "phase=open&pageSize=1", "since=2030-01-02T00:00:00Z", "full=true&full=false", "a;b", "=1", "%zz", "\u202e=1", "search=%FF"} {
		f.Add(s)
	}
	plans := map[reflect.Type]*plan{}
	for _, rt := range routes() {
		if rt.endpoint.plan != nil && len(rt.endpoint.plan.params) > 0 {
			plans[rt.endpoint.in] = rt.endpoint.plan
		}
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := &http.Request{URL: &url.URL{RawQuery: query}, Header: http.Header{"Last-Event-Id": {query}, "Idempotency-Key": {query}}}
		for in, plan := range plans {
			harmless(t, plan.fill(reflect.New(in).Elem(), r))
		}
	})
}

func FuzzCursorsAndSelectors(f *testing.F) {
	for _, s := range []string{"0.0", "1.2", "-1.2", "9223372036854775808.1", approval.PageKey{Number: 7, Text: "x"}.Token(), "env in (a,b),!c", "a=b", "((", "a notin ()"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := approval.ParseCursor("lastEventId", text)
		harmless(t, err)
		if again, err2 := approval.ParseCursor("lastEventId", c.String()); err == nil && (err2 != nil || again != c) {
			t.Errorf("%q: %v is not what it writes", text, c)
		}
		key, given, err := approval.ParsePageToken(text)
		harmless(t, err)
		if again, _, err2 := approval.ParsePageToken(key.Token()); err == nil && given && (err2 != nil || again != key) {
			t.Errorf("%q: %v is not what it writes", text, key)
		}
		_, err = approval.ParseSelector("labelSelector", text)
		harmless(t, err)
	})
}

func FuzzDurations(f *testing.F) {
	f.Add("3600s", "1h")
	f.Add("0.5s", "")
	f.Fuzz(func(t *testing.T, field, label string) {
		d, err := askedDuration(field, label)
		harmless(t, err)
		if err == nil && field != "" {
			if again, err := parseDuration("x", durationText(d)); err != nil || again != d {
				t.Errorf("%s is written as %s", d, durationText(d))
			}
		}
	})
}

// Any path and method below the roots gets an answer of the documented shape.
func FuzzPaths(f *testing.F) {
	for _, s := range []string{"spaces", "spaces/a:setPolicy", "spaces/a/resources:bulkUpdate", "spaces/a/:x", "spaces/a/resources%3AbulkUpdate", "%2F%2F", "spaces/a:b:c", ":", "a:/b"} {
		f.Add("GET", s)
		f.Add("POST", s)
	}
	a := &API{Deps: Deps{Service: approval.NewService(approval.Deps{Clock: fixedClock{}, IDs: fixedIDs{}, Broker: quietBroker{}})}}
	a, err := New(a.Deps)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		r, err := http.NewRequest(method, "http://x/v1/"+path, nil)
		if err != nil || strings.HasPrefix(path, "auth/") {
			return
		}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code == http.StatusTemporaryRedirect { // to the path without "//" and ".."
			return
		}
		if w.Code < 400 || w.Code >= 500 || w.Header().Get("Content-Type") != "application/problem+json" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
	})
}

// Whatever the headers of a caller: one well-formed bearer token reaches identity as it was sent, anything else nobody.
func FuzzAuthorization(f *testing.F) {
	for _, s := range []string{"Bearer abc", "bearer  abc ", "Basic YTpi", "Bearer", "Bearer a b", "Bearer \x00", "", strings.Repeat("x", 5000)} {
		f.Add(s, "acmecorp")
	}
	auth := &rememberingAuth{}
	a, err := New(Deps{Service: approval.NewService(approval.Deps{Clock: fixedClock{}, IDs: fixedIDs{}, Broker: quietBroker{}}), Auth: auth})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, authorization, space string) {
		auth.bearer = nil
		r := httptest.NewRequest(http.MethodGet, "/v1/spaces", nil)
		r.Header = http.Header{"Authorization": {authorization}, "Indent-Space": {space}}
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || !utf8.ValidString(w.Body.String()) {
			t.Errorf("%q: %d %s", authorization, w.Code, w.Body)
		}
		for _, bearer := range auth.bearer {
			scheme, rest, _ := strings.Cut(authorization, " ")
			if !strings.EqualFold(scheme, "Bearer") || bearer != strings.TrimSpace(rest) || bearer == "" || len(bearer) > maxBearer {
				t.Errorf("%q is taken for the token %q", authorization, bearer)
			}
		}
		if bearer := auth.bearer; len(bearer) > 0 && len(bearer[0]) > 8 && strings.Contains(w.Body.String(), bearer[0]) {
			t.Errorf("%q is repeated: %s", bearer, w.Body)
		}
	})
}

// rememberingAuth knows nobody.
type rememberingAuth struct{ bearer []string }

func (r *rememberingAuth) Authenticate(_ context.Context, bearer string) (approval.Actor, error) {
	r.bearer = append(r.bearer, bearer)
	return approval.Actor{}, approval.Errorf(approval.Unauthenticated, "the token is not one of this server's")
}
