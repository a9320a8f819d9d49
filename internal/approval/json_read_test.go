package approval_test

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/google/go-cmp/cmp"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// Whatever is written is read here and means the same to the library.
func TestWhatIsWrittenIsRead(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for round := range 2000 {
		zero := float64(round%10) / 10
		var p approval.Petition
		approvaltest.Fill(&p, rng, zero)
		var e approval.Event
		approvaltest.Fill(&e, rng, zero)
		if !readsPetition(t, string(approval.JSON(nil).Petition(&p))) || !readsEvent(t, string(approval.JSON(nil).Event(&e))) {
			t.Fatalf("a document of round %d is left to the library", round)
		}
	}
}

// readsPetition answers whether the document is read here. If so, the library must read the same.
func readsPetition(t *testing.T, document string) bool {
	var got, want approval.Petition
	ok := approval.ReadPetition(document, &got)
	if ok {
		sameAsLibrary(t, document, &want, &got)
	} else if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is left to the library, half read: %+v", document, got)
	}
	return ok
}

func readsEvent(t *testing.T, document string) bool {
	var got, want approval.Event
	ok := approval.ReadEvent(document, &got)
	if ok {
		sameAsLibrary(t, document, &want, &got)
	} else if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is left to the library, half read: %+v", document, got)
	}
	return ok
}

func sameAsLibrary(t *testing.T, document string, want, got any) {
	t.Helper()
	if err := jsonv1.Unmarshal([]byte(document), want); err != nil {
		t.Fatalf("%q is read here, and the library says: %v", document, err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Fatalf("%q is read otherwise here than by the library:\n%s", document, cmp.Diff(want, got))
	}
}

// A text that is cut off, or in which one byte is another, is left to the library unless it means the same to it.
func TestWhatIsNotWrittenIsLeftToTheLibrary(t *testing.T) {
	t.Parallel()
	p := usualPetition()
	for _, document := range []string{string(approval.JSON(nil).Petition(p)), string(approval.JSON(nil).Event(&p.Claims[0]))} {
		for i := range document {
			if readsPetition(t, document[:i]) || readsEvent(t, document[:i]) {
				t.Fatalf("%q is read as a whole document", document[:i])
			}
			for _, other := range []string{"", " ", `"`, `\`, "{", "}", "[", ",", "0", "\x00", "\xff", "é"} {
				changed := document[:i] + other + document[i+1:]
				readsPetition(t, changed)
				readsEvent(t, changed)
			}
		}
	}
	for _, document := range []string{"", " ", "{}", "null", "[]", `{"event":"a"} `, `{"event":"a","event":"b"}`, `{"Event":"a"}`,
		`{"event":"a","meta":{"labels":{"a":"1","a":"2"}}}`, `{"event":"a","timestamp":"2026-02-30T00:00:00Z"}`,
		`{"event":"a","timestamp":"2026-02-03T24:00:00Z"}`, `{"event":"a","timestamp":"2026-02-03T00:00:00+01:00"}`,
		`{"event":"\ud800"}`, `{"event":"a","unknown":1}`, `{"event":null}`, `{"id":"a","event":"b"}`} {
		if readsEvent(t, document) {
			t.Errorf("%q is read, and nobody here writes it", document)
		}
	}
}

// FuzzRecords: what is read here, the library reads as the same.
func FuzzRecords(f *testing.F) {
	rng := rand.New(rand.NewPCG(9, 10))
	for round := range 20 {
		var p approval.Petition
		approvaltest.Fill(&p, rng, float64(round%10)/10)
		f.Add(string(approval.JSON(nil).Petition(&p)))
		var e approval.Event
		approvaltest.Fill(&e, rng, float64(round%10)/10)
		f.Add(string(approval.JSON(nil).Event(&e)))
	}
	f.Fuzz(func(t *testing.T, document string) {
		readsPetition(t, document)
		readsEvent(t, document)
	})
}

// BenchmarkRead answers what reading a usual petition costs, here and by the library.
func BenchmarkRead(b *testing.B) {
	document := string(approval.JSON(nil).Petition(usualPetition()))
	b.Run("here", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			var p approval.Petition
			if !approval.ReadPetition(strings.Clone(document), &p) {
				b.Fatal("it is left to the library")
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			var p approval.Petition
			if err := jsonv1.Unmarshal([]byte(document), &p); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func usualPetition() *approval.Petition {
	now := time.Date(2026, 11, 24, 3, 18, 39, 139373000, time.UTC)
	asker := approval.Resource{ID: "quickstart", DisplayName: "quickstart", Kind: "bot"}
	reviewer := approval.Resource{ID: "ada@acmecorp.example", Kind: "user", Email: "ada@acmecorp.example"}
	claim := approval.Event{Event: approval.EventApprove, ID: "01a20b93-5853-7503-bdd3-c1109319cf94", Timestamp: now, Actor: reviewer,
		Resources: []approval.Resource{asker, {ID: "deploy", Kind: "action"}}, Reason: "it is tested",
		Meta: approval.Meta{Space: "acmecorp", CreateTime: now, Labels: map[string]string{approval.LabelPetition: "01a20b93-5853-7503-bdd3-c1109319cf93",
			approval.LabelPerson: "ada@acmecorp.example", approval.LabelRequirements: "0"}}}
	return &approval.Petition{Phase: approval.Granted, Petitioners: []approval.Resource{asker}, CreatedBy: asker,
		Resources: []approval.Resource{{ID: "deploy", Kind: "action", DisplayName: "Deploy"}}, Reason: "please deploy the release to production",
		Labels: map[string]string{approval.LabelConfigID: "space:acmecorp", "team": "payments"}, Digest: "sha256:" + strings.Repeat("0123456789abcdef", 4),
		Verdict: approval.Verdict{Decision: approval.VerdictReview, Rule: "review", PolicyVersion: 1, DecideWithin: time.Hour, DefaultDuration: time.Hour,
			Requirements: []approval.Requirement{{Reviewers: approval.Reviewers{Roles: []approval.Role{approval.Editor, approval.Owner}}, Count: 1}}},
		Claims: []approval.Event{claim}, Decision: &approval.Decision{Claim: claim.Event, Actor: reviewer, Reason: claim.Reason, Timestamp: now},
		Grant: &approval.Grant{StartTime: now, EndTime: now.Add(time.Hour)}, Persons: []string{"quickstart"},
		CreateTime: now, UpdateTime: now, ExpireTime: now.Add(time.Hour)}
}
