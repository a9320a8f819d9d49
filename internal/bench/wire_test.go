package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// scripted is a server that writes, to the n-th request it is sent, whatever the test wants, byte by byte.
type scripted struct {
	address     string
	connections atomic.Int64
}

// serve answers each request by what play writes; a connection ends when play says so.
func serve(t *testing.T, play func(to io.Writer, request *http.Request) (goesOn bool)) *scripted {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s := &scripted{address: "http://" + listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			s.connections.Add(1)
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					request, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					if _, err := io.Copy(io.Discard, request.Body); err != nil || !play(conn, request) {
						return
					}
				}
			}()
		}
	}()
	return s
}

// says answers the script that writes the same text to each request.
func says(text string, goesOn bool) func(io.Writer, *http.Request) bool {
	return func(to io.Writer, _ *http.Request) bool {
		_, err := io.WriteString(to, text)
		return goesOn && err == nil
	}
}

func wireTo(t *testing.T, address string) *wire {
	t.Helper()
	target, err := newTarget(Options{URLs: []string{address}, Space: "acmecorp", Token: "asks", ReviewerToken: "decides"})
	if err != nil {
		t.Fatal(err)
	}
	w := target.wire(t.Context(), 0).soon()
	t.Cleanup(w.close)
	return w
}

func TestAnAnswerIsReadHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("long ", 10_000)
	for name, c := range map[string]struct {
		answer, body string
		goesOn       bool
	}{
		"with its length":            {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
		"with other headers":         {"HTTP/1.1 200 OK\r\nDate: now\r\nX-Content-Length: 9\r\ncontent-length: 5\r\nServer:\r\n\r\nhello", "hello", true},
		"empty":                      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", true},
		"long":                       {fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(long), long), long, true},
		"in chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;why=not\r\nllo\r\n0\r\n\r\n", "hello", true},
		"in chunks, with a trailer":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nDigest: x\r\n\r\n", "hello", true},
		"in a long chunk":            {fmt.Sprintf("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(long), long), long, true},
		"after interim ones":         {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
		"with its end alone":         {"HTTP/1.1 200 OK\r\n\r\nhello", "hello", false},
		"of HTTP/1.0":                {"HTTP/1.0 200 OK\nContent-Length: 5\n\nhello", "hello", false},
		"of HTTP/1.0 that goes on":   {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello", "hello", true},
		"and the connection closes":  {"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nhello", "hello", false},
		"in chunks, and that closes": {"HTTP/1.1 200 OK\r\nConnection: x, close\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, says(c.answer, c.goesOn))
			w := wireTo(t, server.address)
			for range 3 {
				if body, err := w.exchange(w.node.page, "pageSize=1"); err != nil || string(body) != c.body {
					t.Fatalf("answered %.80q, %v; want %.80q", body, err, c.body)
				}
			}
			if n, want := server.connections.Load(), map[bool]int64{true: 1, false: 3}[c.goesOn]; n != want {
				t.Errorf("%d connections for three requests, want %d", n, want)
			}
		})
	}
}

func TestABrokenAnswerIsAnErrorAndTheNextRequestHasAnotherConnection(t *testing.T) {
	t.Parallel()
	endless := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct{ answer, problem string }{
		"none":                        {"", "closed the connection and did not answer"},
		"half a status":               {"HTTP/1.1 2", "in the middle of its answer"},
		"half a head":                 {"HTTP/1.1 200 OK\r\nContent-Le", "in the middle of its answer"},
		"a head and no more":          {"HTTP/1.1 200 OK\r\n", "in the middle of its answer"},
		"half a body":                 {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", "in the middle of its answer"},
		"half a long body":            {"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nhel", "in the middle of its answer"},
		"half a chunk":                {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel", "in the middle of its answer"},
		"chunks without an end":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", "in the middle of its answer"},
		"chunks without a last line":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "in the middle of its answer"},
		"a chunk that is no chunk":    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhel", "invalid byte in chunk length"},
		"garbage":                     {"\x00\x01\x02 who is there?\r\n\r\n", "is not HTTP/1.1"},
		"another protocol":            {"SSH-2.0-OpenSSH_9.6\r\n", "is not HTTP/1.1"},
		"a status that is none":       {"HTTP/1.1 2x0 OK\r\n\r\n", "without a status"},
		"another protocol from now":   {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "the status 101"},
		"a header that is none":       {"HTTP/1.1 200 OK\r\nhello\r\n\r\n", "is no header"},
		"an endless line":             {"HTTP/1.1 200 OK\r\nX: " + endless, "head of the answer is too long"},
		"an endless head":             {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X: y\r\n", 1<<17), "head of the answer is too long"},
		"an endless trailer":          {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: y\r\n", 1<<17), "head of the answer is too long"},
		"interim ones without end":    {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100), "interim answers, and none"},
		"two lengths":                 {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!", "length is not clear"},
		"a length below nothing":      {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "length is not clear"},
		"a length beyond all":         {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", "length is not clear"},
		"more than can be an answer":  {"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", "more than 16 MiB"},
		"an endless body":             {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat(endless, 18), "more than 16 MiB"},
		"compressed, without request": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "in a way that nobody has asked for"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int64
			server := serve(t, func(to io.Writer, r *http.Request) bool {
				if asked.Add(1) > 1 {
					return says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", true)(to, r)
				}
				return says(c.answer, false)(to, r)
			})
			w := wireTo(t, server.address)
			if body, err := w.exchange(w.node.page, "pageSize=1"); err == nil || !strings.Contains(err.Error(), c.problem) {
				t.Fatalf("answered %.80q, %v; want an error with %q", body, err, c.problem)
			} else if !strings.HasPrefix(err.Error(), "GET /v1/spaces/acmecorp/petitions: ") {
				t.Errorf("the error does not say what was asked: %v", err)
			}
			if body, err := w.exchange(w.node.page, "pageSize=1"); err != nil || string(body) != "hello" {
				t.Errorf("the next request was answered %.80q, %v", body, err)
			}
			if n := server.connections.Load(); n != 2 {
				t.Errorf("%d connections, want 2", n)
			}
		})
	}
}

func TestARefusalSaysWhatToDoAndTheConnectionStays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ answer, problem string }{
		"later":     {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 4\r\n\r\nfull", `petitions was answered 503: full (Retry-After: "2": measure with fewer at once)`},
		"elsewhere": {"HTTP/1.1 301 Moved\r\nLocation: https://a.example/\r\nContent-Length: 0\r\n\r\n", `was answered 301:  (it is at "https://a.example/": measure that address)`},
		"nothing":   {"HTTP/1.1 204 No Content\r\n\r\n", "was answered 204"},
		"refused":   {"HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhoa!\r\n0\r\n\r\n", "was answered 401: whoa!"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, says(c.answer, true))
			w := wireTo(t, server.address)
			for range 2 {
				if _, err := w.create(onePetition); err == nil || !strings.Contains(err.Error(), c.problem) {
					t.Fatalf("%v; want an error with %q", err, c.problem)
				}
			}
			if n := server.connections.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
	}
}

func TestAServerThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{"at once": "", "within its answer": "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, says(answer, true))
			w := wireTo(t, server.address)
			w.until = time.Now().Add(20 * time.Millisecond)
			if _, err := w.exchange(w.node.page, ""); err == nil || !strings.Contains(err.Error(), "does the server hang") {
				t.Errorf("%v; want the error of a server that hangs", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			w = &wire{ctx: ctx, node: w.node}
			if err := w.send(w.node.page, ""); err != nil {
				t.Fatal(err)
			}
			cancel()
			if _, err := w.receive(); !errors.Is(err, context.Canceled) {
				t.Errorf("%v; want that the measurement was ended", err)
			}
		})
	}
}

func TestWhatWasSentWithoutAQuestionIsNoAnswer(t *testing.T) {
	t.Parallel()
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	server := serve(t, says(answer+"HTTP/1.1 408 Request Timeout\r\n\r\n", true))
	w := wireTo(t, server.address)
	for range 2 {
		if body, err := w.exchange(w.node.page, ""); err != nil || string(body) != "hello" {
			t.Fatalf("answered %.80q, %v", body, err)
		}
	}
}

func TestWhoIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	w := wireTo(t, "http://"+listener.Addr().String())
	if _, err := w.create(onePetition); err == nil || !strings.Contains(err.Error(), "is the server running") {
		t.Errorf("%v; want an error that asks whether the server runs", err)
	}
}

func TestARequestIsWhatAServerReads(t *testing.T) {
	t.Parallel()
	requests := make(chan *http.Request, 1)
	server := serve(t, func(to io.Writer, r *http.Request) bool {
		requests <- r
		return says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true)(to, r)
	})
	w := wireTo(t, server.address+"/behind")
	for _, c := range []struct {
		form              form
		gap, line, member string
		length            int64
	}{
		{w.node.create, onePetition, "POST /behind/v1/spaces/acmecorp/petitions", "asks", int64(len(petitionBody))},
		{w.node.wait, "p1", "GET /behind/v1/spaces/acmecorp/petitions/p1?wait=60s", "asks", 0},
		{w.node.approve, "p1", "POST /behind/v1/spaces/acmecorp/petitions/p1/claims", "decides", int64(len(approveBody))},
		{w.node.page, "pageSize=2", "GET /behind/v1/spaces/acmecorp/petitions?pageSize=2", "asks", 0},
		{w.node.follow, withBody(`{"names":["p1"]}`), "POST /behind/v1/spaces/acmecorp/petitions:wait", "asks", 16},
		{w.node.metrics, "", "GET /behind/metrics", "", 0},
	} {
		if _, err := w.exchange(c.form, c.gap); err != nil {
			t.Fatal(err)
		}
		r := <-requests
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if line := r.Method + " " + r.RequestURI; line != c.line || bearer != c.member || r.ContentLength != c.length {
			t.Errorf("%s by %q with %d bytes, want %s by %q with %d", line, bearer, r.ContentLength, c.line, c.member, c.length)
		}
		if "http://"+r.Host != server.address {
			t.Errorf("the host is %s, want %s", r.Host, server.address)
		}
	}
}
