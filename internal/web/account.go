package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// accountView is who one is: in which space, by which names, in which browsers.
type accountView struct {
	Member     approval.Member
	Identities []approval.Identity
	Groups     []string
	Sessions   []sessionRow
	Others     int // sessions besides this one
	Places     []approval.Member
	MayMake    bool // spaces
	Away       awayView
}

// sessionRow is one session of a person.
type sessionRow struct {
	approval.Session
	Here    bool   // the one that looks
	Browser string // in words
	By      string // how the person signed in
}

func (w *Web) showAccount(r *http.Request, v visitor) (answer, error) {
	return w.accountPage(r, v, entry{})
}

func (w *Web) accountPage(r *http.Request, v visitor, e entry) (answer, error) {
	ctx := r.Context()
	view := accountView{MayMake: v.Can(approval.CreateSpaces)}
	var err error
	if view.Member, err = w.Service.Store.Member(ctx, v.Space, v.ID); err != nil {
		return answer{}, err
	}
	if view.Identities, err = w.Service.Identities(ctx, v.Actor, v.ID); err != nil {
		return answer{}, err
	}
	if view.Groups, err = w.Service.GroupsOf(ctx, v.Space, v.ID); err != nil {
		return answer{}, err
	}
	if view.Places, err = w.Sessions.Places(ctx, v.Actor); err != nil {
		return answer{}, err
	}
	delegations, err := w.Service.OwnDelegations(ctx, v.Actor)
	if err != nil {
		return answer{}, err
	}
	view.Away = w.awayOf(v, delegations, e)
	sessions, err := w.Sessions.List(ctx, v.Actor)
	if err != nil {
		return answer{}, err
	}
	for _, s := range sessions {
		view.Sessions = append(view.Sessions, sessionRow{s, s.Name == v.TokenName, browserName(s.Browser), w.signedInBy(s)})
	}
	view.Others = len(slices.DeleteFunc(slices.Clone(view.Sessions), func(s sessionRow) bool { return s.Here }))
	return answer{page: "account", title: "Your account", data: view}, nil
}

func (w *Web) signedInBy(s approval.Session) string {
	if s.Method != approval.MethodOIDC {
		return "a one-time link"
	}
	for _, b := range w.Sessions.Buttons() {
		if b.Name == s.Provider {
			return b.DisplayName
		}
	}
	return s.Provider
}

// endSessions ends one session, or all others. Ending the one that looks is signing out.
func (w *Web) endSessions(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	name, others := r.PostForm.Get("session"), r.PostForm.Get("others") == "all"
	if others == (name != "") {
		return answer{}, approval.Errorf(approval.Invalid, "the form does not say which session to end: open the page again and press its button")
	}
	if name == v.TokenName {
		return w.signOut(r, v)
	}
	if err := w.Sessions.End(r.Context(), v.Actor, name); err != nil {
		return answer{}, err
	}
	if others {
		return w.done("/account", "sessions-ended"), nil
	}
	return w.done("/account", "session-ended"), nil
}

// spaceView is the choice between the spaces that one may go to.
type spaceView struct {
	Places []approval.Member
	Return string
	// MayMake: who looks operates the server, and so makes spaces.
	MayMake bool
	Entry   entry
}

func (w *Web) showSpaces(r *http.Request, v visitor) (answer, error) {
	return w.spacesPage(r, v, entry{})
}

func (w *Web) spacesPage(r *http.Request, v visitor, e entry) (answer, error) {
	places, err := w.Sessions.Places(r.Context(), v.Actor)
	view := spaceView{places, localPath(r.URL.Query().Get("return")), v.Can(approval.CreateSpaces), e}
	return answer{page: "space", title: "Choose a space", data: view}, err
}

// makeSpace makes another space, which whoever operates the server owns and then may go to.
func (w *Web) makeSpace(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	name, title := strings.TrimSpace(r.PostForm.Get("name")), strings.TrimSpace(r.PostForm.Get("displayName"))
	_, err := w.Service.MakeSpace(r.Context(), v.Actor, approval.NewSpace{Name: name, DisplayName: title})
	if err == nil {
		return w.done("/account/space", "space-made"), nil
	}
	status, ok := shownOnPage(err)
	if !ok {
		return answer{}, err
	}
	err = renamed(err, map[string]string{"space": "name"})
	page, pageErr := w.spacesPage(r, v, refusedEntry("make", r.PostForm, err, "name", "displayName"))
	page.status = status
	return page, pageErr
}

// switchSpace signs the person in to another space, with a new session.
func (w *Web) switchSpace(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	space, back := r.PostForm.Get("space"), localPath(r.PostForm.Get("return"))
	if space == v.Space {
		return answer{location: back}, nil
	}
	secret, end, err := w.Sessions.Switch(r.Context(), v.Actor, space)
	if err != nil {
		return answer{}, err
	}
	return answer{location: back, cookies: []*http.Cookie{w.cookie.keep(secret, end)}}, nil
}

// browserOf answers what the browser says it is.
func browserOf(r *http.Request) string {
	said := r.Header.Get("User-Agent")
	if len(said) > 1000 {
		said = said[:1000]
	}
	return strings.ToValidUTF8(said, "?")
}

// Names of browsers and systems by a word of what they say they are, the first that fits: each says that it is those
// before it, too.
var (
	browsers = [][2]string{{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrom", "Chrome"}, {"Safari", "Safari"}}
	systems = [][2]string{{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"CrOS", "ChromeOS"}, {"Windows", "Windows"}, {"Mac OS", "macOS"}, {"Linux", "Linux"}}
)

// browserName answers a short name of a browser; what is no browser keeps its own words.
func browserName(said string) string {
	first := func(names [][2]string) string {
		for _, name := range names {
			if strings.Contains(said, name[0]) {
				return name[1]
			}
		}
		return ""
	}
	browser, system := first(browsers), first(systems)
	switch {
	case said == "":
		return "A browser that does not say what it is"
	case browser == "":
		return said
	case system == "":
		return browser
	}
	return browser + " on " + system
}
