package store

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// BenchmarkCommit answers how many durable changes a second each engine takes, by how many callers there are at once: petitions
// that are made, and petitions that are made and granted (two commits each).
// PostgreSQL takes part when INDENT_TEST_POSTGRES names a server.
func BenchmarkCommit(b *testing.B) {
	for engine, url := range engines() {
		for _, callers := range []int{1, 64, 256} {
			for work, decide := range map[string]bool{"create": false, "create+decide": true} {
				b.Run(fmt.Sprintf("%s/%s/%d", engine, work, callers), func(b *testing.B) {
					run(b, openStore(b, Options{URL: url(b), Conns: 32}), callers, decide)
				})
			}
		}
	}
}

// engines are those that can be measured here.
func engines() map[string]func(testing.TB) string {
	list := map[string]func(testing.TB) string{"sqlite": sqliteURL}
	if os.Getenv(postgresVariable) != "" {
		list["postgres"] = postgresURL
	}
	return list
}

func run(b *testing.B, s approval.Store, callers int, decide bool) {
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	took := make([][]time.Duration, callers)
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			for range work {
				begun := time.Now()
				p := storetest.NewPetition("acmecorp")
				if err := s.Commit(b.Context(), storetest.Create(p)); err != nil {
					b.Error(err)
				}
				if decide {
					_, change := storetest.Decide(p, approval.Resource{ID: "bob@acmecorp.example", Kind: approval.KindUser})
					if err := s.Commit(b.Context(), change); err != nil {
						b.Error(err)
					}
				}
				took[i] = append(took[i], time.Since(begun))
			}
		})
	}
	all.Wait()
	b.StopTimer()
	each := slices.Concat(took...)
	slices.Sort(each)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "done/s")
	b.ReportMetric(each[len(each)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(each[len(each)*99/100].Seconds()*1000, "p99-ms")
}

// BenchmarkLists answers what a page costs among many petitions: INDENT_BENCH_PETITIONS of them, 10,000 by default.
func BenchmarkLists(b *testing.B) {
	many, _ := strconv.Atoi(cmp.Or(os.Getenv("INDENT_BENCH_PETITIONS"), "10000"))
	label := approval.Selector{{Key: "team", Operator: approval.In, Values: []string{"t7"}}}
	queries := []struct {
		name string
		q    approval.PetitionQuery
	}{
		{"newest", approval.PetitionQuery{}},
		{"open", approval.PetitionQuery{Phases: []approval.Phase{approval.Open}}},
		{"petitioner", approval.PetitionQuery{Petitioner: "person7"}},
		{"label", approval.PetitionQuery{Selector: label}},
		{"rare word", approval.PetitionQuery{Words: []string{"rare77"}}},
		{"common word", approval.PetitionQuery{Words: []string{"support"}}},
		{"two words", approval.PetitionQuery{Words: []string{"support", "word77"}}},
		{"short prefix", approval.PetitionQuery{Words: []string{"w"}}},
		{"two short prefixes", approval.PetitionQuery{Words: []string{"w", "rar"}}},
		{"words never together", approval.PetitionQuery{Words: []string{"rare77", "word78"}}},
		{"rare word in phase", approval.PetitionQuery{Words: []string{"rare77"}, Phases: []approval.Phase{approval.Open}}},
		{"not labelled", approval.PetitionQuery{Selector: approval.Selector{{Key: "team", Operator: approval.DoesNotExist}}}},
	}
	for engine, url := range engines() {
		s := openStore(b, Options{URL: url(b)})
		populate(b, s, many)
		for _, c := range queries {
			c.q.Space = "acmecorp"
			for _, page := range []string{"first", "next"} {
				b.Run(fmt.Sprintf("%s/%s/%s", engine, c.name, page), func(b *testing.B) {
					q := c.q
					if page == "next" {
						q.Page.Token = approval.PageKey{Number: int64(many / 2)}.Token()
					}
					for b.Loop() {
						if _, err := s.Petitions(b.Context(), q); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkLog answers what a page of the log costs among the events of as many petitions as BenchmarkLists makes.
func BenchmarkLog(b *testing.B) {
	many, _ := strconv.Atoi(cmp.Or(os.Getenv("INDENT_BENCH_PETITIONS"), "10000"))
	for engine, url := range engines() {
		s := openStore(b, Options{URL: url(b)})
		populate(b, s, many)
		page, err := s.Events(b.Context(), approval.EventQuery{Space: "acmecorp", Page: approval.PageRequest{Size: 1}})
		if err != nil {
			b.Fatal(err)
		}
		last := page.Items[0]
		for name, q := range map[string]approval.EventQuery{
			"newest": {}, "petition": {Petition: last.Petition()}, "actor": {Actor: last.Actor.ID}, "event": {Event: approval.EventDeny},
			"since": {Since: last.Timestamp.Add(time.Hour)}, "until": {Until: last.Timestamp.Add(-time.Hour)},
		} {
			q.Space = "acmecorp"
			b.Run(engine+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := s.Events(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// populate makes petitions of which one in a thousand is open, each with one of a thousand words and one in a thousand
// with a word of its own.
func populate(b testing.TB, s approval.Store, many int) {
	b.Helper()
	numbers := make(chan int, 1024)
	var all sync.WaitGroup
	for range 128 {
		all.Go(func() {
			for i := range numbers {
				p := storetest.NewPetition("acmecorp")
				p.Reason += fmt.Sprint(" word", i%1000)
				if i%1000 == 77 {
					p.Reason += fmt.Sprint(" rare", i/1000)
				}
				p.CreatedBy.ID = fmt.Sprint("person", i%1000)
				p.Labels["team"] = fmt.Sprint("t", i%1000)
				if i%1000 != 0 {
					p.Phase = approval.Closed
				}
				if err := s.Commit(b.Context(), storetest.Create(p)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for i := range many {
		numbers <- i
	}
	close(numbers)
	all.Wait()
}
