package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// What the pages of groups show at once.
const (
	mostGroupsShown   = 50
	mostMembersListed = 500
	mostNestedLooked  = 50 // groups in a group whose members are looked up one by one
)

// groupsView is the directory's groups.
type groupsView struct {
	Search   string
	Groups   []groupRow
	More     bool
	MayGroup bool
	Entry    entry
}

type groupRow struct {
	approval.Resource
	Count int
}

func (w *Web) showGroups(r *http.Request, v visitor) (answer, error) {
	return w.groupsPage(r, v, entry{})
}

func (w *Web) groupsPage(r *http.Request, v visitor, e entry) (answer, error) {
	view := groupsView{Search: strings.TrimSpace(r.URL.Query().Get("q")), MayGroup: v.Can(approval.WriteResources), Entry: e}
	if err := approval.CheckLine("q", view.Search, approval.MaxSearch); err != nil {
		return answer{}, err
	}
	found, err := w.groupsLike(r, v, view.Search)
	if err != nil {
		return answer{}, err
	}
	if view.More = len(found) > mostGroupsShown; view.More {
		found = found[:mostGroupsShown]
	}
	for _, entry := range found {
		members, err := w.Service.GroupMembers(r.Context(), v.Actor, entry.Name(), false)
		if err != nil {
			return answer{}, err
		}
		view.Groups = append(view.Groups, groupRow{entry, len(members)})
	}
	return answer{page: "groups", title: "Groups", data: view}, nil
}

// groupsLike answers the groups with the words in their name or title, and at most one more than are shown.
func (w *Web) groupsLike(r *http.Request, v visitor, words string) (found []approval.Resource, err error) {
	words = strings.ToLower(words)
	q := approval.ResourceQuery{View: approval.ViewRecipients, Page: approval.PageRequest{Size: approval.MaxPageSize}}
	for {
		page, err := w.Service.Resources(r.Context(), v.Actor, q)
		if err != nil {
			return nil, err
		}
		for _, entry := range page.Items {
			if entry.IsGroup() && (strings.Contains(strings.ToLower(entry.Name()), words) || strings.Contains(strings.ToLower(entry.Title()), words)) {
				if found = append(found, entry); len(found) > mostGroupsShown {
					return found, nil
				}
			}
		}
		if q.Page.Token = page.Next; page.Next == "" {
			return found, nil
		}
	}
}

// makeGroup adds a group to the directory.
func (w *Web) makeGroup(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	name, title := strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("displayName"))
	err := approval.FieldError("name", "is required: by it policies and commands know the group")
	if name == "" {
		return w.groupsRefused(r, v, err)
	}
	_, failed := w.Service.CreateResource(r.Context(), v.Actor, approval.Resource{ID: name, Kind: approval.KindGroup, DisplayName: title, Labels: map[string]string{approval.LabelBlock: name}})
	if failed != nil {
		return w.groupsRefused(r, v, failed)
	}
	return w.done("/groups/"+url.PathEscape(name), "group-made"), nil
}

func (w *Web) groupsRefused(r *http.Request, v visitor, err error) (answer, error) {
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	err = renamed(err, map[string]string{"resource.labels." + approval.LabelBlock: "name", "resource.id": "name", "resource.displayName": "displayName"})
	page, pageErr := w.groupsPage(r, v, refusedEntry("make", r.PostForm, err, "name", "displayName"))
	page.status = status
	return page, pageErr
}

// groupView is one group: who is in it, and who through the groups in it.
type groupView struct {
	Group   approval.Resource
	Members []memberOfGroup
	Cut     int // how many members are not listed
	// Through are the persons who are in it by groups in it only; Vague says that they are too many to say by which.
	Through []throughRow
	Vague   bool
	// In are the groups that it is in.
	In       []approval.Resource
	MayGroup bool
	Entry    entry
	Refused  string
}

type memberOfGroup struct{ approval.Resource }

// Source answers who says that the member is in the group, "" when people do.
func (m memberOfGroup) Source() string { return m.Labels[approval.LabelGroupSource] }

// Key answers by what a member is taken out of a group.
func (m memberOfGroup) Key() string {
	if m.IsGroup() && m.Name() != "" {
		return m.Name()
	}
	return m.ID
}

// As answers the kind of the membership.
func (m memberOfGroup) As() string {
	if m.IsGroup() {
		return approval.KindGroup
	}
	return m.Kind
}

// throughRow is a person who is in a group by groups in it.
type throughRow struct {
	approval.Resource
	By []approval.Resource
}

func (w *Web) showGroup(r *http.Request, v visitor) (answer, error) {
	return w.groupPage(r, v, entry{}, "")
}

func (w *Web) groupPage(r *http.Request, v visitor, e entry, refused string) (answer, error) {
	ctx, name := r.Context(), r.PathValue("group")
	view := groupView{MayGroup: v.Can(approval.WriteResources), Entry: e, Refused: refused}
	var err error
	if view.Group, err = w.Service.Resource(ctx, v.Actor, name); err != nil {
		return answer{}, err
	}
	if !view.Group.IsGroup() {
		return answer{}, approval.Errorf(approval.NotFound, "there is no group %.100q", name)
	}
	direct, err := w.Service.GroupMembers(ctx, v.Actor, name, false)
	if err != nil {
		return answer{}, err
	}
	for _, m := range direct {
		if len(view.Members) == mostMembersListed {
			view.Cut = len(direct) - mostMembersListed
			break
		}
		view.Members = append(view.Members, memberOfGroup{m})
	}
	if err := w.fillThrough(r, v, &view, direct); err != nil {
		return answer{}, err
	}
	above, err := w.Service.Store.Memberships(ctx, v.Space, approval.KindGroup, []string{name})
	for _, g := range above {
		if entry, err := w.Service.Resource(ctx, v.Actor, g.Group); err == nil {
			view.In = append(view.In, entry)
		}
	}
	return answer{page: "group", title: view.Group.Title(), data: view}, err
}

// fillThrough looks up who is in the group by the groups in it only, and by which of them.
func (w *Web) fillThrough(r *http.Request, v visitor, view *groupView, direct []approval.Resource) error {
	nested := slices.DeleteFunc(slices.Clone(direct), func(m approval.Resource) bool { return !m.IsGroup() })
	if len(nested) == 0 {
		return nil
	}
	everybody, err := w.Service.GroupMembers(r.Context(), v.Actor, view.Group.Name(), true)
	if err != nil {
		return err
	}
	by := map[string][]approval.Resource{}
	if view.Vague = len(nested) > mostNestedLooked; !view.Vague {
		for _, g := range nested {
			in, err := w.Service.GroupMembers(r.Context(), v.Actor, memberOfGroup{g}.Key(), true)
			if err != nil {
				return err
			}
			for _, m := range in {
				by[m.ID] = append(by[m.ID], g)
			}
		}
	}
	for _, m := range everybody {
		isDirect := slices.ContainsFunc(direct, func(d approval.Resource) bool { return d.ID == m.ID && !d.IsGroup() })
		if !isDirect && len(view.Through) < mostMembersListed {
			view.Through = append(view.Through, throughRow{m, by[m.ID]})
		}
	}
	return nil
}

// changeGroup puts somebody into a group, or takes somebody out.
func (w *Web) changeGroup(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	ctx, group, member := r.Context(), r.PathValue("group"), strings.TrimSpace(r.PostForm.Get("member"))
	if _, err := w.Service.Resource(ctx, v.Actor, group); err != nil {
		return answer{}, err
	}
	var err error
	code, adding := "group-removed", false
	switch r.PostForm.Get("do") {
	case "add":
		code, adding = "group-added", true
		_, err = w.Service.AddGroupMembers(ctx, v.Actor, group, []approval.Resource{{ID: member}})
	case "remove":
		err = w.Service.RemoveGroupMember(ctx, v.Actor, group, r.PostForm.Get("kind"), member)
	default:
		err = notAButton()
	}
	if err == nil {
		return w.done("/groups/"+url.PathEscape(group), code), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	e, refused := entry{}, err.Error()
	if adding {
		err = renamed(err, map[string]string{"members[0].id": "member", "members[0]": "member", "id": "member"})
		e, refused = refusedEntry("add", r.PostForm, err, "member"), ""
	}
	page, pageErr := w.groupPage(r, v, e, refused)
	page.status = status
	return page, pageErr
}
