package web

import (
	"net/http"

	"github.com/indent-approvals/indent/internal/approval"
)

// Limits bounds what one member, one address and one wrong credential may cost (limits.Limits). A budget that is spent
// answers TooMany, with a time to come back.
type Limits interface {
	// Call counts a page that the member asks for.
	Call(a approval.Actor) error
	// Admit is asked before a secret is looked up; what it answers is handed to Judge. A refusal says that it must not be.
	Admit(r *http.Request, secret string) (look uint64, err error)
	// Judge is told what came of looking a secret up, and answers what the visitor is told.
	Judge(r *http.Request, secret string, look uint64, err error) error
	// Guess counts an attempt at a code that is short enough to be guessed, before it is looked at: of the visitor's address,
	// and of who is signed in. With an error it must not be looked at. Guessed gives the attempt back: the code was right.
	Guess(r *http.Request, who string) error
	Guessed(r *http.Request, who string)
}

// noLimits bounds nothing.
type noLimits struct{}

func (noLimits) Call(approval.Actor) error                                  { return nil }
func (noLimits) Admit(*http.Request, string) (uint64, error)                { return 0, nil }
func (noLimits) Judge(_ *http.Request, _ string, _ uint64, err error) error { return err }
func (noLimits) Guess(*http.Request, string) error                          { return nil }
func (noLimits) Guessed(*http.Request, string)                              {}

// throttled looks a secret up unless that must not be done, and answers what the visitor is told.
func (w *Web) throttled(r *http.Request, secret string, look func() error) error {
	ticket, err := w.Limits.Admit(r, secret)
	if err != nil {
		return err
	}
	return w.Limits.Judge(r, secret, ticket, look())
}
