package identity

import (
	"context"
	"sync"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

const (
	// useEvery is how exactly it is known when a token was last used.
	useEvery = time.Minute
	// maxUses bounds how many tokens are remembered; of more at once some are noted later.
	maxUses = 10_000
	// usesAtOnce bounds one transaction of this bookkeeping, so that no change waits for it.
	usesAtOnce = 200
)

// uses collects which tokens were used, beside the calls that use them.
type uses struct {
	mu      sync.Mutex
	noted   map[tokenKey]time.Time
	pending map[tokenKey]time.Time
}

type tokenKey struct{ space, name string }

// note remembers that the token was used, at most once a minute. Of sessions only Sessions.Use tells.
func (u *uses) note(t approval.Token, now time.Time) {
	k := tokenKey{t.Space, t.Name}
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.noted[k]; ok && now.Sub(last) < useEvery && !now.Before(last) || now.Sub(t.LastUseTime) < useEvery && !now.Before(t.LastUseTime) {
		return
	}
	if u.noted == nil || len(u.noted) >= maxUses {
		u.noted = map[tokenKey]time.Time{}
	}
	if u.pending == nil {
		u.pending = map[tokenKey]time.Time{}
	}
	if len(u.pending) < maxUses {
		u.noted[k], u.pending[k] = now, now
	}
}

// take answers what was noted since it was last asked.
func (u *uses) take() (list []approval.TokenUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k, at := range u.pending {
		list = append(list, approval.TokenUse{Space: k.space, Name: k.name, Time: at})
	}
	clear(u.pending)
	return list
}

// FlushUses writes down when tokens were used. What cannot be written is kept for the next time.
func (i *Identity) FlushUses(ctx context.Context) error {
	list := i.uses.take()
	for len(list) > 0 {
		n := min(len(list), usesAtOnce)
		if err := i.store.TouchTokens(ctx, list[:n]); err != nil {
			i.uses.giveBack(list)
			return err
		}
		list = list[n:]
	}
	return nil
}

func (u *uses) giveBack(list []approval.TokenUse) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, use := range list {
		k := tokenKey{use.Space, use.Name}
		if _, later := u.pending[k]; !later && len(u.pending) < maxUses {
			u.pending[k] = use.Time
		}
	}
}
