package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// mostMembersShown is what the page shows at once; who has more narrows the search, or uses the commands.
const mostMembersShown = 200

// settingsView is the people of a space: who is in it, as what, by which other names.
type settingsView struct {
	Notice  *notice
	Entry   entry
	Space   approval.Space
	Search  string
	Members []memberRow
	Found   int
	Owners  int
	Roles   []approval.Role

	Away awayView

	MayRename, MayManage bool
}

type memberRow struct {
	approval.Member
	Identities []identityRow
	// Last is the only owner left, whose role nobody can take.
	Last, Me bool
}

// identityRow is another name of a member. Other marks that of another member: the two are one person, and each row says so.
type identityRow struct {
	approval.Identity
	Other bool
}

func (w *Web) showSettings(r *http.Request, v visitor) (answer, error) {
	return w.settingsPage(r, v, entry{})
}

// showPeople leads to the page that the menu calls People.
func (w *Web) showPeople(*http.Request, visitor) (answer, error) {
	return answer{location: "/settings"}, nil
}

func (w *Web) settingsPage(r *http.Request, v visitor, e entry) (answer, error) {
	view := settingsView{Entry: e, Search: strings.TrimSpace(r.URL.Query().Get("q")), Roles: approval.Roles,
		MayRename: v.Can(approval.WriteSpaces), MayManage: v.Can(approval.WriteMembers)}
	if err := approval.CheckLine("q", view.Search, approval.MaxSearch); err != nil {
		return answer{}, err
	}
	var err error
	if view.Space, err = w.Service.Space(r.Context(), v.Actor); err != nil {
		return answer{}, err
	}
	if err := w.fillMembers(r, v, &view); err != nil {
		return answer{}, err
	}
	delegations, err := w.Service.Delegations(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	view.Away = w.awayOf(v, delegations, entry{})
	return answer{page: "settings", title: "People and settings", data: view}, nil
}

func (w *Web) fillMembers(r *http.Request, v visitor, view *settingsView) error {
	members, err := w.Service.Members(r.Context(), v.Actor, approval.KindUser)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Role == approval.Owner && !m.Suspended {
			view.Owners++
		}
	}
	search := strings.ToLower(view.Search)
	for _, m := range members {
		if !strings.Contains(m.ID, search) && !strings.Contains(strings.ToLower(m.DisplayName), search) {
			continue
		}
		if view.Found++; view.Found > mostMembersShown {
			continue
		}
		row := memberRow{Member: m, Last: view.Owners == 1 && m.Role == approval.Owner && !m.Suspended, Me: m.ID == v.ID}
		identities, err := w.Service.Identities(r.Context(), v.Actor, m.ID)
		if err != nil {
			return err
		}
		for _, i := range identities {
			other := slices.ContainsFunc(members, func(o approval.Member) bool { return o.ID == i.Identity })
			row.Identities = append(row.Identities, identityRow{i, other})
		}
		view.Members = append(view.Members, row)
	}
	return nil
}

// settle answers a POST of this page: back to where it was pressed, with what do says was done, or the page with what
// went wrong.
func (w *Web) settle(r *http.Request, v visitor, do func(field func(string) string) (done string, err error)) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	code, err := do(func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) })
	if err == nil {
		return w.done("/settings", code), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	page, pageErr := w.settingsPage(r, v, refusedSetting(r, err))
	if view, ok := page.data.(settingsView); ok && pageErr == nil && !view.holds() {
		view.Notice = &notice{Heading: "Not done", Text: err.Error()}
		page.data = view
	}
	page.status = status
	return page, pageErr
}

// refusedSetting answers the form of the page that was refused; of a button without fields it is none.
func refusedSetting(r *http.Request, err error) entry {
	err = renamed(err, map[string]string{"email": "member"})
	switch do := r.PostForm.Get("do"); {
	case do == "add" && r.URL.Path == "/settings/members":
		return refusedEntry("add", r.PostForm, err, "member", "displayName", "role")
	case do == "link" && r.URL.Path == "/settings/identities":
		return refusedEntry("link-"+r.PostForm.Get("member"), r.PostForm, err, "identity")
	case do == "delete" && r.URL.Path == "/settings/space":
		return refusedEntry("delete", r.PostForm, err, "name")
	case r.PostForm.Has("displayName") && r.URL.Path == "/settings/space":
		return refusedEntry("rename", r.PostForm, err, "displayName")
	}
	return entry{}
}

// holds answers whether the page has the form that was refused.
func (v settingsView) holds() bool {
	of, links := strings.CutPrefix(v.Entry.form, "link-")
	if links {
		return v.MayManage && slices.ContainsFunc(v.Members, func(m memberRow) bool { return m.ID == of })
	}
	return v.MayManage && v.Entry.form == "add" || v.MayRename && (v.Entry.form == "rename" || v.Entry.form == "delete")
}

func (w *Web) changeSpace(r *http.Request, v visitor) (answer, error) {
	deleted := false
	done, err := w.settle(r, v, func(field func(string) string) (_ string, err error) {
		switch {
		case field("do") == "delete":
			if field("name") != v.Space {
				return "", approval.FieldError("name", "must be %s, the space's name: it says that you mean this one", v.Space)
			}
			err = w.Service.DeleteSpace(r.Context(), v.Actor)
			deleted = err == nil
		case r.PostForm.Has("displayName"):
			_, err = w.Service.RenameSpace(r.Context(), v.Actor, field("displayName"))
		default:
			err = unknownPress()
		}
		return "space-renamed", err
	})
	if deleted { // and with it the session that looks
		return answer{location: "/sign-in", cookies: []*http.Cookie{w.cookie.drop()}}, nil
	}
	return done, err
}

// unknownPress answers a form that no button of the page sends.
func unknownPress() error {
	return approval.Errorf(approval.Invalid, "the form does not say what to do: open the page again and press its button")
}

// memberDone is what the buttons of a member do, by name.
var memberDone = map[string]string{"add": "member-added", "role": "member-role", "suspend": "member-suspended", "resume": "member-resumed", "remove": "member-removed"}

func (w *Web) changeMembers(r *http.Request, v visitor) (answer, error) {
	return w.settle(r, v, func(field func(string) string) (string, error) {
		do, role, name, yes, no := field("do"), approval.Role(field("role")), field("displayName"), true, false
		var c approval.MemberChange
		switch do {
		case "add":
			c.Role = &role
			if name != "" {
				c.DisplayName = &name
			}
		case "role":
			c.Role = &role
		case "suspend":
			c.Suspended = &yes
		case "resume":
			c.Suspended = &no
		case "remove":
			return memberDone[do], w.Service.RemoveMember(r.Context(), v.Actor, field("member"))
		default:
			return "", unknownPress()
		}
		m, err := w.Service.Member(r.Context(), v.Actor, field("member"))
		switch {
		case do == "add" && err == nil:
			return "", approval.FieldError("member", "%s is a member already, as %s: change the role in their own row", m.ID, m.Role)
		case do == "add" && approval.CodeOf(err) == approval.NotFound:
		case err != nil:
			return "", err // a press on somebody who has gone since adds nobody
		}
		_, err = w.Service.ChangeMember(r.Context(), v.Actor, field("member"), c)
		return memberDone[do], err
	})
}

func (w *Web) changeIdentities(r *http.Request, v visitor) (answer, error) {
	return w.settle(r, v, func(field func(string) string) (string, error) {
		switch field("do") {
		case "link":
			_, err := w.Service.LinkIdentity(r.Context(), v.Actor, field("member"), field("identity"))
			return "identity-linked", err
		case "unlink":
			return "identity-unlinked", w.Service.UnlinkIdentity(r.Context(), v.Actor, field("member"), field("identity"))
		}
		return "", unknownPress()
	})
}
