package store

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// A sample of a million petitions: all are of the space and say support, one in two is of team a, one in ten of team b,
// one in fifty says monthly. None of the sample says what is rare.
func sampleOfAMillion() *sample {
	s := &sample{petitions: 1_000_000}
	for i := range 200 {
		labels := map[string]string{}
		if i%2 == 0 {
			labels["team"] = "a"
		} else if i%10 == 1 {
			labels["team"] = "b"
		}
		words := []string{"support", fmt.Sprint("ticket", i)}
		if i%50 == 0 {
			words = append(words, "monthly")
		}
		if i%4 == 1 {
			words = append(words, "quarter")
		}
		s.words = append(s.words, " "+wordsOf("acmecorp", words, []string{"ada"}, labels)+" ")
	}
	return s
}

// What the index gathers is rare, what is found soon is walked to, and nobody walks to what is not there.
func TestApproach(t *testing.T) {
	t.Parallel()
	open, closed := []approval.Phase{approval.Open}, []approval.Phase{approval.Closed}
	for _, c := range []struct {
		words, selector string
		petitioner      string
		phases          []approval.Phase
		space           string // acmecorp, unless it says otherwise
		walk            int
		ask             string // of the index, in short
	}{
		{words: "rare", ask: "rare*"},
		{words: "rare", phases: closed, ask: "rare*"},
		{words: "rare support", ask: "rare*"},
		{words: "support rare ticket", petitioner: "ada", ask: "rare*"},
		{words: "rare", petitioner: "bob", ask: "rare* AND ¶"},
		{words: "monthly", walk: 5000, ask: "monthly*"},
		{words: "support", walk: 5000, ask: "support*"},
		{words: "support monthly", walk: 5000, ask: "monthly*"},
		{words: "quarter", selector: "team=a", walk: 5000, ask: "quarter* AND •"}, // never together: both
		{words: "rare", phases: open, walk: 10_000, ask: "rare*"},
		{selector: "team=b", ask: "•"},
		{selector: "team", ask: "°"},
		{petitioner: "ada", ask: "¶"},
		{selector: "team!=b", walk: 5000, ask: "§ NOT •"},
		{selector: "!team", walk: 5000, ask: "§ NOT °"},
		{space: "small", selector: "!team", ask: "§ NOT °"},
		{space: "small", words: "support", ask: "§"},
		{space: "small", words: "rare", ask: "rare* AND §"},
	} {
		q := approval.PetitionQuery{Space: cmp.Or(c.space, "acmecorp"), Phases: c.phases, Page: approval.PageRequest{Size: 50}}
		selector, err := approval.ParseSelector("", c.selector)
		if err != nil {
			t.Fatal(err)
		}
		conditions, _ := conditionsOf(strings.Fields(c.words), c.petitioner, selector)
		l := petitionLister{Store: &Store{dialect: sqliteDialect, walks: usualWalks}, query: q, conditions: conditions}
		a := l.approach(sampleOfAMillion())
		if got := inShort(a.ask); a.walk != c.walk || got != c.ask {
			t.Errorf("%+v: walks over %d and asks for %q", c, a.walk, got)
		}
	}
}

// inShort writes words as they are and of marks the sign.
func inShort(list []condition) string {
	var parts []string
	for _, c := range list {
		w := c.words[0]
		if c.prefix {
			w += "*"
		} else {
			w = string([]rune(w)[:1])
		}
		switch {
		case c.not:
			parts = append(parts, "NOT", w)
		case parts != nil:
			parts = append(parts, "AND", w)
		default:
			parts = append(parts, w)
		}
	}
	return strings.Join(parts, " ")
}

// A sample decides nothing but the way: it is taken from the first to the last petition, and again when there are more.
func TestSampleGrowsWithThePetitions(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{URL: sqliteURL(t)})
	taken, err := s.sample(t.Context())
	if err != nil || len(taken.words) != 0 {
		t.Fatalf("a sample of nothing has %d petitions (%v)", len(taken.words), err)
	}
	populate(t, s, 400)
	for range freshSample + 1 {
		if taken, err = s.sample(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	each, _ := taken.counts([]condition{inSpace("acmecorp"), inSpace("acme"), {words: []string{"word"}, prefix: true}, {words: []string{"word"}}})
	if want := []int{usualSample, 0, usualSample, 0}; !slices.Equal(each, want) || taken.petitions != 400 {
		t.Errorf("of a sample of %d petitions %v are of the space, of another, have a word that begins so, and that word", taken.petitions, each)
	}
}
