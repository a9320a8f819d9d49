package approval_test

import (
	"sync/atomic"

	"github.com/indent-approvals/indent/internal/approval"
)

// together counts the grants that have ended beside others.
var together atomic.Int64

// runTogether lets time pass and ends all grants whose end has come at once, beside a few whose end has not.
func (w *world) runTogether() {
	w.passTime()
	youngest := len(w.models) - w.n(9, "youngest")
	var due, rest []*model
	var jobs []approval.Job
	for i, m := range w.models {
		if next, at := m.timer(w.clock.Now()); next == approval.JobEnd && !w.clock.Now().Before(at) {
			due = append(due, m)
		} else if i >= youngest {
			rest = append(rest, m)
		} else {
			continue
		}
		jobs = append(jobs, approval.Job{Space: "acme", Petition: m.name, Kind: approval.JobEnd})
	}
	if len(due) > 1 {
		together.Add(int64(len(due)))
	}
	errs := map[string]error{}
	for i, err := range w.RunTogether(w.house.t.Context(), jobs) {
		errs[jobs[i].Petition] = err
	}
	for _, m := range append(due, rest...) { // those that end together are done first, by one change
		w.ran(m, approval.Job{Kind: approval.JobEnd}, errs[m.name])
	}
}
