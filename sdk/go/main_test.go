package indent_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// devServer is a real server that the examples and cases share; its settings are in the environment.
var devServer *app.DevServer

func TestMain(m *testing.M) {
	code, err := withDevServer(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withDevServer(run func() int) (code int, err error) {
	folder, err := os.MkdirTemp("", "indent-sdk-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(folder)
	ctx := context.Background()
	if devServer, err = app.Dev(ctx, app.DevOptions{Addr: "127.0.0.1:0", DataDir: folder}); err != nil {
		return 1, err
	}
	for name, value := range map[string]string{"INDENT_API_URL": devServer.URL(), "INDENT_SPACE": app.DevSpace, "INDENT_API_TOKEN": devServer.AccountToken} {
		if err := os.Setenv(name, value); err != nil {
			return 1, err
		}
	}
	code = run()
	return code, devServer.Stop(ctx)
}

// settingsIn reads a file that the server wrote.
func settingsIn(t testing.TB, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return settingsOf(string(text))
}

func settingsOf(text string) map[string]string {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		values[name] = value
	}
	return values
}

// reviewer answers a client of the person who decides.
func reviewer() *indent.Client {
	text, err := os.ReadFile(devServer.ReviewerEnv)
	if err != nil {
		panic(err)
	}
	c, err := indent.New(indent.Options{Token: settingsOf(string(text))["INDENT_API_TOKEN"]})
	if err != nil {
		panic(err)
	}
	return c
}

func randomUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

type decision func(*indent.Client, context.Context, *indent.Petition, indent.ClaimOptions) (indent.Event, error)

// decideSoon is a reviewer elsewhere, who decides as soon as there is a petition for the reason.
func decideSoon(reason string, decide decision, why string) {
	c, ctx := reviewer(), context.Background()
	go func() {
		for e, err := range c.Follow(ctx, indent.FollowOptions{Event: indent.EventRequest, After: logStart}) {
			if err != nil {
				panic(err)
			}
			if e.Reason != reason {
				continue
			}
			if p, err := c.Petition(ctx, e.Petition()); err == nil && p.Phase() == indent.PhaseOpen {
				if _, err := decide(c, ctx, p, indent.ClaimOptions{Reason: why}); err != nil {
					panic(err)
				}
				return
			}
		}
	}()
}

// logStart is the place before a log's first event.
const logStart = "0.0"

// ask makes a petition.
func ask(reason string) *indent.Petition {
	c, err := indent.New(indent.Options{})
	if err != nil {
		panic(err)
	}
	p, err := c.CreatePetition(context.Background(), indent.NewPetition{Reason: reason, Resources: []indent.Resource{{Kind: "action", ID: "example"}}})
	if err != nil {
		panic(err)
	}
	return p
}
