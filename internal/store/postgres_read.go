package store

import (
	"context"
	"crypto/sha256"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionReads reads together the petitions that are asked for at the same time. A document that this node has read or
// written lately is known by its digest and is not sent again, so that most reads cost neither its way nor its parsing;
// what is answered is what the database has at that moment, whoever wrote it.
type petitionReads struct {
	batcher[*petitionRead]
	engine *postgresEngine
	known  *knownPetitions
}

type petitionRead struct {
	petitionKey
	found  *approval.Petition // nil when there is none, or when it must be read in the usual way
	err    error              // the database cannot do it now
	answer chan struct{}
}

const (
	readsAtOnce  = 4
	enoughToRead = 64
	mostRead     = 256
)

var selectKnownPetitions = sqlText(`
	SELECT place, version, CASE WHEN sha256(convert_to(doc, 'UTF8')) = digest THEN NULL ELSE doc END
	FROM unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS bytea[])) WITH ORDINALITY AS asked (in_space, named, digest, place)
	JOIN petitions ON space = in_space AND name = named`)

func newPetitionReads(e *postgresEngine, queue int) *petitionReads {
	r := &petitionReads{engine: e, known: e.hints.known}
	r.batcher = batcher[*petitionRead]{run: r.readBatch, atOnce: readsAtOnce, enough: enoughToRead, size: mostRead, queue: queue}
	return r
}

// petition answers the petition, or nil when it must be read in the usual way: there is none, or something is wrong.
// On an engine that does not read together r is nil.
func (r *petitionReads) petition(ctx context.Context, space, name string) (*approval.Petition, error) {
	if r == nil {
		return nil, nil
	}
	read := &petitionRead{petitionKey: petitionKey{space, name}, answer: make(chan struct{})}
	if err := r.add(read); err != nil {
		return nil, err
	}
	select {
	case <-read.answer:
		return read.found, read.err
	case <-ctx.Done():
		return nil, cancelled(ctx.Err())
	}
}

// recent answers the petition as this node wrote or read it last, nil when it does not know it. On an engine that does not read
// together r is nil.
func (r *petitionReads) recent(space, name string) *approval.Petition {
	if r == nil {
		return nil
	}
	return r.known.recently(petitionKey{space, name})
}

// writing says that a commit is going to write the petitions of these statements; what is answered is told how it ended.
func (r *petitionReads) writing(statements []statement) (ended func(error)) {
	written := make([]*statement, 0, 1)
	for i := range statements {
		if s := &statements[i]; s.petition != nil {
			written = append(written, s)
			r.known.begin(petitionKey{s.petition.Space, s.petition.Name})
		}
	}
	return func(err error) {
		for _, s := range written {
			key, now := petitionKey{s.petition.Space, s.petition.Name}, knownPetition{}
			if err == nil {
				now = knownPetition{digest: sha256.Sum256([]byte(s.document)), petition: s.petition}
			}
			r.known.end(key, now)
		}
	}
}

func (r *petitionReads) readBatch(batch []*petitionRead) {
	ctx := context.Background()
	err := r.engine.places.enter(ctx)
	if err == nil {
		err = r.engine.withConn(ctx, func(ctx context.Context, conn *pgx.Conn) error { return r.readOn(ctx, conn, batch) })
		r.engine.places.leave()
	}
	if classOfPostgres(err) != down || neverSent(err) {
		err = nil // whoever got nothing tries alone
	}
	for _, read := range batch {
		if read.found == nil {
			read.err = err
		}
		close(read.answer)
	}
}

func (r *petitionReads) readOn(ctx context.Context, conn *pgx.Conn, batch []*petitionRead) error {
	spaces, names, digests := make([]string, len(batch)), make([]string, len(batch)), make([][]byte, len(batch))
	known := make([]knownPetition, len(batch)) // before, and then now
	for i, read := range batch {
		spaces[i], names[i] = read.space, read.name
		r.known.begin(read.petitionKey)
		known[i], _ = r.known.get(read.petitionKey)
		digests[i] = known[i].digest[:]
	}
	defer func() {
		for i, read := range batch {
			if read.found == nil {
				known[i] = knownPetition{}
			}
			r.known.end(read.petitionKey, known[i])
		}
	}()
	rows, err := conn.Query(ctx, selectKnownPetitions.postgres, spaces, names, digests)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var place, version int64
		var document []byte
		if err := rows.Scan(&place, &version, &document); err != nil {
			return err
		}
		i := place - 1
		if known[i], err = known[i].at(batch[i].petitionKey, version, document); err != nil {
			return err
		}
		batch[i].found = known[i].petition
	}
	return rows.Err()
}

// at answers what is known after the petition was read: its document, which is nil when it is the known one.
func (k knownPetition) at(key petitionKey, version int64, document []byte) (knownPetition, error) {
	if document == nil && k.petition.Version == version {
		return k, nil
	}
	var p approval.Petition
	if document == nil {
		p = *k.petition
	} else if err := parsePetition(string(document), &p); err != nil {
		return k, err
	} else {
		k.digest = sha256.Sum256(document)
	}
	p.Space, p.Name, p.Version = key.space, key.name, version
	k.petition = &p
	return k, nil
}
