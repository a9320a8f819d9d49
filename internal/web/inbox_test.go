package web_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

func TestInboxTeachesWhenItIsEmpty(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.browser(owner).get("/").is(http.StatusOK).has("No petitions yet.", "await approval({", `href="/api-keys"`)
	h.stories()
	h.browser(viewer).get("/").has("Nothing waits for you.", "You asked").lacks("No petitions yet.")
}

func TestInboxPutsWhatWaitsForMeFirstAndNothingTwice(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	all := h.stories()
	body := h.browser(reviewer).get("/").has("(4) Inbox", "Waiting for you 4", "Everything else").body
	waiting, rest, _ := strings.Cut(body, `id="recent"`)
	for _, name := range []string{"refund", "self", "nasty", "twoPeople"} {
		if strings.Count(waiting, "row-"+all[name].Name) != 1 || strings.Contains(rest, all[name].Name) {
			t.Errorf("%s is not once among those that wait", name)
		}
	}
	for _, name := range []string{"denied", "granted", "withdrawn", "byRule"} {
		if strings.Contains(waiting, all[name].Name) || strings.Count(rest, "row-"+all[name].Name) != 1 {
			t.Errorf("%s is not once among the rest", name)
		}
	}
	// Who has approved waits no more.
	if strings.Contains(strings.Split(h.browser(owner).get("/").body, `id="recent"`)[0], "row-"+all["twoPeople"].Name) {
		t.Error("a petition waits for somebody who has approved it")
	}
	h.browser(stranger).get("/").lacks("Refund")
}

func TestInboxGoesBackPageByPage(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for n := range 70 {
		h.ask(viewer, approval.NewPetition{Reason: fmt.Sprintf("number %03d.", n)})
	}
	b := h.browser(owner)
	first := b.get("/").has("Waiting for you 50+", "number 069.", "number 020.").body
	next := regexp.MustCompile(`href="(/\?waiting=[^"#]+)#waiting"`).FindStringSubmatch(first)
	if next == nil {
		t.Fatal("no way to the older ones")
	}
	b.get(strings.ReplaceAll(next[1], "&amp;", "&")).is(http.StatusOK).has("number 019.", "number 000.")
	b.get("/?waiting=nonsense").is(http.StatusBadRequest).has("page token")
}

// listener reads the stream of a page that is open.
type listener struct {
	t     *testing.T
	lines chan string
	stop  context.CancelFunc
}

func (h *house) listen(t *testing.T, id, query string) *listener {
	t.Helper()
	server := httptest.NewServer(h.handler)
	ctx, cancel := context.WithCancel(t.Context())
	r := must(http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/inbox/stream?"+query, nil))
	r.AddCookie(h.browser(id).cookie)
	answer := must(http.DefaultClient.Do(r))
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %s", answer.StatusCode, answer.Header)
	}
	l := &listener{t, make(chan string, 100), cancel}
	go func() {
		defer close(l.lines)
		for part := make([]byte, 4096); ; {
			n, err := answer.Body.Read(part)
			for event := range strings.SplitSeq(string(part[:n]), "\n\n") {
				if event != "" {
					l.lines <- event
				}
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		server.Close()
	})
	if first := l.next(); first != "retry: 2000" {
		t.Fatalf("the stream begins with %q", first)
	}
	return l
}

func (l *listener) next() string {
	l.t.Helper()
	select {
	case line := <-l.lines:
		return line
	case <-l.t.Context().Done():
		l.t.Fatal("nothing came")
		return ""
	}
}

// after answers the place in the log that a page shows.
func (p page) after() string {
	p.t.Helper()
	return regexp.MustCompile(`data-after="([^"]*)"`).FindStringSubmatch(p.body)[1]
}

// Whom a rule tells of a petition finds it marked as long as it waits, and has no say in it; nobody else is told.
func TestWhoIsToldFindsItMarked(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const mark = "for you to know"
	h.policy.verdict.Requirements[0].Notify = &approval.Reviewers{Persons: []string{viewer}}
	p := h.ask(owner, approval.NewPetition{})
	h.browser(viewer).get("/").has(mark)
	h.browser(viewer).get("/access/acme/" + p.Name).has("Told of it, without a say").lacks("Your decision")
	h.browser(owner).get("/").lacks(mark)
	h.browser(reviewer).get("/").lacks(mark)
	h.decide(reviewer, p, approval.NewClaim{Event: approval.EventApprove})
	h.browser(viewer).get("/").lacks(mark)
}

func TestAnOpenPageIsToldThatSomethingChanged(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	// Eve may not read the log; she is told all the same, and only that there is something to read.
	place := h.browser(viewer).get("/").after()
	l := h.listen(t, viewer, "after="+place)
	h.ask(owner, approval.NewPetition{})
	got := l.next()
	if !strings.HasPrefix(got, "id: ") || !strings.HasSuffix(got, "\nevent: changed\ndata: ") {
		t.Fatalf("told %q", got)
	}
	// What happened between the page and the stream is told at once.
	h.decide(owner, p, approval.NewClaim{Event: approval.EventApprove})
	again := h.listen(t, viewer, "after="+place+"&petition="+p.Name)
	if got := again.next(); !strings.Contains(got, "event: changed") {
		t.Fatalf("told %q", got)
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser(viewer)
	l := h.listen(t, viewer, "after="+b.get("/").after())
	for secret, m := range h.sessions.all() {
		if m.ID == viewer {
			h.sessions.SignOut(t.Context(), secret)
		}
	}
	h.ask(owner, approval.NewPetition{})
	if line, open := <-l.lines; open {
		t.Fatalf("told %q after signing out", line)
	}
}

func TestLookingAtAStreamDoesNotOpenOne(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if got := h.browser(viewer).do(http.MethodHead, "/inbox/stream", nil).is(http.StatusOK); got.body != "" {
		t.Errorf("HEAD answers %q", got.body)
	}
}

func TestWhatLiesFarBackIsSaidToBeThere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	waits := h.ask(viewer, approval.NewPetition{Reason: "the oldest"})
	h.rule(twoPeople()) // asked by the owner itself: it waits for others
	for range 1000 {
		h.ask(owner, approval.NewPetition{})
	}
	b := h.browser(owner)
	next := b.get("/").has("None of the newest petitions waits for you.", "Look further back")
	more := regexp.MustCompile(`href="(/\?waiting=[^"#]+)#waiting"`).FindStringSubmatch(next.body)
	b.get(strings.ReplaceAll(more[1], "&amp;", "&")).has("the oldest", waits.Name)
}

func TestAStreamLivesThroughSilence(t *testing.T) {
	t.Parallel()
	clock := approvaltest.NewClock()
	h := newHouseAt(t, base, clock, clock)
	l := h.listen(t, viewer, "after="+h.browser(viewer).get("/").after())
	clock.WaitForSleepers(1)
	clock.Advance(15e9)
	if got := l.next(); got != ": alive" {
		t.Fatalf("told %q", got)
	}
}

func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	query := "after=" + h.browser(viewer).get("/").after()
	for range 32 {
		h.listen(t, viewer, query)
	}
	h.browser(viewer).get("/inbox/stream?" + query).is(http.StatusTooManyRequests)
	h.browser(viewer).get("/inbox/stream?after=x").is(http.StatusBadRequest)
}
