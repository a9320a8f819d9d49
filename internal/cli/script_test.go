package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
	indent "github.com/indent-approvals/indent/sdk/go"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"indent": func() { unset(); os.Exit(Main("v1.2.3-test")) }, "browser": browser})
}

// unset takes the variables away whose value is UNSET: a script can only make them empty, which is something else.
func unset() {
	for _, pair := range os.Environ() {
		if name, ok := strings.CutSuffix(pair, "=UNSET"); ok {
			_ = os.Unsetenv(name)
		}
	}
}

// Each script is a user at a shell, with a server of its own. It runs as the service account quickstart; `as reviewer` and
// `as owner` make it somebody else.
func TestScripts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			server := apptest.Start(t, apptest.Options{Policy: policy.Dev()})
			endpoint := httptest.NewServer(&indent.WebhookHandler{Name: "the tests' own", Verifier: indent.WebhookVerifier{Secrets: []string{"a-secret-of-the-tests"}},
				Apply: func(context.Context, indent.WebhookUpdate) error {
					return &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "no such role"}
				}})
			t.Cleanup(endpoint.Close)
			tokens := map[string]string{
				"quickstart": server.ServiceToken(t, "quickstart", approval.PetitionAdmin),
				"reviewer":   server.Token(t, apptest.Editor),
				"owner":      server.Token(t, apptest.Owner),
				"viewer":     server.Token(t, apptest.Viewer),
			}
			testscript.Run(t, testscript.Params{
				Files:              []string{file},
				UpdateScripts:      os.Getenv("UPDATE_SCRIPTS") != "",
				RequireUniqueNames: true,
				Setup: func(env *testscript.Env) error {
					env.Setenv("INDENT_API_URL", server.URL())
					env.Setenv("TAKEN", strings.TrimPrefix(server.URL(), "http://"))
					env.Setenv("INDENT_SPACE", apptest.Space)
					env.Setenv("INDENT_API_TOKEN", tokens["quickstart"])
					env.Setenv("REVIEWER_TOKEN", tokens["reviewer"])
					env.Setenv("NO_COLOR", "1")
					env.Setenv("ENDPOINT", endpoint.URL)
					env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "config"))
					env.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
					env.Setenv("XDG_RUNTIME_DIR", "")
					env.Setenv("RLO", "\u202e")
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					"exits":    exits,
					"capture":  capture,
					"as":       as(tokens),
					"signedin": signedIn(t.Context(), server),
					"opened":   opened(t.Context(), server),
					"dotenv":   dotenv,
					"link":     link(t.Context(), server),
					"answers":  answers(t.Context(), server),
					"suspends": suspends(t.Context(), server),
					"stale":    stale,
					"prints":   prints,

					"applies": applies(t.Context(), server), "tried": tried(t.Context(), server), "capturename": capturename,
				},
			})
		})
	}
}

// exits runs a command that must end with a code: exits 10 indent petition wait $NAME.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// capture puts what the last command printed into a variable: capture NAME.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: capture VARIABLE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile("stdout")))
}

// as makes the script somebody else: as reviewer.
func as(tokens map[string]string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 || tokens[args[0]] == "" {
			ts.Fatalf("usage: as quickstart|reviewer|owner|viewer")
		}
		ts.Setenv("INDENT_API_TOKEN", tokens[args[0]])
	}
}

// signedIn makes the script a program that a member has let in: signedin editor@acmecorp.example.
func signedIn(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: signedin MEMBER")
		}
		token, err := server.SignedIn(ctx, args[0])
		ts.Check(err)
		ts.Setenv("INDENT_API_TOKEN", token)
	}
}

// opened waits until a command in the background has made a petition for the reason, and puts its name into a variable:
// opened NAME 'to recover account'.
func opened(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 2 {
			ts.Fatalf("usage: opened VARIABLE REASON")
		}
		c, err := indent.New(indent.Options{URL: server.URL(), Space: apptest.Space, Token: ts.Getenv("INDENT_API_TOKEN")})
		ts.Check(err)
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for range 1000 {
			for p, err := range c.Petitions(ctx, indent.PetitionQuery{Phases: []indent.Phase{indent.PhaseOpen}}) {
				ts.Check(err)
				if p.Reason == args[1] {
					ts.Setenv(args[0], p.Name)
					return
				}
			}
			<-ticks.C
		}
		ts.Check(fmt.Errorf("no petition was opened for %q", args[1]))
	}
}

// dotenv writes a .env file with a token: dotenv FILE TOKEN.
func dotenv(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: dotenv FILE TOKEN")
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("# made by hand\nexport INDENT_API_TOKEN='"+args[1]+"'\n"), 0o600))
}

// prints waits until a command in the background has written to a file what fits: prints FILE REGEXP.
func prints(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: prints FILE REGEXP")
	}
	want := regexp.MustCompile(args[1])
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for range 1000 {
		if written, _ := os.ReadFile(ts.MkAbs(args[0])); want.Match(written) {
			return
		}
		<-ticks.C
	}
	ts.Fatalf("%s has nothing like %s: %s", args[0], args[1], ts.ReadFile(args[0]))
}
