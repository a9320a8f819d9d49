package web_test

import (
	"html"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// hostile are characters that hide, reverse or fake text, or command a terminal, and bytes that are no text.
var hostile = map[string]string{"NUL": "\x00", "escape": "\x1b[2J", "C1": "\u009b", "right-to-left override": "\u202e", "isolate": "\u2066", "zero width space": "\u200b",
	"word joiner": "\u2060", "byte order mark": "\ufeff", "line separator": "\u2028", "tag": "\U000e0041", "hangul filler": "\u3164", "lone carriage return": "\rx",
	"invalid UTF-8": "\xff", "overlong": "\xc0\x80", "encoded surrogate": "\xed\xa0\x80"}

// safe ends the test when an answer fails inside, or has the text where a reader would not see it.
func (p page) safe(what, bad string) {
	p.t.Helper()
	if p.status >= 500 {
		p.t.Errorf("%s: status %d", what, p.status)
	}
	body := html.UnescapeString(p.body)
	for _, where := range append(slices.Collect(maps.Keys(p.header)), body) {
		if strings.Contains(where, bad) || strings.Contains(strings.Join(p.header[where], ""), bad) {
			p.t.Errorf("%s: the answer holds the text as it is", what)
		}
	}
}

var inputs = regexp.MustCompile(`<(?:input|textarea|select|button)[^>]* name="([^"]+)"`)

// Every field of every form on every page: hostile text decides nothing and comes back nowhere as it is.
func TestHostileTextInEveryForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	forms := map[string][]string{}
	b := h.browser(reviewer)
	for _, address := range []string{path(p), "/api-keys", "/sign-in?link=x", "/sign-in"} {
		action, _, _ := strings.Cut(address, "?")
		for _, found := range inputs.FindAllStringSubmatch(b.get(address).body, -1) {
			if !slices.Contains(forms[action], found[1]) {
				forms[action] = append(forms[action], found[1])
			}
		}
	}
	for _, name := range []string{"claim", "digest", "duration", "key", "reason"} {
		if !slices.Contains(forms[path(p)], name) {
			t.Fatalf("the petition's form has no %s: %v", name, forms)
		}
	}
	good := b.get(path(p)).press(approval.EventApprove, "fine", "1h0m0s")
	for action, names := range forms {
		for _, name := range names {
			for what, bad := range hostile {
				fields := maps.Clone(good)
				fields[name] = []string{good.Get(name) + bad + "x"}
				b.post(action, fields).safe(action+" "+name+" "+what, bad)
				if now := h.fresh(p); now.Phase != approval.Open {
					t.Fatalf("%s of %s has decided", what, name)
				}
				fields[name+bad] = []string{"x"}
				if name != "key" { // whatever the key of a press is, it is only a key
					b.post(action, fields).safe(action+" a field called "+name+" and "+what, bad)
				}
			}
		}
	}
	if now := h.fresh(p); now.Phase != approval.Open || len(now.Claims) != 0 {
		t.Errorf("hostile text has decided: %s %+v", now.Phase, now.Claims)
	}
}

// Every parameter and every segment of every page, and text that is no form at all.
func TestHostileTextInEveryAddress(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	for who, b := range map[string]*browser{"nobody": h.browser(""), "reviewer": h.browser(reviewer)} {
		for what, bad := range hostile {
			x := url.QueryEscape("x" + bad)
			for _, address := range []string{"/?waiting=" + x, "/?mine=" + x, "/?recent=" + x, "/?" + x + "=1", "/sign-in?link=" + x, "/sign-in?link=a&return=/" + x, "/inbox/stream?after=" + x,
				"/inbox/stream?after=0.0" + x + "&petition=" + x, "/access/" + url.PathEscape(bad) + "/" + p.Name, "/access/acme/" + url.PathEscape(bad), "/static/" + url.PathEscape(bad),
				"/" + url.PathEscape(bad), path(p) + "?" + x} {
				b.get(address).safe(who+" "+address+" "+what, bad)
			}
			for _, address := range []string{path(p), "/sign-in", "/api-keys", "/sign-out"} {
				b.do("POST", address, strings.NewReader(bad)).safe(who+" "+address+" a body of "+what, bad)
			}
		}
	}
}

// A form of one byte more than is allowed is refused, and at the limit it is not.
func TestFormsHaveALimit(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := h.ask(viewer, approval.NewPetition{})
	b := h.browser(reviewer)
	b.do("POST", path(p), strings.NewReader("reason="+strings.Repeat("x", 64<<10-len("reason=")))).is(400)
	b.do("POST", path(p), strings.NewReader("reason="+strings.Repeat("x", 64<<10-len("reason=")+1))).is(413).has("Too much text")
	b.post(path(p), b.get(path(p)).press(approval.EventApprove, strings.Repeat("ö", 4001), "1h0m0s")).is(400).has("4001 characters")
	b.post(path(p), b.get(path(p)).press(approval.EventApprove, strings.Repeat("ö", 4000), "1h0m0s")).leadsTo(path(p))
}
