package approval_test

import (
	"encoding/json"
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
)

// rebuilt makes the petition anew: what was asked, and then what its events did.
func rebuilt(p approval.Petition, events []approval.Event) (approval.Petition, error) {
	q := p
	q.Phase, q.Outcome, q.Claims, q.Decision, q.Grant = "", "", nil, nil, nil
	q.Progress, q.Review, q.Stuck = nil, nil, ""
	q.Labels = map[string]string{}
	for k, v := range p.Labels {
		if k != approval.LabelReplacedBy && k != approval.LabelStuck {
			q.Labels[k] = v
		}
	}
	var err error
	for _, e := range events {
		if e.Event == approval.EventRefused {
			continue
		}
		if q, err = q.Apply(e, e.Timestamp); err != nil {
			return q, err
		}
	}
	return q, nil
}

func asText(t testing.TB, p approval.Petition) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
