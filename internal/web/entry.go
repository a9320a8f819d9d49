package web

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// entry is a form that was refused: it comes back with what was typed and with what is wrong, beside the field. The zero
// value is of no form.
type entry struct {
	form   string // which of the page's
	values url.Values
	field  string // the name of the field at fault; empty when it is none of the form's
	text   string
}

// refusedEntry answers the entry for err. fields are the names of the form's fields; an error about "claims.sub" is one of
// "claims".
func refusedEntry(form string, values url.Values, err error, fields ...string) entry {
	if err == nil {
		return entry{}
	}
	e := entry{form: form, values: values, text: err.Error()}
	var known *approval.Error
	if !errors.As(err, &known) {
		return e
	}
	for _, name := range fields {
		if known.Field == name || strings.HasPrefix(known.Field, name+".") || strings.HasPrefix(known.Field, name+" ") {
			e.field = name
		}
	}
	return e
}

// Of answers whether it is that form.
func (e entry) Of(form string) bool { return e.form == form }

// Value answers what was typed, or otherwise for a form that was not sent.
func (e entry) Value(form, field, otherwise string) string {
	if e.form != form {
		return otherwise
	}
	return retyped(e.values.Get(field))
}

// Has answers whether a box was ticked or a choice was made, or otherwise for a form that was not sent.
func (e entry) Has(form, field, value string, otherwise bool) bool {
	if e.form != form {
		return otherwise
	}
	return slices.Contains(e.values[field], value)
}

// Wrong answers what is wrong with a field; with the form as a whole for the field "".
func (e entry) Wrong(form, field string) string {
	if e.form == form && e.field == field {
		return e.text
	}
	return ""
}

// madeOf reads which version a form was made of, so that its change does not undo what somebody else has changed since.
func madeOf(values url.Values) (int64, error) {
	made, err := strconv.ParseInt(values.Get("version"), 10, 64)
	if err != nil || made < 1 {
		return 0, approval.Errorf(approval.Invalid, "the form does not say what it was made of: open the page again, and make the change there")
	}
	return made, nil
}

// renamed answers err about the field as the page calls it, by what the use case calls it.
func renamed(err error, names map[string]string) error {
	var known *approval.Error
	if !errors.As(err, &known) || names[known.Field] == "" {
		return err
	}
	moved := *known
	moved.Field = names[known.Field]
	return &moved
}
