package api

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A client that only closes its sending side still reads: a refusal reaches it whole, and never looks like a success.
func TestARefusalReachesAClientThatHasClosedItsSendingSide(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	open := h.ask(theViewer)
	cases := []struct {
		name, who, method, path, body string
		length                        int // said to come; more than body: the client breaks off in the middle
		status                        int
		code                          approval.Code
		field                         string
	}{
		{"who may not", theViewer, post, inSpace + "/resources", oneResource, len(oneResource), 403, approval.Forbidden, ""},
		{"who is nobody", "", get, inSpace + "/petitions", "", 0, 401, approval.Unauthenticated, ""},
		{"what is not there", theViewer, get, inSpace + "/petitions/none", "", 0, 404, approval.NotFound, ""},
		{"their own petition", theViewer, post, inSpace + "/petitions/" + open.Name + "/claims", `{"claim":{"event":"access/approve"}}`, 36, 403, approval.Forbidden, ""},
		{"half a body", theViewer, post, inSpace + "/petitions", `{"petition":`, 500, 400, approval.Invalid, "body"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// A busy server may notice first that nobody sends any more, and break off: that is said as whole, and tried again.
			got := h.halfClosed(t, c.who, c.method, c.path, c.body, c.length)
			for tries := 1; got.status == http.StatusServiceUnavailable && tries < 20; tries++ {
				got.refused(http.StatusServiceUnavailable, approval.Unavailable, "")
				got = h.halfClosed(t, c.who, c.method, c.path, c.body, c.length)
			}
			got.refused(c.status, c.code, c.field)
		})
	}
}

// halfClosed sends a request, closes the sending side and answers what can still be read.
func (h *house) halfClosed(t *testing.T, who, method, path, body string, length int) answer {
	t.Helper()
	conn, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: indent\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", method, path, length)
	if who != "" {
		made, err := h.identity.CreateUserToken(t.Context(), h.actor(who), "half-closed", nil)
		if err != nil {
			t.Fatal(err)
		}
		head += "Authorization: Bearer " + made.Secret + "\r\n"
	}
	if _, err := io.WriteString(conn, head+"\r\n"+body); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("half an answer: %v", err)
	}
	return answer{t, response.StatusCode, response.Header, string(text), response.Close}
}
