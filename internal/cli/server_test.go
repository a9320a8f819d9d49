package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// running is a command that runs until it is stopped.
type running struct {
	out  *bufio.Reader
	err  *locked
	stop context.CancelFunc
	code chan int
}

// locked is a buffer that a command writes while the test reads.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	r := &running{out: bufio.NewReader(reader), err: &locked{}, stop: stop, code: make(chan int, 1)}
	go func() {
		t := &terminal{in: strings.NewReader(""), out: writer, err: r.err, version: "v1.2.3-test"}
		code := t.run(ctx, args)
		_ = writer.Close()
		r.code <- code
	}()
	t.Cleanup(stop)
	return r
}

func (r *running) line(t *testing.T) string {
	t.Helper()
	line, err := r.out.ReadString('\n')
	if err != nil {
		t.Fatalf("no line: %v\n%s", err, r.err)
	}
	return line
}

// end stops the command as Ctrl-C does and answers what else it printed.
func (r *running) end(t *testing.T, want int) string {
	t.Helper()
	r.stop()
	rest, err := io.ReadAll(r.out)
	if err != nil {
		t.Fatal(err)
	}
	if code := <-r.code; code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, r.err)
	}
	return string(rest)
}

func TestDevTellsProgramsWhatTheyNeed(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r := start(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json")
	var told struct{ URL, Space, SignInLink, DevEnv, ReviewerEnv, DataDir, Version string }
	if err := json.Unmarshal([]byte(r.line(t)), &told); err != nil {
		t.Fatal(err)
	}
	if told.Space != "acmecorp" || told.Version != "v1.2.3-test" || told.DataDir != folder || told.DevEnv != filepath.Join(folder, "dev.env") ||
		told.ReviewerEnv != filepath.Join(folder, "reviewer.env") || !strings.HasPrefix(told.SignInLink, told.URL+"/sign-in?link=") {
		t.Errorf("told %+v", told)
	}
	for _, file := range []string{told.DevEnv, told.ReviewerEnv} {
		c, err := indent.New(indent.Options{URL: told.URL, Space: told.Space, Token: tokenIn(t, file)})
		if err != nil {
			t.Fatal(err)
		}
		if space, err := c.Space(t.Context()); err != nil || space.Name != told.Space {
			t.Errorf("with %s: %v, %v", file, space, err)
		}
	}
	if rest := r.end(t, exitOK); rest != "" {
		t.Errorf("it printed more: %s", rest)
	}
}

func TestDevTellsPeopleWhatTheyNeed(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	r := start(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", folder)
	first := r.line(t)
	text := first + r.end(t, exitOK)
	want := `^Indent is ready at (http://127\.0\.0\.1:\d+)

Sign in, once, with this link:
  http://127\.0\.0\.1:\d+/sign-in\?link=[0-9A-Za-z_-]+

Clients need these lines in a \.env file \(they are in .*/dev\.env\):
  INDENT_API_URL=http://127\.0\.0\.1:\d+
  INDENT_SPACE=acmecorp
  INDENT_API_TOKEN=ind_[0-9A-Za-z]{38}

To decide in the shell, use those of .*/reviewer\.env\. Ctrl-C stops the server\.
$`
	if !regexp.MustCompile(want).MatchString(text) {
		t.Errorf("printed\n%s", text)
	}
	if log := r.err.String(); log != "" {
		t.Errorf("it talked: %s", log)
	}
}

func TestServeRunsWhatItsFileSays(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "indent.yaml")
	if err := os.WriteFile(file, []byte("addr: 127.0.0.1:0\ndatabase: "+filepath.Join(folder, "indent.db")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int, 1)
	go func() {
		terminal := &terminal{in: strings.NewReader(""), out: io.Discard, err: writer, version: "v1.2.3-test"}
		code <- terminal.run(ctx, []string{"serve", "--config", file, "--log-format", "json"})
		_ = writer.Close()
	}()
	var entry struct{ Msg, URL, Version string }
	if err := json.NewDecoder(reader).Decode(&entry); err != nil || !strings.HasPrefix(entry.URL, "http://127.0.0.1:") || entry.Version != "v1.2.3-test" {
		t.Errorf("the first entry of the log is %+v, %v", entry, err)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	stop()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
}

func TestEventsAreFollowedAsTheyHappen(t *testing.T) {
	t.Parallel()
	dev := start(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", filepath.Join(t.TempDir(), "data"), "--json")
	var told struct{ URL, Space, DevEnv string }
	if err := json.Unmarshal([]byte(dev.line(t)), &told); err != nil {
		t.Fatal(err)
	}
	c, err := indent.New(indent.Options{URL: told.URL, Space: told.Space, Token: tokenIn(t, told.DevEnv)})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	terminal := &terminal{out: &out, err: io.Discard, json: true}
	ctx, stop := context.WithCancel(t.Context())
	made, err := c.CreatePetition(t.Context(), indent.NewPetition{Reason: "followed", Resources: []indent.Resource{{Kind: "action", ID: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	terminal.out = writerFunc(func(p []byte) (int, error) { stop(); return out.Write(p) })
	if err := terminal.follow(ctx, c, indent.FollowOptions{Petition: made.Name, After: "0.0"}); err != nil {
		t.Errorf("a user who stops it is told of an error: %v", err)
	}
	var event indent.Event
	if err := json.Unmarshal(out.Bytes(), &event); err != nil || event.Reason != "followed" || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("printed %q, %v", out.String(), err)
	}
	dev.end(t, exitOK)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func tokenIn(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(string(text), "INDENT_API_TOKEN=")
	return strings.TrimSpace(token)
}

func TestExitCodesAreAnAPI(t *testing.T) {
	t.Parallel()
	p := &indent.Petition{}
	for want, errs := range map[int][]error{
		0:   {nil},
		1:   {errors.New("x"), &indent.Error{Status: 409, Code: "conflict"}, &indent.Error{Status: 404}, &indent.Error{Status: 500}, &indent.ResponseError{}, &indent.ConfigError{Name: "INDENT_API_URL"}, &indent.ConfigError{Name: "INDENT_SPACE", Missing: true}},
		4:   {&indent.Error{Status: 401, Code: "unauthenticated"}, &indent.ConfigError{Name: "INDENT_API_TOKEN", Missing: true}, &indent.UnavailableError{Err: &indent.Error{Status: 401}}, &indent.ConfigError{Name: "INDENT_API_TOKEN"}, notSignedIn{"x"}},
		10:  {&indent.DeniedError{Petition: p}, &indent.DeniedError{Petition: p, Revoked: true}, &indent.WithdrawnError{Petition: p}, said(&indent.DeniedError{Petition: p})},
		11:  {&indent.ExpiredError{Petition: p}},
		12:  {&indent.TimeoutError{Petition: p}, &indent.TimeoutError{Petition: p, Err: context.Canceled}},
		13:  {&indent.ConnectionError{Err: io.EOF}, &indent.Error{Status: 503, Code: "unavailable"}, &indent.UnavailableError{Err: &indent.ConnectionError{Err: io.EOF}}, &indent.TimeoutError{Petition: p, Err: &indent.ConnectionError{Err: io.EOF}}},
		130: {context.Canceled, interrupted{"x"}, &indent.ConnectionError{Err: context.Canceled}, &indent.UnavailableError{Err: context.Canceled}},
	} {
		for _, err := range errs {
			if got := exitCode(err); got != want {
				t.Errorf("%T: exit code %d, want %d", err, got, want)
			}
			if err != nil && exitCode(fmt.Errorf("wrapped: %w", err)) != want {
				t.Errorf("%T wrapped: not %d", err, want)
			}
		}
	}
}
