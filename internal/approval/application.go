package approval

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Application is what a webhook was told, or is to be told, of one pair of a petition: that a person may use a resource, and
// that it may no longer. An application is not ended before the webhook has said so.
type Application struct {
	Space    string `json:"-"`
	Petition string `json:"-"`
	Webhook  string `json:"-"`
	// Name stands for the pair as the webhook is told it, and Pair for the person and the resource by whatever names they have:
	// calls of one pair come one after the other.
	Name    string           `json:"-"`
	Pair    string           `json:"-"`
	State   ApplicationState `json:"-"`
	Version int64            `json:"-"` // grows with each change
	// EndingSince is since when access is to be taken away; zero before, and when it has ended.
	EndingSince time.Time `json:"-"`

	// Person and Resource are what the webhook is told.
	Person   Resource `json:"person"`
	Resource Resource `json:"resource"`
	// Holds says that the webhook may have given access by it: a grant was sent, and it has not said that it refuses.
	Holds bool `json:"-"`
	// Unsure says that whether the webhook is to be told could not be found out; Problem says why.
	Unsure bool `json:"unsure,omitzero"`
	// NotSent says that the webhook was in a dry run when it was to be told of the grant.
	NotSent bool `json:"notSent,omitzero"`
	// Expires is the end of access that the webhook was told, zero for none; Told that it was told one.
	Told    bool      `json:"told,omitzero"`
	Expires time.Time `json:"expires,omitzero"`
	// KeptBy is the petition that went on with the access, "" where it was taken away.
	KeptBy string `json:"keptBy,omitempty"`

	// Attempts are the calls of the command that is on its way; Since is when it began to be, TriedTime when it was last tried
	// and NextTime when it is tried next.
	Attempts  int       `json:"attempts,omitzero"`
	Since     time.Time `json:"since,omitzero"`
	TriedTime time.Time `json:"triedTime,omitzero"`
	NextTime  time.Time `json:"nextTime,omitzero"`
	// Problem says what is wrong, "" when nothing is. It names no address and no secret.
	Problem string `json:"problem,omitempty"`
	// CheckTime is when the webhook is asked next whether the person has the resource (GetState), zero for never. Suspect is what was
	// seen once that is not as it should be, Drift what was seen twice and told, and DriftSince since when. ConfirmTime is when the webhook said that nobody has access any more.
	CheckTime   time.Time  `json:"-"`
	Drift       StateDrift `json:"-"`
	Suspect     StateDrift `json:"suspect,omitempty"`
	DriftSince  time.Time  `json:"driftSince,omitzero"`
	ConfirmTime time.Time  `json:"confirmTime,omitzero"`
	// Replays counts how often somebody had it sent again: each has an id of its own.
	Replays    int       `json:"replays,omitzero"`
	CreateTime time.Time `json:"createTime"`
	UpdateTime time.Time `json:"updateTime"`
}

// ApplicationState is where an application stands.
type ApplicationState string

// The states.
const (
	ApplicationPending ApplicationState = "pending" // granted, and the webhook has not said that it is done
	ApplicationApplied ApplicationState = "applied" // the webhook has given access
	ApplicationFailed  ApplicationState = "failed"  // the webhook refuses the grant, or could not be told for too long
	ApplicationKept    ApplicationState = "kept"    // the webhook was told by another petition, and is told of this one only that it is over
	ApplicationEnding  ApplicationState = "ending"  // over, and the webhook has not said that access is taken away
	ApplicationEnded   ApplicationState = "ended"   // nothing is left to take away, or another petition goes on with it
)

// ApplicationQuery selects applications of a space, by petition, webhook and name.
type ApplicationQuery struct {
	Space     string
	Petitions []string // none: all
	Webhook   string   // "": all
	Pair      string   // "": all
	Open      bool     // those that have not ended
	Page      PageRequest
}

// Overdue is what webhooks have not taken away in time.
type Overdue struct {
	Count int
	Since time.Time // of the oldest; zero when there is none
}

// Held is what a webhook has given and not taken away.
type Held struct {
	Holding int // applications that hold access
	Overdue Overdue
}

type (
	// PutApplication inserts the application (Expect 0; one that exists is a Conflict) or replaces it if its version is Expect;
	// the store writes Expect+1. One that holds access is refused (Conflict) when there is no such webhook.
	PutApplication struct {
		Application Application
		Expect      int64
	}
)

func (PutApplication) write() {}

// ApplicationStore keeps what webhooks were told, and how they behave.
type ApplicationStore interface {
	// Applications answers a page of applications.
	Applications(ctx context.Context, q ApplicationQuery) (Page[Application], error)
	// Overdue answers what webhooks should have taken away since before a time: one webhook, or all of all spaces ("", "").
	Overdue(ctx context.Context, space, webhook string, before time.Time) (Overdue, error)
	// Holding answers how many applications of a webhook hold access.
	Holding(ctx context.Context, space, webhook string) (int, error)
	// HeldByEach answers what each webhook of a space holds, and should have taken away since before a time; of one that holds
	// nothing and was told nothing that is open it has nothing.
	HeldByEach(ctx context.Context, space string, before time.Time) (map[string]Held, error)
	// WakeLane lets jobs of a lane of a space run at a time, as WakeJob does, at most so many of those that would run later or run
	// now. It answers how many; with fewer than most there is no other.
	WakeLane(ctx context.Context, space, lane string, at time.Time, most int) (int, error)
	// Checks answers the applications of a webhook that it is to be asked about, the next first, at most so many; those of which the
	// time has not come, too.
	Checks(ctx context.Context, space, webhook string, most int) ([]Application, error)
	// Drifts answers of how many applications something else was seen than should be, and the first of them, at most so many: of one
	// webhook, or of all of all spaces ("", "").
	Drifts(ctx context.Context, space, webhook string, most int) (list []Application, count int, err error)
	// DriftsByEach answers the same numbers of each webhook of a space that has any.
	DriftsByEach(ctx context.Context, space string) (map[string]int, error)
	// Note writes bookkeeping of calls, all or nothing like Commit. It makes no event, because nobody's rights change by it: it
	// takes PutApplication, PutDelivery, PutWebhookHealth, PutPull and WakeJob, and refuses the rest (Internal).
	Note(ctx context.Context, space string, writes ...Write) error
	DeliveryStore
}

// IsNote answers whether a write is bookkeeping of calls, see [ApplicationStore].
func IsNote(w Write) bool {
	switch w.(type) {
	case PutApplication, PutDelivery, PutWebhookHealth, PutPull, WakeJob:
		return true
	}
	return false
}

// PageToken answers the token of a page that begins behind the application.
func (a Application) PageToken() string {
	return PageKey{Text: a.Petition + " " + a.Webhook + " " + a.Name}.Token()
}

// ParseApplicationToken reads what [Application.PageToken] wrote; an empty token is none.
func ParseApplicationToken(token string) (last Application, given bool, err error) {
	key, given, err := ParsePageToken(token)
	if err != nil || !given {
		return Application{}, false, err
	}
	parts := strings.Split(key.Text, " ")
	if len(parts) != 3 {
		return Application{}, false, badPageToken()
	}
	return Application{Petition: parts[0], Webhook: parts[1], Name: parts[2]}, true, nil
}

// open answers whether it has not ended.
func (a *Application) open() bool { return a.State != ApplicationEnded }

// begins makes a command of the application the next to send.
func (a *Application) begins(state ApplicationState, now time.Time) {
	a.State, a.UpdateTime, a.Since = state, now, now
	a.Attempts, a.TriedTime, a.NextTime, a.Problem, a.Unsure = 0, time.Time{}, time.Time{}, "", false
	a.EndingSince = time.Time{}
	a.Suspect, a.ConfirmTime = "", time.Time{}
}

// ending makes the end the next command to send. What holds access is overdue from the end of the grant on, however late that is seen.
func (a *Application) ending(p *Petition, now time.Time) {
	a.begins(ApplicationEnding, now)
	if !a.Holds {
		return
	}
	if a.EndingSince = now; p != nil && p.Grant != nil && !p.Grant.EndTime.IsZero() && p.Grant.EndTime.Before(now) {
		a.EndingSince = p.Grant.EndTime
	}
}

// callID answers the id of a command: whoever sends it again sends the same, and no other command has it.
func (a *Application) callID(command Event, expires time.Time) string {
	until := ""
	if command.Event == EventGrant {
		until = strconv.FormatInt(expires.UnixMicro(), 10)
	}
	return "msg_" + shortDigest(a.Space, a.Webhook, a.Petition, a.Name, command.Event, command.ID, until, strconv.Itoa(a.Replays))
}

// shortDigest answers a short text that stands for the parts.
func shortDigest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
