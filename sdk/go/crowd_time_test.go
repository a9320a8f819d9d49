package indent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// streams is a server that waits for many, on virtual time: it counts what it is asked.
type streams struct {
	t *testing.T
	// look answers GET, of an open petition when nil; stream answers what waits for these names.
	look   func(r *http.Request, name string) (*http.Response, error)
	stream func(r *http.Request, names []string) (*http.Response, error)

	mu               sync.Mutex
	open, most, told int // streams now, at most, and names in all requests
}

func (s *streams) client() *Client { return virtualClient(s.t, s.answer) }

func (s *streams) answer(r *http.Request) (*http.Response, error) {
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if name == "petitions:wait" {
		var asked struct{ Names []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			s.t.Error(err)
		}
		s.count(1, len(asked.Names))
		context.AfterFunc(r.Context(), func() { s.count(-1, 0) })
		return s.stream(r, asked.Names)
	}
	if s.look != nil {
		return s.look(r, name)
	}
	return afterWaiting(r, petitionText(named(name)))
}

func (s *streams) count(open, names int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += open
	s.most = max(s.most, s.open)
	s.told += names
}

// figures answers how many streams there were at most at once, and how many names were sent.
func (s *streams) figures() (most, told int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most, s.told
}

// silent is a stream that stands, gives signs of life, and tells nothing until its reader leaves.
func silent(r *http.Request, _ []string) (*http.Response, error) {
	return streaming(&breathing{ctx: r.Context()}), nil
}

type breathing struct {
	ctx   context.Context
	begun bool
}

func (b *breathing) Read(p []byte) (int, error) {
	if !b.begun {
		b.begun = true
		return copy(p, ": alive\n\n"), nil
	}
	select {
	case <-time.After(15 * time.Second):
		return copy(p, ": alive\n\n"), nil
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	}
}

// tells is a stream that tells of all as they are, and ends.
func tells(names []string, change ...func(*Petition)) *http.Response {
	var text strings.Builder
	for _, name := range names {
		fmt.Fprintf(&text, "event: petition\nid: %s\ndata: %s\n\n", name, petitionText(append(change, named(name))...))
	}
	return streaming(strings.NewReader(text.String() + "event: end\ndata: {}\n\n"))
}

// ended is how one wait came out, and after how long.
type ended struct {
	err   error
	after time.Duration
}

// atOnce lets so many wait at the same moment, and answers how each came out.
func atOnce(many int, wait func(i int) error) []ended {
	all := make([]ended, many)
	var waiting sync.WaitGroup
	for i := range all {
		waiting.Go(func() {
			began := time.Now()
			err := wait(i)
			all[i] = ended{err, time.Since(began)}
		})
	}
	waiting.Wait()
	return all
}

func nobodyIsLeft(t *testing.T, c *Client) {
	t.Helper()
	synctest.Wait()
	c.own.mu.Lock()
	defer c.own.mu.Unlock()
	if len(c.own.seats)+len(c.own.streams)+len(c.own.where)+c.own.size != 0 {
		t.Errorf("left: %d seats, %d streams, %d names, %d waits", len(c.own.seats), len(c.own.streams), len(c.own.where), c.own.size)
	}
}

// However long the server takes for the first look, the time is up when it is up.
func TestADeadlineIsKeptAmongMany(t *testing.T) {
	t.Parallel()
	const timeout = 10 * time.Second
	for took, latest := range map[time.Duration]time.Duration{0: timeout, 3 * time.Second: timeout, time.Hour: timeout + patienceGrace} {
		t.Run(took.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &streams{t: t, stream: silent, look: func(r *http.Request, name string) (*http.Response, error) {
					if r.URL.Query().Has("wait") {
						return afterWaiting(r, petitionText(named(name)))
					}
					if err := sleep(r.Context(), took); err != nil {
						return nil, err
					}
					return responseWith(200, petitionText(named(name))), nil
				}}
				c := s.client()
				for i, e := range atOnce(20, func(i int) error { _, err := c.Wait(t.Context(), nameOf(i), timeout); return err }) {
					if e.after > latest || e.err != nil && took < timeout {
						t.Errorf("%d ended after %s: %v", i, e.after, e.err)
					}
				}
				nobodyIsLeft(t, c)
			})
		})
	}
}

// Signs of life and the end of the time come to the moment also for those who share a stream.
func TestAmongManyEachHasItsOwnTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &streams{t: t, stream: silent}
		c := s.client()
		for i, e := range atOnce(20, func(i int) error {
			var lines strings.Builder
			_, err := c.Resume(t.Context(), nameOf(i), time.Duration(i+1)*time.Second, PrintProgress(&lines))
			if i+1 > 2 && !strings.Contains(lines.String(), "(2s elapsed)") {
				t.Errorf("%d: %s", i, lines.String())
			}
			return err
		}) {
			var timeout *TimeoutError
			if !errors.As(e.err, &timeout) || timeout.Err != nil || e.after != time.Duration(i+1)*time.Second {
				t.Errorf("%d ended after %s: %v", i, e.after, e.err)
			}
		}
		if most, _ := s.figures(); most == 0 {
			t.Error("nobody shared")
		}
		nobodyIsLeft(t, c)
	})
}

// Who is cancelled leaves at that moment; the others stay on the stream, and the last one takes it along.
func TestACancelledWaitLeavesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &streams{t: t, stream: silent}
		c := s.client()
		for i, e := range atOnce(20, func(i int) error {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Minute)
			defer cancel()
			_, err := c.Resume(ctx, nameOf(i), Forever, nil)
			return err
		}) {
			if !errors.Is(e.err, context.DeadlineExceeded) || e.after != time.Duration(i+1)*time.Minute {
				t.Errorf("%d ended after %s: %v", i, e.after, e.err)
			}
		}
		nobodyIsLeft(t, c)
	})
}

// Waits that come one after the other end up on few streams, without each of them being sent again and again.
func TestStreamsGrowByMerging(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const many = 400
		s := &streams{t: t, stream: silent}
		c := s.client()
		atOnce(many, func(i int) error {
			time.Sleep(time.Duration(i) * 2 * gatherFor)
			_, err := c.Wait(t.Context(), nameOf(i), many*2*gatherFor)
			return err
		})
		if most, told := s.figures(); most > 8 || told > 10*many {
			t.Errorf("%d streams at once, %d names sent", most, told)
		}
		nobodyIsLeft(t, c)
	})
}

// One petition that many wait for is asked for once, and all are told.
func TestManyWaitForOnePetition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &streams{t: t, stream: func(_ *http.Request, names []string) (*http.Response, error) {
			time.Sleep(time.Minute)
			return tells(names, granted), nil
		}}
		c := s.client()
		var shared atomic.Int32
		for i, e := range atOnce(20, func(int) error {
			p, err := c.Wait(t.Context(), testName, 5*time.Minute)
			if err == nil && p.Phase() == PhaseGranted {
				shared.Add(1)
			}
			return err
		}) {
			if e.err != nil {
				t.Errorf("%d: %v", i, e.err)
			}
		}
		if _, told := s.figures(); told != 1 || shared.Load() < 20-few {
			t.Errorf("%d names sent, %d told", told, shared.Load())
		}
		nobodyIsLeft(t, c)
	})
}

// A token that is revoked ends the waiting of all, when the stream is set up again.
func TestATokenThatEndsInTheMiddle(t *testing.T) {
	t.Parallel()
	for status, kind := range map[int]error{401: ErrUnauthenticated, 403: ErrForbidden} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var tries atomic.Int32
				s := &streams{t: t}
				s.stream = func(r *http.Request, _ []string) (*http.Response, error) {
					if tries.Add(1) > 1 {
						return responseWith(status, `{"message":"no more"}`), nil
					}
					return streaming(io.MultiReader(strings.NewReader(": alive\n\n"), lasting{r.Context(), time.Minute})), nil
				}
				s.look = func(r *http.Request, name string) (*http.Response, error) {
					if tries.Load() > 1 {
						return responseWith(status, `{"message":"no more"}`), nil
					}
					return afterWaiting(r, petitionText(named(name)))
				}
				c := s.client()
				for i, e := range atOnce(20, func(i int) error { _, err := c.Resume(t.Context(), nameOf(i), Forever, nil); return err }) {
					if !errors.Is(e.err, kind) || !errors.Is(e.err, ErrNotApproved) {
						t.Errorf("%d: %v", i, e.err)
					}
				}
				nobodyIsLeft(t, c)
			})
		})
	}
}

// lasting is the rest of a stream that ends after a time.
type lasting struct {
	ctx context.Context
	d   time.Duration
}

func (l lasting) Read([]byte) (int, error) {
	if err := sleep(l.ctx, l.d); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

// What keeps a stream back, or answers nonsense without an end, does not keep a decision back.
func TestADecisionArrivesWithoutAStream(t *testing.T) {
	t.Parallel()
	for name, stream := range map[string]func(*http.Request, []string) (*http.Response, error){
		"a proxy that keeps back the headers": func(r *http.Request, _ []string) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"a proxy that keeps back the events": func(r *http.Request, _ []string) (*http.Response, error) {
			return streaming(lasting{r.Context(), time.Hour}), nil
		},
		"a message without an end": func(*http.Request, []string) (*http.Response, error) {
			return streaming(&again{text: "data: " + strings.Repeat("x", 1<<16) + "\n"}), nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				decided := time.Now().Add(time.Minute)
				s := &streams{t: t, stream: stream}
				s.look = func(r *http.Request, name string) (*http.Response, error) {
					if wait, _ := time.ParseDuration(r.URL.Query().Get("wait")); time.Now().Add(wait).Before(decided) {
						return afterWaiting(r, petitionText(named(name)))
					}
					if err := sleep(r.Context(), time.Until(decided)); err != nil {
						return nil, err
					}
					return responseWith(200, petitionText(granted, named(name))), nil
				}
				c := s.client()
				for i, e := range atOnce(20, func(i int) error { _, err := c.Resume(t.Context(), nameOf(i), Forever, nil); return err }) {
					if e.err != nil || e.after > 2*time.Minute {
						t.Errorf("%d after %s: %v", i, e.after, e.err)
					}
				}
				nobodyIsLeft(t, c)
			})
		})
	}
}

// again is a text that is said again and again.
type again struct {
	text string
	at   int
}

func (a *again) Read(p []byte) (int, error) {
	n := copy(p, a.text[a.at:])
	a.at = (a.at + n) % len(a.text)
	return n, nil
}

// While the server is away the stream is tried as often as one who waits alone would.
func TestADecisionIsNoticedSoonAfterTheServerIsBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := time.Now().Add(56 * time.Second)
		away := func() error {
			if time.Now().Before(back) {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		s := &streams{t: t, stream: func(_ *http.Request, names []string) (*http.Response, error) {
			if err := away(); err != nil {
				return nil, err
			}
			return tells(names, granted), nil
		}}
		looked := map[string]bool{}
		s.look = func(_ *http.Request, name string) (*http.Response, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if !looked[name] {
				looked[name] = true
				return responseWith(200, petitionText(named(name))), nil
			}
			if err := away(); err != nil {
				return nil, err
			}
			return responseWith(200, petitionText(granted, named(name))), nil
		}
		c := s.client()
		for i, e := range atOnce(20, func(i int) error { _, err := c.Resume(t.Context(), nameOf(i), Forever, nil); return err }) {
			if e.err != nil || e.after > 56*time.Second+longestSetback {
				t.Errorf("%d after %s: %v", i, e.after, e.err)
			}
		}
		nobodyIsLeft(t, c)
	})
}

// A stream that breaks is the trouble of those who wait on it, and of nobody else.
func TestTheTroubleOfOneStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &streams{t: t, stream: func(r *http.Request, names []string) (*http.Response, error) {
			if len(names) < 20 {
				return responseWith(503, `{"code":"unavailable","message":"this one fails"}`), nil
			}
			return silent(r, names)
		}}
		c := s.client()
		for i, e := range atOnce(66, func(i int) error {
			if i >= 60 {
				time.Sleep(time.Second)
			}
			_, err := c.Resume(t.Context(), nameOf(i), 10*time.Second, nil)
			return err
		}) {
			var timeout *TimeoutError
			if !errors.As(e.err, &timeout) || (timeout.Err != nil) != (i >= 60) {
				t.Errorf("%d: %v", i, e.err)
			}
		}
		nobodyIsLeft(t, c)
	})
}
