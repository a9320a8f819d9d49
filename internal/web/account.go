package web

import (
	"context"
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
	Programs   []programRow
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
	if view.Programs, err = w.programs(ctx, v); err != nil {
		return answer{}, err
	}
	view.Others = len(slices.DeleteFunc(slices.Clone(view.Sessions), func(s sessionRow) bool { return s.Here }))
	return answer{page: "account", title: "Your account", data: view}, nil
}

// programRow is something that acts as the person.
type programRow struct{ approval.Token }

// May answers what it may do, in words.
func (p programRow) May() string {
	if p.Scopes == nil {
		return "all that you may"
	}
	return scopeWords(p.Scopes)
}

// programs answers what acts as the person: the programs that were let in, and what was made on the page for API keys.
func (w *Web) programs(ctx context.Context, v visitor) (list []programRow, err error) {
	tokens, err := w.Service.Store.Tokens(ctx, v.Space, v.ID, approval.TokenLogin, approval.TokenUser)
	now := w.Service.Clock.Now()
	for _, t := range tokens {
		if t.Usable(now) {
			list = append(list, programRow{t})
		}
	}
	return list, err
}

// endProgram ends a login or a token of the person's own. One that has ended before is no less ended.
func (w *Web) endProgram(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	name := r.PostForm.Get("token")
	if name == "" {
		return answer{}, approval.Errorf(approval.Invalid, "the form does not say what to end: open the page again and press its button")
	}
	own, err := w.programs(r.Context(), v)
	if err != nil {
		return answer{}, err
	}
	if !slices.ContainsFunc(own, func(p programRow) bool { return p.Name == name }) {
		return answer{}, approval.Errorf(approval.NotFound, "nothing of yours that acts as you is called %.100q: it has ended, or was never there", name)
	}
	if err := w.Tokens.RevokeToken(r.Context(), v.Actor, name); err != nil && approval.CodeOf(err) != approval.Conflict {
		return answer{}, err
	}
	return w.done("/account", "program-ended"), nil
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
