package api

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestListsOfEvents(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, who := range []string{theViewer, theEditor, theAdmin} {
		h.token(who) // making one is an event, too
	}
	start := h.clock.Now().Add(time.Minute)
	h.clock.Set(start)
	p := h.ask(theViewer)
	h.clock.Advance(time.Minute)
	h.claim(theEditor, p.Name, "access/approve").ok(nil)
	at := func(t time.Time) string { return url.QueryEscape(t.Format(time.RFC3339Nano)) }
	cases := map[string][]string{
		"?petition=" + p.Name:                                               {"access/grant", "access/approve", "access/request"},
		"?petition=" + p.Name + "&ascending=true":                           {"access/request", "access/approve", "access/grant"},
		"?petition=" + p.Name + "&pageSize=1":                               {"access/grant"},
		"?actor=" + theViewer + "&event=access/request":                     {"access/request"},
		"?event=access/approve":                                             {"access/approve"},
		"?since=" + at(start) + "&until=" + at(start.Add(time.Microsecond)): {"access/request"},
		"?since=" + at(start.Add(time.Microsecond)):                         {"access/grant", "access/approve"},
		"?since=" + at(start) + "&actor=nobody":                             nil,
		"?until=" + at(start.Add(time.Hour)) + "&event=no/such":             nil,
	}
	for query, want := range cases {
		var list eventList
		h.do(theAdmin, get, inSpace+"/events"+query, nil).ok(&list)
		var got []string
		for _, e := range list.Events {
			got = append(got, e.Event)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
	var walked []string
	for token, first := "", true; first || token != ""; first = false {
		var list eventList
		h.do(theAdmin, get, inSpace+"/events?pageSize=2&ascending=true&petition="+p.Name+"&pageToken="+token, nil).ok(&list)
		for _, e := range list.Events {
			walked = append(walked, e.Event)
		}
		token = list.NextPageToken
	}
	if want := []string{"access/request", "access/approve", "access/grant"}; !slices.Equal(walked, want) {
		t.Errorf("pages: %v", walked)
	}
}

func TestRulesDecideAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for reason, want := range map[string]struct {
		phase   approval.Phase
		outcome approval.Outcome
	}{"approve by rule": {approval.Granted, ""}, "deny by rule": {approval.Closed, approval.OutcomeDenied}} {
		var p petition
		h.do(theViewer, post, inSpace+"/petitions", map[string]any{"petition": map[string]any{"reason": reason, "resources": []map[string]string{{"id": "x"}}}}).ok(&p)
		if s := p.State.Status; s.Phase != want.phase || s.Outcome != want.outcome || p.State.Decision != nil {
			t.Errorf("%s: %+v, decision %+v", reason, s, p.State.Decision)
		}
	}
}
