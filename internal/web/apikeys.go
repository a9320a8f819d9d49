package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// apiKeysView is the page that the quickstart sends people to.
type apiKeysView struct {
	Member string
	Space  string
	// Token is a fresh token; empty until its button is pressed.
	Token  string
	End    time.Time
	Masked string
	APIURL string
	// Places are the spaces that the person may choose.
	Places []approval.Member
	botsView
}

func (w *Web) apiKeysView(r *http.Request, v visitor) (apiKeysView, error) {
	view := apiKeysView{Member: v.ID, Space: v.Space, Masked: strings.Repeat("*", 84), APIURL: w.BaseURL}
	var err error
	if view.Places, err = w.Sessions.Places(r.Context(), v.Actor); err != nil {
		return view, err
	}
	view.botsView, err = w.botsView(r, v)
	return view, err
}

// showAPIKeys makes no token: a GET never changes anything.
func (w *Web) showAPIKeys(r *http.Request, v visitor) (answer, error) {
	view, err := w.apiKeysView(r, v)
	return answer{page: "apikeys", title: "API keys", data: view}, err
}

// createAPIKey makes a token and shows it on this one answer, which no cache keeps.
func (w *Web) createAPIKey(r *http.Request, v visitor) (answer, error) {
	view, err := w.apiKeysView(r, v)
	if err != nil {
		return answer{}, err
	}
	if view.Token, view.End, err = w.Tokens.MintUserToken(r.Context(), v.Actor, "made on the page for API keys"); err != nil {
		return answer{}, err
	}
	return answer{page: "apikeys", title: "API keys", data: view}, nil
}

// Several answers whether there is another space to choose.
func (v apiKeysView) Several() bool { return len(v.Places) > 1 }

// Env answers the lines to paste, with the token or with its mask.
func (v apiKeysView) Env() string {
	token := v.Token
	if token == "" {
		token = v.Masked
	}
	return "INDENT_SPACE=" + v.Space + "\nINDENT_API_TOKEN=" + token + "\nINDENT_API_URL=" + v.APIURL + "\n"
}
