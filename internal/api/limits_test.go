package api

import (
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/limits"
)

// limited puts budgets on the house.
func (h *house) limited(c limits.Config) *limits.Limits {
	c.Clock = h.clock
	l := limits.New(c)
	h.api.Limits, h.service.Limits = l, l
	return l
}

// tooMany fails the test unless the answer is a 429 that says when to come back.
func (a answer) tooMany() {
	a.Helper()
	a.refused(http.StatusTooManyRequests, approval.TooMany, "")
	if after, err := strconv.Atoi(a.header.Get("Retry-After")); err != nil || after < 1 || after > 10 {
		a.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
}

func TestWhoCallsTooOftenIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Calls: 5})
	end := h.logEnd("acmecorp")
	for range 20 {
		h.do(theViewer, get, inSpace, nil).ok(nil)
	}
	h.do(theViewer, get, inSpace, nil).tooMany()
	another, err := h.identity.CreateUserToken(t.Context(), h.actor(theViewer), "another", nil)
	h.must(err)
	h.with(another.Secret, get, inSpace, nil).tooMany() // the member counts, not the token
	h.do(theOwner, get, inSpace, nil).ok(nil)
	h.clock.Advance(time.Second)
	for range 5 {
		h.do(theViewer, get, inSpace, nil).ok(nil)
	}
	h.do(theViewer, get, inSpace, nil).tooMany()
	if n := h.refusedSince("acmecorp", end); n != 0 {
		t.Errorf("too many calls are %d refusals in the log", n)
	}
}

func TestWhoAsksTooOftenIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Petitions: 1})
	const body = `{"petition":{"reason":"why","resources":[{"id":"x"}]}}`
	for range 3 {
		h.ask(theViewer)
	}
	last := h.ask(theViewer)
	h.do(theViewer, post, inSpace+"/petitions", body).tooMany()
	h.do(theViewer, put, inSpace+"/petitions/"+last.Name, body).tooMany()
	var still petition
	h.do(theViewer, get, inSpace+"/petitions/"+last.Name, nil).ok(&still)
	if still.State.Status.Phase != approval.Open {
		t.Errorf("a petition that could not be replaced is %s", still.State.Status.Phase)
	}
	h.ask(theOwner)
	h.clock.Advance(time.Second)
	h.ask(theViewer)
}

// A member who is refused without end does not fill the log, and the log says that it does not have all.
func TestRefusalsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.limited(limits.Config{Refusals: 2})
	const many = 300
	for n := range many {
		path := "/v1/spaces/othercorp/petitions/" + strconv.Itoa(n)
		if a := h.do(theViewer, get, path, nil); n < 20 {
			a.refused(http.StatusNotFound, approval.NotFound, "")
		} else {
			a.tooMany()
		}
	}
	events := h.events(approval.EventRefused)
	if len(events) != 21 || l.Refused(limits.Refusals) != many-20 {
		t.Fatalf("%d entries and %d counted", len(events), l.Refused(limits.Refusals))
	}
	if last := events[20]; last.Label(approval.LabelRefusedCode) != "too_many" || last.Actor.ID != theViewer || last.Reason == "" {
		t.Errorf("the last entry does not say that there were more: %+v", last)
	}
	h.do(theViewer, put, inSpace+"/resources/x", oneResource).tooMany() // whatever is refused
	h.do(theViewer, get, inSpace, nil).ok(nil)                          // what is allowed goes on
	h.do(theAdmin, put, inSpace+"/resources/x", oneResource).refused(http.StatusForbidden, approval.Forbidden, "")
	if n := len(h.events(approval.EventRefused)); n != 22 {
		t.Errorf("%d entries", n)
	}
}

func TestParkedWaitsOfOneMemberAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.limited(limits.Config{Waits: 3})
	p := h.ask(theViewer)
	path := inSpace + "/petitions/" + p.Name + "?wait=60s"
	answers := make(chan answer, 3)
	for range 3 {
		r := h.request(t.Context(), h.token(theViewer), get, path, nil)
		go func() { answers <- h.send(r) }()
	}
	h.clock.WaitForSleepers(3)
	h.do(theViewer, get, path, nil).tooMany()
	h.do(theViewer, post, inSpace+"/petitions:wait", map[string]any{"names": []string{p.Name}}).tooMany()
	h.do(theViewer, get, inSpace+"/petitions/"+p.Name, nil).ok(nil) // one that does not wait
	h.claim(theEditor, p.Name, approval.EventDeny).ok(nil)
	for range 3 {
		(<-answers).ok(nil)
	}
	h.do(theViewer, get, path, nil).ok(nil)
	names := make([]string, 300)
	for i := range names {
		names[i] = fmt.Sprint("none-", i)
	}
	h.do(theViewer, post, inSpace+"/petitions:wait", map[string]any{"names": names}).tooMany() // weighs four
	h.do(theViewer, post, inSpace+"/petitions:wait", map[string]any{"names": names[:299]})
	if err := l.Park(h.actor(theViewer), 3); err != nil {
		t.Errorf("something is held still: %v", err)
	}
}

func TestWrongTokensOfOneAddressAreThrottledAndRightOnesAreNot(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{Wrong: 1, Trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}})
	from := func(addr, token, method, path string, body any) answer {
		return h.with(token, method, path, body, "X-Forwarded-For", addr)
	}
	const office, elsewhere = "203.0.113.7", "203.0.113.8"
	from(office, h.token(theViewer), get, inSpace, nil).ok(nil)
	exchange := func(secret string) map[string]string {
		return map[string]string{"grantType": "refresh_token", "refreshToken": secret}
	}
	for n := range 5 {
		from(office, fmt.Sprint("ind_wrong", n), get, inSpace, nil).refused(http.StatusUnauthorized, approval.Unauthenticated, "")
		from(office, "", post, "/v1/auth/token", exchange(fmt.Sprint("ind_wrong", n, "x"))).refused(http.StatusUnauthorized, approval.Unauthenticated, "")
	}
	for n := range 40 { // up to where what is strange is not looked up
		from(office, fmt.Sprint("ind_more", n), get, inSpace, nil).tooMany()
		from(office, "", post, "/v1/auth/token", exchange(fmt.Sprint("ind_more", n, "x"))).tooMany()
	}
	from(office, h.token(theViewer), get, inSpace, nil).ok(nil) // was right before
	from(office, h.token(theOwner), get, inSpace, nil).tooMany()
	from(elsewhere, h.token(theOwner), get, inSpace, nil).ok(nil)
	from(elsewhere, "ind_wrong", get, inSpace, nil).refused(http.StatusUnauthorized, approval.Unauthenticated, "")
	from(office, "", get, "/v1/auth/keys", nil).ok(nil)
	h.clock.Advance(time.Second)
	from(office, h.token(theEditor), get, inSpace, nil).ok(nil) // somebody new, as soon as there is room
}

// Whatever kind of credential POST /v1/auth/token takes: wrong ones are throttled together.
func TestWrongCredentialsOfEveryGrantAreThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for grant, field := range map[string]string{grantRefresh: "refreshToken", grantDevice: "deviceCode", grantCode: "code", grantExchange: "subjectToken", grantJWT: "assertion"} {
		h.limited(limits.Config{Wrong: 1})
		last := answer{}
		for n := range 11 {
			body := map[string]string{"grantType": grant, "codeVerifier": "v", "redirectUri": "http://127.0.0.1/x", "space": "acmecorp", "serviceAccountId": "quickstart"}
			body[field] = fmt.Sprintf("%s%04d", outsideJWT, n)
			if field == "deviceCode" || field == "code" {
				body[field] = fmt.Sprintf("%032d", n)
			}
			last = h.with("", post, "/v1/auth/token", body)
		}
		if last.status != http.StatusTooManyRequests {
			t.Errorf("the eleventh wrong %s is answered %d: %s", field, last.status, last.body)
		}
	}
}

// Who exchanges a right credential again and again writes to the log each time: it counts as a call of the member's.
func TestExchangesCountAsCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	exchange := func(secret string) answer {
		h.Helper()
		return h.with("", post, "/v1/auth/token", map[string]string{"grantType": grantRefresh, "refreshToken": secret})
	}
	bot, refresh := h.serviceToken(), h.letIn(theViewer)
	h.limited(limits.Config{Calls: 1})
	exchanged := func() int {
		page, err := h.service.Store.Events(t.Context(), approval.EventQuery{Space: "acmecorp", Event: approval.EventTokenExchange, Page: approval.PageRequest{Size: 100}})
		h.must(err)
		return len(page.Items)
	}
	for range 4 {
		exchange(bot).ok(nil)
		made := token{}
		exchange(refresh).ok(&made)
		refresh = made.RefreshToken
	}
	before := exchanged()
	exchange(bot).tooMany()
	exchange(refresh).tooMany()
	h.with(bot, get, inSpace, nil).tooMany() // it is the same budget
	if after := exchanged(); after != before || before != 8 {
		t.Errorf("%d exchanges in the log, then %d", before, after)
	}
	h.clock.Advance(time.Second)
	exchange(refresh).ok(nil) // it was not used up by what was refused
}

// letIn answers the refresh token of a program that a member has let in.
func (h *house) letIn(id string) string {
	h.Helper()
	logins := h.identity.Logins()
	c, err := logins.Open(h.Context(), approval.Login{Client: "indent"})
	h.must(err)
	_, err = logins.Answer(h.Context(), h.actor(id), c.User, true)
	h.must(err)
	made, err := logins.DeviceTokens(h.Context(), c.Device)
	h.must(err)
	return made.Refresh
}

// To end a login that there is not, or any more, is no error, and no way to try secrets without end.
func TestWrongTokensToEndAreThrottled(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	end := func(secret string) answer {
		h.Helper()
		return h.with("", post, "/v1/auth/revoke", map[string]string{"token": secret})
	}
	first, second := h.letIn(theViewer), h.letIn(theViewer)
	h.limited(limits.Config{Wrong: 1})
	end(first).ok(nil)
	end(first).ok(nil) // RFC 7009, 2.2
	for n := range 9 {
		end(fmt.Sprintf("indr_%038d", n)).ok(nil)
	}
	end("indr_" + fmt.Sprintf("%038d", 10)).tooMany()
	end(second).ok(nil) // a right one from the same address
	h.with("", post, "/v1/auth/token", map[string]string{"grantType": grantRefresh, "refreshToken": second}).tooMany()
}

func TestProgramsOfOneAddressAreBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.limited(limits.Config{})
	ask := func() answer { return h.with("", post, "/v1/auth/device", map[string]string{"client": "indent"}) }
	for range 10 {
		ask().ok(nil)
	}
	refused := ask()
	refused.refused(http.StatusTooManyRequests, approval.TooMany, "")
	if after, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || after < 1 || after > 15 {
		t.Errorf("Retry-After %q", refused.header.Get("Retry-After"))
	}
	h.clock.Advance(15 * time.Second)
	ask().ok(nil)
}

// outsideJWT is one that nobody trusts.
const outsideJWT = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.eyJpc3MiOiJodHRwczovL25vYm9keS5leGFtcGxlIiwiZXhwIjo0MTAyNDQ0ODAwfQ.AAAA"

// A call without a token, or with a header that is none, costs nothing and is told the same always.
func TestCallsWithoutATokenAreNotCounted(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	l := h.limited(limits.Config{Wrong: 1})
	for range 100 {
		h.with("", get, inSpace, nil).refused(http.StatusUnauthorized, approval.Unauthenticated, "")
	}
	if l.Known() != 0 {
		t.Errorf("%d are known", l.Known())
	}
}
