package approval_test

import (
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// createWith makes the standard petition of the member with the key, changed as asked.
func (h *house) createWith(id, key string, change ...func(*approval.NewPetition)) (approval.Petition, bool, error) {
	h.t.Helper()
	n := reset()
	n.Params = approval.RawJSON(`{"b":1,"a":2}`)
	for _, c := range change {
		c(&n)
	}
	return h.CreatePetition(h.t.Context(), h.actor(id), n, key)
}

func TestIdempotency(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := h.createWith
	first, replayed, err := create(vic, "k")
	if err != nil || replayed {
		t.Fatal(replayed, err)
	}
	again := func(what string, change ...func(*approval.NewPetition)) {
		t.Helper()
		p, replayed, err := create(vic, "k", change...)
		if err != nil || !replayed || p.Name != first.Name {
			t.Errorf("%s: %s, %v, %v", what, p.Name, replayed, err)
		}
	}
	again("the same")
	again("the same, written differently", func(n *approval.NewPetition) {
		n.Params = approval.RawJSON(" {\"a\" : 2.0, \"b\":1}")
		n.Labels = map[string]string{}
	})
	for name, change := range map[string]func(*approval.NewPetition){
		"reason": func(n *approval.NewPetition) { n.Reason += "!" }, "params": func(n *approval.NewPetition) { n.Params = approval.RawJSON(`{"a":2}`) },
		"resources": func(n *approval.NewPetition) { n.Resources = append(n.Resources, approval.Resource{ID: "x"}) },
		"labels":    func(n *approval.NewPetition) { n.Labels = map[string]string{"a": "b"} }, "duration": func(n *approval.NewPetition) { n.Duration = time.Hour },
		"title": func(n *approval.NewPetition) { n.DisplayName = "x" },
	} {
		before := len(h.refusals())
		_, _, err := create(vic, "k", change)
		h.refused(before, err, approval.Conflict, "the idempotency key was used for another petition, "+first.Ref(), vic, first.Name)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	other, replayed, err := create(bob, "k")
	if err != nil || replayed || other.Name == first.Name {
		t.Errorf("another's petition with the same key: %v, %v", replayed, err)
	}
	unlike, replayed, err := create(vic, "K")
	if err != nil || replayed || unlike.Name == first.Name {
		t.Errorf("another key: %v, %v", replayed, err)
	}
	h.decide(eve, first, claim(deny))
	p, replayed, err := create(vic, "k")
	if err != nil || !replayed || p.Outcome != approval.OutcomeDenied {
		t.Errorf("after the decision: %s, %v, %v", p.Outcome, replayed, err)
	}
}

func TestIdempotencyOutlivesAPolicyThatBecameStricter(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := h.createWith
	h.rule.verdict.MaxDuration, h.rule.verdict.DefaultDuration = time.Minute, time.Minute
	long := func(n *approval.NewPetition) { n.Duration = time.Hour }
	if _, _, err := create(vic, "new", long); approval.CodeOf(err) != approval.Invalid {
		t.Errorf("longer than policy allows: %v", err)
	}
	h.rule.verdict.MaxDuration = 0
	made, _, err := create(vic, "long", long)
	if err != nil {
		t.Fatal(err)
	}
	h.rule.verdict.MaxDuration = time.Minute
	if p, replayed, err := create(vic, "long", long); err != nil || !replayed || p.Name != made.Name {
		t.Errorf("when policy would not take it any more: %v, %v", replayed, err)
	}
}

func TestIdempotencyKeysThatAreTaken(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	create := h.createWith
	for _, key := range []string{" ", "a b", "a\n", "é", "\x7f", strings.Repeat("k", 201)} {
		if _, _, err := create(vic, key); approval.CodeOf(err) != approval.Invalid || !strings.HasPrefix(err.Error(), "Idempotency-Key: ") {
			t.Errorf("key %.10q: %v", key, err)
		}
	}
	if _, _, err := create(vic, strings.Repeat("k", 200)); err != nil {
		t.Errorf("the longest key: %v", err)
	}
}
