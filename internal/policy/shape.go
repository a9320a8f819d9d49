package policy

import "github.com/goccy/go-yaml/token"

// The YAML parser needs quadratic time and memory for some texts: minutes for 256 KiB of "{a: {a: ". A rule document
// needs little of YAML, so what is deep, wide or special beyond that is refused before it is parsed.
const (
	maxDepth = 16 // of brackets, and of dashes on one line
	maxKeys  = 32 // of one mapping
)

// block is a block mapping: where its keys stand and how many they are.
type block struct{ column, keys int }

// shape walks over the tokens and counts.
type shape struct {
	line   int
	dashes int     // on this line
	blocks []block // open block mappings, the innermost last
	flow   []int   // keys of each open bracket
	before *token.Token
}

func checkShape(tokens token.Tokens) error {
	s := shape{}
	for _, t := range tokens {
		if err := s.next(t); err != nil {
			return err
		}
		if t.Type != token.CommentType {
			s.before = t
		}
	}
	return nil
}

func (s *shape) next(t *token.Token) error {
	if t.Position.Line != s.line {
		s.line, s.dashes = t.Position.Line, 0
	}
	switch t.Type {
	case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.MappingKeyType, token.DirectiveType:
		return placeOfToken(t).wrong("%q: anchors, aliases, tags, merged and complex keys are not part of the format: write it out", t.Value)
	case token.SequenceStartType, token.MappingStartType:
		s.flow = append(s.flow, 0)
	case token.SequenceEndType, token.MappingEndType:
		s.flow = s.flow[:max(len(s.flow)-1, 0)]
	case token.SequenceEntryType:
		s.dashes++
		s.leave(t.Position.Column)
	case token.MappingValueType:
		return s.key(t)
	}
	if s.dashes > maxDepth || len(s.flow) > maxDepth {
		return placeOfToken(t).wrong("this is nested too deeply")
	}
	return nil
}

func (s *shape) key(t *token.Token) error {
	if s.before == nil {
		return nil // a text that begins with a colon has no key: the parser says so
	}
	n := 0
	if len(s.flow) > 0 {
		s.flow[len(s.flow)-1]++
		n = s.flow[len(s.flow)-1]
	} else {
		column := s.before.Position.Column
		s.leave(column)
		if len(s.blocks) == 0 || s.blocks[len(s.blocks)-1].column < column {
			s.blocks = append(s.blocks, block{column: column})
		}
		s.blocks[len(s.blocks)-1].keys++
		n = s.blocks[len(s.blocks)-1].keys
	}
	if n > maxKeys {
		return placeOfToken(s.before).wrong("this mapping has more than %d keys", maxKeys)
	}
	return nil
}

// leave forgets the mappings that ended because something stands at a column left of theirs.
func (s *shape) leave(column int) {
	for n := len(s.blocks); n > 0 && s.blocks[n-1].column > column; n-- {
		s.blocks = s.blocks[:n-1]
	}
}
