package limits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

var (
	ada = approval.Actor{Space: "acmecorp", ID: "ada@acmecorp.example"}
	bob = approval.Actor{Space: "acmecorp", ID: "bob@acmecorp.example"}
)

func standard() (*Limits, *approvaltest.Clock) {
	clock := approvaltest.NewClock()
	return New(Config{Calls: 10, Petitions: 5, Refusals: 10, Wrong: 10, Waits: 3, Clock: clock}), clock
}

// spent fails the test unless err says to come back within the time.
func spent(t *testing.T, err error, within time.Duration) {
	t.Helper()
	e, ok := err.(*approval.Error)
	if !ok || e.Code != approval.TooMany || e.RetryAfter <= 0 || e.RetryAfter > within {
		t.Fatalf("got %v, want too_many with a time to come back within %s", err, within)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestEachActorHasABudgetThatComesBack(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	for name, c := range map[string]struct {
		take  func(approval.Actor) error
		burst int
		kind  Kind
	}{"calls": {l.Call, 40, Calls}, "petitions": {l.Petition, 20, Petitions}} {
		for range c.burst {
			must(t, c.take(ada))
		}
		spent(t, c.take(ada), 200*time.Millisecond)
		must(t, c.take(bob)) // is another
		must(t, c.take(approval.Actor{Space: "othercorp", ID: ada.ID}))
		clock.Advance(200 * time.Millisecond)
		must(t, c.take(ada))
		clock.Advance(-time.Hour) // nobody is shut out for longer than an empty bucket takes
		spent(t, c.take(ada), 200*time.Millisecond)
		clock.Advance(200 * time.Millisecond)
		must(t, c.take(ada))
		if got := l.Refused(c.kind); got != 2 {
			t.Errorf("%s: %d were counted as refused, want 2", name, got)
		}
		clock.Advance(2 * time.Hour)
	}
}

func TestZeroIsNoLimit(t *testing.T) {
	t.Parallel()
	l := New(Config{Clock: approvaltest.NewClock()})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for range 100_000 {
		must(t, l.Call(ada))
		must(t, l.Petition(ada))
		must(t, l.Park(ada, 1))
		if tell, err := l.Refusal(ada); tell || err != nil {
			t.Fatal(tell, err)
		}
		look, err := l.Admit(r, "wrong")
		must(t, err)
		if got := l.Judge(r, "wrong", look, wrong); got != wrong {
			t.Fatal(got)
		}
	}
	if l.Known() != 0 {
		t.Errorf("%d are known", l.Known())
	}
}

func TestRefusalsBeyondTheBudgetAreToldToTheLogOnceAMinute(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	written, told := 0, 0
	for range 3 * 60 * 50 { // for three minutes, fifty a second
		tell, err := l.Refusal(ada)
		if err == nil {
			written++
		} else if spent(t, err, time.Second); tell {
			told++
		}
		clock.Advance(20 * time.Millisecond)
	}
	if written < 1800 || written > 1901 || told != 3 {
		t.Errorf("%d written and %d told, want 100 at once, 10 a second, and 3 told", written, told)
	}
	if _, err := l.Refusal(bob); err != nil {
		t.Errorf("another one: %v", err)
	}
}

func TestParkedWaitsAreCountedWhileTheyArePark(t *testing.T) {
	t.Parallel()
	l, _ := standard()
	must(t, l.Park(ada, 2))
	must(t, l.Park(ada, 1))
	spent(t, l.Park(ada, 1), time.Second)
	must(t, l.Park(bob, 3))
	l.Leave(ada, 2)
	must(t, l.Park(ada, 2))
	spent(t, l.Park(ada, 1), time.Second)
	l.Leave(ada, 3)
	l.Leave(bob, 3)
	for i := range l.waits.shards {
		if n := len(l.waits.shards[i].open); n != 0 {
			t.Errorf("%d are kept who hold nothing", n)
		}
	}
}

// However many strangers there are, a table keeps as many as it has places, and the busy are not forgotten for them.
func TestTablesAreBoundedAndKeepTheBusy(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	for range 40 {
		must(t, l.Call(ada))
	}
	for n := range 3 * many {
		must(t, l.Call(approval.Actor{Space: "acmecorp", ID: fmt.Sprint(n)}))
		if n%100 == 0 {
			spent(t, l.Call(ada), time.Second)
		}
	}
	if known := l.calls.size(); known > many {
		t.Errorf("%d are known", known)
	}
	for i := range l.calls.shards {
		if s := &l.calls.shards[i]; len(s.places) > s.most || len(s.index) > s.most {
			t.Fatalf("shard %d has %d places for %d", i, len(s.places), len(s.index))
		}
	}
	clock.Advance(time.Hour)
	must(t, l.Call(ada))
}

// The ring by age is the same as a list that is kept the simple way.
func TestWhoWasNotSeenForLongestGivesUpThePlace(t *testing.T) {
	t.Parallel()
	s := &shard{most: 5, index: map[uint64]int32{}}
	var seen []uint64 // oldest first
	for n := range uint64(5000) {
		key := (n*n*7 + n/3) % 11
		s.place(key)
		for i, k := range seen {
			if k == key {
				seen = append(seen[:i], seen[i+1:]...)
				break
			}
		}
		if seen = append(seen, key); len(seen) > 5 {
			seen = seen[1:]
		}
		if len(s.index) != len(seen) {
			t.Fatalf("%d: %d known, want %d", n, len(s.index), len(seen))
		}
		at := s.first
		for i := len(seen) - 1; i >= 0; i-- {
			if s.places[at].key != seen[i] || s.index[seen[i]] != at {
				t.Fatalf("%d: the ring has %d where %d was seen", n, s.places[at].key, seen[i])
			}
			at = s.places[at].aged
		}
	}
}

func TestManyAtOnceTakeNoMoreThanThereIs(t *testing.T) {
	t.Parallel()
	l, _ := standard()
	var all sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		all.Go(func() {
			for range 100 {
				if l.Call(ada) == nil {
					mu.Lock()
					taken++
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if taken != 40 {
		t.Errorf("%d were taken of 40", taken)
	}
}

var wrong = approval.Errorf(approval.Unauthenticated, "wrong")

func from(addr string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = addr
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// try sends a secret as the edges do and answers what the caller is told.
func (l *Limits) try(r *http.Request, secret string, right bool) error {
	look, err := l.Admit(r, secret)
	if err != nil {
		return err
	}
	if right {
		return l.Judge(r, secret, look, nil)
	}
	return l.Judge(r, secret, look, wrong)
}

func TestAStrangerWithWrongSecretsDoesNotShutOutTheOffice(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	office := from("203.0.113.7:1000")
	must(t, l.try(office, "of one who was here before", true))
	for n := range 100 {
		if err := l.try(office, fmt.Sprint("wrong ", n), false); err != wrong {
			t.Fatalf("wrong secret %d: %v", n, err)
		}
	}
	for n := range 200 {
		spent(t, l.try(office, fmt.Sprint("more ", n), false), time.Second)
	}
	must(t, l.try(office, "of somebody new", true)) // it is looked at, and right
	for n := range 200 {                            // a flood: what is strange is not looked at any more
		spent(t, l.try(office, fmt.Sprint("flood ", n), false), time.Second)
	}
	spent(t, l.try(office, "of another one who is new", true), time.Second)
	must(t, l.try(office, "of one who was here before", true))
	must(t, l.try(from("203.0.113.8:1000"), "of another one who is new", true)) // elsewhere
	clock.Advance(time.Second)
	must(t, l.try(office, "of another one more", true))
}

func TestAWrongSecretThatIsSentAgainAndAgainIsNotLookedUp(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	for n := range 30 {
		if err := l.try(from(fmt.Sprintf("203.0.113.%d:1", n)), "revoked", false); err != wrong {
			t.Fatalf("%d: %v", n, err)
		}
	}
	spent(t, l.try(from("203.0.113.99:1"), "revoked", false), time.Second)
	must(t, l.try(from("203.0.113.99:1"), "another", true))
	clock.Advance(time.Second)
	must(t, l.try(from("203.0.113.99:1"), "revoked", true)) // its member is back
	if l.Refused(WrongToken) != 1 {
		t.Errorf("%d were counted", l.Refused(WrongToken))
	}
}

// What was right is looked at always, until it is wrong.
func TestACredentialThatEndsIsKnownAsRightNoMore(t *testing.T) {
	t.Parallel()
	l, _ := standard()
	r := from("203.0.113.7:1")
	must(t, l.try(r, "token", true))
	for range 30 {
		if err := l.try(r, "token", false); err != wrong {
			t.Fatal(err)
		}
	}
	spent(t, l.try(r, "token", false), time.Second)
}

// Only a wrong credential counts: not an outage, not a refusal.
func TestWhatIsNotWrongIsNotCounted(t *testing.T) {
	t.Parallel()
	l, _ := standard()
	r := from("203.0.113.7:1")
	for _, code := range []approval.Code{approval.Unavailable, approval.Forbidden, approval.Internal, approval.Expired, approval.Invalid} {
		for n := range 500 {
			secret, why := fmt.Sprint(code, n), approval.Errorf(code, "x")
			look, err := l.Admit(r, secret)
			must(t, err)
			if got := l.Judge(r, secret, look, why); got != why {
				t.Fatal(got)
			}
		}
	}
}

func TestCodesAreCountedBeforeTheyAreLookedAt(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	r := from("203.0.113.7:1")
	for range 500 {
		must(t, l.Guess(r, "acmecorp/ada"))
		l.Guessed(r, "acmecorp/ada")
	}
	for range 10 {
		must(t, l.Guess(r, "acmecorp/ada"))
	}
	spent(t, l.Guess(r, "acmecorp/ada"), 6*time.Second)
	must(t, l.Guess(r, "acmecorp/bob"))
	for range 88 {
		must(t, l.Guess(r, ""))
	}
	spent(t, l.Guess(r, ""), 6*time.Second)
	spent(t, l.Guess(r, "acmecorp/eve"), 6*time.Second)
	must(t, l.Guess(from("203.0.113.8:1"), "acmecorp/eve"))
	clock.Advance(6 * time.Second)
	must(t, l.Guess(r, "acmecorp/ada"))
}

// A program that asks to be let in is a stranger's: one client has ten at once, and as many as are open for ten minutes.
// Behind a proxy that is not trusted the client that the proxy names is one, and all of them together are ten.
func TestProgramsThatAskToBeLetInAreCounted(t *testing.T) {
	t.Parallel()
	l, clock := standard()
	direct, proxied := from("203.0.113.7:1"), func(client string) *http.Request { return from("10.0.0.1:1", "X-Forwarded-For", client) }
	for range 10 {
		must(t, l.Open(direct))
	}
	spent(t, l.Open(direct), 15*time.Second)
	must(t, l.Open(from("203.0.113.8:1")))
	for range 10 {
		must(t, l.Open(proxied("192.0.2.1, 198.51.100.1"))) // what it has written last counts, not what the client has before
	}
	spent(t, l.Open(proxied("192.0.2.2, 198.51.100.1")), 15*time.Second)
	must(t, l.Open(proxied("198.51.100.2")))
	must(t, l.Open(from("10.0.0.1:1", "Forwarded", "for=198.51.100.3")))
	for n := range 88 {
		must(t, l.Open(proxied(fmt.Sprintf("198.51.100.%d", 10+n))))
	}
	spent(t, l.Open(proxied("198.51.100.200")), 1500*time.Millisecond)
	clock.Advance(approval.LoginTTL)
	open := 0
	for l.Open(direct) == nil {
		open++
	}
	if open != 10 || l.Refused(Opens) != 4 {
		t.Errorf("%d after ten minutes, %d refused", open, l.Refused(Opens))
	}

	trusting := New(Config{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Clock: clock})
	for n := range 100 {
		must(t, trusting.Open(proxied(fmt.Sprintf("198.51.%d.1", n)))) // each of its clients is one by itself
		must(t, trusting.Open(proxied(fmt.Sprintf("198.51.%d.1", n))))
	}
}

func TestSourceIsTheRightmostHopThatIsNoTrustedProxy(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:ffff::/48")}
	for name, c := range map[string]struct {
		trusted []netip.Prefix
		r       *http.Request
		want    string
	}{
		"nobody is trusted":              {nil, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7"), "10.0.0.1/32"},
		"not a proxy":                    {proxies, from("198.51.100.1:1", "X-Forwarded-For", "203.0.113.7"), "198.51.100.1/32"},
		"a proxy":                        {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7"), "203.0.113.7/32"},
		"a proxy that says nothing":      {proxies, from("10.0.0.1:1"), "10.0.0.1/32"},
		"two proxies":                    {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7, 10.0.0.2"), "203.0.113.7/32"},
		"two proxies, two lines":         {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7", "X-Forwarded-For", "10.0.0.2"), "203.0.113.7/32"},
		"what the client said before":    {proxies, from("10.0.0.1:1", "X-Forwarded-For", "192.0.2.1, 203.0.113.7"), "203.0.113.7/32"},
		"a client that says 10.x":        {proxies, from("10.0.0.1:1", "X-Forwarded-For", "10.9.9.9, 203.0.113.7"), "203.0.113.7/32"},
		"only proxies":                   {proxies, from("10.0.0.1:1", "X-Forwarded-For", "10.0.0.3, 10.0.0.2"), "10.0.0.3/32"},
		"no address":                     {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7, unknown"), "10.0.0.1/32"},
		"no address behind a proxy":      {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7, unknown, 10.0.0.2"), "10.0.0.2/32"},
		"with a port":                    {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7:4711"), "203.0.113.7/32"},
		"IPv6 counts by /64":             {nil, from("[2001:db8:1:2:3:4:5:6]:1"), "2001:db8:1:2::/64"},
		"IPv6 through a proxy":           {proxies, from("[2001:db8:ffff::1]:1", "X-Forwarded-For", "2001:db8:1:2:3::9"), "2001:db8:1:2::/64"},
		"IPv4 in IPv6 clothes":           {proxies, from("[::ffff:10.0.0.1]:1", "X-Forwarded-For", "::ffff:203.0.113.7"), "203.0.113.7/32"},
		"a zone":                         {nil, from("[fe80::1%eth0]:1"), "fe80::/64"},
		"Forwarded":                      {proxies, from("10.0.0.1:1", "Forwarded", `proto=https;for="[2001:db8:1:2::9]:4711", For=10.0.0.2`), "2001:db8:1:2::/64"},
		"Forwarded that hides":           {proxies, from("10.0.0.1:1", "Forwarded", "for=203.0.113.7, for=_hidden"), "10.0.0.1/32"},
		"both say the same":              {proxies, from("10.0.0.1:1", "Forwarded", "for=203.0.113.7", "X-Forwarded-For", "203.0.113.7"), "203.0.113.7/32"},
		"both, and one is the client's":  {proxies, from("10.0.0.1:1", "Forwarded", "for=192.0.2.1", "X-Forwarded-For", "203.0.113.7"), "10.0.0.1/32"},
		"more hops than anybody has":     {proxies, from("10.0.0.1:1", "X-Forwarded-For", "203.0.113.7"+strings.Repeat(",10.0.0.2", 1000)), "10.0.0.2/32"},
		"an address that is none at all": {proxies, from("@", "X-Forwarded-For", "203.0.113.7"), "invalid Prefix"},
	} {
		l := New(Config{Trusted: c.trusted, Clock: approvaltest.NewClock()})
		if got := l.Source(c.r).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// What the caller's address looks like must never panic, and never be somebody else's without a trusted proxy.
func FuzzSource(f *testing.F) {
	f.Add("10.0.0.1:1", "203.0.113.7, 10.0.0.2", `for="[::1]:80"`)
	f.Add("[::1%0]:1", ",,,", ";;for=;=")
	f.Fuzz(func(t *testing.T, peer, plain, standard string) {
		r := from(peer, "X-Forwarded-For", plain, "Forwarded", standard)
		alone := New(Config{Clock: approvaltest.NewClock()})
		if got, want := alone.Source(r), alone.Source(from(peer)); got != want {
			t.Fatalf("%s, without headers %s", got, want)
		}
		New(Config{Trusted: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, Clock: approvaltest.NewClock()}).Source(r)
	})
}

// What each call of a program pays: a right token and a call.
func BenchmarkCall(b *testing.B) {
	l := New(Config{Calls: 1_000_000, Wrong: 10, Waits: 1, Clock: &ticking{now: approvaltest.Epoch}})
	r, secret := from("203.0.113.7:1"), strings.Repeat("x", 500)
	if err := l.try(r, secret, true); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		look, err := l.Admit(r, secret)
		if err == nil && look != 0 {
			err = l.Judge(r, secret, look, nil)
		}
		if err == nil {
			err = l.Call(ada)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// What a stranger's wrong secret costs, each another one.
func BenchmarkWrong(b *testing.B) {
	l := New(Config{Wrong: 10, Clock: approvaltest.NewClock()})
	r := from("203.0.113.7:1", "X-Forwarded-For", "192.0.2.1")
	secret := []byte(strings.Repeat("x", 44))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		secret[n%44]++
		if look, err := l.Admit(r, string(secret)); err == nil {
			_ = l.Judge(r, string(secret), look, wrong)
		}
	}
}

// ticking is a clock on which each look takes a microsecond.
type ticking struct {
	approval.Clock
	now time.Time
}

func (c *ticking) Now() time.Time {
	c.now = c.now.Add(time.Microsecond)
	return c.now
}
