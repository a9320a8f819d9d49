package store

import (
	"context"
	"errors"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// statement is one SQL statement of a change, complete and ready to run on any connection. It reads nothing back that
// a later statement would need, so that an engine may send a whole change at once.
type statement struct {
	text *text
	// dynamic is used when text is nil: a text that depends on how many values there are.
	dynamic string
	args    []any // int64, string
	// taken answers the error when a unique key exists; nil: the engine's general answer.
	taken func(args []any) error
	// missing answers the error when no row was changed; nil: that is fine.
	missing func(args []any) error
	// row receives the rows that RETURNING answers, after begin; both may happen again if the transaction does.
	begin func()
	row   func(scan func(...any) error) error
	// petition is the petition that the statement writes, as it is read afterwards, and document how it is written; for the
	// cache of an engine that has one.
	petition *approval.Petition
	document string
}

func (s *statement) in(d *dialect) string {
	if s.text != nil {
		return s.text.in(d)
	}
	return s.dynamic
}

var errNoEvent = errors.New("a change without an event")

// Commit implements [approval.Store].
func (s *Store) Commit(ctx context.Context, c approval.Change) error {
	if len(c.Events) == 0 {
		return approval.Wrap(approval.Internal, errNoEvent, "nothing changes without an audit record")
	}
	p := plan{space: c.Space, writes: c.Writes, statements: make([]statement, 0, 4+2*len(c.Writes)+len(c.Events))}
	for _, w := range inOrder(c.Writes) {
		p.write(w)
	}
	for i := range c.Events {
		p.event(&c.Events[i])
	}
	if p.err != nil {
		return p.err
	}
	err := s.write(ctx, p.statements)
	if err == nil {
		s.counts.committed(len(c.Events))
	}
	return err
}

// write runs statements as one transaction.
func (s *Store) write(ctx context.Context, statements []statement) error {
	if err := ctx.Err(); err != nil {
		return cancelled(err)
	}
	return s.refusal(s.engine.commit(ctx, statements))
}

// inOrder puts first what usually decides a race, each table's writes in their given order: a change that is refused
// before it has written anything costs nothing to undo.
func inOrder(writes []approval.Write) []approval.Write {
	if slices.IsSortedFunc(writes, byRank) {
		return writes
	}
	writes = slices.Clone(writes)
	slices.SortStableFunc(writes, byRank)
	return writes
}

func byRank(a, b approval.Write) int { return rank(a) - rank(b) }

func rank(w approval.Write) int {
	switch w.(type) {
	case approval.PutIdempotency:
		return 0
	case approval.PutPetition:
		return 1
	case approval.PutVote:
		return 2
	case approval.UseDelegation, approval.PutToken, approval.EndToken, approval.ShortenToken, approval.UseLogin, approval.RefuseLogins, approval.UseRefreshToken:
		return 3
	}
	return 4
}

// plan turns a change into statements. The first error stays.
type plan struct {
	space      string
	writes     []approval.Write
	statements []statement
	err        error
}

func (p *plan) add(t *text, args ...any) *statement {
	p.statements = append(p.statements, statement{text: t, args: args})
	return &p.statements[len(p.statements)-1]
}

func (p *plan) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

// document writes v as JSON text.
func (p *plan) document(v any) string {
	text, err := document(v)
	if err != nil {
		p.fail(err)
	}
	return text
}

// inSpace refuses a row of another space: a change touches the one space that its caller was authorized for.
func (p *plan) inSpace(space string) {
	if space != p.space {
		p.fail(approval.Errorf(approval.Internal, "a change of space %q has a row of space %q", p.space, space))
	}
}

//archtest:table one case for each kind of write
func (p *plan) write(w approval.Write) {
	switch w := w.(type) {
	case approval.PutPetition:
		p.putPetition(w)
	case approval.PutVote:
		p.putVote(w)
	case approval.PutIdempotency:
		p.putIdempotency(w.Idempotency)
	case approval.PutLeases:
		p.putLeases(w.Leases)
	case approval.EndLeases:
		p.endLeases(w)
	case approval.PutResource:
		p.putResource(w)
	case approval.DeleteResource:
		p.deleteResource(w.Name)
	case approval.PutSpace:
		p.putSpace(w)
	case approval.PutMember:
		p.putMember(w)
	case approval.DeleteMember:
		p.deleteMember(w.ID)
	case approval.PutGroupMember:
		p.putGroupMember(w.GroupMember)
	case approval.DeleteGroupMember:
		p.deleteGroupMember(w.GroupMember)
	case approval.PutIdentity:
		p.putIdentity(w.Identity)
	case approval.DeleteIdentity:
		p.deleteIdentity(w.Identity)
	case approval.PutToken:
		p.putToken(w.Token)
	case approval.EndToken:
		p.endToken(w)
	case approval.ShortenToken:
		p.tokenEnds(shortenToken, w.Name, w.End)
	case approval.PutWebhook:
		p.putWebhook(w)
	case approval.DeleteWebhook:
		p.deleteWebhook(w)
	case approval.PutWebhookPolicy:
		p.putWebhookPolicy(w)
	case approval.DeleteWebhookPolicy:
		p.deleteWebhookPolicy(w.Name)
	case approval.PutTrust:
		p.putTrust(w.Trust)
	case approval.DeleteTrust:
		p.deleteTrust(w.Name)
	case approval.PutLogin:
		p.putLogin(w.Login)
	case approval.AnswerLogin:
		p.answerLogin(w.Login)
	case approval.UseLogin:
		p.useLogin(w.Hash)
	case approval.RefuseLogins:
		p.refuseLogins(w.Member)
	case approval.PutRefreshToken:
		p.putRefreshToken(w.RefreshToken)
	case approval.UseRefreshToken:
		p.useRefreshToken(w)
	case approval.PutDelegation:
		p.putDelegation(w.Delegation)
	case approval.EndDelegation:
		p.endDelegation(w)
	case approval.UseDelegation:
		p.useDelegation(w)
	case approval.PutSession:
		p.putSession(w.Session)
	case approval.PutMappedRole:
		p.putMappedRole(w.Mapped)
	case approval.DeleteMappedRole:
		p.deleteMappedRole(w.Member)
	case approval.PutPolicy:
		p.putPolicy(w.Document)
	case approval.PutPolicyHealth:
		p.putHealth(w)
	case approval.PutPolicyProposal:
		p.putProposal(w.Proposal)
	case approval.PutSigningKey:
		p.putSigningKey(w.Key)
	case approval.DeleteSigningKey:
		p.deleteSigningKey(w.ID)
	case approval.PutJob:
		p.putJob(w.Job)
	case approval.WakeJob:
		p.wakeJob(w.Job)
	case approval.EndJob:
		p.endJob(w.Job)
	case approval.DeleteJob:
		p.deleteJob(w.Key)
	case approval.PutApplication:
		p.putApplication(w)
	case approval.PutDelivery:
		p.putDelivery(w.Delivery)
	case approval.PutWebhookHealth:
		p.putWebhookHealth(w)
	default:
		if !p.writePull(w) {
			p.writePasskey(w)
		}
	}
}
