package app_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/approval"
)

// within is how soon all nodes know that somebody may not do any more what one node took away.
const within = time.Second

// status fails the test unless the answer has it.
func (c *cluster) status(what string, r result, want int) {
	c.Helper()
	if r.status != want {
		c.Errorf("%s: %d %s, want %d", what, r.status, r.body, want)
	}
}

// A token that is revoked on one node is refused on all within a second; who waits with it learns nothing.
func TestATokenRevokedOnOneNodeIsRefusedOnTheOther(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	here, there := c.join(), c.join()
	owner, editor := here.Actor(t, apptest.Owner), here.Token(t, apptest.Editor)
	if _, err := here.Service().CreateServiceAccount(t.Context(), owner, approval.Member{ID: "bot", Role: approval.PetitionAdmin}); err != nil {
		t.Fatal(err)
	}
	service, err := here.Identity().CreateServiceToken(t.Context(), owner, "bot", "test", nil, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	user, err := here.Identity().CreateUserToken(t.Context(), here.Actor(t, apptest.Viewer), "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	name := here.ask()
	parked := there.park(user.Secret, name)
	for what, token := range map[string]string{"a service token": service.Secret, "a user's token": user.Secret} {
		c.status(what+" that is good", there.call(token, "GET", "/petitions", ""), http.StatusOK)
	}
	c.status("revoking", here.call(here.Token(t, apptest.Owner), "DELETE", "/tokens/"+service.Token.Name, ""), http.StatusOK)
	c.status("revoking", here.call(here.Token(t, apptest.Owner), "DELETE", "/tokens/"+user.Token.Name, ""), http.StatusOK)
	there.clock.Advance(within)
	for what, token := range map[string]string{"a service token": service.Secret, "a user's token": user.Secret} {
		c.status(what+" on the node that revoked it", here.call(token, "GET", "/petitions", ""), http.StatusUnauthorized)
		c.status(what+" on the other, a second later", there.call(token, "GET", "/petitions", ""), http.StatusUnauthorized)
	}
	c.status("deciding", here.decide(editor, name, approval.EventApprove), http.StatusOK)
	select {
	case r := <-parked:
		c.status("who waits with it", r, http.StatusUnauthorized)
	case <-time.After(patience):
		t.Error("who waits is told nothing")
	}
}

// What a member may do is taken from it on every node within a second, and given to it as soon.
func TestRolesAndSuspensionsAreHeardOnOtherNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	if c == nil {
		return
	}
	here, there := c.join(), c.join()
	editor, viewer := there.Token(t, apptest.Editor), there.Token(t, apptest.Viewer)
	put := func(m approval.Member) {
		t.Helper()
		if _, err := here.Service().PutMember(t.Context(), approval.System(apptest.Space, "admin"), m); err != nil {
			t.Fatal(err)
		}
		there.clock.Advance(within)
	}
	first, second := here.ask(), here.ask()
	c.status("an editor reads", there.call(editor, "GET", "/petitions/"+first, ""), http.StatusOK)
	put(approval.Member{Email: apptest.Editor, Role: approval.Viewer})
	c.status("who is no editor any more", there.decide(editor, first, approval.EventApprove), http.StatusForbidden)
	put(approval.Member{Email: apptest.Editor, Role: approval.Editor})
	c.status("who is an editor again", there.decide(editor, first, approval.EventApprove), http.StatusOK)
	parked := there.park(viewer, second)
	put(approval.Member{Email: apptest.Editor, Role: approval.Editor, Suspended: true})
	put(approval.Member{Email: apptest.Viewer, Role: approval.Viewer, Suspended: true})
	c.status("an editor who is suspended", there.decide(editor, second, approval.EventApprove), http.StatusUnauthorized)
	c.status("a viewer who is suspended", there.call(viewer, "GET", "/petitions", ""), http.StatusUnauthorized)
	c.status("an owner decides", here.decide(here.Token(t, apptest.Owner), second, approval.EventDeny), http.StatusOK)
	select {
	case r := <-parked:
		c.status("who waits and is suspended", r, http.StatusUnauthorized)
	case <-time.After(patience):
		t.Error("who waits is told nothing")
	}
	if got := here.stored(second).Outcome; got != approval.OutcomeDenied {
		t.Errorf("outcome %s", got)
	}
}
