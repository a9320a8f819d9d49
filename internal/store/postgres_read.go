package store

import (
	"context"
	"crypto/sha256"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionReads reads together the petitions that are asked for at the same time. A document that this node has read or
// written lately is known by its digest and is not sent again, so that most reads cost neither its way nor its parsing;
// what is answered is what the database has at that moment, whoever wrote it.
type petitionReads struct {
	batcher[*petitionRead]
	engine *postgresEngine
	known  *recent[petitionKey, knownPetition]
}

type petitionRead struct {
	petitionKey
	found  *approval.Petition // nil when there is none, or when it must be read in the usual way
	err    error              // the database cannot do it now
	answer chan struct{}
}

type knownPetition struct {
	digest   [sha256.Size]byte // of the document
	petition *approval.Petition
}

const (
	readsAtOnce  = 4
	enoughToRead = 64
	mostRead     = 256
	// mostKnown petitions of a usual size fill some 5 MiB, in each of two generations.
	mostKnown = 2048
)

var selectKnownPetitions = sqlText(`
	SELECT place, version, CASE WHEN sha256(convert_to(doc, 'UTF8')) = digest THEN NULL ELSE doc END
	FROM unnest(CAST($1 AS text[]), CAST($2 AS text[]), CAST($3 AS bytea[])) WITH ORDINALITY AS asked (in_space, named, digest, place)
	JOIN petitions ON space = in_space AND name = named`)

func newPetitionReads(e *postgresEngine, queue int) *petitionReads {
	r := &petitionReads{engine: e, known: newRecent[petitionKey, knownPetition](mostKnown)}
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

// written keeps what a commit has written. Whether it has matters to nobody: the database is asked each time.
func (r *petitionReads) written(statements []statement) {
	for i := range statements {
		s := &statements[i]
		if p := s.petition; p != nil {
			r.known.put(petitionKey{p.Space, p.Name}, knownPetition{sha256.Sum256([]byte(s.document)), p})
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
	spaces, names := make([]string, len(batch)), make([]string, len(batch))
	digests, known := make([][]byte, len(batch)), make([]knownPetition, len(batch))
	for i, read := range batch {
		spaces[i], names[i] = read.space, read.name
		known[i], _ = r.known.get(read.petitionKey)
		digests[i] = known[i].digest[:]
	}
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
		if batch[i].found, err = r.petitionOf(batch[i].petitionKey, version, document, known[i].petition); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (r *petitionReads) petitionOf(key petitionKey, version int64, document []byte, known *approval.Petition) (*approval.Petition, error) {
	if document == nil && known.Version == version {
		return known, nil
	}
	var p approval.Petition
	if document == nil {
		p = *known
	} else if err := parsePetition(string(document), &p); err != nil {
		return nil, err
	}
	p.Space, p.Name, p.Version = key.space, key.name, version
	if document != nil {
		r.known.put(key, knownPetition{sha256.Sum256(document), &p})
	}
	return &p, nil
}

// recent keeps what was used last. Two generations are an approximation of "least recently used" that costs one lookup
// more: when the young one is full it becomes the old one, and what of the old one was not asked for since is gone.
type recent[K comparable, V any] struct {
	mu         sync.Mutex
	most       int
	young, old map[K]V
}

func newRecent[K comparable, V any](most int) *recent[K, V] {
	return &recent[K, V]{most: most, young: map[K]V{}, old: map[K]V{}}
}

func (r *recent[K, V]) get(key K) (V, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.young[key]
	if ok {
		return v, true
	}
	if v, ok = r.old[key]; ok {
		delete(r.old, key)
		r.add(key, v)
	}
	return v, ok
}

func (r *recent[K, V]) put(key K, v V) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.old, key)
	r.add(key, v)
}

func (r *recent[K, V]) add(key K, v V) {
	if len(r.young) >= r.most {
		r.young, r.old = r.old, r.young
		clear(r.young)
	}
	r.young[key] = v
}
