package approval

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// ReadPetition reads what [JSON.Petition] has written, in a tenth of the JSON library's time: a page of a list is mostly
// reading. It takes such a text only, member by member in the order in which they are written; of any other, such as one
// with a space in it or of another version, it answers false, and the library must read it. What it takes means the same
// to both, which a test and a fuzz target compare. The petition's texts are parts of the document and keep it in memory.
func ReadPetition(document string, p *Petition) bool {
	r := jsonReader{text: document}
	*p = Petition{}
	r.petition(p)
	if !r.end() {
		*p = Petition{}
	}
	return !r.strange
}

// ReadEvent reads what [JSON.Event] has written, as ReadPetition does.
func ReadEvent(document string, e *Event) bool {
	r := jsonReader{text: document}
	*e = Event{}
	r.event(e)
	if !r.end() {
		*e = Event{}
	}
	return !r.strange
}

// jsonReader reads a text from its beginning to its end. Once something is not as expected it stands at the end and finds
// nothing any more, so that nobody needs to ask after each step.
type jsonReader struct {
	text    string
	at      int
	strange bool
}

func (r *jsonReader) fail() { r.at, r.strange = len(r.text), true }

// end answers whether all was as expected, up to the last byte.
func (r *jsonReader) end() bool {
	r.strange = r.strange || r.at != len(r.text)
	return !r.strange
}

func (r *jsonReader) petition(p *Petition) {
	r.expect('{')
	p.Phase, p.Outcome = Phase(r.must("phase").quoted()), Outcome(r.quotedIf("outcome"))
	p.Petitioners = listOf(r.must("petitioners"), (*jsonReader).resource)
	p.Resources = listOf(r.must("resources"), (*jsonReader).resource)
	r.must("createdBy").resource(&p.CreatedBy)
	p.Reason = r.must("reason").quoted()
	if r.has("params") {
		p.Params = r.object()
	}
	p.Labels, p.DisplayName = r.labels(), r.quotedIf("displayName")
	p.Duration, p.StartTime = time.Duration(r.integerIf("duration")), r.instantIf("startTime")
	p.Digest = r.must("digest").quoted()
	r.must("verdict").verdict(&p.Verdict)
	if r.has("claims") {
		p.Claims = listOf(r, (*jsonReader).event)
	}
	if r.has("decision") {
		p.Decision = r.decision()
	}
	if r.has("grant") {
		p.Grant = r.grant()
	}
	if r.has("progress") {
		p.Progress = r.progress()
	}
	p.Stuck = r.quotedIf("stuck")
	if r.has("review") {
		p.Review = r.review()
	}
	p.Persons = textsOf[string](r.must("persons"))
	p.CreateTime, p.UpdateTime = r.must("createTime").instant(), r.must("updateTime").instant()
	p.ExpireTime = r.must("expireTime").instant()
	r.expect('}')
}

func (r *jsonReader) decision() *Decision {
	d := new(Decision)
	r.expect('{')
	d.Claim = r.must("claim").quoted()
	r.must("actor").resource(&d.Actor)
	d.Reason, d.Timestamp, d.OnBehalfOf = r.quotedIf("reason"), r.must("timestamp").instant(), r.quotedIf("onBehalfOf")
	r.expect('}')
	return d
}

func (r *jsonReader) grant() *Grant {
	g := new(Grant)
	r.expect('{')
	g.StartTime, g.EndTime = r.must("startTime").instant(), r.instantIf("endTime")
	g.Warned, g.Pending, g.Webhooks = r.booleanIf("warned"), r.booleanIf("pending"), r.booleanIf("webhooks")
	r.expect('}')
	return g
}

func (r *jsonReader) event(e *Event) {
	r.expect('{')
	e.Event = r.must("event").quoted()
	if r.has("meta") {
		r.meta(&e.Meta)
	}
	e.Reason, e.Timestamp, e.ID = r.quotedIf("reason"), r.instantIf("timestamp"), r.quotedIf("id")
	e.ExternalID, e.SessionID = r.quotedIf("externalId"), r.quotedIf("sessionId")
	if r.has("actor") {
		r.resource(&e.Actor)
	}
	if r.has("resources") {
		e.Resources = listOf(r, (*jsonReader).resource)
	}
	r.expect('}')
}

func (r *jsonReader) meta(m *Meta) {
	r.expect('{')
	m.Name, m.Space, m.DisplayName = r.quotedIf("name"), r.quotedIf("space"), r.quotedIf("displayName")
	m.Labels = r.labels()
	m.CreateTime, m.UpdateTime, m.DeleteTime = r.instantIf("createTime"), r.instantIf("updateTime"), r.instantIf("deleteTime")
	m.ExpireTime, m.StartTime, m.EndTime = r.instantIf("expireTime"), r.instantIf("startTime"), r.instantIf("endTime")
	r.expect('}')
}

func (r *jsonReader) resource(to *Resource) {
	r.expect('{')
	to.ID, to.DisplayName = r.quotedIf("id"), r.quotedIf("displayName")
	if r.has("altIds") {
		to.AltIDs = textsOf[string](r)
	}
	to.Kind, to.Email, to.Labels = r.quotedIf("kind"), r.quotedIf("email"), r.labels()
	r.expect('}')
}

// labels reads the member labels, if it is there. Keys stand in their order; the library judges whatever has one twice.
func (r *jsonReader) labels() map[string]string {
	if !r.has("labels") {
		return nil
	}
	r.expect('{')
	labels := map[string]string{}
	for last := ""; !r.next('}'); {
		if len(labels) > 0 {
			r.expect(',')
		}
		key := r.quoted()
		r.expect(':')
		value := r.quoted()
		if r.strange || len(labels) > 0 && key <= last {
			r.fail()
			return nil
		}
		labels[key], last = value, key
	}
	return labels
}

// listOf reads an array; like the library, it answers an empty one for an empty one.
func listOf[T any](r *jsonReader, read func(*jsonReader, *T)) []T {
	items := []T{}
	r.expect('[')
	if r.next(']') {
		return items
	}
	for more := true; more; more = r.next(',') {
		var item T
		items = append(items, item)
		read(r, &items[len(items)-1])
	}
	r.expect(']')
	return items
}

func textsOf[S ~string](r *jsonReader) []S {
	return listOf(r, func(r *jsonReader, s *S) { *s = S(r.quoted()) })
}

// has answers whether the member comes next, and steps to its value.
func (r *jsonReader) has(name string) bool {
	at := r.at
	if at == 0 || at == len(r.text) {
		return false
	}
	if r.text[at-1] != '{' {
		if r.text[at] != ',' {
			return false
		}
		at++
	}
	rest, n := r.text[at:], len(name)
	if len(rest) < n+3 || rest[1] != name[0] || rest[0] != '"' || rest[1:n+1] != name || rest[n+1] != '"' || rest[n+2] != ':' {
		return false
	}
	r.at = at + n + 3
	return true
}

// must steps to the value of a member that is always there.
func (r *jsonReader) must(name string) *jsonReader {
	if !r.has(name) {
		r.fail()
	}
	return r
}

func (r *jsonReader) quotedIf(name string) string {
	if !r.has(name) {
		return ""
	}
	return r.quoted()
}

func (r *jsonReader) instantIf(name string) time.Time {
	if !r.has(name) {
		return time.Time{}
	}
	return r.instant()
}

// next steps over c, if it comes next.
func (r *jsonReader) next(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *jsonReader) expect(c byte) {
	if !r.next(c) {
		r.fail()
	}
}

// quoted reads a text. Where nothing is escaped it is a part of the document.
func (r *jsonReader) quoted() string {
	if !r.next('"') {
		r.fail()
		return ""
	}
	from, ascii := r.at, true
	for i := from + plain(r.text[from:]); i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			if s := r.text[from:i]; ascii || utf8.ValidString(s) {
				return s
			}
			r.fail()
			return ""
		case c == '\\':
			return r.escaped()
		case c < ' ':
			r.fail()
			return ""
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.fail()
	return ""
}

// plain answers how many bytes at the beginning of s, eight at a time, are certainly ASCII with no quote, backslash or
// control character among them. What it knows of a byte stands in the byte's highest bit.
func plain(s string) (n int) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; len(s) >= n+8; n += 8 {
		t := s[n : n+8]
		w := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		quote, slash := w^ones*'"', w^ones*'\\'
		if (w|(w-ones*' ')|(quote-ones)|(slash-ones))&highs != 0 {
			return n
		}
	}
	return n
}

// escaped reads a text whose first quote was read.
func (r *jsonReader) escaped() string {
	from := r.at - 1
	for i := r.at; i < len(r.text); i++ {
		switch r.text[i] {
		case '\\':
			i++
		case '"':
			text, err := jsontext.AppendUnquote(nil, r.text[from:i+1])
			if r.at = i + 1; err != nil {
				r.fail()
			}
			return string(text)
		}
	}
	r.fail()
	return ""
}

// integer reads a whole number of at most 18 digits, more than any of ours has.
func (r *jsonReader) integer() (n int64) {
	negative := r.next('-')
	from := r.at
	for r.at < len(r.text) && '0' <= r.text[r.at] && r.text[r.at] <= '9' {
		n = n*10 + int64(r.text[r.at]-'0')
		r.at++
	}
	if digits := r.at - from; digits == 0 || digits > 18 || digits > 1 && r.text[from] == '0' {
		r.fail()
	}
	if negative {
		return -n
	}
	return n
}

func (r *jsonReader) boolean() bool {
	rest := r.text[r.at:]
	switch {
	case strings.HasPrefix(rest, "true"):
		r.at += len("true")
		return true
	case strings.HasPrefix(rest, "false"):
		r.at += len("false")
		return false
	}
	r.fail()
	return false
}

// object reads an object as it stands: to its last bracket, and then it must be JSON.
func (r *jsonReader) object() RawJSON {
	from, depth, quoted := r.at, 0, false
	if from == len(r.text) || r.text[from] != '{' {
		r.fail()
		return nil
	}
	for i := from; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case quoted:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return r.valid(r.text[from : i+1])
			}
		}
	}
	r.fail()
	return nil
}

func (r *jsonReader) valid(object string) RawJSON {
	r.at += len(object)
	value := RawJSON(object)
	if !jsontext.Value(value).IsValid() {
		r.fail()
	}
	return value
}

// instant reads a time in UTC as it is written here: 2006-01-02T15:04:05Z, with up to nine decimals of the second.
func (r *jsonReader) instant() time.Time {
	text := r.quoted()
	const whole = "2006-01-02T15:04:05"
	n := len(text) - 1
	if n < len(whole) || text[n] != 'Z' || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':' {
		r.fail()
		return time.Time{}
	}
	year, month, day := r.digits(text[:4]), r.digits(text[5:7]), r.digits(text[8:10])
	hour, minute, second := r.digits(text[11:13]), r.digits(text[14:16]), r.digits(text[17:19])
	t := time.Date(year, time.Month(month), day, hour, minute, second, r.nanos(text[len(whole):n]), time.UTC)
	if hour > 23 || minute > 59 || second > 59 || t.Day() != day || t.Month() != time.Month(month) {
		r.fail() // there is no such time
	}
	return t
}

// nanos reads the decimals of a second, with their point, or none.
func (r *jsonReader) nanos(text string) int {
	if text == "" {
		return 0
	}
	if text[0] != '.' || len(text) < 2 || len(text) > 10 {
		r.fail()
		return 0
	}
	n := r.digits(text[1:])
	for range 10 - len(text) {
		n *= 10
	}
	return n
}

func (r *jsonReader) digits(text string) (n int) {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			r.fail()
		}
		n = n*10 + int(c-'0')
	}
	return n
}
