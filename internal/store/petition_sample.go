package store

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// sample tells how frequent words are: it has the words of a few petitions, evenly from the first to the last of all
// spaces, as the index of words has them. It decides how a search goes about it, never what is found.
type sample struct {
	petitions int64    // how many there were
	words     []string // each with a blank before and behind it
	uses      atomic.Int64
}

// sampling keeps the sample.
type sampling struct {
	mu      sync.Mutex // of whoever takes one
	current atomic.Pointer[sample]
	size    int
}

const (
	// usualSample is enough to know a word of one petition in a hundred.
	usualSample = 256
	// mostOfWords bounds what is kept of a petition that has very many.
	mostOfWords = 4096
	// A sample is used so often for each of its petitions; and of no petitions, as many times as freshSample.
	usesOfEach, freshSample = 4, 16
)

// sample answers one that is not too old. It is taken anew after some searches, so that it costs each of them little.
func (s *Store) sample(ctx context.Context) (*sample, error) {
	old := s.samples.current.Load()
	if old != nil && old.uses.Add(1) <= int64(usesOfEach*len(old.words)+freshSample) {
		return old, nil
	}
	if !s.samples.mu.TryLock() {
		if old != nil {
			return old, nil // somebody takes another one
		}
		s.samples.mu.Lock()
	}
	defer s.samples.mu.Unlock()
	if made := s.samples.current.Load(); made != old {
		return made, nil
	}
	taken, err := s.takeSample(ctx)
	if err == nil {
		s.samples.current.Store(taken)
	}
	return taken, err
}

var selectLastPetition = sqlText(`SELECT seq FROM petitions ORDER BY seq DESC LIMIT 1`)

func (s *Store) takeSample(ctx context.Context) (*sample, error) {
	last, _, err := one(ctx, s, selectLastPetition, scanNumber)
	if err != nil {
		return nil, err
	}
	var c clause
	c.add("SELECT substr(words, 1, ", strconv.Itoa(mostOfWords), ") FROM petitions WHERE seq IN (")
	for i := range s.samples.size {
		if i > 0 {
			c.add(", ")
		}
		c.add(c.arg(1 + (last-1)*int64(i)/int64(max(1, s.samples.size-1))))
	}
	c.add(")")
	words, err := list(ctx, s, c.String(), c.args, func(rows *sql.Rows) (words string, err error) {
		err = rows.Scan(&words)
		return " " + words + " ", err
	})
	return &sample{petitions: last, words: words}, err
}

// counts answers how many petitions of the sample satisfy each condition, and how many all.
func (s *sample) counts(conditions []condition) (each []int, together int) {
	each = make([]int, len(conditions))
	for _, words := range s.words {
		all := true
		for i := range conditions {
			if conditions[i].holds(words) {
				each[i]++
			} else {
				all = false
			}
		}
		if all {
			together++
		}
	}
	return each, together
}

// share answers about how many petitions there are, if so many of the sample are such; of what the sample has not, half
// of what it would know.
func (s *sample) share(count int) float64 {
	return max(float64(count), 0.5) * float64(s.petitions) / float64(max(1, len(s.words)))
}

// holds answers what satisfies demands, of words with a blank before and behind each.
func (c *condition) holds(words string) bool {
	for _, w := range c.words {
		if strings.Contains(words, " "+w) && (c.prefix || strings.Contains(words, " "+w+" ")) {
			return !c.not
		}
	}
	return c.not
}
