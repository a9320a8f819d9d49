package cli

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
	"unicode"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// errNoBrowser says that none could be opened.
var errNoBrowser = errors.New("no browser could be opened")

// browserOpener answers what opens an address in the user's browser; nil when there is none on this machine.
func browserOpener() func(address string) *exec.Cmd {
	command := func(name string, args ...string) func(string) *exec.Cmd {
		return func(address string) *exec.Cmd { return exec.Command(name, append(args, address)...) }
	}
	if named := os.Getenv("BROWSER"); named != "" { // what the user says goes before what we guess
		return command(strings.Fields(named)[0], strings.Fields(named)[1:]...)
	}
	if os.Getenv("SSH_CONNECTION") != "" || os.Getenv("SSH_TTY") != "" {
		return nil // it would open where nobody sees it
	}
	switch runtime.GOOS {
	case "darwin":
		return command("open")
	case "windows":
		return command("rundll32", "url.dll,FileProtocolHandler")
	}
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return nil
	}
	if _, err := exec.LookPath("xdg-open"); err != nil {
		return nil
	}
	return command("xdg-open")
}

// browserPatience is how long a person has to press a button in the browser.
const browserPatience = 10 * time.Minute

// throughBrowser opens a page of the server and waits on a port of this machine for the browser to come back from it with
// a code (RFC 8252, 7.3). The code is of no use without the verifier, which never leaves this process but to the server
// (RFC 7636), and who comes with another state than was sent gets nothing.
func (t *terminal) throughBrowser(ctx context.Context, l *indent.Logins, r indent.LoginRequest, open func(string) *exec.Cmd) (indent.Token, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return indent.Token{}, errNoBrowser
	}
	verifier, state := randomWord(), randomWord()
	sum := sha256.Sum256([]byte(verifier))
	redirect := "http://" + listener.Addr().String() + "/callback"
	address := l.URL() + "/authorize?" + url.Values{"client": {r.Client}, "host": {r.Host}, "space": {r.Space}, "scope": {r.Scope}, "redirect_uri": {redirect}, "state": {state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}.Encode()
	back := newCallback(state)
	server := &http.Server{Handler: back, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	if err := launch(open(address)); err != nil {
		return indent.Token{}, errNoBrowser
	}
	t.say("Your browser opens a page of %s: allow the login there. If it does not, open it yourself:\n\n    %s\n", plain(l.URL()), plain(address))
	t.say("No browser on this machine? Press Ctrl-C and run `indent login --device`.")
	ctx, cancel := context.WithTimeout(ctx, browserPatience)
	defer cancel()
	select {
	case answer := <-back.answers:
		if answer.refused != "" {
			return indent.Token{}, notSignedIn{"the login was refused in the browser"}
		}
		return l.CodeTokens(ctx, answer.code, verifier, redirect)
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return indent.Token{}, notSignedIn{"nobody has allowed the login in the browser in time: run `indent login` again"}
		}
		return indent.Token{}, ctx.Err()
	}
}

// launch starts a command and does not wait: some openers stay for as long as the browser does.
func launch(cmd *exec.Cmd) error {
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := cmd.Start(); err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- cmd.Wait() }()
	soon := time.NewTimer(time.Second)
	defer soon.Stop()
	select {
	case err := <-failed:
		return err
	case <-soon.C:
		return nil
	}
}

// callback is the one page of this process: where the browser comes back to.
type callback struct {
	state   string
	answers chan callbackAnswer
}

type callbackAnswer struct{ code, refused string }

func newCallback(state string) *callback { return &callback{state, make(chan callbackAnswer, 1)} }

// ServeHTTP takes the first answer that has the state. Every other program and page on this machine can call it, too.
func (c *callback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	q := r.URL.Query()
	code, refused := q.Get("code"), q.Get("error")
	right := subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(c.state)) == 1
	if r.Method != http.MethodGet || r.URL.Path != "/callback" || !right || (code == "") == (refused == "") || len(code) > 200 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintln(w, "<!doctype html><title>Indent</title><p>There is nothing here.")
		return
	}
	select {
	case c.answers <- callbackAnswer{code, refused}:
	default: // it came before
	}
	said := "You are signed in. Go back to the terminal; this page can be closed."
	if refused != "" {
		said = "Nothing was allowed. This page can be closed."
	}
	fmt.Fprintln(w, `<!doctype html><html lang="en"><title>Indent</title><h1>Indent</h1><p>`+said)
}

// randomWord answers 43 characters with 256 bits of chance.
func randomWord() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func isLoopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// sameServer answers whether two addresses name one server.
func sameServer(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// plainHost answers the machine's name as the server takes it.
func plainHost(host string) string {
	host = strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, host)
	return host[:min(len(host), 100)]
}
