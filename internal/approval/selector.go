package approval

import (
	"regexp"
	"slices"
	"strings"
)

// Operators of a label selector's terms.
const (
	In           = "In"
	NotIn        = "NotIn"
	Exists       = "Exists"
	DoesNotExist = "DoesNotExist"
)

// Selector is a label selector with Kubernetes syntax: all terms must hold.
// As there, NotIn also holds for what does not have the label.
type Selector []SelectorTerm

// SelectorTerm is one comma-separated part of a selector.
type SelectorTerm struct {
	Key      string   `json:"key" maxLength:"200" doc:"The label to look at." example:"env"`
	Operator string   `json:"operator" enum:"In,NotIn,Exists,DoesNotExist" doc:"NotIn also takes what does not have the label."`
	Values   []string `json:"values,omitempty" maxItems:"50" maxLength:"1000" doc:"For In and NotIn."`
}

// Matches answers whether the labels satisfy every term.
func (s Selector) Matches(labels map[string]string) bool {
	for _, t := range s {
		value, has := labels[t.Key]
		var ok bool
		switch t.Operator {
		case In:
			ok = has && slices.Contains(t.Values, value)
		case NotIn:
			ok = !has || !slices.Contains(t.Values, value)
		case Exists:
			ok = has
		case DoesNotExist:
			ok = !has
		}
		if !ok {
			return false
		}
	}
	return true
}

var (
	selectorKey = `[A-Za-z0-9]([A-Za-z0-9._/:-]*[A-Za-z0-9])?`
	selectorVal = `[A-Za-z0-9@:/._+ -]*`
	setTerm     = regexp.MustCompile(`^(` + selectorKey + `)\s+(in|notin)\s*\(([^()]*)\)$`)
	equalTerm   = regexp.MustCompile(`^(` + selectorKey + `)\s*(==|=|!=)\s*(` + selectorVal + `)$`)
	existsTerm  = regexp.MustCompile(`^(!?)\s*(` + selectorKey + `)$`)
	plainValue  = regexp.MustCompile(`^` + selectorVal + `$`)
)

// ParseSelector reads a selector such as `env=prod,tier in (a, b),!legacy`; at most 20 terms of at most 50 values.
func ParseSelector(field, text string) (Selector, error) {
	if len(text) > MaxSelector {
		return nil, FieldError(field, "is longer than %d bytes", MaxSelector)
	}
	var s Selector
	for _, part := range splitTerms(text) {
		term, ok := parseTerm(strings.TrimSpace(part))
		if !ok || len(term.Values) > 50 || len(s) == 20 {
			return nil, FieldError(field, "%.100q is not a label selector: write key=value, key!=value, key in (a,b), key notin (a,b), key or !key, joined by commas", part)
		}
		s = append(s, term)
	}
	return s, nil
}

// splitTerms splits at the commas that stand outside parentheses.
func splitTerms(text string) (parts []string) {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	depth, start := 0, 0
	for i, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}

func parseTerm(part string) (SelectorTerm, bool) {
	if m := setTerm.FindStringSubmatch(part); m != nil {
		var values []string
		for v := range strings.SplitSeq(m[4], ",") {
			v = strings.TrimSpace(v)
			if !plainValue.MatchString(v) {
				return SelectorTerm{}, false
			}
			values = append(values, v)
		}
		return SelectorTerm{Key: m[1], Operator: map[string]string{"in": In, "notin": NotIn}[m[3]], Values: values}, true
	}
	if m := equalTerm.FindStringSubmatch(part); m != nil {
		op := In
		if m[3] == "!=" {
			op = NotIn
		}
		return SelectorTerm{Key: m[1], Operator: op, Values: []string{strings.TrimSpace(m[4])}}, true
	}
	if m := existsTerm.FindStringSubmatch(part); m != nil {
		op := Exists
		if m[1] == "!" {
			op = DoesNotExist
		}
		return SelectorTerm{Key: m[2], Operator: op}, true
	}
	return SelectorTerm{}, false
}
