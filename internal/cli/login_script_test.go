package cli

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// browser is what BROWSER names in scripts: somebody who signs in with $SIGN_IN_LINK, looks at the page that was opened and
// presses the button $PRESS.
func browser() {
	if err := browse(os.Args[1], os.Getenv("SIGN_IN_LINK"), os.Getenv("PRESS")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func browse(address, link, press string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	signIn, err := url.Parse(link)
	if err != nil {
		return err
	}
	base := signIn.Scheme + "://" + signIn.Host
	if _, err := fetched(c.PostForm(base+"/sign-in", url.Values{"link": {signIn.Query().Get("link")}})); err != nil {
		return err
	}
	page, err := fetched(c.Get(address))
	if err != nil {
		return err
	}
	form := url.Values{"answer": {press}}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	_, err = fetched(c.PostForm(base+"/authorize", form))
	return err
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

func fetched(res *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %d %s", res.Request.URL, res.StatusCode, body)
	}
	return string(body), err
}

// link puts a one-time sign-in link into $SIGN_IN_LINK: link owner@acmecorp.example.
func link(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: link ADDRESS")
		}
		made, err := server.Link(ctx, apptest.Space, args[0])
		ts.Check(err)
		ts.Setenv("SIGN_IN_LINK", made)
	}
}

var shownCode = regexp.MustCompile(`\n    ([B-Z]{4}-[B-Z]{4})\n`)

// answers enters the code that a login in the background has written to a file, as somebody: answers ADDRESS allow FILE.
func answers(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 3 {
			ts.Fatalf("usage: answers ADDRESS allow|refuse FILE")
		}
		m, err := server.Service().Store.Member(ctx, apptest.Space, args[0])
		ts.Check(err)
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for range 1000 {
			said, _ := os.ReadFile(ts.MkAbs(args[2]))
			if code := shownCode.FindSubmatch(said); code != nil {
				_, err := server.Identity().Logins().Answer(ctx, m.Actor("", nil), strings.ToLower(string(code[1])), args[1] == "allow")
				ts.Check(err)
				return
			}
			<-ticks.C
		}
		ts.Fatalf("%s shows no code", args[2])
	}
}

// suspends takes a member's credentials: suspends ADDRESS.
func suspends(ctx context.Context, server *apptest.Server) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if neg || len(args) != 1 {
			ts.Fatalf("usage: suspends ADDRESS")
		}
		m, err := server.Service().Store.Member(ctx, apptest.Space, args[0])
		ts.Check(err)
		m.Suspended = true
		_, err = server.Service().PutMember(ctx, approval.System(apptest.Space, "admin"), m)
		ts.Check(err)
		server.Identity().Forget()
	}
}

// stale makes the access tokens in a file of credentials look as if they end now: stale FILE.
func stale(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: stale FILE")
	}
	text := regexp.MustCompile(`"expireTime": "[^"]*"`).ReplaceAllString(ts.ReadFile(args[0]), `"expireTime": "2020-01-01T00:00:00Z"`)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}
