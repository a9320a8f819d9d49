package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

func petitionsByName(t *testing.T, k kit) {
	open, decided, other := k.create(t), k.create(t), k.create(t)
	decided, change := Decide(decided, reviewer)
	if err := k.Commit(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	asked := []string{decided.Name, open.Name, "missing", open.Name, `"odd' name`}
	phases, err := k.PhasesByName(t.Context(), k.space, asked)
	want(t, phases, err, map[string]approval.Phase{open.Name: approval.Open, decided.Name: approval.Granted})
	got, err := k.PetitionsByName(t.Context(), k.space, asked)
	slices.SortFunc(got, func(a, b approval.Petition) int { return strings.Compare(a.Name, b.Name) })
	both := []approval.Petition{open, decided}
	slices.SortFunc(both, func(a, b approval.Petition) int { return strings.Compare(a.Name, b.Name) })
	want(t, slices.CompactFunc(got, func(a, b approval.Petition) bool { return a.Name == b.Name }), err, both)

	elsewhere, err := k.PhasesByName(t.Context(), k.space+"-else", []string{other.Name})
	want(t, elsewhere, err, map[string]approval.Phase{})
	nothing, err := k.PetitionsByName(t.Context(), k.space+"-else", []string{other.Name})
	want(t, len(nothing), err, 0)

	many := []string{other.Name}
	for i := range approval.MaxBulk - 1 {
		many = append(many, fmt.Sprint("no-", i))
	}
	phases, err = k.PhasesByName(t.Context(), k.space, many)
	want(t, slices.Collect(maps.Keys(phases)), err, []string{other.Name})
	_, err = k.PhasesByName(t.Context(), k.space, append(many, "one-more"))
	wantCode(t, err, approval.Internal)
}
