package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const waitPath = inSpace + "/petitions:wait"

// message is one server-sent event.
type message struct{ kind, id, data string }

// await opens a stream that waits for the petitions, and answers it once the server attends to all that are open.
func (h *house) await(token string, names ...string) *follower {
	h.Helper()
	return h.awaitThrough(h.server.Client(), token, names...)
}

func (h *house) awaitThrough(client *http.Client, token string, names ...string) *follower {
	h.Helper()
	ctx, leave := context.WithCancel(h.Context())
	res, err := client.Do(h.request(ctx, token, post, waitPath, map[string]any{"names": names}))
	h.must(err)
	h.Cleanup(func() { leave(); res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		h.Fatalf("%d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	return &follower{h, res, bufio.NewScanner(res.Body), leave}
}

// message answers the next event, one without a kind when the stream has ended.
func (f *follower) message() (m message) {
	f.Helper()
	for f.lines.Scan() {
		field, value, _ := strings.Cut(f.lines.Text(), ": ")
		switch field {
		case "event":
			m.kind = value
		case "id":
			m.id = value
		case "data":
			m.data = value
		case "":
			if m.kind != "" {
				return m
			}
		}
	}
	f.must(f.lines.Err())
	return message{}
}

func (f *follower) alive() {
	f.Helper()
	for f.lines.Scan() {
		if f.lines.Text() == ": alive" {
			return
		}
	}
	f.Fatal("no sign of life")
}

// tells fails the test unless the next message is about the petition, as getting it answers it.
func (f *follower) tells(name string, phase approval.Phase) {
	f.Helper()
	m := f.message()
	var got petition
	if m.kind != eventPetition || m.id != name || json.Unmarshal([]byte(m.data), &got) != nil || got.Name != name || got.State.Status.Phase != phase {
		f.Fatalf("%s %s %.200s: want petition %s, %s", m.kind, m.id, m.data, name, phase)
	}
	if same := f.do(theViewer, get, inSpace+"/petitions/"+name+"?wait=1s", nil).ok(nil).body; strings.TrimSpace(same) != m.data {
		f.Errorf("the stream told %s\nand getting it answers %s", m.data, same)
	}
}

func (f *follower) ends(with string) {
	f.Helper()
	if m := f.message(); m.kind != with {
		f.Errorf("%+v: want %q", m, with)
	}
	if f.lines.Scan() {
		f.Errorf("%q after the end", f.lines.Text())
	}
}

func TestOneConnectionWaitsForMany(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	decided, first, second := h.ask(theViewer), h.ask(theViewer), h.ask(theAdmin)
	h.claim(theEditor, decided.Name, "access/deny").ok(nil)
	f := h.await(h.token(theViewer), first.Name, decided.Name, "missing", second.Name)
	m := f.message()
	answer{h.TB, 404, http.Header{"Content-Type": {"application/problem+json"}}, m.data, false}.refused(404, approval.NotFound, "", "missing")
	if m.kind != eventProblem || m.id != "missing" {
		t.Errorf("%+v", m)
	}
	f.tells(decided.Name, approval.Closed)
	f.alive()
	if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_petition_streams 1\n") {
		t.Error("the stream is not counted")
	}
	h.claim(theEditor, second.Name, "access/approve").ok(nil)
	f.tells(second.Name, approval.Granted)
	h.do(theViewer, del, inSpace+"/petitions/"+first.Name, nil).ok(nil)
	f.tells(first.Name, approval.Closed)
	f.ends(eventEnd)
	h.logs.waitFor("route=/v1/spaces/{space}/petitions:wait status=200")
	h.broker.WaitForSubscribers(0)
	if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_petition_streams 0\n") {
		t.Error("the stream is still counted")
	}
}

func TestAWaitForManyThatCannotBeginIsAProblem(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for field, body := range map[string]string{"names": `{"names":[]}`, "names[0]": `{"names":[1]}`, "wait": `{"names":["x"],"wait":"1s"}`, "body": ``} {
		h.do(theViewer, post, waitPath, body).refused(http.StatusBadRequest, approval.Invalid, field)
	}
	for _, name := range []string{"", "a\nb", "a/b", strings.Repeat("x", approval.MaxName+1), "data: x"} {
		h.do(theViewer, post, waitPath, map[string]any{"names": []string{name}}).refused(http.StatusBadRequest, approval.Invalid, "names")
	}
	many := make([]string, approval.MaxAwaited+1)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	h.do(theViewer, post, waitPath, map[string]any{"names": many}).refused(http.StatusBadRequest, approval.Invalid, "names", "10000")
	h.do(theViewer, get, waitPath, nil).refused(http.StatusMethodNotAllowed, approval.Invalid, "")
}

// What belongs to another space is told of as if it did not exist.
func TestAStrangersPetitionIsNotThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	res, err := h.server.Client().Do(h.request(t.Context(), h.token(aStranger), post, "/v1/spaces/othercorp/petitions:wait", map[string]any{"names": []string{p.Name}}))
	h.must(err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	h.must(err)
	if !strings.Contains(string(body), "event: problem\nid: "+p.Name+"\n") || strings.Contains(string(body), "recover") || !strings.HasSuffix(string(body), "event: end\ndata: {}\n\n") {
		t.Errorf("%s", body)
	}
}

func TestAWaitForManyEndsWithTheServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.await(h.token(theViewer), h.ask(theViewer).Name)
	f.alive()
	h.broker.Close()
	f.ends("") // not "end": not all were told
}

func TestAWaitForManyEndsWithItsToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	made, err := h.identity.CreateUserToken(t.Context(), h.actor(theViewer), "test", nil)
	h.must(err)
	p, q := h.ask(theViewer), h.ask(theViewer)
	f := h.await(made.Secret, p.Name, q.Name)
	f.alive()
	h.must(h.identity.RevokeToken(t.Context(), h.actor(theViewer), made.Token.Name))
	h.clock.Advance(2 * time.Second)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	f.ends("")
	h.broker.WaitForSubscribers(0)
}

func TestAClientThatLeavesWaitsForNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.await(h.token(theViewer), h.ask(theViewer).Name)
	f.alive()
	f.leave()
	h.broker.WaitForSubscribers(0)
	h.logs.waitFor("status=499")
}

// A reader that does not read holds up nobody: others are told while its connection is full.
func TestAReaderThatNeverReadsDelaysNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	large := map[string]any{"petition": map[string]any{"reason": "why", "resources": []any{map[string]any{"id": "x"}},
		"params": map[string]any{"text": strings.Repeat("x", approval.MaxParamsBytes-100)}}}
	var names []string
	for range 80 { // some 5 MB: more than a socket takes of whose other end there is little room
		var p petition
		h.do(theViewer, post, inSpace+"/petitions", large).ok(&p)
		names = append(names, p.Name)
	}
	narrow := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, addr)
		if err == nil {
			err = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		}
		return conn, err
	}}
	stuck, reads := h.awaitThrough(&http.Client{Transport: narrow}, h.token(theViewer), names...), h.await(h.token(theViewer), names...)
	h.broker.WaitForSubscribers(2 * len(names))
	reads.lines.Buffer(nil, 1<<20)
	for _, name := range names {
		h.claim(theEditor, name, "access/deny").ok(nil)
		if m := reads.message(); m.id != name {
			t.Fatalf("told of %s, want %s", m.id, name)
		}
	}
	reads.ends(eventEnd)
	if figures := h.do("", get, "/metrics", nil).ok(nil).body; !strings.Contains(figures, "\nindent_api_petition_streams 1\n") {
		t.Error("who does not read has been told all: nothing was full")
	}
	stuck.leave()
	h.broker.WaitForSubscribers(0)
}
