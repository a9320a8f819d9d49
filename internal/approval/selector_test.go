package approval

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseSelector(t *testing.T) {
	t.Parallel()
	term := func(key, op string, values ...string) SelectorTerm { return SelectorTerm{key, op, values} }
	for text, want := range map[string]Selector{
		"":                              nil,
		" \t ":                          nil,
		"env=prod":                      {term("env", In, "prod")},
		"env==prod":                     {term("env", In, "prod")},
		" env = prod ":                  {term("env", In, "prod")},
		"env!=prod":                     {term("env", NotIn, "prod")},
		"env != prod":                   {term("env", NotIn, "prod")},
		"env=":                          {term("env", In, "")},
		"env":                           {term("env", Exists)},
		"!env":                          {term("env", DoesNotExist)},
		"! env":                         {term("env", DoesNotExist)},
		"env in (a)":                    {term("env", In, "a")},
		"env in (a,b)":                  {term("env", In, "a", "b")},
		"env  in  ( a , b )":            {term("env", In, "a", "b")},
		"env\tin\n(a,b)":                {term("env", In, "a", "b")},
		"env in(a)":                     {term("env", In, "a")},
		"env notin (a,b)":               {term("env", NotIn, "a", "b")},
		"env in ()":                     {term("env", In, "")},
		"env in (a,)":                   {term("env", In, "a", "")},
		"in in (in,notin)":              {term("in", In, "in", "notin")},
		"in":                            {term("in", Exists)},
		"a=1,b!=2,c,!d,e in (x,y),f=":   {term("a", In, "1"), term("b", NotIn, "2"), term("c", Exists), term("d", DoesNotExist), term("e", In, "x", "y"), term("f", In, "")},
		"indent.com/block=production":   {term("indent.com/block", In, "production")},
		"indent.com/resource/kind=a:b":  {term("indent.com/resource/kind", In, "a:b")},
		"email=ada+x@example.com":       {term("email", In, "ada+x@example.com")},
		"title=Customer Database":       {term("title", In, "Customer Database")},
		"k=" + strings.Repeat("v", 900): {term("k", In, strings.Repeat("v", 900))},
	} {
		got, err := ParseSelector("labelSelector", text)
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%.100q: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}

func TestBadSelectors(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		",", "a,", ",a", "a,,b", "=", "=a", "!=a", "!", "!!a", "a=b=c", "a=b!=c", "a in", "a in b", "a in (b", "a in b)", "a in ((b))", "a in (b))", "(a)",
		"a)b,(c", "a in (b) c", "a within (b)", "a IN (b)", "a b", "-a", "a-", ".a", "a/", "a>1", "a<1", "a='b'", `a="b"`, "a=b;c", "a=b\nc", "a=\x00", "ä=1", "a=ä",
		"a=b\u202e", "a\u200b=b", "a in (b;c)", "a notin", strings.Repeat("a,", 20) + "a", "a in (" + strings.Repeat("b,", 50) + "b)",
		strings.Repeat("a", MaxSelector+1),
	} {
		got, err := ParseSelector("labelSelector", text)
		if CodeOf(err) != Invalid || got != nil || !strings.HasPrefix(err.Error(), "labelSelector: ") || len(err.Error()) > 500 {
			t.Errorf("%.100q: got %+v, %.300v", text, got, err)
		}
	}
	if _, err := ParseSelector("s", strings.Repeat("a,", 19)+"a"); err != nil {
		t.Errorf("twenty terms: %v", err)
	}
}

// As in Kubernetes: != and notin also hold for what does not have the label.
func TestSelectorMatches(t *testing.T) {
	t.Parallel()
	labels := []map[string]string{nil, {"env": ""}, {"env": "prod"}, {"env": "dev", "legacy": "1"}}
	for text, want := range map[string][]bool{
		"":                          {true, true, true, true},
		"env":                       {false, true, true, true},
		"!env":                      {true, false, false, false},
		"env=":                      {false, true, false, false},
		"env=prod":                  {false, false, true, false},
		"env!=prod":                 {true, true, false, true},
		"env in (prod,dev)":         {false, false, true, true},
		"env notin (prod,dev)":      {true, true, false, false},
		"env in (prod,dev),!legacy": {false, false, true, false},
		"env=prod,env=dev":          {false, false, false, false},
		"env!=prod,env!=dev,env":    {false, true, false, false},
	} {
		s, err := ParseSelector("s", text)
		if err != nil {
			t.Fatal(err)
		}
		for i, l := range labels {
			if got := s.Matches(l); got != want[i] {
				t.Errorf("%q matches %v: %v", text, l, got)
			}
		}
	}
	if (Selector{{"env", "Near", []string{"prod"}}}).Matches(map[string]string{"env": "prod"}) {
		t.Error("an operator that does not exist matches")
	}
}

// Whatever the text: what is taken is small, and written out again it is read as the same.
func FuzzSelector(f *testing.F) {
	for _, s := range []string{"env=prod,tier in (a, b),!legacy", "a!=b", "a notin ()", "a in (b", "((,))", "a==,b", " in in (in) "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSelector("s", text)
		if err != nil {
			if CodeOf(err) != Invalid || s != nil {
				t.Errorf("%q: %+v, %v", text, s, err)
			}
			return
		}
		var parts []string
		for _, term := range s {
			if len(term.Values) > 50 {
				t.Errorf("%q has %d values", text, len(term.Values))
			}
			parts = append(parts, map[string]string{
				In: fmt.Sprintf("%s in (%s)", term.Key, strings.Join(term.Values, ",")), NotIn: fmt.Sprintf("%s notin (%s)", term.Key, strings.Join(term.Values, ",")),
				Exists: term.Key, DoesNotExist: "!" + term.Key,
			}[term.Operator])
		}
		written := strings.Join(parts, ",")
		again, err := ParseSelector("s", written)
		if len(written) <= MaxSelector && (err != nil || !cmp.Equal(again, s)) {
			t.Errorf("%q is written %q and read as %+v, %v", text, written, again, err)
		}
		for _, labels := range []map[string]string{nil, {"a": "b"}, {"env": "prod", "tier": "a"}} {
			if s.Matches(labels) != !slices.ContainsFunc(s, func(term SelectorTerm) bool { return !(Selector{term}).Matches(labels) }) {
				t.Errorf("%q: all terms must hold for %v", text, labels)
			}
		}
	})
}
