package app

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/audit"
	"github.com/indent-approvals/indent/internal/store"
)

// sequencer takes the events of one space's log into its tree. What it knows of the tree is good as long as nobody else has taken
// that further, which the tree's version tells when it writes.
type sequencer struct {
	store *store.Store
	vault approval.Vault // nil: there is nothing to seal keys with
	clock approval.Clock
	space string
	// origin names the log where it has no name yet: its first key keeps it.
	origin string

	at      store.LogTree
	tree    *audit.Tree // nil: it must be read
	name    string
	signers []note.Signer
}

// sealedAtOnce is how many events are taken into the tree at once: a transaction of a few milliseconds.
const sealedAtOnce = 2048

// log answers the sequencer of a space's log.
func (a *App) log(space string) *sequencer {
	_, host, _ := strings.Cut(a.URL(), "://")
	return &sequencer{store: a.store, vault: a.seals, clock: a.clock, space: space, origin: strings.TrimSuffix(host, "/") + "/log/" + space}
}

// Seal takes all settled events into the tree and signs it, and answers its checkpoint. A log without events gets its key and an
// empty tree.
func (q *sequencer) Seal(ctx context.Context) (checkpoint string, err error) {
	for tries := 0; ; tries++ {
		more, err := q.step(ctx)
		var refused *approval.Error
		if errors.As(err, &refused) && refused.Code == approval.Conflict && tries < 10 {
			continue // another node was faster: what it wrote is read again
		}
		if err != nil || !more {
			return q.at.Checkpoint, err
		}
		tries = 0
	}
}

// step takes the next events in, and answers whether there may be more. After an error it begins with what the store has.
func (q *sequencer) step(ctx context.Context) (more bool, err error) {
	defer func() {
		if err != nil {
			q.tree = nil
		}
	}()
	grown := store.LogGrowth{}
	if q.tree == nil {
		if grown.NewKey, err = q.read(ctx); err != nil {
			return false, err
		}
	}
	events, err := q.store.LogEvents(ctx, q.space, q.at.At, sealedAtOnce)
	if err != nil || len(events) == 0 && q.at.Version > 0 {
		return false, err
	}
	grown.Tree = q.at
	if err := q.grow(&grown, events); err != nil {
		return false, err
	}
	if err := q.store.GrowLog(ctx, q.space, grown); err != nil {
		return false, err
	}
	q.at = grown.Tree
	q.at.Version++
	return len(events) == sealedAtOnce, nil
}

// grow makes what is to be written of the events.
func (q *sequencer) grow(g *store.LogGrowth, events []store.LogEvent) error {
	g.Entries = store.LogEntries{Place: q.tree.Size(), IDs: make([]string, len(events)), Seeds: make([]audit.Seed, len(events))}
	leaves := make([]audit.Hash, len(events))
	for i, e := range events {
		seed := &g.Entries.Seeds[i]
		_, _ = rand.Read(seed[:]) // it never fails
		entry, err := audit.ReadEntry([]byte(e.Document))
		if err != nil {
			return approval.Wrap(approval.Internal, err, "the event %s of %s cannot be logged", e.ID, q.space)
		}
		g.Entries.IDs[i], leaves[i] = e.ID, audit.LeafHash(entry.Leaf(*seed))
		g.Tree.At = e.At
	}
	g.Tiles = q.tree.Append(leaves...)
	return q.sign(&g.Tree)
}

func (q *sequencer) sign(t *store.LogTree) (err error) {
	t.Size = q.tree.Size()
	t.Checkpoint, err = audit.Checkpoint{Origin: q.name, Size: t.Size, Root: q.tree.Root()}.Sign(q.signers...)
	return err
}

// read reads the tree and its keys; where there are none it makes the first, which is to be written with the tree.
func (q *sequencer) read(ctx context.Context) (made *store.LogKey, err error) {
	if q.at, err = q.store.LogTree(ctx, q.space); err != nil {
		return nil, err
	}
	keys, err := q.store.LogKeys(ctx, q.space)
	if err != nil {
		return nil, err
	}
	if q.at.Version == 0 {
		if made, err = q.newKey(q.origin); err != nil {
			return nil, err
		}
		keys = append(keys, *made)
	}
	if err := q.open(keys); err != nil {
		return nil, err
	}
	q.tree, err = audit.OpenTree(q.at.Size, func(level int, n int64, width int) ([]audit.Hash, error) {
		hashes, err := q.store.LogTile(ctx, q.space, level, n)
		return hashes[:min(width, len(hashes))], err
	})
	return made, err
}

// open takes up the keys that sign now.
func (q *sequencer) open(keys []store.LogKey) error {
	q.signers = nil
	for _, k := range keys {
		if !k.EndTime.IsZero() {
			continue
		}
		text := k.Private
		if !strings.HasPrefix(text, privateKey) {
			if q.vault == nil {
				return approval.Errorf(approval.Unavailable, "the key of the log of %s is sealed, and this server has no key to open it: give it the seal_keys of before", q.space)
			}
			var err error
			if text, err = q.vault.Open(q.place(k.Public), k.Private); err != nil {
				return err
			}
		}
		signer, err := note.NewSigner(text)
		if err != nil {
			return approval.Wrap(approval.Internal, err, "a key of the log of %s is damaged", q.space)
		}
		q.name, q.signers = signer.Name(), append(q.signers, signer)
	}
	if len(q.signers) == 0 {
		return approval.Errorf(approval.Internal, "the log of %s has no key that signs", q.space)
	}
	return nil
}

// privateKey begins the text of a key that is not sealed.
const privateKey = "PRIVATE+KEY+"

// place says whose secret a key is.
func (q *sequencer) place(public string) string { return "log/" + q.space + "/" + public }

// newKey makes a key, sealed where there is something to seal with.
func (q *sequencer) newKey(origin string) (*store.LogKey, error) {
	private, public, err := audit.NewKey(rand.Reader, origin)
	if err == nil && q.vault != nil {
		private, err = q.vault.Seal(q.place(public), private)
	}
	return &store.LogKey{Public: public, Private: private, CreateTime: q.clock.Now()}, err
}

// Rotate makes another key. From now on it signs beside the one before it; those that are older sign no more.
func (q *sequencer) Rotate(ctx context.Context) (public string, err error) {
	if _, err := q.Seal(ctx); err != nil {
		return "", err
	}
	keys, err := q.store.LogKeys(ctx, q.space)
	if err != nil {
		return "", err
	}
	key, err := q.newKey(q.name)
	if err != nil {
		return "", err
	}
	g := store.LogGrowth{Tree: q.at, NewKey: key, At: q.clock.Now()}
	for i := range keys[:len(keys)-1] {
		if keys[i].EndTime.IsZero() {
			g.EndKeys = append(g.EndKeys, keys[i].Public)
			keys[i].EndTime = g.At
		}
	}
	if err := q.open(append(keys, *key)); err != nil {
		return "", err
	}
	if err := q.sign(&g.Tree); err != nil {
		return "", err
	}
	return key.Public, q.store.GrowLog(ctx, q.space, g)
}
