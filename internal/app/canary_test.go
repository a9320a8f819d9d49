package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app"
	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/config"
	"github.com/indent-approvals/indent/internal/policy"
)

// cage is a whole server that writes down all that it says, and that can be made to break inside.
type cage struct {
	*app.App
	testing.TB
	logs   lockedBuffer
	broken *atomic.Bool
	// said is everything that came back, by what was sent.
	mu   sync.Mutex
	said map[string]string
}

// lockedBuffer is a log that many write.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// trapIDs panics when the server is to break: a panic in the middle of a call.
type trapIDs struct {
	approval.IDs
	broken *atomic.Bool
}

func (i trapIDs) UUID() string {
	if i.broken.Load() {
		panic("broken on purpose")
	}
	return i.IDs.UUID()
}

// Secret is random here, too: of a known pattern a part would be found by chance.
func (i trapIDs) Secret(n int) string {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := make([]byte, n)
	_, _ = rand.Read(out)
	for at := range out {
		out[at] = alphabet[int(out[at])%len(alphabet)]
	}
	return string(out)
}

func newCage(t *testing.T) *cage {
	t.Helper()
	c := &cage{TB: t, broken: &atomic.Bool{}, said: map[string]string{}}
	cfg := config.Default()
	cfg.Addr, cfg.Database = "127.0.0.1:0", filepath.Join(t.TempDir(), "indent.db")
	cfg.RateWrong, cfg.RateRefusals = 0, 0
	cfg.RequirePasskeyRoles = []string{string(approval.Auditor)} // so that there are half sessions
	var err error
	c.App, err = app.Build(t.Context(), cfg, app.Options{IDs: trapIDs{&approvaltest.IDs{}, c.broken},
		Logger: slog.New(slog.NewTextHandler(&c.logs, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))})
	c.must(err)
	t.Cleanup(func() {
		c.broken.Store(false)
		_ = c.Stop(context.Background())
	})
	_, err = c.Service().CreateSpace(t.Context(), approval.NewSpace{Name: "acmecorp", Owner: apptest.Owner, Policy: policy.Dev()})
	c.must(err)
	c.must(c.Start(t.Context()))
	return c
}

func (c *cage) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cage) owner() approval.Actor {
	c.Helper()
	m, err := c.Service().Store.Member(c.Context(), "acmecorp", apptest.Owner)
	c.must(err)
	a, err := c.Service().ActorOf(c.Context(), m, "", nil)
	c.must(err)
	return a
}

// canaries makes one credential of every kind, in use, ended and never used.
func (c *cage) canaries() map[string]string {
	c.Helper()
	ctx, i, owner, system := c.Context(), c.Identity(), c.owner(), approval.System("acmecorp", "admin")
	out := map[string]string{}
	_, err := c.Service().CreateServiceAccount(ctx, owner, approval.Member{ID: "bot", Role: approval.Editor})
	c.must(err)
	for _, kind := range []string{"service token", "revoked service token"} {
		made, err := i.CreateServiceToken(ctx, owner, "bot", kind, nil, time.Time{})
		c.must(err)
		out[kind] = made.Secret
		if kind != "service token" {
			c.must(i.RevokeToken(ctx, owner, made.Token.Name))
		}
	}
	exchanged, err := i.Exchange(ctx, out["service token"])
	c.must(err)
	user, err := i.CreateUserToken(ctx, owner, "canary", nil)
	c.must(err)
	out["exchanged token"], out["user token"] = exchanged.Secret, user.Secret
	for _, kind := range []string{"sign-in link", "used sign-in link"} {
		out[kind], err = i.Sessions().CreateLink(ctx, system, apptest.Owner, time.Hour)
		c.must(err)
	}
	out["session"], _, err = i.Sessions().SignIn(ctx, out["used sign-in link"], "a browser")
	c.must(err)
	const auditor = "auditor@acmecorp.example"
	_, err = c.Service().PutMember(ctx, system, approval.Member{Email: auditor, Role: approval.Auditor})
	c.must(err)
	out["link of half a session"], err = i.Sessions().CreateLink(ctx, system, auditor, time.Hour)
	c.must(err)
	out["half session"], _, err = i.Sessions().SignIn(ctx, out["link of half a session"], "a browser")
	c.must(err)
	if _, err := i.Passkeys().Half(ctx, out["half session"]); err != nil {
		c.Fatalf("it owes no passkey: %v", err)
	}
	code, err := i.Logins().Open(ctx, approval.Login{Client: "indent", Host: "laptop"})
	c.must(err)
	_, err = i.Logins().Answer(ctx, owner, code.User, true)
	c.must(err)
	pair, err := i.Logins().DeviceTokens(ctx, code.Device)
	c.must(err)
	out["device code"], out["refresh token"], out["token of a login"] = code.Device, pair.Refresh, pair.Secret
	return out
}

// send puts a request out and keeps what comes back.
func (c *cage) send(what, method, target, body string, header ...string) (int, string) {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), method, c.URL()+target, strings.NewReader(body))
	if err != nil {
		return 0, "" // no client can send it
	}
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		return 0, "" // the connection was broken off, which says nothing
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode >= 400 {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.said[what] += fmt.Sprint(res.Header, string(text))
	}
	return res.StatusCode, string(text)
}

// everywhere puts a canary where it belongs and where it does not.
func (c *cage) everywhere(kind, canary string) {
	const space, petition = "/v1/spaces/acmecorp", `{"petition":{"reason":"to recover account","resources":[{"kind":"action","id":"reset"}]}}`
	json, bearer := []string{"Content-Type", "application/json"}, []string{"Authorization", "Bearer " + canary}
	cookie, form := []string{"Cookie", "indent=" + canary}, []string{"Content-Type", "application/x-www-form-urlencoded"}
	q := url.QueryEscape(canary)
	for _, path := range []string{"/v1/spaces", space, space + "/petitions", space + "/tokens", space + "/events", "/", "/api-keys", "/sign-in", "/metrics", "/nothing"} {
		for name, header := range map[string][]string{"bearer": bearer, "twice": {"Authorization", "Bearer " + canary + " " + canary}, "basic": {"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("indent:"+canary))},
			"bare": {"Authorization", canary}, "another scheme": {"Authorization", "Token " + canary}, "cookie": cookie, "a cookie of another name": {"Cookie", "session=" + canary},
			"space": {"Indent-Space", canary}, "key": {"Idempotency-Key", canary}, "X-Api-Key": {"X-Api-Key", canary}, "request id": {"X-Request-Id", canary},
			"forwarded": {"X-Forwarded-For", canary}, "origin": {"Origin", "https://" + canary}, "agent": {"User-Agent", canary}, "cut": {"Authorization", "Bearer " + canary[:len(canary)-3]}} {
			c.send(kind+" as "+name, "GET", path, "", header...)
			c.send(kind+" as "+name+" with a right token", "GET", path, "", append(header, bearer...)...)
		}
		for _, name := range []string{"token", "access_token", "link", "pageToken", "petition", "after", "code", canary} {
			c.send(kind+" in the query", "GET", path+"?"+url.QueryEscape(name)+"="+q, "")
			c.send(kind+" in the query, known", "GET", path+"?"+url.QueryEscape(name)+"="+q, "", bearer...)
			c.send(kind+" in the query, signed in", "GET", path+"?"+url.QueryEscape(name)+"="+q, "", cookie...)
		}
	}
	for _, path := range []string{"/" + canary, "/v1/" + canary, "/v1/spaces/" + canary, "/v1/spaces/" + canary + "/petitions", space + "/petitions/" + canary, space + "/tokens/" + canary,
		space + "/resources/" + canary, space + "/serviceAccounts/" + canary, "/access/acmecorp/" + canary, "/access/" + canary + "/x", "/static/" + canary, "/v1/spaces/acmecorp:" + canary} {
		for _, method := range []string{"GET", "POST", "DELETE", "PUT", "BREW"} {
			for _, header := range [][]string{nil, bearer, cookie} {
				c.send(kind+" in the path "+method, method, path, "", header...)
			}
		}
	}
	for _, body := range []string{`{"grantType":"refresh_token","refreshToken":"` + canary + `"}`, `{"grantType":"` + canary + `","refreshToken":"x"}`, `{"` + canary + `":1}`, `{"grantType":` + canary, canary, `["` + canary + `"]`,
		`{"grantType":"refresh_token","refreshToken":["` + canary + `"]}`, `{"petition":{"` + canary + `":1}}`, `{"names":["` + canary + `"]}`, `{"scope":"` + canary + `"}`, `{"serviceAccountId":"` + canary + `"}`} {
		for _, path := range []string{"/v1/auth/token", space + "/petitions", space + "/tokens", space + "/petitions:wait", space + "/resources:bulkDelete"} {
			c.send(kind+" in a body", "POST", path, body, json...)
			c.send(kind+" in a body, known", "POST", path, body, append(json, bearer...)...)
		}
	}
	for _, fields := range []string{"link=" + q, "link=x&return=" + q, q + "=1", "token=" + q, "passkey=" + q, "name=" + q + "&passkey=x"} {
		for _, path := range []string{"/sign-in/passkey", "/sign-in/passkey/options", "/passkeys", "/api-keys/trusts", "/groups", "/sign-out", "/api-keys", "/access/acmecorp/x"} {
			c.send(kind+" in a form", "POST", path, fields, append(form, cookie...)...)
		}
	}
	c.send(kind+" works", "POST", space+"/petitions", petition, append(json, bearer...)...)
	c.broken.Store(true)
	c.send(kind+" while the server breaks", "POST", space+"/petitions", petition, append(json, bearer...)...)
	c.send(kind+" while the server breaks", "POST", "/v1/auth/token", `{"grantType":"refresh_token","refreshToken":"`+canary+`"}`, json...)
	c.send(kind+" while the server breaks", "POST", "/sign-in", "link="+q, form...)
	c.send(kind+" while the server breaks", "POST", "/api-keys", "", append(form, cookie...)...)
	c.send(kind+" while the server breaks", "PUT", space+"/resources/"+canary, `{"resource":{"id":"x"}}`, append(json, bearer...)...)
	c.broken.Store(false)
}

// finds fails when the text has a canary, a part of one that nobody could guess the rest of, or its hash.
func (c *cage) finds(where, text string, canaries map[string]string) {
	c.Helper()
	for kind, canary := range canaries {
		sum := sha256.Sum256([]byte(canary))
		marks := map[string]string{"itself": canary, "a part of it": canary[len(canary)-20:], "its beginning": canary[:min(24, len(canary))], "its hash": hex.EncodeToString(sum[:]),
			"its hash in base64": base64.StdEncoding.EncodeToString(sum[:])}
		if strings.HasPrefix(canary, "eyJ") {
			delete(marks, "its beginning") // says which algorithm, and is the same for all
		}
		for what, mark := range marks {
			if at := strings.Index(text, mark); at >= 0 {
				c.Errorf("%s has the %s (%s): …%.300s", where, kind, what, text[max(0, at-150):])
			}
		}
	}
}

// Credentials of every kind, in every right and wrong place, in calls that succeed, are refused and break: none of them, and
// none of their hashes, is in a log, a metric, an error or the audit log.
func TestPlantedCredentialsAreFoundNowhere(t *testing.T) {
	t.Parallel()
	c := newCage(t)
	canaries := c.canaries()
	for kind, canary := range canaries {
		c.everywhere(kind, canary)
	}
	bearer := []string{"Authorization", "Bearer " + canaries["user token"]}
	if status, body := c.send("the session", "GET", "/api-keys", "", "Cookie", "indent="+canaries["session"]); status == 200 && strings.Contains(body, canaries["session"]) {
		t.Error("a page shows the session that it is looked at with")
	}
	_, metrics := c.send("metrics", "GET", "/metrics", "")
	_, tokens := c.send("tokens", "GET", "/v1/spaces/acmecorp/tokens", "", bearer...)
	c.finds("a log", c.logs.String(), canaries)
	c.finds("a metric", metrics, canaries)
	c.finds("the list of tokens", tokens, canaries)
	for what, text := range c.said {
		c.finds("an error body ("+what+")", text, canaries)
	}
	c.finds("the audit log", c.auditLog(), canaries)
	if logs := c.logs.String(); !strings.Contains(logs, "broken on purpose") || !strings.Contains(logs, "goroutine") || !strings.Contains(logs, "level=DEBUG") {
		t.Error("nothing broke, or it was not logged: the test proves nothing")
	}
	if len(c.said) < 20 {
		t.Errorf("only %d kinds of errors", len(c.said))
	}
}

func (c *cage) auditLog() string {
	c.Helper()
	var all []any
	page := approval.PageRequest{Size: approval.MaxPageSize}
	for {
		got, err := c.Service().Store.Events(c.Context(), approval.EventQuery{Space: "acmecorp", Page: page})
		c.must(err)
		all = append(all, got.Items)
		if page.Token = got.Next; got.Next == "" {
			break
		}
	}
	text, err := json.Marshal(all)
	c.must(err)
	if !bytes.Contains(text, []byte(approval.EventRefused)) {
		c.Error("the audit log has no refusals: the test proves nothing")
	}
	return string(text)
}
