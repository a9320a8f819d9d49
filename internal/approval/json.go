package approval

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON is JSON text in the making. Petitions and events are written several times in each of their steps, to the store
// and to clients, so they write themselves: the same text as the JSON library's, map keys sorted, in a fifth of its
// time. A test compares the two on values with every field set, so that no field can be forgotten here.
type JSON []byte

// Begin and End enclose an object.
func (j JSON) Begin() JSON { return append(j, '{') }

// End ends an object.
func (j JSON) End() JSON { return append(j, '}') }

// Name begins a member; its value must follow. Names are ours and need no escaping.
func (j JSON) Name(name string) JSON {
	j = append(j.Next(), '"')
	j = append(j, name...)
	return append(j, '"', ':')
}

// Next writes the comma before all values of an object or array but the first.
func (j JSON) Next() JSON {
	if c := j[len(j)-1]; c != '{' && c != '[' {
		j = append(j, ',')
	}
	return j
}

// Quote writes a text as a value.
func (j JSON) Quote(s string) JSON {
	for i := plain(s); i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			// What is not UTF-8 is replaced; none has come in.
			quoted, _ := jsontext.AppendQuote([]byte(j), s)
			return quoted
		}
	}
	j = append(j, '"')
	j = append(j, s...)
	return append(j, '"')
}

// Text writes a member, unless the text is empty.
func (j JSON) Text(name, s string) JSON {
	if s == "" {
		return j
	}
	return j.Name(name).Quote(s)
}

// Int writes a member.
func (j JSON) Int(name string, n int64) JSON { return strconv.AppendInt(j.Name(name), n, 10) }

// IntIf writes a member, unless the number is 0.
func (j JSON) IntIf(name string, n int64) JSON {
	if n == 0 {
		return j
	}
	return j.Int(name, n)
}

// Ints writes a member that is an array of whole numbers, unless it is empty.
func (j JSON) Ints(name string, list []int) JSON {
	if len(list) == 0 {
		return j
	}
	j = append(j.Name(name), '[')
	for _, n := range list {
		j = strconv.AppendInt(j.Next(), int64(n), 10)
	}
	return append(j, ']')
}

// Bool writes a member.
func (j JSON) Bool(name string, b bool) JSON { return strconv.AppendBool(j.Name(name), b) }

// True writes a member, unless b is false.
func (j JSON) True(name string, b bool) JSON {
	if !b {
		return j
	}
	return append(j.Name(name), "true"...)
}

// Raw writes a member that is JSON already, unless it is empty.
func (j JSON) Raw(name string, value []byte) JSON {
	if len(value) == 0 {
		return j
	}
	return append(j.Name(name), value...)
}

// Instant writes a time as a value (RFC 3339). What all of ours are, UTC in whole microseconds, is written here in half
// of the library's time: a round trip writes thirty.
func (j JSON) Instant(t time.Time) JSON {
	year, month, day := t.Date()
	micros := t.Nanosecond() / 1000
	if t.Location() != time.UTC || year < 0 || year > 9999 || micros*1000 != t.Nanosecond() {
		j = t.AppendFormat(append(j, '"'), time.RFC3339Nano)
		return append(j, '"')
	}
	hour, minute, second := t.Clock()
	j = append(j, '"').two(year / 100).two(year % 100)
	j = append(j, '-').two(int(month))
	j = append(j, '-').two(day)
	j = append(j, 'T').two(hour)
	j = append(j, ':').two(minute)
	j = append(j, ':').two(second)
	if micros > 0 {
		j = append(j, '.').two(micros / 10_000).two(micros / 100 % 100).two(micros % 100)
		for j[len(j)-1] == '0' {
			j = j[:len(j)-1]
		}
	}
	return append(j, 'Z', '"')
}

// two writes two digits.
func (j JSON) two(n int) JSON { return append(j, '0'+byte(n/10), '0'+byte(n%10)) }

// Time writes a member, unless the time is zero.
func (j JSON) Time(name string, t time.Time) JSON {
	if t.IsZero() {
		return j
	}
	return j.Name(name).Instant(t)
}

// Labels writes a member, its keys sorted, unless there are none.
func (j JSON) Labels(name string, labels map[string]string) JSON {
	if len(labels) == 0 {
		return j
	}
	var few [8]label
	j = j.Name(name).Begin()
	for _, l := range sortedLabels(few[:0], labels) {
		j = append(j.Next().Quote(l.key), ':').Quote(l.value)
	}
	return j.End()
}

type label struct{ key, value string }

// sortedLabels adds the labels to list, by their keys: they are nearly always too few for a sort to be worth its calls.
func sortedLabels(list []label, labels map[string]string) []label {
	const few = 16
	for key, value := range labels {
		list = append(list, label{key, value})
		for i := len(list) - 1; i > 0 && len(labels) <= few && list[i-1].key > key; i-- {
			list[i-1], list[i] = list[i], list[i-1]
		}
	}
	if len(labels) > few {
		slices.SortFunc(list, func(a, b label) int { return strings.Compare(a.key, b.key) })
	}
	return list
}

// Texts writes an array of texts as a value.
func Texts[S ~string](j JSON, list []S) JSON {
	j = append(j, '[')
	for _, s := range list {
		j = j.Next().Quote(string(s))
	}
	return append(j, ']')
}

// Resource writes a resource as a value.
func (j JSON) Resource(r *Resource) JSON {
	j = j.Begin().Text("id", r.ID).Text("displayName", r.DisplayName)
	if len(r.AltIDs) > 0 {
		j = Texts(j.Name("altIds"), r.AltIDs)
	}
	return j.Text("kind", r.Kind).Text("email", r.Email).Labels("labels", r.Labels).End()
}

func (r *Resource) isZero() bool {
	return r.ID == "" && r.DisplayName == "" && r.AltIDs == nil && r.Kind == "" && r.Email == "" && r.Labels == nil
}

// Resources writes an array of resources as a value.
func (j JSON) Resources(list []Resource) JSON {
	j = append(j, '[')
	for i := range list {
		j = j.Next().Resource(&list[i])
	}
	return append(j, ']')
}

// Meta writes a meta object as a value.
func (j JSON) Meta(m *Meta) JSON {
	return j.Begin().Text("name", m.Name).Text("space", m.Space).Text("displayName", m.DisplayName).Labels("labels", m.Labels).
		Time("createTime", m.CreateTime).Time("updateTime", m.UpdateTime).Time("deleteTime", m.DeleteTime).
		Time("expireTime", m.ExpireTime).Time("startTime", m.StartTime).Time("endTime", m.EndTime).End()
}

func (m *Meta) isZero() bool {
	return m.Name == "" && m.Space == "" && m.DisplayName == "" && m.Labels == nil && m.CreateTime.IsZero() &&
		m.UpdateTime.IsZero() && m.DeleteTime.IsZero() && m.ExpireTime.IsZero() && m.StartTime.IsZero() && m.EndTime.IsZero()
}

// Event writes an event as a value.
func (j JSON) Event(e *Event) JSON {
	j = j.Begin().Name("event").Quote(e.Event)
	if !e.Meta.isZero() {
		j = j.Name("meta").Meta(&e.Meta)
	}
	j = j.Text("reason", e.Reason).Time("timestamp", e.Timestamp).Text("id", e.ID).Text("externalId", e.ExternalID).
		Text("sessionId", e.SessionID)
	if !e.Actor.isZero() {
		j = j.Name("actor").Resource(&e.Actor)
	}
	if len(e.Resources) > 0 {
		j = j.Name("resources").Resources(e.Resources)
	}
	return j.End()
}

// Events writes an array of events as a value.
func (j JSON) Events(list []Event) JSON {
	j = append(j, '[')
	for i := range list {
		j = j.Next().Event(&list[i])
	}
	return append(j, ']')
}

// Decision writes a member, unless there is none.
func (j JSON) Decision(name string, d *Decision) JSON {
	if d == nil {
		return j
	}
	return j.Name(name).Begin().Name("claim").Quote(d.Claim).Name("actor").Resource(&d.Actor).Text("reason", d.Reason).
		Name("timestamp").Instant(d.Timestamp).Text("onBehalfOf", d.OnBehalfOf).End()
}

// Grant writes a member, unless there is none.
func (j JSON) Grant(name string, g *Grant) JSON {
	if g == nil {
		return j
	}
	return j.Name(name).Begin().Name("startTime").Instant(g.StartTime).Time("endTime", g.EndTime).True("warned", g.Warned).True("pending", g.Pending).True("webhooks", g.Webhooks).End()
}

// Petition writes a petition as the store keeps it, as a value.
func (j JSON) Petition(p *Petition) JSON {
	j = j.Begin().Name("phase").Quote(string(p.Phase)).Text("outcome", string(p.Outcome)).
		Name("petitioners").Resources(p.Petitioners).Name("resources").Resources(p.Resources).
		Name("createdBy").Resource(&p.CreatedBy).Name("reason").Quote(p.Reason).Raw("params", p.Params).
		Labels("labels", p.Labels).Text("displayName", p.DisplayName)
	j = j.IntIf("duration", int64(p.Duration)).Time("startTime", p.StartTime).Name("digest").Quote(p.Digest).Name("verdict").verdict(&p.Verdict)
	if len(p.Claims) > 0 {
		j = j.Name("claims").Events(p.Claims)
	}
	j = Texts(j.Decision("decision", p.Decision).Grant("grant", p.Grant).Progress("progress", p.Progress).Text("stuck", p.Stuck).
		Review("review", p.Review).Name("persons"), p.Persons)
	return j.Name("createTime").Instant(p.CreateTime).Name("updateTime").Instant(p.UpdateTime).
		Name("expireTime").Instant(p.ExpireTime).End()
}
