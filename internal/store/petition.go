package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

var (
	// On PostgreSQL the same statement puts the petition into the index of words; on SQLite new petitions go into it later
	// (see lateWords).
	insertPetition = sqlText(`
		INSERT INTO petitions (space, name, version, phase, create_time, words, doc, timer_time, timer_kind)
		VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8)`).thenOnPostgres("seq, words", `
		INSERT INTO petition_search (rowid, words) SELECT seq, array_to_tsvector(string_to_array(words, ' ')) FROM made`)
	updatePetition = sqlText(`
		UPDATE petitions SET version = $4 + 1, phase = $3, doc = $5 WHERE space = $1 AND name = $2 AND version = $4`)
	updatePetitionAndTimer = sqlText(`
		UPDATE petitions SET version = $4 + 1, phase = $3, doc = $5, timer_time = $6, timer_kind = $7
		WHERE space = $1 AND name = $2 AND version = $4`)
	updatePetitionWords = sqlText(`UPDATE petitions SET words = $3 WHERE space = $1 AND name = $2`)
	// On SQLite those that are not in the index of words yet have nothing in it to change.
	forgetPetition     = forgetText("petition_search", "petitions").andOnSQLite(" AND " + isIndexed)
	indexPetitionAgain = onPostgres(`
		INSERT INTO petition_search (rowid, words)
		VALUES ((SELECT seq FROM petitions WHERE space = $1 AND name = $2), {words})`).andOnSQLite(`
		INSERT INTO petition_search (rowid, words) SELECT seq, $3 FROM petitions WHERE space = $1 AND name = $2 AND ` + isIndexed)
	selectPetition = sqlText(`
		SELECT space, name, version, doc, seq FROM petitions WHERE space = $1 AND name = $2`)

	insertVote        = sqlText(`INSERT INTO votes (space, petition, person, stage) VALUES ($1, $2, $3, $4)`)
	insertIdempotency = sqlText(`
		INSERT INTO idempotency (space, actor, key, hash, petition, time) VALUES ($1, $2, $3, $4, $5, $6)`)
	selectIdempotency = sqlText(`
		SELECT actor, key, hash, petition, time FROM idempotency WHERE space = $1 AND actor = $2 AND key = $3`)
)

func (p *plan) putPetition(w approval.PutPetition) {
	t := w.Petition
	p.inSpace(t.Space)
	switch {
	case w.Expect == 0:
		p.insertPetition(t)
	default:
		s := p.updatePetition(t, w.Expect)
		s.missing = petitionStale
		// What a petition asks never changes, so neither do its words, unless its labels do.
		if !w.SameLabels {
			words := petitionWords(t)
			p.add(forgetPetition, t.Space, t.Name)
			p.add(updatePetitionWords, t.Space, t.Name, words)
			p.add(indexPetitionAgain, t.Space, t.Name, words)
		}
	}
}

func (p *plan) updatePetition(t *approval.Petition, expect int64) *statement {
	document := petitionDocument(t)
	s := p.add(updatePetition, t.Space, t.Name, string(t.Phase), expect, document)
	if timer, set := p.timerOf(t); set {
		s.text, s.args = updatePetitionAndTimer, append(s.args, micros(timer.RunTime), timer.Kind)
	}
	s.petition, s.document = stored(*t, expect+1), document
	return s
}

func petitionStale(args []any) error {
	return approval.Errorf(approval.Conflict, "petition #%s/%s changed in the meantime: read it again and decide on that", args[0], args[1])
}

func (p *plan) insertPetition(t *approval.Petition) {
	words, document := petitionWords(t), petitionDocument(t)
	timer, _ := p.timerOf(t)
	s := p.add(insertPetition, t.Space, t.Name, string(t.Phase), micros(t.CreateTime), words, document, micros(timer.RunTime), timer.Kind)
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "petition #%s/%s exists already", args[0], args[1])
	}
	s.petition, s.document = stored(*t, 1), document
}

func petitionDocument(p *approval.Petition) string {
	return documentOf(func(j approval.JSON) approval.JSON { return j.Petition(p) })
}

// stored answers the petition as reading it will.
func stored(p approval.Petition, version int64) *approval.Petition {
	p.Version = version
	return &p
}

// Petition implements [approval.Store].
func (s *Store) Petition(ctx context.Context, space, name string) (approval.Petition, error) {
	if p := s.cache.get(space, name); p != nil && ctx.Err() == nil && !s.closed.Load() {
		return *p, nil
	}
	if p, err := s.together.petition(ctx, space, name); err != nil {
		return approval.Petition{}, s.refusal(err)
	} else if p != nil {
		return *p, nil
	}
	row, found, err := one(ctx, s, selectPetition, scanPetition, space, name)
	if err == nil && !found {
		err = approval.Errorf(approval.NotFound, "there is no petition %.100q in %s", name, space)
	}
	return row.Petition, err
}

// RecentPetition implements [approval.Store].
func (s *Store) RecentPetition(space, name string) *approval.Petition {
	if s.closed.Load() {
		return nil
	}
	if p := s.cache.get(space, name); p != nil {
		return p
	}
	return s.together.recent(space, name)
}

// petitionRow is a petition and its place in lists.
type petitionRow struct {
	approval.Petition
	seq int64
}

func scanPetition(rows *sql.Rows) (row petitionRow, err error) {
	var document, space, name string
	var version int64
	if err := rows.Scan(&space, &name, &version, &document, &row.seq); err != nil {
		return row, err
	}
	err = parsePetition(document, &row.Petition)
	row.Space, row.Name, row.Version = space, name, version
	return row, err
}

func parsePetition(document string, p *approval.Petition) error {
	if approval.ReadPetition(document, p) {
		return nil
	}
	return parse([]byte(document), p)
}

func (p *plan) putVote(w approval.PutVote) {
	s := p.add(insertVote, p.space, w.Petition, w.Person, int64(w.Stage))
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
