package app

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/policy"
	indent "github.com/indent-approvals/indent/sdk/go"
)

// TestPolicy compiles a rule document and runs its tests, without a server. Its answer is the one that a server gives.
func TestPolicy(ctx context.Context, text string) (indent.PolicyReport, error) {
	x, err := policy.Documents{Engine: policy.New()}.Examine(ctx, text)
	if err != nil {
		return indent.PolicyReport{}, err
	}
	r := indent.PolicyReport{Valid: len(x.Problems) == 0 && len(x.Failed()) == 0, Problems: findings(x.Problems), Name: x.Name, Rules: x.Rules,
		Tests: []indent.PolicyTest{}, Warnings: findings(x.Warnings), ChangesByPetition: x.ByPetition}
	for _, t := range x.Tests {
		r.Tests = append(r.Tests, indent.PolicyTest{Name: t.Name, Line: t.Line, Passed: len(t.Failures) == 0, Failures: t.Failures})
	}
	return r, nil
}

func findings(list []approval.Finding) (out []indent.Finding) {
	for _, f := range list {
		out = append(out, indent.Finding(f))
	}
	return out
}

// DiffPolicy answers what leads from one text of a rule document to another, as a unified diff; "" for the same text.
func DiffPolicy(from int64, before, after string) string {
	return policy.Documents{}.Diff(approval.PolicyDocument{Version: from, Text: before}, approval.PolicyDocument{Version: from + 1, Text: after})
}
