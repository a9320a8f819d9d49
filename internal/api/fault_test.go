package api

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// down is what a store answers that cannot.
func down() error {
	return approval.Wrap(approval.Unavailable, errors.New("canary: no space left on device"), "storage does not answer")
}

// Whatever needs storage says 503 and when to come back while storage is down, and works when it is up again.
func TestStorageThatIsDown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.token(theOwner)
	calls := map[string]func() answer{}
	for _, rt := range routes() {
		if want, listed := expectations[rt.id]; listed {
			c := want.prepare(h, h.actor(theOwner))
			calls[rt.id] = func() answer { return h.with(token, rt.method, c.path, c.body) }
		}
	}
	h.identity.Forget()
	h.store.BeforeRead = func(string) error { return down() }
	h.store.BeforeCommit = func(approval.Change) error { return down() }
	for id, call := range calls {
		a := call()
		a.refused(http.StatusServiceUnavailable, approval.Unavailable, "")
		if a.header.Get("Retry-After") == "" || strings.Contains(a.body, "canary") {
			t.Errorf("%s: %v %s", id, a.header, a.body)
		}
	}
	h.do("", get, "/healthz", nil).ok(nil)
	h.store.BeforeRead, h.store.BeforeCommit = nil, nil
	h.with(token, get, inSpace, nil).ok(nil)
}

// If the log cannot be written, the request fails (I10); a refusal stays a refusal.
func TestWhatCannotBeLoggedIsNotDone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(theViewer)
	for _, who := range []string{theEditor, theViewer} {
		h.token(who)
	}
	h.store.BeforeCommit = func(approval.Change) error { return down() }
	h.claim(theEditor, p.Name, "access/approve").refused(http.StatusServiceUnavailable, approval.Unavailable, "")
	h.claim(theViewer, p.Name, "access/approve").refused(http.StatusForbidden, approval.Forbidden, "")
	h.do(theViewer, post, inSpace+"/resources", oneResource).refused(http.StatusForbidden, approval.Forbidden, "")
	var same petition
	if h.do(theViewer, get, inSpace+"/petitions/"+p.Name, nil).ok(&same); same.State.Status.Phase != approval.Open {
		t.Errorf("%+v", same.State)
	}
}
