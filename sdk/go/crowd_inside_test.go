package indent

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// streaming is an answer that is a stream.
func streaming(body io.Reader) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}
}

// waitTogether waits for so many petitions at once, and answers what each ended with.
func waitTogether(t *testing.T, many int, stream func(r *http.Request) (*http.Response, error)) []error {
	t.Helper()
	c := virtualClient(t, func(r *http.Request) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.URL.Path, ":wait"):
			return stream(r)
		case r.URL.Query().Has("wait"):
			return afterWaiting(r, petitionText(named(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]), granted))
		}
		return responseWith(200, petitionText(named(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]))), nil
	})
	ended, errs := make(chan error, many), []error{}
	for i := range many {
		go func() {
			_, err := c.Resume(t.Context(), nameOf(i), 20*time.Second, nil)
			ended <- err
		}()
	}
	for range many {
		errs = append(errs, <-ended)
	}
	if len(crowdLeft(c)) != 0 {
		t.Errorf("seats are left: %v", crowdLeft(c))
	}
	return errs
}

func nameOf(i int) string { return fmt.Sprintf("0199c1e2-0000-7000-8000-%012d", i) }

func crowdLeft(c *Client) map[string][]*seat {
	c.own.mu.Lock()
	defer c.own.mu.Unlock()
	return c.own.seats
}

func TestWhatAStreamCannotGive(t *testing.T) {
	t.Parallel()
	everywhere := func(event string) string {
		var text strings.Builder
		for i := range 10 {
			fmt.Fprintf(&text, event, nameOf(i))
		}
		return text.String()
	}
	for name, c := range map[string]struct {
		stream func(r *http.Request) (*http.Response, error)
		want   func(error) bool
	}{
		"no such petition": {func(*http.Request) (*http.Response, error) {
			return streaming(strings.NewReader(everywhere("event: problem\nid: %s\ndata: {\"status\":404,\"code\":\"not_found\",\"message\":\"there is none\"}\n\n"))), nil
		}, func(err error) bool { return errors.Is(err, ErrNotFound) }},
		"the token has ended": {func(*http.Request) (*http.Response, error) {
			return responseWith(401, `{"code":"unauthenticated"}`), nil
		}, func(err error) bool { return errors.Is(err, ErrUnauthenticated) }},
		"another petition": {func(*http.Request) (*http.Response, error) {
			return streaming(strings.NewReader(everywhere("event: petition\nid: %s\ndata: " + petitionText(named("other"), granted) + "\n\n"))), nil
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "mixes up answers") }},
		"another digest": {func(*http.Request) (*http.Response, error) {
			var text strings.Builder
			for i := range 10 {
				fmt.Fprintf(&text, "event: petition\nid: %s\ndata: %s\n\n", nameOf(i), petitionText(named(nameOf(i)), granted, func(p *Petition) { p.Digest = "sha256:11" }))
			}
			return streaming(strings.NewReader(text.String())), nil
		}, func(err error) bool { return err != nil && strings.Contains(err.Error(), "another digest") }},
		"nothing, because a proxy keeps it back": {func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}, func(err error) bool { return err == nil }},
		"a page":                   {func(*http.Request) (*http.Response, error) { return responseWith(200, "<html>"), nil }, func(err error) bool { return err == nil }},
		"a server without streams": {func(*http.Request) (*http.Response, error) { return responseWith(405, ""), nil }, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				shared, alone := 0, 0
				for _, err := range waitTogether(t, 10, c.stream) {
					if c.want(err) {
						shared++
					} else if err == nil {
						alone++ // the first few waited for themselves
					} else {
						t.Error(err)
					}
				}
				if alone > few || shared == 0 {
					t.Errorf("%d as wanted, %d granted by themselves", shared, alone)
				}
			})
		})
	}
}

// A stream that breaks is set up again, and nobody waits longer for it than its pause.
func TestAStreamThatBreaksIsSetUpAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		began := time.Now()
		for _, err := range waitTogether(t, 10, func(*http.Request) (*http.Response, error) {
			switch tries++; tries {
			case 1:
				return nil, io.ErrUnexpectedEOF
			case 2:
				return responseWith(503, `{"code":"unavailable"}`), nil
			case 3:
				return streaming(strings.NewReader("retry: 1000\n\n: alive\n\n")), nil // ends at once, without "end"
			}
			var text strings.Builder
			for i := range 10 {
				fmt.Fprintf(&text, "event: petition\nid: %s\ndata: %s\n\n", nameOf(i), petitionText(named(nameOf(i)), granted))
			}
			return streaming(strings.NewReader(text.String() + "event: end\ndata: {}\n\n")), nil
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if tries != 4 || time.Since(began) > 25*time.Second {
			t.Errorf("%d tries, %s", tries, time.Since(began))
		}
	})
}
