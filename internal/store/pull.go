package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertPullPolicy   = sqlText(`INSERT INTO pull_policies (space, name, version, doc) VALUES ($1, $2, 1, $3)`)
	updatePullPolicy   = sqlText(`UPDATE pull_policies SET version = version + 1, doc = $4 WHERE space = $1 AND name = $2 AND version = $3`)
	deletePullPolicy   = sqlText(`DELETE FROM pull_policies WHERE space = $1 AND name = $2`)
	selectPullPolicy   = sqlText(`SELECT space, name, version, doc FROM pull_policies WHERE space = $1 AND name = $2`)
	selectPullPolicies = sqlText(`SELECT space, name, version, doc FROM pull_policies WHERE space = $1 ORDER BY name`)

	insertPull   = sqlText(`INSERT INTO pulls (space, policy, version, run, failures, doc) VALUES ($1, $2, 1, $3, $4, $5)`)
	updatePull   = sqlText(`UPDATE pulls SET version = version + 1, run = $4, failures = $5, doc = $6 WHERE space = $1 AND policy = $2 AND version = $3`)
	deletePull   = sqlText(`DELETE FROM pulls WHERE space = $1 AND policy = $2`)
	holdPull     = sqlText(`UPDATE pulls SET run = $3 WHERE space = $1 AND policy = $2 AND run = $3`)
	selectPull   = sqlText(`SELECT space, policy, version, doc FROM pulls WHERE space = $1 AND policy = $2`)
	selectPulls  = sqlText(`SELECT space, policy, version, doc FROM pulls WHERE space = $1 ORDER BY policy`)
	failingPulls = sqlText(`SELECT count(*) FROM pulls WHERE failures > 0`)

	insertPulled = sqlText(`INSERT INTO pulled (space, name, policy, kind, thing, gone) VALUES ($1, $2, $3, $4, $5, $6)`)
	// The policy is compared in a way that no index helps with: without statistics PostgreSQL takes all of a policy's rows for one.
	updatePulled = sqlText(`UPDATE pulled SET kind = $4, thing = $5, gone = $6 WHERE space = $1 AND name = $2 AND policy || '' = $3`)
	deletePulled = sqlText(`DELETE FROM pulled WHERE space = $1 AND name = $2`)
	// Who writes what is there already changes nothing, and so takes nothing over.
	takeOver = sqlText(`
		DELETE FROM pulled WHERE space = $1 AND name = $2 AND NOT EXISTS (SELECT 1 FROM resources WHERE space = $1 AND name = $2 AND doc = $3)`)
	selectPulled = sqlText(`
		SELECT name, kind, thing, gone FROM pulled WHERE space = $1 AND policy = $2 AND name > $3 ORDER BY name LIMIT $4`)
	selectPulledEntries = sqlText(`
		SELECT name, doc, coalesce((SELECT policy FROM pulled WHERE space = $1 AND name = named.value), ''),
			coalesce((SELECT thing FROM pulled WHERE space = $1 AND name = named.value), '')
		FROM (
			SELECT value FROM {each $2}
			UNION SELECT name FROM {each $4} {look up} pulled WHERE space = $1 AND policy = $3 AND thing = value {looked up}
		) named {look up} resources WHERE space = $1 AND name = value {looked up}`)
	// A member without identities stands among the members alone.
	selectNameOwners = sqlText(`
		SELECT alias, owner FROM {each $2} {look up} aliases WHERE space = $1 AND alias = value {looked up}
		UNION SELECT id, 'm' || id FROM {each $2} {look up} members WHERE space = $1 AND id = value {looked up}`)
)

// writePull writes what a pull writes, or answers false.
func (p *plan) writePull(w approval.Write) bool {
	switch w := w.(type) {
	case approval.PutPullPolicy:
		p.putPullPolicy(w)
	case approval.DeletePullPolicy:
		p.add(deletePull, p.space, w.Name)
		s := p.add(deletePullPolicy, p.space, w.Name)
		s.missing = func(args []any) error { return noPullPolicy(args[0], args[1]) }
	case approval.PutPull:
		p.inSpace(w.Pull.Space)
		p.putPull(w)
	case approval.HoldPull:
		s := p.add(holdPull, p.space, w.Policy, w.Run)
		s.missing = func(args []any) error {
			return approval.Errorf(approval.Conflict, "the pull %s has not the policy %s any more", args[2], args[1])
		}
	case approval.PutPulled:
		p.putPulled(w)
	default:
		return false
	}
	return true
}

func (p *plan) putPullPolicy(w approval.PutPullPolicy) {
	policy := w.Policy
	p.inSpace(policy.Space)
	if w.Expect > 0 {
		s := p.add(updatePullPolicy, policy.Space, policy.Name, w.Expect, p.document(policy))
		s.missing = func(args []any) error {
			return approval.Errorf(approval.Conflict, "the pull policy %s was changed by somebody else at the same time: read it again and change that", args[1])
		}
		return
	}
	s := p.add(insertPullPolicy, policy.Space, policy.Name, p.document(policy))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "there is a pull policy %s in %s already: change it, or choose another name", args[1], args[0])
	}
}

func noPullPolicy(space, name any) error {
	return approval.Errorf(approval.NotFound, "there is no pull policy %.100q in %s", name, space)
}

func (p *plan) putPull(w approval.PutPull) {
	changed := func(args []any) error {
		return approval.Errorf(approval.Conflict, "the pulls of %s have gone on meanwhile: look again", args[1])
	}
	pull := w.Pull
	if w.Expect > 0 {
		p.add(updatePull, pull.Space, pull.Policy, w.Expect, pull.Run, int64(pull.Failures), p.document(pull)).missing = changed
		return
	}
	p.add(insertPull, pull.Space, pull.Policy, pull.Run, int64(pull.Failures), p.document(pull)).taken = changed
}

// putPulled writes the provenance first: whether the entry is the policy's is what usually decides.
func (p *plan) putPulled(w approval.PutPulled) {
	r := w.Resource
	gone := number(r.Labels[approval.LabelDeactivated] == "true")
	if w.New {
		// An entry that is deleted takes its provenance along, so that there is none where there is no entry.
		p.putEntry(approval.PutResource{Resource: r, MustBeNew: true})
		p.add(insertPulled, p.space, r.Name(), w.Policy, r.Kind, w.Thing.String(), gone)
		return
	}
	s := p.add(updatePulled, p.space, r.Name(), w.Policy, r.Kind, w.Thing.String(), gone)
	s.missing = func(args []any) error {
		return approval.Errorf(approval.Conflict, "%s is not what the pull policy %s brought any more", args[1], args[2])
	}
	p.putEntry(approval.PutResource{Resource: r})
}

func scanPullPolicy(rows *sql.Rows) (policy approval.PullPolicy, err error) {
	policy.Space, policy.Name, policy.Version, err = scanVersioned(rows, &policy)
	return policy, err
}

// PullPolicy implements [approval.Store].
func (s *Store) PullPolicy(ctx context.Context, space, name string) (approval.PullPolicy, error) {
	policy, found, err := one(ctx, s, selectPullPolicy, scanPullPolicy, space, name)
	if err == nil && !found {
		err = noPullPolicy(space, name)
	}
	return policy, err
}

// PullPolicies implements [approval.Store].
func (s *Store) PullPolicies(ctx context.Context, space string) ([]approval.PullPolicy, error) {
	return list(ctx, s, selectPullPolicies.in(s.dialect), []any{space}, scanPullPolicy)
}

func scanPull(rows *sql.Rows) (pull approval.Pull, err error) {
	pull.Space, pull.Policy, pull.Version, err = scanVersioned(rows, &pull)
	return pull, err
}

// Pull implements [approval.Store].
func (s *Store) Pull(ctx context.Context, space, policy string) (approval.Pull, error) {
	pull, found, err := one(ctx, s, selectPull, scanPull, space, policy)
	if err == nil && !found {
		err = noPullPolicy(space, policy)
	}
	return pull, err
}

// Pulls implements [approval.Store].
func (s *Store) Pulls(ctx context.Context, space string) ([]approval.Pull, error) {
	return list(ctx, s, selectPulls.in(s.dialect), []any{space}, scanPull)
}

// Pulled implements [approval.Store].
func (s *Store) Pulled(ctx context.Context, space, policy, after string, limit int) ([]approval.Pulled, error) {
	return list(ctx, s, selectPulled.in(s.dialect), []any{space, policy, after, int64(limit)}, func(rows *sql.Rows) (row approval.Pulled, err error) {
		var thing string
		var gone int64
		if err = rows.Scan(&row.Name, &row.Kind, &thing, &gone); err == nil {
			row.Thing, err = approval.ParseThing(thing)
		}
		row.Gone = gone != 0
		return row, err
	})
}

// PulledEntries implements [approval.Store].
func (s *Store) PulledEntries(ctx context.Context, space, policy string, names []string, things []approval.Thing) ([]approval.PulledEntry, error) {
	if len(names)+len(things) == 0 {
		return nil, nil
	}
	texts := make([]string, len(things))
	for i, t := range things {
		texts[i] = t.String()
	}
	named, err := arrayOf(names)
	if err != nil {
		return nil, err
	}
	sought, err := arrayOf(texts)
	if err != nil {
		return nil, err
	}
	return list(ctx, s, selectPulledEntries.in(s.dialect), []any{space, named, policy, sought}, func(rows *sql.Rows) (e approval.PulledEntry, err error) {
		var name, thing string
		var doc sql.RawBytes
		if err = rows.Scan(&name, &doc, &e.Policy, &thing); err != nil {
			return e, err
		}
		if thing != "" {
			if e.Thing, err = approval.ParseThing(thing); err != nil {
				return e, err
			}
		}
		return e, parse(doc, &e.Resource)
	})
}

// NameOwners implements [approval.Store].
func (s *Store) NameOwners(ctx context.Context, space string, names []string) ([]approval.NameOwner, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return byName(ctx, s, selectNameOwners, space, names, func(rows *sql.Rows) (o approval.NameOwner, err error) {
		var owner string
		if err = rows.Scan(&o.Name, &owner); err != nil {
			return o, err
		}
		if owner != "" && owner[:1] == resourceOwner("") {
			o.Resource = owner[1:]
		} else {
			o.Member = owner[min(1, len(owner)):]
		}
		return o, nil
	})
}

// FailingPulls implements [approval.Store].
func (s *Store) FailingPulls(ctx context.Context) (int64, error) {
	n, _, err := one(ctx, s, failingPulls, scanNumber)
	return n, err
}
