package web

import (
	"net/http"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// What the page shows at once; who has more narrows the search, or uses the commands.
const (
	mostMembersShown = 200
	mostGroupsShown  = 50
)

// settingsView is the people of a space: who is in it, as what, in which groups, by which other names.
type settingsView struct {
	Notice  *notice
	Space   approval.Space
	Search  string
	Members []memberRow
	Found   int
	Owners  int
	Groups  []groupRow
	More    bool // groups
	Roles   []approval.Role

	MayRename, MayManage, MayGroup, MayMakeSpaces bool
}

type memberRow struct {
	approval.Member
	Identities []approval.Identity
	// Last is the only owner left, whose role nobody can take.
	Last, Me bool
}

type groupRow struct {
	approval.Resource
	Members []approval.Resource
}

// Source answers who says that a member is in a group, "" when people do.
func (groupRow) Source(r approval.Resource) string { return r.Labels[approval.LabelGroupSource] }

// NameOf answers by what a member is taken out of a group.
func (groupRow) NameOf(r approval.Resource) string {
	if r.IsGroup() && r.Name() != "" {
		return r.Name()
	}
	return r.ID
}

// KindOf answers the kind of a membership.
func (groupRow) KindOf(r approval.Resource) string {
	if r.IsGroup() {
		return approval.KindGroup
	}
	return r.Kind
}

func (w *Web) showSettings(r *http.Request, v visitor) (answer, error) {
	return w.settingsPage(r, v, nil)
}

func (w *Web) settingsPage(r *http.Request, v visitor, n *notice) (answer, error) {
	view := settingsView{Notice: n, Search: strings.TrimSpace(r.URL.Query().Get("q")), Roles: approval.Roles,
		MayRename: v.Can(approval.WriteSpaces), MayManage: v.Can(approval.WriteMembers), MayGroup: v.Can(approval.WriteResources), MayMakeSpaces: v.Can(approval.CreateSpaces)}
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
	if err := w.fillGroups(r, v, &view); err != nil {
		return answer{}, err
	}
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
		if row.Identities, err = w.Service.Identities(r.Context(), v.Actor, m.ID); err != nil {
			return err
		}
		view.Members = append(view.Members, row)
	}
	return nil
}

func (w *Web) fillGroups(r *http.Request, v visitor, view *settingsView) error {
	q := approval.ResourceQuery{View: approval.ViewRecipients, Page: approval.PageRequest{Size: approval.MaxPageSize}}
	for {
		page, err := w.Service.Resources(r.Context(), v.Actor, q)
		if err != nil {
			return err
		}
		for _, entry := range page.Items {
			if !entry.IsGroup() {
				continue
			}
			if len(view.Groups) == mostGroupsShown {
				view.More = true
				return nil
			}
			members, err := w.Service.GroupMembers(r.Context(), v.Actor, entry.Name(), false)
			if err != nil {
				return err
			}
			view.Groups = append(view.Groups, groupRow{entry, members})
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return nil
		}
	}
}

// settle answers a POST of this page: back to where it was pressed, or the page with what went wrong.
func (w *Web) settle(r *http.Request, v visitor, section string, do func(field func(string) string) error) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	err := do(func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) })
	if err == nil {
		return answer{location: "/settings#" + section}, nil
	}
	code := approval.CodeOf(err)
	if code != approval.Conflict && code != approval.Forbidden && code != approval.Invalid && code != approval.NotFound {
		return answer{}, err
	}
	page, pageErr := w.settingsPage(r, v, &notice{Heading: "Not done", Text: err.Error()})
	page.status = errorKinds[code].status
	return page, pageErr
}

func (w *Web) changeSpace(r *http.Request, v visitor) (answer, error) {
	deleted := false
	done, err := w.settle(r, v, "space", func(field func(string) string) (err error) {
		switch {
		case field("do") == "delete":
			if field("name") != v.Space {
				return approval.FieldError("name", "must be %s, the space's name: it says that you mean this one", v.Space)
			}
			err = w.Service.DeleteSpace(r.Context(), v.Actor)
			deleted = err == nil
		case r.PostForm.Has("displayName"):
			_, err = w.Service.RenameSpace(r.Context(), v.Actor, field("displayName"))
		default:
			err = unknownPress()
		}
		return err
	})
	if deleted { // and with it the session that looks
		return answer{location: "/sign-in", cookies: []*http.Cookie{w.cookie.drop()}}, nil
	}
	return done, err
}

// makeSpace makes another space, which whoever operates the server owns and then may go to.
func (w *Web) makeSpace(r *http.Request, v visitor) (answer, error) {
	done, err := w.settle(r, v, "spaces", func(field func(string) string) error {
		_, err := w.Service.MakeSpace(r.Context(), v.Actor, approval.NewSpace{Name: field("name"), DisplayName: field("displayName")})
		return err
	})
	if err == nil && done.location != "" {
		done.location = "/account/space"
	}
	return done, err
}

// unknownPress answers a form that no button of the page sends.
func unknownPress() error {
	return approval.Errorf(approval.Invalid, "the form does not say what to do: open the page again and press its button")
}

func (w *Web) changeMembers(r *http.Request, v visitor) (answer, error) {
	return w.settle(r, v, "members", func(field func(string) string) error {
		role, name, yes, no := approval.Role(field("role")), field("displayName"), true, false
		var c approval.MemberChange
		switch field("do") {
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
			return w.Service.RemoveMember(r.Context(), v.Actor, field("member"))
		default:
			return unknownPress()
		}
		if field("do") != "add" {
			if _, err := w.Service.Member(r.Context(), v.Actor, field("member")); err != nil {
				return err // a press on somebody who has gone since adds nobody
			}
		}
		_, err := w.Service.ChangeMember(r.Context(), v.Actor, field("member"), c)
		return err
	})
}

func (w *Web) changeIdentities(r *http.Request, v visitor) (answer, error) {
	return w.settle(r, v, "members", func(field func(string) string) error {
		switch field("do") {
		case "link":
			_, err := w.Service.LinkIdentity(r.Context(), v.Actor, field("member"), field("identity"))
			return err
		case "unlink":
			return w.Service.UnlinkIdentity(r.Context(), v.Actor, field("member"), field("identity"))
		}
		return unknownPress()
	})
}

func (w *Web) changeGroups(r *http.Request, v visitor) (answer, error) {
	return w.settle(r, v, "groups", func(field func(string) string) error {
		switch field("do") {
		case "add":
			_, err := w.Service.AddGroupMembers(r.Context(), v.Actor, field("group"), []approval.Resource{{ID: field("member")}})
			return err
		case "remove":
			return w.Service.RemoveGroupMember(r.Context(), v.Actor, field("group"), field("kind"), field("member"))
		}
		return unknownPress()
	})
}
