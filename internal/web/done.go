package web

import (
	"net/http"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// success is what a page says after a change, in the section where its button was pressed.
type success struct{ page, section, text string }

// successes are all that a page can say so, by code. The code travels in a cookie of this host and not in the address: a
// link that a stranger has made up must not be able to say that something was done.
var successes = map[string]success{
	"space-renamed":          {"settings", "space", "Done: people call the space so from now on."},
	"space-made":             {"space", "spaces", "Done: the space is there, and you own it."},
	"member-added":           {"settings", "members", "Done: the person is a member."},
	"member-role":            {"settings", "members", "Done: the member has the new role."},
	"member-suspended":       {"settings", "members", "Done: the member is suspended, and every session and token has ended."},
	"member-resumed":         {"settings", "members", "Done: the member may sign in again."},
	"member-removed":         {"settings", "members", "Done: the person is no member any more, and every session and token has ended."},
	"identity-linked":        {"settings", "members", "Done: the identity is linked."},
	"identity-unlinked":      {"settings", "members", "Done: the identity is unlinked."},
	"group-made":             {"group", "group", "Done: the group is there. Put members into it."},
	"group-added":            {"group", "members", "Done: it is in the group."},
	"group-removed":          {"group", "members", "Done: it is not in the group any more."},
	"grants-revoked":         {"grants", "grants", "Done: it is revoked, and nothing of it is left."},
	"account-made":           {"apikeys", "service-accounts", "Done: the service account is there. Make a token for it, or a trust."},
	"account-suspended":      {"apikeys", "service-accounts", "Done: the service account is suspended, and its tokens have ended."},
	"account-resumed":        {"apikeys", "service-accounts", "Done: the service account may act again, with new tokens."},
	"account-deleted":        {"apikeys", "service-accounts", "Done: the service account, its tokens and its trusts are gone."},
	"token-revoked":          {"apikeys", "service-accounts", "Done: the token has ended."},
	"trust-made":             {"apikeys", "service-accounts", "Done: tokens of that issuer stand for the service account."},
	"trust-ended":            {"apikeys", "service-accounts", "Done: the trust has ended, and with it every token that came of it."},
	"webhook-changed":        {"webhook", "webhook", "Done: the webhook is changed."},
	"webhook-finished":       {"webhook", "webhook", "Done: the older secret has ended."},
	"webhook-deleted":        {"webhooks", "webhooks", "Done: the webhook and its secrets are gone."},
	"webhook-resumed":        {"webhook", "webhook", "Done: the webhook is called again, and at once what has waited."},
	"webhook-settled":        {"webhook", "webhook", "Done: what waited for the webhook counts as taken away."},
	"webhook-replayed":       {"webhook", "webhook", "Done: the call is made again. Read this page again to see what came of it."},
	"webhook-policy-made":    {"webhookpolicy", "policy", "Done: the policy holds. Try below what it makes of petitions."},
	"webhook-policy-changed": {"webhookpolicy", "policy", "Done: the policy is changed."},
	"webhook-policy-deleted": {"webhookpolicies", "policies", "Done: the policy is gone. What was granted by it is taken away as before."},
	"pull-made":              {"pull", "pull", "Done: the webhook fills the directory. Pull it now to see what it lists."},
	"pull-change":            {"pull", "pull", "Done: it is changed."},
	"pull-run":               {"pull", "pull", "Done: the webhook is asked. Read this page again to see what came of it."},
	"pull-deleted":           {"directory", "directory", "Done: it is deleted. What it brought stays."},
	"policy-applied":         {"policy", "document", "Done: the new version holds."},
	"policy-same":            {"policy", "document", "Nothing changes: the text is the one that holds."},
	"passkey-added":          {"passkeys", "yours", "Done: the passkey is yours."},
	"passkey-removed":        {"passkeys", "yours", "Done: the passkey is removed."},
	"delegation-made":        {"account", "away", "Done: your deputy decides for you."},
	"delegation-ended":       {"account", "away", "Done: the delegation has ended."},

	"people-delegation-ended": {"settings", "away", "Done: the delegation has ended."},

	"session-ended":  {"account", "sessions", "Done: the session has ended."},
	"program-ended":  {"account", "programs", "Done: it is out, and nothing acts as you by it."},
	"sessions-ended": {"account", "sessions", "Done: all your other sessions have ended."},
}

// In answers what the page says in a section, empty for nothing.
func (s success) In(section string) string {
	if s.section == section {
		return s.text
	}
	return ""
}

// successTTL is how long the code waits for the page to be read.
const successTTL = time.Minute

// done answers the way back to a page after a change, which the page then tells.
func (w *Web) done(path, code string) answer {
	kept := w.cookie.done().keep(code, w.Service.Clock.Now().Add(successTTL))
	kept.MaxAge = int(successTTL.Seconds())
	return answer{location: path + "#" + successes[code].section, cookies: []*http.Cookie{kept}}
}

// done is the cookie of a change that the next page tells.
func (c cookie) done() cookie {
	c.name += "-done"
	return c
}

// success answers what the page is to tell, once: the cookie that says so is dropped. Scripts that read a page again, and
// pages where nothing of it stands, leave it.
func (w *Web) success(r *http.Request, a answer) (success, *http.Cookie) {
	told := successes[w.cookie.done().read(r)]
	if told.page == "" || told.page != a.page || r.Method != http.MethodGet || byScript(r) {
		return success{}, nil
	}
	return told, w.cookie.done().drop()
}

// shownOnPage answers the status of an error that a page can show beside what was pressed. Others are pages of their own.
func shownOnPage(err error) (status int, ok bool) {
	code := approval.CodeOf(err)
	switch code {
	case approval.Conflict, approval.Forbidden, approval.Invalid, approval.NotFound, approval.Expired:
		return errorKinds[code].status, true
	}
	return 0, false
}
