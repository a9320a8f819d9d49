package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// grantsView is who has what.
type grantsView struct {
	Filter grantFilter
	At     time.Time // zero: now
	Wrong  string    // what is wrong with the time that was typed
	Grants []grantRow
	More   string // the address of the following rows, "" when all are here
	Later  bool   // the page is not the first
	Left   []left // what is over, and a webhook has not taken away
	Lefts  bool   // there is more of it
	Revoke string // the address of the confirm page, "" where there is nothing to press
}

// grantFilter is what was asked for.
type grantFilter struct{ Person, Resource, At string }

func (f grantFilter) address(path string, more ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	for name, value := range map[string]string{"person": f.Person, "resource": f.Resource, "at": f.At} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// AtValue answers the time as its field has it.
func (v grantsView) AtValue() string {
	if v.At.IsZero() {
		return ""
	}
	return v.At.Format("2006-01-02T15:04:05")
}

// Any answers whether anything narrows the list down.
func (f grantFilter) Any() bool { return f != grantFilter{} }

type grantRow struct {
	approval.Access
	Coming bool       // it begins later
	Stands []pairTold // where it is not as it is granted, by webhook
}

// Extended answers whether access goes on when this grant ends.
func (r grantRow) Extended() bool { return !r.Until.Equal(r.Lease.EndTime) }

// Begins answers whether it has not begun at a time, the zero time being now.
func (r grantRow) Begins(at time.Time) bool { return at.IsZero() && r.Coming }

func filterOf(values url.Values) grantFilter {
	return grantFilter{strings.TrimSpace(values.Get("person")), strings.TrimSpace(values.Get("resource")), strings.TrimSpace(values.Get("at"))}
}

// What a field for a time sends, and what people write.
var momentLayouts = []string{"2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339, "2006-01-02 15:04", "2006-01-02"}

// momentOf reads a time in UTC; "" is the zero time.
func momentOf(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range momentLayouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, approval.FieldError("at", "must be a time in UTC such as 2030-01-02T15:04")
}

func (w *Web) showGrants(r *http.Request, v visitor) (answer, error) {
	values := r.URL.Query()
	view := grantsView{Filter: filterOf(values), Later: values.Get("page") != ""}
	var err error
	if view.At, err = momentOf(view.Filter.At); err != nil {
		view.Wrong = err.Error()
		return answer{status: http.StatusBadRequest, page: "grants", title: "Grants", data: view}, nil
	}
	page, err := w.Service.Grants(r.Context(), v.Actor, approval.AccessQuery{Person: view.Filter.Person, Resource: view.Filter.Resource, At: view.At,
		Coming: view.At.IsZero(), Page: approval.PageRequest{Token: values.Get("page")}})
	if err != nil {
		return answer{}, err
	}
	if view.At.IsZero() && !view.Later {
		if view.Left, view.Lefts, err = w.leftOver(r.Context(), v, view.Filter); err != nil {
			return answer{}, err
		}
	}
	now := w.Service.Clock.Now()
	for _, a := range page.Items {
		told := slices.DeleteFunc(toldOf(&a.Petition, a.Told), func(t pairTold) bool { return !t.Warns })
		view.Grants = append(view.Grants, grantRow{a, now.Before(a.Lease.StartTime), told})
	}
	if page.Next != "" {
		view.More = view.Filter.address("/grants", "page", page.Next)
	}
	if view.At.IsZero() && len(page.Items) > 0 && (view.Filter.Person != "" || view.Filter.Resource != "") && v.Can(approval.CreateClaims) {
		view.Revoke = view.Filter.address("/grants/revoke")
	}
	return answer{page: "grants", title: "Grants", data: view}, nil
}

// revokeView is the look before many grants are revoked.
type revokeView struct {
	Filter  grantFilter
	What    string
	Yours   []approval.RevokedGrant // what a press revokes
	Others  []approval.RevokedGrant // what it does not
	More    bool                    // than are shown
	Reason  string
	Refused string
	// Done says how many were revoked by a press that could not do all.
	Done string
}

// mostRevoked bounds what one press revokes.
const mostRevoked = 2000

func (w *Web) showRevoke(r *http.Request, v visitor) (answer, error) {
	return w.revokePage(r, v, filterOf(r.URL.Query()), revokeView{})
}

func (w *Web) revokePage(r *http.Request, v visitor, f grantFilter, view revokeView) (answer, error) {
	f.At = ""
	view.Filter, view.What = f, whatIsRevoked(f)
	page, err := w.Service.RevokeGrants(r.Context(), v.Actor, approval.RevokeGrants{Person: f.Person, Resource: f.Resource, Preview: true,
		Page: approval.PageRequest{Size: approval.MaxPageSize}})
	if err != nil {
		return answer{}, err
	}
	view.More = page.Next != ""
	for _, item := range page.Items {
		if item.Refused == "" {
			view.Yours = append(view.Yours, item)
		} else {
			view.Others = append(view.Others, item)
		}
	}
	return answer{page: "revoke", title: "Revoke " + view.What, data: view}, nil
}

func whatIsRevoked(f grantFilter) string {
	switch {
	case f.Resource == "":
		return "all that " + f.Person + " has"
	case f.Person == "":
		return "all that anybody has of " + f.Resource
	}
	return "what " + f.Person + " has of " + f.Resource
}

// revokeGrants revokes page after page what the confirm page has shown the first of.
func (w *Web) revokeGrants(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	f := filterOf(r.PostForm)
	ask := approval.RevokeGrants{Person: f.Person, Resource: f.Resource, Reason: strings.TrimSpace(strings.ReplaceAll(r.PostForm.Get("reason"), "\r\n", "\n")),
		Page: approval.PageRequest{Size: approval.MaxPageSize}}
	if f.Person == "" && f.Resource == "" {
		return answer{}, ask.Check()
	}
	done, others, more := 0, 0, false
	for looked := 0; ; looked += approval.MaxPageSize {
		page, err := w.Service.RevokeGrants(r.Context(), v.Actor, ask)
		if err != nil {
			return w.revokeRefused(r, v, f, ask.Reason, done, err)
		}
		for _, item := range page.Items {
			if item.Refused == "" {
				done++
			} else {
				others++
			}
		}
		if ask.Page.Token = page.Next; page.Next == "" {
			break
		}
		if more = looked >= mostRevoked; more {
			break
		}
	}
	if others == 0 && !more {
		return w.done(grantFilter{Person: f.Person, Resource: f.Resource}.address("/grants"), "grants-revoked"), nil
	}
	return w.revokePage(r, v, f, revokeView{Done: fmt.Sprintf("Done for %d: they are revoked. What is left is below.", done)})
}

func (w *Web) revokeRefused(r *http.Request, v visitor, f grantFilter, reason string, done int, err error) (answer, error) {
	status, ok := shownOnPage(err)
	if !ok || slices.Contains([]string{"person", "resource"}, fieldOf(err)) {
		return answer{}, err
	}
	view := revokeView{Reason: retyped(reason), Refused: err.Error()}
	if done > 0 {
		view.Done = fmt.Sprintf("Done for %d: they are revoked.", done)
	}
	page, pageErr := w.revokePage(r, v, f, view)
	page.status = status
	return page, pageErr
}

func fieldOf(err error) string {
	if known, ok := err.(*approval.Error); ok {
		return known.Field
	}
	return ""
}
