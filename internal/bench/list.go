package bench

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	pageSize = 50
	// walkSize is the page with which one walks to a deep place.
	walkSize = 200
	// ownWords is how many petitions with a word of their own are made when no words are given.
	ownWords = 20
)

// lists measures pages of the list: the first, the one behind it, and one behind very many.
func (b *bench) lists(ctx context.Context, each func(Result)) error {
	reader := b.wire(ctx, 0)
	defer reader.close()
	next, err := b.secondPage(reader)
	if err != nil {
		return err
	}
	deep, err := b.walk(reader)
	if err != nil {
		return err
	}
	for _, n := range b.Concurrency {
		for _, page := range []struct{ name, token string }{{"first", ""}, {"next", next}, {"deep", deep}} {
			each(b.closed(ctx, "list "+page.name, n, func(w *worker) error {
				q := query("pageSize", pageSize)
				if page.token != "" {
					q = query("pageSize", pageSize, "pageToken", page.token)
				}
				return w.look(q, pageSize)
			}))
		}
	}
	return nil
}

// secondPage answers the token of the second page, and makes petitions where there are too few for two whole pages.
func (b *bench) secondPage(reader *wire) (token string, err error) {
	n, _, err := reader.soon().list(query("pageSize", 2*pageSize))
	if err != nil {
		return "", err
	}
	for range 2*pageSize - n {
		if _, err := reader.soon().create(onePetition); err != nil {
			return "", err
		}
	}
	_, token, err = reader.soon().list(query("pageSize", pageSize))
	if err == nil && token == "" {
		err = errors.New("the list has no second page, though there are petitions enough")
	}
	return token, err
}

// walk answers the token of the page behind Deep petitions, or of the last whole page if there are fewer; none means
// the first. Tokens are the server's own, so one has to walk.
func (b *bench) walk(reader *wire) (string, error) {
	last, token := "", ""
	for seen := 0; ; seen += walkSize {
		q := query("pageSize", walkSize)
		if token != "" {
			q = query("pageSize", walkSize, "pageToken", token)
		}
		n, next, err := reader.soon().list(q)
		switch {
		case err != nil:
			return "", err
		case n < pageSize:
			return last, nil
		case next == "" || seen >= b.Deep:
			return token, nil
		}
		last, token = token, next
	}
}

// look reads a page, which must have at least as many petitions.
func (w *worker) look(query string, least int) error {
	n, _, err := w.asker.list(query)
	if err == nil && n < least {
		err = fmt.Errorf("a page of %d petitions was answered, want %d at least: %s", n, least, query)
	}
	return err
}

// searches measures a search for a word that few petitions have.
func (b *bench) searches(ctx context.Context, each func(Result)) error {
	words := b.Words
	if len(words) == 0 {
		var err error
		if words, err = b.makeWords(ctx); err != nil {
			return err
		}
	}
	for _, n := range b.Concurrency {
		turns := make([]int, n)
		each(b.closed(ctx, "search", n, func(w *worker) error {
			turns[w.number]++
			word := words[(w.number+turns[w.number])%len(words)]
			return w.look(query("pageSize", pageSize, "search", word), 1)
		}))
	}
	return nil
}

func (b *bench) makeWords(ctx context.Context) ([]string, error) {
	mark := strconv.FormatInt(time.Now().UnixNano(), 36)
	words := make([]string, ownWords)
	hands := b.hands(ctx)
	defer hands.close()
	for i := range words {
		words[i] = fmt.Sprintf("w%s%d", mark, i)
		body := strings.Replace(petitionBody, `"bench"`, `"bench `+words[i]+`"`, 1)
		if body == petitionBody {
			return nil, errors.New("a petition with a word of its own cannot be made")
		}
		if _, err := hands.at(i).create(withBody(body)); err != nil {
			return nil, err
		}
	}
	return words, nil
}

// query answers pairs as a query.
func query(pairs ...any) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(fmt.Sprint(pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	return values.Encode()
}
