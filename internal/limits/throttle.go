package limits

import (
	"errors"
	"hash/maphash"
	"net/http"
	"net/netip"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A stranger who sends wrong credentials must neither cost much nor shut out those who share an address with him: an office
// has one. So what is counted is only what was wrong, and what was right a while ago is always looked at:
//
//   - A long secret cannot be guessed, and to look it up is cheap: it is looked up first. Beyond the address's budget the
//     answer to a wrong one is 429 instead of 401; a right one works.
//   - A secret that was wrong before is not looked up again beyond a budget of its own.
//   - Beyond twenty times the address's budget, what was never right on this node is not looked up any more: then, and only
//     then, somebody new at that address has to come back.
//   - A code that is short enough to be guessed is counted before it is looked at, and given back when it was right.
type throttle struct {
	wrong   *buckets // of one address: beyond it 401 becomes 429
	looks   *buckets // of one address: beyond it strange credentials are not looked up
	repeats *buckets // of one credential
	guesses *buckets // of one who is signed in
	tries   *buckets // of one address; a proxy that is not trusted is one, too
	opens   *buckets // logins that one address asks for
	near    *buckets // and of those, one client of a proxy that is not trusted
	right   table    // credentials that were right
}

const (
	manyLooks   = 20 // times the budget of wrong credentials
	burstWrong  = 10
	burstSame   = 30
	guessEvery  = 6 * time.Second
	guessAtOnce = 10
	manyTries   = 10 // times the guesses of one who is signed in
	// Of one client no more logins are open at once, each for approval.LoginTTL, than fifty.
	openEvery  = 15 * time.Second
	openAtOnce = 10
	manyOpens  = 10 // times those of one client
)

// start takes how many wrong credentials a second one address may send; 0 turns it off, but for codes that can be
// guessed.
func (t *throttle) start(rate int) {
	t.guesses, t.tries = newBuckets(guessEvery, guessAtOnce), newBuckets(guessEvery/manyTries, manyTries*guessAtOnce)
	t.near, t.opens = newBuckets(openEvery, openAtOnce), newBuckets(openEvery/manyOpens, manyOpens*openAtOnce)
	if rate > 0 {
		t.wrong, t.looks, t.repeats = perSecond(rate, burstWrong), perSecond(manyLooks*rate, 2), newBuckets(time.Second, burstSame)
		t.right.init(many)
	}
}

// Admit answers TooMany when the secret of a request must not even be looked up. What it answers else is handed to Judge.
func (l *Limits) Admit(r *http.Request, secret string) (look uint64, err error) {
	if l.wrong == nil {
		return 0, nil
	}
	look = maphash.String(l.seed, secret) | 1
	if l.right.has(look) {
		return 0, nil
	}
	now := l.clock.Now()
	if wait := l.repeats.look(look, now); wait > 0 {
		return look, l.refuse(WrongToken, wait, "this credential was wrong before: get a new one and stop sending it")
	}
	if wait := l.looks.look(l.source(r), now); wait > 0 {
		return look, l.refuse(WrongSource, wait, "too many wrong credentials come from your network address: try again in a moment")
	}
	return look, nil
}

// Judge is told what came of looking at a secret that was admitted, and answers what the caller is told: TooMany instead of
// Unauthenticated when the address has sent too many that were wrong.
func (l *Limits) Judge(r *http.Request, secret string, look uint64, err error) error {
	switch {
	case l.wrong == nil:
		return err
	case err == nil && look != 0:
		l.right.remember(look)
		return nil
	case !wrongSecret(err):
		return err
	}
	if look == 0 { // it was right until now
		look = maphash.String(l.seed, secret) | 1
		l.right.forget(look)
	}
	source, now := l.source(r), l.clock.Now()
	l.repeats.take(look, now)
	l.looks.take(source, now)
	if wait := l.wrong.take(source, now); wait > 0 {
		return l.refuse(WrongSource, wait, "too many wrong credentials come from your network address, and this is one: get a new one, then try again in a moment")
	}
	return err
}

// wrongSecret answers whether err says that a credential was wrong, in HTTP's words or in those of OAuth.
func wrongSecret(err error) bool {
	var e *approval.Error
	return errors.As(err, &e) && (e.Code == approval.Unauthenticated || e.Grant == approval.GrantInvalid)
}

// Guess counts an attempt at a code that is short enough to be guessed, before it is looked at: of the request's address
// and of who is signed in, if anybody is. With an error it must not be looked at.
func (l *Limits) Guess(r *http.Request, who string) error {
	now := l.clock.Now()
	wait := l.tries.take(l.source(r), now)
	if wait == 0 && who != "" {
		wait = l.guesses.take(maphash.String(l.seed, who), now)
	}
	if wait > 0 {
		return l.refuse(Guesses, wait, "too many codes were tried: wait a while, then copy the code again, whole")
	}
	return nil
}

// Guessed gives the attempt back: the code was right.
func (l *Limits) Guessed(r *http.Request, who string) {
	now := l.clock.Now()
	l.tries.back(l.source(r), now)
	if who != "" {
		l.guesses.back(maphash.String(l.seed, who), now)
	}
}

// Open counts a program that asks to be let in (RFC 8628), which strangers may do. Behind a proxy that is not trusted all
// are one address: there the client that the proxy names counts, too. Who reaches the server by itself can write what it
// likes there, and spends only its own address's budget, which is that of ten.
func (l *Limits) Open(r *http.Request) error {
	now := l.clock.Now()
	client := [2]netip.Prefix{l.Source(r), network(l.sources.claimed(r))}
	wait := l.near.take(maphash.Comparable(l.seed, client), now)
	if wait == 0 {
		wait = l.opens.take(l.source(r), now)
	}
	if wait > 0 {
		return l.refuse(Opens, wait, "too many programs of your network address ask to be let in: wait a while, then begin again")
	}
	return nil
}

// source answers the key of where a request comes from.
func (l *Limits) source(r *http.Request) uint64 {
	return maphash.Comparable(l.seed, l.Source(r))
}

// Source answers where a request comes from: an IPv4 address, or the /64 that an IPv6 address is in, because who has one
// has all of it.
func (l *Limits) Source(r *http.Request) netip.Prefix { return network(l.sources.of(r)) }

func network(addr netip.Addr) netip.Prefix {
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // of no address it is the zero prefix: all of those are one source
	return p
}
