package indent

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// few is how many waits at once have a connection each; more of them share some.
	few = 4
	// mostAsking is how many petitions are made at once.
	mostAsking = 32
	// gatherFor is how long the names of new waits are gathered before they go on a stream of their own.
	gatherFor = 50 * time.Millisecond
	// growth is how much larger than what is new a stream may be to become one with it: streams are few, as each is several
	// times as large as the next one, and a name moves seldom, as what it moves to is larger by a good part.
	growth = 3
	// mostNames is how many petitions one stream may wait for.
	mostNames = 10_000
	// firstWord is after how long a server that says nothing counts as behind something that keeps back what it says: it
	// speaks at once when it attends to all.
	firstWord = 10 * time.Second
	// oldFor is how long a server that knows no streams is not asked for one again.
	oldFor = time.Minute
)

// crowd is all who wait for decisions of one space of one server with one token.
type crowd struct {
	c      *Client // for the streams; all who share a crowd have the same settings
	asking chan struct{}

	mu      sync.Mutex
	size    int
	seats   map[string][]*seat
	where   map[string]*shared // the stream that a name is on
	fresh   []string           // names that are on none yet
	opening bool
	streams map[*shared]struct{}
	old     time.Time // until when the server counts as one without streams
}

// crowds are those of clients without a transport of their own: Await makes a client for each call.
var crowds = struct {
	sync.Mutex
	of map[settings]*crowd
}{of: map[settings]*crowd{}}

// seat is the place of one wait in its crowd.
type seat struct {
	crowd *crowd
	name  string // "" until it is on a stream, or will be
	news  chan news
}

// news is the text of a petition that is not open, or why none will come.
type news struct {
	text []byte
	err  error
}

// errAlone says that there are no streams here: each waits for itself.
var errAlone = errors.New("the server has no streams of petitions")

func newCrowd(c *Client) *crowd {
	return &crowd{c: c, asking: make(chan struct{}, mostAsking), seats: map[string][]*seat{}, where: map[string]*shared{}, streams: map[*shared]struct{}{}}
}

// enter counts a wait.
func (c *Client) enter() *seat {
	crowds.Lock()
	defer crowds.Unlock()
	in := c.own
	if in == nil {
		if in = crowds.of[c.settings]; in == nil {
			in = newCrowd(c)
			crowds.of[c.settings] = in
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	in.size++
	return &seat{crowd: in, news: make(chan news, 1)}
}

// leave ends a wait; a stream that nobody needs any more ends with it.
func (s *seat) leave() {
	crowds.Lock()
	defer crowds.Unlock()
	in := s.crowd
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.size--; in.size == 0 && crowds.of[in.c.settings] == in {
		delete(crowds.of, in.c.settings)
	}
	if s.name == "" {
		return
	}
	in.seats[s.name] = slices.DeleteFunc(in.seats[s.name], func(other *seat) bool { return other == s })
	if len(in.seats[s.name]) == 0 {
		in.forget(s.name)
	}
}

// forget is called with the lock held.
func (in *crowd) forget(name string) {
	delete(in.seats, name)
	if on := in.where[name]; on != nil {
		delete(in.where, name)
		if delete(on.names, name); len(on.names) == 0 {
			on.end()
		}
	}
}

// shares answers whether the wait should be on a stream.
func (s *seat) shares(name string) bool {
	in := s.crowd
	in.mu.Lock()
	defer in.mu.Unlock()
	return s.name != "" || in.size > few && isUUID(name) && time.Now().After(in.old)
}

func isUUID(name string) bool {
	return len(name) == 36 && !strings.ContainsFunc(name, func(r rune) bool { return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'f') })
}

// taken answers whether the wait is on a stream, or soon will be.
func (s *seat) taken() bool {
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	return s.name != ""
}

// queue waits for a place among those whom the server is asked for at once; served gives it back.
func (s *seat) queue(ctx context.Context, atMost time.Duration) error {
	select {
	case s.crowd.asking <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(max(atMost, 0))
	defer timer.Stop()
	select {
	case s.crowd.asking <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return errCrowded
	}
}

func (s *seat) served() { <-s.crowd.asking }

// errCrowded is the end of a time that was spent in a queue.
var errCrowded = errors.New("this process asks for so much at once that the time was up before its turn: allow more time, or ask for less at once")

// wait waits on a stream for at most so long; no news and no error means that nothing has happened.
func (s *seat) wait(ctx context.Context, name string, patience time.Duration) ([]byte, error) {
	select {
	case n := <-s.news:
		return n.text, n.err
	default:
	}
	s.sit(name)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case n := <-s.news:
		return n.text, n.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
	}
	s.crowd.mu.Lock()
	defer s.crowd.mu.Unlock()
	if on := s.crowd.where[name]; on != nil {
		return nil, on.trouble
	}
	return nil, nil
}

func (s *seat) sit(name string) {
	in := s.crowd
	in.mu.Lock()
	defer in.mu.Unlock()
	if s.name != "" {
		return
	}
	s.name = name
	in.seats[name] = append(in.seats[name], s)
	if len(in.seats[name]) > 1 {
		return // somebody waits for it already
	}
	in.fresh = append(in.fresh, name)
	if !in.opening {
		in.opening = true
		time.AfterFunc(gatherFor, in.open)
	}
}

// open sets up a stream for the names that were gathered, and for those of streams that are not much larger.
func (in *crowd) open() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.opening = false
	names := slices.DeleteFunc(in.fresh, func(name string) bool { return in.seats[name] == nil || in.where[name] != nil })
	in.fresh = nil
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return
	}
	smallestFirst := func(a, b *shared) int { return len(a.names) - len(b.names) }
	for _, s := range slices.SortedFunc(maps.Keys(in.streams), smallestFirst) {
		if len(s.names) > growth*len(names) || len(s.names)+len(names) > mostNames {
			break
		}
		names = slices.AppendSeq(names, maps.Keys(s.names))
		s.end()
		delete(in.streams, s)
	}
	for chunk := range slices.Chunk(names, mostNames) {
		in.begin(chunk)
	}
}

// begin is called with the lock held.
func (in *crowd) begin(names []string) {
	ctx, cancel := context.WithCancel(context.Background())
	s := &shared{in: in, end: cancel, names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		in.where[name] = s
		s.names[name] = struct{}{}
	}
	in.streams[s] = struct{}{}
	go s.run(ctx)
}

// tell hands news to all who wait for the petition.
func (in *crowd) tell(name string, n news) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.seats[name] {
		s.name = ""
		select {
		case s.news <- n:
		default: // it has not read yet what it was told before
		}
	}
	in.forget(name)
}

// shared is one stream that many wait on.
type shared struct {
	in  *crowd
	end context.CancelFunc
	// guarded by in.mu:
	names   map[string]struct{} // that it waits for
	trouble error               // why it broke, nil while it stands
}

// run keeps the stream up until all its names are told of, or wanted by nobody, or on another stream.
func (s *shared) run(ctx context.Context) {
	defer s.over()
	for setbacks := 0; ctx.Err() == nil; setbacks++ {
		stood, err := s.read(ctx, s.left())
		if stood {
			setbacks = 0
		}
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !temporary(err, setbacks):
			s.giveUp(err)
			return
		}
		s.note(err)
		if s.in.c.sleep(ctx, s.in.c.setback(setbacks, err)) != nil {
			return
		}
	}
}

func (s *shared) over() {
	s.end()
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	delete(s.in.streams, s)
}

// left answers the names that it still waits for.
func (s *shared) left() []string {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	return slices.Sorted(maps.Keys(s.names))
}

func (s *shared) note(trouble error) {
	s.in.mu.Lock()
	defer s.in.mu.Unlock()
	s.trouble = trouble
}

// giveUp tells all on the stream why it cannot be: who may not is told so; otherwise each waits for itself.
func (s *shared) giveUp(err error) {
	if !errors.Is(err, ErrUnauthenticated) && !errors.Is(err, ErrForbidden) {
		err = errAlone
		s.in.mu.Lock()
		s.in.old = time.Now().Add(oldFor)
		s.in.mu.Unlock()
	}
	for _, name := range s.left() {
		s.in.tell(name, news{err: err})
	}
}

// read connects and tells what comes until the connection ends. stood says that the server had begun to answer.
func (s *shared) read(ctx context.Context, names []string) (stood bool, err error) {
	c := s.in.c
	content, err := encode(map[string]any{"names": names})
	if err != nil {
		return false, err
	}
	alive, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(firstWord, func() { cancel(errSilent) })
	defer watchdog.Stop()
	one := call{method: "POST", path: c.inSpace("/petitions:wait"), header: map[string]string{"Accept": "text/event-stream", "Cache-Control": "no-store"}}
	response, err := c.send(alive, one, content)
	if err == nil {
		defer response.Body.Close()
		switch kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); {
		case response.StatusCode != http.StatusOK:
			body, _ := readLimited(response.Body, mostBytes)
			return false, c.refusal(response, body)
		case kind != "text/event-stream":
			return false, errAlone
		}
		err = s.messages(&watched{response.Body, watchdog}, func() { stood = true; s.note(nil) })
	}
	switch {
	case err == nil:
		return stood, nil
	case !stood && errors.Is(context.Cause(alive), errSilent):
		return false, errAlone
	}
	return stood, c.networkError(ctx, err)
}

// messages reads lines that say `event:`, `id:` and `data:`, ended by an empty one.
func (s *shared) messages(r io.Reader, begun func()) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, mostMessage)
	kind, name, data := "", "", bytes.Buffer{}
	for scanner.Scan() {
		begun()
		field, value, _ := strings.Cut(scanner.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case scanner.Text() == "":
			s.message(kind, name, bytes.Clone(data.Bytes()))
			kind, name = "", ""
			data.Reset()
		case field == "event":
			kind = value
		case field == "id":
			name = value
		case field == "data":
			data.WriteString(value)
		}
		if data.Len() > mostMessage {
			return tooLarge
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return tooLarge
	}
	return scanner.Err()
}

func (s *shared) message(kind, name string, data []byte) {
	switch kind {
	case "petition":
		s.in.tell(name, news{text: data})
	case "problem":
		s.in.tell(name, news{err: s.in.c.problem(data)})
	}
}
