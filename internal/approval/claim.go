package approval

import (
	"strconv"
	"strings"
)

// NewClaim is what somebody who decides sends.
type NewClaim struct {
	// Event is access/approve, access/deny or access/revoke.
	Event  string
	Reason string
	// Labels may carry a term (indent.com/time/…) and the digest of what was shown (indent.com/petition/digest).
	Labels map[string]string
}

// Check refuses a claim that is not one of the three, or is out of its limits.
func (c NewClaim) Check() error {
	switch c.Event {
	case EventApprove, EventDeny, EventRevoke:
	default:
		return FieldError("claim.event", "must be %s, %s or %s", EventApprove, EventDeny, EventRevoke)
	}
	return firstError(
		checkProse("claim.reason", c.Reason, MaxReason),
		checkLabels("claim.meta.labels", c.Labels),
	)
}

// checkDigest refuses a claim that names another digest than the petition's: what was shown is not what is there (I1).
func (c NewClaim) checkDigest(p Petition) error {
	if shown, ok := c.Labels[LabelDigest]; ok && shown != p.Digest {
		return Errorf(Conflict, "the claim was made for %.80s but petition %s is %s: read the petition again and decide on that", shown, p.Ref(), p.Digest)
	}
	return nil
}

// claimLabels answers the labels that the server adds to a claim, over the ones the claimant may set.
func claimLabels(c NewClaim, p Petition, a Actor, e Eligibility) map[string]string {
	labels := map[string]string{LabelPetition: p.Name, LabelPerson: a.Person, LabelDigest: p.Digest}
	for _, key := range []string{LabelTimeDuration, LabelTimeExpires, LabelTimeIndefinite} {
		if v, ok := c.Labels[key]; ok {
			labels[key] = v
		}
	}
	if len(e.Requirements) > 0 && c.Event == EventApprove {
		places := make([]string, len(e.Requirements))
		for i, n := range e.Requirements {
			places[i] = strconv.Itoa(n)
		}
		labels[LabelRequirements] = strings.Join(places, ",")
	}
	if e.Self && e.May() {
		labels[LabelSelfApproval] = "true"
	}
	if p.Verdict.Dev {
		labels[LabelPolicyDev] = "true"
	}
	return labels
}
