package indent

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"time"
)

// Request is what [Await] asks for, and how it waits.
type Request struct {
	Reason      string     // why; reviewers read it; 1 to 4,000 characters
	Resources   []Resource // what for; 1 to 100
	Petitioners []Resource // for whom; default: the caller. For others it needs the role Petition Admin
	// Params is what the action will be done with: anything that is written as a JSON object of at most 64 KiB. Run what
	// the granted petition has in Params: that is what was approved.
	Params      any
	Duration    time.Duration     // how long the grant shall last; 0: as policy says
	StartTime   time.Time         // when the grant shall begin; zero: at once. The waiting ends when it is granted, not when it begins
	Labels      map[string]string // at most 64
	DisplayName string
	// IdempotencyKey makes a request that is sent again, also by another process, the same petition.
	IdempotencyKey string
	// Timeout is how long to wait for the decision: 0 means 10 s, Forever as long as the context lets.
	Timeout time.Duration
	// OnProgress is called, by the goroutine that waits, whenever something happens; PrintProgress makes one for a terminal.
	OnProgress func(Progress)
}

// DefaultTimeout is how long [Await] and [Resume] wait when nothing else is said.
const DefaultTimeout = 10 * time.Second

// Await asks, with the settings of the environment, and waits until it is decided: see [Client.Await].
func Await(ctx context.Context, r Request) (*Petition, error) {
	c, err := New(Options{})
	if err != nil {
		return nil, &UnavailableError{Err: err}
	}
	return c.Await(ctx, r)
}

// Resume waits, with the settings of the environment, for the decision on what was asked before: see [Client.Resume].
func Resume(ctx context.Context, name string, timeout time.Duration) (*Petition, error) {
	c, err := New(Options{})
	if err != nil {
		return nil, &UnavailableError{Err: err}
	}
	return c.Resume(ctx, name, timeout, nil)
}

// Await asks, and waits until it is decided. It answers the granted petition; everything else is an error, each of which is
// [ErrNotApproved]:
//
//   - [*DeniedError]: a reviewer or a rule said no, or the grant was taken away again
//   - [*TimeoutError]: not decided in time, or ctx ended; the petition stays open, and [Client.Resume] waits on
//   - [*ExpiredError]: nobody decided before the petition's own end, or the grant's time is up
//   - [*WithdrawnError]: who asked has taken it back
//   - [*UnavailableError]: it could not be asked, or the answer could not be had
//
// While it waits, a server that restarts, drops the connection or answers 5xx is asked again until the time is up.
func (c *Client) Await(ctx context.Context, r Request) (*Petition, error) {
	if r.IdempotencyKey == "" {
		r.IdempotencyKey = newKey() // one for all attempts
	}
	n := NewPetition{Reason: r.Reason, Resources: r.Resources, Petitioners: r.Petitioners, Params: r.Params, Duration: r.Duration, StartTime: r.StartTime,
		Labels: r.Labels, DisplayName: r.DisplayName, IdempotencyKey: r.IdempotencyKey}
	w := c.watch("", orDefault(r.Timeout))
	defer w.seat.leave()
	w.progress, w.check = r.OnProgress, n.isAnsweredBy
	if err := w.request(ctx, n); err != nil {
		return nil, &UnavailableError{Err: err}
	}
	w.tell(ProgressRequested, "⏵ Requested approval %s", w.petition.Ref())
	for _, m := range w.petition.State.Messages {
		w.tell(ProgressMessage, "⚠ %s", m.Message)
	}
	return w.settle(ctx)
}

// Resume waits for the decision on a petition that was made before, perhaps by another process, and answers as [Client.Await].
// progress may be nil. timeout is as in [Request].
func (c *Client) Resume(ctx context.Context, name string, timeout time.Duration, progress func(Progress)) (*Petition, error) {
	w := c.watch(name, orDefault(timeout))
	defer w.seat.leave()
	w.progress = progress
	if p, err := w.firstLook(ctx); err == nil {
		w.petition = p
		w.tell(ProgressResumed, "⏵ Resumed approval %s", p.Ref())
	} else if ctx.Err() != nil || !temporary(err, 0) {
		return nil, &UnavailableError{Err: err}
	}
	return w.settle(ctx)
}

func orDefault(timeout time.Duration) time.Duration {
	if timeout == 0 {
		return DefaultTimeout
	}
	return timeout
}

// longestAsking bounds how long a server that is away is asked to take the petition, also for who waits for ever.
const longestAsking = 30 * time.Second

// request makes the petition. A server that is away is asked again, with the same idempotency key.
func (w *watch) request(ctx context.Context, n NewPetition) error {
	for {
		p, err := w.create(ctx, n)
		if err == nil {
			err = w.check(p)
		}
		if err == nil {
			w.name, w.petition, w.trouble, w.setbacks = p.Name, p, nil, 0
			return nil
		}
		if ctx.Err() != nil || !temporary(err, w.setbacks) {
			return err
		}
		w.trouble = err
		w.setbacks++
		w.tellTrouble()
		if min(w.left(), longestAsking-w.elapsed()) <= 0 || w.pause(ctx) != nil {
			return err
		}
	}
}

// create makes the petition, when not too many are being made.
func (w *watch) create(ctx context.Context, n NewPetition) (*Petition, error) {
	if err := w.seat.queue(ctx, w.left()); err != nil {
		return nil, err
	}
	defer w.seat.served()
	return w.c.CreatePetition(ctx, n)
}

// settle waits until it is decided, and judges.
func (w *watch) settle(ctx context.Context) (*Petition, error) {
	err := w.run(ctx)
	switch {
	case err != nil && ctx.Err() != nil && w.petition != nil:
		err = &TimeoutError{Petition: w.petition, After: w.elapsed(), Err: err}
	case err != nil:
		err = &UnavailableError{Petition: w.petition, Err: err}
	case w.petition == nil:
		err = &UnavailableError{Err: w.trouble}
	case w.petition.Phase() == PhaseOpen:
		err = &TimeoutError{Petition: w.petition, After: w.timeout, Err: w.trouble}
	default:
		err = judge(w.petition, time.Now())
	}
	w.tellEnd(err)
	if err != nil {
		return nil, err
	}
	return w.petition, nil
}

func (w *watch) tellEnd(err error) {
	var denied *DeniedError
	var expired *ExpiredError
	var withdrawn *WithdrawnError
	var timeout *TimeoutError
	switch {
	case err == nil:
		w.tell(ProgressGranted, "✅ Granted")
	case errors.As(err, &denied) && denied.Revoked:
		w.tell(ProgressDenied, "❌ Revoked%s", denied.byWhy())
	case errors.As(err, &denied):
		w.tell(ProgressDenied, "❌ Denied%s", denied.byWhy())
	case errors.As(err, &expired):
		w.tell(ProgressExpired, "❌ Expired")
	case errors.As(err, &withdrawn):
		w.tell(ProgressWithdrawn, "❌ Withdrawn")
	case errors.As(err, &timeout):
		w.tell(ProgressTimeout, "⌛ Not decided yet")
	}
}

// Judge answers nil for a petition whose grant is in force now, and otherwise the error that [Client.Await] would answer;
// an open petition is a [*TimeoutError].
func Judge(p *Petition) error {
	if p.Phase() == PhaseOpen {
		return &TimeoutError{Petition: p}
	}
	return judge(p, time.Now())
}

// judge answers nil for a petition whose grant is in force, and the error that it is otherwise. There is no third way:
// a phase or an outcome that this version does not know is no approval.
func judge(p *Petition, now time.Time) error {
	grant := p.State.Grant
	switch p.Phase() {
	case PhaseGranted:
		if grant == nil || grant.StartTime.IsZero() {
			return &UnavailableError{Petition: p, Err: malformed("petition %s is granted without a grant", p.Ref())}
		}
		if end := grant.EndTime; !end.IsZero() && !end.After(now) {
			return &ExpiredError{Petition: p}
		}
		return nil
	case PhaseRevoked, PhaseClosed:
		return refusalOf(p)
	}
	return &UnavailableError{Petition: p, Err: unknown(p)}
}

func refusalOf(p *Petition) error {
	outcome := p.State.Status.Outcome
	if outcome == "" && p.Phase() == PhaseRevoked {
		outcome = OutcomeEnded
		if d := p.State.Decision; d != nil && d.Claim == EventRevoke {
			outcome = OutcomeRevoked
		}
	}
	switch outcome {
	case OutcomeDenied, OutcomeRevoked:
		reviewer, reason := refusedBy(p)
		return &DeniedError{Petition: p, Reviewer: reviewer, Reason: reason, Revoked: outcome == OutcomeRevoked}
	case OutcomeWithdrawn:
		return &WithdrawnError{Petition: p}
	case OutcomeExpired, OutcomeEnded:
		return &ExpiredError{Petition: p}
	}
	return &UnavailableError{Petition: p, Err: unknown(p)}
}

func unknown(p *Petition) error {
	s := p.State.Status
	return &ResponseError{wrong: true, Message: "petition " + p.Ref() + " is " + snippet(string(s.Phase)) + " " + snippet(string(s.Outcome)) +
		", which this version of the client does not know: that is no approval; upgrade the client"}
}

func refusedBy(p *Petition) (reviewer, reason string) {
	if d := p.State.Decision; d != nil {
		if reviewer = d.Actor.Email; reviewer == "" {
			reviewer = d.Actor.ID
		}
		return reviewer, d.Reason
	}
	if v := p.State.Verdict; v != nil {
		reason = v.Explanation
	}
	return "", reason
}

// isAnsweredBy refuses a petition that is not about what was asked for.
func (n NewPetition) isAnsweredBy(p *Petition) error {
	same := p.Reason == n.Reason && sameParams(n.Params, p.Params) && len(p.Resources) == len(n.Resources)
	for i := 0; same && i < len(n.Resources); i++ {
		same = n.Resources[i].saidOf(p.Resources[i])
	}
	if same {
		return nil
	}
	return &ResponseError{wrong: true, Message: "petition " + p.Ref() + " is for something else than was asked for: whatever is decided there, it is not this"}
}

// saidOf answers whether all that r says is true of there, to which the server may have added.
func (r Resource) saidOf(there Resource) bool {
	for key, value := range r.Labels {
		if got, ok := there.Labels[key]; !ok || got != value {
			return false
		}
	}
	same := func(asked, got string) bool { return asked == "" || asked == got }
	return same(r.ID, there.ID) && same(r.Kind, there.Kind) && same(r.DisplayName, there.DisplayName) && same(r.Email, there.Email) &&
		(len(r.AltIDs) == 0 || reflect.DeepEqual(r.AltIDs, there.AltIDs))
}

// sameParams compares by value: the server answers canonical JSON.
func sameParams(asked any, got json.RawMessage) bool {
	sent, err := encode(asked)
	if err != nil {
		return false
	}
	var a, b any
	for text, into := range map[*any][]byte{&a: sent, &b: got} {
		if len(into) > 0 && json.Unmarshal(into, text) != nil {
			return false
		}
	}
	return reflect.DeepEqual(a, b)
}
