package web

import (
	"net/http"
	"strings"
	"time"
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
	// Several: the person may choose another space.
	Several bool
	botsView
}

func (w *Web) apiKeysView(r *http.Request, v visitor) (apiKeysView, error) {
	view := apiKeysView{Member: v.ID, Space: v.Space, Masked: strings.Repeat("*", 84), APIURL: w.BaseURL}
	places, err := w.Sessions.Places(r.Context(), v.Actor)
	if err != nil {
		return view, err
	}
	view.Several = len(places) > 1
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

// Env answers the lines to paste, with the token or with its mask.
func (v apiKeysView) Env() string {
	token := v.Token
	if token == "" {
		token = v.Masked
	}
	return "INDENT_SPACE=" + v.Space + "\nINDENT_API_TOKEN=" + token + "\nINDENT_API_URL=" + v.APIURL + "\n"
}
