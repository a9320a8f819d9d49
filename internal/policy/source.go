package policy

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// source is the document as it is written. JSON is YAML, so both are read.
type source struct {
	Version *whole       `yaml:"version"`
	Name    text         `yaml:"name"`
	Dev     bool         `yaml:"dev"`
	Rules   []sourceRule `yaml:"rules"`
}

type sourceRule struct {
	place
	Name            text           `yaml:"name"`
	Description     text           `yaml:"description"`
	When            *text          `yaml:"when"`
	Approve         *sourceApprove `yaml:"approve"`
	Deny            *sourceDeny    `yaml:"deny"`
	Require         *sourceRequire `yaml:"require"`
	DecideWithin    *text          `yaml:"decideWithin"`
	DefaultDuration *text          `yaml:"defaultDuration"`
	MaxDuration     *text          `yaml:"maxDuration"`
}

type sourceApprove struct {
	Duration *text `yaml:"duration"`
}

type sourceDeny struct {
	Reason text `yaml:"reason"`
}

type sourceRequire struct {
	Reviewers    sourceReviewers `yaml:"reviewers"`
	Count        *whole          `yaml:"count"`
	SelfApproval bool            `yaml:"selfApproval"`
	Confirm      *text           `yaml:"confirm"`
}

type sourceReviewers struct {
	Roles   []text `yaml:"roles"`
	Persons []text `yaml:"persons"`
}

// UnmarshalYAML keeps where the rule begins and whose name it bears, so that every mistake in it can say so.
func (s *sourceRule) UnmarshalYAML(node ast.Node) error {
	type plain sourceRule // without this method
	err := yaml.NodeToValue(node, (*plain)(s), yaml.Strict())
	s.place = placeOf(node)
	if err != nil {
		return s.blame(problemOf(err))
	}
	return nil
}

// blame names the rule in what is wrong with it.
func (s *sourceRule) blame(err error) error {
	var p *Problem
	if errors.As(err, &p) && p.Rule == "" {
		p.Rule = s.Name.value
	}
	return err
}

// read answers the document's parts, each with its place. It refuses what the format has no use for: several documents
// in one text, anchors and tags, unknown and repeated keys, and keys without a value - an empty when must not turn a
// rule for some petitions into a rule for all.
func read(doc string) (*source, error) {
	if len(doc) > maxDocument {
		return nil, &Problem{Message: fmt.Sprintf("the document is %d bytes long, at most %d are allowed", len(doc), maxDocument)}
	}
	tokens := lexer.Tokenize(doc)
	if err := checkShape(tokens); err != nil {
		return nil, err
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, problemOf(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &Problem{Line: 1, Column: 1, Message: "the text must hold one document, such as version: 1 and a list of rules"}
	}
	body := file.Docs[0].Body
	nulls := &nullFinder{}
	ast.Walk(nulls, body)
	if nulls.found != nil {
		return nil, placeOf(nulls.found).wrong("a key has no value: give it one or leave the key out")
	}
	src := &source{}
	if err := yaml.NodeToValue(body, src, yaml.Strict()); err != nil {
		return nil, problemOf(err)
	}
	src.setPlaces(doc)
	return src, src.check(placeOf(body))
}

func (src *source) check(begin place) error {
	switch {
	case src.Version == nil:
		return begin.wrong("version: 1 is missing")
	case src.Version.value != 1:
		return src.Version.wrong("this server reads version 1 of the format, not %d", src.Version.value)
	case len(src.Rules) == 0:
		return begin.wrong("rules are missing: a document needs at least one, else everything is denied")
	case len(src.Rules) > maxRules:
		return src.Rules[maxRules].wrong("at most %d rules are allowed", maxRules)
	}
	return src.Name.line(maxRuleName)
}

// setPlaces gives the conditions the text that they stand in, to which their columns refer.
func (src *source) setPlaces(doc string) {
	lines := strings.Split(doc, "\n")
	for i := range src.Rules {
		if when := src.Rules[i].When; when != nil {
			when.lines = lines
		}
	}
}

type nullFinder struct{ found ast.Node }

func (f *nullFinder) Visit(n ast.Node) ast.Visitor {
	if n.Type() == ast.NullType && f.found == nil {
		f.found = n
	}
	return f
}
