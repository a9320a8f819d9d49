package policy

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// read answers the document's parts, each with its place. It refuses what the format has no use for: several documents
// in one text, anchors and tags, unknown and repeated keys, and keys without a value - an empty when must not turn a
// rule for some petitions into a rule for all.
//
// A document that can be read is answered with what is wrong with it as a whole. Of one that is not of the form of a document the
// parts are answered as unread, for what is wrong with their own form.
func read(doc string) (src, unread *source, wrong []error) {
	src, body, err := readParts(doc)
	if err == nil {
		return src, nil, src.check(body)
	}
	for _, one := range mistakes(err) {
		wrong = append(wrong, hinted(doc, one))
	}
	return nil, src, wrong
}

func readParts(doc string) (*source, ast.Node, error) {
	if len(doc) > maxDocument {
		return nil, nil, &Problem{Message: fmt.Sprintf("the document is %d bytes long, at most %d are allowed", len(doc), maxDocument)}
	}
	tokens := lexer.Tokenize(doc)
	if err := checkShape(tokens); err != nil {
		return nil, nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, nil, problemOf(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, nil, &Problem{Line: 1, Column: 1, Message: "the text must hold one document, such as version: 1 and a list of rules"}
	}
	body := file.Docs[0].Body
	nulls := &nullFinder{}
	ast.Walk(nulls, body)
	if nulls.found != nil {
		return nil, nil, placeOf(nulls.found).wrong("a key has no value: give it one or leave the key out")
	}
	src := &source{}
	return src, body, decode(body, src)
}

func (src *source) check(body ast.Node) (wrong []error) {
	begin := placeOf(body)
	switch {
	case src.Version == nil:
		wrong = append(wrong, begin.wrong("version: 1 is missing"))
	case src.Version.value != 1:
		return []error{src.Version.wrong("this server reads version 1 of the format, not %d", src.Version.value)}
	}
	switch {
	case len(src.Rules) == 0:
		wrong = append(wrong, valueOf(body, "rules", begin).wrong("rules are missing: a document needs at least one, else everything is denied"))
	case len(src.Rules) > maxRules:
		return append(wrong, src.Rules[maxRules].wrong("at most %d rules are allowed", maxRules))
	case len(src.Schedules) > maxSchedules:
		return append(wrong, src.Schedules[maxSchedules].wrong("at most %d schedules are allowed", maxSchedules))
	case len(src.Tests) > maxTests:
		return append(wrong, src.Tests[maxTests].wrong("at most %d tests are allowed", maxTests))
	}
	if err := src.Name.line(maxRuleName); err != nil {
		wrong = append(wrong, err)
	}
	return wrong
}

// valueOf answers where the value of a key of a mapping stands; where the key is not, it is at.
func valueOf(node ast.Node, key string, at place) place {
	switch n := node.(type) {
	case *ast.MappingNode:
		for _, e := range n.Values {
			if keyOf(e) == key {
				return placeOf(e.Value)
			}
		}
	case *ast.MappingValueNode:
		if keyOf(n) == key {
			return placeOf(n.Value)
		}
	}
	return at
}

// decode reads a node strictly: a key that the type does not have is a mistake.
func decode[T any](node ast.Node, to *T) error {
	err := yaml.NodeToValue(node, to, yaml.Strict())
	if err == nil {
		return nil
	}
	if shape := misshapen(node, reflect.TypeFor[T]()); shape != nil {
		return shape
	}
	return problemOf(err) // which the library alone knows
}

// placed is decode that keeps where the node begins.
func placed[T any](node ast.Node, to *T, at *place) error {
	err := decode(node, to)
	*at = placeOf(node)
	return err
}

type nullFinder struct{ found ast.Node }

func (f *nullFinder) Visit(n ast.Node) ast.Visitor {
	if n.Type() == ast.NullType && f.found == nil {
		f.found = n
	}
	return f
}

// UnmarshalYAML keeps where the rule begins and whose name it bears, so that every mistake in it can say so. What is wrong is
// kept as well: the other rules are read all the same.
func (s *sourceRule) UnmarshalYAML(node ast.Node) error {
	type plain sourceRule // without this method
	s.broken = s.blame(placed(node, (*plain)(s), &s.place))
	return nil
}

// blame names the rule in what is wrong with it.
func (s *sourceRule) blame(err error) error {
	for _, one := range mistakes(err) {
		var p *Problem
		if errors.As(one, &p) && p.Rule == "" && p.Test == "" {
			p.Rule = s.Name.value
		}
	}
	return err
}

// UnmarshalYAML takes one stage or a list of stages.
func (s *sourceStages) UnmarshalYAML(node ast.Node) error {
	s.place = placeOf(node)
	if _, several := node.(*ast.SequenceNode); several {
		return decode(node, &s.list)
	}
	s.list = make([]sourceStage, 1)
	return decode(node, &s.list[0])
}

// The other parts keep where they begin.

// UnmarshalYAML keeps the place.
func (s *sourceStage) UnmarshalYAML(node ast.Node) error {
	type plain sourceStage
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceRequirement) UnmarshalYAML(node ast.Node) error {
	type plain sourceRequirement
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceReviewers) UnmarshalYAML(node ast.Node) error {
	type plain sourceReviewers
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceEscalation) UnmarshalYAML(node ast.Node) error {
	type plain sourceEscalation
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceBreakGlass) UnmarshalYAML(node ast.Node) error {
	type plain sourceBreakGlass
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceReview) UnmarshalYAML(node ast.Node) error {
	type plain sourceReview
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceInput) UnmarshalYAML(node ast.Node) error {
	type plain sourceInput
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place, and what is wrong.
func (s *sourceSchedule) UnmarshalYAML(node ast.Node) error {
	type plain sourceSchedule
	s.broken = placed(node, (*plain)(s), &s.place)
	return nil
}

// UnmarshalYAML keeps the place.
func (s *sourceRotation) UnmarshalYAML(node ast.Node) error {
	type plain sourceRotation
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceRestriction) UnmarshalYAML(node ast.Node) error {
	type plain sourceRestriction
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceOverride) UnmarshalYAML(node ast.Node) error {
	type plain sourceOverride
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place, and what is wrong.
func (s *sourceTest) UnmarshalYAML(node ast.Node) error {
	type plain sourceTest
	s.broken = s.blame(placed(node, (*plain)(s), &s.place))
	return nil
}

// UnmarshalYAML keeps the place.
func (s *sourceTestPetition) UnmarshalYAML(node ast.Node) error {
	type plain sourceTestPetition
	return placed(node, (*plain)(s), &s.place)
}

// UnmarshalYAML keeps the place.
func (s *sourceExpect) UnmarshalYAML(node ast.Node) error {
	type plain sourceExpect
	return placed(node, (*plain)(s), &s.place)
}
