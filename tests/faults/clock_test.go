package faults

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/tests/faults/faulttest"
)

// halfAnHour lets undecided petitions expire, and grants end, within a jump of the clock.
const halfAnHour = `version: 1
name: half-an-hour
rules:
  - name: review
    require:
      reviewers: {roles: [Editor, Owner]}
    decideWithin: 30m
    defaultDuration: 30m
`

// onEachEngine runs a test on an empty database of each engine.
func onEachEngine(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, filepath.Join(t.TempDir(), "indent.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if faulttest.HavePostgres(t) {
			test(t, faulttest.Database(t))
		}
	})
}

// hall is a server whose clock the test sets.
type hall struct {
	*apptest.Server
	t     *testing.T
	clock *approvaltest.Clock
}

func newHall(t *testing.T, database string, clock *approvaltest.Clock) *hall {
	t.Helper()
	return &hall{apptest.Start(t, apptest.Options{Database: database, Policy: halfAnHour, Clock: clock}), t, clock}
}

func (h *hall) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *hall) ask() string {
	h.t.Helper()
	p, _, err := h.Service().CreatePetition(h.t.Context(), h.Actor(h.t, apptest.Viewer), approval.NewPetition{Reason: "on call", Resources: []approval.Resource{{ID: "production"}}}, "")
	h.must(err)
	return p.Name
}

func (h *hall) decide(name, event string) (approval.Petition, error) {
	p, _, err := h.Service().Decide(h.t.Context(), h.Actor(h.t, apptest.Editor), name, approval.NewClaim{Event: event}, "")
	return p, err
}

func (h *hall) read(name string) approval.Petition {
	h.t.Helper()
	p, err := h.Service().Petition(h.t.Context(), h.Actor(h.t, apptest.Viewer), name)
	h.must(err)
	return p
}

// jump sets the clock an hour forward, or back, and lets the timers do what they think they must.
func (h *hall) jump(d time.Duration) {
	h.t.Helper()
	h.clock.Advance(d)
	for range 5 {
		h.clock.Advance(time.Second)
		faulttest.Pass(h.t.Context(), 20*time.Millisecond)
	}
}

// settles waits until the timers have closed the petition.
func (h *hall) settles(name string, outcome approval.Outcome) {
	h.t.Helper()
	faulttest.Until(h.t, time.Minute, "the timers have closed the petition", func() bool {
		h.clock.Advance(time.Second)
		return h.read(name).Phase == approval.Closed
	})
	if got := h.read(name).Outcome; got != outcome {
		h.t.Errorf("closed as %s, want %s", got, outcome)
	}
}

// logs fails the test unless the petition's log is exactly this.
func (h *hall) logs(name, want string) {
	h.t.Helper()
	history, err := h.Service().History(h.t.Context(), h.Actor(h.t, apptest.Viewer), name)
	h.must(err)
	var names []string
	for _, e := range history {
		if e.Event != approval.EventRefused {
			names = append(names, e.Event)
		}
	}
	if got := strings.Join(names, " "); got != want {
		h.t.Errorf("the log says %s, want %s", got, want)
	}
}

// Whatever the clock does: what has expired or ended stays so, and is written once.
func TestNothingExpiredComesBackAndNothingFiresTwice(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, database string) {
		h := newHall(t, database, approvaltest.NewClock())
		undecided, granted := h.ask(), h.ask()
		_, err := h.decide(granted, approval.EventApprove)
		h.must(err)
		end := h.read(granted).Grant.EndTime
		h.jump(time.Hour)
		h.settles(undecided, approval.OutcomeExpired)
		h.settles(granted, approval.OutcomeEnded)
		for range 3 {
			h.jump(-time.Hour)
			for name, outcome := range map[string]approval.Outcome{undecided: approval.OutcomeExpired, granted: approval.OutcomeEnded} {
				if p := h.read(name); p.Phase != approval.Closed || p.Outcome != outcome {
					t.Errorf("after the clock was set back it is %s %s", p.Phase, p.Outcome)
				}
				if _, err := h.decide(name, approval.EventApprove); approval.CodeOf(err) != approval.Conflict {
					t.Errorf("it can be approved again: %v", err)
				}
			}
			h.jump(time.Hour)
		}
		if got := h.read(granted).Grant.EndTime; got.After(end) {
			t.Errorf("the grant was to end at %s and ended at %s", end, got)
		}
		h.logs(undecided, "access/request access/expire")
		h.logs(granted, "access/request access/approve access/grant access/end access/close")
	})
}

// A clock that is set back makes no grant longer than was agreed: its end stands, and a revocation is an end.
func TestAClockThatIsSetBackMakesNoGrantLonger(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, database string) {
		h := newHall(t, database, approvaltest.NewClock())
		kept, revoked := h.ask(), h.ask()
		ends := map[string]time.Time{}
		for _, name := range []string{kept, revoked} {
			p, err := h.decide(name, approval.EventApprove)
			h.must(err)
			ends[name] = p.Grant.EndTime
		}
		h.jump(-time.Hour)
		_, err := h.decide(revoked, approval.EventRevoke)
		h.must(err)
		h.settles(revoked, approval.OutcomeRevoked)
		if g := h.read(kept).Grant; !g.EndTime.Equal(ends[kept]) || g.EndTime.Sub(g.StartTime) != 30*time.Minute {
			t.Errorf("the grant is %+v, want its end at %s", g, ends[kept])
		}
		if g := h.read(revoked).Grant; g.EndTime.After(ends[revoked]) || g.EndTime.Before(g.StartTime) {
			t.Errorf("the revoked grant is %+v", g)
		}
		h.clock.Set(ends[kept])
		h.settles(kept, approval.OutcomeEnded)
		h.logs(kept, "access/request access/approve access/grant access/end access/close")
		h.logs(revoked, "access/request access/approve access/grant access/revoke access/close")
	})
}

// What ends a credential for good is written: its end, a revocation, its use. A clock that was ahead for a while ends
// none, and no clock lets one live behind its written end.
func TestCredentialsEndWhenTheirRowSaysSo(t *testing.T) {
	t.Parallel()
	onEachEngine(t, func(t *testing.T, database string) {
		h := newHall(t, database, approvaltest.NewClock())
		c, ids := newClient(t, patient), h.Identity()
		status := func(token string) int {
			ids.Forget()
			return c.call(t.Context(), token, http.MethodGet, h.URL()+inSpace, nil).status
		}
		long := h.ServiceToken(t, "robot", approval.Viewer)
		made, err := ids.CreateUserToken(t.Context(), h.Actor(t, apptest.Viewer), "test", nil)
		h.must(err)
		gone, err := ids.CreateUserToken(t.Context(), h.Actor(t, apptest.Viewer), "test", nil)
		h.must(err)
		link, err := ids.Sessions().CreateLink(t.Context(), approval.System(apptest.Space, "admin"), apptest.Viewer, 24*time.Hour)
		h.must(err)
		_, _, err = ids.Sessions().SignIn(t.Context(), link, "test")
		h.must(err)
		h.must(ids.RevokeToken(t.Context(), h.Actor(t, apptest.Viewer), gone.Token.Name))
		end := made.Token.ExpireTime
		for _, at := range []time.Time{end.Add(-time.Second), end, end.Add(time.Hour), end.Add(-time.Second), end, end.Add(-time.Hour)} {
			h.clock.Set(at)
			want := http.StatusOK
			if !at.Before(end) {
				want = http.StatusUnauthorized
			}
			if got := status(made.Secret); got != want {
				t.Errorf("%s from its end the token is answered %d, want %d", at.Sub(end), got, want)
			}
			if got := status(gone.Secret); got != http.StatusUnauthorized {
				t.Errorf("%s from its end the revoked token is answered %d", at.Sub(end), got)
			}
			if got := status(long); got != http.StatusOK {
				t.Errorf("a token without an end is answered %d", got)
			}
			if _, _, err := ids.Sessions().SignIn(t.Context(), link, "test"); err == nil {
				t.Error("a link that was used signs in again")
			}
		}
	})
}

// Nodes whose clocks are an hour apart do everything once.
func TestNodesWhoseClocksDiffer(t *testing.T) {
	t.Parallel()
	if !faulttest.HavePostgres(t) {
		return
	}
	database := faulttest.Database(t)
	right, ahead := newHall(t, database, approvaltest.NewClock()), newHall(t, database, approvaltest.NewClock())
	var names []string
	for range 5 {
		name := right.ask()
		_, err := right.decide(name, approval.EventApprove)
		right.must(err)
		names = append(names, name, right.ask())
	}
	ahead.jump(time.Hour)
	for i, name := range names {
		outcome := []approval.Outcome{approval.OutcomeEnded, approval.OutcomeExpired}[i%2]
		ahead.settles(name, outcome)
		right.settles(name, outcome)
	}
	right.jump(time.Hour)
	for i, name := range names {
		right.logs(name, []string{"access/request access/approve access/grant access/end access/close", "access/request access/expire"}[i%2])
	}
	if !slices.ContainsFunc(names, func(name string) bool { return right.read(name).UpdateTime.After(approvaltest.Epoch.Add(time.Hour)) }) {
		t.Error("the node that is ahead did nothing: the test proves nothing")
	}
}
