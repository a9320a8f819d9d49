package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by name, each inside the layout.
var pages = parsePages("inbox", "petition", "signin", "apikeys", "settings", "account", "space", "error", "passkeys", "factor", "login", "groups", "group", "webhooks", "webhook", "webhookpolicies", "webhookpolicy", "deliveries", "delivery", "directory", "pull", "policy", "policyversion", "policyedit", "grants", "revoke")

func parsePages(names ...string) map[string]*template.Template {
	shared := template.Must(template.New("layout.html").Funcs(functions).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/requirements.html", "templates/away.html", "templates/told.html", "templates/webhookparts.html", "templates/pullparts.html"))
	parsed := map[string]*template.Template{}
	for _, name := range names {
		parsed[name] = template.Must(template.Must(shared.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return parsed
}

var functions = template.FuncMap{
	"show":     show,
	"asset":    asset,
	"duration": duration,
	"when":     when,
	"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) },
	"labels":   func(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) },
	"pairs":    pairLines,
	"list":     func(items ...any) []any { return items },
	"initial":  initial,
	"inc":      func(n int) int { return n + 1 },
	"marks":    marksOf,
}

// layout is what every page's frame shows.
type layout struct {
	Title   string
	Visitor visitor
	Dev     bool
	DevRule bool // the policy that holds now is the one that lets one person play both parts
	Page    string
	Data    any
	Told    success // what was just done
}

// send writes the answer. A page is made whole before its first byte leaves.
func (w *Web) send(rw http.ResponseWriter, r *http.Request, v visitor, a answer) {
	told, drop := w.success(r, a)
	if drop != nil {
		a.cookies = append(a.cookies, drop)
	}
	for _, cookie := range a.cookies {
		http.SetCookie(rw, cookie)
	}
	if a.allow != "" {
		rw.Header().Set("Allow", a.allow)
	}
	if a.retry > 0 {
		rw.Header().Set("Retry-After", strconv.Itoa(a.retry))
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	switch {
	case a.location != "":
		rw.Header().Set("Location", a.location)
		rw.WriteHeader(http.StatusSeeOther)
		return
	case a.write != nil:
		if a.status != http.StatusOK {
			rw.WriteHeader(a.status)
		}
		a.write(rw)
		return
	}
	var body bytes.Buffer
	view := layout{Title: a.title, Visitor: v, Dev: w.Dev, DevRule: w.Dev && w.devRule(r, v), Page: a.page, Data: a.data, Told: told}
	if err := pages[a.page].Execute(&body, view); err != nil {
		w.Logger.ErrorContext(r.Context(), "a page could not be made", "page", a.page, "error", err)
		http.Error(rw, "The page could not be made. Nothing was decided.", http.StatusInternalServerError)
		return
	}
	if a.formTo != "" {
		policy := rw.Header().Get("Content-Security-Policy")
		rw.Header().Set("Content-Security-Policy", strings.Replace(policy, "form-action 'self'", "form-action 'self' "+a.formTo, 1))
	}
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	rw.WriteHeader(a.status)
	rw.Write(body.Bytes()) // the browser may be gone; there is nobody to tell
}

// devRule answers whether the visitor's space has a policy to play with. Only a server to play with looks.
func (w *Web) devRule(r *http.Request, v visitor) bool {
	if v.ID == "" || !v.Can(approval.ReadPolicy) {
		return false
	}
	dev, err := w.Service.DevPolicy(r.Context(), v.Actor)
	return err == nil && dev
}

// when writes a time as UTC; the script turns the text into the reader's own time and keeps the exact one as its title.
func when(t time.Time) template.HTML {
	t = t.UTC()
	return template.HTML(fmt.Sprintf(`<time datetime="%s" title="%s">%s</time>`,
		t.Format(time.RFC3339Nano), t.Format("2006-01-02 15:04:05.000000 UTC"), t.Format("2 Jan 2006, 15:04 UTC")))
}

// initial answers the letter that stands for somebody.
func initial(r approval.Resource) string {
	for _, c := range r.Title() {
		return strings.ToUpper(string(c))
	}
	return "?"
}
