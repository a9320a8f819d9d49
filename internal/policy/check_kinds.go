package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	celast "cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"

	"github.com/indent-approvals/indent/internal/approval"
)

// kinds sorts members and resources into those between which no rule can tell a difference, so that one of each is looked
// at. What a document names, and what a label of the directory names, is its own kind.
type kinds struct {
	text    string // the document in lower case, and what labels say of persons
	ids     string // those of resources: a condition may compare them with a person's
	members map[string]bool
	// Whether conditions look at persons, or things, in a way that may tell any two apart; and at labels that they do not name.
	persons, things, labels bool
}

func (c *check) kinds() *kinds {
	k := &kinds{members: map[string]bool{}}
	var text, ids strings.Builder
	text.WriteString(strings.ToLower(c.d.text))
	note := func(labels map[string]string) {
		for _, value := range labels {
			text.WriteString("\n" + strings.ToLower(value))
		}
	}
	for _, r := range c.dir.Resources {
		note(r.Labels)
		ids.WriteString("\n" + strings.ToLower(r.ID))
	}
	for i := range c.dir.Members {
		note(c.dir.Members[i].Labels)
		k.members[strings.ToLower(c.dir.Members[i].ID)] = true
	}
	for _, a := range c.dir.Away {
		text.WriteString("\n" + strings.ToLower(a.Person) + "\n" + strings.ToLower(a.Deputy))
	}
	k.text, k.ids = text.String(), ids.String()
	for i := range c.d.rules {
		if condition := c.d.rules[i].condition; condition != nil {
			k.read(condition)
		}
	}
	for _, s := range c.d.selectors {
		k.read(s.condition)
	}
	return k
}

// personal and thingly are fields in which any two differ.
var (
	personal = []string{"id", "person", "email", "displayName", "address", "altIds"}
	thingly  = []string{"id", "email", "displayName", "altIds"}
)

// read notes how a condition looks at persons and things.
func (k *kinds) read(c *condition) {
	checked := c.checked.NativeRep()
	harmless := map[int64]bool{}
	petitioners := reads(c.checked, "petitioners")
	note := func(e celast.Expr) {
		if e.Kind() != celast.SelectKind || harmless[e.ID()] {
			return
		}
		field := e.AsSelect().FieldName()
		switch checked.GetType(e.AsSelect().Operand().ID()).TypeName() {
		case typeActor, typeReviewer:
			k.persons = k.persons || slices.Contains(personal, field)
		case typeRequested, typeResource:
			k.things = k.things || slices.Contains(thingly, field)
			k.persons = k.persons || petitioners && slices.Contains(personal, field)
		default:
			return
		}
		k.labels = k.labels || field == "labels"
	}
	celast.PreOrderVisit(checked.Expr(), celast.NewExprVisitor(func(part celast.Expr) {
		for _, h := range plainlyUsed(part) {
			harmless[h.ID()] = true
		}
		note(part)
	}))
}

// plainlyUsed answers the parts of an expression that can tell apart only what the document names: those compared with a
// literal or with one another, and the labels of which one is named.
func plainlyUsed(e celast.Expr) (list []celast.Expr) {
	if e.Kind() == celast.SelectKind {
		return []celast.Expr{e.AsSelect().Operand()}
	}
	if e.Kind() != celast.CallKind || len(e.AsCall().Args()) != 2 {
		return nil
	}
	a, b := e.AsCall().Args()[0], e.AsCall().Args()[1]
	switch e.AsCall().FunctionName() {
	case operators.Equals, operators.NotEquals:
		if plain(a) && plain(b) {
			return []celast.Expr{a, b}
		}
	case operators.In:
		switch {
		case b.Kind() == celast.ListKind && !slices.ContainsFunc(b.AsList().Elements(), func(x celast.Expr) bool { return x.Kind() != celast.LiteralKind }):
			return []celast.Expr{a}
		case a.Kind() == celast.LiteralKind:
			return []celast.Expr{b}
		}
	case operators.Index:
		if b.Kind() == celast.LiteralKind {
			return []celast.Expr{a}
		}
	}
	return nil
}

func plain(e celast.Expr) bool {
	return e.Kind() == celast.LiteralKind || e.Kind() == celast.SelectKind
}

// named answers whether the document, or a label, names it.
func (k *kinds) named(name string) bool {
	return name != "" && strings.Contains(k.text, strings.ToLower(name))
}

// labelled writes the labels that a rule may look at.
func (k *kinds) labelled(labels map[string]string) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if k.labels || key != approval.LabelBlock && k.named(key) {
			parts = append(parts, fmt.Sprintf("%q=%q", key, labels[key]))
		}
	}
	return strings.Join(parts, ",")
}

// petitioners answers one member of each kind, those that may ask.
func (k *kinds) petitioners(dir Directory) (list []*DirectoryMember) {
	seen := map[string]bool{}
	persons := map[string]int{}
	for i := range dir.Members {
		persons[strings.ToLower(dir.Members[i].Person)]++
	}
	for i := range dir.Members {
		m := &dir.Members[i]
		if m.Suspended || !m.Role.Has(approval.CreatePetitions) {
			continue
		}
		key := fmt.Sprintf("%s %s %q %s", m.Kind, m.Role, m.Groups, k.labelled(m.Labels))
		if k.persons || m.Kind != approval.KindUser || persons[strings.ToLower(m.Person)] > 1 || len(m.Names) > 0 || k.named(m.ID) || k.named(m.DisplayName) || strings.Contains(k.ids, strings.ToLower(m.ID)) {
			key += " " + m.ID
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, m)
		}
	}
	return list
}

// resources answers one resource of each kind.
func (k *kinds) resources(dir Directory) (list []*approval.Resource) {
	seen := map[string]bool{}
	for i := range dir.Resources {
		r := &dir.Resources[i]
		key := fmt.Sprintf("%q %s", r.Kind, k.labelled(r.Labels))
		if k.things || k.named(r.ID) || k.named(r.DisplayName) || k.named(r.Email) || k.members[strings.ToLower(r.ID)] {
			key += " " + r.ID
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, r)
		}
	}
	return list
}
