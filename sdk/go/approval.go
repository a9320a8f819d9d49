package indent

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNotApproved is every error of [Await] and [Resume], for errors.Is: the code that needs an approval must not go on.
var ErrNotApproved = errors.New("indent: not approved")

// DeniedError says that a reviewer, or a rule, said no, or took the grant away again. The petition is closed for good.
type DeniedError struct {
	Petition *Petition
	Reviewer string // address or id of who decided; empty when a rule did
	Reason   string // in the reviewer's words; may be empty
	Revoked  bool   // it was granted before
}

// Error says what was denied, by whom and why.
func (e *DeniedError) Error() string {
	if e.Revoked {
		return e.Petition.Ref() + " was granted, and revoked" + e.byWhy()
	}
	return e.Petition.Ref() + " was denied" + e.byWhy()
}

func (e *DeniedError) byWhy() string {
	text := " by a rule"
	if e.Reviewer != "" {
		text = " by " + e.Reviewer
		if d := e.Petition.State.Decision; d != nil && d.OnBehalfOf != "" {
			text += " on behalf of " + d.OnBehalfOf
		}
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return printable(text)
}

// Is answers true for [ErrNotApproved].
func (e *DeniedError) Is(target error) bool { return target == ErrNotApproved }

// TimeoutError says that nobody decided while the code waited. The petition stays open.
type TimeoutError struct {
	Petition *Petition
	After    time.Duration // how long was waited
	// Err is the context's error when that ended the waiting, or why the server could not be asked at the end, or nil.
	Err error
}

// Error says how to wait on.
func (e *TimeoutError) Error() string {
	text := fmt.Sprintf("%s was not decided within %s: it stays open, Resume with its name waits on", e.Petition.Ref(), e.After.Round(time.Millisecond))
	switch {
	case errors.Is(e.Err, context.Canceled):
		return fmt.Sprintf("%s was not decided when the waiting was stopped: it stays open, Resume with its name waits on", e.Petition.Ref())
	case e.Err != nil:
		return text + " (" + e.Err.Error() + ")"
	}
	return text
}

// Unwrap gives what ended the waiting, if it was not the timeout alone.
func (e *TimeoutError) Unwrap() error { return e.Err }

// Timeout answers true, as net.Error has it.
func (e *TimeoutError) Timeout() bool { return true }

// Is answers true for [ErrNotApproved].
func (e *TimeoutError) Is(target error) bool { return target == ErrNotApproved }

// ExpiredError says that nobody decided before the petition's own end, or that the grant's time is already up.
type ExpiredError struct{ Petition *Petition }

// Error says which of the two.
func (e *ExpiredError) Error() string {
	switch grant := e.Petition.State.Grant; {
	case e.Petition.Phase() == PhaseGranted:
		return fmt.Sprintf("the grant of %s ended at %s by this machine's clock: ask anew, or set the clock", e.Petition.Ref(), instant(grant.EndTime))
	case grant != nil:
		return e.Petition.Ref() + " was granted, and its time is up: ask anew"
	}
	return e.Petition.Ref() + " expired, nobody decided in time: ask anew"
}

// Is answers true for [ErrNotApproved].
func (e *ExpiredError) Is(target error) bool { return target == ErrNotApproved }

// WithdrawnError says that who asked has taken the petition back.
type WithdrawnError struct{ Petition *Petition }

// Error says what was withdrawn and, if it was said, why.
func (e *WithdrawnError) Error() string {
	_, reason := refusedBy(e.Petition)
	if reason != "" {
		reason = ": " + printable(reason)
	}
	return e.Petition.Ref() + " was withdrawn" + reason
}

// Is answers true for [ErrNotApproved].
func (e *WithdrawnError) Is(target error) bool { return target == ErrNotApproved }

// UnavailableError says that it could not be asked, or that the answer could not be had: no settings, no server, a
// refused call, or an answer that is not about what was asked.
type UnavailableError struct {
	Petition *Petition // nil when it was not made, or is not known
	Err      error     // an [*Error], [*ConnectionError], [*ResponseError], [*ConfigError] or the context's error
}

// Error says what was in the way.
func (e *UnavailableError) Error() string {
	if e.Petition == nil {
		return "no approval could be had: " + e.Err.Error()
	}
	return "no decision on " + e.Petition.Ref() + " could be had: " + e.Err.Error()
}

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }

// Is answers true for [ErrNotApproved].
func (e *UnavailableError) Is(target error) bool { return target == ErrNotApproved }
