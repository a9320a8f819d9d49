package indent

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func streamOf(text string) step {
	return answer(200, text, "Content-Type", "text/event-stream")
}

func TestAStreamGoesOnBehindTheLastEventThatWasSeen(t *testing.T) {
	t.Parallel()
	d := startDouble(t,
		streamOf(": hello\nid: 1.4\n\n"), // the log's place alone
		drop,
		streamOf("id: 1.5\ndata: {\"event\":\"access/request\",\ndata: \"id\":\"a\"}\n\nid: 1.6\ndata: {\"event\":\"cut off"),
		problem(503, "unavailable", "restarting"),
		streamOf("id: 1.6\r\ndata: {\"event\":\"access/approve\",\"id\":\"b\"}\r\n\r\n"))
	client, _ := d.client(t)
	var got []string
	for e, err := range client.Follow(t.Context(), FollowOptions{Petition: testName}) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e.ID+" "+e.Cursor)
		if len(got) == 2 {
			break
		}
	}
	if strings.Join(got, ",") != "a 1.5,b 1.6" {
		t.Errorf("got %v", got)
	}
	var resumed []string
	for _, call := range d.calls() {
		resumed = append(resumed, call.header.Get("Last-Event-ID"))
	}
	if strings.Join(resumed, ",") != ",1.4,1.4,1.5,1.5" {
		t.Errorf("resumed behind %v", resumed)
	}
}

func TestAStreamThatCannotGoOnSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []step
		calls int
	}{
		"forbidden":         {[]step{problem(403, "forbidden", "no")}, 1},
		"no stream":         {[]step{answer(200, `{}`)}, 3},
		"away":              {[]step{problem(503, "unavailable", "x")}, 3},
		"a malformed event": {[]step{streamOf("data: {}\n\n")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDouble(t, c.steps...)
			client, _ := d.client(t)
			events, failures := 0, 0
			for _, err := range client.Follow(t.Context(), FollowOptions{}) {
				if err != nil {
					failures++
				} else {
					events++
				}
			}
			if events != 0 || failures != 1 || len(d.calls()) > c.calls {
				t.Errorf("%d events and %d errors after %d calls", events, failures, len(d.calls()))
			}
		})
	}
}

func TestAStreamBeginsOnlyAtACursor(t *testing.T) {
	t.Parallel()
	d := startDouble(t, streamOf(""))
	client, _ := d.client(t)
	for _, err := range client.Follow(t.Context(), FollowOptions{After: "1.2\r\nX: y"}) {
		if !errors.Is(err, ErrInvalid) || len(d.calls()) != 0 {
			t.Errorf("got %v", err)
		}
	}
}

func TestASilentStreamIsSetUpAgainAndAContextEndsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		client := virtualClient(t, func(r *http.Request) (*http.Response, error) {
			connections++
			reader, writer := io.Pipe()
			go func() {
				_, _ = io.WriteString(writer, ": hello\n\n")
				<-r.Context().Done()
				_ = writer.CloseWithError(context.Cause(r.Context()))
			}()
			return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: reader}, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		for _, err := range client.Follow(ctx, FollowOptions{}) {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		}
		if connections != 3 {
			t.Errorf("%d connections in two minutes of silence", connections)
		}
	})
}

func TestAnEventThatIsTooLargeIsNotKept(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"in one line":    "data: " + strings.Repeat("x", mostMessage),
		"in many  lines": strings.Repeat("data: "+strings.Repeat("x", 1<<20)+"\n", 9),
	} {
		s := &stream{}
		err := s.lines(strings.NewReader(text), func(FollowedEvent, error) bool { return true })
		if err != tooLarge {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzStreamsNeverFail(f *testing.F) {
	f.Add("id: 1\ndata: {\"event\":\"x\"}\n\n: comment\n\ndata\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := &stream{}
		_ = s.lines(strings.NewReader(text), func(e FollowedEvent, err error) bool {
			if e.Event.Event == "" || err != nil {
				t.Errorf("%q yields %+v, %v", text, e, err)
			}
			return true
		})
		if s.cursor != "" && !isVisible(s.cursor, 200) {
			t.Errorf("%q leaves the cursor %q", text, s.cursor)
		}
	})
}

func FuzzAnswersNeverFail(f *testing.F) {
	f.Add(`{"name":"a","spaceName":"b","state":{"status":{"phase":"open"}},"defaultDuration":"1s"}`)
	f.Fuzz(func(t *testing.T, text string) {
		var p Petition
		if decode([]byte(text), &p) == nil && (p.Name == "" || p.Phase() == "") {
			t.Errorf("%q is taken for a petition", text)
		}
	})
}
