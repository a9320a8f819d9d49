package torture

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/policy"
	"github.com/indent-approvals/indent/internal/store"
)

const space = "acmecorp"

// rules are the policy of every test here: approved by a rule, denied by one, two reviewers, one reviewer, and one who
// must hurry.
const rules = `
version: 1
name: torture
rules:
  - name: by-rule
    when: resources.exists(r, r.kind == "automatic")
    approve: {duration: 1h}
  - name: never
    when: resources.exists(r, r.kind == "forbidden")
    deny: {reason: nobody may}
  - name: two
    when: resources.exists(r, r.kind == "double")
    require: {reviewers: {roles: [Editor, Owner]}, count: 2}
  - name: soon
    when: resources.exists(r, r.kind == "urgent")
    require: {reviewers: {roles: [Editor, Owner]}}
    decideWithin: 1s
  - name: one
    require: {reviewers: {roles: [Editor, Owner]}}
`

// story is a server's life on one database file, told without a network: use cases, timers, restarts. All that SQLite
// does meanwhile is recorded, and so is what each change was acknowledged to have left.
type story struct {
	*testing.T
	folder string
	log    *recording
	lots   *rand.Rand
	clock  *approvaltest.Clock
	ids    approval.IDs

	store   *store.Store
	service *approval.Service
	reader  *sql.DB

	petitions []string
	decided   int // changes that were made
	changes   history
}

// history is what was in the database, by petition, "" for what belongs to none.
type history map[string][]version

// version is all rows of a petition after one of its changes. That change had begun when there were begun operations and
// was acknowledged when there were acknowledged.
type version struct {
	begun, acknowledged int
	rows                string
}

const database = "indent.db"

func tell(t *testing.T, seed uint64, changes int) *story {
	s := &story{T: t, folder: memory(t), lots: lots(seed, 1), clock: approvaltest.NewClock(), ids: &approvaltest.IDs{}, changes: history{}}
	s.log = record(t, s.folder)
	s.open()
	s.change(func() {
		_, err := s.service.CreateSpace(s.Context(), approval.NewSpace{Name: space, DisplayName: "Acme Corp", Owner: "owner@acmecorp.example", Policy: rules})
		s.must(err)
	})
	for _, m := range []approval.Member{{Email: "editor@acmecorp.example", Role: approval.Editor}, {Email: "viewer@acmecorp.example", Role: approval.Viewer}} {
		s.change(func() {
			_, err := s.service.PutMember(s.Context(), approval.System(space, "admin"), m)
			s.must(err)
		})
	}
	for s.decided < changes {
		s.next()
	}
	s.close()
	return s
}

func (s *story) open() {
	s.Helper()
	var err error
	s.store, err = store.Open(s.Context(), store.Options{URL: filepath.Join(s.folder, database)})
	s.must(err)
	s.service = approval.NewService(approval.Deps{Store: s.store, Policy: policy.New(), Clock: s.clock, IDs: s.ids, Broker: s.store.Broker()})
	s.reader, err = openReader(filepath.Join(s.folder, database))
	s.must(err)
}

func (s *story) close() {
	s.must(s.reader.Close())
	s.must(s.store.Close())
}

func (s *story) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// change makes one change and keeps what it left.
func (s *story) change(make func()) {
	s.Helper()
	begun := s.log.now()
	make()
	s.keep(begun, map[string]int{})
}

// keep looks at what has changed since begun. A change was acknowledged as it says, or else by now.
func (s *story) keep(begun int, acknowledged map[string]int) {
	s.Helper()
	now := s.log.now()
	found, err := contents(s.Context(), s.reader)
	s.must(err)
	for petition, rows := range found {
		versions := s.changes[petition]
		if n := len(versions); n > 0 && versions[n-1].rows == rows {
			continue
		}
		v := version{begun: begun, acknowledged: now, rows: rows}
		if at, ok := acknowledged[petition]; ok {
			v.acknowledged = at
		}
		s.changes[petition] = append(versions, v)
		s.decided++
		if petition != "" {
			proveWhole(s.T, s.store, petition)
		}
	}
}

// next does something that could come next.
func (s *story) next() {
	switch s.lots.IntN(12) {
	case 0, 1, 2:
		s.change(func() { s.create(s.choose("automatic", "forbidden", "double", "urgent", "single", "single")) })
	case 3, 4, 5, 6:
		s.decide()
	case 7:
		s.createTogether()
	case 8:
		s.decideTogether()
	case 9:
		s.timers()
	case 10:
		s.configure()
	case 11:
		if s.lots.IntN(2) == 0 {
			s.close()
			s.open()
		}
	}
}

func (s *story) choose(of ...string) string { return of[s.lots.IntN(len(of))] }

func (s *story) actor(name string) approval.Actor {
	m, err := s.store.Member(s.Context(), space, name+"@acmecorp.example")
	s.must(err)
	return m.Actor("", nil)
}

// create asks, and half of the time asks again as a client does whose answer got lost.
func (s *story) create(kind string) string {
	n := s.ask(kind)
	key := s.ids.UUID()
	p, _, err := s.service.CreatePetition(s.Context(), s.actor("viewer"), n, key)
	s.must(err)
	if s.lots.IntN(2) == 0 {
		if again, replayed, err := s.service.CreatePetition(s.Context(), s.actor("viewer"), n, key); err != nil || !replayed || again.Name != p.Name {
			s.Fatalf("%s was asked for again and is %s (%v)", p.Name, again.Name, err)
		}
	}
	s.petitions = append(s.petitions, p.Name)
	return p.Name
}

func (s *story) ask(kind string) approval.NewPetition {
	return approval.NewPetition{Reason: "torture " + kind, Duration: time.Duration(1+s.lots.IntN(600)) * time.Second,
		Resources: []approval.Resource{{ID: "production", Kind: kind, DisplayName: "Production"}}}
}

// decide makes a claim of any kind on any petition; one that is refused is an entry in the log, too.
func (s *story) decide() {
	if len(s.petitions) == 0 {
		return
	}
	name := s.petitions[s.lots.IntN(len(s.petitions))]
	who := s.actor(s.choose("owner", "editor", "owner", "editor", "viewer"))
	event := s.choose(approval.EventApprove, approval.EventApprove, approval.EventDeny, approval.EventRevoke)
	replace := s.lots.IntN(8) == 0
	s.look(name)
	s.change(func() {
		var err error
		if replace {
			var p approval.Petition
			if p, err = s.service.ReplacePetition(s.Context(), s.actor("viewer"), name, s.ask("single")); err == nil {
				s.petitions = append(s.petitions, p.Name)
			}
		} else {
			_, _, err = s.service.Decide(s.Context(), who, name, approval.NewClaim{Event: event, Reason: "torture"}, s.ids.UUID())
		}
		if code := approval.CodeOf(err); err != nil && code != approval.Conflict && code != approval.Forbidden {
			s.Fatal(err)
		}
	})
}

// look reads a petition: what time has done to it is written then, a change of its own.
func (s *story) look(petition string) {
	s.change(func() {
		_, err := s.service.Petition(s.Context(), s.actor("viewer"), petition)
		s.must(err)
	})
}

// together runs the calls at once, so that their changes share a transaction, and notes when each was acknowledged.
func (s *story) together(calls []func(context.Context) (petition string)) {
	begun := s.log.now()
	acknowledged := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			name := call(s.Context())
			at := s.log.now()
			mu.Lock()
			defer mu.Unlock()
			acknowledged[name] = at
		})
	}
	all.Wait()
	delete(acknowledged, "")
	s.petitions = append(s.petitions, slices.Sorted(maps.Keys(acknowledged))...)
	slices.Sort(s.petitions)
	s.petitions = slices.Compact(s.petitions)
	s.keep(begun, acknowledged)
}

func (s *story) createTogether() {
	who := s.actor("viewer")
	var calls []func(context.Context) string
	for range 2 + s.lots.IntN(6) {
		n := s.ask(s.choose("automatic", "double", "urgent", "single"))
		calls = append(calls, func(ctx context.Context) string {
			p, _, err := s.service.CreatePetition(ctx, who, n, "")
			if err != nil {
				s.Error(err)
			}
			return p.Name
		})
	}
	s.together(calls)
}

func (s *story) decideTogether() {
	who := s.actor("editor")
	var calls []func(context.Context) string
	for _, i := range s.lots.Perm(len(s.petitions))[:min(6, len(s.petitions))] {
		name, event := s.petitions[i], s.choose(approval.EventApprove, approval.EventDeny, approval.EventRevoke)
		s.look(name)
		calls = append(calls, func(ctx context.Context) string {
			_, _, err := s.service.Decide(ctx, who, name, approval.NewClaim{Event: event}, "")
			if code := approval.CodeOf(err); err != nil && code != approval.Conflict && code != approval.Forbidden {
				s.Error(err)
			}
			return name
		})
	}
	s.together(calls)
}

// timers lets time pass and does what is due then, each step a change of its own: a crash between them leaves a job that
// is leased, done twice or not at all.
func (s *story) timers() {
	s.clock.Advance(time.Duration(1+s.lots.IntN(300)) * time.Second)
	var jobs []approval.Job
	s.change(func() {
		var err error
		jobs, err = s.store.LeaseJobs(s.Context(), "", s.clock.Now(), time.Minute, 4)
		s.must(err)
	})
	for _, j := range jobs {
		var later approval.Later
		s.change(func() {
			if err := s.service.RunJob(s.Context(), j); !errors.As(err, &later) {
				s.must(err)
			}
		})
		s.change(func() {
			if !later.At.IsZero() {
				s.must(s.store.RetryJob(s.Context(), j, later.At))
				return
			}
			s.must(s.store.FinishJob(s.Context(), j))
		})
	}
}

// configure changes what belongs to no petition.
func (s *story) configure() {
	admin, owner := approval.System(space, "admin"), s.actor("owner")
	email := fmt.Sprintf("person%d@acmecorp.example", s.lots.IntN(5))
	entry := approval.Resource{ID: "production", Kind: "environment", DisplayName: "Production",
		Labels: map[string]string{approval.LabelBlock: fmt.Sprintf("entry-%d", s.lots.IntN(5))}}
	token := approval.TokenRequest{Kind: approval.TokenUser, Name: s.ids.UUID(), Member: owner.ID, ExpireTime: s.clock.Now().Add(time.Hour)}
	do := s.lots.IntN(4)
	s.change(func() {
		var err error
		switch do {
		case 0:
			_, err = s.service.PutMember(s.Context(), admin, approval.Member{Email: email, Role: approval.Viewer})
		case 1:
			_, err = s.service.PutResources(s.Context(), owner, []approval.Resource{entry})
		case 2:
			_, err = s.service.IssueToken(s.Context(), owner, token)
		case 3:
			err = s.store.Ping(s.Context())
		}
		s.must(err)
	})
}
