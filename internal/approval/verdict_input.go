package approval

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Types of inputs.
const (
	InputText   = "text"
	InputNumber = "number"
	InputChoice = "choice"
)

// CheckInputs answers Invalid for a petition whose labels are not what the rule asks the petitioner to fill in.
func (v *Verdict) CheckInputs(labels map[string]string) error {
	for i := range v.Inputs {
		in := &v.Inputs[i]
		value, given := labels[in.Label]
		if !given || strings.TrimSpace(value) == "" {
			if in.Optional {
				continue
			}
			return in.refuse("is required by rule %q: %s", v.Rule, in.wants())
		}
		if err := in.check(value); err != nil {
			return err
		}
	}
	return nil
}

// number is a number as JSON writes it.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

func (in *Input) check(value string) error {
	switch in.Type {
	case InputNumber:
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || !number.MatchString(value) || in.Min != nil && n < *in.Min || in.Max != nil && n > *in.Max {
			return in.refuse("must be %s, it is %.100q", in.wants(), value)
		}
	case InputChoice:
		if !slices.Contains(in.Choices, value) {
			return in.refuse("must be %s, it is %.100q", in.wants(), value)
		}
	default:
		if n := utf8.RuneCountInString(value); in.MaxLength > 0 && n > in.MaxLength {
			return in.refuse("must be %s, it has %d characters", in.wants(), n)
		}
	}
	return nil
}

func (in *Input) refuse(format string, args ...any) error {
	return FieldError("petition.meta.labels."+in.Label, format, args...)
}

// wants says for people what is to be filled in: "a number of at least 1 and at most 10 (how many machines)".
func (in *Input) wants() string {
	text := "a text"
	switch in.Type {
	case InputNumber:
		text = "a number"
		var limits []string
		if in.Min != nil {
			limits = append(limits, "at least "+plainNumber(*in.Min))
		}
		if in.Max != nil {
			limits = append(limits, "at most "+plainNumber(*in.Max))
		}
		if len(limits) > 0 {
			text += " of " + joined(limits, "and")
		}
	case InputChoice:
		text = "one of " + joined(in.Choices, "or")
	default:
		if in.MaxLength > 0 {
			text += " of at most " + strconv.Itoa(in.MaxLength) + " characters"
		}
	}
	if in.Description != "" {
		text += " (" + in.Description + ")"
	}
	return text
}

func plainNumber(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
