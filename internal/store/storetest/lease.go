package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// leased grants a petition of the persons and resources, and answers it.
func (k kit) leased(t *testing.T, from, until time.Time, persons, resources []string) approval.Petition {
	t.Helper()
	p := k.create(t, func(p *approval.Petition) {
		p.Petitioners, p.Resources = nil, nil
		for _, id := range persons {
			p.Petitioners = append(p.Petitioners, approval.Resource{ID: id, Kind: approval.KindUser})
		}
		for _, id := range resources {
			p.Resources = append(p.Resources, approval.Resource{ID: id, Kind: "DB"})
		}
	})
	p.Phase, p.Grant = approval.Granted, &approval.Grant{StartTime: from, EndTime: until}
	k.commit(t, approval.PutPetition{Petition: &p, Expect: 1, SameLabels: true}, approval.PutLeases{Leases: p.Leases()})
	p.Version = 2
	return p
}

func (k kit) leases(t *testing.T, q approval.LeaseQuery) (list []string) {
	t.Helper()
	q.Space = k.space
	for {
		page, err := k.Leases(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page.Items {
			list = append(list, fmt.Sprintf("%s %s until %v", l.Person, l.Resource, l.EndTime.Sub(Start)))
		}
		if page.Next == "" {
			return list
		}
		q.Page.Token = page.Next
	}
}

// One lease for each pair, whatever its capitals, of one statement or of another; times to the microsecond, both ends of the
// interval.
func leasesHold(t *testing.T, k kit) {
	end := Start.Add(time.Hour)
	one := k.leased(t, Start, end, []string{"Ada"}, []string{"A"})
	many := k.leased(t, Start.Add(time.Minute), time.Time{}, []string{"bob", "ada", "Bob"}, []string{"a", `B"'Ü`, "a"})
	page, err := k.Leases(t.Context(), approval.LeaseQuery{Space: k.space, At: Start, Coming: true})
	want(t, page.Items, err, append(one.Leases(), many.Leases()...))
	want(t, len(page.Items), nil, 5)
	hour, ever := end.Sub(Start), time.Time{}.Sub(Start)
	ada := fmt.Sprintf("ada a until %v", hour)
	for _, c := range []struct {
		q    approval.LeaseQuery
		want []string
	}{
		{approval.LeaseQuery{At: Start.Add(-time.Microsecond)}, nil},
		{approval.LeaseQuery{At: Start}, []string{ada}},
		{approval.LeaseQuery{At: end.Add(-time.Microsecond), Persons: []string{"ada"}, Resources: []string{"a"}}, []string{ada, fmt.Sprintf("ada a until %v", ever)}},
		{approval.LeaseQuery{At: end, Persons: []string{"ada", "nobody"}, Resources: []string{"a"}}, []string{fmt.Sprintf("ada a until %v", ever)}},
		{approval.LeaseQuery{At: end, Resources: []string{`b"'ü`}}, []string{fmt.Sprintf(`bob b"'ü until %v`, ever), fmt.Sprintf(`ada b"'ü until %v`, ever)}},
		{approval.LeaseQuery{At: Start, Persons: []string{"nobody"}}, nil},
	} {
		if got := k.leases(t, c.q); !slices.Equal(got, c.want) {
			t.Errorf("%+v: got %q, want %q", c.q, got, c.want)
		}
	}
	other, err := k.Leases(t.Context(), approval.LeaseQuery{Space: "elsewhere", At: Start})
	want(t, len(other.Items), err, 0)
}

func leasesEnd(t *testing.T, k kit) {
	p := k.leased(t, Start, Start.Add(time.Hour), []string{"ada", "bob"}, []string{"a", "b"})
	other := k.leased(t, Start, time.Time{}, []string{"ada"}, []string{"a"})
	half := Start.Add(30 * time.Minute)
	k.commit(t, approval.EndLeases{Petition: p.Name, Persons: []string{"ada", "bob"}, At: half})
	want(t, len(k.leases(t, approval.LeaseQuery{At: half.Add(-time.Microsecond)})), nil, 5)
	want(t, k.leases(t, approval.LeaseQuery{At: half}), nil, []string{fmt.Sprintf("ada a until %v", time.Time{}.Sub(Start))})
	// To end again, later, brings nothing back.
	k.commit(t, approval.EndLeases{Petition: p.Name, Persons: []string{"ada", "bob"}, At: half.Add(time.Minute)})
	want(t, len(k.leases(t, approval.LeaseQuery{At: half})), nil, 1)
	// One that never began ends where it begins.
	k.commit(t, approval.EndLeases{Petition: other.Name, Persons: []string{"ada"}, At: Start})
	want(t, len(k.leases(t, approval.LeaseQuery{At: Start.Add(-time.Hour), Coming: true})), nil, 5)
	want(t, len(k.leases(t, approval.LeaseQuery{At: Start, Coming: true})), nil, 4)
	k.refuse(t, approval.Conflict, approval.PutLeases{Leases: p.Leases()[:1]}, approval.PutLeases{Leases: p.Leases()[:1]})
}

func pagesOfLeases(t *testing.T, k kit) {
	for i := range 7 {
		k.leased(t, Start, Start.Add(time.Duration(i/3)*time.Hour+time.Hour), []string{"ada", "bob"}, []string{"a", fmt.Sprint(i)})
	}
	all := k.leases(t, approval.LeaseQuery{At: Start, Page: approval.PageRequest{Size: 200}})
	want(t, len(all), nil, 28)
	for _, size := range []int{1, 3, 27, 28} {
		want(t, k.leases(t, approval.LeaseQuery{At: Start, Page: approval.PageRequest{Size: size}}), nil, all)
	}
	want(t, len(k.leases(t, approval.LeaseQuery{At: Start, Persons: []string{"ada", "bob"}, Resources: []string{"a"}, Page: approval.PageRequest{Size: 5}})), nil, 14)
	k.leased(t, Start, time.Time{}, []string{"ada"}, []string{"a"})
	all = k.leases(t, approval.LeaseQuery{At: Start, Persons: []string{"ada"}, Resources: []string{"a"}, Page: approval.PageRequest{Size: 200}})
	want(t, len(all), nil, 8)
	slices.Reverse(all)
	for _, size := range []int{1, 3, 200} {
		want(t, k.leases(t, approval.LeaseQuery{At: Start, Persons: []string{"ada"}, Resources: []string{"a"}, Longest: true, Page: approval.PageRequest{Size: size}}), nil, all)
	}
	for n, kinds := range map[int][]string{0: {"table"}, 8: {"db", "table"}} {
		want(t, len(k.leases(t, approval.LeaseQuery{At: Start, Persons: []string{"ada"}, Resources: []string{"a"}, Kinds: kinds, Longest: true, Page: approval.PageRequest{Size: 3}})), nil, n)
	}
	for _, token := range []string{"!", approval.PageKey{Number: 1}.Token(), approval.PageKey{Number: 1, Text: "p x"}.Token()} {
		_, err := k.Leases(t.Context(), approval.LeaseQuery{Space: k.space, At: Start, Page: approval.PageRequest{Token: token}})
		wantCode(t, err, approval.Invalid)
	}
}
