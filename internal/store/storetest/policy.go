package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func policies(t *testing.T, k kit) {
	_, err := k.Policy(t.Context(), k.space)
	wantCode(t, err, approval.NotFound)
	none, err := k.Policies(t.Context(), k.space, approval.PageRequest{})
	want(t, len(none.Items), err, 0)
	for version := int64(1); version <= 12; version++ { // 10 comes after 9
		d := policyVersion(k.space, version)
		k.commit(t, approval.PutPolicy{Document: d})
		k.refuse(t, approval.Conflict, approval.PutPolicy{Document: d})
		got, err := k.Policy(t.Context(), k.space)
		want(t, got, err, d)
		got, err = k.PolicyVersion(t.Context(), k.space, max(version-3, 1))
		want(t, got, err, policyVersion(k.space, max(version-3, 1)))
	}
	for _, version := range []int64{0, -1, 13} {
		_, err := k.PolicyVersion(t.Context(), k.space, version)
		wantCode(t, err, approval.NotFound)
	}
	_, err = k.PolicyVersion(t.Context(), "elsewhere", 1)
	wantCode(t, err, approval.NotFound)
}

func policyVersion(space string, version int64) approval.PolicyDocument {
	text := fmt.Sprint("rules: ", version, " # 漢\n")
	return approval.PolicyDocument{Space: space, Version: version, Text: text, Digest: approval.PolicyDigest(text), Reason: fmt.Sprint("because ", version),
		Petition: fmt.Sprint("petition-", version), CreatedBy: "ada", CreateTime: Start.Add(time.Duration(version) * time.Hour)}
}

func pagesOfPolicies(t *testing.T, k kit) {
	var wanted []approval.PolicyDocument
	for version := int64(1); version <= 11; version++ {
		d := policyVersion(k.space, version)
		k.commit(t, approval.PutPolicy{Document: d})
		d.Text = "" // a list is without the texts
		wanted = append([]approval.PolicyDocument{d}, wanted...)
	}
	for _, size := range []int{1, 3, 10, 11, 12, 0} {
		var all []approval.PolicyDocument
		r := approval.PageRequest{Size: size}
		for {
			page, err := k.Policies(t.Context(), k.space, r)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page.Items...)
			if r.Token = page.Next; page.Next == "" {
				break
			}
		}
		want(t, all, nil, wanted)
	}
	_, err := k.Policies(t.Context(), k.space, approval.PageRequest{Size: approval.MaxPageSize + 1})
	wantCode(t, err, approval.Invalid)
	_, err = k.Policies(t.Context(), k.space, approval.PageRequest{Token: "nonsense"})
	wantCode(t, err, approval.Invalid)
}

func policyProposals(t *testing.T, k kit) {
	first := approval.PolicyProposal{Space: k.space, Petition: "p1", Base: 7, Text: "rules: 漢\n", Digest: approval.PolicyDigest("rules: 漢\n"), CreateTime: Start}
	second := approval.PolicyProposal{Space: k.space, Petition: "p2", Base: 7, Text: "", Digest: approval.PolicyDigest(""), CreateTime: Start}
	k.commit(t, approval.PutPolicyProposal{Proposal: first}, approval.PutPolicyProposal{Proposal: second})
	for _, p := range []approval.PolicyProposal{first, second} {
		got, err := k.PolicyProposal(t.Context(), k.space, p.Petition)
		want(t, got, err, p)
	}
	k.refuse(t, approval.Conflict, approval.PutPolicyProposal{Proposal: first})
	k.refuse(t, approval.Internal, approval.PutPolicyProposal{Proposal: approval.PolicyProposal{Space: "elsewhere", Petition: "p3"}})
	for _, other := range [][2]string{{k.space, "p3"}, {"elsewhere", "p1"}} {
		_, err := k.PolicyProposal(t.Context(), other[0], other[1])
		wantCode(t, err, approval.NotFound)
	}
}

func policyHealth(t *testing.T, k kit) {
	_, err := k.PolicyHealth(t.Context(), k.space)
	wantCode(t, err, approval.NotFound)
	h := approval.PolicyHealth{Space: k.space, Policy: 7, UpdateTime: Start, Findings: []approval.HealthFinding{
		{Key: "a\x00b", Rule: "漢", Message: "nobody <could>", Since: Start.Add(-time.Hour)},
		{Key: "c", Message: "m", Since: Start, Example: &approval.StuckExample{Who: "ada", What: approval.Resource{ID: "x", Kind: "database"}, When: Start, Stage: 1, Needs: 2, Eligible: []string{"bob"}}}}}
	k.commit(t, approval.PutPolicyHealth{Health: h})
	h.Version = 1
	got, err := k.PolicyHealth(t.Context(), k.space)
	want(t, got, err, h)
	for _, expect := range []int64{0, 2} {
		k.refuse(t, approval.Conflict, approval.PutPolicyHealth{Health: h, Expect: expect})
	}
	h.Policy, h.Findings = 8, nil
	k.commit(t, approval.PutPolicyHealth{Health: h, Expect: 1})
	h.Version = 2
	got, err = k.PolicyHealth(t.Context(), k.space)
	want(t, got, err, h)
	k.refuse(t, approval.Conflict, approval.PutPolicyHealth{Health: h, Expect: 1})
	k.refuse(t, approval.Internal, approval.PutPolicyHealth{Health: approval.PolicyHealth{Space: "elsewhere"}})
	_, err = k.PolicyHealth(t.Context(), "elsewhere")
	wantCode(t, err, approval.NotFound)
}
