package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// delegationRow is a delegation as a page shows it.
type delegationRow struct {
	approval.Delegation
	Coming bool
	MayEnd bool
}

// awayView is who decides for whom, and the form that names a deputy.
type awayView struct {
	Rows  []delegationRow
	Entry entry
	May   bool // name a deputy
	Self  string
}

func (w *Web) awayOf(v visitor, list []approval.Delegation, e entry) awayView {
	now := w.Service.Clock.Now()
	view := awayView{Entry: e, May: v.Can(approval.WriteDelegations) && v.Can(approval.CreateClaims), Self: v.ID}
	for _, d := range list {
		own := d.From == v.ID || d.To == v.ID
		view.Rows = append(view.Rows, delegationRow{d, d.State(now) == approval.DelegationComing,
			v.Can(approval.WriteDelegations) && (own || v.Can(approval.WriteMembers))})
	}
	return view
}

// changeDelegations names a deputy for the visitor, or ends a delegation, from the page of the account or that of the people.
func (w *Web) changeDelegations(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	field := func(name string) string { return strings.TrimSpace(r.PostForm.Get(name)) }
	people := field("page") == "people"
	switch field("do") {
	case "create":
		n, err := typedDelegation(field)
		if err == nil {
			_, err = w.Service.CreateDelegation(r.Context(), v.Actor, n)
		}
		return w.delegationsDone(r, v, people, "delegation-made", err)
	case "end":
		return w.delegationsDone(r, v, people, "delegation-ended", w.Service.EndDelegation(r.Context(), v.Actor, field("delegation")))
	}
	return answer{}, unknownPress()
}

// typedDelegation reads whole days, in UTC: from the first, or now, to the end of the last.
func typedDelegation(field func(string) string) (n approval.NewDelegation, err error) {
	n = approval.NewDelegation{To: field("deputy"), Reason: field("reason")}
	if first := field("first"); first != "" {
		if n.StartTime, err = time.Parse(time.DateOnly, first); err != nil {
			return n, approval.FieldError("startTime", "must be a day such as 2030-01-02")
		}
	}
	last, err := time.Parse(time.DateOnly, field("last"))
	if err != nil {
		return n, approval.FieldError("endTime", "must be a day such as 2030-01-09")
	}
	n.EndTime = last.AddDate(0, 0, 1)
	return n, nil
}

// delegationsDone leads back to the page, or answers it with what went wrong beside the form.
func (w *Web) delegationsDone(r *http.Request, v visitor, people bool, code string, err error) (answer, error) {
	if err == nil && people {
		return w.done("/settings", "people-"+code), nil
	}
	if err == nil {
		return w.done("/account", code), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	var page answer
	var pageErr error
	if people {
		page, pageErr = w.settingsPage(r, v, entry{})
		if view, ok := page.data.(settingsView); ok && pageErr == nil {
			view.Notice = &notice{Heading: "Not done", Text: err.Error()}
			page.data = view
		}
	} else {
		err = renamed(err, map[string]string{"to": "deputy", "startTime": "first", "endTime": "last"})
		page, pageErr = w.accountPage(r, v, refusedEntry("away", r.PostForm, err, "deputy", "first", "last", "reason"))
	}
	page.status = status
	return page, pageErr
}
