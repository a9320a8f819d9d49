package indent

import (
	"errors"
	"testing"
)

func TestAListReadsOnAsFarAsItIsLookedAt(t *testing.T) {
	t.Parallel()
	d := startDouble(t,
		answer(200, `{"resources":[{"id":"a"},{"id":"b"}],"nextPageToken":"two"}`),
		problem(503, "unavailable", "restarting"),
		answer(200, `{"resources":[{"id":"c"}]}`))
	client, _ := d.client(t)
	var ids string
	for r, err := range client.Resources(t.Context(), ResourceQuery{View: ViewRequestable, PageSize: 2}) {
		if err != nil {
			t.Fatal(err)
		}
		ids += r.ID
	}
	calls := d.calls()
	if ids != "abc" || calls[0].query != "pageSize=2&view=requestable" || calls[2].query != "pageSize=2&pageToken=two&view=requestable" {
		t.Errorf("got %q by %+v", ids, calls)
	}
	d = startDouble(t, answer(200, `{"resources":[{"id":"a"}],"nextPageToken":"two"}`))
	client, _ = d.client(t)
	for range client.Resources(t.Context(), ResourceQuery{}) {
		break
	}
	if n := len(d.calls()); n != 1 {
		t.Errorf("%d pages were read for one item", n)
	}
}

func TestAListThatFailsYieldsItsErrorAndEnds(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]step{
		"refused":                 problem(403, "forbidden", "no"),
		"the same page again":     answer(200, `{"events":[],"nextPageToken":"two"}`),
		"another type":            answer(200, `{"events":{"a":1}}`),
		"an event without a name": answer(200, `{"events":[{}]}`),
	} {
		client, _ := startDouble(t, answer(200, `{"events":[{"event":"x"}],"nextPageToken":"two"}`), last).client(t)
		events, failures := 0, 0
		for _, err := range client.Events(t.Context(), EventQuery{}) {
			if err == nil {
				events++
			} else {
				failures++
			}
		}
		if events != 1 || failures != 1 {
			t.Errorf("%s: %d events and %d errors", name, events, failures)
		}
	}
}

func TestAListOfAPetitionWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	client, _ := startDouble(t, answer(500, "")).client(t)
	for _, err := range client.Claims(t.Context(), "..") {
		if !errors.Is(err, ErrInvalid) {
			t.Errorf("got %v", err)
		}
	}
}
