package approval_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// estate is a space with webhooks, the systems behind their endpoints, and somebody who breaks things.
type estate struct {
	*house
	t     *rapid.T
	nodes []*approval.Service
	// accounts says that the systems know people and things by whatever of their names; otherwise each name is another.
	accounts  bool
	access    map[string]bool // webhook, person, thing: who has access now
	petitions []approval.Petition
	chosen    map[string]bool // the webhooks that policies choose
	fault     string
	dead      bool // the node that makes a call has died: nothing that it writes arrives
	depth     int  // of what happens during calls
	calls     map[string]string
	given     map[string][]string // what petitions gave when the job began that runs
	told      int
}

const (
	faultNone    = ""
	faultBefore  = "before" // nothing is done, and nobody knows
	faultAfter   = "after"  // it is done, and nobody knows
	faultRefuses = "refuses"
	faultBusy    = "busy" // it asks to come back
	faultDies    = "dies" // it is done, and the node that called is dead
)

// The people and things, each by several names.
var (
	estatePersons = [][]string{{"ada@acme.example", "U-ada"}, {"ben@acme.example", "U-ben"}, {"cyd@acme.example"}}
	estateThings  = [][]string{{"db-one", "arn:db-one"}, {"db-two"}}
	estateHooks   = []string{"first", "second"}
)

func newEstate(t *rapid.T, tb testing.TB) *estate {
	e := &estate{house: newHouse(tb), t: t, access: map[string]bool{}, chosen: map[string]bool{}, calls: map[string]string{}}
	e.accounts = e.n(2, "accounts") == 0
	e.store.ByReference = true
	e.rule.verdict = verdict(approval.VerdictApprove)
	e.endpoints.Answer = e.answer
	other := approval.NewService(approval.Deps{Store: e.store, Policy: e.rule, Documents: approvaltest.Documents{}, Clock: e.clock, IDs: e.IDs, Broker: e.broker,
		Vault: approvaltest.Vault{}, Endpoints: e.endpoints})
	e.nodes = []*approval.Service{e.Service, other}
	for i, names := range estatePersons {
		e.directory(approval.Resource{ID: names[len(names)-1], Kind: approval.KindUser, Email: names[0], DisplayName: fmt.Sprint("person", i), AltIDs: names[1:]})
	}
	for _, names := range estateThings {
		e.directory(approval.Resource{ID: names[0], Kind: "db", AltIDs: names[1:]})
	}
	for _, name := range estateHooks {
		if _, _, err := e.CreateWebhook(tb.Context(), e.actor(olga), approval.NewWebhook{Name: name, URL: "https://" + name + ".example.com"}); err != nil {
			t.Fatal(err)
		}
		e.choose(name)
	}
	e.store.BeforeNote = func([]approval.Write) error { return e.down() }
	e.store.BeforeCommit = func(approval.Change) error { return e.down() }
	return e
}

func (e *estate) down() error {
	if e.dead {
		return approval.Errorf(approval.Unavailable, "the node is dead")
	}
	return nil
}

func (e *estate) n(below int, what string) int { return rapid.IntRange(0, below-1).Draw(e.t, what) }

// account answers what the systems know the pair as that is told to a webhook.
func (e *estate) account(webhook string, person, thing approval.Resource) string {
	canonical := func(all [][]string, names ...string) string {
		if e.accounts {
			return whose(all, names...)
		}
		return strings.ToLower(names[0])
	}
	return webhook + " " + canonical(estatePersons, approval.LeasePerson(person), person.Email, person.ID) + " " + canonical(estateThings, thing.ID)
}

// whose answers which of all has one of the names.
func whose(all [][]string, names ...string) string {
	for i, known := range all {
		for _, name := range names {
			if slices.Contains(known, name) {
				return fmt.Sprint(i)
			}
		}
	}
	return "nobody"
}

// answer is the system behind the endpoints.
func (e *estate) answer(t approval.WebhookTarget, c approval.WebhookCall) approval.WebhookAnswer {
	webhook := strings.TrimSuffix(strings.TrimPrefix(t.URL, "https://"), ".example.com")
	command := c.Events[len(c.Events)-1]
	person, thing := command.Resources[0], command.Resources[1]
	account := e.account(webhook, person, thing)
	e.told++
	if what := fmt.Sprint(command.Event, account, command.ID, command.Meta.Labels[approval.LabelTimeExpires]); e.calls[c.ID] != "" && e.calls[c.ID] != what {
		e.t.Fatalf("the id %s is that of %s and of %s", c.ID, e.calls[c.ID], what)
	} else {
		e.calls[c.ID] = what
	}
	e.t.Logf("call %s of %s for petition %s, fault %q, at %s, until %s", command.Event, account, command.Petition(), e.fault, e.clock.Now(), command.Label(approval.LabelTimeExpires))
	answer := approval.WebhookAnswer{Outcome: approval.WebhookAgain, Problem: "the endpoint fails", Attempt: approval.WebhookAttempt{ID: c.ID, Kind: c.Kind, Status: 500}}
	fault := e.fault
	e.meanwhile(webhook, command)
	switch fault {
	case faultBefore:
		return answer
	case faultBusy:
		answer.RetryAfter = time.Duration(e.n(600, "retry after")) * time.Second
		return answer
	case faultRefuses:
		answer.Outcome, answer.Code, answer.Problem = approval.WebhookRefused, 9, "the endpoint refuses"
		return answer
	}
	e.perform(command, webhook, account)
	switch fault {
	case faultAfter:
		return answer
	case faultDies:
		e.dead = true
	}
	answer.Outcome, answer.Problem = approval.WebhookDone, ""
	return answer
}

// perform does what the webhook is told. Nothing is taken away that a petition gives which the log says is applied, nor what
// any petition gives that was granted when the job began, whether the webhook was told of it or not.
func (e *estate) perform(command approval.Event, webhook, account string) {
	e.t.Logf("performed %s of %s", command.Event, account)
	if command.Event == approval.EventGrant {
		e.access[account] = true
		return
	}
	delete(e.access, account)
	pair := whose(estatePersons, command.Resources[0].Email, command.Resources[0].ID) + " " + whose(estateThings, command.Resources[1].ID)
	now := e.gives()
	for petition, pairs := range e.given {
		if slices.Contains(pairs, pair) && slices.Contains(now[petition], pair) {
			e.t.Fatalf("%s was revoked while petition %s gives it, which was granted before", account, petition)
		}
	}
	for _, a := range e.applied() {
		if e.account(a.Webhook, a.Person, a.Resource) == account {
			e.t.Fatalf("%s was revoked while petition %s gives it, which is applied", account, a.Petition)
		}
	}
}

// gives answers the petitions that are granted and not over by the clock, with what they give, whatever its name.
func (e *estate) gives() map[string][]string {
	known := map[string][]string{}
	for _, p := range e.petitions {
		p = e.now(p)
		if p.Phase != approval.Granted || p.Grant.Pending || !e.clock.Now().Before(p.Grant.EndTime) {
			continue
		}
		for _, r := range p.Resources {
			known[p.Name] = append(known[p.Name], whose(estatePersons, p.Petitioners[0].Email, p.Petitioners[0].ID)+" "+whose(estateThings, r.ID))
		}
	}
	return known
}

// applied answers the applications of granted petitions of which the log says that access was given.
func (e *estate) applied() (list []approval.Application) {
	for _, a := range e.rows() {
		if a.State == approval.ApplicationApplied && e.now(approval.Petition{Name: a.Petition}).Phase == approval.Granted {
			list = append(list, a)
		}
	}
	return list
}

func (e *estate) rows() (all []approval.Application) {
	q := approval.ApplicationQuery{Space: "acme", Open: true, Page: approval.PageRequest{Size: approval.MaxPageSize}}
	for {
		page, err := e.store.Applications(e.house.t.Context(), q)
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, page.Items...)
		if q.Page.Token = page.Next; page.Next == "" {
			return all
		}
	}
}

// meanwhile does something while a call is on its way: often to the same pair.
func (e *estate) meanwhile(webhook string, command approval.Event) {
	if e.depth > 1 {
		return
	}
	e.depth++
	defer func() { e.depth-- }()
	if e.n(3, "the same") == 0 {
		if command.Event == approval.EventGrant {
			_, _, _ = e.node().Decide(e.house.t.Context(), e.actor(bob), command.Petition(), claim(approval.EventRevoke), "")
		} else {
			e.grantTo(command.Resources[0], command.Resources[1:], time.Time{})
		}
		e.lane("acme", 5)
		e.lane("acme/"+webhook, 5)
	}
	for range e.n(3, "meanwhile") {
		e.step()
	}
}

func (e *estate) step() {
	switch n := e.n(100, "step"); { // small numbers are drawn more often
	case n < 30:
		e.lanes()
	case n < 42:
		e.timers()
	case n < 60:
		e.grant()
	case n < 72:
		e.revoke()
	case n < 88:
		e.passTime()
	case n < 94:
		e.breaks()
	case n < 97:
		e.policy()
	case n < 99:
		e.replays()
	default:
		_, _ = e.ResumeWebhook(e.house.t.Context(), e.actor(olga), estateHooks[e.n(2, "resume")])
	}
	e.holds()
}

// holds demands that who is said to have access has it.
func (e *estate) holds() {
	for _, a := range e.applied() {
		if account := e.account(a.Webhook, a.Person, a.Resource); !e.access[account] {
			for _, b := range e.rows() {
				if b.Pair == a.Pair && b.Webhook == a.Webhook {
					e.t.Logf("%+v", b)
				}
			}
			e.t.Logf("%v", e.log(approval.Petition{Name: a.Petition}))
			e.t.Fatalf("%s is applied by petition %s, and there is no access", account, a.Petition)
		}
	}
}

func (e *estate) grant() {
	if len(e.petitions) > 60 {
		return
	}
	names, things := estatePersons[e.n(len(estatePersons), "person")], estateThings[e.n(len(estateThings), "thing")]
	name := names[e.n(len(names), "name")]
	person := approval.Resource{ID: name, Kind: approval.KindUser}
	if strings.Contains(name, "@") {
		person.Email = name
	}
	e.rule.verdict.DefaultDuration = []time.Duration{time.Minute, 20 * time.Minute, time.Hour, 5 * time.Hour, 80 * time.Hour}[e.n(5, "duration")]
	n := reset()
	n.Petitioners, n.Resources = []approval.Resource{person}, []approval.Resource{{ID: things[e.n(len(things), "id")], Kind: "db"}}
	if e.n(8, "two things") == 0 {
		n.Resources = []approval.Resource{{ID: estateThings[0][0], Kind: "db"}, {ID: estateThings[1][0], Kind: "db"}}
	}
	if e.n(6, "later") == 0 {
		n.StartTime = e.clock.Now().Add(time.Duration(e.n(7200, "start")+1) * time.Second)
	}
	e.grantTo(person, n.Resources, n.StartTime)
}

func (e *estate) grantTo(person approval.Resource, things []approval.Resource, start time.Time) {
	n := reset()
	n.Petitioners, n.Resources, n.StartTime = []approval.Resource{{ID: person.ID, Kind: person.Kind, Email: person.Email}}, things, start
	p, _, err := e.node().CreatePetition(e.house.t.Context(), e.actor(olga), n, "")
	if err != nil {
		if approval.CodeOf(err) != approval.Unavailable {
			e.t.Fatal(err)
		}
		return
	}
	e.t.Logf("petition %s for %s %s is %s until %v", p.Name, person.ID, n.Resources[0].ID, p.Phase, p.Grant)
	e.petitions = append(e.petitions, p)
	if p.Phase == approval.Open {
		_, _ = e.try(bob, p, claim(approval.EventApprove))
	}
}

func (e *estate) node() *approval.Service { return e.nodes[e.n(2, "node")] }

func (e *estate) revoke() {
	if len(e.petitions) == 0 {
		return
	}
	p := e.petitions[max(0, len(e.petitions)-1-e.n(10, "which"))]
	_, _, err := e.node().Decide(e.house.t.Context(), e.actor(bob), p.Name, claim(approval.EventRevoke), "")
	if code := approval.CodeOf(err); code != "" && code != approval.Conflict && code != approval.Unavailable {
		e.t.Fatal(err)
	}
}

func (e *estate) passTime() {
	steps := []time.Duration{time.Second, 10 * time.Second, 2 * time.Minute, 20 * time.Minute, time.Hour, 5 * time.Hour, -time.Hour}
	if e.depth > 0 {
		steps = []time.Duration{time.Second, time.Millisecond} // a call is over long before its lease
	}
	e.clock.Set(e.clock.Now().Add(steps[e.n(len(steps), "time")]))
}

// timers runs what time does to petitions.
func (e *estate) timers() { e.lane("", len(e.petitions)) }

// lanes runs a few jobs of the lanes, in whatever order.
func (e *estate) lanes() {
	lanes, err := e.store.Lanes(e.house.t.Context())
	if err != nil {
		e.t.Fatal(err)
	}
	if len(lanes) > 0 {
		e.lane(lanes[e.n(len(lanes), "lane")].Name, e.n(6, "jobs")+1)
	}
}

func (e *estate) lane(lane string, most int) (ran int) {
	jobs, err := e.store.LeaseJobs(e.house.t.Context(), lane, e.clock.Now(), time.Minute, most)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, j := range jobs {
		e.job(j)
	}
	return len(jobs)
}

// job runs a job as the runner does. Of a node that has died nothing arrives any more: its lease runs out.
func (e *estate) job(j approval.Job) {
	ctx, before := e.house.t.Context(), e.given
	e.given = e.gives()
	defer func() { e.given = before }()
	err := e.node().RunJob(ctx, j)
	e.t.Logf("job %s %s: %v, dead %v", j.Kind, j.Key, err, e.dead)
	if e.dead {
		e.dead = false
		return
	}
	var later approval.Later
	switch {
	case err == nil:
		err = e.store.FinishJob(ctx, j)
	case errors.As(err, &later):
		err = e.store.RetryJob(ctx, j, later.At)
	case approval.CodeOf(err) == approval.Unavailable || approval.CodeOf(err) == approval.Conflict:
		err = e.store.RetryJob(ctx, j, e.clock.Now().Add(time.Second))
	}
	if err != nil {
		e.t.Fatalf("%+v: %v", j, err)
	}
}

// Whatever fails, and whenever: at the end the systems give exactly what leases do, and at no moment is anything taken away that
// a granted petition was applied for.
func TestModelOfApplications(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := newEstate(rt, t)
		for range stepsInApplications {
			e.step()
		}
		e.fault, e.depth = faultNone, 9
		before := e.told
		e.rests(1)
		e.agrees()
		for _, p := range e.petitions {
			_, _ = e.try(bob, p, claim(approval.EventRevoke))
		}
		e.rests(30)
		if told := e.told - before; told > 20*len(e.petitions)+20 {
			rt.Fatalf("%d calls were made at rest, of %d petitions", told, len(e.petitions))
		}
		if len(e.access) > 0 {
			rt.Fatalf("everything has ended, and there is access left: %v", e.access)
		}
		if open := e.rows(); len(open) > 0 {
			rt.Fatalf("everything has ended, and webhooks were not told: %+v", open)
		}
		for _, p := range e.petitions {
			if now := e.now(p); now.Phase != approval.Closed && now.Phase != approval.Open {
				rt.Fatalf("petition %s is %s", p.Name, now.Phase)
			}
		}
		estateOnce.Lock()
		estateTold += e.told
		estateEnded += len(e.petitions)
		estateOnce.Unlock()
	})
	t.Logf("%d calls for %d petitions", estateTold, estateEnded)
	if estateTold < 1000 {
		t.Errorf("only %d calls were made", estateTold)
	}
}

const stepsInApplications = 300
