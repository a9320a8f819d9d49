package approval

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// News is what [Service.AwaitPetitions] tells: petitions that are not open, and names that no petition has.
type News struct {
	Decided []Petition
	Missing []string
}

// longestAwaiting ends a stream now and then, so that its client comes back to whatever node has room.
const longestAwaiting = 10 * time.Minute

// decidedAtOnce bounds how many petitions are held in memory to be told.
const decidedAtOnce = 100

// AwaitPetitions tells of each named petition once, the moment it is not open, and answers how many were not told of when
// it ended: 0, unless ctx, the server or the time of one such call ended first. idle is called when the first look is
// done, and every 15 s. It costs the memory of the names: no petition is kept while it waits. Once it has begun an outage
// of storage is waited out, for as long as anybody waits; tell may answer Unavailable before it has told of anything, and
// is called again later.
func (s *Service) AwaitPetitions(ctx context.Context, a Actor, names []string, tell func(News) error, idle func() error) (left int, err error) {
	if err := a.require(ReadPetitions); err != nil {
		return 0, err
	}
	if len(names) == 0 || len(names) > MaxAwaited {
		return 0, FieldError("names", "must be 1 to %d names of petitions", MaxAwaited)
	}
	for _, name := range names {
		if err := checkName("names", name); err != nil {
			return 0, err
		}
	}
	w := &awaiting{s: s, space: a.Space, prefix: petitionTopic(a.Space, ""), open: make(map[string]string, len(names)), hints: s.Broker.Gather(), tell: tell}
	defer w.end()
	w.begin(names)
	if err := w.lookAtAll(ctx); err != nil || len(w.open) == 0 {
		return 0, err
	}
	if err := idle(); err != nil {
		return len(w.open), err
	}
	err = w.run(ctx, idle)
	return len(w.open), err
}

// awaiting is the waiting for many petitions on one connection.
type awaiting struct {
	s      *Service
	space  string
	prefix string
	// open has the topic of each petition that was not told of, by name; a name is a part of its topic's text.
	open  map[string]string
	hints Gathering
	tell  func(News) error
}

// begin subscribes to all, before any is read, so that no decision falls between.
func (w *awaiting) begin(names []string) {
	for _, name := range names {
		topic := w.prefix + name
		name = topic[len(w.prefix):]
		if _, twice := w.open[name]; !twice {
			w.open[name] = topic
			w.hints.Add(topic)
		}
	}
}

func (w *awaiting) end() {
	for _, topic := range w.open {
		w.hints.Remove(topic)
	}
}

// run tells what is decided until all is, or it must end.
func (w *awaiting) run(ctx context.Context, idle func() error) error {
	limit, stop := w.s.Clock.After(longestAwaiting)
	defer stop()
	alive := newPulse(w.s.Clock, heartbeat)
	defer alive.end()
	poll := newPulse(w.s.Clock, w.s.WaitPoll)
	defer poll.end()
	away := &outage{clock: w.s.Clock}
	defer away.end()
	for len(w.open) > 0 {
		var err error
		polled := false
		select {
		case <-w.hints.Hints():
			err = w.lookAtHinted(ctx, away.pause > 0)
		case <-poll.beat:
			polled, err = true, w.lookAtAll(ctx)
		case <-alive.beat:
			alive.again()
			if err := idle(); err != nil {
				return err
			}
			continue
		case <-limit:
			return nil
		case <-ctx.Done():
			return nil
		case <-w.s.Broker.Done():
			return nil
		}
		if err := away.bear(err); err != nil {
			return err
		}
		if every := cmp.Or(away.pause, w.s.WaitPoll); polled || every != poll.every {
			poll.every = every
			poll.again()
		}
	}
	return nil
}

// lookAtHinted looks at those whose topics were published, or at all if hints were lost or taken in vain.
func (w *awaiting) lookAtHinted(ctx context.Context, all bool) error {
	topics, lost := w.hints.Take()
	if lost || all {
		return w.lookAtAll(ctx)
	}
	var names []string
	for _, topic := range topics {
		if name := strings.TrimPrefix(topic, w.prefix); w.open[name] != "" {
			names = append(names, name)
		}
	}
	return w.look(ctx, names, nil)
}

// lookAtAll reads the phases of all, and only of those that are not open the petition.
func (w *awaiting) lookAtAll(ctx context.Context) error {
	names := make([]string, 0, len(w.open))
	for name := range w.open {
		names = append(names, name)
	}
	for chunk := range slices.Chunk(names, MaxBulk) {
		phases, err := w.s.Store.PhasesByName(ctx, w.space, chunk)
		if err != nil {
			return err
		}
		var changed, missing []string
		for _, name := range chunk {
			switch phase, exists := phases[name]; {
			case !exists:
				missing = append(missing, name)
			case phase != Open:
				changed = append(changed, name)
			}
		}
		if err := w.look(ctx, changed, missing); err != nil {
			return err
		}
	}
	return nil
}

// look reads petitions and tells of those that are not open.
func (w *awaiting) look(ctx context.Context, names, missing []string) error {
	news := News{Missing: missing}
	for chunk := range slices.Chunk(names, decidedAtOnce) {
		petitions, err := w.s.petitionsByName(ctx, w.space, chunk)
		if err != nil {
			return err
		}
		news.Decided = slices.DeleteFunc(petitions, func(p Petition) bool { return p.Phase == Open })
		if err := w.told(news); err != nil {
			return err
		}
		news = News{}
	}
	return w.told(news)
}

// told tells, and forgets what was told.
func (w *awaiting) told(news News) error {
	if len(news.Decided) == 0 && len(news.Missing) == 0 {
		return nil
	}
	if err := w.tell(news); err != nil {
		return err
	}
	for i := range news.Decided {
		w.forget(news.Decided[i].Name)
	}
	for _, name := range news.Missing {
		w.forget(name)
	}
	return nil
}

func (w *awaiting) forget(name string) {
	w.hints.Remove(w.open[name])
	delete(w.open, name)
}

// petitionsByName answers the petitions as they are now, see [Service.load].
func (s *Service) petitionsByName(ctx context.Context, space string, names []string) ([]Petition, error) {
	petitions, err := s.Store.PetitionsByName(ctx, space, names)
	if err != nil {
		return nil, err
	}
	for i := range petitions {
		if _, late := petitions[i].overdue(s.Clock.Now()); late {
			if petitions[i], err = s.load(ctx, space, petitions[i].Name); err != nil {
				return nil, err
			}
		}
	}
	return petitions, nil
}
