package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// backDoor is a listener of the connections that the API gives back.
type backDoor struct {
	net.Listener
	conns chan net.Conn
	ended chan struct{}
	end   func()
}

func (b *backDoor) Accept() (net.Conn, error) {
	select {
	case conn := <-b.conns:
		return conn, nil
	case <-b.ended:
		return nil, net.ErrClosed
	}
}

func (b *backDoor) Close() error { b.end(); return nil }

// newSmallHouse is a house that parks everybody who waits outside the server. back tells of each connection that is given back.
func newSmallHouse(t testing.TB) (h *house, back <-chan struct{}) {
	t.Helper()
	h = newHouse(t)
	h.server.Close()
	h.api.mostInside = 0
	door, told := &backDoor{conns: make(chan net.Conn), ended: make(chan struct{})}, make(chan struct{}, 100)
	door.end = sync.OnceFunc(func() { close(door.ended) })
	h.api.Resume = func(conn net.Conn) { door.conns <- conn; told <- struct{}{} }
	h.server = httptest.NewUnstartedServer(h.api.Handler())
	door.Listener = h.server.Listener
	h.server.Start()
	again := &http.Server{Handler: h.api.Handler()}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := again.Serve(door); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = again.Close()
		serving.Wait()
		h.server.Close()
	})
	return h, told
}

// line is one connection that speaks HTTP by hand.
type line struct {
	*house
	net.Conn
	in *bufio.Reader
}

func (h *house) dial() *line {
	h.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
	h.must(err)
	h.Cleanup(func() { conn.Close() })
	return &line{h, conn, bufio.NewReader(conn)}
}

func (l *line) ask(token, path string) {
	l.Helper()
	_, err := io.WriteString(l, "GET "+path+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+token+"\r\n\r\n")
	l.must(err)
}

func (l *line) answer() answer {
	l.Helper()
	res, err := http.ReadResponse(l.in, nil)
	l.must(err)
	body, err := io.ReadAll(res.Body)
	l.must(err)
	return answer{l.TB, res.StatusCode, res.Header, string(body), res.Close}
}

func (h *house) waiting(p *petition) string { return inSpace + "/petitions/" + p.Name + "?wait=30s" }

// park asks, and answers when n requests are parked.
func (l *line) park(p *petition, n int) {
	l.Helper()
	l.ask(l.token(theViewer), l.waiting(p))
	l.clock.WaitForSleepers(n)
}

// parkOutside asks, and answers when n requests are outside the server.
func (l *line) parkOutside(p *petition, n int) {
	l.Helper()
	l.park(p, n)
	l.untilOutside(n)
}

// untilOutside blocks until n requests are outside: a request has its timer before it is taken out.
func (h *house) untilOutside(n int) {
	for h.outside() != n {
		runtime.Gosched()
	}
}

// outside counts who waits outside for an answer; an answered connection stays there until its next request.
func (h *house) outside() (n int) {
	h.api.outside.mu.Lock()
	defer h.api.outside.mu.Unlock()
	for m := range h.api.outside.all {
		select {
		case <-m.answered:
		default:
			n++
		}
	}
	return n
}

func TestAWaiterOutsideTheServerIsAnsweredAsInside(t *testing.T) {
	t.Parallel()
	h, back := newSmallHouse(t)
	inside := newHouse(t)
	for _, name := range []string{"access/approve", "access/deny"} {
		var answers []answer
		for _, at := range []*house{h, inside} {
			p := at.ask(theViewer)
			l := at.dial()
			l.park(p, 1)
			if at == h {
				at.untilOutside(1)
			}
			at.claim(theEditor, p.Name, name).ok(nil)
			a := l.answer()
			var got petition
			a.ok(&got)
			if got.Name != p.Name || got.State.Status.Phase == approval.Open || len(got.State.Claims) != 1 {
				t.Errorf("%s", a.body)
			}
			for _, own := range []string{"X-Request-Id", "Content-Length", "Date"} {
				if a.header.Get(own) == "" {
					t.Errorf("the answer has no %s", own)
				}
				a.header.Del(own)
			}
			answers = append(answers, a)
			l.ask(at.token(theViewer), inSpace) // the connection is good for more
			l.answer().ok(nil)
		}
		<-back
		if out, in := answers[0], answers[1]; len(out.header) != len(in.header) || out.closes != in.closes {
			t.Errorf("outside %v %v, inside %v %v", out.header, out.closes, in.header, in.closes)
		}
	}
}

func TestAConnectionWaitsOutsideAgainAndAgain(t *testing.T) {
	t.Parallel()
	h, back := newSmallHouse(t)
	l := h.dial()
	for range 5 {
		p := h.ask(theViewer)
		l.parkOutside(p, 1)
		h.claim(theEditor, p.Name, "access/approve").ok(nil)
		var got petition
		if l.answer().ok(&got); got.Name != p.Name {
			t.Fatal(got.Name)
		}
		l.ask(h.token(theViewer), "/healthz")
		l.answer().ok(nil)
		<-back
	}
}

func TestARequestBehindAParkedOneIsAnsweredAfterIt(t *testing.T) {
	t.Parallel()
	h, back := newSmallHouse(t)
	l, p := h.dial(), h.ask(theViewer)
	l.ask(h.token(theViewer), h.waiting(p))
	l.ask(h.token(theViewer), "/healthz")
	h.untilOutside(1)
	l.ask(h.token(theViewer), inSpace)
	h.claim(theEditor, p.Name, "access/deny").ok(nil)
	var got petition
	l.answer().ok(&got)
	if health := l.answer().ok(nil); got.Name != p.Name || strings.Contains(health.body, "acmecorp") {
		t.Errorf("%s, then %s", got.Name, health.body)
	}
	if space := l.answer().ok(nil); !strings.Contains(space.body, "acmecorp") {
		t.Errorf("%s", space.body)
	}
	<-back
}

func TestTheTimeOfAWaiterOutsideEnds(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	l, p := h.dial(), h.ask(theViewer)
	l.parkOutside(p, 1)
	if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_waiters 1\n") {
		t.Error("the waiter is not counted")
	}
	h.clock.Advance(30 * time.Second)
	var got petition
	if l.answer().ok(&got); got.State.Status.Phase != approval.Open {
		t.Error(got.State.Status.Phase)
	}
	if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_waiters 0\n") {
		t.Error("the waiter is still counted")
	}
}

func TestAWaiterOutsideThatLeavesIsForgotten(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	l := h.dial()
	l.parkOutside(h.ask(theViewer), 1)
	l.must(l.Close())
	h.logs.waitFor("status=499")
	h.broker.WaitForSubscribers(0)
}

func TestAWaiterOutsideWhoseTokenEndsLearnsNothing(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	p := h.ask(theViewer)
	made, err := h.identity.CreateUserToken(t.Context(), h.actor(theViewer), "test", nil)
	h.must(err)
	l := h.dial()
	l.ask(made.Secret, h.waiting(p))
	h.untilOutside(1)
	h.must(h.identity.RevokeToken(t.Context(), h.actor(theViewer), made.Token.Name))
	h.clock.Advance(2 * time.Second)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	if a := l.answer(); !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("%v", a.header)
	} else {
		a.refused(http.StatusUnauthorized, approval.Unauthenticated, "")
	}
}

func TestAServerThatStopsAnswersItsWaitersOutside(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	idle, parked := h.dial(), h.dial()
	p := h.ask(theViewer)
	idle.parkOutside(p, 1)
	h.claim(theEditor, p.Name, "access/deny").ok(nil)
	idle.answer().ok(nil)
	parked.parkOutside(h.ask(theViewer), 1)
	h.broker.Close()
	h.api.Drain(t.Context())
	h.api.Drain(t.Context()) // twice is as good as once
	var got petition
	if a := parked.answer().ok(&got); got.State.Status.Phase != approval.Open || !a.closes {
		t.Errorf("phase %s, closes %v: want the open petition, and the client to connect anew", got.State.Status.Phase, a.closes)
	}
	for _, l := range []*line{idle, parked} {
		if _, err := l.in.ReadByte(); err == nil {
			t.Error("the connection is still open")
		}
	}
}

func TestDrainingEndsInTime(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	l := h.dial()
	l.parkOutside(h.ask(theViewer), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h.api.Drain(ctx) // the broker says nothing: nobody is answered
	if _, err := l.in.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}
}

// What cannot be given back stays inside.
func TestSomeWaitersStayInside(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	p := h.ask(theViewer)
	head := " " + h.waiting(p) + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + h.token(theViewer) + "\r\n"
	for i, text := range []string{
		"GET" + strings.Replace(head, "HTTP/1.1", "HTTP/1.0", 1) + "\r\n",
		"GET" + head + "Connection: close\r\n\r\n",
		"HEAD" + head + "\r\n",
		"GET" + head + "Content-Length: 2\r\n\r\n{}",
	} {
		l := h.dial()
		_, err := io.WriteString(l, text)
		h.must(err)
		h.clock.WaitForSleepers(i + 1)
	}
	if n := h.outside(); n != 0 {
		t.Errorf("%d are outside", n)
	}
	h.clock.Advance(30 * time.Second)
}

func TestManyWaitersOutsideAllLearn(t *testing.T) {
	t.Parallel()
	h, _ := newSmallHouse(t)
	const many = 100
	var lines [many]*line
	var petitions [many]*petition
	for i := range many {
		lines[i], petitions[i] = h.dial(), h.ask(theViewer)
		lines[i].parkOutside(petitions[i], i+1)
	}
	var deciding sync.WaitGroup
	for i := range many {
		deciding.Go(func() { h.claim(theEditor, petitions[i].Name, "access/approve").ok(nil) })
	}
	for i := range many {
		var got petition
		if err := json.Unmarshal([]byte(lines[i].answer().body), &got); err != nil || got.Name != petitions[i].Name || got.State.Status.Phase != approval.Granted {
			t.Errorf("%v %+v", err, got)
		}
	}
	deciding.Wait()
}
