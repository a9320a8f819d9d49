package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
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
	return isTerminal(f) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// isTerminal answers whether f is a terminal. /dev/null, which is a character device as well, is none.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	nothing, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, nothing)
}

// printJSON writes v as indented JSON that is safe on a terminal.
func (t *terminal) printJSON(v any) error { return t.encode(v, "  ") }

// printLine writes v as JSON on one line.
func (t *terminal) printLine(v any) error { return t.encode(v, "") }

func (t *terminal) encode(v any, indent string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
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

func (t *terminal) printTable(b table) { fmt.Fprintln(t.out, t.lines(b)) }

// lines answers a table as text, without the last line's end.
func (t *terminal) lines(b table) string {
	var text []string
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
		text = append(text, strings.TrimRight(line.String(), " "))
	}
	return strings.Join(text, "\n")
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

// span writes a duration as Go does, without parts that are nothing, such as 9h or 1h30m.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// spanFlag is a flag whose value is a duration; what is none is told which units there are.
type spanFlag struct{ to *time.Duration }

func (f spanFlag) String() string {
	if f.to == nil || *f.to == 0 {
		return ""
	}
	return span(*f.to)
}

func (f spanFlag) Type() string { return "duration" }

func (f spanFlag) Set(text string) (err error) {
	if *f.to, err = time.ParseDuration(text); err != nil {
		return errors.New(spanUnits)
	}
	return nil
}

// spanUnits says how a duration is written.
const spanUnits = "write it in hours (h), minutes (m) and seconds (s), such as 48h for two days, 1h30m or 45s"

func moment(at time.Time) string {
	if at.IsZero() {
		return "-"
	}
	return at.UTC().Format(time.RFC3339)
}
