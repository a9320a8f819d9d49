package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func eventsComeBack(t *testing.T, k kit) {
	e := approval.Event{Event: approval.EventApprove, ID: UUID(), Timestamp: Start, Reason: "<&> 漢字 \n", ExternalID: "x", SessionID: "s", Actor: reviewer,
		Resources: []approval.Resource{resourceNamed("a", "b")},
		Meta: approval.Meta{Space: k.space, Name: "n", Labels: map[string]string{approval.LabelPetition: "p", "<": "&"}, CreateTime: Start, UpdateTime: Start,
			DeleteTime: Start, ExpireTime: Start, StartTime: Start, EndTime: Start.Add(time.Hour)}}
	bare := approval.Event{Event: "test/bare"}
	if err := k.Commit(t.Context(), approval.Change{Space: k.space, Events: []approval.Event{e, bare}}); err != nil {
		t.Fatal(err)
	}
	page, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Page: approval.PageRequest{Ascending: true}})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("got %d events (%v), want 2", len(page.Items), err)
	}
	first, second := page.Items[0].Cursor, page.Items[1].Cursor
	if !first.Before(second) || first == (approval.Cursor{}) {
		t.Fatalf("cursors are %v and %v, want them in the order of the change", first, second)
	}
	e.Cursor, bare.Cursor = first, second
	want(t, page.Items, nil, []approval.Event{e, bare})
	Eventually(t, func() bool {
		after, err := k.EventsAfter(t.Context(), approval.EventQuery{Space: k.space}, approval.Cursor{}, 10)
		return err == nil && len(after) == 2 && after[0].Cursor == first && after[1].Cursor == second
	})
}

// notes writes n events, each with a number, an actor, a petition and a time of its own.
func (k kit) notes(t *testing.T, n int) (all []approval.Event) {
	for i := range n {
		e := approval.Event{Event: fmt.Sprint("test/", i%3), ID: UUID(), Timestamp: Start.Add(time.Duration(i) * time.Second), Reason: fmt.Sprint(i),
			Actor: approval.Resource{ID: fmt.Sprint("actor", i%4)}, Meta: approval.Meta{Space: k.space}}
		if i%2 == 0 {
			e.Meta.Labels = map[string]string{approval.LabelPetition: fmt.Sprint("petition", i%5)}
		}
		if err := k.Commit(t.Context(), approval.Change{Space: k.space, Events: []approval.Event{e}}); err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func reasons(events []approval.Event) []string {
	list := []string{}
	for _, e := range events {
		list = append(list, e.Reason)
	}
	return list
}

func eventsAreSelected(t *testing.T, k kit) {
	all := k.notes(t, 40)
	for _, petition := range []string{"", "petition2", "none"} {
		for _, actor := range []string{"", "actor2"} {
			for _, event := range []string{"", "test/1"} {
				for _, times := range [][2]int{{-1, -1}, {10, -1}, {-1, 30}, {10, 30}} {
					q := approval.EventQuery{Space: k.space, Petition: petition, Actor: actor, Event: event, Page: approval.PageRequest{Size: 100, Ascending: true}}
					if times[0] >= 0 {
						q.Since = all[times[0]].Timestamp
					}
					if times[1] >= 0 {
						q.Until = all[times[1]].Timestamp
					}
					wanted := []string{}
					for _, e := range all {
						if (petition == "" || e.Petition() == petition) && (actor == "" || e.Actor.ID == actor) && (event == "" || e.Event == event) &&
							(q.Since.IsZero() || !e.Timestamp.Before(q.Since)) && (q.Until.IsZero() || e.Timestamp.Before(q.Until)) {
							wanted = append(wanted, e.Reason)
						}
					}
					page, err := k.Events(t.Context(), q)
					want(t, reasons(page.Items), err, wanted)
					Eventually(t, func() bool {
						after, err := k.EventsAfter(t.Context(), q, approval.Cursor{}, 100)
						return err == nil && slices.Equal(reasons(after), wanted)
					})
				}
			}
		}
	}
}

// eventsOfATime are found although the clock was set back and forth while they were written, page by page, and while more
// are written.
func eventsOfATime(t *testing.T, k kit) {
	var all []approval.Event
	for round, hours := range [][]int{{1, 2, 3, 4, 5, 6, 7, 8, 9}, {2, 2, 2, 9, 1, 5, 12, 5}, {20, 21}} {
		for i, hour := range hours {
			e := approval.Event{Event: "test/time", ID: UUID(), Timestamp: Start.Add(time.Duration(hour) * time.Hour), Reason: fmt.Sprint(round, i),
				Actor: approval.Resource{ID: fmt.Sprint("actor", i%2)}, Meta: approval.Meta{Space: k.space}}
			wantCode(t, k.Commit(t.Context(), approval.Change{Space: k.space, Events: []approval.Event{e}}), "")
			all = append(all, e)
		}
		for since := range 14 {
			for _, until := range []int{0, since + 1, since + 3, 30} {
				k.findTime(t, all, since, until)
			}
		}
	}
}

func (k kit) findTime(t *testing.T, all []approval.Event, since, until int) {
	t.Helper()
	for _, ascending := range []bool{true, false} {
		q := approval.EventQuery{Space: k.space, Actor: []string{"", "actor1"}[since%2], Since: Start.Add(time.Duration(since) * time.Hour)}
		if until > 0 {
			q.Until = Start.Add(time.Duration(until) * time.Hour)
		}
		if since == 0 {
			q.Since = time.Time{}
		}
		var wanted []string
		for _, e := range all {
			if !e.Timestamp.Before(q.Since) && (until == 0 || e.Timestamp.Before(q.Until)) && (q.Actor == "" || e.Actor.ID == q.Actor) {
				wanted = append(wanted, e.Reason)
			}
		}
		if !ascending {
			slices.Reverse(wanted)
		}
		pages := walk(t, 2, func(r approval.PageRequest) ([]string, string, error) {
			q.Page = r
			page, err := k.Events(t.Context(), q)
			return reasons(page.Items), page.Next, err
		}, ascending)
		want(t, slices.Concat(pages...), nil, wanted)
	}
}

func pagesOfEvents(t *testing.T, k kit) {
	all := reasons(k.notes(t, 20))
	for _, ascending := range []bool{true, false} {
		for _, size := range []int{1, 3, 19, 20, 21} {
			pages := walk(t, size, func(r approval.PageRequest) ([]string, string, error) {
				page, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Page: r})
				return reasons(page.Items), page.Next, err
			}, ascending)
			wanted := slices.Clone(all)
			if !ascending {
				slices.Reverse(wanted)
			}
			want(t, slices.Concat(pages...), nil, wanted)
		}
	}
	_, err := k.Events(t.Context(), approval.EventQuery{Space: k.space, Page: approval.PageRequest{Token: approval.PageKey{Number: 1, Text: "x"}.Token()}})
	wantCode(t, err, approval.Invalid)
}

func logIsReadOn(t *testing.T, k kit) {
	last, err := k.LastCursor(t.Context(), k.space)
	want(t, last, err, approval.Cursor{})
	all := reasons(k.notes(t, 25))
	Eventually(t, func() bool {
		last, err = k.LastCursor(t.Context(), k.space)
		after, err2 := k.EventsAfter(t.Context(), approval.EventQuery{Space: k.space}, approval.Cursor{}, 100)
		return err == nil && err2 == nil && len(after) == 25 && after[24].Cursor == last
	})
	var got []string
	var at approval.Cursor
	for {
		events, err := k.EventsAfter(t.Context(), approval.EventQuery{Space: k.space}, at, 4)
		if err != nil {
			t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		got = append(got, reasons(events)...)
		at = events[len(events)-1].Cursor
	}
	want(t, got, nil, all)
	want(t, at, nil, last)
}

// followerMissesNothing reads on from its cursor while many commit at once: it must see every event, once, in order.
func followerMissesNothing(t *testing.T, k kit) {
	const writers, each = 16, 25
	done := make(chan []error, 1)
	go func() {
		done <- together(writers, func(w int) error {
			for i := range each {
				p := NewPetition(k.space)
				c := Create(p)
				c.Events[0].Reason = fmt.Sprint(w, "/", i)
				c.Events = append(c.Events, Event(p, "test/second", reviewer))
				if err := k.Commit(t.Context(), c); err != nil {
					return err
				}
			}
			return nil
		})
	}()
	seen := map[string]bool{}
	var at approval.Cursor
	Eventually(t, func() bool {
		events, err := k.EventsAfter(t.Context(), approval.EventQuery{Space: k.space}, at, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if !at.Before(e.Cursor) || seen[e.ID] {
				t.Fatalf("event %s at %v came after %v", e.ID, e.Cursor, at)
			}
			at, seen[e.ID] = e.Cursor, true
		}
		return len(seen) == 2*writers*each
	})
	for _, err := range <-done {
		wantCode(t, err, "")
	}
}
