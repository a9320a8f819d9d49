package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// Types of inputs.
const (
	inputText   = "text"
	inputNumber = "number"
	inputChoice = "choice"
)

// ownLabels are the labels that the product gives a meaning.
const ownLabels = "indent.com/"

func (s *sourceRule) inputs() (all []approval.Input, err error) {
	if len(s.Inputs) > maxInputs {
		return nil, s.Inputs[maxInputs].wrong("at most %d inputs are allowed", maxInputs)
	}
	var wrong []error
	for _, q := range s.Inputs {
		in, err := q.compile()
		if err == nil && slices.ContainsFunc(all, func(other approval.Input) bool { return other.Label == in.Label }) {
			err = q.Label.wrong("another input of this rule fills in the label %q", in.Label)
		}
		wrong, all = append(wrong, err), append(all, in)
	}
	return all, errors.Join(wrong...)
}

func (q sourceInput) compile() (in approval.Input, err error) {
	if q.Label.value == "" {
		return in, q.wrong("an input needs a label, such as label: ticket")
	}
	if in.Label, err = q.Label.label(); err != nil {
		return in, err
	}
	if strings.HasPrefix(in.Label, ownLabels) {
		return in, q.Label.wrong("labels below %s have a meaning of their own: take another", ownLabels)
	}
	if in.Description, err = q.Description.sentence(); err != nil {
		return in, err
	}
	in.Type, in.Optional = q.Type.value, q.Optional
	if err := q.fits(); err != nil {
		return in, err
	}
	switch in.Type {
	case inputText:
		err = q.text(&in)
	case inputNumber:
		err = q.number(&in)
	case inputChoice:
		err = q.choice(&in)
	}
	return in, err
}

// fits refuses keys that another type of input has.
func (q sourceInput) fits() error {
	switch kind := q.Type.value; {
	case kind == "":
		return q.wrong("an input needs a type: text, number or choice")
	case kind != inputText && kind != inputNumber && kind != inputChoice:
		return q.Type.wrong("there is no type %q; there are text, number and choice", kind)
	case kind != inputChoice && q.Choices != nil:
		return q.Type.wrong("only a choice has choices")
	case kind != inputNumber && (q.Min != nil || q.Max != nil):
		return q.Type.wrong("only a number has min and max")
	case kind != inputText && q.MaxLength != nil:
		return q.MaxLength.wrong("only a text has maxLength")
	}
	return nil
}

func (q sourceInput) text(in *approval.Input) error {
	if q.MaxLength == nil {
		return nil
	}
	in.MaxLength = q.MaxLength.value
	if in.MaxLength < 1 || in.MaxLength > approval.MaxLabelValue {
		return q.MaxLength.wrong("maxLength must be 1 to %d", approval.MaxLabelValue)
	}
	return nil
}

func (q sourceInput) number(in *approval.Input) error {
	if q.Min != nil {
		in.Min = &q.Min.value
	}
	if q.Max != nil {
		in.Max = &q.Max.value
	}
	if q.Min != nil && q.Max != nil && q.Min.value > q.Max.value {
		return q.Max.wrong("max is less than min: nothing could be filled in")
	}
	return nil
}

func (q sourceInput) choice(in *approval.Input) (err error) {
	switch {
	case len(q.Choices) == 0:
		return q.wrong("a choice needs choices")
	case len(q.Choices) > maxChoices:
		return q.Choices[maxChoices].wrong("at most %d choices are allowed", maxChoices)
	}
	in.Choices, err = each(q.Choices, "choice", func(t text) error { return t.id(approval.MaxLabelValue) })
	return err
}
