package api

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var live health
	h.do("", get, "/healthz", nil).ok(&live)
	if live.Status != "ok" || live.Version != "test" {
		t.Errorf("%+v", live)
	}
	h.do("", get, "/readyz", nil).ok(nil)
	h.api.Ready = func(context.Context) error { return errors.New("canary: disk full") }
	h.do("", get, "/healthz", nil).ok(nil)
	a := h.do("", get, "/readyz", nil)
	a.refused(http.StatusServiceUnavailable, approval.Unavailable, "")
	if a.header.Get("Retry-After") == "" || strings.Contains(a.body, "canary") || !strings.Contains(h.logs.String(), "canary: disk full") {
		t.Errorf("%v %s", a.header, a.body)
	}
}

func TestMetricsCountWithoutLabelsOfClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	h.do("", "CANARY", "/v1/spaces", nil)
	h.do("", get, "/v1/canary", nil)
	h.do(theViewer, get, inSpace+"/petitions/canary?canary=1", nil)
	h.do("", get, "/v1/spaces/canary", nil)
	figures := h.do("", get, "/metrics", nil).ok(nil).body
	for _, want := range []string{
		`indent_api_claims_total{claim="access/approve"} 1`,
		`indent_api_petitions_total{phase="open"} 1`,
		`indent_api_requests_total{method="POST",route="/v1/spaces/{space}/petitions",status="200"} 1`,
		`indent_api_requests_total{method="GET",route="/v1/spaces/{space}",status="401"} 1`,
		`indent_api_requests_total{method="other",route="other",status="404"} 1`,
		`indent_api_requests_total{method="other",route="other",status="405"} 1`,
		`indent_api_request_duration_seconds_count{method="POST",route="/v1/spaces/{space}/petitions/{name}/claims"} 1`,
		"indent_api_waiters 0", "indent_api_event_streams 0",
	} {
		if !strings.Contains(figures, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if strings.Contains(strings.ToLower(figures), "canary") || strings.Contains(figures, p.Name) || strings.Contains(figures, "acmecorp") {
		t.Error("a label came from a client")
	}
}

func TestSecretsAreInNoLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tokens := []string{h.token(theViewer), h.serviceToken()}
	for _, token := range tokens {
		h.with(token, get, inSpace+"/petitions?canary="+token, nil)
		h.with(token, get, "/v1/spaces/othercorp", nil)
		h.with(token+"x", get, inSpace, nil)
		h.do("", post, "/v1/auth/token", map[string]string{"grantType": "refresh_token", "refreshToken": token})
	}
	h.must(h.service.Store.Ping(t.Context()))
	for _, token := range tokens {
		if strings.Contains(h.logs.String(), token) {
			t.Errorf("the log has a token")
		}
		for _, e := range h.events("") {
			if raw, _ := json.Marshal(e); strings.Contains(string(raw), token) {
				t.Errorf("the audit log has a token: %s", raw)
			}
		}
	}
}

func TestTheDocumentationIsAWholePage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.do("", get, "/docs", nil).ok(nil)
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Error(got)
	}
	if got := a.header.Get("Content-Security-Policy"); !strings.Contains(got, "default-src 'none'") || strings.Contains(got, "unsafe") || !strings.Contains(got, "frame-ancestors 'none'") {
		t.Error(got)
	}
	for _, rt := range routes() {
		for _, part := range []string{`id="` + rt.id + `"`, html.EscapeString(rt.summary), "<code>" + rt.path + "</code>"} {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s is not on the page: %s", rt.id, part)
			}
		}
	}
	for _, banned := range []string{"<script", "style=", `="http`, "url(", " onclick", "ZgotmplZ"} {
		if strings.Contains(a.body, banned) {
			t.Errorf("the page has %q", banned)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		if ids[m[1]] {
			t.Errorf("id %s is there twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(a.body, -1) {
		if !ids[m[1]] {
			t.Errorf("link to #%s leads nowhere", m[1])
		}
	}
	if style := h.do("", get, "/docs/style.css", nil).ok(nil); style.header.Get("Content-Type") != "text/css; charset=utf-8" || strings.Contains(style.body, "url(") {
		t.Error("the style sheet is not its own")
	}
}

func TestTheDescriptionIsServed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want, err := OpenAPI()
	h.must(err)
	if a := h.do("", get, "/openapi.json", nil).ok(nil); a.body != string(want) || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%.80s", a.body)
	}
	if a := h.do("", http.MethodHead, "/openapi.json", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}
