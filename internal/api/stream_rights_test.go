package api

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// A stream ends when who follows may not read the log any more, and nothing that happens afterwards is sent.
func TestAStreamEndsWithTheRightToRead(t *testing.T) {
	t.Parallel()
	cases := map[string]approval.Member{
		"a role that may not read events": {Email: theAdmin, Role: approval.Viewer},
		"a member that is suspended":      {Email: theAdmin, Role: approval.PetitionAdmin, Suspended: true},
	}
	for name, member := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.token(theViewer)
			f := h.follow(h.token(theAdmin), "")
			h.clock.WaitForSleepers(1)
			before := h.ask(theViewer)
			if _, e, ok := f.next(); !ok || e.Petition() != before.Name {
				t.Fatalf("who may read is not told: %+v", e)
			}
			_, err := h.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), member)
			h.must(err)
			h.clock.Advance(2 * time.Second)
			after := h.ask(theViewer)
			for _, e, ok := f.next(); ok; _, e, ok = f.next() {
				if e.Petition() == after.Name {
					t.Errorf("who may not read the log any more is told %s", e.Event)
				}
			}
		})
	}
}

// What was looked up before a stream began is not believed for longer because the stream begins with it.
func TestAStreamDoesNotLengthenTheTrustInAToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.token(theViewer)
	token := h.token(theAdmin)
	h.with(token, get, inSpace+"/petitions", nil).ok(nil) // it is looked up now
	h.clock.Advance(990 * time.Millisecond)
	f := h.follow(token, "")
	h.clock.WaitForSleepers(1)
	_, err := h.service.PutMember(t.Context(), approval.System("acmecorp", "admin"), approval.Member{Email: theAdmin, Role: approval.PetitionAdmin, Suspended: true})
	h.must(err)
	h.clock.Advance(980 * time.Millisecond)
	after := h.ask(theViewer)
	for _, e, ok := f.next(); ok; _, e, ok = f.next() {
		if e.Petition() == after.Name {
			t.Fatalf("who was suspended most of a second before is told %s", e.Event)
		}
	}
}
