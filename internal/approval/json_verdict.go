package approval

import (
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// verdict writes a verdict as the store keeps it, as a value.
func (j JSON) verdict(v *Verdict) JSON {
	j = j.Begin().Name("decision").Quote(v.Decision).Name("rule").Quote(v.Rule).Int("policyVersion", v.PolicyVersion).
		Text("explanation", v.Explanation).True("dev", v.Dev)
	if len(v.Requirements) > 0 {
		j = j.Name("requirements").Requirements(v.Requirements, inNanoseconds)
	}
	j = j.Int("decideWithin", int64(v.DecideWithin)).Int("defaultDuration", int64(v.DefaultDuration)).
		IntIf("maxDuration", int64(v.MaxDuration)).IntIf("denials", int64(v.Denials)).Inputs("inputs", v.Inputs)
	if b := v.BreakGlass; b != nil {
		j = j.Name("breakGlass").Begin().Name("requirements").Requirements(b.Requirements, inNanoseconds).Int("within", int64(b.Within)).End()
	}
	return j.End()
}

// inNanoseconds is how the store keeps a duration.
func inNanoseconds(j JSON, name string, d time.Duration) JSON { return j.Int(name, int64(d)) }

// Requirements writes requirements as a value. lasts writes each duration, as a member.
func (j JSON) Requirements(list []Requirement, lasts func(j JSON, name string, d time.Duration) JSON) JSON {
	j = append(j, '[')
	for i := range list {
		j = j.Next().requirement(&list[i], lasts)
	}
	return append(j, ']')
}

func (j JSON) requirement(r *Requirement, lasts func(j JSON, name string, d time.Duration) JSON) JSON {
	j = j.Begin().IntIf("stage", int64(r.Stage)).IntIf("resource", int64(r.Resource)).Name("reviewers").Reviewers(&r.Reviewers).
		Int("count", int64(r.Count)).Bool("selfApproval", r.SelfApproval).Text("confirm", r.Confirm).Ints("distinctFrom", r.DistinctFrom)
	if r.Notify != nil {
		j = j.Name("notify").Reviewers(r.Notify)
	}
	if r.RemindAfter != 0 {
		j = lasts(j, "remindAfter", r.RemindAfter)
	}
	if len(r.Escalate) > 0 {
		j = append(j.Name("escalate"), '[')
		for i := range r.Escalate {
			e := &r.Escalate[i]
			j = lasts(j.Next().Begin(), "after", e.After).Name("reviewers").Reviewers(&e.Reviewers).End()
		}
		j = append(j, ']')
	}
	return j.End()
}

// Reviewers writes reviewers as a value.
func (j JSON) Reviewers(r *Reviewers) JSON {
	j = j.Begin()
	if len(r.Roles) > 0 {
		j = Texts(j.Name("roles"), r.Roles)
	}
	j = j.texts("persons", r.Persons).texts("groups", r.Groups).Text("managers", r.Managers).Text("owners", r.Owners)
	return j.texts("onCall", r.OnCall).Text("where", r.Where).End()
}

func (j JSON) texts(name string, list []string) JSON {
	if len(list) == 0 {
		return j
	}
	return Texts(j.Name(name), list)
}

// Inputs writes a member, unless there are none.
func (j JSON) Inputs(name string, list []Input) JSON {
	if len(list) == 0 {
		return j
	}
	j = append(j.Name(name), '[')
	for i := range list {
		n := &list[i]
		j = j.Next().Begin().Name("label").Quote(n.Label).Text("description", n.Description).Name("type").Quote(n.Type).
			True("optional", n.Optional).texts("choices", n.Choices).number("min", n.Min).number("max", n.Max).
			IntIf("maxLength", int64(n.MaxLength)).End()
	}
	return append(j, ']')
}

func (j JSON) number(name string, n *float64) JSON {
	if n == nil {
		return j
	}
	return append(j.Name(name), jsontext.Float(*n).String()...)
}

// Progress writes a member, unless there is none.
func (j JSON) Progress(name string, p *Progress) JSON {
	if p == nil {
		return j
	}
	j = j.Name(name).Begin().Int("stage", int64(p.Stage)).Name("since").Instant(p.Since).Ints("levels", p.Levels).Ints("reminded", p.Reminded)
	if len(p.Lapsed) > 0 {
		j = Texts(j.Name("lapsed"), p.Lapsed)
	}
	return j.End()
}

// Review writes a member, unless there is none.
func (j JSON) Review(name string, r *Review) JSON {
	if r == nil {
		return j
	}
	return j.Name(name).Begin().Name("expireTime").Instant(r.ExpireTime).Text("outcome", string(r.Outcome)).End()
}

func (r *jsonReader) review() *Review {
	v := new(Review)
	r.expect('{')
	v.ExpireTime, v.Outcome = r.must("expireTime").instant(), ReviewOutcome(r.quotedIf("outcome"))
	r.expect('}')
	return v
}

func (r *jsonReader) verdict(v *Verdict) {
	r.expect('{')
	v.Decision, v.Rule = r.must("decision").quoted(), r.must("rule").quoted()
	v.PolicyVersion = r.must("policyVersion").integer()
	v.Explanation = r.quotedIf("explanation")
	v.Dev = r.booleanIf("dev")
	if r.has("requirements") {
		v.Requirements = listOf(r, (*jsonReader).requirement)
	}
	v.DecideWithin = time.Duration(r.must("decideWithin").integer())
	v.DefaultDuration = time.Duration(r.must("defaultDuration").integer())
	v.MaxDuration, v.Denials = time.Duration(r.integerIf("maxDuration")), int(r.integerIf("denials"))
	if r.has("inputs") {
		v.Inputs = listOf(r, (*jsonReader).input)
	}
	if r.has("breakGlass") {
		v.BreakGlass = new(BreakGlass)
		r.expect('{')
		v.BreakGlass.Requirements = listOf(r.must("requirements"), (*jsonReader).requirement)
		v.BreakGlass.Within = time.Duration(r.must("within").integer())
		r.expect('}')
	}
	r.expect('}')
}

func (r *jsonReader) requirement(q *Requirement) {
	r.expect('{')
	q.Stage, q.Resource = int(r.integerIf("stage")), int(r.integerIf("resource"))
	r.must("reviewers").reviewers(&q.Reviewers)
	q.Count = int(r.must("count").integer())
	q.SelfApproval = r.must("selfApproval").boolean()
	q.Confirm, q.DistinctFrom = r.quotedIf("confirm"), r.integersIf("distinctFrom")
	if r.has("notify") {
		q.Notify = new(Reviewers)
		r.reviewers(q.Notify)
	}
	q.RemindAfter = time.Duration(r.integerIf("remindAfter"))
	if r.has("escalate") {
		q.Escalate = listOf(r, (*jsonReader).escalation)
	}
	r.expect('}')
}

func (r *jsonReader) escalation(e *Escalation) {
	r.expect('{')
	e.After = time.Duration(r.must("after").integer())
	r.must("reviewers").reviewers(&e.Reviewers)
	r.expect('}')
}

func (r *jsonReader) reviewers(q *Reviewers) {
	r.expect('{')
	if r.has("roles") {
		q.Roles = textsOf[Role](r)
	}
	q.Persons, q.Groups = r.textsIf("persons"), r.textsIf("groups")
	q.Managers, q.Owners = r.quotedIf("managers"), r.quotedIf("owners")
	q.OnCall, q.Where = r.textsIf("onCall"), r.quotedIf("where")
	r.expect('}')
}

func (r *jsonReader) input(n *Input) {
	r.expect('{')
	n.Label, n.Description, n.Type = r.must("label").quoted(), r.quotedIf("description"), r.must("type").quoted()
	n.Optional, n.Choices = r.booleanIf("optional"), r.textsIf("choices")
	n.Min, n.Max, n.MaxLength = r.numberIf("min"), r.numberIf("max"), int(r.integerIf("maxLength"))
	r.expect('}')
}

func (r *jsonReader) progress() *Progress {
	p := new(Progress)
	r.expect('{')
	p.Stage, p.Since = int(r.must("stage").integer()), r.must("since").instant()
	p.Levels, p.Reminded, p.Lapsed = r.integersIf("levels"), r.integersIf("reminded"), r.textsIf("lapsed")
	r.expect('}')
	return p
}

func (r *jsonReader) textsIf(name string) []string {
	if !r.has(name) {
		return nil
	}
	return textsOf[string](r)
}

func (r *jsonReader) integerIf(name string) int64 {
	if !r.has(name) {
		return 0
	}
	return r.integer()
}

func (r *jsonReader) integersIf(name string) []int {
	if !r.has(name) {
		return nil
	}
	return listOf(r, func(r *jsonReader, n *int) { *n = int(r.integer()) })
}

func (r *jsonReader) booleanIf(name string) bool { return r.has(name) && r.boolean() }

// numberIf reads a number of any kind that JSON has.
func (r *jsonReader) numberIf(name string) *float64 {
	if !r.has(name) {
		return nil
	}
	from := r.at
	for r.at < len(r.text) && isOfNumber(r.text[r.at]) {
		r.at++
	}
	text := r.text[from:r.at]
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || !jsontext.Value(text).IsValid() {
		r.fail()
	}
	return &n
}

func isOfNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}
