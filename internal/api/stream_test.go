package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// follower is a client of the event stream.
type follower struct {
	*house
	res   *http.Response
	lines *bufio.Scanner
	leave context.CancelFunc
}

func (h *house) follow(token, query string, headers ...string) *follower {
	h.Helper()
	ctx, leave := context.WithCancel(h.Context())
	res, err := h.server.Client().Do(h.request(ctx, token, get, inSpace+"/events:stream"+query, nil, headers...))
	h.must(err)
	h.Cleanup(func() { leave(); res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		h.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	return &follower{h, res, bufio.NewScanner(res.Body), leave}
}

// next answers the next event and its id, false when the stream has ended.
func (f *follower) next() (id string, e approval.Event, ok bool) {
	f.Helper()
	for f.lines.Scan() {
		line := f.lines.Text()
		if rest, is := strings.CutPrefix(line, "id: "); is {
			id = rest
		}
		if rest, is := strings.CutPrefix(line, "data: "); is {
			f.must(json.Unmarshal([]byte(rest), &e))
			return id, e, true
		}
	}
	return "", e, false
}

func TestFollowingTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.token(theEditor) // making one is an event, too
	before := h.ask(theViewer)
	f := h.follow(h.token(theAdmin), "")
	p := h.ask(theViewer)
	id, e, _ := f.next()
	if e.Event != "access/request" || e.Petition() != p.Name || id == "" {
		t.Fatalf("%s %+v: want what happened after the stream began, %s, not %s", id, e, p.Name, before.Name)
	}
	h.claim(theEditor, p.Name, "access/deny").ok(nil)
	if _, e, _ = f.next(); e.Event != "access/deny" || e.Actor.ID != theEditor {
		t.Errorf("%+v", e)
	}
	f.leave()
	h.ask(theViewer)
	for _, again := range []*follower{h.follow(h.token(theAdmin), "", "Last-Event-ID", id), h.follow(h.token(theAdmin), "?lastEventId="+id)} {
		for _, want := range []string{"access/deny", "access/request"} {
			if _, e, _ := again.next(); e.Event != want {
				t.Errorf("after %s: got %s, want %s", id, e.Event, want)
			}
		}
	}
}

func TestFollowingOnePetition(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, other := h.ask(theViewer), h.ask(theViewer)
	f := h.follow(h.token(theAdmin), "?petition="+one.Name)
	h.claim(theEditor, other.Name, "access/deny").ok(nil)
	h.claim(theEditor, one.Name, "access/approve").ok(nil)
	for _, want := range []string{"access/approve", "access/grant"} {
		if _, e, _ := f.next(); e.Event != want || e.Petition() != one.Name {
			t.Errorf("got %s of %s, want %s of %s", e.Event, e.Petition(), want, one.Name)
		}
	}
}

func TestAStreamGivesSignsOfLife(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.follow(h.token(theAdmin), "")
	f.lines.Scan()
	if f.lines.Text() != "retry: 1000" {
		t.Errorf("%q", f.lines.Text())
	}
	alive := func() {
		for f.lines.Scan() {
			if f.lines.Text() == ": alive" {
				if !f.lines.Scan() || !strings.HasPrefix(f.lines.Text(), "id: ") {
					t.Errorf("%q does not say where the stream stands", f.lines.Text())
				}
				return
			}
		}
		t.Error("no sign of life")
	}
	alive()
	h.clock.WaitForSleepers(1)
	h.clock.Advance(15 * time.Second)
	alive()
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.follow(h.token(theAdmin), "")
	h.clock.WaitForSleepers(1)
	h.broker.Close()
	if _, e, ok := f.next(); ok {
		t.Errorf("%+v", e)
	}
	h.logs.waitFor("route=/v1/spaces/{space}/events:stream status=200")
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.identity.CreateUserToken(t.Context(), h.actor(theAdmin), "test", nil)
	h.must(err)
	f := h.follow(made.Secret, "")
	h.clock.WaitForSleepers(1)
	h.must(h.identity.RevokeToken(t.Context(), h.actor(theAdmin), made.Token.Name))
	h.clock.Advance(2 * time.Second)
	h.ask(theViewer)
	for _, e, ok := f.next(); ok; _, e, ok = f.next() {
		if e.Event == "access/request" {
			t.Error("who has no token any more still reads the log")
		}
	}
}

func TestAStreamThatCannotBeginIsAProblem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := inSpace + "/events:stream"
	h.do(theAdmin, get, path+"?lastEventId=x", nil).refused(http.StatusBadRequest, approval.Invalid, "lastEventId")
	h.do(theAdmin, get, path, nil, "Last-Event-ID", "1").refused(http.StatusBadRequest, approval.Invalid, "Last-Event-ID")
	h.do(theAdmin, get, path+"?since=2030-01-02T00:00:00Z&until=2030-01-01T00:00:00Z", nil).refused(http.StatusBadRequest, approval.Invalid, "until")
	h.do(theAdmin, get, path+"?pageSize=1", nil).refused(http.StatusBadRequest, approval.Invalid, "pageSize", "it has petition, actor, event")
}

func TestAskingForTheHeadersOfAStreamDoesNotHang(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if a := h.do(theAdmin, http.MethodHead, inSpace+"/events:stream", nil); a.status != 200 || a.header.Get("Content-Type") != eventStreamType {
		t.Errorf("%d %v", a.status, a.header)
	}
}
