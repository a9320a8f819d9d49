package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Whatever is asked for, however it is written, is answered by whom the server's own routes name.
func TestPastTheMuxIsTheSame(t *testing.T) {
	t.Parallel()
	rest, mux := http.NewServeMux(), http.NewServeMux()
	rest.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "rest "+r.URL.Path) })
	mux.Handle("/v1/", rest)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "page "+r.URL.Path) })
	past := pastTheMux(rest, mux)
	for _, target := range []string{
		"/", "/v1", "/v1/", "/v1/spaces", "/v1/spaces/", "/v1/spaces/acmecorp/petitions?wait=1s", "/v1//spaces", "//v1/spaces", "/v1/./spaces",
		"/v1/../", "/v1/../v1/spaces", "/v1/spaces/..", "/v1%2Fspaces", "/v1/%2e%2e/spaces", "/v1/a%2Fb", "/v1/a%2F%2Fb", "/v1/a%20b", "/v1/ä", "/v2/spaces",
		"/V1/spaces", "/v1/spaces/acmecorp:setPolicy", "/v1/spaces%3Averb", "/access/acmecorp", "http://other.example/v1/spaces", "*",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodConnect, http.MethodOptions} {
			want, got := httptest.NewRecorder(), httptest.NewRecorder()
			mux.ServeHTTP(want, httptest.NewRequestWithContext(t.Context(), method, target, nil))
			past.ServeHTTP(got, httptest.NewRequestWithContext(t.Context(), method, target, nil))
			if got.Code != want.Code || got.Body.String() != want.Body.String() || got.Header().Get("Location") != want.Header().Get("Location") {
				t.Errorf("%s %s: got %d %q to %q, want %d %q to %q", method, target, got.Code, got.Body, got.Header().Get("Location"), want.Code, want.Body, want.Header().Get("Location"))
			}
		}
	}
}
