package approval_test

import (
	"flag"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/indent-approvals/indent/internal/approval"
)

// world is the centre, the model of it and what has happened.
type world struct {
	*house
	t       *rapid.T
	members map[string]approval.Member
	models  []*model
	events  map[string][]approval.Event // of each petition, as committed
	refused int
	keys    map[string]*model
	away    []*delegation     // as they were made
	frozen  map[string]bool   // persons who did not answer for what broke the glass
	calm    bool              // roles change seldom, so that deputies and who is away keep what they have
	seen    map[string]string // closed petitions as they were closed
}

func newWorld(t *rapid.T, tb testing.TB) *world {
	w := &world{house: newHouse(tb), t: t, members: map[string]approval.Member{}, events: map[string][]approval.Event{}, keys: map[string]*model{}, seen: map[string]string{}, frozen: map[string]bool{}}
	w.store.ByReference = true
	for _, id := range everybody {
		m, err := w.store.Member(tb.Context(), "acme", id)
		if err != nil {
			t.Fatal(err)
		}
		m.CreateTime = time.Time{} // members come before any clock that is set back
		w.put(m)
		w.members[id] = m
	}
	w.calm = w.n(2, "calm") == 0
	for _, d := range []delegation{{from: bob, to: pat}, {from: olga, to: vic}, {from: eve, to: bob}} {
		if w.n(2, "away from the start") == 0 {
			w.awayFor(d, 60*day)
		}
	}
	w.store.AfterCommit = func(c approval.Change) error {
		for _, e := range c.Events {
			if e.Event == approval.EventRefused {
				w.refused++
			} else {
				w.events[e.Petition()] = append(w.events[e.Petition()], e)
				if e.Label(approval.LabelOnBehalfOf) != "" {
					delegated.Add(1)
				}
			}
		}
		return nil
	}
	return w
}

var everybody = []string{olga, bob, eve, pat, vic, quickstart, bobsBot}

func (w *world) n(below int, what string) int { return rapid.IntRange(0, below-1).Draw(w.t, what) }

func (w *world) member() approval.Member { return w.members[everybody[w.n(len(everybody), "who")]] }

// bounded answers the member as it counts now: a service account is never more than its owner.
func (w *world) bounded(id string) approval.Member {
	m := w.members[id]
	if owner := w.members[m.Person]; m.Kind == approval.KindServiceAccount {
		m.Suspended = m.Suspended || owner.Suspended
		if !owner.Role.Covers(m.Role) {
			m.Role = owner.Role
		}
	}
	return m
}

// caller answers somebody whom identity lets in: not one who is suspended.
func (w *world) caller() approval.Member {
	first := w.n(len(everybody), "caller")
	for i := range everybody {
		if m := w.bounded(everybody[(first+i)%len(everybody)]); !m.Suspended {
			return m
		}
	}
	w.t.Fatal("everybody is suspended")
	return approval.Member{}
}

// recent answers one of the youngest petitions, nil when there is none.
func (w *world) recent() *model {
	if len(w.models) == 0 {
		return nil
	}
	return w.models[len(w.models)-1-w.n(min(len(w.models), 8), "which")]
}

func (w *world) step() {
	switch n := w.n(100, "step"); {
	case n < 12:
		w.create()
	case n < 57:
		w.claim()
	case n < 60:
		w.delegate()
	case n < 61:
		w.endDelegation()
	case n < 64:
		w.lift()
	case n < 67:
		w.withdraw()
	case n < 72:
		w.replace()
	case n < 80:
		w.passTime()
	case n < 87:
		w.runTimers()
	case n < 88:
		w.runTogether()
	case n < 94:
		w.read()
	default:
		w.change()
	}
}

func (w *world) create() {
	by := w.caller()
	n, m := w.draw(by)
	if slices.ContainsFunc(n.Petitioners, func(r approval.Resource) bool { return w.members[r.ID].Suspended }) && w.rule.verdict.Decision == approval.VerdictApprove {
		return // a stranger's: proved elsewhere
	}
	key := []string{"", "a", "b"}[w.n(3, "key")]
	refusals := w.refused
	p, replayed, err := w.CreatePetition(w.house.t.Context(), by.Actor("", nil), n, key)
	made := w.keys[by.ID+" "+key]
	switch want := w.mayAsk(by, n); {
	case want != "":
		w.expect(refusals, err, want, "create")
	case key != "" && made != nil && replayed:
		made.settle(w)
		if p.Name != made.name {
			w.t.Fatalf("the key %s of %s made %s and answers %s", key, by.ID, made.name, p.Name)
		}
		w.check(made)
	case key != "" && made != nil:
		w.expect(refusals, err, approval.Conflict, "create with a used key")
	default:
		w.expect(refusals, err, "", "create")
		m.name = p.Name
		w.models = append(w.models, m)
		if key != "" {
			w.keys[by.ID+" "+key] = m
		}
		w.check(m)
	}
}

func (w *world) claim() {
	m := w.recent()
	if m == nil {
		return
	}
	by, event := w.claimant(), []string{approve, approve, approve, deny, revoke}[w.n(5, "event")]
	c := claim(event)
	var term agreement
	invalid := false
	now := w.clock.Now()
	switch w.n(8, "term") {
	case 0:
		c.Labels[approval.LabelTimeDuration], term.length = "30m", 30*time.Minute
	case 1:
		term.end = now.Add(time.Duration(w.n(6, "hours")) * time.Hour)
		c.Labels[approval.LabelTimeExpires] = term.end.Format(time.RFC3339Nano)
		invalid = !term.end.After(now)
	case 2:
		c.Labels[approval.LabelTimeIndefinite], term.forever = "true", true
	case 3:
		c.Labels[approval.LabelTimeDuration], invalid = "-1h", true
	}
	wrong := false
	switch w.n(6, "digest") {
	case 0:
		c.Labels[approval.LabelDigest], wrong = "sha256:0", true
	case 1:
		c.Labels[approval.LabelDigest] = w.now(approval.Petition{Name: m.name}).Digest
	}
	refusals := w.refused
	_, _, err := w.Decide(w.house.t.Context(), by.Actor("", nil), m.name, c, "")
	want := m.claim(w, by, event, term, invalid, wrong)
	w.expect(refusals, err, want, by.ID+" "+event)
	w.check(m)
	if n := len(m.agreed); n > 0 && m.agreed[n-1].by != nil && m.phase == approval.Open && w.n(3, "what was approved") == 0 {
		w.end(m.agreed[n-1].by) // what counted a moment ago counts no more
	}
}

func (w *world) withdraw() {
	m := w.recent()
	if m == nil {
		return
	}
	by, refusals := w.caller(), w.refused
	_, err := w.WithdrawPetition(w.house.t.Context(), by.Actor("", nil), m.name)
	if by.Role == "" {
		if approval.CodeOf(err) != approval.Forbidden {
			w.t.Fatalf("withdrawn by somebody without a role: %v", err)
		}
		return
	}
	m.settle(w)
	want := approval.Forbidden
	if slices.Contains(m.askers, by.ID) {
		want = m.claim(w, by, deny, agreement{}, false, false)
	}
	w.expect(refusals, err, want, "withdraw")
	w.check(m)
}

func (w *world) replace() {
	old := w.recent()
	if old == nil {
		return
	}
	by := w.caller()
	n, m := w.draw(by)
	if w.rule.verdict.Decision == approval.VerdictApprove {
		return // with a stranger perhaps: proved elsewhere
	}
	refusals := w.refused
	p, err := w.ReplacePetition(w.house.t.Context(), by.Actor("", nil), old.name, n)
	if by.Role.Has(approval.CreatePetitions) {
		old.settle(w)
	}
	want := w.mayAsk(by, n)
	switch {
	case !by.Role.Has(approval.CreatePetitions):
	case !slices.Contains(old.askers, by.ID):
		want = approval.Forbidden
	case old.phase != approval.Open:
		want = approval.Conflict
	}
	w.expect(refusals, err, want, "replace")
	if want == "" {
		old.phase, old.outcome = approval.Closed, approval.OutcomeWithdrawn
		m.name, m.replaces = p.Name, old.name
		w.models = append(w.models, m)
		w.check(m)
	}
	w.check(old)
}

func (w *world) passTime() {
	d := []time.Duration{time.Microsecond, time.Minute, 29 * time.Minute, time.Hour, 23 * time.Hour, -time.Minute, -2 * time.Hour}[w.n(7, "time")]
	w.clock.Set(w.clock.Now().Add(d))
}

// runTimers runs one timer, or any job at all on any petition, at whatever time it is.
func (w *world) runTimers() {
	m := w.recent()
	if m == nil {
		return
	}
	kinds := []string{approval.JobExpire, approval.JobEnd, approval.JobClose, approval.JobEscalate, approval.JobRemind, approval.JobWarn, approval.JobReview}
	j := approval.Job{Space: "acme", Petition: m.name, Kind: kinds[w.n(len(kinds), "kind")]}
	w.ran(m, j, w.RunJob(w.house.t.Context(), j))
}

// ran looks at what a job has done.
func (w *world) ran(m *model, j approval.Job, err error) {
	now, early := w.clock.Now(), false
	switch next, at := m.timer(now); {
	case next == "" || !serves(next, j.Kind):
	case next == approval.JobClose:
		m.phase = approval.Closed
	case now.Before(at):
		early = true
	default:
		m.pass(w)
	}
	if (approval.CodeOf(err) == approval.Unavailable) != early {
		w.t.Fatalf("%s on %s: %v, early %v", j.Kind, m.name, err, early)
	}
	w.check(m)
}

func (w *world) read() {
	m := w.recent()
	if m == nil {
		return
	}
	p, err := w.WaitPetition(w.house.t.Context(), w.members[olga].Actor("", nil), m.name, 0)
	if w.members[olga].Role == "" {
		return
	}
	m.settle(w)
	if err != nil || p.Phase != m.phase {
		w.t.Fatalf("%s reads as %s, %v; it is %s", m.name, p.Phase, err, m.phase)
	}
	w.check(m)
}

// change gives somebody another role, suspends, or brings back.
func (w *world) change() {
	if w.calm && w.n(10, "change") > 0 {
		return
	}
	m := w.member()
	m.Role = append([]approval.Role{""}, approval.Roles...)[w.n(6, "role")]
	m.Suspended = w.n(4, "suspended") == 0 && m.ID != eve
	w.put(m)
	w.members[m.ID] = m
}

// expect demands the code, and that a refusal that counts as an attempt is in the log exactly once.
func (w *world) expect(refusals int, err error, want approval.Code, what string) {
	if approval.CodeOf(err) != want {
		w.t.Fatalf("%s: %v; want %q", what, err, want)
	}
	logged := 0
	if want == approval.Forbidden || want == approval.Conflict {
		logged = 1
	}
	if w.refused != refusals+logged {
		w.t.Fatalf("%s: %d refusals in the log, want %d", what, w.refused-refusals, logged)
	}
}

var steps, delegated atomic.Int64

// The centre does what the model says, for random people, claims, clock steps and timers in random order, and keeps its
// promises after each step: 100,000 of them, or INDENT_MODEL_STEPS. INDENT_MODEL_SEED repeats a run by the seed it printed.
func TestModel(t *testing.T) {
	t.Parallel()
	t.Logf("seed %s", flag.Lookup("rapid.seed").Value)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t)
		for range stepsInModel {
			w.step()
			steps.Add(1)
		}
		for _, m := range w.models {
			w.check(m)
		}
	})
	checks, err := strconv.ParseInt(flag.Lookup("rapid.checks").Value.String(), 10, 64)
	if n := steps.Load(); err != nil || n < checks*stepsInModel && !t.Failed() {
		t.Errorf("only %d steps were made in %d checks, %v", n, checks, err)
	}
	if n := together.Load(); n*2000 < steps.Load() && !t.Failed() {
		t.Errorf("only %d grants have ended together with others", n)
	}
	if n := delegated.Load(); n*2000 < steps.Load() && !t.Failed() {
		t.Errorf("only %d claims by deputies were made", n)
	}
	t.Logf("%d steps, %d claims by deputies", steps.Load(), delegated.Load())
	for what, n := range map[string]int64{"ratified": inGlass.ratified.Load(), "refused": inGlass.refused.Load(), "not ratified in time": inGlass.expired.Load(),
		"grants that this ended": inGlass.ended.Load(), "asked by who may not any more": inGlass.frozen.Load(), "lifted": inGlass.lifted.Load(),
		"escalated": inGlass.escalated.Load(), "ratified by deputies": inGlass.byDeputies.Load()} {
		if n*50_000 < steps.Load() && steps.Load() >= 100_000 && !t.Failed() {
			t.Errorf("of what broke the glass, only %d were %s", n, what)
		}
		t.Logf("broke the glass: %d %s", n, what)
	}
}
