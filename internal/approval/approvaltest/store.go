package approvaltest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// Store is an approval.Store in memory. It keeps the port's promises, without durability, and can be told to break them:
// see BeforeCommit and AfterCommit.
type Store struct {
	// BeforeCommit, when it answers an error, refuses the change with it: nothing of the change is written.
	BeforeCommit func(approval.Change) error
	// AfterCommit, when it answers an error, hides that the change was written: its outcome is unknown to the caller.
	AfterCommit func(approval.Change) error
	// BeforeNote, when it answers an error, refuses bookkeeping with it.
	BeforeNote func([]approval.Write) error
	// BeforeRead, when it answers an error, makes the reading fail. What is the name of the port's method.
	BeforeRead func(what string) error
	// Recent answers RecentPetition; nil: no petition is known.
	Recent func(space, name string) *approval.Petition
	// ByReference keeps petitions and events as they are handed in, instead of writing and reading them as JSON: faster, but a
	// caller that changes what it was given changes the store.
	ByReference bool

	mu sync.Mutex
	state
}

type state struct {
	spaces    map[string]approval.Space
	members   map[key]approval.Member
	petitions map[key]*petitionRow
	order     []*petitionRow // by creation
	votes     map[approval.PutVote]bool
	keys      map[[3]string]approval.Idempotency
	leases    map[leaseKey]approval.Lease
	resources map[key]approval.Resource
	policies  map[string][]approval.PolicyDocument
	proposals map[key]approval.PolicyProposal
	health    map[string]approval.PolicyHealth // by space
	tokens    map[key]approval.Token
	hashes    map[key]bool // kind and hash of tokens
	signing   map[string]approval.SigningKey
	trusts    map[key]approval.Trust
	webhooks  map[key]approval.Webhook
	hooking   map[key]approval.WebhookPolicy
	// identities by the identity
	identities  map[key]approval.Identity
	groups      map[approval.GroupMember]time.Time // by the membership without its time
	delegations map[key]approval.Delegation
	sessions    map[key]approval.Session
	mapped      map[key]approval.MappedRole // by the member
	jobs        map[string]approval.Job
	logins      map[string]approval.Login        // by hash
	refresh     map[string]approval.RefreshToken // by hash
	events      []eventRow
	passkeyRows
	applicationRows
	pullRows
}

type key struct{ space, name string }

type eventRow struct {
	space string
	event approval.Event
}

type petitionRow struct {
	petition approval.Petition
	document []byte
	seq      int64
}

var _ approval.Store = (*Store)(nil)

// NewStore answers an empty store.
func NewStore() *Store {
	return &Store{state: state{
		spaces: map[string]approval.Space{}, members: map[key]approval.Member{}, petitions: map[key]*petitionRow{},
		votes: map[approval.PutVote]bool{}, keys: map[[3]string]approval.Idempotency{}, resources: map[key]approval.Resource{},
		leases:   map[leaseKey]approval.Lease{},
		policies: map[string][]approval.PolicyDocument{}, proposals: map[key]approval.PolicyProposal{}, health: map[string]approval.PolicyHealth{}, tokens: map[key]approval.Token{}, hashes: map[key]bool{},
		signing: map[string]approval.SigningKey{}, jobs: map[string]approval.Job{}, identities: map[key]approval.Identity{},
		groups:      map[approval.GroupMember]time.Time{},
		delegations: map[key]approval.Delegation{},
		trusts:      map[key]approval.Trust{},
		webhooks:    map[key]approval.Webhook{},
		hooking:     map[key]approval.WebhookPolicy{},
		passkeyRows: newPasskeyRows(), applicationRows: newApplicationRows(), pullRows: newPullRows(),
		logins: map[string]approval.Login{}, refresh: map[string]approval.RefreshToken{},
		sessions: map[key]approval.Session{}, mapped: map[key]approval.MappedRole{},
	}}
}

// Commit implements approval.Store.
func (s *Store) Commit(ctx context.Context, c approval.Change) error {
	if err := ctx.Err(); err != nil {
		return approval.Wrap(approval.Unavailable, err, "the call was cancelled before it was done")
	}
	if len(c.Events) == 0 {
		return approval.Errorf(approval.Internal, "nothing changes without an audit record")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.BeforeCommit != nil {
		if err := s.BeforeCommit(c); err != nil {
			return err
		}
	}
	var tx transaction
	for _, w := range c.Writes {
		if in, has := spaceOf(w); has && in != c.Space {
			tx.rollBack()
			return approval.Errorf(approval.Internal, "a change of space %q has a row of space %q", c.Space, in)
		}
		if err := s.write(&tx, c.Space, w); err != nil {
			tx.rollBack()
			return err
		}
	}
	for _, e := range c.Events {
		if !s.ByReference {
			e = copied(e)
		}
		e.Cursor = approval.Cursor{Seq: int64(len(s.events) + 1)}
		s.events = append(s.events, eventRow{c.Space, e})
	}
	if s.AfterCommit != nil {
		return s.AfterCommit(c)
	}
	return nil
}

// spaceOf answers the space that the row itself names.
func spaceOf(w approval.Write) (space string, has bool) {
	switch w := w.(type) {
	case approval.PutPetition:
		return w.Petition.Space, true
	case approval.PutMember:
		return w.Member.Space, true
	case approval.PutToken:
		return w.Token.Space, true
	case approval.PutTrust:
		return w.Trust.Space, true
	case approval.PutWebhook:
		return w.Webhook.Space, true
	case approval.PutWebhookPolicy:
		return w.Policy.Space, true
	case approval.PutLogin:
		return w.Login.Space, true
	case approval.AnswerLogin:
		return w.Login.Space, true
	case approval.PutRefreshToken:
		return w.RefreshToken.Space, true
	case approval.PutPolicy:
		return w.Document.Space, true
	case approval.PutPolicyProposal:
		return w.Proposal.Space, true
	case approval.PutPolicyHealth:
		return w.Health.Space, true
	case approval.PutJob:
		return w.Job.Space, true
	case approval.WakeJob:
		return w.Job.Space, true
	case approval.EndJob:
		return w.Job.Space, true
	case approval.PutApplication:
		return w.Application.Space, true
	case approval.PutDelivery:
		return w.Delivery.Space, true
	case approval.PutWebhookHealth:
		return w.Health.Space, true
	case approval.PutGroupMember:
		return w.GroupMember.Space, true
	case approval.DeleteGroupMember:
		return w.GroupMember.Space, true
	case approval.PutDelegation:
		return w.Delegation.Space, true
	case approval.PutPasskey:
		return w.Passkey.Space, true
	case approval.PutChallenge:
		return w.Challenge.Space, true
	}
	return "", false
}

// transaction knows how to undo what was written.
type transaction []func()

func (t transaction) rollBack() {
	for _, undo := range slices.Backward(t) {
		undo()
	}
}

// put sets a row and remembers the one before.
func put[K comparable, V any](tx *transaction, rows map[K]V, k K, v V) {
	before, was := rows[k]
	*tx = append(*tx, func() {
		if was {
			rows[k] = before
		} else {
			delete(rows, k)
		}
	})
	rows[k] = v
}

func remove[K comparable, V any](tx *transaction, rows map[K]V, k K) {
	if before, was := rows[k]; was {
		*tx = append(*tx, func() { rows[k] = before })
		delete(rows, k)
	}
}

// insert refuses a key that exists.
func insert[K comparable, V any](tx *transaction, rows map[K]V, k K, v V) error {
	if _, exists := rows[k]; exists {
		return approval.Errorf(approval.Conflict, "%v exists already", k)
	}
	put(tx, rows, k, v)
	return nil
}

//archtest:table one case for each kind of write
func (s *Store) write(tx *transaction, space string, w approval.Write) error {
	switch w := w.(type) {
	case approval.PutPetition:
		return s.putPetition(tx, space, w)
	case approval.PutVote:
		w.Petition = space + "/" + w.Petition
		return insert(tx, s.votes, w, true)
	case approval.PutLeases:
		return s.putLeases(tx, space, w.Leases)
	case approval.EndLeases:
		s.endLeases(tx, space, w)
	case approval.PutIdempotency:
		return insert(tx, s.keys, [3]string{space, w.Idempotency.Actor, w.Idempotency.Key}, w.Idempotency)
	case approval.PutResource:
		k, r := key{space, w.Resource.Name()}, copied(w.Resource)
		if w.MustBeNew {
			return insert(tx, s.resources, k, r)
		}
		if !slices.Equal(encode(s.resources[k]), encode(r)) {
			remove(tx, s.pulled, k) // it is people's from now on
		}
		put(tx, s.resources, k, r)
		if !r.IsGroup() {
			s.forgetGroup(tx, space, w.Resource.Name())
		}
	case approval.DeleteResource:
		if _, exists := s.resources[key{space, w.Name}]; !exists {
			return missing("resource", space, w.Name)
		}
		remove(tx, s.resources, key{space, w.Name})
		remove(tx, s.pulled, key{space, w.Name})
		s.forgetGroup(tx, space, w.Name)
	case approval.PutGroupMember:
		return s.putGroupMember(tx, w.GroupMember)
	case approval.DeleteGroupMember:
		return s.deleteGroupMember(tx, w.GroupMember)
	case approval.PutSpace:
		return s.putSpace(tx, w)
	case approval.PutMember:
		k := key{space, w.Member.ID}
		if w.MustBeNew {
			return insert(tx, s.members, k, w.Member)
		}
		put(tx, s.members, k, w.Member)
	case approval.DeleteMember:
		return s.deleteMember(tx, space, w.ID)
	case approval.PutIdentity:
		return insert(tx, s.identities, key{space, w.Identity.Identity}, w.Identity)
	case approval.DeleteIdentity:
		if _, exists := s.identities[key{space, w.Identity}]; !exists {
			return missing("identity", space, w.Identity)
		}
		remove(tx, s.identities, key{space, w.Identity})
	case approval.PutToken:
		return s.putToken(tx, w.Token)
	case approval.EndToken:
		return s.changeToken(tx, key{space, w.Name}, func(t *approval.Token) { t.RevokeTime = w.At })
	case approval.ShortenToken:
		if w.End.IsZero() {
			return approval.Errorf(approval.Internal, "a token ends at a time")
		}
		return s.changeToken(tx, key{space, w.Name}, func(t *approval.Token) {
			if t.ExpireTime.IsZero() || w.End.Before(t.ExpireTime) {
				t.ExpireTime = w.End
			}
		})
	case approval.PutWebhook:
		return s.putWebhook(tx, w)
	case approval.DeleteWebhook:
		return s.deleteWebhook(tx, space, w)
	case approval.PutWebhookPolicy:
		return s.putWebhookPolicy(tx, w)
	case approval.DeleteWebhookPolicy:
		if _, exists := s.hooking[key{space, w.Name}]; !exists {
			return missing("webhook policy", space, w.Name)
		}
		remove(tx, s.hooking, key{space, w.Name})
	case approval.PutTrust:
		return insert(tx, s.trusts, key{space, w.Trust.Name}, copied(w.Trust))
	case approval.DeleteTrust:
		if _, exists := s.trusts[key{space, w.Name}]; !exists {
			return missing("trust", space, w.Name)
		}
		remove(tx, s.trusts, key{space, w.Name})
	case approval.PutLogin:
		return s.putLogin(tx, w.Login)
	case approval.AnswerLogin:
		return s.answerLogin(tx, w.Login)
	case approval.UseLogin:
		return s.useLogin(tx, space, w.Hash)
	case approval.RefuseLogins:
		s.refuseLogins(tx, space, w.Member)
	case approval.PutRefreshToken:
		return s.putRefreshToken(tx, w.RefreshToken)
	case approval.UseRefreshToken:
		return s.useRefreshToken(tx, space, w)
	case approval.PutSession:
		return s.putSession(tx, space, w.Session)
	case approval.PutMappedRole:
		put(tx, s.mapped, key{space, w.Mapped.Member}, w.Mapped)
	case approval.DeleteMappedRole:
		remove(tx, s.mapped, key{space, w.Member})
	case approval.PutPolicy:
		return s.putPolicy(tx, space, w.Document)
	case approval.PutPolicyHealth:
		return s.putHealth(tx, w)
	case approval.PutPolicyProposal:
		p := w.Proposal
		p.Digest = approval.PolicyDigest(p.Text)
		return insert(tx, s.proposals, key{space, p.Petition}, p)
	case approval.PutSigningKey:
		return insert(tx, s.signing, w.Key.ID, w.Key)
	case approval.DeleteSigningKey:
		if _, exists := s.signing[w.ID]; !exists {
			return approval.Errorf(approval.Conflict, "the signing key has ended already")
		}
		remove(tx, s.signing, w.ID)
	case approval.PutJob:
		j := w.Job
		j.LeaseUntil, j.Attempts = time.Time{}, 0
		put(tx, s.jobs, j.Key, j)
	case approval.WakeJob:
		s.wakeJob(tx, w.Job)
	case approval.EndJob:
		return s.endJob(tx, w.Job)
	case approval.DeleteJob:
		remove(tx, s.jobs, w.Key)
	default:
		if ok, err := s.writeDelegation(tx, space, w); ok {
			return err
		}
		if ok, err := s.writeApplication(tx, w); ok {
			return err
		}
		if ok, err := s.writePull(tx, space, w); ok {
			return err
		}
		return s.writePasskey(tx, space, w)
	}
	return nil
}

func (s *Store) putPetition(tx *transaction, space string, w approval.PutPetition) error {
	p := *w.Petition
	k := key{space, p.Name}
	row := s.petitions[k]
	switch {
	case w.Expect == 0 && row != nil:
		return approval.Errorf(approval.Conflict, "petition %s exists already", p.Ref())
	case w.Expect > 0 && (row == nil || row.petition.Version != w.Expect):
		return approval.Errorf(approval.Conflict, "petition %s changed in the meantime: read it again and decide on that", p.Ref())
	case row == nil:
		row = &petitionRow{seq: int64(len(s.order) + 1)}
		put(tx, s.petitions, k, row)
		s.order = append(s.order, row)
		*tx = append(*tx, func() { s.order = s.order[:len(s.order)-1] })
	}
	before := *row
	*tx = append(*tx, func() { *row = before })
	p.Version = w.Expect + 1
	row.petition = p
	if !s.ByReference {
		row.document = encode(p)
	}
	return nil
}

// read answers the petition as it was written, in memory of its own.
func (r *petitionRow) read() approval.Petition {
	if r.document == nil {
		return r.petition
	}
	p := decode[approval.Petition](r.document)
	p.Space, p.Name, p.Version = r.petition.Space, r.petition.Name, r.petition.Version
	return p
}

func copied[T any](v T) T { return decode[T](encode(v)) }

func encode(v any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // params come back byte for byte
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return text.Bytes()
}

func decode[T any](text []byte) (v T) {
	if err := json.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	return v
}

func missing(what, space, name string) error {
	return approval.Errorf(approval.NotFound, "there is no %s %.100q in %s", what, name, space)
}

func byName[T any](name func(T) string) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(name(a), name(b)) }
}
