package approval

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// When the directory changes, a petition that waits may come to have too few people who may grant it, or enough again. That is
// not looked at in the change itself, which must not cost more the more petitions wait, but a few seconds later by a job: one
// for all changes of those seconds, on one node.
const (
	quorumSlot = 5 * time.Second // changes of one slot are looked at together
	quorumWait = 2 * time.Second // after the slot: what other nodes remember of the directory is a second old at most
	// maxWaiting bounds how many petitions are looked at; the newest come first.
	maxWaiting = 5_000
)

// quorumOf answers the job that looks at a petition, or at all that wait in the space where that is "".
func (s *Service) quorumOf(space, petition string) PutJob {
	return quorumAt(space, petition, s.Clock.Now())
}

// quorumAt is quorumOf for what changes at that time.
func quorumAt(space, petition string, at time.Time) PutJob {
	slot := at.Truncate(quorumSlot)
	key := JobQuorum + "/" + space + "/" + strconv.FormatInt(slot.Unix(), 10)
	if petition != "" {
		key += "/" + petition
	}
	return PutJob{Job{Key: key, Kind: JobQuorum, Space: space, Petition: petition, RunTime: slot.Add(quorumSlot + quorumWait)}}
}

// changesReviewers answers whether a write may change who can grant what.
func changesReviewers(w Write) bool {
	switch w.(type) {
	case PutMember, DeleteMember, PutIdentity, DeleteIdentity, PutGroupMember, DeleteGroupMember, PutResource, PutPulled, DeleteResource, DeletePasskey, PutPolicy, PutDelegation, EndDelegation:
		return true
	}
	return false
}

// looksAfter answers the jobs that look at the space after a change: soon, and when somebody goes and comes back.
func (s *Service) looksAfter(c Change) (jobs []Write) {
	if !slices.ContainsFunc(c.Writes, changesReviewers) {
		return nil
	}
	jobs = append(jobs, s.quorumOf(c.Space, ""), hourly(c.Space, s.Clock.Now()))
	for _, w := range c.Writes {
		if d, ok := w.(PutDelegation); ok {
			for _, at := range []time.Time{d.Delegation.StartTime, d.Delegation.EndTime} {
				if j := quorumAt(c.Space, "", at); j != jobs[0] {
					jobs = append(jobs, j)
				}
			}
		}
	}
	return jobs
}

// spendsReviewers answers whether a claim of somebody takes a reviewer from what is still to be met.
func (p *Petition) spendsReviewers() bool { return p.asksForOthers() || p.Verdict.Denials > 1 }

// lookAtQuorum does what a job says: each petition that waits is told when too few people may grant it as things are, or enough
// again, and when approvals count otherwise than before. To do it twice tells nothing twice. Where something cannot be
// looked up, the rest is told and the job answers why, so that it comes again.
func (s *Service) lookAtQuorum(ctx context.Context, j Job) error {
	if _, err := s.spaceInUse(ctx, j.Space); err != nil {
		if CodeOf(err) == NotFound {
			return nil
		}
		return err
	}
	if j.Petition != "" {
		return s.lookAtOne(ctx, j)
	}
	return s.lookAtSpace(ctx, j, nil, true)
}

// lookAtSpace looks at those petitions that wait, at all where at is nil, and, with policy, at the document that holds.
func (s *Service) lookAtSpace(ctx context.Context, j Job, at func(*Petition) bool, policy bool) error {
	done, err := s.looks.begin(j, s.Clock.Now())
	if done == nil || err != nil {
		return err
	}
	begun := s.Clock.Now()
	s.rosters.forget(j.Space)
	s.labelled.forget(j.Space)
	s.owners.forget()
	failed := s.looking(j.Space).tellAll(ctx, at)
	if policy {
		if err := s.lookAtPolicy(ctx, j.Space); failed == nil {
			failed = err
		}
	}
	done(begun, s.Clock.Now(), failed == nil && at == nil)
	return failed
}

func (s *Service) lookAtOne(ctx context.Context, j Job) error {
	p, err := s.Store.Petition(ctx, j.Space, j.Petition)
	if CodeOf(err) == NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.looking(j.Space).tell(ctx, p)
}

// looks bounds what looking costs a node: a few spaces at once, each once, and one whose last look took long waits many times
// that.
type looks struct {
	mu      sync.Mutex
	looking map[string]bool // by space
	last    map[string]look // by space
}

type look struct{ begun, next time.Time }

// mostLooks is how many spaces are looked at on a node at once.
const mostLooks = 2

// restAfter is how many times what a look took it is before the next of the same space.
const restAfter = 20

// begin answers what ends the look, nil where there is nothing to look at: a look that has begun since has seen the change.
// When it is not the time it answers [Later].
func (k *looks) begin(j Job, now time.Time) (end func(begun, ended time.Time, whole bool), err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last := k.last[j.Space]
	slot, err := strconv.ParseInt(j.Key[strings.LastIndexByte(j.Key, '/')+1:], 10, 64)
	if err == nil && !last.begun.Before(time.Unix(slot, 0).Add(quorumSlot+quorumWait)) && !now.Before(last.begun) {
		return nil, nil
	}
	wait := min(last.next.Sub(now), time.Minute) // less where the clock was set back
	if k.looking[j.Space] || len(k.looking) >= mostLooks {
		wait = max(wait, time.Second)
	}
	if wait > 0 {
		return nil, Later{At: now.Add(wait)} // it was looked at a moment ago
	}
	if k.looking == nil {
		k.looking = map[string]bool{}
	}
	k.looking[j.Space] = true
	return func(begun, ended time.Time, whole bool) { k.end(j.Space, begun, ended, whole) }, nil
}

func (k *looks) end(space string, begun, ended time.Time, whole bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.looking, space)
	if k.last == nil || len(k.last) > 10_000 {
		k.last = map[string]look{}
	}
	l := look{next: ended.Add(restAfter * ended.Sub(begun))}
	if whole {
		l.begun = begun
	}
	k.last[space] = l
}

// tellAll looks at those that wait in the space, at all where at is nil: open petitions, and grants that broke the glass.
func (l *looking) tellAll(ctx context.Context, at func(*Petition) bool) (failed error) {
	seen := 0
	for _, q := range []PetitionQuery{
		{Phases: []Phase{Open}},
		{Phases: []Phase{Granted, Revoked}, Selector: Selector{{Key: LabelBreakGlass, Operator: In, Values: []string{"true"}}}},
	} {
		q.Space, q.Page = l.space, PageRequest{Size: MaxPageSize}
		for {
			page, err := l.s.Store.Petitions(ctx, q)
			if err != nil {
				return err
			}
			for _, p := range page.Items {
				if at != nil && !at(&p) {
					continue
				}
				if err := l.tell(ctx, p); err != nil && failed == nil {
					failed = err
				}
			}
			if seen += len(page.Items); page.Next == "" {
				break
			}
			if seen >= maxWaiting {
				l.s.Logger.WarnContext(ctx, "more petitions wait than are looked at for whether enough people may grant them", "space", l.space, "looked at", seen)
				return failed
			}
			q.Page.Token = page.Next
		}
	}
	return failed
}

// tell writes what has changed for the petition. Another node that does the same is told that it was second, and then finds
// nothing to write.
func (l *looking) tell(ctx context.Context, p Petition) error {
	first := true
	_, err := again(func() (none struct{}, err error) {
		if !first {
			if p, err = l.s.Store.Petition(ctx, p.Space, p.Name); err != nil {
				return none, err
			}
		}
		first = false
		return none, l.tellOnce(ctx, p)
	})
	return err
}

func (l *looking) tellOnce(ctx context.Context, p Petition) error {
	if !p.decides() || !l.now.Before(p.lastMoment(l.now)) {
		return nil
	}
	change, next := Change{Space: p.Space}, p
	add := func(name, reason string, labels map[string]string) (err error) {
		e := l.s.petitionEvent(ctx, System(p.Space, policyPart), &p, l.now, name, reason, labels)
		change.Events = append(change.Events, e)
		next, err = next.Apply(e, l.now)
		return err
	}
	if p.Progress != nil {
		_, lapses, err := l.stillCounting(ctx, &p, len(p.Claims))
		if err != nil {
			return err
		}
		if ids := idsOf(lapses); !slices.Equal(ids, p.Progress.Lapsed) {
			labels := map[string]string{}
			if len(ids) > 0 {
				labels[LabelLapsed] = strings.Join(ids, ",")
			}
			if err := add(EventRecount, recountReason(lapses), labels); err != nil {
				return err
			}
		}
	}
	why, err := l.tooFew(ctx, &p, l.now)
	if err != nil {
		return l.cannot(&p, err)
	}
	switch {
	case why == p.Stuck:
	case why == "":
		err = add(EventSatisfiable, "enough people may "+p.agreeing()+" it again", nil)
	default:
		err = add(EventUnsatisfiable, why, nil)
	}
	if err != nil || len(change.Events) == 0 {
		return err
	}
	change.Writes = []Write{PutPetition{Petition: &next, Expect: p.Version}, timerOf(&next, l.now)}
	return l.s.commitRead(ctx, change)
}

func recountReason(lapses []Lapse) string {
	if len(lapses) == 0 {
		return "all approvals count again"
	}
	var parts []string
	for _, l := range lapses {
		parts = append(parts, l.Claim.Actor.ID+"'s approval does not count: "+l.Why)
	}
	return printable(strings.Join(parts, "; "), MaxReason-1)
}
