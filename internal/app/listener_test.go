package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/config"
)

// dial connects as a client that speaks for itself; the test's end closes it.
func dial(t *testing.T, s *apptest.Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request and answers the status, the headers and the body.
func ask(t *testing.T, conn net.Conn) (*http.Response, string) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	// A client that is turned away may find that out before it has sent everything.
	_, _ = fmt.Fprint(conn, "GET /healthz HTTP/1.1\r\nHost: indent\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestWhoComesOnTopOfAllConnectionsIsToldToComeBack(t *testing.T) {
	t.Parallel()
	const most = 10
	s := apptest.Start(t, apptest.Options{Config: func(c *config.Config) { c.MaxConnections = most }})
	var inside []net.Conn
	for range most {
		conn := dial(t, s)
		if response, body := ask(t, conn); response.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", response.StatusCode, body)
		}
		inside = append(inside, conn)
	}
	response, body := ask(t, dial(t, s))
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" || !response.Close ||
		response.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"code":"unavailable"`) {
		t.Errorf("%d %v %s", response.StatusCode, response.Header, body)
	}
	if response, body := ask(t, inside[0]); response.StatusCode != http.StatusOK {
		t.Errorf("who is in is answered %d %s", response.StatusCode, body)
	}
	_ = inside[1].Close()
	for t.Context().Err() == nil { // until the server has seen it leave
		if response, _ := ask(t, dial(t, s)); response.StatusCode == http.StatusOK {
			return
		}
	}
}

func TestABodyThatNobodyNeedsIsReadOrRefused(t *testing.T) {
	t.Parallel()
	s := apptest.Start(t, apptest.Options{})
	for body, want := range map[string]int{"{}": http.StatusOK, strings.Repeat("x", 1<<20): http.StatusBadRequest} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/healthz", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != want || want != http.StatusOK && response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("a body of %d bytes: %d %s", len(body), response.StatusCode, text)
		}
	}
}
