package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func resourceNamed(name, title string) approval.Resource {
	return approval.Resource{ID: "thing:" + name, Kind: "database", DisplayName: title, Labels: map[string]string{approval.LabelBlock: name}}
}

func resourceNames(page approval.Page[approval.Resource]) []string {
	list := []string{}
	for _, r := range page.Items {
		list = append(list, r.Name())
	}
	return list
}

func resources(t *testing.T, k kit) {
	r := approval.Resource{ID: "prod", Kind: "database", DisplayName: "Production <&> 漢字", Email: "dba@acmecorp.example", AltIDs: []string{"p", "pg-1"},
		Labels: map[string]string{approval.LabelBlock: "prod", "tier": "1"}}
	k.commit(t, approval.PutResource{Resource: r, MustBeNew: true})
	got, err := k.Resource(t.Context(), k.space, "prod")
	want(t, got, err, r)
	k.refuse(t, approval.Conflict, approval.PutResource{Resource: r, MustBeNew: true})

	found := func(words ...string) []string {
		t.Helper()
		page, err := k.Resources(t.Context(), approval.ResourceQuery{Space: k.space, Words: words})
		if err != nil {
			t.Fatal(err)
		}
		return resourceNames(page)
	}
	want(t, found("produc", "漢"), nil, []string{"prod"})
	r.DisplayName, r.ID, r.Labels["tier"] = "Staging", "staging", "2"
	k.commit(t, approval.PutResource{Resource: r})
	got, err = k.Resource(t.Context(), k.space, "prod")
	want(t, got, err, r)
	want(t, found("production"), nil, []string{})
	want(t, found("staging"), nil, []string{"prod"})
	byID, err := k.ResourcesByID(t.Context(), k.space, []string{"staging", "prod", "missing"})
	want(t, byID, err, []approval.Resource{r})
	none, err := k.ResourcesByID(t.Context(), k.space, nil)
	want(t, len(none), err, 0)

	k.commit(t, approval.DeleteResource{Name: "prod"})
	_, err = k.Resource(t.Context(), k.space, "prod")
	wantCode(t, err, approval.NotFound)
	k.refuse(t, approval.NotFound, approval.DeleteResource{Name: "prod"})
	want(t, found("staging"), nil, []string{})
	k.commit(t, approval.PutResource{Resource: r, MustBeNew: true}) // gone is gone
	want(t, found("staging"), nil, []string{"prod"})
	oneWins(t, together(16, func(int) error {
		return k.Commit(t.Context(), k.change(approval.PutResource{Resource: resourceNamed("new", "new"), MustBeNew: true}))
	}))
}

// An entry is found by each of its names, in whatever case it has them. A member
// or an entry that only bears the name in its path is not.
func resourcesNamed(t *testing.T, k kit) {
	ada := approval.Resource{ID: "U1", Kind: "user", Email: "Ada@acme.example", AltIDs: []string{"slack:U7"}, Labels: map[string]string{approval.LabelBlock: "b-ada"}}
	bob := approval.Resource{ID: "bob@acme.example", Kind: "user", Labels: map[string]string{approval.LabelBlock: "a-bob"}}
	odd := approval.Resource{ID: "x", AltIDs: []string{"y"}, Labels: map[string]string{approval.LabelBlock: "u1"}}
	for _, r := range []approval.Resource{ada, bob, odd} {
		k.commit(t, approval.PutResource{Resource: r, MustBeNew: true})
	}
	k.commit(t, approval.PutMember{Member: approval.Member{Space: k.space, ID: "u1", Kind: approval.KindUser, Email: "u1", Role: approval.Viewer, Person: "u1"}},
		approval.PutIdentity{Identity: approval.Identity{Space: k.space, Identity: "slack:U7", Member: "u1", CreateTime: Start}})
	for _, name := range []string{"u1", "U1", "ada@acme.example", "slack:u7"} {
		got, err := k.ResourcesNamed(t.Context(), k.space, []string{name})
		want(t, got, err, []approval.Resource{ada})
	}
	got, err := k.ResourcesNamed(t.Context(), k.space, []string{"slack:u7", "bob@acme.example", "missing"})
	want(t, got, err, []approval.Resource{bob, ada})
	for _, names := range [][]string{nil, {"a-bob"}, {"Bob@acme.example"}} {
		got, err := k.ResourcesNamed(t.Context(), k.space, names)
		want(t, len(got), err, 0)
	}
	elsewhere, err := k.ResourcesNamed(t.Context(), "elsewhere", []string{"u1"})
	want(t, len(elsewhere), err, 0)
}

// Whoever asks for something by another spelling of one of its names is led to its record.
func resourcesByAnyName(t *testing.T, k kit) {
	alone := approval.Resource{ID: "Prod-DB", Labels: map[string]string{approval.LabelBlock: "1"}}
	named := approval.Resource{ID: "vault", Email: "Vault@Acme.example", AltIDs: []string{"Arn:Vault", "VAULT"}, Labels: map[string]string{approval.LabelBlock: "2"}}
	same := approval.Resource{ID: "prod-db", Kind: "other", Labels: map[string]string{approval.LabelBlock: "3"}}
	foreign := approval.Resource{ID: "Ünten", Labels: map[string]string{approval.LabelBlock: "4"}}
	for _, r := range []approval.Resource{alone, named, same, foreign} {
		k.commit(t, approval.PutResource{Resource: r})
	}
	find := func(k kit, names ...string) []string {
		t.Helper()
		list, err := k.ResourcesNamed(t.Context(), k.space, names)
		found := []string{}
		for _, r := range list {
			found = append(found, r.Name())
		}
		slices.Sort(found)
		want(t, 0, err, 0)
		return found
	}
	for _, c := range []struct{ by, want []string }{
		{[]string{"prod-db"}, []string{"1", "3"}}, {[]string{"Prod-DB"}, []string{"1"}}, {[]string{"vault@acme.example"}, []string{"2"}},
		{[]string{"arn:vault", "vault", "nothing"}, []string{"2"}}, {[]string{"ünten"}, []string{"4"}}, {[]string{"Ünten"}, []string{"4"}},
		{[]string{"", "nothing"}, []string{}}, {nil, []string{}},
	} {
		want(t, find(k, c.by...), nil, c.want)
	}
	want(t, find(kit{k.Store, "elsewhere"}, "vault", "prod-db"), nil, []string{})

	named.ID, named.AltIDs, named.Email = "safe", nil, ""
	k.commit(t, approval.PutResource{Resource: named}, approval.DeleteResource{Name: "1"})
	want(t, find(k, "arn:vault", "vault@acme.example", "prod-db"), nil, []string{"3"})
	want(t, find(k, "safe"), nil, []string{"2"})
}

func resourcesAreSelected(t *testing.T, k kit) {
	var all []approval.Resource
	for i := range 40 {
		r := resourceNamed(fmt.Sprintf("r%02d", i), "thing")
		r.Kind = []string{"okta/user", "slack/channel", "group", "database"}[i%4]
		if i%3 == 0 {
			r.Labels[approval.LabelRequestable] = "true"
		}
		if i%7 == 0 {
			r.Labels[approval.LabelDeactivated] = "true"
		}
		if i%5 == 0 {
			r.Email = "a@b.example"
		}
		all = append(all, r)
		k.commit(t, approval.PutResource{Resource: r})
	}
	for _, view := range append([]approval.View{""}, approval.Views...) {
		for _, text := range []string{"", approval.LabelRequestable, "!" + approval.LabelRequestable, approval.LabelBlock + " in (r01,r03,r05)"} {
			selector, _ := approval.ParseSelector("", text)
			wanted := []string{}
			for _, r := range all {
				if (view == "" || r.In(view)) && selector.Matches(r.Labels) {
					wanted = append(wanted, r.Name())
				}
			}
			for _, words := range [][]string{nil, {"thing"}} {
				page, err := k.Resources(t.Context(), approval.ResourceQuery{Space: k.space, View: view, Selector: selector, Words: words,
					Page: approval.PageRequest{Size: 200}})
				want(t, resourceNames(page), err, wanted)
			}
		}
	}
}

// awkwardOrder is sorted bytewise and in no language's own order.
var awkwardOrder = []string{"!", "-a", "0", "10", "9", "A", "B", "Z", "_", "a", "a b", "a-b", "a.b", "aB", "ab", "b", "z", "~", "ß", "ä", "ö", "Ω", "漢", "🙂"}

func pagesOfResources(t *testing.T, k kit) {
	for _, name := range slices.Backward(awkwardOrder) {
		k.commit(t, approval.PutResource{Resource: resourceNamed(name, "thing")})
	}
	for _, words := range [][]string{nil, {"thi"}} {
		for _, size := range []int{5, 23, 24, 25} {
			pages := walk(t, size, func(r approval.PageRequest) ([]string, string, error) {
				page, err := k.Resources(t.Context(), approval.ResourceQuery{Space: k.space, Words: words, Page: r})
				return resourceNames(page), page.Next, err
			}, false)
			want(t, slices.Concat(pages...), nil, awkwardOrder)
		}
	}
}

func manyResources(t *testing.T, k kit) {
	var writes []approval.Write
	for i := range approval.MaxBulk {
		writes = append(writes, approval.PutResource{Resource: resourceNamed(fmt.Sprint("r", i), "thing")})
	}
	k.commit(t, writes...)
	k.refuse(t, approval.NotFound, append(slices.Clone(writes[:10]), approval.DeleteResource{Name: "missing"})...)
	page, err := k.Resources(t.Context(), approval.ResourceQuery{Space: k.space, Words: []string{"r999"}})
	want(t, resourceNames(page), err, []string{"r999"})
}
