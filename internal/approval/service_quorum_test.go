package approval_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// settled lets the time pass in which changes of the directory are looked at.
func (h *house) settled() {
	h.t.Helper()
	h.clock.Advance(10 * time.Second)
	h.run()
}

// What comes to have too few reviewers says so within ten seconds of the change, once, and says again when it is healed.
func TestAPetitionThatGetsStuckSaysSoAndWhenItIsHealed(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(3) // olga, bob and eve
	p := h.ask(vic)
	other := h.ask(vic)
	h.settled()
	sameList(t, "log before", h.log(p), "access/request")
	h.suspend(bob, true)
	same(t, "in the change itself", h.now(p).Stuck, "")
	h.settled()
	const why = `rule "two eyes" asks for 3 approvals by Editor or Owner, and only 2 may give one as things are: nobody can grant this until an owner of the space changes that`
	same(t, "stuck", h.now(p).Stuck, why)
	same(t, "the other", h.now(other).Stuck, why)
	same(t, "label", h.now(p).Labels[approval.LabelStuck], "true")
	h.put(approval.Member{ID: "new@acme.example", Kind: approval.KindUser, Email: "new@acme.example", Role: approval.Viewer, Person: "new@acme.example"})
	for _, name := range []string{"", "another name"} { // changes that change nothing of it
		if _, err := h.ChangeMember(t.Context(), h.actor(olga), "new@acme.example", approval.MemberChange{DisplayName: &name}); err != nil {
			t.Fatal(err)
		}
		h.settled()
	}
	sameList(t, "told once", h.log(p), "access/request", "access/unsatisfiable")
	h.suspend(bob, false)
	h.settled()
	same(t, "healed", h.now(p).Stuck, "")
	same(t, "label", h.now(p).Labels[approval.LabelStuck], "")
	sameList(t, "told at the end", h.log(p), "access/request", "access/unsatisfiable", "access/satisfiable")
	same(t, "who says it", h.history(p)[2].Actor.Kind, approval.KindSystem)
	h.conserves(p)
	h.conserves(other)
}

// Each kind of change of who may review is noticed.
func TestWhateverChangesWhoMayReviewIsNoticed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reviewers approval.Reviewers
		change    func(h *house) error
	}{
		"a role": {approval.Reviewers{Persons: []string{"x"}, Roles: []approval.Role{approval.PetitionAdmin}}, func(h *house) error {
			viewer := approval.Viewer
			_, err := h.ChangeMember(h.t.Context(), h.actor(olga), pat, approval.MemberChange{Role: &viewer})
			if err == nil {
				_, err = h.ChangeServiceAccount(h.t.Context(), h.actor(olga), quickstart, approval.AccountChange{Role: &viewer})
			}
			return err
		}},
		"a member": {approval.Reviewers{Persons: []string{pat}}, func(h *house) error { return h.RemoveMember(h.t.Context(), h.actor(olga), pat) }},
		"a group": {approval.Reviewers{Groups: []string{"G1"}}, func(h *house) error {
			return h.RemoveGroupMember(h.t.Context(), h.actor(olga), "dba", approval.KindUser, pat)
		}},
		"a group that is deleted": {approval.Reviewers{Groups: []string{"G1"}}, func(h *house) error {
			return h.DeleteResources(h.t.Context(), h.actor(olga), []string{"dba"})
		}},
		"an owner of a resource": {approval.Reviewers{Owners: "owner"}, func(h *house) error {
			_, err := h.PutResources(h.t.Context(), h.actor(olga), []approval.Resource{entry("action", "reset", "reset-password:123", "owner", "nobody@acme.example")})
			return err
		}},
		"a manager": {approval.Reviewers{Managers: "managerId"}, func(h *house) error {
			return h.DeleteResources(h.t.Context(), h.actor(olga), []string{"vic"})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.directory(entry("group", "dba", "G1"), entry("user", "vic", vic, "managerId", eve), entry("action", "reset", "reset-password:123", "owner", pat))
			h.group("dba", approval.Resource{ID: pat})
			h.rule.verdict = staged(approval.Requirement{Count: 1, Reviewers: c.reviewers})
			p := h.ask(vic)
			h.settled()
			same(t, "before", h.now(p).Stuck, "")
			if err := c.change(h); err != nil {
				t.Fatal(err)
			}
			h.settled()
			if now := h.now(p); !strings.Contains(now.Stuck, "only 0 may give one") {
				t.Errorf("got %q", now.Stuck)
			}
			h.conserves(p)
		})
	}
}

// Approvals that were given count for what is left, and whoever gave one where others are asked for is spent.
func TestWhatIsLeftIsCounted(t *testing.T) {
	t.Parallel()
	distinct := named(1, 1, bob, eve)
	distinct.DistinctFrom = []int{0}
	for name, c := range map[string]struct {
		rules   []approval.Requirement
		denials int
		does    func(h *house, p approval.Petition)
		stuck   string
	}{
		"an approval is half of it": {[]approval.Requirement{named(0, 2, bob, eve)}, 0, func(h *house, p approval.Petition) {
			h.decide(bob, p, claim(approve))
			h.suspend(pat, true)
		}, ""},
		"the other half is gone": {[]approval.Requirement{named(0, 2, bob, eve)}, 0, func(h *house, p approval.Petition) {
			h.decide(bob, p, claim(approve))
			h.suspend(eve, true)
		}, "only 1 may give one"},
		"what was approved counts no more": {[]approval.Requirement{named(0, 2, bob, eve, pat)}, 0, func(h *house, p approval.Petition) {
			h.decide(bob, p, claim(approve))
			h.suspend(bob, true)
		}, ""},
		"the right one approved first": {[]approval.Requirement{named(0, 1, bob, pat), distinct}, 0, func(h *house, p approval.Petition) {
			h.suspend(eve, true)
			h.decide(pat, p, claim(approve))
		}, ""},
		"the wrong one approved first": {[]approval.Requirement{named(0, 1, bob, pat), distinct}, 0, func(h *house, p approval.Petition) {
			h.suspend(eve, true)
			h.decide(bob, p, claim(approve))
		}, "stage 2: 1 approval by bob@acme.example or eve@acme.example, and only 0 may give one"},
		"a claim alone makes it so": {[]approval.Requirement{named(0, 1, bob, pat), func() approval.Requirement {
			r := named(1, 1, bob)
			r.DistinctFrom = []int{0}
			return r
		}()}, 0, func(h *house, p approval.Petition) { h.decide(bob, p, claim(approve)) }, "stage 2: 1 approval by bob@acme.example, and only 0 may give one"},
		"who has refused approves no more": {[]approval.Requirement{named(0, 2, bob, eve)}, 2, func(h *house, p approval.Petition) {
			h.decide(bob, p, claim(deny))
		}, "only 1 may give one"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.rule.verdict = staged(c.rules...)
			h.rule.verdict.Denials = c.denials
			p := h.ask(vic)
			same(t, "at the beginning", p.Stuck, "")
			c.does(h, p)
			h.settled()
			if now := h.now(p); (now.Stuck == "") != (c.stuck == "") || !strings.Contains(now.Stuck, c.stuck) {
				t.Errorf("got %q, want %q", now.Stuck, c.stuck)
			}
			h.conserves(p)
		})
	}
}

// Whoever comes to be on call before the time is up may review: a gap of a schedule is no reason to frighten anybody.
func TestWhoComesToBeOnCallCounts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		shift       time.Duration // when bob's begins
		group, late string
		stuck       bool
	}{
		"a shift in time":             {shift: 23 * time.Hour},
		"a shift that comes too late": {shift: 25 * time.Hour, stuck: true},
		"a group stands in":           {shift: 25 * time.Hour, group: "dba"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.directory(entry("group", "dba", "G1"))
			h.group("dba", approval.Resource{ID: pat})
			begins := h.clock.Now().Add(c.shift)
			h.rule.duty = func(at time.Time) approval.OnCall {
				if at.Before(begins) {
					return approval.OnCall{Group: c.group}
				}
				return approval.OnCall{Persons: []string{bob}}
			}
			h.rule.verdict = staged(approval.Requirement{Count: 1, Reviewers: approval.Reviewers{OnCall: []string{"primary"}}})
			same(t, "stuck", h.ask(vic).Stuck != "", c.stuck)
		})
	}
}

// Many changes are one look, whichever node makes them, and two looks at once tell once.
func TestManyChangesAreOneLook(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(3)
	p := h.ask(vic)
	h.settled()
	for n := range 21 {
		suspended := n%2 == 0
		if _, err := h.ChangeMember(t.Context(), h.actor(olga), bob, approval.MemberChange{Suspended: &suspended}); err != nil {
			t.Fatal(err)
		}
	}
	jobs, err := h.store.LeaseJobs(t.Context(), "", h.clock.Now().Add(10*time.Second), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	for _, j := range jobs {
		if j.Kind == approval.JobQuorum {
			looks++
		}
	}
	same(t, "looks", looks, 1)
	h.clock.Advance(10 * time.Second)
	raced := false
	h.store.BeforeCommit = func(c approval.Change) error {
		if !raced && c.Events[0].Event == approval.EventUnsatisfiable {
			raced = true
			h.store.BeforeCommit = nil
			return approval.Errorf(approval.Conflict, "another node was faster")
		}
		return nil
	}
	h.run()
	h.run()
	same(t, "raced", raced, true)
	sameList(t, "log", h.log(p), "access/request", "access/unsatisfiable")
}

// What cannot be looked up heals nothing and frightens nobody: the job comes again.
func TestALookThatFailsComesAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = review(3)
	p := h.ask(vic)
	h.suspend(bob, true)
	h.clock.Advance(10 * time.Second)
	h.store.BeforeRead = func(what string) error {
		if what == "Members" {
			return approval.Wrap(approval.Unavailable, errLost, "try again")
		}
		return nil
	}
	j := approval.Job{Kind: approval.JobQuorum, Space: "acme"}
	same(t, "a store that cannot be read", approval.CodeOf(h.RunJob(t.Context(), j)), approval.Unavailable)
	h.store.BeforeRead = nil
	sameList(t, "nothing is told", h.log(p), "access/request")
	same(t, "then", h.RunJob(t.Context(), j), nil)
	sameList(t, "it is told", h.log(p), "access/request", "access/unsatisfiable")
	for _, gone := range []approval.Job{{Kind: approval.JobQuorum, Space: "gone"}, {Kind: approval.JobQuorum, Space: "acme", Petition: "gone"}} {
		same(t, "of what is gone", h.RunJob(t.Context(), gone), nil)
	}
}

// A review of a broken glass gets stuck as well, after the grant.
func TestAReviewThatGetsStuckSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.rule.verdict = verdict(approval.VerdictApprove)
	h.rule.verdict.BreakGlass = &approval.BreakGlass{Within: 24 * time.Hour, Requirements: review(3).Requirements}
	p := h.ask(vic, func(n *approval.NewPetition) { n.Labels = map[string]string{approval.LabelBreakGlass: "true"} })
	same(t, "phase", p.Phase, approval.Granted)
	h.suspend(bob, true)
	h.settled()
	if now := h.now(p); !strings.Contains(now.Stuck, "nobody can ratify this") {
		t.Errorf("got %q", now.Stuck)
	}
	h.suspend(bob, false)
	h.settled()
	sameList(t, "log", h.log(p), "access/request", "access/grant", "access/unsatisfiable", "access/satisfiable")
	h.conserves(p)
}

// A stage that is open again because its reviewer lost the right reminds, escalates and tells its reviewers anew.
func TestAReopenedStageBeginsItsTimeAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := named(0, 1, bob, eve)
	first.RemindAfter = time.Hour
	first.Escalate = []approval.Escalation{{After: 3 * time.Hour, Reviewers: approval.Reviewers{Persons: []string{pat}}}}
	h.rule.verdict = staged(first, named(1, 1, olga))
	p := h.ask(vic)
	h.clock.Advance(2 * time.Hour)
	h.run() // reminded
	p = h.decide(bob, p, claim(approve))
	same(t, "stage", p.Progress.Stage, 1)
	h.suspend(bob, true)
	h.settled()
	now := h.now(p)
	same(t, "stage again", now.Progress.Stage, 0)
	same(t, "since", now.Progress.Since, h.clock.Now())
	last := h.history(p)
	recount := last[len(last)-1]
	same(t, "event", recount.Event, "access/recount")
	same(t, "why", recount.Reason, bob+"'s approval does not count: suspended")
	same(t, "who is told", len(now.Audience(recount)), 1)
	kind, at := h.timer(p)
	same(t, "timer", kind, approval.JobRemind)
	same(t, "due", at, h.clock.Now().Add(time.Hour))
	h.clock.Advance(3*time.Hour + time.Minute)
	h.run()
	sameList(t, "log", h.log(p), "access/request", "access/remind", "access/approve", "access/recount", "access/remind", "access/escalate")
	h.conserves(p)

	// The right comes back: the stage is met again, and its time does nothing any more.
	h.suspend(bob, false)
	h.settled()
	same(t, "stage at the end", h.now(p).Progress.Stage, 1)
	kind, _ = h.timer(p)
	same(t, "timer at the end", kind, approval.JobExpire)
	h.conserves(p)
	same(t, "granted", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
	h.conserves(p)
}

// One of several requirements of a stage that waits again begins anew, too.
func TestARequirementThatWaitsAgainBeginsAnew(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one, other := named(0, 1, bob), named(0, 1, olga)
	one.RemindAfter = time.Hour
	h.rule.verdict = staged(one, other)
	p := h.ask(vic)
	p = h.decide(bob, p, claim(approve))
	kind, _ := h.timer(p)
	same(t, "timer", kind, approval.JobExpire)
	h.suspend(bob, true)
	h.settled()
	kind, at := h.timer(p)
	same(t, "timer again", kind, approval.JobRemind)
	same(t, "due", at, h.clock.Now().Add(time.Hour))
	// The right is back, and before anybody has looked at that it is granted all the same.
	h.suspend(bob, false)
	same(t, "granted", h.decide(olga, p, claim(approve)).Phase, approval.Granted)
	h.conserves(p)
}

// drawn is a petition to which anything happens.
type drawn struct {
	*house
	*rand.Rand
	p      approval.Petition
	others bool // a stage asks for others
}

var drawnPeople = []string{bob, eve, pat}

// draw makes a petition for one or two stages, and has things happen to it and to its reviewers.
func draw(t *testing.T, seed uint64) *drawn {
	d := &drawn{house: newHouse(t), Rand: rand.New(rand.NewPCG(seed, 28))}
	d.others = d.IntN(3) == 0
	var rules []approval.Requirement
	for stage := range 1 + d.IntN(2) {
		list := slices.Clone(drawnPeople)
		d.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		q := named(stage, 1, list[:1+d.IntN(3)]...)
		q.Count, q.RemindAfter = 1+d.IntN(len(q.Reviewers.Persons)), time.Hour
		if d.others && stage > 0 {
			q.DistinctFrom = []int{0}
		}
		rules = append(rules, q)
	}
	d.rule.verdict = staged(rules...)
	d.rule.verdict.Denials = 1 + d.IntN(2)
	d.p = d.ask(vic)
	for range d.IntN(12) {
		id := drawnPeople[d.IntN(3)]
		switch d.IntN(6) {
		case 0, 1, 2:
			d.approves(id)
		case 3:
			d.suspend(id, d.IntN(2) == 0)
		case 4:
			d.settled()
		case 5:
			if d.rule.verdict.Denials > 1 && d.IntN(3) == 0 {
				_, _ = d.try(id, d.p, claim(deny))
			}
		}
	}
	d.settled()
	d.conserves(d.p)
	d.p = d.now(d.p)
	return d
}

// approves approves, unless that is refused; who is suspended is not let in.
func (d *drawn) approves(id string) {
	if m, err := d.store.Member(d.house.t.Context(), "acme", id); err == nil && !m.Suspended {
		_, _ = d.try(id, d.p, claim(approve))
	}
}

// Whatever happens: what is said after a look is true. A petition that is not called stuck is granted when everybody who may does
// approve, and one that is called so is not; its stage and its timer are those of the approvals that count.
func TestWhatIsSaidOfAQuorumIsTrue(t *testing.T) {
	t.Parallel()
	stuck, granted, recounts := 0, 0, 0
	for seed := range uint64(200) {
		d := draw(t, seed)
		if d.p.Phase != approval.Open {
			continue
		}
		recounts += strings.Count(strings.Join(d.log(d.p), " "), approval.EventRecount)
		read := d.read(d.p)
		if d.p.Progress.Stage != read.Progress.Stage || !slices.Equal(d.p.Progress.Lapsed, read.Progress.Lapsed) {
			t.Fatalf("seed %d: stored is %+v, read %+v", seed, d.p.Progress, read.Progress)
		}
		said := d.p.Stuck
		for range 4 {
			for _, id := range drawnPeople {
				d.approves(id)
			}
		}
		is := d.now(d.p).Phase == approval.Granted
		if said != "" {
			stuck++
		}
		if is {
			granted++
		}
		if said != "" && is || said == "" && !is && !d.others {
			t.Fatalf("seed %d: said %q, granted %v; %+v", seed, said, is, d.log(d.p))
		}
	}
	if stuck < 20 || granted < 20 || recounts < 5 {
		t.Fatalf("too little was seen: %d stuck, %d granted, %d recounts", stuck, granted, recounts)
	}
}
