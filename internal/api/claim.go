package api

import (
	"context"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

type claimList struct {
	Claims []approval.Event `json:"claims"`
	NextPage
}

type listClaimsIn struct {
	wholeIn
	Name string `path:"name" doc:"The petition's name, a UUID."`
}

func (a *API) listClaims(ctx context.Context, actor approval.Actor, in listClaimsIn) (*claimList, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	claims, err := a.Service.Claims(ctx, actor, in.Name)
	if err != nil {
		return nil, err
	}
	return &claimList{Claims: claims}, nil
}

type getClaimIn struct {
	Name  string `path:"name" doc:"The petition's name, a UUID."`
	Claim string `path:"claim" doc:"The claim's id, a UUID."`
}

func (a *API) getClaim(ctx context.Context, actor approval.Actor, in getClaimIn) (*approval.Event, error) {
	claim, err := a.Service.Claim(ctx, actor, in.Name, in.Claim)
	if err != nil {
		return nil, err
	}
	return &claim, nil
}

type createClaimIn struct {
	Name string `path:"name" doc:"The petition's name, a UUID."`
	Key  string `header:"Idempotency-Key" maxLength:"200" doc:"1 to 200 visible ASCII characters: the same key answers the first claim."`
	Body createClaimBody
}

type createClaimBody struct {
	Claim claimInput `json:"claim"`
}

// claimInput is what somebody who decides sends. Who decides, when and on what is the server's to say.
type claimInput struct {
	Event  string         `json:"event" enum:"access/approve,access/deny,access/revoke" doc:"The decision." example:"access/approve"`
	Reason string         `json:"reason,omitempty" maxLength:"4000" doc:"Why, for who asked and for the log."`
	Meta   claimInputMeta `json:"meta,omitzero"`
	// Resources were shown to whoever decides.
	Resources []approval.Resource `json:"resources,omitempty" maxItems:"120" doc:"Who asks and what is asked for, copied from the petition. A claim on anything else is refused."`
	// Confirmation is for an approval only.
	Confirmation *approval.Confirmation `json:"confirmation,omitzero" doc:"A passkey's signature over the 32 bytes of the petition's digest; of an approval whose requirement says confirm: passkey. Each part is base64url without padding."`

	ID         ignored `json:"id,omitzero"`
	Timestamp  ignored `json:"timestamp,omitzero"`
	ExternalID ignored `json:"externalId,omitzero"`
	SessionID  ignored `json:"sessionId,omitzero"`
	Actor      ignored `json:"actor,omitzero"`
}

type claimInputMeta struct {
	Labels map[string]string `json:"labels,omitempty" maxProperties:"64" doc:"How long: one of indent.com/time/duration (Go duration), indent.com/time/expires (RFC 3339) and indent.com/time/indefinite (\"true\"). What was shown: indent.com/petition/digest."`

	DisplayName ignored `json:"displayName,omitzero"`
	IgnoredMeta
}

func (a *API) createClaim(ctx context.Context, actor approval.Actor, in createClaimIn) (*approval.Event, error) {
	if strings.ContainsFunc(in.Key, func(r rune) bool { return r < 0x21 || r > 0x7e }) {
		return nil, approval.FieldError("Idempotency-Key", "must be 1 to 200 visible ASCII characters, such as a UUID")
	}
	c := in.Body.Claim
	_, claim, err := a.Service.Decide(ctx, actor, in.Name, approval.NewClaim{Event: c.Event, Reason: c.Reason, Labels: c.Meta.Labels, Resources: c.Resources,
		Confirmation: c.Confirmation}, in.Key)
	if err != nil {
		return nil, err
	}
	a.metrics.claims.WithLabelValues(claim.Event).Inc()
	return &claim, nil
}
