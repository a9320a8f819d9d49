package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// plain answers text on one line, with everything escaped that could command a terminal or fake another line.
func plain(text string) string { return escape(text, false) }

// prose is plain for text of several lines, indented behind the first one.
func prose(text, indent string) string {
	return strings.ReplaceAll(escape(strings.ReplaceAll(text, "\r\n", "\n"), true), "\n", "\n"+indent)
}

func escape(text string, lines bool) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' && lines, unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// wantsColours answers whether f is a terminal whose user wants colours (no-color.org).
func wantsColours(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// printJSON writes v as indented JSON that is safe on a terminal.
func (t *terminal) printJSON(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, safeJSON(b.String()))
	return err
}

// printLine writes v as JSON on one line.
func (t *terminal) printLine(v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := io.WriteString(t.out, safeJSON(b.String()))
	return err
}

// safeJSON escapes what JSON allows in a string and a terminal obeys, such as C1 and bidirectional controls.
func safeJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n', unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// table collects rows and writes them with aligned columns.
type table struct {
	head []string
	rows [][]string
}

func (b *table) add(cells ...string) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = plain(cell)
	}
	b.rows = append(b.rows, row)
}

func (t *terminal) printTable(b table) {
	widths := make([]int, len(b.head))
	for _, row := range append([][]string{b.head}, b.rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range append([][]string{b.head}, b.rows...) {
		var line strings.Builder
		for i, cell := range row {
			padding := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if n > 0 {
				cell = t.coloured(cell)
			}
			line.WriteString(cell + padding + "  ")
		}
		fmt.Fprintln(t.out, strings.TrimRight(line.String(), " "))
	}
}

var colours = map[string]string{"open": "33", "granted": "32", "denied": "31", "revoked": "31"}

// coloured answers a word of a petition's state in its colour, anything else as it is.
func (t *terminal) coloured(cell string) string {
	if colour := colours[cell]; colour != "" && t.colours {
		return "\x1b[" + colour + "m" + cell + "\x1b[0m"
	}
	return cell
}

// short answers the beginning of a text for a table's cell; what is decided on is never shown by it.
func short(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}

func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}

// limited is how many items a list shows.
type limited struct {
	most int
}

func (l *limited) flag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&l.most, "limit", 50, "how many to show at most; 0 shows all")
}

func (l *limited) check(cmd *cobra.Command) error {
	if l.most < 0 {
		return usageError(cmd, "--limit must be 0 or more")
	}
	return nil
}

// pageSize asks for no more than is shown.
func (l *limited) pageSize() int {
	if l.most == 0 {
		return 200
	}
	return min(l.most, 200)
}

// collect reads a list up to the limit, and answers whether there is more.
func collect[T any](l limited, list iter.Seq2[T, error]) (items []T, more bool, err error) {
	items = []T{}
	for item, err := range list {
		if err != nil {
			return nil, false, err
		}
		if l.most > 0 && len(items) == l.most {
			return items, true, nil
		}
		items = append(items, item)
	}
	return items, false, nil
}

// printList writes items as a JSON array or as a table, and says when there is more.
func printList[T any](t *terminal, l limited, list iter.Seq2[T, error], head []string, cells func(T) []string) error {
	items, more, err := collect(l, list)
	if err != nil {
		return err
	}
	if more {
		defer t.say("There are more than %d: raise --limit or narrow the search.", l.most)
	}
	if t.json {
		return t.printJSON(items)
	}
	if len(items) == 0 {
		t.say("There are none.")
		return nil
	}
	b := table{head: head}
	for _, item := range items {
		b.add(cells(item)...)
	}
	t.printTable(b)
	return nil
}
