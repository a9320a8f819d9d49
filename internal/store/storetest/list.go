package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func names(page approval.Page[approval.Petition]) []string {
	list := []string{}
	for _, p := range page.Items {
		list = append(list, p.Name)
	}
	return list
}

// petitionsAreSelected compares every combination of conditions with what a walk over all petitions finds.
func petitionsAreSelected(t *testing.T, k kit) {
	var all []approval.Petition
	for i := range 30 {
		p := k.create(t, func(p *approval.Petition) {
			p.Phase = approval.Phases[i%len(approval.Phases)]
			p.CreatedBy.ID = []string{"bot", "ada", "Ada"}[i%3]
			p.Petitioners[0].ID = []string{"bot", "eve"}[i/3%2]
			p.Labels = map[string]string{"all": "x"}
			if i%2 == 0 {
				p.Labels["even"] = []string{"a", "b", "A"}[i%3]
			}
			if i%5 == 0 {
				p.Labels["empty"] = ""
			}
		})
		all = append(all, p)
	}
	selectors := []string{"", "even", "!even", "even=a", "even!=a", "even in (a,b)", "even notin (a,b)", "empty=", "empty!=",
		"all=x", "all=x,even=b", "!empty,even in (a,A)", "nothing=a", "nothing!=a", "all=x,!all"}
	phases := [][]approval.Phase{nil, {approval.Open}, {approval.Granted, approval.Closed}}
	for _, selector := range selectors {
		for _, phase := range phases {
			for i, petitioner := range []string{"", "bot", "Ada", "nobody"} {
				for _, ascending := range [][]bool{{false, true}, {false}}[i/2] {
					q := approval.PetitionQuery{Space: k.space, Phases: phase, Petitioner: petitioner, Page: approval.PageRequest{Size: 200, Ascending: ascending}}
					q.Selector, _ = approval.ParseSelector("", selector)
					page, err := k.Petitions(t.Context(), q)
					if err != nil {
						t.Fatalf("%q %v %q: %v", selector, phase, petitioner, err)
					}
					if got, wanted := names(page), selected(all, q); !slices.Equal(got, wanted) {
						t.Fatalf("%q %v %q ascending %v: got %v, want %v", selector, phase, petitioner, ascending, got, wanted)
					}
				}
			}
		}
	}
}

func selected(all []approval.Petition, q approval.PetitionQuery) []string {
	list := []string{}
	for _, p := range all {
		asks := p.CreatedBy.ID == q.Petitioner || slices.ContainsFunc(p.Petitioners, func(r approval.Resource) bool { return r.ID == q.Petitioner })
		if (len(q.Phases) == 0 || slices.Contains(q.Phases, p.Phase)) && (q.Petitioner == "" || asks) && q.Selector.Matches(p.Labels) {
			list = append(list, p.Name)
		}
	}
	if !q.Page.Ascending {
		slices.Reverse(list)
	}
	return list
}

func labelsChange(t *testing.T, k kit) {
	p := k.create(t, func(p *approval.Petition) { p.Labels = map[string]string{"stays": "1", "goes": "1", "changes": "1"} })
	has := func(selector string, wanted bool) {
		t.Helper()
		s, _ := approval.ParseSelector("", selector)
		page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Selector: s})
		want(t, len(page.Items) == 1, err, wanted)
	}
	p.Labels = map[string]string{"stays": "1", "changes": "2", "comes": "1"}
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 1})
	has("stays=1,changes=2,comes=1", true)
	has("changes=1", false)
	has("goes", false)
	p.Phase = approval.Granted
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 2, SameLabels: true})
	has("stays=1,changes=2,comes", true)
	p.Labels = nil
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 3})
	has("stays", false)
	has("!stays,!comes", true)
	page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Words: []string{"reset"}, Petitioner: "quickstart"})
	want(t, names(page), err, []string{p.Name}) // all else that it is found by is as it was
}

// walk reads a list page by page.
func walk(t *testing.T, size int, read func(approval.PageRequest) ([]string, string, error), ascending bool) (pages [][]string) {
	t.Helper()
	request := approval.PageRequest{Size: size, Ascending: ascending}
	for {
		items, next, err := read(request)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, items)
		if next == "" {
			return pages
		}
		if len(items) != size {
			t.Fatalf("a page of %d of %d says that there are more", len(items), size)
		}
		request.Token = next
	}
}

func pagesOfPetitions(t *testing.T, k kit) {
	empty, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space})
	want(t, names(empty), err, []string{})
	var all []string
	for range 20 { // all at the same time: what was made later is newer
		all = append(all, k.create(t).Name)
	}
	reversed := slices.Clone(all)
	slices.Reverse(reversed)
	bot := "quickstart"
	selector, _ := approval.ParseSelector("", approval.LabelConfigID+"=space:"+k.space)
	for i, q := range []approval.PetitionQuery{{}, {Petitioner: bot}, {Words: []string{"reset"}}, {Selector: selector}, {Phases: []approval.Phase{approval.Open}}} {
		for _, ascending := range []bool{false, true} {
			for _, size := range []int{1, 7, 19, 20, 21}[i%2*2:] {
				q.Space = k.space
				pages := walk(t, size, func(r approval.PageRequest) ([]string, string, error) {
					q.Page = r
					page, err := k.Petitions(t.Context(), q)
					return names(page), page.Next, err
				}, ascending)
				wanted := reversed
				if ascending {
					wanted = all
				}
				want(t, slices.Concat(pages...), nil, wanted)
			}
		}
	}
	for _, q := range []approval.PageRequest{{Token: "no token"}, {Size: -1}, {Size: approval.MaxPageSize + 1}} {
		_, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Page: q})
		wantCode(t, err, approval.Invalid)
	}
}

// pagesWhileOthersWrite reads all pages while petitions are made and decided: what was there before and after is there
// once.
func pagesWhileOthersWrite(t *testing.T, k kit) {
	var before []approval.Petition
	for range 50 {
		before = append(before, k.create(t))
	}
	stop, stopped := make(chan struct{}), make(chan error, 2)
	go func() { stopped <- k.makeUntil(t, stop) }()
	go func() { stopped <- k.decideUntil(t, before, stop) }()
	for round := range 10 {
		seen := map[string]int{}
		for _, page := range walk(t, 7, func(r approval.PageRequest) ([]string, string, error) {
			page, err := k.Petitions(t.Context(), approval.PetitionQuery{Space: k.space, Page: r})
			return names(page), page.Next, err
		}, round%2 == 0 && round < 4) {
			for _, name := range page {
				seen[name]++
			}
		}
		for _, p := range before {
			if seen[p.Name] != 1 {
				t.Errorf("a petition was on %d pages, want 1", seen[p.Name])
			}
		}
	}
	close(stop)
	for range 2 {
		wantCode(t, <-stopped, "")
	}
}

func (k kit) makeUntil(t *testing.T, stop <-chan struct{}) error {
	for n := 0; n < 2000; n++ {
		select {
		case <-stop:
			return nil
		default:
		}
		if err := k.Commit(t.Context(), Create(NewPetition(k.space))); err != nil {
			return err
		}
	}
	return nil
}

func (k kit) decideUntil(t *testing.T, petitions []approval.Petition, stop <-chan struct{}) error {
	for _, p := range petitions {
		select {
		case <-stop:
			return nil
		default:
		}
		_, change := Decide(p, reviewer)
		if err := k.Commit(t.Context(), change); err != nil {
			return err
		}
	}
	return nil
}

func spacesAreSeparate(t *testing.T, k kit) {
	other := kit{k.Store, "also-" + k.space}
	p, q := k.create(t), other.create(t)
	_, err := k.Petition(t.Context(), k.space, q.Name)
	wantCode(t, err, approval.NotFound)
	selector, _ := approval.ParseSelector("", approval.LabelConfigID)
	for _, query := range []approval.PetitionQuery{{}, {Words: []string{"reset"}}, {Petitioner: "quickstart"}, {Selector: selector}} {
		query.Space = k.space
		page, err := k.Petitions(t.Context(), query)
		want(t, names(page), err, []string{p.Name})
	}
	q.Space = k.space // the same name in another space is another petition
	k.refuse(t, approval.Conflict, approval.PutPetition{Petition: &q, Expect: 1})
	events, err := k.Events(t.Context(), approval.EventQuery{Space: k.space})
	want(t, len(events.Items), err, 1)
	last, err := k.LastCursor(t.Context(), fmt.Sprint("no-", k.space))
	want(t, last, err, approval.Cursor{})
	k.commit(t, approval.PutResource{Resource: resourceNamed("a", "one")})
	_, err = k.Resource(t.Context(), other.space, "a")
	wantCode(t, err, approval.NotFound)
	things, err := k.Resources(t.Context(), approval.ResourceQuery{Space: other.space, Words: []string{"thing"}})
	want(t, len(things.Items), err, 0)
}
