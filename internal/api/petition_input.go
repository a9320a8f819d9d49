package api

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// petitionInput is what a petitioner sends. Clients send petitions back as they got them, so what only the server sets
// is accepted and ignored.
type petitionInput struct {
	Petitioners     []approval.Resource `json:"petitioners,omitempty" maxItems:"20" doc:"Who will be allowed; the caller by default. For others the caller needs the permission petitions:createForOthers."`
	Resources       []approval.Resource `json:"resources" minItems:"1" maxItems:"100" doc:"What is asked for; it need not be in the directory."`
	Reason          string              `json:"reason" minLength:"1" maxLength:"4000" doc:"Why; reviewers read it." example:"to recover account"`
	DefaultDuration string              `json:"defaultDuration,omitempty" pattern:"^[0-9]{1,9}(\\.[0-9]{1,6})?s$" doc:"How long, a protobuf-JSON duration; or the label indent.com/petition/duration." example:"3600s"`
	StartTime       time.Time           `json:"startTime,omitzero" doc:"When the grant is to begin, at most 90 days away; at once by default. No rule approves what begins later: the owners decide. It is part of the digest." example:"2026-03-02T09:00:00Z"`
	Params          jsontext.Value      `json:"params,omitzero" doc:"What the action will be done with: an object of at most 64 KiB as canonical JSON. It is part of the digest. Integers beyond 2^53-1 must be sent as text."`
	Meta            petitionInputMeta   `json:"meta,omitzero"`

	Name      ignored `json:"name,omitzero"`
	SpaceName ignored `json:"spaceName,omitzero"`
	Digest    ignored `json:"digest,omitzero"`
	CreatedBy ignored `json:"createdBy,omitzero"`
	State     ignored `json:"state,omitzero"`
}

type petitionInputMeta struct {
	DisplayName string            `json:"displayName,omitempty" maxLength:"500" doc:"A title for people."`
	Labels      map[string]string `json:"labels,omitempty" maxProperties:"64" doc:"Free labels: a key of at most 200 and a value of at most 1,000 characters."`

	IgnoredMeta
}

// asked answers the petition that the input asks for; the centre checks it.
func (in petitionInput) asked() (approval.NewPetition, error) {
	n := approval.NewPetition{Petitioners: in.Petitioners, Resources: in.Resources, Reason: in.Reason, Labels: in.Meta.Labels,
		DisplayName: in.Meta.DisplayName, StartTime: in.StartTime}
	if in.Params.Kind() != 'n' {
		n.Params = approval.RawJSON(in.Params)
	}
	var err error
	n.Duration, err = askedDuration(in.DefaultDuration, in.Meta.Labels[approval.LabelAskedDuration])
	return n, err
}

// askedDuration answers how long is asked for: by the field, by the label, or by both if they say the same.
func askedDuration(field, label string) (time.Duration, error) {
	var asked time.Duration
	var err error
	if field != "" {
		if asked, err = parseDuration("petition.defaultDuration", field); err != nil {
			return 0, err
		}
	}
	if label == "" {
		return asked, nil
	}
	const at = "petition.meta.labels." + approval.LabelAskedDuration
	labelled, err := approval.ParseDuration(at, label)
	if err != nil {
		return 0, err
	}
	if field != "" && labelled != asked {
		return 0, approval.FieldError(at, "is %s but defaultDuration is %s: send one of them", labelled, asked)
	}
	return labelled, nil
}

var protoDuration = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,6})?s$`)

// parseDuration reads a duration as protobuf writes it in JSON: seconds, at most to the microsecond, and an "s".
func parseDuration(field, text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if !protoDuration.MatchString(text) || err != nil || d <= 0 || d > approval.MaxDuration {
		return 0, approval.FieldError(field, "must be a duration in seconds such as 3600s, more than zero and at most ten years")
	}
	return d, nil
}

// durationText writes a duration as protobuf does in JSON.
func durationText(d time.Duration) string {
	text := strconv.FormatInt(int64(d/time.Second), 10)
	if rest := d % time.Second; rest != 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(int64(rest+time.Second), 10)[1:], "0")
	}
	return text + "s"
}
