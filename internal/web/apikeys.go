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
}

func (w *Web) apiKeysView(v visitor) apiKeysView {
	return apiKeysView{Member: v.ID, Space: v.Space, Masked: strings.Repeat("*", 84), APIURL: w.BaseURL}
}

// showAPIKeys makes no token: a GET never changes anything.
func (w *Web) showAPIKeys(_ *http.Request, v visitor) (answer, error) {
	return answer{page: "apikeys", title: "API keys", data: w.apiKeysView(v)}, nil
}

// createAPIKey makes a token and shows it on this one answer, which no cache keeps.
func (w *Web) createAPIKey(r *http.Request, v visitor) (answer, error) {
	view := w.apiKeysView(v)
	var err error
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
