package indent

import (
	"context"
	"iter"
	"time"
)

// HeldGrant is one person's permission to use one resource. A granted petition gives one for each pair of a petitioner and
// a resource.
type HeldGrant struct {
	Person    Resource  `json:"person"`
	Resource  Resource  `json:"resource"`
	StartTime time.Time `json:"startTime"`
	EndTime   time.Time `json:"endTime,omitzero"` // zero: when it is revoked
	// AccessEndTime is when the last of the pair's grants ends that follow this one without a gap; zero: never by itself.
	AccessEndTime time.Time `json:"accessEndTime,omitzero"`
	Petition      string    `json:"petition"` // name of the petition that gave it
	Phase         Phase     `json:"phase"`    // of the petition, now
	Reason        string    `json:"reason"`
	Rule          string    `json:"rule"`
	Decision      *Decision `json:"decision,omitempty"` // nil when a rule granted it, or its time is up
	// Webhooks is what webhooks were told of it: what is pending or failed is granted, and the system that has it has not given it.
	// Empty where no webhook applies it, and in a list of another time.
	Webhooks []Application `json:"webhooks,omitempty"`
}

func (g *HeldGrant) check() error {
	if g.Petition == "" {
		return malformed("a grant has no petition")
	}
	return nil
}

// GrantQuery selects grants; the zero value selects all that hold now.
type GrantQuery struct {
	Person   string    // what this person has, by any address or id that the space knows; "me" is the caller
	Resource string    // who has this: any of its ids, or its name in the directory
	At       time.Time // what held, or will hold, at a time; zero: now
	Upcoming bool      // also what begins later
	PageSize int       // 1 to 200 per call, 0 means 50
}

// Grants lists who has what, until when and why, what ends first before the rest. Who may read petitions may read them.
func (c *Client) Grants(ctx context.Context, q GrantQuery) iter.Seq2[HeldGrant, error] {
	return listed[HeldGrant](ctx, c, c.inSpace("/grants"), "grants", parameters(map[string]string{"person": q.Person, "resource": q.Resource,
		"at": instant(q.At), "upcoming": whenTrue(q.Upcoming), "pageSize": whenPositive(q.PageSize)}))
}

// GrantRevocation says what to revoke: what a person has, what anybody has of a resource, or what the person has of it.
type GrantRevocation struct {
	Person   string
	Resource string
	Reason   string
	Preview  bool // look only
}

// RevokedGrant is a petition that was revoked as a whole, or would be.
type RevokedGrant struct {
	Petition    string     `json:"petition"` // name
	Petitioners []Resource `json:"petitioners"`
	Resources   []Resource `json:"resources"`
	EndTime     time.Time  `json:"endTime,omitzero"`
	Refused     string     `json:"refused,omitempty"` // why it was not revoked, or would not be, else empty
	Failed      bool       `json:"failed,omitempty"`  // it could not be revoked now, for what Refused says: the same call again may
}

// RevokeGrants revokes all that the caller may, each petition as [Client.Revoke] does, and answers them; in a preview it
// changes nothing. It is [ErrForbidden] when there is something and the caller may revoke nothing of it. When it fails in the
// middle, what was answered so far is revoked, and to call it again revokes the rest.
func (c *Client) RevokeGrants(ctx context.Context, r GrantRevocation) (all []RevokedGrant, err error) {
	type body struct {
		Person    string `json:"person,omitempty"`
		Resource  string `json:"resource,omitempty"`
		Reason    string `json:"reason,omitempty"`
		Preview   bool   `json:"preview,omitempty"`
		PageSize  int    `json:"pageSize"`
		PageToken string `json:"pageToken,omitempty"`
	}
	b := body{r.Person, r.Resource, r.Reason, r.Preview, 200, ""}
	seen := map[string]bool{}
	for {
		var page struct {
			Petitions     []RevokedGrant `json:"petitions"`
			NextPageToken string         `json:"nextPageToken"`
		}
		if err := c.do(ctx, call{method: "POST", path: c.inSpace("/grants:revoke"), body: b, repeatable: r.Preview, answer: &page}); err != nil {
			return all, err
		}
		for _, p := range page.Petitions {
			if !seen[p.Petition] { // its pairs may stand on two pages
				seen[p.Petition] = true
				all = append(all, p)
			}
		}
		if page.NextPageToken == "" {
			return all, nil
		}
		if page.NextPageToken == b.PageToken {
			return all, malformed("the same page comes again and again")
		}
		b.PageToken = page.NextPageToken
	}
}
