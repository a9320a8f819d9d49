package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/indent-approvals/indent/internal/app/apptest"
)

// evil is what a server, or somebody whose words it passes on, could try on a terminal.
const evil = "\x1b[2J\x1b]0;owned\x07\rfake\n\u009b31m\u202edesrever\u2066\u200b\u2028\U000e0041\ufeff"

// asTheyAre are fields that a client compares or reads: with anything else in them no command gets to printing.
var asTheyAre = []string{"name", "space", "spaceName", "digest", "phase", "outcome", "decision", "status", "startTime", "endTime", "createTime", "updateTime", "expireTime",
	"timestamp", "defaultDuration", "nextPageToken", "event", "claim", "petition"}

// spoilt answers JSON with evil in every text that may have it, names of labels and params included.
func spoilt(v any, name string) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[key] = spoilt(value, key)
		}
		if name == "labels" || name == "params" {
			out["k"+evil] = "v" + evil
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = spoilt(v[i], name)
		}
		return out
	case string:
		if !slices.Contains(asTheyAre, name) {
			return v + evil
		}
	}
	return v
}

// evilServer answers the examples of the description, spoilt; what is called refused it refuses in the same manner.
func evilServer(t *testing.T) *httptest.Server {
	t.Helper()
	text, err := os.ReadFile("../../spec/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Example any }
			}
		}
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, item := range spec.Paths {
		if strings.Contains(path, ":") {
			continue
		}
		for method, op := range item {
			body, err := json.Marshal(spoilt(op.Responses["200"].Content["application/json"].Example, ""))
			if err != nil {
				t.Fatal(err)
			}
			mux.HandleFunc(strings.ToUpper(method)+" "+path, func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.Path+r.URL.RawQuery, "refused") {
					w.Header().Set("Content-Type", "application/problem+json")
					w.WriteHeader(http.StatusBadRequest)
					problem, _ := json.Marshal(map[string]any{"status": 400, "code": "invalid" + evil, "title": evil, "detail": evil, "message": "no" + evil, "field": "a" + evil})
					_, _ = w.Write(problem)
					return
				}
				w.Header().Set("Content-Type", "application/json")
				_, _ = w.Write(body)
			})
		}
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// Whatever a server says: no command writes anything to the terminal that would command it.
func TestNoCommandPassesOnWhatCommandsATerminal(t *testing.T) {
	t.Parallel()
	server := evilServer(t)
	testscript.Run(t, testscript.Params{
		Files: []string{filepath.Join("testdata", "hostile", "hostile.txtar")},
		Setup: func(env *testscript.Env) error {
			env.Setenv("INDENT_API_URL", server.URL)
			env.Setenv("INDENT_SPACE", apptest.Space)
			env.Setenv("INDENT_API_TOKEN", "ind_x")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"harmless": harmless},
	})
}

// harmless runs a command however it ends, and looks at what it wrote: it must have said something, all of it printable.
// With "says" in front, the text that follows must be in it: harmless says TEXT indent ...
func harmless(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: harmless [says TEXT] COMMAND...")
	}
	says := ""
	if args[0] == "says" {
		says, args = args[1], args[2:]
	}
	_ = ts.Exec(args[0], args[1:]...)
	written := ts.ReadFile("stdout") + ts.ReadFile("stderr")
	if strings.TrimSpace(written) == "" || !strings.Contains(written, says) {
		ts.Fatalf("%q wrote %q, not %q", args, written, says)
	}
	if i := strings.IndexFunc(written, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
		ts.Fatalf("%q wrote to the terminal: %q", args, written[max(i-80, 0):min(i+20, len(written))])
	}
	for line := range strings.Lines(written) {
		if strings.HasPrefix(line, "fake") || strings.HasPrefix(line, "owned") {
			ts.Fatalf("%q let a line be faked: %q", args, line)
		}
	}
}
