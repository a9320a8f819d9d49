package approval

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// NewClaim is what somebody who decides sends.
type NewClaim struct {
	// Event is access/approve, access/deny or access/revoke.
	Event  string
	Reason string
	// Labels may carry a term (indent.com/time/…) and the digest of what was shown (indent.com/petition/digest).
	Labels map[string]string
	// Resources are what the claimant was shown, copied from the petition; may be empty.
	Resources []Resource
	// Confirmation is a passkey's signature over the petition's digest; nil without one.
	Confirmation *Confirmation
	answers      *answered
}

// answered says that a claim is what a webhook has answered, and the job that has asked, which the claim ends: of a petition a webhook
// makes one claim, whatever it says when it is asked again.
type answered struct {
	webhook string
	job     Job
}

// ends adds the write that ends the job behind the claim, where there is one.
func (c *NewClaim) ends(writes []Write) []Write {
	if c.answers == nil {
		return writes
	}
	return append(writes, EndJob{c.answers.job})
}

// Check refuses a claim that is not one of the three, or is out of its limits.
func (c *NewClaim) Check() error {
	switch c.Event {
	case EventApprove, EventDeny, EventRevoke:
	default:
		return FieldError("claim.event", "must be %s, %s or %s", EventApprove, EventDeny, EventRevoke)
	}
	if c.Confirmation != nil {
		if c.Event != EventApprove {
			return FieldError("claim.confirmation", "belongs to an approval: leave it out")
		}
		if err := c.Confirmation.Check("claim.confirmation"); err != nil {
			return err
		}
	}
	return firstError(
		checkProse("claim.reason", c.Reason, MaxReason),
		checkLabels("claim.meta.labels", c.Labels),
		checkResources("claim.resources", c.Resources, MaxPetitioners+MaxResources),
	)
}

// checkDigest refuses a claim that names another digest than the petition's, or resources that it does not have: what was
// shown is not what is there (I1).
func (c *NewClaim) checkDigest(p *Petition) error {
	for i, sent := range c.Resources {
		if !slices.ContainsFunc(p.Petitioners, sent.isSaidOf) && !slices.ContainsFunc(p.Resources, sent.isSaidOf) {
			return Errorf(Conflict, "claim.resources[%d] is not what petition %s asks for, nor who asks: read the petition again, and copy its resources or leave them out", i, p.Ref())
		}
	}
	if shown, ok := c.Labels[LabelDigest]; ok && shown != p.Digest {
		return Errorf(Conflict, "the claim was made for %.80s but petition %s is %s: read the petition again and decide on that", shown, p.Ref(), p.Digest)
	}
	return nil
}

// checkTerm refuses a term that is none, or under which the petition could never be granted: a claim with it would count
// for its person and be in everybody's way.
func (c *NewClaim) checkTerm(p *Petition, now time.Time) error {
	term, err := ParseTerm(c.Labels, now)
	if err == nil && c.Event == EventApprove {
		_, err = grantFor(p, term, now)
	}
	return err
}

// claimLabels answers the labels that the server adds to a claim, over the ones the claimant may set.
func claimLabels(c *NewClaim, p *Petition, a *Actor, e *Eligibility) map[string]string {
	labels := map[string]string{LabelPetition: p.Name, LabelPerson: a.Person, LabelDigest: p.Digest}
	e.For(c.Event).label(labels)
	if c.answers != nil {
		labels[LabelWebhook] = c.answers.webhook
	}
	if c.Event == EventApprove {
		for _, key := range termLabels {
			if v, ok := c.Labels[key]; ok {
				labels[key] = v
			}
		}
		labels[LabelRequirements] = places(e.Requirements)
		if e.Self {
			labels[LabelSelfApproval] = "true"
		}
	}
	if p.Verdict.Dev {
		labels[LabelPolicyDev] = "true"
	}
	return labels
}

// places writes the places of requirements as the label of a claim, which [Event.requirements] reads.
func places(requirements []int) string {
	texts := make([]string, len(requirements))
	for i, n := range requirements {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

// countingFor answers the claim as the person's, and of a deputy's as behalf's as well, that counts only for those of its
// requirements that are also in still.
func (e Event) countingFor(still []int, person, behalf string) Event {
	both := slices.DeleteFunc(e.requirements(), func(n int) bool { return !slices.Contains(still, n) })
	e.Meta.Labels = maps.Clone(e.Meta.Labels)
	e.Meta.Labels[LabelRequirements], e.Meta.Labels[LabelPerson] = places(both), person
	if behalf != "" {
		e.Meta.Labels[LabelBehalfPerson] = behalf
	}
	return e
}
