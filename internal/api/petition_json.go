package api

import (
	"github.com/go-json-experiment/json"

	"github.com/indent-approvals/indent/internal/approval"
)

// selfWriter is an output that writes its own JSON: the same text as the library's, faster (see [approval.JSON]). A test
// compares the two.
type selfWriter interface {
	appendJSON(approval.JSON) approval.JSON
}

// appendBody writes an answer's body.
func appendBody(b []byte, body any) ([]byte, error) {
	switch body := body.(type) {
	case selfWriter:
		return body.appendJSON(b), nil
	case *approval.Event:
		return approval.JSON(b).Event(body), nil
	}
	text, err := json.Marshal(body, json.Deterministic(true))
	return append(b, text...), err
}

func (p *petition) appendJSON(j approval.JSON) approval.JSON {
	j = j.Begin().Name("name").Quote(p.Name).Name("spaceName").Quote(p.SpaceName).Name("meta").Meta(&p.Meta).
		Name("petitioners").Resources(p.Petitioners).Name("resources").Resources(p.Resources).
		Text("defaultDuration", p.DefaultDuration).Time("startTime", p.StartTime).Name("reason").Quote(p.Reason).Raw("params", p.Params).
		Name("digest").Quote(p.Digest).Name("createdBy").Resource(&p.CreatedBy)
	return p.State.appendJSON(j.Name("state")).End()
}

func (s *petitionState) appendJSON(j approval.JSON) approval.JSON {
	j = j.Begin().Name("status").Begin().Name("phase").Quote(string(s.Status.Phase)).Text("outcome", string(s.Status.Outcome)).
		Name("message").Quote(s.Status.Message).Raw("webhooks", listJSON(s.Status.Webhooks)).End()
	v := &s.Verdict
	j = j.Name("verdict").Begin().Name("decision").Quote(v.Decision).Name("rule").Quote(v.Rule).Int("policyVersion", v.PolicyVersion).
		Text("explanation", v.Explanation).True("dev", v.Dev)
	if len(v.Requirements) > 0 {
		j = v.Requirements.appendJSON(j.Name("requirements"))
	}
	j = j.IntIf("denials", int64(v.Denials)).Inputs("inputs", v.Inputs)
	if b := v.BreakGlass; b != nil {
		j = b.Requirements.appendJSON(j.Name("breakGlass").Begin().Name("requirements")).Name("within").Quote(b.Within).End()
	}
	j = j.End().Decision("decision", s.Decision).Grant("grant", s.Grant).Progress("progress", s.Progress).Review("review", s.Review).
		Name("claims").Events(s.Claims).Name("eventHistory").Events(s.EventHistory).Raw("deputies", listJSON(s.Deputies))
	j = append(j.Name("messages"), '[')
	for _, m := range s.Messages {
		j = j.Next().Begin().Name("code").Quote(m.Code).Name("message").Quote(m.Message).End()
	}
	return append(j, ']').End()
}

func (l *petitionList) appendJSON(j approval.JSON) approval.JSON {
	j = append(j.Begin().Name("petitions"), '[')
	for _, p := range l.Petitions {
		j = p.appendJSON(j.Next())
	}
	return append(j, ']').Name("nextPageToken").Quote(l.NextPageToken).End()
}

func (l *eventList) appendJSON(j approval.JSON) approval.JSON {
	return j.Begin().Name("events").Events(l.Events).Name("nextPageToken").Quote(l.NextPageToken).End()
}
