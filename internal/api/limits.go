package api

import (
	"net/http"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits bounds what one actor, one address and one wrong credential may cost (limits.Limits). A budget that is spent
// answers TooMany, with a time to come back.
type Limits interface {
	// Call counts a call of the actor.
	Call(a approval.Actor) error
	// Park counts n parked waits of the actor until Leave, which is called once for each Park that was not refused.
	Park(a approval.Actor, n int) error
	Leave(a approval.Actor, n int)
	// Admit is asked before a secret is looked up; what it answers is handed to Judge. A refusal says that it must not be.
	Admit(r *http.Request, secret string) (look uint64, err error)
	// Judge is told what came of looking a secret up, and answers what the caller is told.
	Judge(r *http.Request, secret string, look uint64, err error) error
	// Open counts a program that asks to be let in.
	Open(r *http.Request) error
}

// noLimits bounds nothing.
type noLimits struct{}

func (noLimits) Call(approval.Actor) error                                  { return nil }
func (noLimits) Park(approval.Actor, int) error                             { return nil }
func (noLimits) Leave(approval.Actor, int)                                  {}
func (noLimits) Admit(*http.Request, string) (uint64, error)                { return 0, nil }
func (noLimits) Judge(_ *http.Request, _ string, _ uint64, err error) error { return err }
func (noLimits) Open(*http.Request) error                                   { return nil }

// credentialed is an input whose body has a secret that stands for somebody, such as a refresh token: wrong ones are
// throttled as wrong bearer tokens are.
type credentialed interface{ credential() string }

// admitSecret answers the input's secret, "" for an input without one, unless it must not be looked up.
func (x *exchange) admitSecret(in any) (secret string, look uint64, err error) {
	c, has := in.(credentialed)
	if !has {
		return "", 0, nil
	}
	secret = c.credential()
	look, err = x.Limits.Admit(x.r, secret)
	return secret, look, err
}

// park counts the request among its actor's parked waits until release.
func (x *exchange) park(n int) error {
	err := x.Limits.Park(x.actor, n)
	if err == nil {
		x.parked = n
	}
	return err
}

// streamWeight is how many petitions of one stream count as one parked wait: they cost a name each, no connection.
const streamWeight = 100

// weighed is an input of a stream that waits for many.
type weighed interface{ weight() int }

// weightOf answers what a stream takes of its actor's budget of waits.
func weightOf(in any) int {
	if w, ok := in.(weighed); ok {
		return 1 + w.weight()/streamWeight
	}
	return 1
}
