package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
)

const (
	mostLinesInFile     = 500
	mostLinesInFunction = 60
)

// declaredTable is how a file or a function says that its length is that of a table:
//
//	//archtest:table the routes, one line each
var declaredTable = regexp.MustCompile(`(?m)^\s*(//|#|/\*|<!--) ?archtest:table \S`)

// lengthDepartures names every file and function that is too long.
func lengthDepartures(sources []source) []string {
	var told []string
	for _, s := range sources {
		if s.isGenerated() {
			continue
		}
		if n := lineCount(s.text); n > mostLinesInFile && !declaredTable.Match(s.text) {
			told = append(told, fmt.Sprintf(
				"%s has %d lines, the limit is %d: split it by noun", s.path, n, mostLinesInFile))
		}
		if s.file != nil {
			told = append(told, longFunctions(s)...)
		}
	}
	return told
}

func longFunctions(s source) []string {
	var told []string
	for _, decl := range s.file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok || f.Body == nil || isDeclaredTable(f.Doc) {
			continue
		}
		if n := functionLines(s.set, f); n > mostLinesInFunction {
			told = append(told, fmt.Sprintf("%s: %s has %d lines without its tables, the limit is %d: "+
				"give a part of it a name", s.line(f.Pos()), f.Name.Name, n, mostLinesInFunction))
		}
	}
	return told
}

func isDeclaredTable(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if declaredTable.MatchString(c.Text) {
			return true
		}
	}
	return false
}

// functionLines counts a function's lines from `func` to the brace, tables (slice and map
// literals) as one line each.
func functionLines(set *token.FileSet, f *ast.FuncDecl) int {
	lines := linesBetween(set, f.Pos(), f.End()) + 1
	ast.Inspect(f.Body, func(n ast.Node) bool {
		literal, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		switch literal.Type.(type) {
		case *ast.ArrayType, *ast.MapType:
			lines -= linesBetween(set, literal.Pos(), literal.End())
			return false
		}
		return true
	})
	return lines
}

func linesBetween(set *token.FileSet, from, to token.Pos) int {
	return set.Position(to).Line - set.Position(from).Line
}
