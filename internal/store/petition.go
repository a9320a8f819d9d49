package store

import (
	"context"
	"database/sql"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	insertPetition = sqlText(`
		INSERT INTO petitions (space, name, version, phase, create_time, words, doc) VALUES ($1, $2, 1, $3, $4, $5, $6)`)
	updatePetition = sqlText(`
		UPDATE petitions SET version = $4 + 1, phase = $3, doc = $5 WHERE space = $1 AND name = $2 AND version = $4`)
	insertPetitionPerson = sqlText(`
		INSERT INTO petition_people (space, id, petition)
		VALUES ($1, $3, (SELECT seq FROM petitions WHERE space = $1 AND name = $2))`)
	putPetitionLabel = sqlText(`
		INSERT INTO petition_labels (petition, key, value, space)
		VALUES ((SELECT seq FROM petitions WHERE space = $1 AND name = $2), $3, $4, $1)
		ON CONFLICT (petition, key) DO UPDATE SET value = excluded.value WHERE petition_labels.value <> excluded.value`)
	insertPetitionWords = sqlText(`
		INSERT INTO petition_search (rowid, words)
		VALUES ((SELECT seq FROM petitions WHERE space = $1 AND name = $2), {words})`)
	selectPetition = sqlText(`
		SELECT space, name, version, doc, seq FROM petitions WHERE space = $1 AND name = $2`)

	insertVote        = sqlText(`INSERT INTO votes (space, petition, person) VALUES ($1, $2, $3)`)
	insertIdempotency = sqlText(`
		INSERT INTO idempotency (space, actor, key, hash, petition, time) VALUES ($1, $2, $3, $4, $5, $6)`)
	selectIdempotency = sqlText(`
		SELECT actor, key, hash, petition, time FROM idempotency WHERE space = $1 AND actor = $2 AND key = $3`)
)

func (p *plan) putPetition(w approval.PutPetition) {
	p.inSpace(w.Petition.Space)
	switch {
	case w.Expect == 0:
		p.insertPetition(&w.Petition)
	default:
		p.updatePetition(&w.Petition, w.Expect)
		if !w.SameLabels {
			p.replacePetitionLabels(&w.Petition)
		}
	}
}

func (p *plan) insertPetition(t *approval.Petition) {
	// What a petition asks never changes, so its words are written once.
	words := rowWords(t.Space, petitionWords(t))
	s := p.add(insertPetition, t.Space, t.Name, string(t.Phase), micros(t.CreateTime), words, p.document(t))
	s.taken = petitionExists
	for _, id := range peopleOf(t) {
		p.add(insertPetitionPerson, t.Space, t.Name, id)
	}
	p.putPetitionLabels(t)
	p.add(insertPetitionWords, t.Space, t.Name, words)
}

func petitionExists(args []any) error {
	return approval.Errorf(approval.Conflict, "petition #%s/%s exists already", args[0], args[1])
}

func (p *plan) updatePetition(t *approval.Petition, expect int64) {
	s := p.add(updatePetition, t.Space, t.Name, string(t.Phase), expect, p.document(t))
	s.missing = petitionStale
}

func petitionStale(args []any) error {
	return approval.Errorf(approval.Conflict, "petition #%s/%s changed in the meantime: read it again and decide on that", args[0], args[1])
}

func (p *plan) replacePetitionLabels(t *approval.Petition) {
	var rest clause
	rest.add("DELETE FROM petition_labels WHERE petition = (SELECT seq FROM petitions WHERE space = ",
		rest.arg(t.Space), " AND name = ", rest.arg(t.Name), ")")
	if len(t.Labels) > 0 {
		rest.add(" AND key NOT IN ", rest.in(keys(t.Labels)))
	}
	p.addDynamic(&rest)
	p.putPetitionLabels(t)
}

func (p *plan) putPetitionLabels(t *approval.Petition) {
	for _, key := range keys(t.Labels) {
		p.add(putPetitionLabel, t.Space, t.Name, key, t.Labels[key])
	}
}

// peopleOf answers the ids of those who ask, each once.
func peopleOf(t *approval.Petition) []string {
	ids := make([]string, 0, 1+len(t.Petitioners))
	ids = append(ids, t.CreatedBy.ID)
	for _, r := range t.Petitioners {
		if !slices.Contains(ids, r.ID) {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// keys answers the keys in order, so that a change always writes its rows in the same order: on PostgreSQL two changes
// of one petition then wait for each other and never lock each other up.
func keys(m map[string]string) []string {
	list := make([]string, 0, len(m))
	for k := range m {
		list = append(list, k)
	}
	slices.Sort(list)
	return list
}

// Petition implements [approval.Store].
func (s *Store) Petition(ctx context.Context, space, name string) (approval.Petition, error) {
	row, found, err := one(ctx, s, selectPetition, scanPetition, space, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no petition %.100q in %s", name, space)
	}
	return row.Petition, err
}

// petitionRow is a petition and its place in lists.
type petitionRow struct {
	approval.Petition
	seq int64
}

func scanPetition(rows *sql.Rows) (row petitionRow, err error) {
	var document sql.RawBytes
	var space, name string
	var version int64
	if err := rows.Scan(&space, &name, &version, &document, &row.seq); err != nil {
		return row, err
	}
	err = parse(document, &row.Petition)
	row.Space, row.Name, row.Version = space, name, version
	return row, err
}

func (p *plan) putVote(w approval.PutVote) {
	s := p.add(insertVote, p.space, w.Petition, w.Person)
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "%s has already decided on petition #%s/%s: each person counts once", args[2], args[0], args[1])
	}
}

func (p *plan) putIdempotency(i approval.Idempotency) {
	s := p.add(insertIdempotency, p.space, i.Actor, i.Key, i.Hash, i.Petition, micros(i.Time))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "the idempotency key %q was used before", args[2])
	}
}

// Idempotency implements [approval.Store].
func (s *Store) Idempotency(ctx context.Context, space, actor, key string) (approval.Idempotency, error) {
	i, found, err := one(ctx, s, selectIdempotency, func(rows *sql.Rows) (i approval.Idempotency, err error) {
		var at int64
		err = rows.Scan(&i.Actor, &i.Key, &i.Hash, &i.Petition, &at)
		i.Time = timeOf(at)
		return i, err
	}, space, actor, key)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "the idempotency key was never used")
	}
	return i, err
}
