package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/indent-approvals/indent/internal/approval"
)

// inboxView is what waits for the visitor, what the visitor asked for and what else happened.
type inboxView struct {
	Sections []inboxSection
	// Stuck is what nobody could approve as things stand, for owners.
	Stuck approval.StuckNow
	// After is the place in the log that the page shows; the stream goes on from there.
	After string
}

type inboxSection struct {
	ID    string
	Title string
	Rows  []petitionRow
	// More is the address of the following rows; empty when all are here.
	More string
	// Later marks a page that is not the first: it stays as it is while it is read.
	Later bool
}

type petitionRow struct {
	approval.Petition
	State state
	// Key changes when what the row shows changes.
	Key string
	For string // who is away, of what waits for the visitor as their deputy
	// Told says that a rule tells the visitor of it, without a say.
	Told bool
}

const (
	waitingRows = 50
	mineRows    = 10
	recentRows  = 20
)

// showInbox is the console's first page.
func (w *Web) showInbox(r *http.Request, v visitor) (answer, error) {
	after, err := w.Service.LogEnd(r.Context(), v.Actor)
	if err != nil {
		return answer{}, err
	}
	view := inboxView{After: after.String()}
	if v.Can(approval.WritePolicy) {
		if view.Stuck, err = w.stuckNow(r.Context(), v); err != nil {
			return answer{}, err
		}
	}
	seen := map[string]bool{}
	for _, s := range []struct {
		id, title string
		rows      int
		query     approval.PetitionQuery
		reviewer  bool
	}{
		{id: "waiting", title: "Waiting for you", rows: waitingRows, reviewer: true},
		{id: "mine", title: "You asked", rows: mineRows, query: approval.PetitionQuery{Petitioner: v.ID}},
		{id: "recent", title: "Everything else", rows: recentRows},
	} {
		token := r.URL.Query().Get(s.id)
		s.query.Page = approval.PageRequest{Size: s.rows, Token: token}
		section, err := w.inboxSection(r.Context(), v, s.query, s.reviewer, seen)
		if err != nil {
			return answer{}, err
		}
		section.ID, section.Title, section.Later = s.id, s.title, token != ""
		if section.More != "" {
			section.More = "/?" + s.id + "=" + section.More + "#" + s.id
		}
		view.Sections = append(view.Sections, section)
	}
	title := "Inbox"
	if n := len(view.Sections[0].Rows); n > 0 {
		title = fmt.Sprintf("(%d) Inbox", n)
	}
	return answer{page: "inbox", title: title, data: view}, nil
}

// HasAny answers whether the space has had any petition; without one the page teaches.
func (v inboxView) HasAny() bool {
	return slices.ContainsFunc(v.Sections, func(s inboxSection) bool { return len(s.Rows) > 0 || s.Later })
}

// inboxSection reads one part; a petition that an earlier part shows is not shown again.
func (w *Web) inboxSection(ctx context.Context, v visitor, q approval.PetitionQuery, reviewer bool, seen map[string]bool) (inboxSection, error) {
	page, err := w.Service.Petitions(ctx, v.Actor, q, reviewer)
	if err != nil {
		return inboxSection{}, err
	}
	section := inboxSection{More: page.Next}
	who, err := w.Service.Eligibilities(ctx, v.Actor, page.Items)
	if err != nil {
		return inboxSection{}, err
	}
	tells, err := w.Service.Tells(ctx, v.Actor, page.Items)
	if err != nil {
		return inboxSection{}, err
	}
	for i, p := range page.Items {
		if !seen[p.Name] {
			seen[p.Name] = true
			row := petitionRow{Petition: p, State: stateOf(p), Key: liveKey(p, who[i]), Told: tells[i]}
			if away := who[i].For(approval.EventApprove); away != nil && reviewer {
				row.For = away.Member.ID
			}
			section.Rows = append(section.Rows, row)
		}
	}
	return section, nil
}
